/* Dense elimination within a front of a sparse matrix, as fast as the processor multiplies, and solution. */
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

/* What a processor can do with a front.  Of its factors L stands first, all rows of `pivots` numbers, with U's part of the
 * square on and above the diagonal; then the rest of U, by columns of `pivots` numbers. */
typedef struct cn_front_kernels {
    /* The factors of L and U take the places of the first columns and rows, the rest is the Schur complement.  Pivots are
     * not examined: `pivot` and `largest` tell.  A zero leaves infinities behind, and NaNs on later diagonals. */
    void (*eliminate)(cn_front_dense *d);
    /* Solve with L: `own` are the front's unknowns, rows[] name those below it in x. */
    void (*forward)(size_t pivots, size_t below, const double *l, const cn_idx *rows, double *own, double *x);
    /* Solve with U; local: room for `below` numbers. */
    void (*backward)(size_t pivots, size_t below, const double *l, const double *inverse, const cn_idx *rows, double *own,
                     const double *x, double *local);
} cn_front_kernels;

const cn_front_kernels *cn_front_kernels_here(void);

#endif
