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

struct cn_lines;

typedef struct cn_coarse {
    cn_hats rows, cols; /* rows: across the word lines (i); cols: along them (j) */
    struct cn_lines *deeper; /* a fine grid's coarse crossbar is large: it is solved by lines, too; else NULL */
    cn_idx n, band;     /* unknowns (u, v) of each coarse node; half bandwidth */
    double *factor;     /* n * (band + 1): row i holds columns i - band .. i */
    double *x;          /* n */
    int by_rows;        /* numbering: nodes of one coarse row together */
} cn_coarse;

/* What a coarse crossbar is made of; rows = rows.cells + 1, cols = cols.cells + 1.
 * sums: (rows, cols), cells' conductances weighted with hats of both directions.
 * word: (rows, cols.cells), bundles of word lines from one coarse node to the next; word_low, word_high: rows, of their
 * unheld ends.  bit: (rows.cells, cols), bit_low, bit_high: cols, the same of bit lines. */
typedef struct cn_bundles {
    const double *sums, *word, *word_low, *word_high, *bit, *bit_low, *bit_high;
} cn_bundles;

/* The hats must be in place; more than CN_DIRECT_CELLS of them make a crossbar that is solved by lines.  May be called
 * again for other bundles over the same hats. */
enum { CN_DIRECT_CELLS = 64 };
cn_status cn_coarse_factor(cn_coarse *c, const cn_bundles *b, int threads);
void cn_coarse_free(cn_coarse *c);

/* The unknown of a coarse node's word line (bit = 0) or bit line. */
static inline cn_idx cn_coarse_number(const cn_coarse *c, cn_idx i, cn_idx j, int bit)
{
    const cn_idx node = c->by_rows ? i * (c->cols.cells + 1) + j : j * (c->rows.cells + 1) + i;
    return 2 * node + bit;
}

static inline int cn_coarse_word_held(const cn_coarse *c, cn_idx j)
{
    return (c->cols.low_held && j == 0) || (c->cols.high_held && j == c->cols.cells);
}

static inline int cn_coarse_bit_held(const cn_coarse *c, cn_idx i)
{
    return (c->rows.low_held && i == 0) || (c->rows.high_held && i == c->rows.cells);
}

/* Solve for the error that the residual r of the bit lines tells of: that of the word lines (bit = 0) or of the bit
 * lines; both (rows.cells + 1) * (cols.cells + 1).  Lines give it to about a hundredth. */
void cn_coarse_solve(cn_coarse *c, const double *r, int bit, double *error);

#endif
