/* Sparse LU by fronts, for matrices whose factors fill in: crossbars, meshes, power grids.
 *
 * The multifrontal method (Duff and Reid, ACM TOMS 9 (1983) 302; Liu, SIAM Review 34 (1992) 82) on the symmetric pattern of
 * B + B^T, B being the matrix with its rows permuted so that the diagonal is fit for pivots.  Columns with the same
 * structure, or nearly so, are eliminated together in a dense front.  Pivots are fixed beforehand and examined: where one
 * is too small for its column the caller must use another method.
 */
#ifndef CN_FRONTS_H
#define CN_FRONTS_H

#include "cn_types.h"

typedef struct cn_fronts cn_fronts;

/* ap, ai: n by n pattern by columns; perm: column eliminated k-th.  All three must outlive the object. */
cn_status cn_fronts_init(cn_fronts **fronts, cn_idx n, const cn_idx *ap, const cn_idx *ai, const cn_idx *perm);

/* Choose the rows of pivots by the values, and plan the fronts.  *work is the number of multiplications of a
 * factorisation, *entries that of numbers in L and U.  CN_SINGULAR: no rows fit. */
cn_status cn_fronts_plan(cn_fronts *fronts, const double *ax, double *work, double *entries);

/* Factorise on the planned pivots.  CN_PIVOT_GROWTH: one is too small; cn_fronts_bad_column() tells which unknown. */
cn_status cn_fronts_factor(cn_fronts *fronts, const double *ax);
/* Again with other values, and less strict about the pivots; allocates nothing. */
cn_status cn_fronts_refactor(cn_fronts *fronts, const double *ax);

/* Solve A x = b or A^T x = b in place with the factors of the last success.  CN_NOT_FINITE: x is not. */
cn_status cn_fronts_solve(cn_fronts *fronts, double *b);
cn_status cn_fronts_solve_transposed(cn_fronts *fronts, double *b);

cn_idx cn_fronts_bad_column(const cn_fronts *fronts);
size_t cn_fronts_nnz(const cn_fronts *fronts);
size_t cn_fronts_bytes(const cn_fronts *fronts);
void cn_fronts_free(cn_fronts *fronts);

#endif
