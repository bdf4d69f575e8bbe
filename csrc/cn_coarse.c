/* Coarse grid of a crossbar: assembly by lumped re-discretisation (it is a crossbar again), banded Cholesky. */
#include "cn_coarse.h"

#include "cn_lines.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

cn_status cn_hats_init(cn_hats *h, cn_idx count, cn_idx cells, double low, double high)
{
    memset(h, 0, sizeof *h);
    h->count = count;
    h->cells = cells;
    h->low_held = low >= 0.0;
    h->high_held = high >= 0.0;
    h->cell = malloc(sizeof(cn_idx) * (size_t)count);
    h->part = malloc(sizeof(double) * (size_t)count);
    if (!h->cell || !h->part) return CN_NO_MEMORY;
    const double start = h->low_held ? -low : 0.0, end = h->high_held ? count - 1 + high : count - 1;
    h->width = fmax(end - start, 1e-9) / cells;
    for (cn_idx i = 0; i < count; i++) {
        const double place = (i - start) / h->width;
        cn_idx k = (cn_idx)place;
        if (k > cells - 1) k = cells - 1;
        h->cell[i] = k;
        h->part[i] = fmin(fmax(place - k, 0.0), 1.0);
    }
    return CN_OK;
}

void cn_hats_free(cn_hats *h)
{
    free(h->cell);
    free(h->part);
}

static double *entry(cn_coarse *c, cn_idx a, cn_idx b)
{
    const cn_idx row = a > b ? a : b, col = a > b ? b : a;
    return &c->factor[(size_t)row * (size_t)(c->band + 1) + (size_t)(c->band - (row - col))];
}

static double *diagonal(cn_coarse *c, cn_idx a) { return entry(c, a, a); }

/* A conductance between unknowns a and b; -1 stands for a held node. */
static void join(cn_coarse *c, cn_idx a, cn_idx b, double g)
{
    if (a >= 0) *entry(c, a, a) += g;
    if (b >= 0) *entry(c, b, b) += g;
    if (a >= 0 && b >= 0) *entry(c, a, b) -= g;
}

/* Right-looking: no sum waits for its own last term.  column: room for band + 1. */
static inline __attribute__((always_inline)) cn_status factor_loops(cn_coarse *c, double *restrict column)
{
    const cn_idx w = c->band;
    const size_t stride = (size_t)(w + 1);
    for (cn_idx k = 0; k < c->n; k++) {
        double *pivot = &c->factor[(size_t)k * stride + (size_t)w];
        if (!(*pivot > 0.0)) return CN_SINGULAR;
        *pivot = 1.0 / sqrt(*pivot); /* the reciprocal of the diagonal */
        const cn_idx many = c->n - 1 - k < w ? c->n - 1 - k : w;
        for (cn_idx d = 1; d <= many; d++) {
            double *entry_k = &c->factor[(size_t)(k + d) * stride + (size_t)(w - d)];
            column[d] = *entry_k *= *pivot;
            if (column[d] == 0.0) continue;
            double *restrict row = entry_k;
            const double lead = column[d];
#pragma omp simd
            for (cn_idx e = 1; e <= d; e++) row[e] -= lead * column[e];
        }
    }
    return CN_OK;
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx2,fma"))) static cn_status factor_avx2(cn_coarse *c, double *column)
{
    return factor_loops(c, column);
}
#endif

static cn_status factor(cn_coarse *c)
{
    double *column = malloc(sizeof(double) * (size_t)(c->band + 1));
    if (!column) return CN_NO_MEMORY;
    cn_status status = CN_CONTINUE;
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) status = factor_avx2(c, column);
#endif
    if (status == CN_CONTINUE) status = factor_loops(c, column);
    free(column);
    return status;
}

static cn_status factor_banded(cn_coarse *c, const cn_bundles *b)
{
    const cn_idx rows = c->rows.cells + 1, cols = c->cols.cells + 1;
    c->by_rows = cols <= rows;
    c->n = 2 * rows * cols;
    c->band = 2 * (c->by_rows ? cols : rows) + 1;
    const size_t entries = (size_t)c->n * (size_t)(c->band + 1);
    if (!c->factor) c->factor = malloc(entries * sizeof(double));
    if (!c->x) c->x = calloc((size_t)c->n, sizeof(double));
    if (!c->factor || !c->x) return CN_NO_MEMORY;
    memset(c->factor, 0, entries * sizeof(double));
    for (cn_idx i = 0; i < rows; i++)
        for (cn_idx j = 0; j < cols; j++) {
            const cn_idx u = cn_coarse_word_held(c, j) ? -1 : cn_coarse_number(c, i, j, 0);
            const cn_idx v = cn_coarse_bit_held(c, i) ? -1 : cn_coarse_number(c, i, j, 1);
            join(c, u, v, b->sums[i * cols + j]);
            if (j + 1 < cols)
                join(c, u, cn_coarse_word_held(c, j + 1) ? -1 : cn_coarse_number(c, i, j + 1, 0),
                     b->word[i * (cols - 1) + j]);
            if (i + 1 < rows)
                join(c, v, cn_coarse_bit_held(c, i + 1) ? -1 : cn_coarse_number(c, i + 1, j, 1), b->bit[i * cols + j]);
            if (j == 0) join(c, u, -1, b->word_low[i]);
            if (j == cols - 1) join(c, u, -1, b->word_high[i]);
            if (i == 0) join(c, v, -1, b->bit_low[j]);
            if (i == rows - 1) join(c, v, -1, b->bit_high[j]);
            if (u < 0) *diagonal(c, cn_coarse_number(c, i, j, 0)) = 1.0;
            if (v < 0) *diagonal(c, cn_coarse_number(c, i, j, 1)) = 1.0;
        }
    for (cn_idx k = 0; k < c->n; k++) /* a hat over no line at all (one row or column): joined to nothing */
        if (*entry(c, k, k) == 0.0) *entry(c, k, k) = 1.0;
    return factor(c);
}

/* A held end: a conductance far above all segments to a node of zero error. */
static const double HELD = 1e9;

static cn_status init_deeper(cn_coarse *c, const cn_bundles *b, int threads)
{
    const cn_idx rows = c->rows.cells + 1, cols = c->cols.cells + 1;
    cn_lines *l = c->deeper = malloc(sizeof *l);
    if (!l) return CN_NO_MEMORY;
    const cn_status status = cn_lines_init(l, rows, cols, CN_LINES_GENERAL, NULL, threads);
    if (status != CN_OK) return status;
    double total = 0.0, *g = l->g;
    for (cn_idx i = 0; i < rows; i++)
        for (cn_idx j = 0; j < cols; j++) {
            const size_t k = (size_t)i * (size_t)l->ld + (size_t)j;
            total += g[k] = b->sums[i * cols + j];
            if (j + 1 < cols) l->word_segment[k] = b->word[i * (cols - 1) + j];
            if (i + 1 < rows) l->bit_segment[k] = b->bit[i * cols + j];
        }
    for (cn_idx i = 0; i < rows; i++) {
        const double *segment = b->word + i * (cols - 1);
        l->word_low.g[i] = c->cols.low_held ? HELD * segment[0] : b->word_low[i];
        l->word_high.g[i] = c->cols.high_held ? HELD * segment[cols - 2] : b->word_high[i];
    }
    for (cn_idx j = 0; j < cols; j++) {
        l->bit_low.g[j] = c->rows.low_held ? HELD * b->bit[j] : b->bit_low[j];
        l->bit_high.g[j] = c->rows.high_held ? HELD * b->bit[(rows - 2) * cols + j] : b->bit_high[j];
    }
    return cn_lines_factor(l, total / rows / cols);
}

static void drop_factor(cn_coarse *c)
{
    if (c->deeper) cn_lines_free(c->deeper);
    free(c->deeper);
    c->deeper = NULL;
}

cn_status cn_coarse_factor(cn_coarse *c, const cn_bundles *b, int threads)
{
    drop_factor(c);
    if (c->rows.cells > CN_DIRECT_CELLS || c->cols.cells > CN_DIRECT_CELLS) return init_deeper(c, b, threads);
    return factor_banded(c, b);
}

void cn_coarse_free(cn_coarse *c)
{
    drop_factor(c);
    cn_hats_free(&c->rows);
    cn_hats_free(&c->cols);
    free(c->factor);
    free(c->x);
    memset(c, 0, sizeof *c);
}

/* Forward and backward substitution in x. */
static inline __attribute__((always_inline)) void substitute_loops(cn_coarse *c)
{
    const cn_idx w = c->band;
    for (cn_idx i = 0; i < c->n; i++) {
        const double *row = &c->factor[(size_t)i * (size_t)(w + 1)] + (w - i);
        double part[16] = {0.0}; /* many sums at a time: none waits for its own last term */
        cn_idx k = i > w ? i - w : 0;
        for (; k + 16 <= i; k += 16)
            for (int e = 0; e < 16; e++) part[e] += row[k + e] * c->x[k + e];
        double sum = 0.0;
        for (; k < i; k++) sum += row[k] * c->x[k];
        for (int e = 0; e < 16; e++) sum += part[e];
        c->x[i] = (c->x[i] - sum) * row[i];
    }
    for (cn_idx i = c->n - 1; i >= 0; i--) {
        const double *row = &c->factor[(size_t)i * (size_t)(w + 1)] + (w - i);
        const double x = c->x[i] *= row[i];
#pragma omp simd
        for (cn_idx k = i > w ? i - w : 0; k < i; k++) c->x[k] -= row[k] * x;
    }
}

#if defined(__x86_64__) && defined(__GNUC__)
__attribute__((target("avx2,fma"))) static void substitute_avx2(cn_coarse *c) { substitute_loops(c); }
#endif

static void solve_deeper(cn_coarse *c, const double *r, int bit, double *error)
{
    enum { CYCLES = 3 }; /* leave about a hundredth of the error: less than the finer grid's cycle leaves */
    cn_lines *l = c->deeper;
    const size_t cols = (size_t)c->cols.cells + 1;
    for (cn_idx i = 0; i <= c->rows.cells; i++) {
        const size_t from = (size_t)i * cols, to = (size_t)i * (size_t)l->ld;
        memcpy(l->f_bit + to, r + from, cols * sizeof(double));
    }
    memset(l->v, 0, sizeof(double) * (size_t)l->m_padded * (size_t)l->ld);
    cn_lines_cycles(l, CYCLES);
    const double *found = bit ? l->v : l->u;
    for (cn_idx i = 0; i <= c->rows.cells; i++)
        memcpy(error + (size_t)i * cols, found + (size_t)i * (size_t)l->ld, cols * sizeof(double));
}

void cn_coarse_solve(cn_coarse *c, const double *r, int bit, double *error)
{
    const cn_idx rows = c->rows.cells + 1, cols = c->cols.cells + 1;
    if (c->deeper) {
        solve_deeper(c, r, bit, error);
        return;
    }
    for (cn_idx i = 0; i < rows; i++)
        for (cn_idx j = 0; j < cols; j++) {
            c->x[cn_coarse_number(c, i, j, 0)] = 0.0;
            c->x[cn_coarse_number(c, i, j, 1)] = cn_coarse_bit_held(c, i) ? 0.0 : r[i * cols + j];
        }
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        substitute_avx2(c);
    else
#endif
        substitute_loops(c);
    for (cn_idx i = 0; i < rows; i++)
        for (cn_idx j = 0; j < cols; j++) {
            const int held = bit ? cn_coarse_bit_held(c, i) : cn_coarse_word_held(c, j);
            error[i * cols + j] = held ? 0.0 : c->x[cn_coarse_number(c, i, j, bit)];
        }
}
