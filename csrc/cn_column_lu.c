/* Sparse LU by columns: the parts that do not depend on the kind of number, and the two instances of the rest. */
#include "cn_column_lu.h"

#include <complex.h>
#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "cn_lu.h"
#include "cn_pivot.h"

enum { BLOCK = 4 }; /* right-hand sides solved together */

/* Check that the pattern is one, and that perm is a permutation (seen: n cleared flags). */
static int well_formed(cn_idx n, const cn_idx *ap, const cn_idx *ai, const cn_idx *perm, cn_idx *seen)
{
    if (ap[0] != 0) return 0;
    for (cn_idx j = 0; j < n; j++) {
        if (ap[j + 1] < ap[j]) return 0;
        for (cn_idx p = ap[j]; p < ap[j + 1]; p++) {
            if (ai[p] < 0 || ai[p] >= n || (p > ap[j] && ai[p] <= ai[p - 1])) return 0;
        }
    }
    for (cn_idx k = 0; perm && k < n; k++) {
        if (perm[k] < 0 || perm[k] >= n || seen[perm[k]]) return 0;
        seen[perm[k]] = 1;
    }
    return 1;
}

/* Column j+1 of L is column j without its first entry, j+1: the two update another column together. */
static int nested(const cn_idx *lp, const cn_idx *li, cn_idx j)
{
    const cn_idx length = lp[j + 1] - lp[j];
    if (length < 1 || lp[j + 2] - lp[j + 1] != length - 1 || li[lp[j]] != j + 1) return 0;
    return memcmp(li + lp[j] + 1, li + lp[j + 1], (size_t)(length - 1) * sizeof(cn_idx)) == 0;
}

#define LU_TYPE double
#define LU_NAME(name) cn_column_lu##name
#define LU_LOCAL(name) real_##name
#define LU_SIZE(a) fabs(a)
#define LU_TIMES(a, b) ((a) * (b))
#include "cn_column_lu_template.h"

void cn_column_lu_pattern(const cn_column_lu *lu, const cn_idx **ap, const cn_idx **ai, const cn_idx **perm)
{
    *ap = lu->ap;
    *ai = lu->ai;
    *perm = lu->order;
}

#undef LU_TYPE
#undef LU_NAME
#undef LU_LOCAL
#undef LU_SIZE
#undef LU_TIMES

/* The product without the recovery of infinities that C's operator spends a branch on. */
static inline double complex complex_product(double complex a, double complex b)
{
    return CMPLX(creal(a) * creal(b) - cimag(a) * cimag(b), creal(a) * cimag(b) + cimag(a) * creal(b));
}

#define LU_TYPE double complex
#define LU_NAME(name) cn_zlu##name
#define LU_LOCAL(name) complex_##name
#define LU_SIZE(a) (fabs(creal(a)) + fabs(cimag(a)))
#define LU_TIMES(a, b) complex_product(a, b)
#include "cn_column_lu_template.h"
