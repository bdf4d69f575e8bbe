/* The coarse grid of a crossbar: hat functions over word and bit lines, and a banded Cholesky factor of the crossbar that
 * they make.  An error that is left after exact solutions along all lines is smooth in both directions; this removes it.
 */
#ifndef CN_COARSE_H
#define CN_COARSE_H

#include "cn_types.h"

/* Hats along one direction of fine nodes 0 .. count-1: node i lies between hats cell[i] and cell[i]+1, `part[i]` of the
 * way.  A held end is a node of zero error, its hat is dropped. */
typedef struct cn_hats {
    cn_idx count, cells;
    double width;       /* of a cell, in fine segments */
    int low_held, high_held;
    cn_idx *cell;       /* count */
    double *part;       /* count */
} cn_hats;

/* low, high: distance of the held node beyond either end in segments; negative for an open end. */
cn_status cn_hats_init(cn_hats *h, cn_idx count, cn_idx cells, double low, double high);
void cn_hats_free(cn_hats *h);

typedef struct cn_coarse {
    cn_hats rows, cols; /* rows: across the word lines (i); cols: along them (j) */
    cn_idx n, band;     /* unknowns (u, v) of each coarse node; half bandwidth */
    double *factor;     /* n * (band + 1): row i holds columns i - band .. i */
    double *x;          /* n */
    int by_rows;        /* numbering: nodes of one coarse row together */
} cn_coarse;

/* sums: (rows.cells + 1) * (cols.cells + 1): cells' conductances weighted with hats of both directions.
 * word, word_low, word_high: conductance of a segment of each bundle of word lines and of its unheld ends, rows.cells + 1;
 * bit ...: the same of bundles of bit lines, cols.cells + 1.  Takes the hats over. */
cn_status cn_coarse_init(cn_coarse *c, const double *sums, const double *word, const double *word_low,
                         const double *word_high, const double *bit, const double *bit_low, const double *bit_high);
void cn_coarse_free(cn_coarse *c);

/* Solve for the error that the residual r of the bit lines tells of, that of the word lines (bit = 0) or of the bit lines;
 * both (rows.cells + 1) * (cols.cells + 1). */
void cn_coarse_solve(cn_coarse *c, const double *r, int bit, double *error);

#endif
