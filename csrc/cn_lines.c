/* Two-grid alternating-line Gauss-Seidel for crossbars: setup, cycle, convergence. */
#define _DEFAULT_SOURCE /* madvise */

#include "cn_lines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif
#ifdef __linux__
#include <sys/mman.h>
#endif

static int thread_number(void)
{
#ifdef _OPENMP
    return omp_get_thread_num();
#else
    return 0;
#endif
}

#if defined(__x86_64__) && defined(__GNUC__)
#define LANES 8
#define NAME(x) x##_avx512
#define TARGET __attribute__((target("avx512f,avx512dq,avx2,fma")))
#include "cn_lines_pass.h"
#undef LANES
#undef NAME
#undef TARGET
#define LANES 4
#define NAME(x) x##_avx2
#define TARGET __attribute__((target("avx2,fma")))
#include "cn_lines_pass.h"
#undef LANES
#undef NAME
#undef TARGET
#endif
#define LANES 4
#define NAME(x) x##_plain
#define TARGET
#include "cn_lines_pass.h"
#undef LANES
#undef NAME
#undef TARGET

/* The passes for this processor. */
typedef struct passes {
    cn_idx lanes;
    void (*factor_words)(cn_lines *, cn_idx);
    void (*factor_bits)(cn_lines *, cn_idx, cn_idx);
    void (*row_pass)(cn_lines *, cn_idx, cn_idx, double *, double *, double *);
    void (*column_pass)(cn_lines *, cn_idx, cn_idx, double *);
} passes;

static passes choose_passes(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
        return (passes){8, factor_words_avx512, factor_bits_avx512, row_pass_avx512, column_pass_avx512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (passes){4, factor_words_avx2, factor_bits_avx2, row_pass_avx2, column_pass_avx2};
#endif
    return (passes){4, factor_words_plain, factor_bits_plain, row_pass_plain, column_pass_plain};
}

static cn_idx round_up(cn_idx x, cn_idx to) { return (x + to - 1) / to * to; }

/* Columns of the panel that begins at j: four vectors, or one where less is left. */
static cn_idx panel_width(const cn_lines *l, cn_idx j) { return j + 4 * l->lanes <= l->n_padded ? 4 * l->lanes : l->lanes; }

static cn_idx panel_count(const cn_lines *l)
{
    const cn_idx wide = l->n_padded / (4 * l->lanes);
    return wide + (l->n_padded - wide * 4 * l->lanes) / l->lanes;
}

static cn_idx panel_start(const cn_lines *l, cn_idx p)
{
    const cn_idx wide = l->n_padded / (4 * l->lanes);
    return p < wide ? p * 4 * l->lanes : wide * 4 * l->lanes + (p - wide) * l->lanes;
}

static double *zeros(size_t count)
{
    /* whole cache lines, for aligned vectors */
    const size_t bytes = (count * sizeof(double) + 127) / 64 * 64;
    double *p = aligned_alloc(64, bytes);
    if (p) memset(p, 0, bytes);
    return p;
}

/* Set to zero by all threads: who touches a page first has it near. */
static void clear(double *p, size_t count, int threads)
{
    enum { BLOCK = 1 << 16 };
    const int64_t blocks = (int64_t)((count + BLOCK - 1) / BLOCK);
#pragma omp parallel for schedule(static) num_threads(threads)
    for (int64_t k = 0; k < blocks; k++) {
        const size_t from = (size_t)k * BLOCK, many = count - from < BLOCK ? count - from : BLOCK;
        memset(p + from, 0, many * sizeof(double));
    }
}

enum { PAGE = 1 << 21 }; /* of the huge ones */

/* Whether an array gets pages of its own: below, the heap's are in use already and cost nothing. */
static int has_pages(size_t count)
{
#ifdef __linux__
    return count * sizeof(double) >= 2 * PAGE;
#else
    (void)count;
    return 0;
#endif
}

static size_t page_bytes(size_t count) { return (count * sizeof(double) + PAGE - 1) / PAGE * PAGE; }

/* An array as large as the crossbar, zero, in huge pages where there are any: passes walk along rows and columns. */
static double *large(size_t count)
{
    if (!has_pages(count)) return zeros(count);
#ifdef __linux__
    void *p = mmap(NULL, page_bytes(count), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) return NULL;
    madvise(p, page_bytes(count), MADV_HUGEPAGE); /* a hint: nothing is lost when it is not taken */
    return p;
#else
    return NULL;
#endif
}

static void release(double *p, size_t count)
{
    if (!has_pages(count)) free(p);
#ifdef __linux__
    else if (p) munmap(p, page_bytes(count));
#endif
}

static double *padded(cn_idx count, cn_idx to, const double *from, double fill)
{
    double *p = zeros((size_t)to);
    if (!p) return NULL;
    memcpy(p, from, sizeof(double) * (size_t)count);
    for (cn_idx k = count; k < to; k++) p[k] = fill;
    return p;
}

static double mean(const double *x, cn_idx n)
{
    double part[8] = {0.0}; /* eight sums, for one vector's worth of them at a time */
    for (cn_idx k = 0; k < n; k++) part[k % 8] += x[k];
    return ((part[0] + part[1]) + (part[2] + part[3]) + ((part[4] + part[5]) + (part[6] + part[7]))) / n;
}

/* Cells of the coarse grid along `count` nodes: what the line solves leave is smooth over pi / sqrt(12 G R) segments. */
static cn_idx coarse_cells(cn_idx count, double cell, double segment)
{
    const double smooth = 3.14159265358979 / sqrt(12.0 * cell / segment + 1e-300);
    cn_idx cells = 8;
    while (cells < 64 && cells < count / smooth) cells *= 2;
    if (count >= 1024 && cells < 64) cells *= 2;
    while (cells > 2 && cells > count / 8) cells /= 2;
    return cells;
}

/* Distance at which the hats end at a held end, in segments; -1 where it counts as open. */
static double reach(const double *end, const double *segment, cn_idx lines, cn_idx count)
{
    double distance = 0.0;
    for (cn_idx k = 0; k < lines; k++) distance += end[k] > 0.0 ? segment[k] / end[k] : INFINITY;
    distance /= lines;
    return distance <= 0.5 * count ? distance : -1.0;
}

/* Sums of a quantity of lines (rows or columns) weighted with their hats. */
static void hat_sums(const cn_hats *h, const double *x, double *out)
{
    memset(out, 0, sizeof(double) * (size_t)(h->cells + 1));
    for (cn_idx k = 0; k < h->count; k++) {
        out[h->cell[k]] += (1.0 - h->part[k]) * x[k];
        out[h->cell[k] + 1] += h->part[k] * x[k];
    }
}

static cn_status init_coarse(cn_lines *l)
{
    cn_coarse *c = &l->coarse;
    const cn_idx m = l->m, n = l->n;
    double total = 0.0;
#pragma omp parallel for schedule(static) num_threads(l->threads)
    for (cn_idx i = 0; i < m; i++) l->u[(size_t)i * (size_t)l->ld] = mean(l->g + (size_t)i * (size_t)l->ld, n);
    for (cn_idx i = 0; i < m; i++) total += l->u[(size_t)i * (size_t)l->ld];
    const double cell = total / m;
    cn_status status = cn_hats_init(&c->cols, n, coarse_cells(n, cell, mean(l->word, m)),
                                    reach(l->word_low, l->word, m, n), reach(l->word_high, l->word, m, n));
    if (status != CN_OK) return status;
    status = cn_hats_init(&c->rows, m, coarse_cells(m, cell, mean(l->bit, n)), reach(l->bit_low, l->bit, n, m),
                          reach(l->bit_high, l->bit, n, m));
    if (status != CN_OK) return status;
    const size_t rows = (size_t)c->rows.cells + 1, cols = (size_t)c->cols.cells + 1;
    double *sums = zeros(rows * cols), *gathered = zeros(rows * (size_t)n), *ends = zeros(3 * (rows + cols));
    l->coarse_part = zeros((size_t)l->chunks * rows * cols);
    l->coarse_sum = zeros(rows * cols);
    l->coarse_error = zeros(rows * cols);
    l->error_rows = zeros(rows * (size_t)l->n_padded);
    status = CN_NO_MEMORY;
    if (sums && gathered && ends && l->coarse_part && l->coarse_sum && l->coarse_error && l->error_rows) {
        /* Hats across the rows first, one after the other: every thread sums in the same order. */
#pragma omp parallel for schedule(static) num_threads(l->threads)
        for (cn_idx k = 0; k <= c->rows.cells; k++) {
            double *line = gathered + (size_t)k * (size_t)n;
            for (cn_idx i = 0; i < m; i++) {
                const cn_idx away = k - c->rows.cell[i];
                if (away != 0 && away != 1) continue;
                const double weight = away ? c->rows.part[i] : 1.0 - c->rows.part[i];
                const double *from = l->g + (size_t)i * (size_t)l->ld;
                for (cn_idx j = 0; j < n; j++) line[j] += weight * from[j];
            }
            hat_sums(&c->cols, line, sums + (size_t)k * cols);
        }
        double *word = ends, *bit = ends + 3 * rows;
        hat_sums(&c->rows, l->word, word);
        if (!c->cols.low_held) hat_sums(&c->rows, l->word_low, word + rows);
        if (!c->cols.high_held) hat_sums(&c->rows, l->word_high, word + 2 * rows);
        hat_sums(&c->cols, l->bit, bit);
        if (!c->rows.low_held) hat_sums(&c->cols, l->bit_low, bit + cols);
        if (!c->rows.high_held) hat_sums(&c->cols, l->bit_high, bit + 2 * cols);
        status = cn_coarse_init(c, sums, word, word + rows, word + 2 * rows, bit, bit + cols, bit + 2 * cols);
    }
    free(sums);
    free(gathered);
    free(ends);
    return status;
}

cn_status cn_lines_init(cn_lines *l, cn_idx m, cn_idx n, const double *g, const double *word, const double *word_low,
                        const double *word_high, const double *bit, const double *bit_low, const double *bit_high,
                        int threads)
{
    const passes pass = choose_passes();
    memset(l, 0, sizeof *l);
    l->m = m;
    l->n = n;
    l->lanes = pass.lanes;
    l->m_padded = round_up(m, l->lanes);
    l->n_padded = round_up(n, l->lanes);
    l->ld = l->n_padded + 8; /* a power of two would put all rows of a panel into few cache sets */
    l->threads = threads;
    const cn_idx parts = l->m_padded / 64;
    l->chunks = parts < 1 ? 1 : parts > CN_CHUNKS ? CN_CHUNKS : (int)parts;
    const size_t area = (size_t)l->m_padded * (size_t)l->ld;
    const size_t line = (size_t)l->n_padded * (size_t)l->lanes + 3 * (size_t)l->n_padded;
    const size_t panel = (size_t)m * 4 * (size_t)l->lanes;
    l->scratch_size = ((line > panel ? line : panel) + 15) / 8 * 8;
    l->g = large(area);
    l->u = large(area);
    l->v_store = large(area + 2 * (size_t)l->ld);
    l->q_word = large((size_t)l->m_padded * (size_t)n);
    l->q_bit = large((size_t)m * (size_t)l->n_padded);
    l->word = padded(m, l->m_padded, word, 1.0);
    l->word_low = padded(m, l->m_padded, word_low, 1.0);
    l->word_high = padded(m, l->m_padded, word_high, 0.0);
    l->bit = padded(n, l->n_padded, bit, 1.0);
    l->bit_low = padded(n, l->n_padded, bit_low, 1.0);
    l->bit_high = padded(n, l->n_padded, bit_high, 0.0);
    double **vectors[] = {&l->word_pivot, &l->drive_word_low, &l->drive_word_high, &l->bit_pivot, &l->drive_bit_low,
                          &l->drive_bit_high};
    for (int k = 0; k < 6; k++)
        if (!(*vectors[k] = zeros((size_t)(k < 3 ? l->m_padded : l->n_padded)))) return CN_NO_MEMORY;
    l->column_part = zeros((size_t)l->chunks * (size_t)l->n_padded);
    l->scratch = zeros((size_t)threads * l->scratch_size);
    if (!l->g || !l->u || !l->v_store || !l->q_word || !l->q_bit || !l->word || !l->word_low || !l->word_high ||
        !l->bit || !l->bit_low || !l->bit_high || !l->column_part || !l->scratch)
        return CN_NO_MEMORY;
    l->v = l->v_store + l->ld;
#pragma omp parallel for schedule(static) num_threads(threads)
    for (cn_idx i = 0; i < m; i++)
        memcpy(l->g + (size_t)i * (size_t)l->ld, g + (size_t)i * (size_t)n, sizeof(double) * (size_t)n);
    const cn_idx strips = l->m_padded / l->lanes, panels = panel_count(l);
#pragma omp parallel num_threads(threads)
    {
#pragma omp for schedule(static) nowait
        for (cn_idx k = 0; k < strips; k++) pass.factor_words(l, k);
#pragma omp for schedule(static)
        for (cn_idx p = 0; p < panels; p++) pass.factor_bits(l, panel_start(l, p), panel_width(l, panel_start(l, p)));
    }
    return init_coarse(l);
}

void cn_lines_free(cn_lines *l)
{
    const size_t area = (size_t)l->m_padded * (size_t)l->ld;
    release(l->g, area);
    release(l->u, area);
    release(l->v_store, area + 2 * (size_t)l->ld);
    release(l->q_word, (size_t)l->m_padded * (size_t)l->n);
    release(l->q_bit, (size_t)l->m * (size_t)l->n_padded);
    double *all[] = {l->word, l->word_low, l->word_high, l->bit, l->bit_low,
                     l->bit_high, l->word_pivot, l->bit_pivot, l->drive_word_low, l->drive_word_high, l->drive_bit_low,
                     l->drive_bit_high, l->coarse_part, l->coarse_sum, l->coarse_error, l->error_rows, l->column_part,
                     l->scratch};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) free(all[k]);
    cn_coarse_free(&l->coarse);
}

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

/* Sum the parts of all chunks in their order; returns the largest imbalance of a bit line over `size`. */
static double gather(cn_lines *l, const double *size)
{
    const size_t nodes = (size_t)(l->coarse.rows.cells + 1) * (size_t)(l->coarse.cols.cells + 1);
    memset(l->coarse_sum, 0, sizeof(double) * nodes);
    for (int c = 0; c < l->chunks; c++)
        for (size_t k = 0; k < nodes; k++) l->coarse_sum[k] += l->coarse_part[(size_t)c * nodes + k];
    double worst = 0.0;
    for (cn_idx j = 0; j < l->n; j++) {
        double sum = 0.0;
        for (int c = 0; c < l->chunks; c++) sum += l->column_part[(size_t)c * (size_t)l->n_padded + (size_t)j];
        if (size) worst = fmax(worst, fabs(sum) / size[j]);
    }
    return worst;
}

/* Solve all word lines for the bit lines as they are; residual to coarse_sum.  Returns the largest imbalance of a bit
 * line over size (n); size may be NULL where nobody asks. */
static double row_passes(cn_lines *l, const double *size)
{
    const passes pass = choose_passes();
    const cn_idx strips = l->m_padded / l->lanes;
    const size_t nodes = (size_t)(l->coarse.rows.cells + 1) * (size_t)(l->coarse.cols.cells + 1);
    memset(l->coarse_part, 0, sizeof(double) * (size_t)l->chunks * nodes);
    memset(l->column_part, 0, sizeof(double) * (size_t)l->chunks * (size_t)l->n_padded);
#pragma omp parallel for schedule(static) num_threads(l->threads)
    for (int c = 0; c < l->chunks; c++) {
        const cn_idx first = (cn_idx)((int64_t)strips * c / l->chunks);
        const cn_idx last = (cn_idx)((int64_t)strips * (c + 1) / l->chunks);
        if (first < last)
            pass.row_pass(l, first, last, l->scratch + (size_t)thread_number() * l->scratch_size,
                          l->coarse_part + (size_t)c * nodes, l->column_part + (size_t)c * (size_t)l->n_padded);
    }
    return gather(l, size);
}

static void column_passes(cn_lines *l)
{
    const passes pass = choose_passes();
    const cn_idx panels = panel_count(l);
#pragma omp parallel for schedule(static) num_threads(l->threads)
    for (cn_idx p = 0; p < panels; p++) {
        const cn_idx j = panel_start(l, p);
        pass.column_pass(l, j, panel_width(l, j), l->scratch + (size_t)thread_number() * l->scratch_size);
    }
}

/* What tells when to stop: the currents out of the bit lines, and what counts as small in each. */
typedef struct watch {
    double *current, *before, *size;
    double change; /* largest change of a current over its size, since the last look */
} watch;

static void look(const cn_lines *l, watch *w, const double *foot)
{
    w->change = 0.0;
    for (cn_idx j = 0; j < l->n; j++) {
        w->current[j] = l->bit_high[j] * (foot[j] - l->drive_bit_high[j]);
        w->change = fmax(w->change, fabs(w->current[j] - w->before[j]) / w->size[j]);
        w->before[j] = w->current[j];
    }
    /* Currents of small columns count against the largest one, at a thousandth. */
    double largest = 0.0;
    for (cn_idx j = 0; j < l->n; j++) largest = fmax(largest, fabs(w->current[j]));
    for (cn_idx j = 0; j < l->n; j++) w->size[j] = fmax(fabs(w->current[j]), 1e-3 * largest) + 1e-300;
}

static double *foot_of(const cn_lines *l) { return l->v + (size_t)(l->m - 1) * (size_t)l->ld; }

static cn_status cycles(cn_lines *l, double tolerance, int max_cycles, watch *w, cn_lines_info *info)
{
    double last = INFINITY;
    for (int cycle = 0;; cycle++) {
        info->defect = row_passes(l, w->size);
        if (cycle > 0) {
            if (!isfinite(info->defect)) return CN_NOT_FINITE;
            const double rest = info->rate / (1.0 - fmin(info->rate, 0.99)) * last; /* of the series of changes */
            if (info->defect <= tolerance && (last <= tolerance || rest <= tolerance)) return CN_OK;
            if (cycle > 4 && info->rate > 0.5) return CN_NO_CONVERGENCE; /* another method will be faster */
        }
        if (cycle == max_cycles) return CN_NO_CONVERGENCE;
        cn_coarse_solve(&l->coarse, l->coarse_sum, 0, l->coarse_error);
        spread(l);
        column_passes(l);
        look(l, w, foot_of(l));
        info->cycles++;
        if (cycle > 0) {
            info->rate = cycle > 1 ? w->change / last : 1.0;
            last = w->change;
        }
    }
}

/* Conjugate gradients on S v = b, S = T_b + D - D W^-1 D, preconditioned by column solve, coarse grid, column solve. */
typedef struct gradients {
    cn_lines *l;
    size_t area;            /* of an array like g */
    double *x, *r, *p, *s, *z, *t;
} gradients;

static double dot(const gradients *c, const double *a, const double *b)
{
    /* by rows, so that the order of the sum does not hang on the number of threads */
    double sum = 0.0;
    for (cn_idx i = 0; i < c->l->m; i++) {
        const size_t k = (size_t)i * (size_t)c->l->ld;
        double row = 0.0;
        for (cn_idx j = 0; j < c->l->n; j++) row += a[k + (size_t)j] * b[k + (size_t)j];
        sum += row;
    }
    return sum;
}

/* out := r - S y; the drives are zero. */
static void rest(gradients *c, const double *r, const double *y, double *out)
{
    memcpy(c->l->v, y, sizeof(double) * c->area);
    c->l->residual = out;
    row_passes(c->l, NULL);
    c->l->residual = NULL;
    for (size_t k = 0; r && k < c->area; k++) out[k] += r[k];
}

static void column_solve(gradients *c, double *rhs, double *out)
{
    c->l->rhs = rhs;
    column_passes(c->l);
    c->l->rhs = NULL;
    memcpy(out, c->l->v, sizeof(double) * c->area);
}

/* y += P C P^T t */
static void coarse_correct(gradients *c, const double *t, double *y)
{
    cn_lines *l = c->l;
    const cn_hats *rows = &l->coarse.rows, *cols = &l->coarse.cols;
    const size_t width = (size_t)cols->cells + 1;
    memset(l->coarse_sum, 0, sizeof(double) * width * (size_t)(rows->cells + 1));
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
static void precondition(gradients *c)
{
    column_solve(c, c->r, c->z);
    rest(c, c->r, c->z, c->t);
    coarse_correct(c, c->t, c->z);
    rest(c, c->r, c->z, c->t);
    column_solve(c, c->t, c->t);
    for (size_t k = 0; k < c->area; k++) c->z[k] += c->t[k];
}

static cn_status iterate(gradients *c, double tolerance, int max_steps, watch *w, cn_lines_info *info)
{
    cn_lines *l = c->l;
    memset(c->x, 0, sizeof(double) * c->area);
    rest(c, NULL, c->x, c->r);
    double *drive[4] = {l->drive_word_low, l->drive_word_high, l->drive_bit_low, l->drive_bit_high};
    double *zero = zeros((size_t)(l->m_padded > l->n_padded ? l->m_padded : l->n_padded));
    if (!zero) return CN_NO_MEMORY;
    double gamma = 0.0;
    cn_status status = CN_NO_CONVERGENCE;
    int calm = 0;
    for (int step = 0; step < max_steps && status == CN_NO_CONVERGENCE; step++) {
        l->drive_word_low = l->drive_word_high = l->drive_bit_low = l->drive_bit_high = zero;
        precondition(c);
        const double next = dot(c, c->r, c->z), beta = step ? next / gamma : 0.0;
        for (size_t k = 0; k < c->area; k++) c->p[k] = c->z[k] + beta * c->p[k];
        rest(c, NULL, c->p, c->s); /* -S p */
        const double curvature = -dot(c, c->p, c->s), alpha = curvature > 0.0 ? next / curvature : 0.0;
        for (size_t k = 0; k < c->area; k++) {
            c->x[k] += alpha * c->p[k];
            c->r[k] += alpha * c->s[k];
        }
        gamma = next;
        l->drive_word_low = drive[0];
        l->drive_word_high = drive[1];
        l->drive_bit_low = drive[2];
        l->drive_bit_high = drive[3];
        look(l, w, c->x + (size_t)(l->m - 1) * (size_t)l->ld);
        info->steps++;
        calm = w->change <= 0.3 * tolerance ? calm + 1 : 0;
        if (calm >= 2 || next == 0.0) { /* the books are closed on the true residual, not on the updated one */
            memcpy(l->v, c->x, sizeof(double) * c->area);
            info->defect = row_passes(l, w->size);
            if (info->defect <= tolerance) status = CN_OK;
        }
        if (!isfinite(next) || !isfinite(alpha)) status = CN_NOT_FINITE;
        if (alpha == 0.0) break;
    }
    free(zero);
    return status;
}

static cn_status conjugate_gradients(cn_lines *l, double tolerance, int max_steps, watch *w, cn_lines_info *info)
{
    gradients c = {.l = l, .area = (size_t)l->m_padded * (size_t)l->ld};
    double **all[] = {&c.x, &c.r, &c.p, &c.s, &c.z, &c.t};
    cn_status status = CN_OK;
    for (int k = 0; k < 6; k++)
        if (!(*all[k] = zeros(c.area))) status = CN_NO_MEMORY;
    if (status == CN_OK) status = iterate(&c, tolerance, max_steps, w, info);
    for (int k = 0; k < 6; k++) free(*all[k]);
    return status;
}

cn_status cn_lines_solve(cn_lines *l, double tolerance, int max_cycles, double *current, cn_lines_info *info)
{
    watch w = {.current = current, .before = zeros((size_t)l->n), .size = zeros((size_t)l->n)};
    cn_status status = CN_NO_MEMORY;
    *info = (cn_lines_info){.defect = INFINITY, .rate = 1.0};
    if (w.before && w.size) {
        for (cn_idx j = 0; j < l->n; j++) w.size[j] = 1e-300;
        clear(l->v_store, ((size_t)l->m_padded + 2) * (size_t)l->ld, l->threads);
        status = cycles(l, tolerance, max_cycles, &w, info);
        if (status == CN_NO_CONVERGENCE || status == CN_NOT_FINITE)
            status = conjugate_gradients(l, tolerance, 4 * max_cycles, &w, info);
    }
    free(w.before);
    free(w.size);
    return status;
}
