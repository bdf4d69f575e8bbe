/* The cells of a crossbar as small circuits of devices between a word node and a bit node, with a gate that a row's line
 * drives, and nodes and states of their own.  All cells are linearised at once, and their own unknowns eliminated.
 *
 * Unknowns of a cell: 0 word node, 1 bit node, 2 gate, 3 ... own nodes, then states.  Arrays over cells are in blocks of
 * CN_BLOCK cells, padded: row r of block b is at (b * rows + r) * CN_BLOCK.
 */
#ifndef CN_CELLS_H
#define CN_CELLS_H

#include "cn_kernel.h"
#include "cn_types.h"

enum { CN_BLOCK = 64, CN_CELL_PORTS = 3, CN_CELL_MOST = 12 }; /* most unknowns of a cell */

/* One device of every cell. */
typedef struct cn_part {
    const cn_kernel *kernel;
    const cn_idx *where;  /* n_local: unknown of the cell; -1 is ground */
    const double *param;  /* blocks of n_param rows */
    double *lim, *acc;    /* blocks of n_limit rows: of the iterate, of the last accepted point */
} cn_part;

typedef struct cn_cells {
    cn_idx rows, cols, blocks;
    cn_idx unknowns, nodes, states; /* unknowns = CN_CELL_PORTS + nodes + states */
    cn_idx n_parts;
    cn_part *parts;
    const double *low, *high; /* blocks of `states` rows: bounds, infinite where there are none */
    double *gate;             /* rows: volts */
    double *own;              /* blocks of nodes + states rows */
    double *point;            /* blocks of 2 rows: word and bit voltages at which the cells are linearised */
    double *current;          /* blocks of 2 rows: amperes out of word and bit node into the cell */
    double *slope;            /* blocks of 2 rows: d current / d word voltage, - d current / d bit voltage */
    double *charge;           /* blocks of `unknowns` rows: q */
    double *history;          /* the same: added to alpha q in time */
    double *eliminated;       /* what gives the own unknowns back */
    double gmin, time;
    int limited;              /* some device limits its own voltages */
} cn_cells;

/* Allocate the arrays from `gate` on; what is above must be set and outlive the cells. */
cn_status cn_cells_init(cn_cells *c);
void cn_cells_free(cn_cells *c);

/* How the cells are to be linearised. */
typedef struct cn_linearise {
    double alpha;   /* of d/dt q; 0: states hold */
    const double *pace; /* CN_BLOCK: what multiplies alpha in each cell; NULL: 1 */
    int init;       /* first iteration: junctions at their start voltages */
    int damped;     /* take back part of a step where a current ran away from its linearisation */
} cn_linearise;

/* What came of it; of all cells the most. */
typedef struct cn_moved {
    cn_idx held;      /* cells whose step was held back */
    int stopped;      /* states that wanted to leave their bounds */
    double volts;     /* largest step of a word, bit or own node */
    double state;     /* largest step of a state over its bounds' distance */
    int finite;
} cn_moved;

/* Linearise one block for its cells' node voltages, word[] and bit[] (CN_BLOCK), from where it was linearised before. */
void cn_cells_linearise(cn_cells *c, cn_idx block, const double *word, const double *bit, const cn_linearise *how,
                        cn_moved *moved);

#endif
