/* Noise in a transient: the noise currents that devices declare, as random signals on an even grid of times.
 *
 * A source of density S / f^e has at each grid point the current sqrt(S) times a random sequence of its own, and straight
 * lines in between.  The sequence is white for e = 0; else it is white noise through a ladder of poles and zeros (compare
 * Keshner, Proc. IEEE 70, 212, 1982), whose gain falls as f^(-e/2) between two frequencies.  S is that of the accepted point
 * one grid spacing earlier: it follows the signal, and knows nothing of what is drawn.
 */
#ifndef CN_NOISE_H
#define CN_NOISE_H

#include "cn_random.h"
#include "cn_system.h"

enum { CN_WHITE = -1, CN_UNKNOWN = -2, CN_MOST_COLORS = 16 };

/* Elements of one kernel. */
typedef struct cn_noisy {
    const cn_kernel *kernel;
    cn_idx n;
    const cn_idx *index;    /* as in cn_batch */
    const double *param;
    const uint64_t *stream;
    const cn_batch *batch;  /* whose limited voltages they have; NULL for what is linear */
} cn_noisy;

typedef struct cn_noise {
    /* set by the caller */
    cn_idx n_groups;
    const cn_noisy *groups;
    double spacing;         /* of the grid, s: 1 / (2 f_max) */
    double lowest;          /* frequency, Hz, below which flicker noise rises no more */
    uint64_t seed;
    /* where it is */
    cn_idx n;               /* sources */
    double passed;          /* number of the last grid point that is behind */
    double *from, *to;      /* currents at that one and at the next, A */
    cn_idx *plus, *minus;   /* unknowns */
    cn_stream *own;         /* the numbers that each draws */
    double *spare;          /* the second number of the last pair, */
    double pair;            /* and which that was; negative when there is none */
    int8_t *color;          /* each source's exponent, CN_WHITE, or CN_UNKNOWN */
    int n_colors, n_poles;
    double exponent[CN_MOST_COLORS];
    double *decay;          /* of each pole from grid point to grid point */
    double *weight;         /* of each color's poles, and of the white noise beside them */
    cn_idx *place;          /* of a source's poles in `state` */
    cn_idx n_states;
    double *state;
    double *mark_from, *mark_to, *mark_state, mark_passed;
    double *u, *out;        /* of one group */
} cn_noise;

/* Begin at the time t, with sequences that have been going on for ever but currents of zero at t.
 * CN_BAD_ARGUMENT, here and in cn_noise_advance: an exponent does not lie between 0 and 2, or there are too many. */
cn_status cn_noise_start(cn_noise *z, const cn_system *s, const double *x, double t);
void cn_noise_stop(cn_noise *z);

/* The next grid point. */
double cn_noise_next(const cn_noise *z);

/* Add the currents at t to a right-hand side. */
void cn_noise_drive(const cn_noise *z, double t, double *drive);

/* x is accepted at a grid point, the next one: draw what comes at the one after it.
 * CN_NOT_FINITE: a density is no number from 0 on. */
cn_status cn_noise_advance(cn_noise *z, const cn_system *s, const double *x, double t);

/* The state at t as that many numbers, and from them; both return what comes behind them, NULL for numbers that are none. */
size_t cn_noise_state_size(const cn_noise *z);
double *cn_noise_save(const cn_noise *z, double *state);
const double *cn_noise_restore(cn_noise *z, const double *state, double t);

/* Note where it is, and go back there. */
void cn_noise_mark(cn_noise *z);
void cn_noise_return(cn_noise *z);

#endif
