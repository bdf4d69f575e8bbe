/* Transient analysis: the whole time-step loop, with local-truncation-error control and breakpoints. */
#ifndef CN_TRAN_H
#define CN_TRAN_H

#include "cn_system.h"

enum { CN_HISTORY = 3 }; /* accepted points kept: the predictor is a parabola */

typedef struct cn_tran {
    cn_system *system;
    /* set by the caller */
    double stop, record_from, max_step, min_step, first_step;
    cn_idx n_saved;            /* unknowns recorded at each point */
    const cn_idx *saved;
    const uint8_t *dynamic;    /* n: 1 where dq/dx has a column, so that the error of x can be controlled */
    int inconsistent;          /* the start (uic) need not satisfy the equations: no prediction through it */
    /* where it is */
    double t, step, next_break;
    int valid;                 /* accepted points that prediction may use, the current one first */
    double times[CN_HISTORY];
    double *x[CN_HISTORY];     /* n+1 each */
    double *q[2], *qdot;       /* charges at the last two points, their derivative at the last */
    double *history, *trial, *scale; /* scale: largest |x| so far, per unknown */
    double *mark_x, *mark_q, *mark_qdot; /* the state at the last break, to return to */
    double mark_t;
    cn_idx mark_points;
    int returns;
    double event_limit;        /* a switch turns before this time; INFINITY when none is known */
    /* records */
    cn_idx n_points, capacity;
    double *point_times, *points; /* capacity * n_saved */
    /* counts */
    int64_t accepted, rejected_error, rejected_newton, rejected_event, rejected_bound, discontinuities;
} cn_tran;

/* Start at t = 0 with x (n+1) and charges q (n+1); caller has set the fields above "where it is". */
cn_status cn_tran_init(cn_tran *tr, const double *x, const double *q);

/* Take at most `budget` steps.  CN_CONTINUE: call again; CN_OK: reached stop. */
cn_status cn_tran_advance(cn_tran *tr, int budget);

void cn_tran_free(cn_tran *tr);

#endif
