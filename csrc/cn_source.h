/* Time functions of independent sources: value and next breakpoint. */
#ifndef CN_SOURCE_H
#define CN_SOURCE_H

#include "cn_types.h"

typedef enum cn_waveform { CN_DC = 0, CN_PULSE = 1, CN_SIN = 2, CN_EXP = 3, CN_PWL = 4 } cn_waveform;

typedef struct cn_source {
    cn_waveform kind;
    int dc_given;       /* operating points and dc sweeps use dc rather than the waveform at t = 0 */
    double dc;
    const double *args; /* pulse: v1 v2 td tr tf pw per; sin: vo va freq td theta phase(rad);
                           exp: v1 v2 td1 tau1 td2 tau2; pwl: t0 v0 t1 v1 ... */
    cn_idx n_args;
} cn_source;

/* Value at time t of the waveform (the dc value when there is none). */
double cn_source_value(const cn_source *s, double t);

/* Value used by operating points and dc sweeps. */
double cn_source_dc(const cn_source *s);

/* The first time after t at which the waveform or its slope jumps; INFINITY when there is none. */
double cn_source_next_break(const cn_source *s, double t);

#endif
