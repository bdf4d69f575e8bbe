/* Resistive networks on one processor's vectors, see cn_relax.h; included by cn_relax.c through cn_targets.h, once for each
 * REAL.  Rows of nodes belong to examples and are as long as the layer's room.
 */
#define V NAME(relax_v)
#define INLINE static inline __attribute__((always_inline, unused)) TARGET
#define IN_VECTOR ((cn_idx)(sizeof(V) / sizeof(REAL)))
#define VECTORS (CN_RELAX_BLOCK / IN_VECTOR) /* of a block */

typedef REAL V __attribute__((vector_size(8 * LANES)));

#define INTEGERS NAME(relax_i)
#if SINGLE
typedef uint32_t INTEGERS __attribute__((vector_size(8 * LANES)));
#else
typedef uint64_t INTEGERS __attribute__((vector_size(8 * LANES)));
#endif

INLINE V NAME(select)(INTEGERS mask, V yes, V no) { return (V)(((INTEGERS)yes & mask) | ((INTEGERS)no & ~mask)); }

INLINE V NAME(load)(const REAL *from)
{
    V v;
    memcpy(&v, from, sizeof v);
    return v;
}

INLINE void NAME(store)(REAL *to, V v) { memcpy(to, &v, sizeof v); }
INLINE V NAME(spread)(REAL x) { return x - (V){0}; }

/* The larger and the smaller; b where one is no number. */
#if STREAMS == 8 && SINGLE
INLINE V NAME(larger)(V a, V b) { return (V)_mm512_max_ps((__m512)a, (__m512)b); }
INLINE V NAME(smaller)(V a, V b) { return (V)_mm512_min_ps((__m512)a, (__m512)b); }
#elif STREAMS == 8
INLINE V NAME(larger)(V a, V b) { return (V)_mm512_max_pd((__m512d)a, (__m512d)b); }
INLINE V NAME(smaller)(V a, V b) { return (V)_mm512_min_pd((__m512d)a, (__m512d)b); }
#elif STREAMS == 4 && SINGLE
INLINE V NAME(larger)(V a, V b) { return (V)_mm256_max_ps((__m256)a, (__m256)b); }
INLINE V NAME(smaller)(V a, V b) { return (V)_mm256_min_ps((__m256)a, (__m256)b); }
#elif STREAMS == 4
INLINE V NAME(larger)(V a, V b) { return (V)_mm256_max_pd((__m256d)a, (__m256d)b); }
INLINE V NAME(smaller)(V a, V b) { return (V)_mm256_min_pd((__m256d)a, (__m256d)b); }
#else
INLINE V NAME(larger)(V a, V b) { return NAME(select)((INTEGERS)(a > b), a, b); }
INLINE V NAME(smaller)(V a, V b) { return NAME(select)((INTEGERS)(a < b), a, b); }
#endif

#include "cn_relax_diode.h"

/* By halves, so that it is the same however wide vectors are. */
INLINE REAL NAME(total)(const V *v)
{
    REAL all[CN_RELAX_BLOCK];
    memcpy(all, v, sizeof all);
    for (int half = CN_RELAX_BLOCK / 2; half > 0; half /= 2)
        for (int e = 0; e < half; e++) all[e] += all[e + half];
    return all[0];
}

/* ---- the first layer, block by block ---- */

/* One pass over a block (features, 2, 16).  With `now`, rows of `count` inputs of the minibatch whose update it is, add
 * x d - q to G+ and -x d - q to G-, within bounds; with `next`, bias + x (G+ - G-) into drive; sum of all G into sum.  d and drive are rows of columns. */
INLINE void NAME(pass)(REAL *g, cn_idx features, const int count, const REAL *now, const unsigned char *now_any,
                       const REAL *next, const unsigned char *next_any, const REAL *d, const REAL *q, const REAL *least,
                       const REAL *largest, const REAL *bias, REAL *drive, REAL *sum, size_t row)
{
    for (cn_idx part = 0; part < VECTORS; part++) {
        REAL *at = g + part * IN_VECTOR;
        const cn_idx lane = part * IN_VECTOR;
        V change[8], driven[8], all = NAME(spread)(0);
        V shift = NAME(spread)(0), low = shift, high = shift;
        if (now) {
            shift = NAME(load)(q + lane), low = NAME(load)(least + lane), high = NAME(load)(largest + lane);
            for (int b = 0; b < count; b++) change[b] = NAME(load)(d + (size_t)b * row + (size_t)lane);
        }
        for (int b = 0; b < count; b++) driven[b] = next ? NAME(load)(bias + lane) : NAME(spread)(0);
        for (cn_idx i = 0; i < features; i++, at += 2 * CN_RELAX_BLOCK) {
            V plus = NAME(load)(at), minus = NAME(load)(at + CN_RELAX_BLOCK);
            if (now) {
                V up = plus - shift, down = minus - shift;
                if (now_any[i]) {
                    V move = now[i * count] * change[0];
                    for (int b = 1; b < count; b++) move += now[i * count + b] * change[b];
                    up += move, down -= move;
                }
                plus = NAME(smaller)(high, NAME(larger)(low, up));
                minus = NAME(smaller)(high, NAME(larger)(low, down));
                NAME(store)(at, plus), NAME(store)(at + CN_RELAX_BLOCK, minus);
            }
            all += plus + minus;
            if (next && next_any[i]) {
                const V difference = plus - minus;
                for (int b = 0; b < count; b++) driven[b] += next[i * count + b] * difference;
            }
        }
        NAME(store)(sum + lane, all);
        if (next)
            for (int b = 0; b < count; b++) NAME(store)(drive + (size_t)b * row + (size_t)lane, driven[b]);
    }
}

#define PASS(ending, count, now, next)                                                                                \
    TARGET static void NAME(pass##ending)(REAL *g, cn_idx features, const feed *n, const feed *x, const REAL *d,       \
                                          const REAL *q, const REAL *least, const REAL *largest, const REAL *bias,     \
                                          REAL *drive, REAL *sum, size_t row)                                         \
    {                                                                                                                 \
        NAME(pass)(g, features, count, now ? (const REAL *)n->x : NULL, now ? n->any : NULL,                          \
                   next ? (const REAL *)x->x : NULL, next ? x->any : NULL, d, q, least, largest, bias, drive, sum,     \
                   row);                                                                                              \
    }
PASS(4_both, 4, 1, 1)
PASS(4_update, 4, 1, 0)
PASS(4_drive, 4, 0, 1)
PASS(8_both, 8, 1, 1)
PASS(8_update, 8, 1, 0)
PASS(8_drive, 8, 0, 1)
#undef PASS

/* ---- layers ---- */

/* out[r][k] += sum_j v[r][j] g[k][j] for R rows and K upper nodes. */
INLINE void NAME(dots)(const REAL *v, size_t v_row, const REAL *g, size_t g_row, cn_idx room, const int R, const int K,
                       REAL *out, size_t out_row)
{
    V sum[4][4][VECTORS];
    for (int r = 0; r < R; r++)
        for (int k = 0; k < K; k++)
            for (int e = 0; e < VECTORS; e++) sum[r][k][e] = NAME(spread)(0);
    for (cn_idx j = 0; j < room; j += CN_RELAX_BLOCK)
        for (int e = 0; e < VECTORS; e++) {
            V x[4];
            for (int r = 0; r < R; r++) x[r] = NAME(load)(v + (size_t)r * v_row + (size_t)(j + e * IN_VECTOR));
            for (int k = 0; k < K; k++) {
                const V y = NAME(load)(g + (size_t)k * g_row + (size_t)(j + e * IN_VECTOR));
                for (int r = 0; r < R; r++) sum[r][k][e] += x[r] * y;
            }
        }
    for (int r = 0; r < R; r++)
        for (int k = 0; k < K; k++) out[(size_t)r * out_row + (size_t)k] += NAME(total)(sum[r][k]);
}

INLINE void NAME(all_dots)(const REAL *v, size_t v_row, const REAL *g, size_t room, cn_idx n, const int R, REAL *out,
                           size_t out_row)
{
    cn_idx k = 0;
    if (VECTORS == 1)
        for (; k + 4 <= n; k += 4)
            NAME(dots)(v, v_row, g + (size_t)k * room, room, (cn_idx)room, R, 4, out + k, out_row);
    for (; k + 2 <= n; k += 2) NAME(dots)(v, v_row, g + (size_t)k * room, room, (cn_idx)room, R, 2, out + k, out_row);
    for (; k < n; k++) NAME(dots)(v, v_row, g + (size_t)k * room, room, (cn_idx)room, R, 1, out + k, out_row);
}

/* One exact step of hidden layer l for R rows whose currents from below are in `base`; returns the largest change. */
INLINE REAL NAME(hidden)(const cn_relax *r, const NOW *t, cn_idx l, const REAL *base, size_t base_row, const int R,
                       const cn_diodes diodes)
{
    const size_t room = (size_t)r->room[l], above_row = (size_t)r->room[l + 1];
    const cn_idx above = r->size[l + 1];
    const REAL *over = t->over[l], *low = r->low[l], *high = r->high[l], *g = r->upper[l + 1], *v = t->v[l + 1];
    REAL *to = t->v[l];
    const REAL saturation = (REAL)r->saturation[l], thermal = (REAL)r->thermal[l];
    V most = NAME(spread)(0);
    enum { WIDE = 16 / (sizeof(V) / sizeof(REAL)) >= 2 ? 2 : 1 };
    for (size_t j = 0; j < room; j += WIDE * (size_t)IN_VECTOR) {
        V sum[4][WIDE];
        for (int k = 0; k < R; k++)
            for (int e = 0; e < WIDE; e++) sum[k][e] = NAME(load)(base + (size_t)k * base_row + j + (size_t)(e * IN_VECTOR));
        for (cn_idx m = 0; m < above; m++)
            for (int e = 0; e < WIDE; e++) {
                const V y = NAME(load)(g + (size_t)m * room + j + (size_t)(e * IN_VECTOR));
                for (int k = 0; k < R; k++) sum[k][e] += v[(size_t)k * above_row + (size_t)m] * y;
            }
        for (int e = 0; e < WIDE; e++) {
            const size_t at = j + (size_t)(e * IN_VECTOR);
            const V per = NAME(load)(over + at), from = NAME(load)(low + at), upto = NAME(load)(high + at);
            for (int k = 0; k < R; k++) {
                REAL *where = to + (size_t)k * room + at;
                const V settled =
                    diodes == CN_DIODES_IDEAL
                        ? NAME(smaller)(upto, NAME(larger)(from, sum[k][e] * per))
                        : NAME(bent)(sum[k][e], per, from, upto, diodes == CN_DIODES_PAIRS, saturation, thermal);
                const V change = settled - NAME(load)(where);
                most = NAME(larger)(most, NAME(larger)(change, -change));
                NAME(store)(where, settled);
            }
        }
    }
    REAL found = 0;
    for (int e = 0; e < IN_VECTOR; e++) found = most[e] > found ? most[e] : found;
    return found;
}

/* The outputs' step of R rows, from their currents in base; returns the largest change. */
INLINE REAL NAME(output)(const cn_relax *r, const NOW *t, const REAL *base, size_t base_row, const int R)
{
    const cn_idx l = r->layers - 1, n = r->size[l];
    const size_t room = (size_t)r->room[l];
    const REAL *all = t->all[l];
    REAL most = 0;
    for (int k = 0; k < R; k++) {
        const REAL *s = base + (size_t)k * base_row, *extra = t->extra + (size_t)k * room, beta = t->beta[k];
        REAL *v = t->v[l] + (size_t)k * room;
        for (cn_idx i = 0; i < n; i++) {
            REAL next;
            if (r->differential && beta != 0) {
                const cn_idx other = i ^ 1;
                const REAL a = all[i], b = all[other];
                next = ((b + beta) * (s[i] + extra[i]) + beta * (s[other] + extra[other])) / (a * b + beta * (a + b));
            } else {
                next = (s[i] + extra[i]) / (all[i] + beta);
            }
            const REAL change = next > v[i] ? next - v[i] : v[i] - next;
            most = change > most ? change : most;
            t->scratch[(size_t)k * (size_t)r->widest + (size_t)i] = next;
        }
        memcpy(v, t->scratch + (size_t)k * (size_t)r->widest, (size_t)n * sizeof(REAL));
    }
    return most;
}

INLINE REAL NAME(step)(const cn_relax *r, const NOW *t, cn_idx l, const int R)
{
    const REAL *base = t->drive;
    size_t row = (size_t)r->room[0];
    if (l > 0) {
        REAL *sums = t->sums;
        row = (size_t)r->widest;
        for (int k = 0; k < R; k++) memcpy(sums + (size_t)k * row, r->bias[l], (size_t)r->room[l] * sizeof(REAL));
        NAME(all_dots)(t->v[l - 1], (size_t)r->room[l - 1], r->upper[l], (size_t)r->room[l - 1], r->size[l], R, sums, row);
        base = sums;
    }
    if (l == r->layers - 1) return NAME(output)(r, t, base, row, R);
    switch (r->diodes) {
    case CN_DIODES_IDEAL: return NAME(hidden)(r, t, l, base, row, R, CN_DIODES_IDEAL);
    case CN_DIODES_ONE: return NAME(hidden)(r, t, l, base, row, R, CN_DIODES_ONE);
    default: return NAME(hidden)(r, t, l, base, row, R, CN_DIODES_PAIRS);
    }
}

/* Sweeps of R rows, alternately over every other layer; a nudged state begins with those that hold the outputs. */
INLINE cn_status NAME(sweep_rows)(const cn_relax *r, const NOW *t, int nudged, int sweeps, REAL tolerance, const int R)
{
    const cn_idx first = nudged ? (r->layers - 1) & 1 : 0;
    for (int s = 0; s < sweeps; s++) {
        REAL most = 0;
        for (cn_idx half = 0; half < 2; half++)
            for (cn_idx l = first ^ half; l < r->layers; l += 2) {
                const REAL change = NAME(step)(r, t, l, R);
                most = change <= most ? most : change; /* a change that is no number is the largest */
            }
        if (tolerance > 0 && most <= tolerance) return CN_OK;
    }
    return tolerance > 0 ? CN_NO_CONVERGENCE : CN_OK;
}

TARGET static cn_status NAME(sweep4)(const cn_relax *r, const NOW *t, int nudged, int sweeps, REAL tolerance)
{
    return NAME(sweep_rows)(r, t, nudged, sweeps, tolerance, 4);
}
TARGET static cn_status NAME(sweep2)(const cn_relax *r, const NOW *t, int nudged, int sweeps, REAL tolerance)
{
    return NAME(sweep_rows)(r, t, nudged, sweeps, tolerance, 2);
}
TARGET static cn_status NAME(sweep1)(const cn_relax *r, const NOW *t, int nudged, int sweeps, REAL tolerance)
{
    return NAME(sweep_rows)(r, t, nudged, sweeps, tolerance, 1);
}

/* ---- conductances between layers ---- */

/* Columns j .. j + 16 of upper[l]: the update by `rows` examples, d and s differences and sums of the two phases; sums of columns
 * into above, of each row's part into part.  No update where rows is 0. */
TARGET static void NAME(between)(const cn_relax *r, cn_idx l, cn_idx j, cn_idx rows, const REAL *lower_d, const REAL *lower_s,
                                 const REAL *upper_d, const REAL *upper_s, REAL rate, const REAL *least,
                                 const REAL *largest, REAL *above, REAL *part)
{
    const size_t room = (size_t)r->room[l - 1], upper_room = (size_t)r->room[l];
    V all[VECTORS];
    for (int e = 0; e < VECTORS; e++) all[e] = NAME(spread)(0);
    for (cn_idx k = 0; k < r->size[l]; k++) {
        REAL *g = (REAL *)r->upper[l] + (size_t)k * room + (size_t)j;
        V now[VECTORS];
        for (int e = 0; e < VECTORS; e++) {
            const size_t lane = (size_t)(e * IN_VECTOR);
            now[e] = NAME(load)(g + lane);
            if (rows > 0) {
                V change = NAME(spread)(0);
                for (cn_idx b = 0; b < rows; b++) {
                    const size_t low = (size_t)b * room + (size_t)j + lane, up = (size_t)b * upper_room + (size_t)k;
                    change += (NAME(load)(lower_d + low) - upper_d[up]) * (NAME(load)(lower_s + low) - upper_s[up]);
                }
                now[e] -= rate * change;
                now[e] = NAME(smaller)(NAME(load)(largest + lane), NAME(larger)(NAME(load)(least + lane), now[e]));
                NAME(store)(g + lane, now[e]);
            }
            all[e] += now[e];
        }
        part[k] = NAME(total)(now);
    }
    for (int e = 0; e < VECTORS; e++) NAME(store)(above + j + e * IN_VECTOR, all[e]);
}

#undef V
#undef INTEGERS
#undef INLINE
#undef IN_VECTOR
#undef VECTORS
