/* The passes over lines, written once for a vector of LANES doubles, numbers stored as REAL (SINGLE: as float), and
 * GENERAL lines or plain ones; STREAMS: LANES where the processor can store past the caches.  Included by cn_lines_pass.c once for each combination.
 * Defines NAME(factor_words), NAME(factor_bits), NAME(row_pass), NAME(column_pass).
 */
typedef double NAME(vec) __attribute__((vector_size(8 * LANES), aligned(8), may_alias));
typedef int64_t NAME(mask) __attribute__((vector_size(8 * LANES)));
#define VEC NAME(vec)
#define LOAD(p) (*(const VEC *)(p))
#define STORE(p, x) (*(VEC *)(p) = (x))
#if SINGLE
typedef float NAME(narrow) __attribute__((vector_size(4 * LANES), aligned(4), may_alias));
#define GET(p) __builtin_convertvector(*(const NAME(narrow) *)(p), VEC)
#define PUT(p, x) (*(NAME(narrow) *)(p) = __builtin_convertvector((x), NAME(narrow)))
#else
#define GET LOAD
#define PUT STORE
#endif
/* A store past the caches, which saves reading a line that is written whole; for arrays that no cache holds. */
#if defined(__x86_64__) && defined(__GNUC__) && !SINGLE && STREAMS == 8
#define PUT_PAST(p, x) __builtin_ia32_movntpd512((double *)(p), (x))
#elif defined(__x86_64__) && defined(__GNUC__) && !SINGLE && STREAMS == 4
#define PUT_PAST(p, x) __builtin_ia32_movntpd256((double *)(p), (x))
#else
#define PUT_PAST PUT
#endif

/* Transpose LANES rows in place: at each stage blocks beside the diagonal of size s change places. */
#define SWAP(s, low, high)                                     \
    _Pragma("GCC unroll 8") for (int k = 0; k < LANES; k++)    \
        if (!(k & (s))) {                                      \
            const VEC a = r[k], b = r[k | (s)];                \
            r[k] = __builtin_shuffle(a, b, low);               \
            r[k | (s)] = __builtin_shuffle(a, b, high);        \
        }

static inline __attribute__((always_inline)) void NAME(transpose)(VEC *r)
{
#if LANES == 8
    SWAP(1, ((NAME(mask)){0, 8, 2, 10, 4, 12, 6, 14}), ((NAME(mask)){1, 9, 3, 11, 5, 13, 7, 15}))
    SWAP(2, ((NAME(mask)){0, 1, 8, 9, 4, 5, 12, 13}), ((NAME(mask)){2, 3, 10, 11, 6, 7, 14, 15}))
    SWAP(4, ((NAME(mask)){0, 1, 2, 3, 8, 9, 10, 11}), ((NAME(mask)){4, 5, 6, 7, 12, 13, 14, 15}))
#else
    SWAP(1, ((NAME(mask)){0, 4, 2, 6}), ((NAME(mask)){1, 5, 3, 7}))
    SWAP(2, ((NAME(mask)){0, 1, 4, 5}), ((NAME(mask)){2, 3, 6, 7}))
#endif
}
#undef SWAP

/* Copy one row of conductances, contiguous.  Returns their sum, NaN where one is negative, infinite or not a number. */
TARGET static double NAME(store_row)(const double *from, cn_idx n, void *to_row)
{
    REAL *to = to_row;
    VEC total = (VEC){0.0}, more = (VEC){0.0};
    NAME(mask) negative = {0};
    cn_idx j = 0;
    for (; j + 2 * LANES <= n; j += 2 * LANES) {
        const VEC x = LOAD(from + j), y = LOAD(from + j + LANES);
        negative |= (x < 0.0) | (y < 0.0);
        total += x;
        more += y;
        PUT(to + j, x);
        PUT(to + j + LANES, y);
    }
    total += more;
    double sum = 0.0;
    int64_t wrong = 0;
    for (int e = 0; e < LANES; e++) {
        sum += total[e];
        wrong |= negative[e];
    }
    for (; j < n; j++) {
        wrong |= from[j] < 0.0;
        sum += from[j];
        to[j] = (REAL)from[j];
    }
    return wrong || sum - sum != 0.0 ? NAN : sum;
}

/* Factors of up to GROUP strips of LANES word lines at once, so that none waits for another's division; and their cells
 * weighted with the hats along j. */
TARGET static void NAME(factor_words)(cn_lines *l, cn_idx first, cn_idx last)
{
    enum { GROUP = CN_STRIPS };
    const cn_idx n = l->n, count = last - first;
    const size_t ld = (size_t)l->ld, hats = (size_t)l->coarse.cols.cells + 1;
    const cn_hats *cols = &l->coarse.cols;
    VEC s[GROUP], carried[GROUP], low[GROUP], high[GROUP], cells[GROUP][LANES];
#if GENERAL
    VEC wires[GROUP][LANES];
#else
    VEC wire[GROUP];
#endif
    for (cn_idx t = 0; t < count; t++) {
        s[t] = carried[t] = LOAD(l->word_low.g + (first + t) * LANES);
        low[t] = high[t] = (VEC){0.0};
#if !GENERAL
        wire[t] = LOAD(l->word + (first + t) * LANES);
#endif
    }
    cn_idx at = cols->cell[0];
    for (cn_idx j0 = 0; j0 < n; j0 += LANES) {
        for (cn_idx t = 0; t < count; t++) {
            const size_t corner = (size_t)((first + t) * LANES) * ld + (size_t)j0;
            for (int k = 0; k < LANES; k++) cells[t][k] = GET((const REAL *)l->g + corner + (size_t)k * ld);
            NAME(transpose)(cells[t]);
#if GENERAL
            for (int k = 0; k < LANES; k++) wires[t][k] = LOAD(l->word_segment + corner + (size_t)k * ld);
            NAME(transpose)(wires[t]);
#endif
        }
        const int many = n - j0 < LANES ? (int)(n - j0) : LANES;
        for (int k = 0; k < many; k++) {
            const cn_idx j = j0 + k;
            for (; at < cols->cell[j]; at++) /* the hat that ends here is complete */
                for (cn_idx t = 0; t < count; t++) {
                    double *sums = l->row_hats + (size_t)((first + t) * LANES) * hats;
                    for (int e = 0; e < LANES; e++) sums[(size_t)e * hats + (size_t)at] = low[t][e];
                    low[t] = high[t];
                    high[t] = (VEC){0.0};
                }
            for (cn_idx t = 0; t < count; t++) {
                const size_t place = ((size_t)(first + t) * (size_t)n + (size_t)j) * LANES;
                high[t] += cols->part[j] * cells[t][k];
                low[t] += (1.0 - cols->part[j]) * cells[t][k];
                s[t] = cells[t][k] + carried[t];
#if GENERAL
                const VEC over = 1.0 / (wires[t][k] + s[t]);
                STORE(l->p_word + place, over);
                carried[t] = s[t] * (wires[t][k] * over);
#else
                const VEC over = 1.0 / (wire[t] + s[t]);
                carried[t] = s[t] * (wire[t] * over);
#endif
                PUT((REAL *)l->q_word + place, s[t] * over);
            }
        }
    }
    for (cn_idx t = 0; t < count; t++) {
        const cn_idx i = (first + t) * LANES;
        double *sums = l->row_hats + (size_t)i * hats;
        for (int e = 0; e < LANES; e++) {
            sums[(size_t)e * hats + (size_t)at] = low[t][e];
            sums[(size_t)e * hats + (size_t)at + 1] = high[t][e];
            for (cn_idx k = at + 2; k <= cols->cells; k++) sums[(size_t)e * hats + (size_t)k] = 0.0;
        }
        STORE(l->word_pivot + i, 1.0 / (s[t] + LOAD(l->word_high.g + i)));
    }
}

/* Factors of the bit lines of one panel. */
static inline __attribute__((always_inline)) void NAME(panel_factors)(cn_lines *l, cn_idx j0, const cn_idx width)
{
    enum { MOST = 4 };
    const size_t ld = (size_t)l->ld;
    const cn_idx vecs = width / LANES;
    REAL *q = (REAL *)l->q_bit + (size_t)j0 * (size_t)l->m;
#if GENERAL
    double *p = l->p_bit + (size_t)j0 * (size_t)l->m;
    const double *cells = l->g_bit;
#else
    const REAL *cells = l->g;
    VEC wire[MOST];
#endif
    VEC carried[MOST], s[MOST];
    for (cn_idx k = 0; k < vecs; k++) {
        s[k] = carried[k] = LOAD(l->bit_low.g + j0 + k * LANES);
#if !GENERAL
        wire[k] = LOAD(l->bit + j0 + k * LANES);
#endif
    }
    for (cn_idx i = 0; i < l->m; i++)
        for (cn_idx k = 0; k < vecs; k++) {
            const size_t at = (size_t)i * (size_t)width + (size_t)(k * LANES), cell = (size_t)i * ld + (size_t)(j0 + k * LANES);
            s[k] = GET(cells + cell) + carried[k];
#if GENERAL
            const VEC w = LOAD(l->bit_segment + cell), over = 1.0 / (w + s[k]);
            STORE(p + at, over);
            carried[k] = s[k] * (w * over);
#else
            const VEC over = 1.0 / (wire[k] + s[k]);
            carried[k] = s[k] * (wire[k] * over);
#endif
            PUT(q + at, s[k] * over);
        }
    for (cn_idx k = 0; k < vecs; k++)
        STORE(l->bit_pivot + j0 + k * LANES, 1.0 / (s[k] + LOAD(l->bit_high.g + j0 + k * LANES)));
}

TARGET static void NAME(factor_bits)(cn_lines *l, cn_idx j0, cn_idx width)
{
    if (width == 4 * LANES)
        NAME(panel_factors)(l, j0, 4 * LANES);
    else
        NAME(panel_factors)(l, j0, LANES);
}

/* Hand what one hat of the rows has gathered on to the coarse nodes, and to the sums of the columns. */
TARGET static void NAME(flush)(cn_lines *l, const double *sums, double *part, double *column)
{
    const cn_hats *cols = &l->coarse.cols;
    for (cn_idx j = 0; j < l->n; j++) {
        const double r = sums[j];
        column[j] += r;
        part[cols->cell[j]] += (1.0 - cols->part[j]) * r;
        part[cols->cell[j] + 1] += cols->part[j] * r;
    }
}

/* u := (T_w + A)^-1 (B v + f_w) on strips first .. last-1; residual of the bit lines to coarse nodes and column sums. */
static inline __attribute__((always_inline)) void NAME(strips)(cn_lines *l, cn_idx first, cn_idx last, const int still,
                                                                double *scratch, double *part, double *column)
{
    const cn_idx n = l->n;
    const size_t ld = (size_t)l->ld, np = (size_t)l->n_padded;
    const cn_hats *rows = &l->coarse.rows;
    const size_t coarse_cols = (size_t)l->coarse.cols.cells + 1;
    double *line = scratch;              /* n_padded * LANES */
    double *sums = scratch + np * LANES; /* 3 * n_padded: of the hats at, at + 1, at + 2 */
    cn_idx at = rows->cell[first * LANES];
    memset(sums, 0, sizeof(double) * 3 * np);
    for (cn_idx strip = first; strip < last; strip++) {
        const cn_idx i0 = strip * LANES, count = i0 + LANES <= l->m ? LANES : l->m - i0;
        const size_t corner = (size_t)i0 * ld;
        const REAL *g = (const REAL *)l->g + corner, *v = (const REAL *)l->v + corner;
        const REAL *q = (const REAL *)l->q_word + (size_t)strip * (size_t)n * LANES;
        REAL *u = (REAL *)l->u + corner;
#if GENERAL
        const double *p = l->p_word + (size_t)strip * (size_t)n * LANES, *g_bit = l->g_bit + corner;
        const double *f_word = l->f_word + corner, *f_bit = l->f_bit + corner, *coupling = g_bit;
#else
        const REAL *coupling = g;
        const VEC over = 1.0 / LOAD(l->word + i0);
#endif
        /* Forward along the lines. */
        const VEC enter = LOAD(l->word_low.g + i0) * LOAD(l->word_low.drive + i0) + LOAD(l->word_low.feed + i0);
        VEC y = (VEC){0.0}, back = (VEC){0.0};
        for (cn_idx j0 = 0; j0 < n; j0 += LANES) {
            VEC r[LANES];
            for (int k = 0; k < LANES; k++) {
                const size_t cell = (size_t)k * ld + (size_t)j0;
                r[k] = (VEC){0.0};
                if (!still) r[k] = GET(coupling + cell) * GET(v + cell);
#if GENERAL
                r[k] += LOAD(f_word + cell);
#endif
            }
            NAME(transpose)(r);
            if (j0 == 0) r[0] += enter;
            const int many = n - j0 < LANES ? (int)(n - j0) : LANES;
            for (int k = 0; k < many; k++) {
                y = r[k] + (1.0 - back) * y; /* a chain of one FMA a cell; 1 - back waits for nothing */
                back = GET(q + (size_t)(j0 + k) * LANES);
                STORE(line + (size_t)(j0 + k) * LANES, y);
            }
        }
        /* Backward. */
        VEC x = (y + LOAD(l->word_high.g + i0) * LOAD(l->word_high.drive + i0) + LOAD(l->word_high.feed + i0)) *
                LOAD(l->word_pivot + i0);
        STORE(line + (size_t)(n - 1) * LANES, x);
        for (cn_idx j = n - 2; j >= 0; j--) {
            const VEC f = GET(q + (size_t)j * LANES);
#if GENERAL
            const VEC z = LOAD(line + (size_t)j * LANES) * LOAD(p + (size_t)j * LANES);
#else
            const VEC z = LOAD(line + (size_t)j * LANES) * ((1.0 - f) * over);
#endif
            x = z + (1.0 - f) * x;
            STORE(line + (size_t)j * LANES, x);
        }
        /* A strip crosses at most one border between cells of the coarse grid: the grid is made so. */
        double weight[3][LANES];
        for (cn_idx k = 0; k < count; k++) {
            const cn_idx hat = rows->cell[i0 + k] - at;
            weight[0][k] = weight[1][k] = weight[2][k] = 0.0;
            weight[hat][k] = 1.0 - rows->part[i0 + k];
            weight[hat + 1][k] = rows->part[i0 + k];
        }
        /* Back to rows, and the residual of the bit lines. */
        for (cn_idx j0 = 0; j0 < n; j0 += LANES) {
            VEC r[LANES];
            for (int k = 0; k < LANES; k++) r[k] = LOAD(line + (size_t)(j0 + k) * LANES);
            NAME(transpose)(r);
#if !GENERAL
            const VEC segment = LOAD(l->bit + j0);
#endif
            VEC above = (VEC){0.0}, here = (VEC){0.0}, below = (VEC){0.0};
            if (!still) above = GET(v + j0 - ld), here = GET(v + j0);
            VEC s0 = LOAD(sums + j0), s1 = LOAD(sums + np + j0), s2 = LOAD(sums + 2 * np + j0);
            for (cn_idx k = 0; k < count; k++) {
                const cn_idx i = i0 + k;
                const size_t cell = (size_t)k * ld + (size_t)j0;
                PUT(u + cell, r[k]);
                if (!still) below = GET(v + cell + ld);
                VEC flow = GET(g + cell) * (r[k] - here);
#if GENERAL
                flow += (LOAD(g + cell) - LOAD(g_bit + cell)) * here + LOAD(f_bit + cell);
                const VEC segment = LOAD(l->bit_segment + corner + cell);
                const VEC last_segment = i > 0 ? LOAD(l->bit_segment + corner + cell - ld) : segment;
#else
                const VEC last_segment = segment;
#endif
                flow += i > 0 ? last_segment * (above - here)
                              : LOAD(l->bit_low.g + j0) * (LOAD(l->bit_low.drive + j0) - here) + LOAD(l->bit_low.feed + j0);
                flow += i < l->m - 1
                            ? segment * (below - here)
                            : LOAD(l->bit_high.g + j0) * (LOAD(l->bit_high.drive + j0) - here) + LOAD(l->bit_high.feed + j0);
                if (l->residual) STORE(l->residual + (size_t)i * ld + j0, flow);
                s0 += weight[0][k] * flow;
                s1 += weight[1][k] * flow;
                s2 += weight[2][k] * flow;
                above = here;
                here = below;
            }
            STORE(sums + j0, s0);
            STORE(sums + np + j0, s1);
            STORE(sums + 2 * np + j0, s2);
        }
        if (strip + 1 < last && rows->cell[i0 + LANES] > at) {
            NAME(flush)(l, sums, part + (size_t)at * coarse_cols, column);
            memmove(sums, sums + np, sizeof(double) * 2 * np);
            memset(sums + 2 * np, 0, sizeof(double) * np);
            at++;
        }
    }
    for (cn_idx k = 0; k < 3 && at + k <= rows->cells; k++)
        NAME(flush)(l, sums + (size_t)k * np, part + (size_t)(at + k) * coarse_cols, column);
}

TARGET static void NAME(row_pass)(cn_lines *l, cn_idx first, cn_idx last, int still, double *scratch, double *part,
                                  double *column)
{
    if (still)
        NAME(strips)(l, first, last, 1, scratch, part, column);
    else
        NAME(strips)(l, first, last, 0, scratch, part, column);
}

/* v := (T_b + B)^-1 (A (u + P e) + f_b), or (T_b + B)^-1 rhs, on one panel of columns. */
TARGET static inline __attribute__((always_inline)) void NAME(panel)(cn_lines *l, cn_idx j0, const cn_idx width,
                                                                      const int given, const int past, double *scratch)
{
    enum { MOST = 4 };
    const cn_hats *rows = &l->coarse.rows;
    const size_t ld = (size_t)l->ld, np = (size_t)l->n_padded;
    const cn_idx m = l->m, vecs = width / LANES;
    const REAL *q = (const REAL *)l->q_bit + (size_t)j0 * (size_t)m;
#if GENERAL
    const double *p = l->p_bit + (size_t)j0 * (size_t)m;
#endif
    REAL *v = (REAL *)l->v + j0;
    VEC y[MOST], back[MOST];
    for (cn_idx k = 0; k < vecs; k++) y[k] = back[k] = (VEC){0.0};
#if !GENERAL
    VEC over[MOST];
    for (cn_idx k = 0; k < vecs; k++) over[k] = 1.0 / LOAD(l->bit + j0 + k * LANES);
#endif
    for (cn_idx i = 0; i < m; i++) {
        const size_t corner = (size_t)i * ld + (size_t)j0;
        const REAL *g = (const REAL *)l->g + corner, *u = (const REAL *)l->u + corner;
        const double *e = l->error_rows + (size_t)rows->cell[i] * np + j0;
        const double t = rows->part[i];
        for (cn_idx k = 0; k < vecs; k++) {
            VEC r;
            if (given) {
                r = LOAD(l->rhs + corner + k * LANES);
            } else {
                const VEC low = LOAD(e + k * LANES), high = LOAD(e + np + k * LANES);
                const VEC error = low + t * (high - low);
                r = GET(g + k * LANES) * (GET(u + k * LANES) + error);
#if GENERAL
                r += LOAD(l->f_bit + corner + k * LANES);
#endif
                if (i == 0)
                    r += LOAD(l->bit_low.g + j0 + k * LANES) * LOAD(l->bit_low.drive + j0 + k * LANES) +
                         LOAD(l->bit_low.feed + j0 + k * LANES);
            }
            y[k] = r + (1.0 - back[k]) * y[k];
            back[k] = GET(q + (size_t)i * (size_t)width + k * LANES);
            STORE(scratch + (size_t)i * (size_t)width + k * LANES, y[k]);
        }
    }
    for (cn_idx k = 0; k < vecs; k++) {
        if (!given)
            y[k] += LOAD(l->bit_high.g + j0 + k * LANES) * LOAD(l->bit_high.drive + j0 + k * LANES) +
                    LOAD(l->bit_high.feed + j0 + k * LANES);
        y[k] *= LOAD(l->bit_pivot + j0 + k * LANES);
        PUT(v + (size_t)(m - 1) * ld + k * LANES, y[k]);
    }
    for (cn_idx i = m - 2; i >= 0; i--)
        for (cn_idx k = 0; k < vecs; k++) {
            const size_t at = (size_t)i * (size_t)width + (size_t)(k * LANES);
            const VEC f = GET(q + at);
#if GENERAL
            const VEC z = LOAD(scratch + at) * LOAD(p + at);
#else
            const VEC z = LOAD(scratch + at) * ((1.0 - f) * over[k]);
#endif
            y[k] = z + (1.0 - f) * y[k];
            if (past)
                PUT_PAST(v + (size_t)i * ld + k * LANES, y[k]);
            else
                PUT(v + (size_t)i * ld + k * LANES, y[k]);
        }
}

TARGET static void NAME(column_pass)(cn_lines *l, cn_idx j0, cn_idx width, int given, double *scratch)
{
    /* constant widths, so that the vectors of a panel stay in registers */
    if (width == 4 * LANES && !given && (size_t)l->m * (size_t)l->ld > CN_PAST_CACHES)
        NAME(panel)(l, j0, 4 * LANES, 0, 1, scratch);
    else if (width == 4 * LANES && !given)
        NAME(panel)(l, j0, 4 * LANES, 0, 0, scratch);
    else if (width == 4 * LANES)
        NAME(panel)(l, j0, 4 * LANES, 1, 0, scratch);
    else if (!given)
        NAME(panel)(l, j0, LANES, 0, 0, scratch);
    else
        NAME(panel)(l, j0, LANES, 1, 0, scratch);
}

#undef VEC
#undef LOAD
#undef STORE
#undef GET
#undef PUT
#undef PUT_PAST
