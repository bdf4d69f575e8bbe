/* Populations of amplitudes and phases, see cn_waves.h. */
#include "cn_waves.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#ifdef _OPENMP
#include <omp.h>
#endif

static const double TWO_PI = 6.283185307179586476925;

enum { MOST_SWEEPS = 200 };

/* Dormand and Prince, J. Comput. Appl. Math. 6, 19 (1980). */
static const double PRINCE_AT[7] = {0.0, 0.2, 0.3, 0.8, 8.0 / 9.0, 1.0, 1.0};
static const double PRINCE[7][6] = {
    {0.0},
    {1.0 / 5},
    {3.0 / 40, 9.0 / 40},
    {44.0 / 45, -56.0 / 15, 32.0 / 9},
    {19372.0 / 6561, -25360.0 / 2187, 64448.0 / 6561, -212.0 / 729},
    {9017.0 / 3168, -355.0 / 33, 46732.0 / 5247, 49.0 / 176, -5103.0 / 18656},
    {35.0 / 384, 0.0, 500.0 / 1113, 125.0 / 192, -2187.0 / 6784, 11.0 / 84}};
static const double PRINCE_ERROR[7] = {71.0 / 57600, 0.0, -71.0 / 16695, 71.0 / 1920, -17253.0 / 339200, 22.0 / 525,
                                       -1.0 / 40};

static int rows_of(const cn_waves *w) { return w->kind == CN_AMPLITUDES ? 2 : 1; }
static int coupled(const cn_waves *w) { return w->n_sums > 0 || w->dense_re || w->row_start; }

/* The largest of what all threads found, where they go together. */
static double largest(cn_waves *w, cn_idx lo, double mine)
{
    if (w->threads <= 1) return mine;
    double *each = w->part + 2 * (size_t)w->n_sums * (size_t)(w->n / CN_WAVES_BLOCK + 1);
    each[lo / CN_WAVES_BLOCK] = mine;
#ifdef _OPENMP
#pragma omp barrier
#endif
    double most = 0.0;
    for (cn_idx b = 0; b <= w->n / CN_WAVES_BLOCK; b++) most = each[b] <= most ? most : each[b];
#ifdef _OPENMP
#pragma omp barrier
#endif
    return most;
}

#define KIND
#define TEMPLATE "cn_waves_pass.h"
#include "cn_targets.h"

typedef struct passes {
    void (*slope)(cn_waves *, cn_idx, cn_idx, double, const double *, double *, double *);
    void (*rk4)(cn_waves *, cn_idx, cn_idx, double, double *);
    void (*heun)(cn_waves *, cn_idx, cn_idx, int64_t, double, double *);
    cn_status (*midpoint)(cn_waves *, cn_idx, cn_idx, double, double *, int64_t *);
    double (*rk45)(cn_waves *, cn_idx, cn_idx, double, double, double *);
} passes;

static passes choose(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
        return (passes){slope_avx512, rk4_avx512, heun_avx512, midpoint_avx512, rk45_avx512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (passes){slope_avx2, rk4_avx2, heun_avx2, midpoint_avx2, rk45_avx2};
#endif
    return (passes){slope_plain, rk4_plain, heun_plain, midpoint_plain, rk45_plain};
}

cn_status cn_waves_init(cn_waves *w)
{
    const size_t n = (size_t)w->n, blocks = n / CN_WAVES_BLOCK + 1;
    const struct { double **p; size_t count; } all[] = {
        {&w->y, 2 * n}, {&w->stage, 2 * n}, {&w->slope, 2 * n}, {&w->sum, 2 * n}, {&w->u, 2 * n}, {&w->h, 2 * n},
        {&w->in, CN_INPUTS * n}, {&w->normal, 2 * n}, {&w->part, (2 * (size_t)w->n_sums + 1) * blocks},
        {&w->k, w->method == CN_WAVES_RK45 ? 14 * n : 1}};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        if (!(*all[k].p = calloc(all[k].count, sizeof(double)))) return CN_NO_MEMORY;
    w->next_step = w->step;
    return CN_OK;
}

void cn_waves_free(cn_waves *w)
{
    double *all[] = {w->y, w->stage, w->slope, w->sum, w->u, w->h, w->in, w->normal, w->part, w->k};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) free(all[k]);
}

static void record(const cn_waves *w, cn_idx lo, cn_idx hi, double *to)
{
    const size_t rows = (size_t)rows_of(w), n = (size_t)w->n;
    for (size_t i = (size_t)lo; i < (size_t)hi; i++)
        for (size_t row = 0; row < rows; row++) to[i * rows + row] = w->y[row * n + i];
}

static int all_finite(const cn_waves *w, cn_idx lo, cn_idx hi)
{
    double sum = 0.0;
    for (int row = 0; row < rows_of(w); row++)
        for (cn_idx i = lo; i < hi; i++) sum += 0.0 * w->y[(size_t)row * (size_t)w->n + (size_t)i];
    return sum == 0.0;
}

/* From t to `end` in steps of the method's own choice. */
static cn_status adapt(cn_waves *w, const passes *p, double t, double end)
{
    const double smallest = 1e-12 * w->step;
    double driven = NAN;
    while (t < end) {
        const double left = end - t;
        const int ends = w->next_step >= left;
        const double h = ends ? left : w->next_step;
        const double error = p->rk45(w, 0, w->n, t, h, &driven) / w->tolerance;
        w->evaluations += 7;
        if (!(error < INFINITY)) {
            w->next_step = 0.1 * h;
            w->rejected++;
        } else {
            const double grow = error > 0.0 ? 0.9 * pow(error, -0.2) : 5.0;
            if (error <= 1.0) {
                memcpy(w->y, w->stage, (size_t)rows_of(w) * (size_t)w->n * sizeof(double));
                t = ends ? end : t + h;
                if (!ends || grow < 1.0) w->next_step = h * (grow < 5.0 ? grow : 5.0);
            } else {
                w->rejected++;
                w->next_step = h * (grow > 0.2 ? grow : 0.2);
            }
        }
        if (w->next_step < smallest) return CN_STEP_TOO_SMALL;
    }
    return CN_OK;
}

/* The steps of some oscillators. */
static cn_status advance(cn_waves *w, const passes *p, cn_idx lo, cn_idx hi, int64_t first, int64_t steps, int64_t every,
                         double *records, int64_t *sweeps)
{
    const size_t point = (size_t)rows_of(w) * (size_t)w->n;
    double driven = NAN;
    for (int64_t s = 0; s < steps; s++) {
        const double t = (double)(first + s) * w->step;
        cn_status status = CN_OK;
        if (w->method == CN_WAVES_RK4) p->rk4(w, lo, hi, t, &driven);
        if (w->method == CN_WAVES_HEUN) p->heun(w, lo, hi, first + s, t, &driven);
        if (w->method == CN_WAVES_MIDPOINT) status = p->midpoint(w, lo, hi, t, &driven, sweeps);
        if (w->method == CN_WAVES_RK45) status = adapt(w, p, t, (double)(first + s + 1) * w->step);
        if (status != CN_OK) return status;
        if (every > 0 && (s + 1) % every == 0) record(w, lo, hi, records + (size_t)(s / every) * point);
    }
    return all_finite(w, lo, hi) ? CN_OK : CN_NOT_FINITE;
}

cn_status cn_waves_run(cn_waves *w, int64_t first, int64_t steps, int64_t every, double *records)
{
    const passes p = choose();
    const cn_idx blocks = (w->n + CN_WAVES_BLOCK - 1) / CN_WAVES_BLOCK;
    const int wanted = w->threads;
    int64_t sweeps = 0;
    cn_status found = CN_OK;
    /* An adaptive method has one step for all oscillators. */
    const int together = coupled(w) || w->method == CN_WAVES_RK45;
    if (w->threads > blocks) w->threads = blocks;
    if (w->method == CN_WAVES_RK45) w->threads = 1;
    const int threads = w->threads < 1 ? 1 : w->threads;
    if (!together) w->threads = 1; /* no barriers */
    if (together && threads == 1) {
        found = advance(w, &p, 0, w->n, first, steps, every, records, &sweeps);
    } else if (together) {
        /* Threads that the system does not give would be missed at the barriers. */
#ifdef _OPENMP
#pragma omp parallel num_threads(threads)
        {
            const int team = omp_get_num_threads(), me = omp_get_thread_num();
            if (team != threads) {
#pragma omp single
                w->threads = 1;
                if (me == 0) found = advance(w, &p, 0, w->n, first, steps, every, records, &sweeps);
            } else {
                const cn_idx lo = (cn_idx)((int64_t)blocks * me / team) * CN_WAVES_BLOCK;
                cn_idx hi = (cn_idx)((int64_t)blocks * (me + 1) / team) * CN_WAVES_BLOCK;
                if (hi > w->n) hi = w->n;
                int64_t mine = 0;
                const cn_status status = advance(w, &p, lo, hi, first, steps, every, records, &mine);
#pragma omp critical
                {
                    if (status != CN_OK) found = status;
                    if (me == 0) sweeps = mine;
                }
            }
        }
#endif
    } else {
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
#endif
        for (cn_idx b = 0; b < blocks; b++) {
            const cn_idx lo = b * CN_WAVES_BLOCK, hi = lo + CN_WAVES_BLOCK < w->n ? lo + CN_WAVES_BLOCK : w->n;
            int64_t mine = 0;
            const cn_status status = advance(w, &p, lo, hi, first, steps, every, records, &mine);
#ifdef _OPENMP
#pragma omp critical
#endif
            {
                if (status != CN_OK) found = status;
                if (mine > sweeps) sweeps = mine;
            }
        }
    }
    w->threads = wanted;
    w->sweeps += sweeps;
    return found;
}

void cn_waves_slope(cn_waves *w, double t, const double *y, double *d)
{
    const passes p = choose();
    const int wanted = w->threads;
    double driven = NAN;
    w->threads = 1;
    p.slope(w, 0, w->n, t, y, d, &driven);
    w->threads = wanted;
}
