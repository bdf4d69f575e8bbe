/* Sparse LU factors of one fixed pattern, for the real (cn_lu_) and the complex (cn_zlu_) matrices of a circuit.
 *
 * P A Q = L U.  Q is the given fill-reducing order; `factor` chooses the rows P, `refactor` keeps them.  Real matrices go
 * by fronts where their factors fill in (cn_fronts.h), else column by column (cn_column_lu.h); complex ones column by
 * column.
 *
 * The tests for the size of a pivot look at rows divided by their largest entry (cn_pivot.h); the matrix itself is not
 * scaled.
 */
#ifndef CN_LU_H
#define CN_LU_H

#include "cn_types.h"

typedef struct cn_lu cn_lu;

/* Copy an n by n pattern by columns, rows strictly ascending, and the order of elimination: perm[k] is the unknown
 * eliminated k-th (NULL: as numbered).  CN_BAD_ARGUMENT when the pattern or perm is malformed. */
cn_status cn_lu_init(cn_lu **lu, cn_idx n, const cn_idx *ap, const cn_idx *ai, const cn_idx *perm);

/* Choose pivots and factorise.  Allocates what L and U need.
 * CN_SINGULAR, CN_NOT_FINITE: cn_lu_bad_column() is the unknown. */
cn_status cn_lu_factor(cn_lu *lu, const double *ax);

/* Factorise new values on the same pivots; allocates nothing.
 * CN_PIVOT_GROWTH: a pivot became too small for its column, factor again.  CN_BAD_ARGUMENT: never factorised. */
cn_status cn_lu_refactor(cn_lu *lu, const double *ax);

/* Solve A x = b or A^T x = b in place.  CN_NOT_FINITE: the solution overflows, or b was not finite.
 * CN_BAD_ARGUMENT: there are no valid factors. */
cn_status cn_lu_solve(cn_lu *lu, double *b);
cn_status cn_lu_solve_transposed(cn_lu *lu, double *b);

/* Solve for nrhs right-hand sides stored one after the other, n numbers each. */
cn_status cn_lu_solve_many(cn_lu *lu, cn_idx nrhs, double *b);

/* The unknown at which factor or refactor failed; -1 when the last call succeeded. */
cn_idx cn_lu_bad_column(const cn_lu *lu);
/* Entries of L and U, the diagonal counted once. */
size_t cn_lu_nnz(const cn_lu *lu);
size_t cn_lu_bytes(const cn_lu *lu);
void cn_lu_free(cn_lu *lu);

/* The same for complex matrices; solve_transposed does not conjugate. */
typedef struct cn_zlu cn_zlu;

cn_status cn_zlu_init(cn_zlu **lu, cn_idx n, const cn_idx *ap, const cn_idx *ai, const cn_idx *perm);
cn_status cn_zlu_factor(cn_zlu *lu, const double _Complex *ax);
cn_status cn_zlu_refactor(cn_zlu *lu, const double _Complex *ax);
cn_status cn_zlu_solve(cn_zlu *lu, double _Complex *b);
cn_status cn_zlu_solve_transposed(cn_zlu *lu, double _Complex *b);
cn_status cn_zlu_solve_many(cn_zlu *lu, cn_idx nrhs, double _Complex *b);
cn_idx cn_zlu_bad_column(const cn_zlu *lu);
size_t cn_zlu_nnz(const cn_zlu *lu);
size_t cn_zlu_bytes(const cn_zlu *lu);
void cn_zlu_free(cn_zlu *lu);

#endif
