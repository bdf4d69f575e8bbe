/* Lossless transmission lines: each end is a resistance z0 beside the wave that left the other end a delay ago (the
 * method of characteristics; Branin, Proc. IEEE 55, 2012, 1967).
 *
 * v1 - z0 i1 = (v2 + z0 i2)(t - td) and the same with 1 and 2 exchanged.  What stands on the left is in the linear part
 * of the circuit.  At rest the right side acts at once: entries of the matrix, in g0 unless a transient is running.  In
 * time it is a drive that comes from the waves of accepted points; no step is longer than the shortest delay.
 */
#ifndef CN_DELAY_H
#define CN_DELAY_H

#include "cn_types.h"

typedef struct cn_delays {
    /* set by the caller */
    cn_idx n;                  /* lines */
    const double *td, *z0;
    const cn_idx *node;        /* 4 n: p1 n1 p2 n2 of each line */
    const cn_idx *branch;      /* 2 n: the unknown of each end's current, and the row of its equation */
    const double *ic;          /* 4 n: v1 i1 v2 i2 at t = 0 with uic */
    cn_idx n_couplings;        /* entries of the matrix at rest */
    const cn_idx *coupling_slot;
    const double *coupling;
    double reltol, vntol;
    /* while a transient runs */
    int running;
    double shortest, longest;
    cn_idx count, capacity;    /* accepted points kept: `longest` back from now and a few more */
    double *times, *waves;     /* 2 n waves a point: those that leave the ends 1 and 2 */
    uint8_t *starts;           /* points at which a smooth stretch began */
    cn_idx n_pending, pending_capacity;
    double *pending;           /* increasing times at which a corner arrives at an end */
} cn_delays;

/* Begin at time t with the unknowns x, or with the currents and voltages of ic. */
cn_status cn_delay_start(cn_delays *d, const double *x, double t, int use_ic);
void cn_delay_stop(cn_delays *d);

/* Add the waves that arrive at time t to the drive. */
void cn_delay_drive(const cn_delays *d, double t, double *drive);

/* Note an accepted point. */
cn_status cn_delay_accept(cn_delays *d, const double *x, double t);

/* The last point noted begins a new smooth stretch. */
void cn_delay_corner(cn_delays *d);

/* Forget all points after t. */
void cn_delay_return(cn_delays *d, double t);

/* The first time after t at which a corner arrives; INFINITY when none is on its way. */
double cn_delay_next_break(const cn_delays *d, double t);

/* What travels on the lines, as `cn_delay_state_size` numbers for a checkpoint, and back; CN_BAD_ARGUMENT when they are no
 * state of these lines. */
size_t cn_delay_state_size(const cn_delays *d);
void cn_delay_save(const cn_delays *d, double *state);
cn_status cn_delay_restore(cn_delays *d, const double *state, size_t size);

#endif
