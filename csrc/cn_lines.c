/* Two-grid alternating-line Gauss-Seidel for crossbars: setup, cycle, convergence. */
#include "cn_lines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
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
    double sum = 0.0;
    for (cn_idx k = 0; k < n; k++) sum += x[k];
    return sum / n;
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
    for (cn_idx i = 0; i < m; i++) total += mean(l->g + (size_t)i * (size_t)l->ld, n);
    const double cell = total / m;
    cn_status status = cn_hats_init(&c->cols, n, coarse_cells(n, cell, mean(l->word, m)),
                                    reach(l->word_low, l->word, m, n), reach(l->word_high, l->word, m, n));
    if (status != CN_OK) return status;
    status = cn_hats_init(&c->rows, m, coarse_cells(m, cell, mean(l->bit, n)), reach(l->bit_low, l->bit, n, m),
                          reach(l->bit_high, l->bit, n, m));
    if (status != CN_OK) return status;
    const size_t rows = (size_t)c->rows.cells + 1, cols = (size_t)c->cols.cells + 1;
    double *sums = zeros(rows * cols), *row = zeros(cols), *ends = zeros(3 * (rows + cols));
    l->coarse_part = zeros(CN_CHUNKS * rows * cols);
    l->coarse_sum = zeros(rows * cols);
    l->coarse_error = zeros(rows * cols);
    l->error_rows = zeros(rows * (size_t)l->n_padded);
    status = CN_NO_MEMORY;
    if (sums && row && ends && l->coarse_part && l->coarse_sum && l->coarse_error && l->error_rows) {
        for (cn_idx i = 0; i < m; i++) {
            hat_sums(&c->cols, l->g + (size_t)i * (size_t)l->ld, row);
            double *low = sums + (size_t)c->rows.cell[i] * cols, *high = low + cols;
            for (size_t j = 0; j < cols; j++) {
                low[j] += (1.0 - c->rows.part[i]) * row[j];
                high[j] += c->rows.part[i] * row[j];
            }
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
    free(row);
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
    const size_t area = (size_t)l->m_padded * (size_t)l->ld;
    const size_t line = (size_t)l->n_padded * (size_t)l->lanes + 3 * (size_t)l->n_padded;
    const size_t panel = (size_t)m * 4 * (size_t)l->lanes;
    l->scratch_size = ((line > panel ? line : panel) + 15) / 8 * 8;
    l->g = zeros(area);
    l->u = zeros(area);
    l->v_store = zeros(area + 2 * (size_t)l->ld);
    l->q_word = zeros((size_t)l->m_padded * (size_t)n);
    l->q_bit = zeros((size_t)m * (size_t)l->n_padded);
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
    l->column_part = zeros(CN_CHUNKS * (size_t)l->n_padded);
    l->scratch = zeros((size_t)threads * l->scratch_size);
    if (!l->g || !l->u || !l->v_store || !l->q_word || !l->q_bit || !l->word || !l->word_low || !l->word_high ||
        !l->bit || !l->bit_low || !l->bit_high || !l->column_part || !l->scratch)
        return CN_NO_MEMORY;
    l->v = l->v_store + l->ld;
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
    double *all[] = {l->g, l->u, l->v_store, l->q_word, l->q_bit, l->word, l->word_low, l->word_high, l->bit, l->bit_low,
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
    for (int c = 0; c < CN_CHUNKS; c++)
        for (size_t k = 0; k < nodes; k++) l->coarse_sum[k] += l->coarse_part[(size_t)c * nodes + k];
    double worst = 0.0;
    for (cn_idx j = 0; j < l->n; j++) {
        double sum = 0.0;
        for (int c = 0; c < CN_CHUNKS; c++) sum += l->column_part[(size_t)c * (size_t)l->n_padded + (size_t)j];
        worst = fmax(worst, fabs(sum) / size[j]);
    }
    return worst;
}

cn_status cn_lines_solve(cn_lines *l, double tolerance, int max_cycles, double *current, cn_lines_info *info)
{
    const passes pass = choose_passes();
    const cn_idx strips = l->m_padded / l->lanes, panels = panel_count(l);
    const size_t nodes = (size_t)(l->coarse.rows.cells + 1) * (size_t)(l->coarse.cols.cells + 1);
    double *before = malloc(sizeof(double) * 2 * (size_t)l->n), *size = before + l->n;
    if (!before) return CN_NO_MEMORY;
    memset(before, 0, sizeof(double) * (size_t)l->n);
    memset(l->v_store, 0, sizeof(double) * ((size_t)l->m_padded + 2) * (size_t)l->ld);
    cn_status status = CN_NO_CONVERGENCE;
    double change_before = INFINITY;
    *info = (cn_lines_info){0, INFINITY, 1.0};
    for (int cycle = 0; cycle <= max_cycles; cycle++) {
        /* Row pass: word lines solved for the bit lines as they are, residual of the bit lines. */
        memset(l->coarse_part, 0, sizeof(double) * CN_CHUNKS * nodes);
        memset(l->column_part, 0, sizeof(double) * CN_CHUNKS * (size_t)l->n_padded);
#pragma omp parallel for schedule(static) num_threads(l->threads)
        for (int c = 0; c < CN_CHUNKS; c++) {
            const cn_idx first = (cn_idx)((int64_t)strips * c / CN_CHUNKS), last = (cn_idx)((int64_t)strips * (c + 1) / CN_CHUNKS);
            if (first < last)
                pass.row_pass(l, first, last, l->scratch + (size_t)thread_number() * l->scratch_size,
                              l->coarse_part + (size_t)c * nodes, l->column_part + (size_t)c * (size_t)l->n_padded);
        }
        /* Does it hold?  Currents of small columns count against the largest one, at a thousandth. */
        double largest = 0.0, change = 0.0;
        for (cn_idx j = 0; j < l->n; j++) largest = fmax(largest, fabs(before[j]));
        for (cn_idx j = 0; j < l->n; j++) size[j] = fmax(fabs(before[j]), 1e-3 * largest) + 1e-300;
        info->defect = gather(l, size);
        if (cycle > 0) {
            if (!isfinite(info->defect)) {
                status = CN_NOT_FINITE;
                break;
            }
            if (info->defect <= tolerance &&
                (change_before <= tolerance || info->rate / (1.0 - fmin(info->rate, 0.99)) * change_before <= tolerance)) {
                status = CN_OK;
                break;
            }
            if (cycle > 4 && info->rate > 0.7) break; /* another method will be faster */
        }
        if (cycle == max_cycles) break;
        /* Coarse correction, then the bit lines. */
        cn_coarse_solve(&l->coarse, l->coarse_sum, l->coarse_error);
        spread(l);
#pragma omp parallel for schedule(static) num_threads(l->threads)
        for (cn_idx p = 0; p < panels; p++) {
            const cn_idx j = panel_start(l, p);
            pass.column_pass(l, j, panel_width(l, j), l->scratch + (size_t)thread_number() * l->scratch_size);
        }
        const double *foot = l->v + (size_t)(l->m - 1) * (size_t)l->ld;
        for (cn_idx j = 0; j < l->n; j++) {
            current[j] = l->bit_high[j] * (foot[j] - l->drive_bit_high[j]);
            change = fmax(change, fabs(current[j] - before[j]) / (cycle ? size[j] : 1.0));
            before[j] = current[j];
        }
        info->cycles++;
        if (cycle > 0) {
            info->rate = cycle > 1 ? change / change_before : 1.0;
            change_before = change;
        }
    }
    free(before);
    return status;
}
