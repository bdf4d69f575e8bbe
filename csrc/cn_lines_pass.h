/* The passes over lines, written once for a vector of LANES doubles; included by cn_lines.c once for each width.
 * Defines NAME(factor_words), NAME(factor_bits), NAME(row_pass), NAME(column_pass).
 */
typedef double NAME(vec) __attribute__((vector_size(8 * LANES), aligned(8), may_alias));
typedef int64_t NAME(mask) __attribute__((vector_size(8 * LANES)));
#define VEC NAME(vec)

#define LOAD(p) (*(const VEC *)(p))
#define STORE(p, x) (*(VEC *)(p) = (x))

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

/* LANES columns from j of LANES rows from p, transposed. */
static inline __attribute__((always_inline)) void NAME(gather)(const double *p, size_t ld, VEC *r)
{
    for (int k = 0; k < LANES; k++) r[k] = LOAD(p + (size_t)k * ld);
    NAME(transpose)(r);
}

/* Factors of LANES word lines. */
TARGET static void NAME(factor_words)(cn_lines *l, cn_idx strip)
{
    const cn_idx n = l->n, i = strip * LANES;
    const size_t ld = (size_t)l->ld;
    const double *g = l->g + (size_t)i * ld;
    double *q = l->q_word + (size_t)strip * (size_t)n * LANES;
    const VEC wire = LOAD(l->word + i);
    VEC s = LOAD(l->word_low + i);
    VEC carried = s;
    for (cn_idx j0 = 0; j0 < n; j0 += LANES) {
        VEC r[LANES];
        NAME(gather)(g + j0, ld, r);
        for (int k = 0; k < LANES && j0 + k < n; k++) {
            s = r[k] + carried;
            const VEC over = 1.0 / (wire + s);
            STORE(q + (size_t)(j0 + k) * LANES, s * over);
            carried = s * (wire * over);
        }
    }
    STORE(l->word_pivot + i, 1.0 / (s + LOAD(l->word_high + i)));
}

/* Factors of the bit lines of one panel. */
TARGET static void NAME(factor_bits)(cn_lines *l, cn_idx j0, cn_idx width)
{
    const size_t ld = (size_t)l->ld;
    double *q = l->q_bit + (size_t)j0 * (size_t)l->m;
    for (cn_idx k = 0; k < width; k += LANES) {
        const VEC wire = LOAD(l->bit + j0 + k);
        VEC carried = LOAD(l->bit_low + j0 + k), s = carried;
        for (cn_idx i = 0; i < l->m; i++) {
            s = LOAD(l->g + (size_t)i * ld + j0 + k) + carried;
            const VEC over = 1.0 / (wire + s);
            STORE(q + (size_t)i * (size_t)width + k, s * over);
            carried = s * (wire * over);
        }
        STORE(l->bit_pivot + j0 + k, 1.0 / (s + LOAD(l->bit_high + j0 + k)));
    }
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

/* u := (T_w + D)^-1 (D v + f_w) on strips first .. last-1; residual of the bit lines to coarse nodes and column sums. */
TARGET static void NAME(row_pass)(cn_lines *l, cn_idx first, cn_idx last, double *scratch, double *part, double *column)
{
    const cn_idx n = l->n;
    const size_t ld = (size_t)l->ld, np = (size_t)l->n_padded;
    const cn_hats *rows = &l->coarse.rows;
    const size_t coarse_cols = (size_t)l->coarse.cols.cells + 1;
    double *line = scratch;             /* n_padded * LANES */
    double *sums = scratch + np * LANES; /* 3 * n_padded: of the hats at, at + 1, at + 2 */
    cn_idx at = rows->cell[first * LANES];
    memset(sums, 0, sizeof(double) * 3 * np);
    for (cn_idx strip = first; strip < last; strip++) {
        const cn_idx i0 = strip * LANES, count = i0 + LANES <= l->m ? LANES : l->m - i0;
        const double *g = l->g + (size_t)i0 * ld, *q = l->q_word + (size_t)strip * (size_t)n * LANES;
        const double *v = l->v + (size_t)i0 * ld;
        double *u = l->u + (size_t)i0 * ld;
        /* Forward along the lines. */
        const VEC over = 1.0 / LOAD(l->word + i0), enter = LOAD(l->word_low + i0) * LOAD(l->drive_word_low + i0);
        VEC y = (VEC){0.0}, back = (VEC){0.0};
        for (cn_idx j0 = 0; j0 < n; j0 += LANES) {
            VEC r[LANES];
            for (int k = 0; k < LANES; k++) r[k] = LOAD(g + (size_t)k * ld + j0) * LOAD(v + (size_t)k * ld + j0);
            NAME(transpose)(r);
            if (j0 == 0) r[0] += enter;
            const int many = n - j0 < LANES ? (int)(n - j0) : LANES;
            for (int k = 0; k < many; k++) {
                y = r[k] + (1.0 - back) * y; /* a chain of one FMA a cell; 1 - back waits for nothing */
                back = LOAD(q + (size_t)(j0 + k) * LANES);
                STORE(line + (size_t)(j0 + k) * LANES, y);
            }
        }
        /* Backward. */
        VEC x = (y + LOAD(l->word_high + i0) * LOAD(l->drive_word_high + i0)) * LOAD(l->word_pivot + i0);
        STORE(line + (size_t)(n - 1) * LANES, x);
        for (cn_idx j = n - 2; j >= 0; j--) {
            const VEC f = LOAD(q + (size_t)j * LANES);
            const VEC z = LOAD(line + (size_t)j * LANES) * ((1.0 - f) * over);
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
            const VEC segment = LOAD(l->bit + j0);
            VEC above = LOAD(v + j0 - ld), here = LOAD(v + j0);
            VEC s0 = LOAD(sums + j0), s1 = LOAD(sums + np + j0), s2 = LOAD(sums + 2 * np + j0);
            for (cn_idx k = 0; k < count; k++) {
                const cn_idx i = i0 + k;
                STORE(u + (size_t)k * ld + j0, r[k]);
                const VEC below = LOAD(v + (size_t)(k + 1) * ld + j0);
                VEC flow = LOAD(g + (size_t)k * ld + j0) * (r[k] - here);
                flow += i > 0 ? segment * (above - here)
                              : LOAD(l->bit_low + j0) * (LOAD(l->drive_bit_low + j0) - here);
                flow += i < l->m - 1 ? segment * (below - here)
                                     : LOAD(l->bit_high + j0) * (LOAD(l->drive_bit_high + j0) - here);
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

/* v := (T_b + D)^-1 (D (u + P e) + f_b), or (T_b + D)^-1 rhs, on one panel of columns. */
static inline __attribute__((always_inline)) void NAME(panel)(cn_lines *l, cn_idx j0, const cn_idx width,
                                                               const int given, double *scratch)
{
    enum { MOST = 4 };
    const cn_hats *rows = &l->coarse.rows;
    const size_t ld = (size_t)l->ld, np = (size_t)l->n_padded;
    const cn_idx m = l->m, vecs = width / LANES;
    const double *q = l->q_bit + (size_t)j0 * (size_t)m;
    VEC y[MOST], back[MOST], over[MOST];
    for (cn_idx k = 0; k < vecs; k++) {
        y[k] = back[k] = (VEC){0.0};
        over[k] = 1.0 / LOAD(l->bit + j0 + k * LANES);
    }
    for (cn_idx i = 0; i < m; i++) {
        const double *g = l->g + (size_t)i * ld + j0, *u = l->u + (size_t)i * ld + j0;
        const double *e = l->error_rows + (size_t)rows->cell[i] * np + j0;
        const double t = rows->part[i];
        for (cn_idx k = 0; k < vecs; k++) {
            VEC r;
            if (given) {
                r = LOAD(l->rhs + (size_t)i * ld + j0 + k * LANES);
            } else {
                const VEC low = LOAD(e + k * LANES), high = LOAD(e + np + k * LANES);
                r = LOAD(g + k * LANES) * (LOAD(u + k * LANES) + (low + t * (high - low)));
            }
            if (i == 0) r += LOAD(l->bit_low + j0 + k * LANES) * LOAD(l->drive_bit_low + j0 + k * LANES);
            y[k] = r + (1.0 - back[k]) * y[k];
            back[k] = LOAD(q + (size_t)i * (size_t)width + k * LANES);
            STORE(scratch + (size_t)i * (size_t)width + k * LANES, y[k]);
        }
    }
    for (cn_idx k = 0; k < vecs; k++) {
        y[k] += LOAD(l->bit_high + j0 + k * LANES) * LOAD(l->drive_bit_high + j0 + k * LANES);
        y[k] *= LOAD(l->bit_pivot + j0 + k * LANES);
        STORE(l->v + (size_t)(m - 1) * ld + j0 + k * LANES, y[k]);
    }
    for (cn_idx i = m - 2; i >= 0; i--)
        for (cn_idx k = 0; k < vecs; k++) {
            const VEC f = LOAD(q + (size_t)i * (size_t)width + k * LANES);
            const VEC z = LOAD(scratch + (size_t)i * (size_t)width + k * LANES) * ((1.0 - f) * over[k]);
            y[k] = z + (1.0 - f) * y[k];
            STORE(l->v + (size_t)i * ld + j0 + k * LANES, y[k]);
        }
}

TARGET static void NAME(column_pass)(cn_lines *l, cn_idx j0, cn_idx width, double *scratch)
{
    /* constant widths, so that the vectors of a panel stay in registers */
    if (width == 4 * LANES && !l->rhs)
        NAME(panel)(l, j0, 4 * LANES, 0, scratch);
    else if (width == 4 * LANES)
        NAME(panel)(l, j0, 4 * LANES, 1, scratch);
    else if (!l->rhs)
        NAME(panel)(l, j0, LANES, 0, scratch);
    else
        NAME(panel)(l, j0, LANES, 1, scratch);
}

#undef VEC
#undef LOAD
#undef STORE
