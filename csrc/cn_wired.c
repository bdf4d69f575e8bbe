/* Crossbars with resistive wires between known voltages; see cn_wired.h. */
#include "cn_wired.h"

#include <math.h>
#include <string.h>

/* GCC tells that vectors would be passed otherwise by other compilers; all that takes any is inlined. */
#pragma GCC diagnostic ignored "-Wpsabi"

typedef double eight __attribute__((vector_size(64), aligned(64), may_alias));

enum { BLOCK = 4 }; /* word lines solved side by side */

#define REAL double
#define SINGLE 0

#define KIND
#define TEMPLATE "cn_wired_pass.h"
#include "cn_targets.h"

void cn_wired_factor(cn_wired *w, double *scratch)
{
    const size_t n = (size_t)w->n;
    memset(w->y_bit, 0, n * sizeof *w->y_bit);
    for (cn_idx i = 0; i < w->m; i++) {
        const double *g = w->g + (size_t)i * n;
        double *k = w->k_word + (size_t)i * n, s = 0.0;
        for (size_t j = n; j-- > 0;) {
            s += g[j];
            k[j] = 1.0 / (1.0 + w->r_word * s);
            s *= k[j];
        }
        w->y_word[i] = s;
        const int last = i + 1 == w->m || (i + 1) % w->tile == 0;
        if (i % w->tile == 0) memset(scratch, 0, n * sizeof *scratch);
        k = w->k_bit + (size_t)i * n;
        for (size_t j = 0; j < n; j++) {
            scratch[j] += g[j];
            k[j] = 1.0 / (1.0 + w->r_bit * scratch[j]);
            scratch[j] *= k[j];
            if (last) w->y_bit[j] += scratch[j];
        }
    }
}

void cn_wired_shares(const cn_wired *w, double *share)
{
    const size_t n = (size_t)w->n;
    for (cn_idx i = w->m; i-- > 0;) {
        const int last = i + 1 == w->m || (i + 1) % w->tile == 0;
        const double *k = w->k_bit + (size_t)i * n, *below = share + (size_t)(i + 1) * n;
        double *now = share + (size_t)i * n;
        for (size_t j = 0; j < n; j++) now[j] = last ? k[j] : k[j] * below[j];
    }
}

void cn_wired_across(const cn_wired *w, const double *x, const double *q, double *across, double *work)
{
    const size_t n = (size_t)w->n;
    for (cn_idx i = 0; i < w->m; i++) {
        const size_t at = (size_t)i * n;
        const double *g = w->g + at, *k = w->k_bit + at;
        if (i % w->tile == 0) memset(work, 0, n * sizeof *work);
        for (size_t j = 0; j < n; j++) {
            const double now = g[j] * x[at + j] + work[j];
            across[at + j] = w->r_bit * now;
            work[j] = k[j] * now;
        }
    }
    for (cn_idx i = w->m; i-- > 0;) {
        const size_t at = (size_t)i * n;
        const double *k = w->k_bit + at;
        if (i + 1 == w->m || (i + 1) % w->tile == 0) memcpy(work, q, n * sizeof *work);
        for (size_t j = 0; j < n; j++) {
            work[j] = k[j] * (work[j] + across[at + j]);
            across[at + j] = x[at + j] - work[j];
        }
    }
}

typedef struct passes {
    void (*round)(const cn_wired *, const eight *, const eight *, eight *, int, eight *, eight *, eight *);
    void (*products)(const cn_wired *, const eight *, const eight *, const eight *, const eight *, double *, eight *);
    void (*nodes)(cn_idx, cn_idx, const double *, const double *, const double *, int, double, double, double *);
} passes;

static passes choose(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
        return (passes){wired_round_avx512, wired_products_avx512, wired_nodes_avx512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
        return (passes){wired_round_avx2, wired_products_avx2, wired_nodes_avx2};
#endif
    return (passes){wired_round_plain, wired_products_plain, wired_nodes_plain};
}

void cn_wired_round(const cn_wired *w, const double *p, const double *q, double *v, int first, double *out, double *into,
                    double *work)
{
    choose().round(w, (const eight *)p, (const eight *)q, (eight *)v, first, (eight *)out, (eight *)into, (eight *)work);
}

void cn_wired_products(const cn_wired *w, const double *p, const double *v, const double *p2, const double *v2, double *sum,
                       double *work)
{
    choose().products(w, (const eight *)p, (const eight *)v, (const eight *)p2, (const eight *)v2, sum, (eight *)work);
}

void cn_wired_nodes(cn_idx rows, cn_idx n, const double *own, const double *low, const double *high, int pairs,
                    double saturation, double thermal, double *v)
{
    choose().nodes(rows, n, own, low, high, pairs, saturation, thermal, v);
}
