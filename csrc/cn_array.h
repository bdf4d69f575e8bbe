/* A crossbar of device cells: Newton's method over lines, and steps in time. */
#ifndef CN_ARRAY_H
#define CN_ARRAY_H

#include "cn_cells.h"
#include "cn_lines.h"

typedef struct cn_array {
    cn_lines *lines;       /* general lines, g and g_bit its own */
    cn_cells *cells;
    double *row_sum, *col_sum; /* rows, cols: of the cells' currents out of the lines */
    int factored;          /* the lines have hats and factors */
    int iterations;        /* of Newton's method, in all */
    double defect;         /* largest imbalance of a line's currents over its current */
    double largest;        /* current of a line since the last solution from nothing */
    /* In time. */
    double t;
    double *q, *qdot, *qdot_before; /* blocks of `unknowns` rows: charges, their derivatives, those of the point before */
    double *own_kept, *point_kept, *u_kept, *v_kept;
    double *charge_scale;  /* blocks of states rows: tolerance of each state */
    double last_step;      /* 0: none yet */
    int accepted, rejected;
} cn_array;

cn_status cn_array_init(cn_array *a);
void cn_array_free(cn_array *a);

/* Solve for the drives, feeds and gates in place.  alpha: of d/dt q; 0: states hold.  init: from nothing.
 * tolerance: of every line's currents.  CN_OUT_OF_BOUNDS: states want to leave. */
cn_status cn_array_solve(cn_array *a, double alpha, int init, double tolerance, int max_iterations);

/* The solution in place is where time begins. */
void cn_array_begin(cn_array *a, double t);

/* Try one step to t + h for the drives in place there: CN_OK, it is accepted and next holds the step to take then;
 * CN_CONTINUE, it is taken back and next holds a shorter one; else Newton's method failed and it is taken back. */
cn_status cn_array_step(cn_array *a, double h, double tolerance, double *next);

/* Currents out of the bit lines and into the word lines, all ends together. */
void cn_array_currents(const cn_array *a, double *bit, double *word);

#endif
