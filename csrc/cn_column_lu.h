/* Sparse LU column by column, for real matrices; cn_lu.h has the same for complex ones.
 *
 * `factor` chooses the rows P: left-looking (Gilbert and Peierls, SIAM J. Sci. Stat. Comput. 9 (1988) 862) with Eisenstat
 * and Liu's symmetric pruning (SIAM J. Matrix Anal. 13 (1992) 202), taking the diagonal whenever it is not much smaller
 * than the rest of its column.  `refactor` repeats the arithmetic alone on that pattern.  Functions are those of cn_lu.h.
 */
#ifndef CN_COLUMN_LU_H
#define CN_COLUMN_LU_H

#include "cn_types.h"

typedef struct cn_column_lu cn_column_lu;

cn_status cn_column_lu_init(cn_column_lu **lu, cn_idx n, const cn_idx *ap, const cn_idx *ai, const cn_idx *perm);
cn_status cn_column_lu_factor(cn_column_lu *lu, const double *ax);
cn_status cn_column_lu_refactor(cn_column_lu *lu, const double *ax);
cn_status cn_column_lu_solve(cn_column_lu *lu, double *b);
cn_status cn_column_lu_solve_transposed(cn_column_lu *lu, double *b);
cn_status cn_column_lu_solve_many(cn_column_lu *lu, cn_idx nrhs, double *b);
/* The pattern and the order of elimination that it was given, for whoever shares them. */
void cn_column_lu_pattern(const cn_column_lu *lu, const cn_idx **ap, const cn_idx **ai, const cn_idx **perm);
cn_idx cn_column_lu_bad_column(const cn_column_lu *lu);
size_t cn_column_lu_nnz(const cn_column_lu *lu);
size_t cn_column_lu_bytes(const cn_column_lu *lu);
void cn_column_lu_free(cn_column_lu *lu);

#endif
