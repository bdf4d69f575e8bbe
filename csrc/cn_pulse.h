/* Cells one by one, each between two sources of its own behind resistances: currents, and pulses in time. */
#ifndef CN_PULSE_H
#define CN_PULSE_H

#include "cn_cells.h"

/* Arrays have one number a cell. */
typedef struct cn_pulse {
    const double *word, *bit;      /* volts of the sources at the top of the pulse */
    const double *r_word, *r_bit;  /* ohm between them and the cell's nodes */
    const double *repeat;          /* pulses, taken as one that is so many times as long */
    const double *scale;           /* blocks of states rows: typical sizes of the states */
    double rise, width, fall;      /* of one pulse, s */
    double tolerance;              /* of a step of a state, over its size */
    int steps;                     /* least number of steps of the top */
} cn_pulse;

/* Currents out of the word nodes with the sources at the top and the states held; amperes, one a cell. */
cn_status cn_pulse_currents(cn_cells *c, const cn_pulse *p, double *current);

/* Apply the pulse. cells, sources: energies in joules, one a cell, of the cell and delivered by its sources. */
cn_status cn_pulse_apply(cn_cells *c, const cn_pulse *p, int threads, double *cells, double *sources);

#endif
