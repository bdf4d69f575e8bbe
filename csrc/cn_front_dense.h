/* Dense elimination within a front of a sparse matrix, as fast as the processor multiplies. */
#ifndef CN_FRONT_DENSE_H
#define CN_FRONT_DENSE_H

#include "cn_types.h"

typedef struct cn_front_dense {
    double *f;           /* rows x ld, by rows; aligned to 64 bytes, zero beyond the last column */
    size_t rows, ld;     /* ld: a multiple of 8, at least `rows` */
    size_t columns;      /* of these the first are eliminated, with the diagonal as pivots */
    const double *scale; /* rows: what the sizes of candidates are multiplied by */
    double *pivot, *inverse; /* columns: the pivots found, and their inverses */
    double *largest;     /* columns: the largest of the scaled numbers below each pivot */
} cn_front_dense;

/* Eliminate: the factors of L and U take the places of the first columns and rows, the rest is the Schur complement.
 * Pivots are not examined: `pivot` and `largest` tell.  A zero leaves infinities behind, and NaNs on later diagonals. */
void cn_front_eliminate(cn_front_dense *d);

#endif
