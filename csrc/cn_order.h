/* Order of elimination that keeps the factors of a circuit's matrix sparse.
 *
 * Approximate minimum degree on the pattern of A + A^T (Amestoy, Davis and Duff, SIAM J. Matrix Anal. 17 (1996) 886):
 * circuits are nearly symmetric and are factorised with pivots near the diagonal.
 */
#ifndef CN_ORDER_H
#define CN_ORDER_H

#include "cn_types.h"

/* Set perm[k] to the unknown that is eliminated k-th.  The n by n pattern is given by columns, in any order of the rows.
 * CN_BAD_ARGUMENT when it is none; CN_NO_MEMORY. */
cn_status cn_order(cn_idx n, const cn_idx *ap, const cn_idx *ai, cn_idx *perm);

#endif
