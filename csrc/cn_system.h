/* The assembled circuit: F(x) = f(x) + d/dt q(x) - B s(t), its Jacobian on one fixed sparsity pattern, and Newton's method.
 *
 * Unknown n is ground: every vector over unknowns has n+1 entries, the last one a bin for ground's row.
 */
#ifndef CN_SYSTEM_H
#define CN_SYSTEM_H

#include "cn_delay.h"
#include "cn_kernel.h"
#include "cn_lu.h"
#include "cn_source.h"
#include "cn_sums.h"
#include "cn_types.h"

typedef enum cn_kind { CN_NODE = 0, CN_BRANCH = 1, CN_STATE = 2 } cn_kind;
typedef enum cn_mode { CN_MODE_DC = 0, CN_MODE_TRAN = 1 } cn_mode;

/* Some instances of one kernel, a few for each batch: a batch is evaluated or left as it is.  Rows as in cn_kernel.h. */
typedef struct cn_batch {
    const cn_kernel *kernel;
    cn_idx n;
    const cn_idx *index;   /* n_local * n: unknown of each local unknown */
    const double *param;   /* n_param * n */
    const cn_idx *jf_slot; /* n_jf * n: place of each entry in the value array; nnz for what belongs to ground */
    const cn_idx *jq_slot;
    cn_sums rows, jf_sums, jq_sums; /* the same three, gathered by where they go */
    double *u, *f, *q, *jf, *jq; /* of the last evaluation */
    double *lim, *acc;           /* limited voltages: of the iterate, of the last accepted point */
    double *mark;                /* and of the last point to which a transient may return */
    const uint64_t *stream;      /* n: each instance's own stream of random numbers; NULL when it draws none */
    int off;                     /* operating points are sought with these instances at their start first */
    int rests;                   /* may be left alone while nothing happens, see cn_quiet.h */
    int quiet;                   /* it is: the linearisation at u is part of the linear circuit */
    cn_idx n_touch;              /* different unknowns among `index`, */
    cn_idx *touch;               /* these, */
    double *at, *seen;           /* and their values at the last evaluation and at the last accepted point */
} cn_batch;

typedef struct cn_options {
    double reltol, gmin, trtol;
    int itl1, itl2, itl4;
} cn_options;

/* How an operating point may be found, in the order in which it is tried. */
typedef enum cn_method {
    CN_NO_METHOD = 0,
    CN_NEWTON = 1,
    CN_LINE_SEARCH = 2,
    CN_GMIN_STEPPING = 3,
    CN_SOURCE_STEPPING = 4,
    CN_PSEUDO_TRANSIENT = 5,
    CN_METHODS = 6
} cn_method;

/* What an operating point took. */
typedef struct cn_report {
    int method; /* cn_method that served */
    int64_t iterations;
    int64_t tried[CN_METHODS]; /* iterations that each took */
    int64_t evaluations;       /* of batches */
    int64_t factorisations, refactorisations;
    cn_idx worst; /* unknown that moved most beyond its tolerance in the last iteration */
    double worst_step;
} cn_report;

typedef struct cn_system {
    cn_idx n, nnz;
    const cn_idx *ap, *ai;     /* CSC pattern, rows sorted */
    double *g0;                /* nnz: constant part of df/dx */
    const double *c0;          /* and of dq/dx */
    const cn_idx *diagonal;    /* n: slot of each diagonal entry */
    const uint8_t *kind;       /* n: cn_kind */
    const double *tol;         /* n: absolute tolerance */
    cn_idx n_batches;
    cn_batch *batches;
    cn_idx n_sources;
    cn_source *sources;
    cn_idx n_drive;            /* triplets of B */
    const cn_idx *drive_row, *drive_source;
    const double *drive_value;
    cn_delays delays;          /* transmission lines */
    cn_idx n_held;             /* states that keep their initial value in dc */
    const cn_idx *held_row;
    const double *held_value;
    cn_idx n_bounded;          /* states that stay between two bounds in time */
    const cn_idx *bounded_row;
    const double *bounded_low, *bounded_high;
    cn_idx n_forced;           /* nodes tied to a voltage by .ic or .nodeset while `forcing` is set */
    const cn_idx *forced_row;
    const double *forced_value;
    int forcing;
    double shunt;              /* conductance from every node to `anchor`: gmin stepping, pseudo-transient */
    double *anchor;            /* n+1, V */
    double scale;              /* of all sources: source stepping */
    cn_options options;
    cn_lu *lu;
    int lu_ready;              /* the LU has pivots; a refactorisation is enough */
    int lu_current;            /* the LU holds the factors of `base` (when nothing else is in the Jacobian) */
    double base_alpha, base_shunt;
    int base_forcing, base_stale;
    double *base;              /* nnz+1: constant part of the Jacobian for the alpha above */
    double *ax;                /* nnz+1 */
    double *f;                 /* n+1: f + alpha q of the last load */
    double *q, *dx, *residual, *good, *drive; /* n+1 */
    double *noise, *row_noise; /* n+1: rounding noise of a step, and of the equations behind it */
    const double *size;        /* n: largest |x| in a transient so far; NULL when there is none */
    uint8_t *is_held;          /* n */
    cn_idx n_quiet;            /* batches that the linear part stands in for, see cn_quiet.h */
    cn_idx woken;              /* since the linear part was last made from scratch */
    double *g, *c;             /* nnz+1: g0, c0 and the quiet batches' */
    double *f_quiet, *q_quiet; /* n+1: their constant parts */
    cn_idx *touched;           /* what the batches' `touch`, `at` and `seen` point into */
    double *touched_values;
    double *turning;           /* unknowns and limited voltages of the largest batch: scratch */
    cn_idx *sums;              /* what the batches' sums point into */
    cn_report report;
} cn_system;

/* Allocate the work arrays and the LU; everything above them must be set and outlive the system. */
cn_status cn_system_init(cn_system *s, const cn_idx *perm);
void cn_system_free(cn_system *s);

/* Set `drive` to B s: at time t, or the dc values. */
void cn_system_drive(cn_system *s, cn_mode mode, double t);

/* What becomes of the limited voltages when a point is evaluated. */
typedef enum cn_limiting {
    CN_LIMIT = 0,  /* they follow x as far as limiting lets them */
    CN_START = 1,  /* they begin at the junctions' initial voltages */
    CN_SETTLE = 2, /* they come to x, so that f is that of x itself */
    CN_HOLD_OFF = 3 /* as CN_LIMIT, but batches that are `off` stay at their start */
} cn_limiting;

/* Evaluate f + alpha q and the Jacobian ax = df/dx + alpha dq/dx at x (n+1 entries).
 * *held counts instances whose limiting holds Newton back. */
void cn_system_load(cn_system *s, const double *x, double alpha, cn_mode mode, double t, cn_limiting how, cn_idx *held);

/* Bring `base`, the constant part of the Jacobian, up to date. */
void cn_system_base(cn_system *s, double alpha);

/* Set q to the charges at x, and the limited voltages of devices that hold charge or remember to those of x. */
void cn_system_charges(cn_system *s, const double *x, double t);

/* Set q to the charges at the solution x that Newton's method came to last.  They follow the linearisation of its last
 * step, so that they balance its currents to rounding; devices that remember are evaluated anew. */
void cn_system_step_charges(cn_system *s, const double *x, double t);

/* Separate Jacobians at x for small-signal analyses; gx, cx: nnz. */
void cn_system_jacobians(cn_system *s, const double *x, double *gx, double *cx);

/* Accept the limited voltages of the last iterate as those of an accepted point. */
void cn_system_accept(cn_system *s);
/* Go back to the limited voltages of the last accepted point. */
void cn_system_revert(cn_system *s);
/* Let transmission lines begin a transient, in which an end sees the other one late, and end it. */
cn_status cn_system_start_delays(cn_system *s, const double *x, double t, int use_ic);
void cn_system_stop_delays(cn_system *s);
/* Let what devices remember begin anew at x, the start of a transient at t = 0. */
void cn_system_start(cn_system *s, const double *x);
/* Note the last accepted point as one to return to, and go back to it. */
void cn_system_mark(cn_system *s);
void cn_system_return(cn_system *s);
/* Let switches stand as at the last accepted point. */
void cn_system_hold(cn_system *s);
/* Turn the switches whose controls at the solution x have passed the threshold to the other position; what lies between
 * the thresholds stays.  Returns how many batches have changed: x solves the equations of the old positions. */
cn_idx cn_system_turn(cn_system *s, const double *x, double t);
/* 1 when a discrete variable differs from the last accepted point's. */
int cn_system_switched(const cn_system *s);

/* Solve f(x) + alpha q(x) + history - B s = 0 from the start value in x.  history may be NULL.
 * Switches keep their positions until the iteration has converged: only a solution turns them, never an iterate astray,
 * and from there the iteration goes on, until a solution turns none.
 * init: start with junctions at their initial voltages; in dc, batches that are `off` stay there until all else has
 * converged, and only then take part.
 * CN_OUT_OF_BOUNDS: the solution seems to lie where a state is out of its bounds (in time only). */
cn_status cn_newton(cn_system *s, double *x, double alpha, const double *history, cn_mode mode, double t, int init,
                    int max_iterations);

/* Leave in dx what Kirchhoff's laws lack at x, minus the residual: what a failure tells. */
void cn_newton_imbalance(cn_system *s, const double *x, double alpha, const double *history, cn_mode mode, double t);

/* A dc solution by Newton's method with a line search on the natural level function (Deuflhard, Newton Methods for
 * Nonlinear Problems, Springer 2004, section 3.3), from x.  step: n numbers of scratch. */
cn_status cn_newton_line_search(cn_system *s, double *x, double *step, int max_iterations);

/* Operating point: Newton's method, then with a line search, gmin stepping, source stepping, pseudo-transient.
 * A failure leaves in x the last iterate, and in dx its imbalance. */
cn_status cn_operating_point(cn_system *s, double *x, cn_mode drive_mode, int warm);

#endif
