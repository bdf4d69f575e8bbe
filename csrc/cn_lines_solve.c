/* Two-grid alternating-line Gauss-Seidel for crossbars: the cycle, when to stop, and conjugate gradients over cycles where
 * they are slow. */
#include "cn_lines_pass_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Spread the coarse error along j, one row of hats at a time. */
static void spread(cn_lines *l)
{
    const cn_hats *cols = &l->coarse.cols;
    for (cn_idx i = 0; i <= l->coarse.rows.cells; i++) {
        const double *from = l->coarse_error + (size_t)i * (size_t)(cols->cells + 1);
        double *to = l->error_rows + (size_t)i * (size_t)l->n_padded;
        for (cn_idx j = 0; j < l->n; j++)
            to[j] = from[cols->cell[j]] + cols->part[j] * (from[cols->cell[j] + 1] - from[cols->cell[j]]);
    }
}

static size_t coarse_nodes(const cn_lines *l)
{
    return (size_t)(l->coarse.rows.cells + 1) * (size_t)(l->coarse.cols.cells + 1);
}

/* Sum the parts of all chunks in their order; returns the largest imbalance of a bit line over `size`. */
static double gather(cn_lines *l)
{
    const size_t nodes = coarse_nodes(l);
    memset(l->coarse_sum, 0, sizeof(double) * nodes);
    for (int c = 0; c < l->chunks; c++)
        for (size_t k = 0; k < nodes; k++) l->coarse_sum[k] += l->coarse_part[(size_t)c * nodes + k];
    double worst = 0.0;
    for (cn_idx j = 0; j < l->n; j++) {
        double sum = 0.0;
        for (int c = 0; c < l->chunks; c++) sum += l->column_part[(size_t)c * (size_t)l->n_padded + (size_t)j];
        const double defect = fabs(sum) / l->size[j];
        if (!(defect <= worst)) worst = defect; /* keeps what is not a number */
    }
    return worst;
}

/* Solve all word lines for the bit lines as they are, or at zero volts where still; residual to coarse_sum.  Returns the largest imbalance of a bit
 * line. */
static double row_passes(cn_lines *l, int still)
{
    const cn_passes *pass = cn_lines_passes(l->kind);
    const cn_idx strips = l->m_padded / l->lanes;
    const size_t nodes = coarse_nodes(l);
    memset(l->coarse_part, 0, sizeof(double) * (size_t)l->chunks * nodes);
    memset(l->column_part, 0, sizeof(double) * (size_t)l->chunks * (size_t)l->n_padded);
#pragma omp parallel for schedule(static) num_threads(l->threads)
    for (int c = 0; c < l->chunks; c++) {
        const cn_idx first = (cn_idx)((int64_t)strips * c / l->chunks);
        const cn_idx last = (cn_idx)((int64_t)strips * (c + 1) / l->chunks);
        if (first < last)
            pass->row_pass(l, first, last, still, l->scratch + (size_t)cn_thread_number() * l->scratch_size,
                           l->coarse_part + (size_t)c * nodes, l->column_part + (size_t)c * (size_t)l->n_padded);
    }
    return gather(l);
}

/* Solve all bit lines for the word lines as they are, corrected, or for a given right-hand side. */
static void column_passes(cn_lines *l, int given)
{
    const cn_passes *pass = cn_lines_passes(l->kind);
    const cn_idx panels = cn_panel_count(l);
#pragma omp parallel for schedule(static) num_threads(l->threads)
    for (cn_idx p = 0; p < panels; p++) {
        const cn_idx j = cn_panel_start(l, p);
        pass->column_pass(l, j, cn_panel_width(l, j), given, l->scratch + (size_t)cn_thread_number() * l->scratch_size);
    }
}

static double stored(const cn_lines *l, const void *x, size_t k)
{
    return l->kind == CN_LINES_SINGLE ? (double)((const float *)x)[k] : ((const double *)x)[k];
}

/* Currents out of the bit lines for the voltages v at the first and the last word line; how far they have moved. */
static void look(cn_lines *l, const void *v, double *current)
{
    const size_t foot = (size_t)(l->m - 1) * (size_t)l->ld;
    double largest = 0.0;
    l->change = 0.0;
    for (cn_idx j = 0; j < l->n; j++) {
        current[j] = -cn_end_into(&l->bit_low, j, stored(l, v, (size_t)j)) - cn_end_into(&l->bit_high, j, stored(l, v, foot + (size_t)j));
        const double change = fabs(current[j] - l->before[j]) / l->size[j];
        if (!(change <= l->change)) l->change = change;
        l->before[j] = current[j];
        largest = fmax(largest, fabs(current[j]));
    }
    /* Small currents count against the largest one, of word lines too, at a thousandth; voltages in single precision do
     * not hold what cancels. */
    const double least = l->kind == CN_LINES_SINGLE ? 1.0 : 1e-3;
    for (cn_idx i = 0; i < l->m && l->kind != CN_LINES_SINGLE; i++) {
        const size_t k = (size_t)i * (size_t)l->ld;
        largest = fmax(largest, fabs(cn_end_into(&l->word_low, i, stored(l, l->u, k))));
        largest = fmax(largest, fabs(cn_end_into(&l->word_high, i, stored(l, l->u, k + (size_t)l->n - 1))));
    }
    for (cn_idx j = 0; j < l->n; j++) {
        const double rounding = cn_end_rounding(&l->bit_low, j, l->bit_low.drive[j], stored(l, v, (size_t)j)) +
                                cn_end_rounding(&l->bit_high, j, l->bit_high.drive[j], stored(l, v, foot + (size_t)j));
        l->size[j] = fmax(fabs(current[j]), least * largest) + rounding / l->tolerance + 1e-300;
    }
}

void cn_lines_begin(cn_lines *l, double tolerance, int max_cycles, int warm)
{
    cn_lines_stop(l);
    l->tolerance = tolerance;
    l->max_cycles = max_cycles;
    l->cycles = l->steps = l->calm = 0;
    l->last = l->defect = INFINITY;
    l->rate = 1.0;
    for (cn_idx j = 0; j < l->n; j++) {
        l->size[j] = 1e-300;
        l->before[j] = 0.0;
    }
    l->still = !warm;
}

/* Conjugate gradients on S v = b, S = T_b + D - D W^-1 D, preconditioned by column solve, coarse grid, column solve. */
typedef struct cn_gradients {
    cn_lines *l;
    cn_idx rows;
    size_t area;         /* of an array over cells */
    double *x, *r, *p, *s, *z, *t;
    double *of_row;      /* sums of one row */
    double *zero;        /* what drives are while the preconditioner works */
    double gamma, alpha; /* of the last step */
} cn_gradients;

/* sum of a * b; by rows, so that the order does not hang on the number of threads */
static double dot(cn_gradients *c, const double *a, const double *b)
{
    cn_lines *l = c->l;
    double sum = 0.0;
#pragma omp parallel for schedule(static) num_threads(l->threads)
    for (cn_idx i = 0; i < l->m; i++) {
        const size_t k = (size_t)i * (size_t)l->ld;
        double row = 0.0;
        for (cn_idx j = 0; j < l->n; j++) row += a[k + (size_t)j] * b[k + (size_t)j];
        c->of_row[i] = row;
    }
    for (cn_idx i = 0; i < l->m; i++) sum += c->of_row[i];
    return sum;
}

/* out := a + f b */
static void combine(const cn_gradients *c, const double *a, double f, const double *b, double *out)
{
#pragma omp parallel for schedule(static) num_threads(c->l->threads)
    for (cn_idx i = 0; i < c->rows; i++) {
        const size_t k = (size_t)i * (size_t)c->l->ld;
        for (size_t j = k; j < k + (size_t)c->l->ld; j++) out[j] = a[j] + f * b[j];
    }
}

/* out := r - S y without drives, b - S y with them (r is zero). */
static void rest(cn_gradients *c, const double *r, const double *y, double *out)
{
    memcpy(c->l->v, y, sizeof(double) * c->area);
    c->l->residual = out;
    row_passes(c->l, 0);
    c->l->residual = NULL;
    if (r) combine(c, r, 1.0, out, out);
}

static void column_solve(cn_gradients *c, double *rhs, double *out)
{
    c->l->rhs = rhs;
    column_passes(c->l, 1);
    c->l->rhs = NULL;
    memcpy(out, c->l->v, sizeof(double) * c->area);
}

/* y += P C P^T t */
static void coarse_correct(cn_gradients *c, const double *t, double *y)
{
    cn_lines *l = c->l;
    const cn_hats *rows = &l->coarse.rows, *cols = &l->coarse.cols;
    const size_t width = (size_t)cols->cells + 1;
    memset(l->coarse_sum, 0, sizeof(double) * coarse_nodes(l));
    for (cn_idx i = 0; i < l->m; i++) {
        double *low = l->coarse_sum + (size_t)rows->cell[i] * width, *high = low + width;
        const double *row = t + (size_t)i * (size_t)l->ld, part = rows->part[i];
        for (cn_idx j = 0; j < l->n; j++) {
            const double a = (1.0 - cols->part[j]) * row[j], b = cols->part[j] * row[j];
            low[cols->cell[j]] += (1.0 - part) * a;
            low[cols->cell[j] + 1] += (1.0 - part) * b;
            high[cols->cell[j]] += part * a;
            high[cols->cell[j] + 1] += part * b;
        }
    }
    cn_coarse_solve(&l->coarse, l->coarse_sum, 1, l->coarse_error);
    spread(l);
    for (cn_idx i = 0; i < l->m; i++) {
        const double *low = l->error_rows + (size_t)rows->cell[i] * (size_t)l->n_padded, part = rows->part[i];
        double *row = y + (size_t)i * (size_t)l->ld;
        for (cn_idx j = 0; j < l->n; j++) row[j] += low[j] + part * (low[j + l->n_padded] - low[j]);
    }
}

/* z := M r */
static void precondition(cn_gradients *c)
{
    column_solve(c, c->r, c->z);
    rest(c, c->r, c->z, c->t);
    coarse_correct(c, c->t, c->z);
    rest(c, c->r, c->z, c->t);
    column_solve(c, c->t, c->t);
    combine(c, c->z, 1.0, c->t, c->z);
}

/* What enters the lines from outside, to be taken away and put back. */
enum { INPUTS = 10 };
static void inputs(cn_lines *l, double **of[INPUTS])
{
    cn_end *ends[] = {&l->word_low, &l->word_high, &l->bit_low, &l->bit_high};
    for (int k = 0; k < 4; k++) {
        of[2 * k] = &ends[k]->drive;
        of[2 * k + 1] = &ends[k]->feed;
    }
    of[8] = &l->f_word;
    of[9] = &l->f_bit;
}

static cn_status start_gradients(cn_lines *l)
{
    cn_gradients *c = l->gradients = calloc(1, sizeof *c);
    if (!c) return CN_NO_MEMORY;
    c->l = l;
    c->rows = l->m_padded;
    c->area = (size_t)l->m_padded * (size_t)l->ld;
    double **all[] = {&c->x, &c->r, &c->p, &c->s, &c->z, &c->t, &c->zero, &c->of_row};
    for (int k = 0; k < 8; k++)
        if (!(*all[k] = calloc(c->area, sizeof(double)))) return CN_NO_MEMORY;
    rest(c, NULL, c->x, c->r);
    return CN_CONTINUE;
}

/* One step.  The beta of Polak and Ribiere also holds where the coarse solution is not exact. */
static cn_status step_gradients(cn_lines *l, double *current)
{
    cn_gradients *c = l->gradients;
    double **of[INPUTS], *kept[INPUTS];
    inputs(l, of);
    for (int k = 0; k < INPUTS; k++) {
        kept[k] = *of[k];
        if (kept[k]) *of[k] = c->zero;
    }
    precondition(c);
    const double next = dot(c, c->r, c->z);
    const double beta = l->steps > 0 ? c->alpha * dot(c, c->s, c->z) / c->gamma : 0.0;
    combine(c, c->z, beta, c->p, c->p);
    rest(c, NULL, c->p, c->s); /* -S p */
    const double curvature = -dot(c, c->p, c->s), lead = dot(c, c->p, c->r);
    const double alpha = curvature > 0.0 ? lead / curvature : 0.0;
    combine(c, c->x, alpha, c->p, c->x);
    combine(c, c->r, alpha, c->s, c->r);
    c->gamma = next;
    c->alpha = alpha;
    for (int k = 0; k < INPUTS; k++) *of[k] = kept[k];
    look(l, c->x, current);
    l->steps++;
    l->calm = l->change <= 0.3 * l->tolerance ? l->calm + 1 : 0;
    if (!isfinite(next) || !isfinite(alpha)) return CN_NOT_FINITE;
    if (l->calm >= 2 || next == 0.0) { /* the books are closed on the true residual, not on the updated one */
        memcpy(l->v, c->x, sizeof(double) * c->area);
        l->defect = row_passes(l, 0);
        if (l->defect <= l->tolerance) return CN_OK;
    }
    return alpha == 0.0 || l->steps == 4 * l->max_cycles ? CN_NO_CONVERGENCE : CN_CONTINUE;
}

/* Where cycles are too slow: conjugate gradients, which need symmetric equations in double precision. */
static cn_status give_way(cn_lines *l)
{
    if (l->kind == CN_LINES_SINGLE || (l->kind == CN_LINES_GENERAL && l->g_bit != l->g)) return CN_NO_CONVERGENCE;
    const cn_status status = start_gradients(l);
    if (status != CN_CONTINUE) cn_lines_stop(l);
    return status;
}

cn_status cn_lines_advance(cn_lines *l, double *current)
{
    if (l->gradients) {
        const cn_status status = step_gradients(l, current);
        if (status == CN_CONTINUE) return status;
        if (status != CN_OK) { /* leave what was reached, not what was worked with */
            memcpy(l->v, l->gradients->x, sizeof(double) * l->gradients->area);
            row_passes(l, 0);
        }
        cn_lines_stop(l);
        return status;
    }
    if (l->cycles > 0) {
        look(l, l->v, current);
        if (l->cycles > 1) {
            l->rate = l->cycles == 2 ? 1.0 : l->last > 0.0 ? l->change / l->last : 0.0;
            l->last = l->change;
        }
    }
    l->defect = row_passes(l, l->still && l->cycles == 0);
    if (l->cycles > 0) {
        if (!isfinite(l->defect)) return give_way(l);
        const double rest = l->rate / (1.0 - fmin(l->rate, 0.99)) * l->last; /* of the series of changes */
        if (l->defect <= l->tolerance && (l->last <= l->tolerance || rest <= l->tolerance)) return CN_OK;
        if ((l->cycles > 5 && l->rate > 0.5) || l->cycles == l->max_cycles) return give_way(l);
    }
    cn_coarse_solve(&l->coarse, l->coarse_sum, 0, l->coarse_error);
    spread(l);
    column_passes(l, 0);
    l->cycles++;
    return CN_CONTINUE;
}

cn_status cn_lines_solve(cn_lines *l, double tolerance, int max_cycles, double *current)
{
    cn_status status = CN_CONTINUE;
    cn_lines_begin(l, tolerance, max_cycles, 0);
    while (status == CN_CONTINUE) status = cn_lines_advance(l, current);
    return status;
}

void cn_lines_stop(cn_lines *l)
{
    cn_gradients *c = l->gradients;
    if (!c) return;
    double *all[] = {c->x, c->r, c->p, c->s, c->z, c->t, c->zero, c->of_row};
    for (int k = 0; k < 8; k++) free(all[k]);
    free(c);
    l->gradients = NULL;
}

void cn_lines_cycles(cn_lines *l, int count)
{
    for (int k = 0; k < count; k++) {
        row_passes(l, 0);
        cn_coarse_solve(&l->coarse, l->coarse_sum, 0, l->coarse_error);
        spread(l);
        column_passes(l, 0);
    }
    row_passes(l, 0);
}
