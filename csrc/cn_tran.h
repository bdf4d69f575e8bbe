/* Transient analysis: the whole time-step loop, with local-truncation-error control and breakpoints. */
#ifndef CN_TRAN_H
#define CN_TRAN_H

#include "cn_formula.h"
#include "cn_jump.h"
#include "cn_noise.h"
#include "cn_system.h"

typedef struct cn_tran {
    cn_system *system;
    /* set by the caller */
    cn_rule rule;
    int max_order;             /* of backward differentiation, 1 to CN_MAX_ORDER */
    double start, stop, record_from, max_step, min_step, first_step;
    cn_idx n_saved;            /* unknowns recorded at each point */
    const cn_idx *saved;
    cn_idx n_dynamic;          /* unknowns on which charges depend, so that their error can be controlled */
    const cn_idx *dynamic;
    cn_jumps jumps;            /* `seed` alone is set */
    cn_noise *noise;           /* as its caller sets it; NULL when there is none */
    int inconsistent;          /* the start (uic) need not satisfy the equations: no prediction through it */
    /* where it is */
    double t, step;
    double corner, next_break; /* the next instant at which sources or lines turn; the same, or the end */
    int order;                 /* of backward differentiation now */
    int steady;                /* steps since it was chosen */
    int damp;                  /* steps of backward differentiation still to take against ringing */
    int wary;                  /* steps that grow but slowly, after one that was too long */
    int valid;                 /* accepted points that prediction may use, the current one first */
    double times[CN_HISTORY];
    double *x[CN_HISTORY];     /* n+1 each */
    double *q[CN_HISTORY], *qdot; /* charges at the same points, their derivative at the last */
    double *turn;              /* change of qdot in the last step of the trapezoidal rule */
    uint8_t *swings;           /* how many times in succession that change has turned round */
    double *history, *trial, *stage, *scale; /* scale: largest |x| so far, per unknown */
    double *mark_x, *mark_q, *mark_qdot; /* the state at the last break, to return to */
    double mark_t;
    cn_idx mark_points;
    int returns;
    double jump_to;            /* a step to this time was solved, but refused for its error; 0 when none was */
    int forced;                /* take that step all the same: Newton's method fails on the way there */
    double next_jump;          /* when a random jump is to come, as far as is known; INFINITY when none is */
    double event_limit;        /* a switch turns before this time; INFINITY when none is known */
    /* records */
    cn_idx n_points, capacity;
    double *points;            /* capacity * (n_saved + 1): the time and the unknowns */
    /* counts */
    int64_t total_points, accepted, rejected_error, rejected_newton, rejected_event, rejected_bound, discontinuities, ringing, random_jumps;
} cn_tran;

/* Start at `start` with x (n+1) and charges q (n+1); caller has set the fields above "where it is". */
cn_status cn_tran_init(cn_tran *tr, const double *x, const double *q);

/* Take at most `budget` steps.  CN_CONTINUE: call again; CN_OK: reached stop. */
cn_status cn_tran_advance(cn_tran *tr, int budget);

/* Keep the current point, unless it comes before `record_from`. */
cn_status cn_tran_record(cn_tran *tr);

/* How many of the records no later step can take back, and forgetting that many. */
cn_idx cn_tran_settled(const cn_tran *tr);
void cn_tran_forget(cn_tran *tr, cn_idx count);

/* The whole state as `cn_tran_state_size` numbers, to go on from there in another run of the same circuit.
 * cn_tran_resume comes after cn_tran_init and takes the place of its start; CN_BAD_ARGUMENT when the numbers are no state
 * of this circuit.  changed: its values are others now, so that what comes is no smooth continuation. */
size_t cn_tran_state_size(const cn_tran *tr);
void cn_tran_save(const cn_tran *tr, double *state);
cn_status cn_tran_restore(cn_tran *tr, const double *state, size_t size);
cn_status cn_tran_resume(cn_tran *tr, const double *state, size_t size, int changed);

void cn_tran_free(cn_tran *tr);

#endif
