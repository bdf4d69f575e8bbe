/* Rounds over a crossbar with wires on one processor's vectors, see cn_wired.h; included by cn_wired.c through
 * cn_targets.h. */
#define INLINE static inline __attribute__((always_inline, unused)) TARGET
#define V NAME(wired_v)
#define INTEGERS NAME(wired_i)
#define IN_VECTOR LANES

typedef double V __attribute__((vector_size(8 * LANES)));
typedef uint64_t INTEGERS __attribute__((vector_size(8 * LANES)));

INLINE V NAME(spread)(double x) { return x - (V){0}; }
INLINE V NAME(select)(INTEGERS mask, V yes, V no) { return (V)(((INTEGERS)yes & mask) | ((INTEGERS)no & ~mask)); }
INLINE V NAME(larger)(V a, V b) { return NAME(select)((INTEGERS)(a > b), a, b); }
INLINE V NAME(smaller)(V a, V b) { return NAME(select)((INTEGERS)(a < b), a, b); }

#include "cn_relax_diode.h"

/* Voltages u[row][j] of `rows` word lines side by side, which hides how long each waits for its neighbour. */
INLINE void NAME(words)(const cn_wired *w, cn_idx i, const int rows, const eight *p, const eight *v, eight *u, eight *into)
{
    const size_t n = (size_t)w->n, at = (size_t)i * n;
    const double r = w->r_word;
    const double *g = w->g + at, *k = w->k_word + at;
    eight c[BLOCK];
    for (int e = 0; e < rows; e++) c[e] = (eight){0.0};
    for (size_t j = n; j-- > 0;) {
        _Pragma("GCC unroll 4") for (int e = 0; e < rows; e++)
        {
            const size_t cell = (size_t)e * n + j;
            c[e] = g[cell] * v[at + cell] + c[e];
            u[cell] = r * c[e];
            c[e] *= k[cell];
        }
    }
    if (into)
        for (int e = 0; e < rows; e++) into[i + e] = c[e];
    for (int e = 0; e < rows; e++) c[e] = p[i + e];
    for (size_t j = 0; j < n; j++) {
        _Pragma("GCC unroll 4") for (int e = 0; e < rows; e++)
        {
            const size_t cell = (size_t)e * n + j;
            c[e] = k[cell] * (c[e] + u[cell]);
            u[cell] = c[e];
        }
    }
}

TARGET static void NAME(wired_round)(const cn_wired *w, const eight *p, const eight *q, eight *v, int first, eight *out,
                                     eight *into, eight *work)
{
    const cn_idx m = w->m;
    const size_t n = (size_t)w->n;
    eight *u = work, *carried = work + BLOCK * n;
    for (size_t j = 0; j < n; j++) out[j] = (eight){0.0};
    for (cn_idx top = 0; top < m; top += w->tile) {
        const cn_idx end = m - top < w->tile ? m : top + w->tile;
        for (size_t j = 0; j < n; j++) carried[j] = (eight){0.0};
        for (cn_idx i = top; i < end;) {
            const int rows = end - i >= BLOCK ? BLOCK : 1;
            if (first) {
                for (int e = 0; e < rows; e++)
                    for (size_t j = 0; j < n; j++) u[(size_t)e * n + j] = p[i + e];
                if (into)
                    for (int e = 0; e < rows; e++) into[i + e] = (eight){0.0};
            } else if (rows == BLOCK) {
                NAME(words)(w, i, BLOCK, p, v, u, into);
            } else {
                NAME(words)(w, i, 1, p, v, u, into);
            }
            for (int e = 0; e < rows; e++, i++) {
                const double *g = w->g + (size_t)i * n, *k = w->k_bit + (size_t)i * n;
                eight *c = v + (size_t)i * n;
                const eight *of = u + (size_t)e * n;
                for (size_t j = 0; j < n; j++) {
                    const eight now = g[j] * of[j] + carried[j];
                    c[j] = w->r_bit * now;
                    carried[j] = k[j] * now;
                }
            }
        }
        for (size_t j = 0; j < n; j++) {
            out[j] += carried[j];
            carried[j] = q[j];
        }
        for (cn_idx i = end; i-- > top;) {
            const double *k = w->k_bit + (size_t)i * n;
            eight *c = v + (size_t)i * n;
            for (size_t j = 0; j < n; j++) c[j] = carried[j] = k[j] * (carried[j] + c[j]);
        }
    }
}

TARGET static void NAME(wired_products)(const cn_wired *w, const eight *p, const eight *v, const eight *p2, const eight *v2,
                                        double *sum, eight *work)
{
    const size_t n = (size_t)w->n;
    eight *u = work, *u2 = work + BLOCK * n;
    for (cn_idx i = 0; i < w->m;) {
        const int rows = w->m - i >= BLOCK ? BLOCK : 1;
        if (rows == BLOCK) {
            NAME(words)(w, i, BLOCK, p, v, u, NULL);
            NAME(words)(w, i, BLOCK, p2, v2, u2, NULL);
        } else {
            NAME(words)(w, i, 1, p, v, u, NULL);
            NAME(words)(w, i, 1, p2, v2, u2, NULL);
        }
        const size_t at = (size_t)i * n;
        for (size_t cell = 0; cell < (size_t)rows * n; cell++) {
            const eight both = (u[cell] - v[at + cell]) * (u2[cell] - v2[at + cell]);
            sum[at + cell] += ((both[0] + both[1]) + (both[2] + both[3])) + ((both[4] + both[5]) + (both[6] + both[7]));
        }
        i += rows;
    }
}

TARGET static void NAME(wired_nodes)(cn_idx rows, cn_idx n, const double *own, const double *low, const double *high, int pairs,
                                     double saturation, double thermal, double *v)
{
    /* a last vector that is not full holds nodes of no meaning in its other lanes */
    for (cn_idx first = 0; first < n; first += LANES) {
        const size_t bytes = (size_t)(n - first < LANES ? n - first : LANES) * sizeof(double);
        V a = NAME(spread)(1), down = NAME(spread)(0), up = down;
        memcpy(&a, own + first, bytes);
        memcpy(&down, low + first, bytes);
        memcpy(&up, high + first, bytes);
        for (cn_idx b = 0; b < rows; b++) {
            double *at = v + (size_t)b * (size_t)n + first;
            V s = NAME(spread)(0);
            memcpy(&s, at, bytes);
            s = NAME(bent)(s, 1 / a, down, up, pairs, saturation, thermal);
            memcpy(at, &s, bytes);
        }
    }
}

#undef INLINE
#undef V
#undef INTEGERS
#undef IN_VECTOR
