/* Time functions of independent sources: value and next breakpoint. */
#ifndef CN_SOURCE_H
#define CN_SOURCE_H

#include "cn_types.h"

typedef enum cn_waveform {
    CN_DC = 0,
    CN_PULSE = 1, /* v1 v2 td tr tf pw per count; count 0: without end */
    CN_SIN = 2,   /* vo va freq td theta phase(rad) */
    CN_EXP = 3,   /* v1 v2 td1 tau1 td2 tau2 */
    CN_PWL = 4,   /* delay from t0 v0 t1 v1 ...; from: where it begins again after the last time, NaN: it does not */
    CN_SFFM = 5,  /* vo va fc index fs phase(rad) signal phase(rad) */
    CN_AM = 6,    /* va vo mf fc td phase(rad) */
    CN_NOISE = 7, /* offset spacing count v0 v1 ... vn amplitude t0 t1 ...: straight lines between points that are
                     spacing apart, and a telegraph signal of 0 and amplitude that turns at the times t0 t1 ... */
    CN_STEPS = 8  /* first spacing td v0 v1 ...: first until td, then each value for one spacing */
} cn_waveform;

typedef struct cn_source {
    cn_waveform kind;
    int dc_given;       /* operating points and dc sweeps use dc rather than the waveform at t = 0 */
    double dc;
    const double *args; /* as the kind says */
    cn_idx n_args;
} cn_source;

/* Value at time t of the waveform (the dc value when there is none); where it jumps, the value before the jump. */
double cn_source_value(const cn_source *s, double t);

/* Value used by operating points and dc sweeps. */
double cn_source_dc(const cn_source *s);

/* The first time after t at which the waveform or its slope jumps; INFINITY when there is none. */
double cn_source_next_break(const cn_source *s, double t);

#endif
