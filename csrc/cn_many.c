/* Two-grid alternating-line Gauss-Seidel for eight right-hand sides at a time; the method is that of cn_lines_solve.c. */
#include "cn_many.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cn_lines_pass_table.h"
#include "cn_memory.h"

typedef double eight __attribute__((vector_size(64), aligned(64), may_alias));

#define KIND
#define TEMPLATE "cn_many_pass.h"
#include "cn_targets.h"

typedef struct many_passes {
    void (*rows)(cn_many *, int still);
    void (*columns)(cn_many *);
    void (*coarse)(cn_many *);
} many_passes;

static many_passes choose(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
        return (many_passes){many_rows_avx512, many_columns_avx512, many_coarse_avx512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (many_passes){many_rows_avx2, many_columns_avx2, many_coarse_avx2};
#endif
    return (many_passes){many_rows_plain, many_columns_plain, many_coarse_plain};
}

int cn_many_fits(const cn_lines *l) { return l->kind == CN_LINES_PLAIN && l->coarse.deeper == NULL; }

/* The arrays of a workspace, and how many vectors of lanes each holds. */
enum { ARRAYS = 14 };
static void arrays_of(cn_many *w, double **of[ARRAYS], size_t lanes[ARRAYS])
{
    const cn_lines *l = w->lines;
    const size_t m = (size_t)l->m, n = (size_t)l->n, longer = m > n ? m : n;
    const size_t rows = (size_t)l->coarse.rows.cells + 1, cols = (size_t)l->coarse.cols.cells + 1;
    const struct { double **p; size_t lanes; } all[ARRAYS] = {
        {&w->word, m}, {&w->bit, n}, {&w->u, m * n}, {&w->v_store, (m + 2) * n}, {&w->scratch, longer * (size_t)l->lanes},
        {&w->sums, 3 * n}, {&w->column, n}, {&w->coarse_sum, rows * cols}, {&w->coarse_error, rows * cols},
        {&w->error_rows, rows * n}, {&w->coarse_x, (size_t)l->coarse.n}, {&w->current, n}, {&w->before, n}, {&w->size, n}};
    for (int k = 0; k < ARRAYS; k++) {
        of[k] = all[k].p;
        lanes[k] = all[k].lanes;
    }
}

cn_status cn_many_init(cn_many *w, const cn_lines *l)
{
    double **of[ARRAYS];
    size_t lanes[ARRAYS];
    memset(w, 0, sizeof *w);
    w->lines = l;
    arrays_of(w, of, lanes);
    for (int k = 0; k < ARRAYS; k++)
        if (!(*of[k] = cn_memory_take(lanes[k] * CN_MANY * sizeof(double)))) return CN_NO_MEMORY;
    memset(w->word, 0, lanes[0] * CN_MANY * sizeof(double));
    memset(w->bit, 0, lanes[1] * CN_MANY * sizeof(double));
    w->v = w->v_store + (size_t)l->n * CN_MANY;
    return CN_OK;
}

void cn_many_free(cn_many *w)
{
    double **of[ARRAYS];
    size_t lanes[ARRAYS];
    if (!w->lines) return;
    arrays_of(w, of, lanes);
    for (int k = 0; k < ARRAYS; k++) cn_memory_give(*of[k], lanes[k] * CN_MANY * sizeof(double));
}

static double into(const cn_end *end, cn_idx k, double drive, double v) { return end->g[k] * (drive - v); }

/* Currents out of the bit lines; the largest change of one over its size, of all vectors. */
static double look(cn_many *w, double tolerance)
{
    const cn_lines *l = w->lines;
    double worst = 0.0, largest[CN_MANY] = {0.0};
    const size_t foot = (size_t)(l->m - 1) * (size_t)l->n * CN_MANY;
    for (cn_idx j = 0; j < l->n; j++)
        for (int e = 0; e < CN_MANY; e++) {
            const size_t k = (size_t)j * CN_MANY + (size_t)e;
            w->current[k] = -into(&l->bit_low, j, w->bit[k], w->v[k]) - into(&l->bit_high, j, w->bit[k], w->v[foot + k]);
            const double change = fabs(w->current[k] - w->before[k]) / w->size[k];
            if (!(change <= worst)) worst = change;
            w->before[k] = w->current[k];
            largest[e] = fmax(largest[e], fabs(w->current[k]));
        }
    for (cn_idx i = 0; i < l->m; i++)
        for (int e = 0; e < CN_MANY; e++) {
            const size_t row = (size_t)i * (size_t)l->n, last = (row + (size_t)l->n - 1) * CN_MANY;
            const double drive = w->word[(size_t)i * CN_MANY + (size_t)e];
            largest[e] = fmax(largest[e], fabs(into(&l->word_low, i, drive, w->u[row * CN_MANY + (size_t)e])));
            largest[e] = fmax(largest[e], fabs(into(&l->word_high, i, drive, w->u[last + (size_t)e])));
        }
    for (cn_idx j = 0; j < l->n; j++)
        for (int e = 0; e < CN_MANY; e++) {
            const size_t k = (size_t)j * CN_MANY + (size_t)e;
            const double rounding = cn_end_rounding(&l->bit_low, j, w->bit[k], w->v[k]) +
                                    cn_end_rounding(&l->bit_high, j, w->bit[k], w->v[foot + k]);
            w->size[k] = fmax(fabs(w->current[k]), 1e-3 * largest[e]) + rounding / tolerance + 1e-300;
        }
    return worst;
}

static double imbalance(const cn_many *w)
{
    double worst = 0.0;
    for (size_t k = 0; k < (size_t)w->lines->n * CN_MANY; k++) {
        const double defect = fabs(w->column[k]) / w->size[k];
        if (!(defect <= worst)) worst = defect;
    }
    return worst;
}

cn_status cn_many_solve(cn_many *w, double tolerance, int max_cycles)
{
    const many_passes pass = choose();
    double last = INFINITY, rate = 1.0;
    for (size_t k = 0; k < (size_t)w->lines->n * CN_MANY; k++) {
        w->size[k] = 1e-300;
        w->before[k] = 0.0;
    }
    for (w->cycles = 0;; w->cycles++) {
        if (w->cycles > 0) {
            const double change = look(w, tolerance);
            if (w->cycles > 1) {
                rate = w->cycles == 2 ? 1.0 : last > 0.0 ? change / last : 0.0;
                last = change;
            }
        }
        pass.rows(w, w->cycles == 0);
        w->defect = imbalance(w);
        if (w->cycles > 0) {
            if (!isfinite(w->defect)) return CN_NO_CONVERGENCE;
            const double rest = rate / (1.0 - fmin(rate, 0.99)) * last; /* of the series of changes */
            if (w->defect <= tolerance && (last <= tolerance || rest <= tolerance)) return CN_OK;
            if ((w->cycles > 5 && rate > 0.5) || w->cycles == max_cycles) return CN_NO_CONVERGENCE;
        }
        pass.coarse(w);
        pass.columns(w);
    }
}

void cn_many_word_currents(const cn_many *w, double *current)
{
    const cn_lines *l = w->lines;
    for (cn_idx i = 0; i < l->m; i++)
        for (int e = 0; e < CN_MANY; e++) {
            const size_t k = (size_t)i * CN_MANY + (size_t)e, row = (size_t)i * (size_t)l->n * CN_MANY + (size_t)e;
            current[k] = into(&l->word_low, i, w->word[k], w->u[row]) +
                         into(&l->word_high, i, w->word[k], w->u[row + (size_t)(l->n - 1) * CN_MANY]);
        }
}
