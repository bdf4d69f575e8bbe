/* What jumps at random in a transient: two-state Markov processes inside of devices.
 *
 * A process leaves its state when the integral of its rate since the last jump, the hazard, passes an exponential random
 * number of mean 1: inversion for a rate that changes in time.  The time loop is told where the next one is to be
 * expected, steps there and no further, so that the waiting times do not depend on the length of the steps.
 */
#ifndef CN_JUMP_H
#define CN_JUMP_H

#include "cn_system.h"

typedef struct cn_jumps {
    cn_idx n;                   /* processes: batch by batch, row by row */
    uint64_t seed;
    double *hazard, *rate;      /* at the last accepted point; the rate is that of leaving, 1/s */
    double *draw, *count;       /* hazard of the next jump, and how many have been */
    double *next_hazard, *next_rate;  /* at the point that was solved last */
    double *mark_hazard, *mark_rate;  /* at the point to which the transient may return */
    double *start;              /* positions to leave the system with */
    double *u, *rates;          /* of one batch */
} cn_jumps;

/* Allocate; the positions are those in the system.  `seed` is set by the caller. */
cn_status cn_jump_start(cn_jumps *j, cn_system *s);

/* Give the system its positions from before the transient, and free all. */
void cn_jump_stop(cn_jumps *j, cn_system *s);

/* Take the rates at x, an accepted point at t; again where a restored state has brought `hazard` and `count`.
 * CN_NOT_FINITE, here and below: a rate is no number from 0 on. */
cn_status cn_jump_begin(cn_jumps *j, cn_system *s, const double *x, double t);

/* When the next jump comes if all rates stay as they are; INFINITY when none does. */
double cn_jump_expected(const cn_jumps *j, double t);

/* Look at the point x, solved at t after a step h.  *good: until when the step may go, t when all of it is good. */
cn_status cn_jump_look(cn_jumps *j, cn_system *s, const double *x, double t, double h, double *good);

/* Accept that point, and let those jump whose time has come; *jumped: how many did. */
cn_status cn_jump_accept(cn_jumps *j, cn_system *s, const double *x, double t, cn_idx *jumped);

/* Note the last accepted point, and go back to it. */
void cn_jump_mark(cn_jumps *j);
void cn_jump_return(cn_jumps *j);

#endif
