/* Many macrospins at a time: unit vectors m that precess, are damped and are driven by spin torque.
 *
 * With c = -gamma0 step / (1 + alpha^2), A = K m + H + (b - alpha a) p and B = alpha A + a (1 + alpha^2) p, Gilbert's equation
 * is dm/dtau = c m x (A + m x B), tau in steps.  a and b are proportional to the current, and fall as 1 / (1 + chi m.p).
 * Each oscillator is a lane of a vector, and the code of a lane is the same whatever stands in the others: alone, among
 * many, and on any number of threads it rounds alike.
 */
#ifndef CN_SPINS_H
#define CN_SPINS_H

#include "cn_types.h"

/* Constants of an oscillator; those before CN_SPIN_P are scaled by c, as are the torques and the noise. */
enum {
    CN_SPIN_K = 0,        /* xx, yy, zz, xy, xz, yz */
    CN_SPIN_H = 6,        /* x, y, z */
    CN_SPIN_P = 9,        /* x, y, z */
    CN_SPIN_ALPHA = 12,
    CN_SPIN_CHI,
    CN_SPIN_FIELD_TORQUE, /* c (b - alpha a), of an ampere */
    CN_SPIN_TORQUE,       /* c (1 + alpha^2) a, of an ampere */
    CN_SPIN_CURRENT,      /* A */
    CN_SPIN_SCALE,        /* c: of fields that drives add */
    CN_SPIN_NOISE,        /* deviation of a component of the thermal field */
    CN_SPIN_CONSTANTS
};

enum { CN_SPIN_LANES = 8 }; /* arrays over oscillators are padded to a multiple of it */

typedef enum cn_spin_method { CN_SPIN_RK4, CN_SPIN_HEUN, CN_SPIN_MIDPOINT, CN_SPIN_RK45 } cn_spin_method;

/* A drive: gain sin(2 pi (frequency t + turns)), or samples. */
typedef struct cn_spin_channel {
    int input;                                /* 0 the current, 1 to 3 the field */
    const double *gain, *frequency, *turns;   /* padded */
    const double *samples;                    /* NULL for a sine; (n_samples, width) */
    cn_idx n_samples, width;                  /* width 1, or padded */
    double spacing, start;                    /* s */
    int hold;
} cn_spin_channel;

/* What oscillators do to each other. */
typedef struct cn_spin_links {
    const double *tensor;                     /* (3 padded, 3 padded): field of m, A/m, rows of sources; NULL: none */
    cn_idx n_strings;                         /* junctions in series, fed through a bias tee that has a load */
    const int32_t *string;                    /* (n) which an oscillator is in; -1: none */
    const double *mean, *half;                /* (n) conductance mean + half m.p, S */
    const double *dc, *load, *capacitance;    /* (n_strings) A, ohm, F */
    const double *rest;                       /* (n_strings) voltage of a capacitor that has the state 0, V */
} cn_spin_links;

typedef struct cn_spins {
    cn_idx n, padded;
    const double *constant;                   /* (CN_SPIN_CONSTANTS, padded) */
    double *m;                                /* (n, 3) */
    double *stride;                           /* (padded) of CN_SPIN_RK45: the step that comes next, in steps */
    const uint64_t *stream;                   /* (padded) */
    uint64_t seed;
    cn_idx n_channels;
    const cn_spin_channel *channel;
    const cn_spin_links *links;               /* NULL: none; else the method is CN_SPIN_RK4 or CN_SPIN_HEUN */
    double *charge;                           /* (n_strings) voltages of capacitors above rest, V */
    double *charge_record;                    /* (steps / every, n_strings) */
    cn_spin_method method;
    int noisy, renormalise, diagonal, symmetric; /* of all: no K off the diagonal; no chi */
    double step, tolerance;
    int64_t first, steps, every;              /* a whole number of `every` in `first` from the start of the run */
    double *record;                           /* (steps / every, n, 3) */
    /* what came out, added to what stands there */
    double drift;                             /* largest ||m|^2 - 1| / 2 that a step left */
    int64_t evaluations, rejected;
} cn_spins;

/* CN_NO_CONVERGENCE: no solution of the implicit equation found, or a step below 1e-9. CN_NO_MEMORY. */
cn_status cn_spins_run(cn_spins *s, int threads);

#endif
