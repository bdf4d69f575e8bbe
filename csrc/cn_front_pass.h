/* Dense elimination of a front, written once for each processor; included by cn_front_dense.c.
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
 * diagonal those of U up to column c + 8. */
TARGET static void NAME(eliminate_eight)(cn_front_dense *d, size_t c, size_t width)
{
    double *const f = d->f + c;
    const size_t ld = d->ld;
    eight upper[8], reciprocal, largest = {0.0};
    for (size_t k = 0; k < 8; k++) reciprocal[k] = 1.0;
    for (size_t i = 0; i < width; i++) {
        double *const row = f + (c + i) * ld;
        eight x = *(const eight *)row;
        for (size_t k = 0; k < i; k++) {
            const double size = fabs(x[k]) * d->scale[c + i];
            if (size > largest[k]) largest[k] = size;
            x -= x[k] * reciprocal[k] * upper[k];
        }
        reciprocal[i] = 1.0 / x[i];
        d->inverse[c + i] = reciprocal[i];
        d->pivot[c + i] = x[i];
        eight u = x, factors = x;
        for (size_t k = 0; k <= i; k++) u[k] = 0.0;
        for (size_t k = 0; k < i; k++) factors[k] = x[k] * reciprocal[k];
        upper[i] = u;
        *(eight *)row = factors;
    }
    for (size_t i = c + width; i < d->rows; i++) {
        double *const row = f + i * ld;
        eight x = *(const eight *)row;
        if (width == 8) {
#pragma GCC unroll 8
            for (int k = 0; k < 8; k++) x -= x[k] * reciprocal[k] * upper[k];
        } else {
            for (size_t k = 0; k < width; k++) x -= x[k] * reciprocal[k] * upper[k];
        }
        const eight size = (eight)((eight_bits)x & INT64_MAX) * d->scale[i];
        const eight_bits more = size > largest;
        largest = (eight)(((eight_bits)size & more) | ((eight_bits)largest & ~more));
        *(eight *)row = x * reciprocal;
    }
    for (size_t k = 0; k < width; k++) d->largest[c + k] = largest[k];
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
#undef ROWS
#undef EIGHTS
