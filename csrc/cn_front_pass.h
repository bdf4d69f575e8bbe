/* Dense elimination of a front and solution with it, written once for each processor; included by cn_front_dense.c.
 *
 * A front is a matrix by rows, of which the first columns and rows are eliminated.  Rows begin at multiples of eight
 * numbers and what lies beyond the last column is zero, so that everything is done eight columns at a time.
 */
#define ROWS (LANES == 8 ? 8 : 4)   /* of a tile of the product, which must fit the registers */
#define EIGHTS (LANES == 8 ? 2 : 1) /* eights of columns of a tile */

/* c -= a b for a tile of some rows; a: rows x depth, b: depth x 8 eights. */
TARGET static inline __attribute__((always_inline)) void NAME(tile)(int rows, int eights, size_t depth, const double *a,
                                                                    size_t lda, const double *b, size_t ldb, double *c,
                                                                    size_t ldc)
{
    eight sum[ROWS][EIGHTS];
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int e = 0; e < eights; e++) sum[i][e] = *(const eight *)(c + (size_t)i * ldc + 8 * (size_t)e);
    for (size_t k = 0; k < depth; k++) {
#pragma GCC unroll 8
        for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
            for (int e = 0; e < eights; e++)
                sum[i][e] -= a[(size_t)i * lda + k] * *(const eight *)(b + k * ldb + 8 * (size_t)e);
    }
#pragma GCC unroll 8
    for (int i = 0; i < rows; i++)
#pragma GCC unroll 2
        for (int e = 0; e < eights; e++) *(eight *)(c + (size_t)i * ldc + 8 * (size_t)e) = sum[i][e];
}

/* c -= a b for all rows, some eights of columns wide. */
TARGET static inline __attribute__((always_inline)) void NAME(strip)(int eights, size_t m, size_t depth, const double *a,
                                                                     const double *b, double *c, size_t ld)
{
    size_t i = 0;
    for (; i + ROWS <= m; i += ROWS) NAME(tile)(ROWS, eights, depth, a + i * ld, ld, b, ld, c + i * ld, ld);
    if (ROWS == 8 && i + 4 <= m) {
        NAME(tile)(4, eights, depth, a + i * ld, ld, b, ld, c + i * ld, ld);
        i += 4;
    }
    for (; i < m; i++) NAME(tile)(1, eights, depth, a + i * ld, ld, b, ld, c + i * ld, ld);
}

/* c -= a b; a: m x depth, b: depth x n, c: m x n, all parts of one front; n a multiple of eight. */
TARGET static void NAME(product)(size_t m, size_t n, size_t depth, const double *a, const double *b, double *c, size_t ld)
{
    size_t j = 0;
    for (; j + 8 * EIGHTS <= n; j += 8 * EIGHTS) NAME(strip)(EIGHTS, m, depth, a, b + j, c + j, ld);
    if (j < n) NAME(strip)(1, m, depth, a, b + j, c + j, ld);
}

/* Rows from..to of columns c0..c1: multiply by the inverse of the unit lower triangle left of them, eight rows at a time. */
TARGET static void NAME(triangle)(double *f, size_t ld, size_t from, size_t to, size_t c0, size_t c1)
{
    for (size_t r = from; r < to; r += 8) {
        const size_t rows = to - r < 8 ? to - r : 8;
        if (r > from) NAME(product)(rows, c1 - c0, r - from, f + r * ld + from, f + from * ld + c0, f + r * ld + c0, ld);
        for (size_t j = c0; j < c1; j += 8) {
            for (size_t i = 1; i < rows; i++) {
                const double *const l = f + (r + i) * ld + r;
                eight x = *(const eight *)(f + (r + i) * ld + j);
                for (size_t k = 0; k < i; k++) x -= l[k] * *(const eight *)(f + (r + k) * ld + j);
                *(eight *)(f + (r + i) * ld + j) = x;
            }
        }
    }
}

/* Eliminate the columns c..c+width of all rows from c on, width <= 8: below them stand the factors of L, right of the
 * diagonal those of U up to column c + 8.  Rows go through the pivots in turn: lane k of a row is what stands above L's
 * factor before pivot k divides it, and is not touched afterwards. */
TARGET static inline __attribute__((always_inline)) void NAME(eliminate_few)(cn_front_dense *d, size_t c, const int width)
{
    double *const f = d->f + c;
    const size_t ld = d->ld;
    const eight_bits lane = {0, 1, 2, 3, 4, 5, 6, 7};
    eight upper[8], inverse, largest = {0.0}; /* upper: rows of U over their pivots */
#pragma GCC unroll 8
    for (int k = 0; k < 8; k++) inverse[k] = 1.0;
#pragma GCC unroll 8
    for (int i = 0; i < width; i++) {
        const size_t at = c + (size_t)i;
        eight x = *(const eight *)(f + at * ld);
#pragma GCC unroll 8
        for (int k = 0; k < i; k++) x -= x[k] * upper[k];
        const eight size = (eight)((eight_bits)x & INT64_MAX) * d->scale[at];
        const eight_bits more = (size > largest) & (lane < i);
        largest = (eight)(((eight_bits)size & more) | ((eight_bits)largest & ~more));
        *(eight *)(f + at * ld) = x * inverse;
        const double one = 1.0 / x[i];
        d->pivot[at] = x[i];
        d->inverse[at] = one;
        inverse[i] = one;
        upper[i] = (eight)((eight_bits)x & (lane > i)) * one;
    }
    size_t i = c + (size_t)width;
    for (; i + 4 <= d->rows; i += 4) {
        double *const row = f + i * ld;
        eight w = *(const eight *)row, x = *(const eight *)(row + ld);
        eight y = *(const eight *)(row + 2 * ld), z = *(const eight *)(row + 3 * ld);
#pragma GCC unroll 8
        for (int k = 0; k < width; k++) {
            w -= w[k] * upper[k];
            x -= x[k] * upper[k];
            y -= y[k] * upper[k];
            z -= z[k] * upper[k];
        }
        const eight rows[4] = {w, x, y, z};
#pragma GCC unroll 4
        for (size_t r = 0; r < 4; r++) {
            const eight size = (eight)((eight_bits)rows[r] & INT64_MAX) * d->scale[i + r];
            const eight_bits more = size > largest;
            largest = (eight)(((eight_bits)size & more) | ((eight_bits)largest & ~more));
            *(eight *)(row + r * ld) = rows[r] * inverse;
        }
    }
    for (; i < d->rows; i++) {
        double *const row = f + i * ld;
        eight x = *(const eight *)row;
#pragma GCC unroll 8
        for (int k = 0; k < width; k++) x -= x[k] * upper[k];
        const eight size = (eight)((eight_bits)x & INT64_MAX) * d->scale[i];
        const eight_bits more = size > largest;
        largest = (eight)(((eight_bits)size & more) | ((eight_bits)largest & ~more));
        *(eight *)row = x * inverse;
    }
#pragma GCC unroll 8
    for (int k = 0; k < width; k++) d->largest[c + (size_t)k] = largest[k];
}

TARGET static void NAME(eliminate_eight)(cn_front_dense *d, size_t c, size_t width)
{
    switch (width) {
    case 1: NAME(eliminate_few)(d, c, 1); break;
    case 2: NAME(eliminate_few)(d, c, 2); break;
    case 3: NAME(eliminate_few)(d, c, 3); break;
    case 4: NAME(eliminate_few)(d, c, 4); break;
    case 5: NAME(eliminate_few)(d, c, 5); break;
    case 6: NAME(eliminate_few)(d, c, 6); break;
    case 7: NAME(eliminate_few)(d, c, 7); break;
    default: NAME(eliminate_few)(d, c, 8); break;
    }
}

/* Eliminate the columns from..to of all rows below; what is done reaches to column `end`, a multiple of eight. */
TARGET static void NAME(eliminate_columns)(cn_front_dense *d, size_t from, size_t to, size_t end)
{
    if (to - from <= 8) {
        NAME(eliminate_eight)(d, from, to - from);
        return;
    }
    const size_t middle = from + ((to - from) / 2 + 7) / 8 * 8, ld = d->ld;
    double *const f = d->f;
    NAME(eliminate_columns)(d, from, middle, middle);
    NAME(triangle)(f, ld, from, middle, middle, end);
    NAME(product)(d->rows - middle, end - middle, middle - from, f + middle * ld + from, f + from * ld + middle,
                  f + middle * ld + middle, ld);
    NAME(eliminate_columns)(d, middle, to, end);
}

TARGET static void NAME(eliminate)(cn_front_dense *d)
{
    enum { DEPTH = 96 }; /* columns whose part of a strip stays in the first cache */
    const size_t columns = d->columns, ld = d->ld, end = (columns + 7) / 8 * 8, last = (d->rows + 7) / 8 * 8;
    double *const f = d->f;
    NAME(eliminate_columns)(d, 0, columns, end);
    if (end >= last) return;
    for (size_t k = 0; k < columns; k += DEPTH) {
        const size_t to = columns - k < DEPTH ? columns : k + DEPTH;
        NAME(triangle)(f, ld, k, to, end, last);
        NAME(product)(d->rows - to, last - end, to - k, f + to * ld + k, f + k * ld + end, f + to * ld + end, ld);
    }
}

typedef double NAME(unaligned) __attribute__((vector_size(64), aligned(8), may_alias));

TARGET static inline double NAME(dot)(size_t n, const double *restrict a, const double *restrict b)
{
    double sum = 0.0;
    size_t k = 0;
    if (n >= 8) {
        NAME(unaligned) sums = {0.0};
        for (; k + 8 <= n; k += 8) sums += *(const NAME(unaligned) *)(a + k) * *(const NAME(unaligned) *)(b + k);
        sum = ((sums[0] + sums[4]) + (sums[1] + sums[5])) + ((sums[2] + sums[6]) + (sums[3] + sums[7]));
    }
    for (; k < n; k++) sum += a[k] * b[k];
    return sum;
}

TARGET static void NAME(forward)(size_t pivots, size_t below, const double *l, const cn_idx *restrict rows, double *own,
                                 double *restrict x)
{
    for (size_t i = 1; i < pivots; i++) own[i] -= NAME(dot)(i, l + i * pivots, own);
    l += pivots * pivots;
    for (size_t i = 0; i < below; i++) x[rows[i]] -= NAME(dot)(pivots, l + i * pivots, own);
}

/* Subtract from own what the rows of u, each of `pivots` numbers, make with the factors. */
TARGET static void NAME(combine)(size_t pivots, size_t below, const double *restrict u, const double *restrict factors,
                                 double *restrict own)
{
    size_t k = 0;
    for (; k + 8 <= pivots; k += 8) {
        NAME(unaligned) even = {0.0}, odd = {0.0};
        size_t i = 0;
        for (; i + 2 <= below; i += 2) {
            even += *(const NAME(unaligned) *)(u + i * pivots + k) * factors[i];
            odd += *(const NAME(unaligned) *)(u + (i + 1) * pivots + k) * factors[i + 1];
        }
        if (i < below) even += *(const NAME(unaligned) *)(u + i * pivots + k) * factors[i];
        *(NAME(unaligned) *)(own + k) -= even + odd;
    }
    for (; k + 2 <= pivots; k += 2) {
        double first = 0.0, second = 0.0;
        for (size_t i = 0; i < below; i++) {
            first += u[i * pivots + k] * factors[i];
            second += u[i * pivots + k + 1] * factors[i];
        }
        own[k] -= first;
        own[k + 1] -= second;
    }
    if (k < pivots) {
        double sum = 0.0;
        for (size_t i = 0; i < below; i++) sum += u[i * pivots + k] * factors[i];
        own[k] -= sum;
    }
}

TARGET static void NAME(backward)(size_t pivots, size_t below, const double *l, const double *inverse,
                                  const cn_idx *restrict rows, double *own, const double *restrict x,
                                  double *restrict local)
{
    for (size_t i = 0; i < below; i++) local[i] = x[rows[i]];
    NAME(combine)(pivots, below, l + (pivots + below) * pivots, local, own);
    for (size_t k = pivots; k-- > 0;)
        own[k] = (own[k] - NAME(dot)(pivots - k - 1, l + k * pivots + k + 1, own + k + 1)) * inverse[k];
}

static const cn_front_kernels NAME(kernels) = {NAME(eliminate), NAME(forward), NAME(backward)};
#undef ROWS
#undef EIGHTS
