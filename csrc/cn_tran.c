/* Transient analysis: the whole time-step loop.
 *
 * q'(t) is replaced by alpha q(t_new) + history: backward Euler for the first two steps after a break, then the
 * trapezoidal rule or Gear's second-order formula.  The local truncation error of each dynamic unknown comes from the
 * distance between the solution and the polynomial through the points before it (Milne's device; Brenan, Campbell and
 * Petzold, Numerical Solution of Initial-Value Problems in DAEs, 1996, section 5.2).
 */
#include "cn_tran.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_RETURNS = 8 };

typedef enum cn_rule { EULER, TRAPEZOIDAL, GEAR } cn_rule;

static cn_status reserve(cn_tran *tr)
{
    if (tr->n_points < tr->capacity) return CN_OK;
    if (tr->capacity > INT32_MAX / 2) return CN_NO_MEMORY;
    const cn_idx capacity = tr->capacity ? 2 * tr->capacity : 1024;
    double *times = realloc(tr->point_times, sizeof(double) * (size_t)capacity);
    if (!times) return CN_NO_MEMORY;
    tr->point_times = times;
    double *points = realloc(tr->points, sizeof(double) * (size_t)capacity * ((size_t)tr->n_saved + 1));
    if (!points) return CN_NO_MEMORY;
    tr->points = points;
    tr->capacity = capacity;
    return CN_OK;
}

static cn_status record(cn_tran *tr)
{
    if (tr->t < tr->record_from - 1e-12 * fabs(tr->stop)) return CN_OK;
    const cn_status status = reserve(tr);
    if (status != CN_OK) return status;
    double *row = tr->points + (size_t)tr->n_points * (size_t)tr->n_saved;
    for (cn_idx k = 0; k < tr->n_saved; k++) row[k] = tr->x[0][tr->saved[k]];
    tr->point_times[tr->n_points++] = tr->t;
    return CN_OK;
}

static double find_break(const cn_tran *tr)
{
    double next = tr->stop;
    for (cn_idx k = 0; k < tr->system->n_sources; k++)
        next = fmin(next, cn_source_next_break(&tr->system->sources[k], tr->t));
    return next;
}

/* The current point begins a new smooth stretch: nothing before it predicts what follows. */
static void begin_stretch(cn_tran *tr)
{
    const size_t bytes = sizeof(double) * ((size_t)tr->system->n + 1);
    tr->valid = 1;
    tr->returns = 0;
    tr->next_break = find_break(tr);
    tr->mark_t = tr->t;
    tr->mark_points = tr->n_points;
    memcpy(tr->mark_x, tr->x[0], bytes);
    memcpy(tr->mark_q, tr->q[0], bytes);
    memcpy(tr->mark_qdot, tr->qdot, bytes);
    cn_system_mark(tr->system);
}

cn_status cn_tran_init(cn_tran *tr, const double *x, const double *q)
{
    const size_t n = (size_t)tr->system->n + 1;
    double **all[] = {&tr->x[0], &tr->x[1], &tr->x[2], &tr->q[0], &tr->q[1], &tr->qdot, &tr->history, &tr->trial,
                      &tr->scale, &tr->mark_x, &tr->mark_q, &tr->mark_qdot};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        if (!(*all[k] = calloc(n, sizeof(double)))) return CN_NO_MEMORY;
    memcpy(tr->x[0], x, n * sizeof(double));
    memcpy(tr->q[0], q, n * sizeof(double));
    for (size_t i = 0; i < n; i++) tr->scale[i] = fabs(x[i]);
    tr->t = tr->times[0] = 0.0;
    tr->event_limit = INFINITY;
    cn_system_start(tr->system, x);
    const cn_status status = record(tr);
    begin_stretch(tr);
    /* A stretch needs a second step: only that one tells the error of the first. */
    tr->step = fmin(tr->first_step, 0.1 * (tr->next_break - tr->t));
    return status;
}

void cn_tran_free(cn_tran *tr)
{
    for (int k = 0; k < CN_HISTORY; k++) free(tr->x[k]);
    free(tr->q[0]);
    free(tr->q[1]);
    free(tr->qdot);
    free(tr->history);
    free(tr->trial);
    free(tr->scale);
    free(tr->mark_x);
    free(tr->mark_q);
    free(tr->mark_qdot);
    free(tr->point_times);
    free(tr->points);
}

/* Step length to take now, and whether it lands on the next break. */
static double choose_step(const cn_tran *tr, int *lands)
{
    double h = fmin(tr->step, tr->max_step);
    double goal = tr->next_break;
    if (tr->event_limit < goal) goal = fmax(tr->t + 0.5 * (tr->event_limit - tr->t), tr->t + tr->min_step);
    *lands = 0;
    const double left = goal - tr->t;
    if (h >= left * (1.0 - 1e-9)) {
        h = left;
        *lands = goal == tr->next_break;
    } else if (h > 0.5 * left) {
        h = 0.5 * left; /* two even steps rather than a long and a sliver */
    }
    return h;
}

/* Coefficients: q' at the new point is alpha q + history. */
static double set_formula(cn_tran *tr, cn_rule rule, double h)
{
    const cn_idx n = tr->system->n;
    double alpha = 1.0 / h;
    if (rule == EULER) {
        for (cn_idx i = 0; i < n; i++) tr->history[i] = -alpha * tr->q[0][i];
    } else if (rule == TRAPEZOIDAL) {
        alpha = 2.0 / h;
        for (cn_idx i = 0; i < n; i++) tr->history[i] = -alpha * tr->q[0][i] - tr->qdot[i];
    } else {
        const double h1 = tr->times[0] - tr->times[1];
        const double b = -(h + h1) / (h * h1), c = h / (h1 * (h + h1));
        alpha = (2.0 * h + h1) / (h * (h + h1));
        for (cn_idx i = 0; i < n; i++) tr->history[i] = b * tr->q[0][i] + c * tr->q[1][i];
    }
    return alpha;
}

/* Extrapolate the polynomial through the valid points; returns its degree. */
static int predict(const cn_tran *tr, double h, double *out)
{
    const cn_idx n = tr->system->n;
    const double t = tr->t + h;
    if (tr->valid < 2) {
        memcpy(out, tr->x[0], sizeof(double) * (size_t)n);
        return 0;
    }
    const double t0 = tr->times[0], t1 = tr->times[1];
    if (tr->valid == 2) {
        const double w = (t - t1) / (t0 - t1);
        for (cn_idx i = 0; i < n; i++) out[i] = w * tr->x[0][i] + (1.0 - w) * tr->x[1][i];
        return 1;
    }
    const double t2 = tr->times[2];
    const double w0 = (t - t1) * (t - t2) / ((t0 - t1) * (t0 - t2));
    const double w1 = (t - t0) * (t - t2) / ((t1 - t0) * (t1 - t2));
    const double w2 = (t - t0) * (t - t1) / ((t2 - t0) * (t2 - t1));
    for (cn_idx i = 0; i < n; i++) out[i] = w0 * tr->x[0][i] + w1 * tr->x[1][i] + w2 * tr->x[2][i];
    return 2;
}

static double tolerance(const cn_tran *tr, cn_idx i, double value)
{
    /* Relative to the largest value so far: a signal that crosses zero needs no smaller steps there.  SPICE's trtol
     * of 7 stands for its overestimated error; this estimate is sharp, so 7 means one reltol. */
    const cn_system *s = tr->system;
    return s->options.trtol / 7.0 * (s->options.reltol * fmax(tr->scale[i], fabs(value)) + s->tol[i]);
}

/* Largest local truncation error over its tolerance; predicted has degree 1 or 2. */
static double error_norm(const cn_tran *tr, cn_rule rule, double h, const double *predicted, const double *solved)
{
    const double h1 = tr->times[0] - tr->times[1];
    double own, distance;
    if (rule == EULER) {
        own = h * h / 2.0;
        distance = own + h * (h + h1) / 2.0;
    } else {
        const double h2 = tr->times[1] - tr->times[2];
        own = rule == TRAPEZOIDAL ? h * h * h / 12.0 : h * h * (h + h1) * (h + h1) / (6.0 * (2.0 * h + h1));
        distance = own + h * (h + h1) * (h + h1 + h2) / 6.0;
    }
    double norm = 0.0;
    for (cn_idx i = 0; i < tr->system->n; i++)
        if (tr->dynamic[i])
            norm = fmax(norm, fabs(solved[i] - predicted[i]) * (own / distance) / tolerance(tr, i, solved[i]));
    return norm;
}

/* Error of the first step of a stretch, seen only once the second is there (second difference). */
static double first_error_norm(const cn_tran *tr, double h, const double *solved)
{
    const double h1 = tr->times[0] - tr->times[1];
    double norm = 0.0;
    for (cn_idx i = 0; i < tr->system->n; i++) {
        if (!tr->dynamic[i]) continue;
        const double second = ((solved[i] - tr->x[0][i]) / h - (tr->x[0][i] - tr->x[1][i]) / h1) * 2.0 / (h + h1);
        norm = fmax(norm, fabs(second) * h1 * h1 / 2.0 / tolerance(tr, i, solved[i]));
    }
    return norm;
}

/* Go back to the start of the stretch and try with a shorter first step. */
static void return_to_mark(cn_tran *tr, double norm)
{
    const size_t bytes = sizeof(double) * ((size_t)tr->system->n + 1);
    const double first = tr->times[0] - tr->times[1];
    memcpy(tr->x[0], tr->mark_x, bytes);
    memcpy(tr->q[0], tr->mark_q, bytes);
    memcpy(tr->qdot, tr->mark_qdot, bytes);
    cn_system_return(tr->system);
    tr->t = tr->times[0] = tr->mark_t;
    tr->n_points = tr->mark_points;
    tr->valid = 1;
    tr->returns++;
    tr->accepted--;
    tr->step = fmax(first * fmax(0.02, 0.7 / sqrt(norm)), tr->min_step);
}

/* Make the solved point the current one; its charges are in the system's q. */
static void accept(cn_tran *tr, double alpha, double t, double *solved)
{
    cn_system *s = tr->system;
    const cn_idx n = s->n;
    /* Charges at the solution itself: the last load was one Newton step before it. */
    cn_system_charges(s, solved, t);
    double *oldest = tr->x[CN_HISTORY - 1];
    for (int k = CN_HISTORY - 1; k > 0; k--) {
        tr->x[k] = tr->x[k - 1];
        tr->times[k] = tr->times[k - 1];
    }
    memcpy(oldest, solved, sizeof(double) * ((size_t)n + 1));
    tr->x[0] = oldest;
    tr->times[0] = tr->t = t;
    double *before = tr->q[1];
    tr->q[1] = tr->q[0];
    tr->q[0] = before;
    for (cn_idx i = 0; i < n; i++) {
        tr->q[0][i] = s->q[i];
        tr->qdot[i] = alpha * s->q[i] + tr->history[i];
        tr->scale[i] = fmax(tr->scale[i], fabs(solved[i]));
    }
    if (tr->valid < CN_HISTORY) tr->valid++;
    cn_system_accept(s);
    tr->accepted++;
}

/* One attempt at a step.  CN_CONTINUE: go on (accepted or not). */
static cn_status attempt(cn_tran *tr)
{
    cn_system *s = tr->system;
    int lands;
    const double h = choose_step(tr, &lands);
    const double t = lands ? tr->next_break : tr->t + h;
    const cn_rule rule = tr->valid < 3 ? EULER : s->options.gear ? GEAR : TRAPEZOIDAL;
    const int order = rule == EULER ? 1 : 2;
    const double alpha = set_formula(tr, rule, h);
    const int degree = predict(tr, h, tr->trial);
    double *predicted = s->good; /* free during a transient: only homotopies use it */
    memcpy(predicted, tr->trial, sizeof(double) * (size_t)s->n);

    cn_system_drive(s, CN_MODE_TRAN, t);
    const cn_status status = cn_newton(s, tr->trial, alpha, tr->history, CN_MODE_TRAN, t, 0, s->options.itl4);
    if (status == CN_NO_MEMORY || status == CN_BAD_ARGUMENT) return status;
    if (status == CN_OUT_OF_BOUNDS && rule != EULER) {
        /* The second-order formulas carry the rate before the bound past it; an Euler step ends inside. */
        tr->rejected_bound++;
        cn_system_revert(s);
        tr->valid = 2;
        tr->step = h;
        return CN_CONTINUE;
    }
    if (status != CN_OK) {
        tr->rejected_newton++;
        cn_system_revert(s);
        tr->step = h / 8.0;
        if (tr->valid > 1) tr->valid = 1; /* the prediction may be what misled Newton's method */
        if (tr->step < tr->min_step) return status == CN_SINGULAR ? status : CN_STEP_TOO_SMALL;
        return CN_CONTINUE;
    }
    /* A switch turned: come close to the instant before letting it. */
    const int switched = cn_system_switched(s);
    if (switched && h > fmax(1e-4 * tr->max_step, 4.0 * tr->min_step)) {
        tr->rejected_event++;
        cn_system_revert(s);
        tr->event_limit = t;
        return CN_CONTINUE;
    }
    double growth = 2.0;
    int jumped = 0;
    if (degree > 0) {
        const double norm = error_norm(tr, rule, h, predicted, tr->trial);
        if (degree == 1 && tr->valid == 2 && tr->times[1] == tr->mark_t && tr->returns < MAX_RETURNS) {
            const double first = first_error_norm(tr, h, tr->trial);
            if (first > 1.0 && tr->times[0] - tr->times[1] > 1e3 * tr->min_step) {
                tr->rejected_error++;
                return_to_mark(tr, first);
                return CN_CONTINUE;
            }
        }
        if (norm > 1.0) {
            if (h > 1e3 * tr->min_step) {
                tr->rejected_error++;
                cn_system_revert(s);
                tr->step = h * fmax(0.1, 0.8 * pow(norm, -1.0 / (order + 1)));
                return CN_CONTINUE;
            }
            jumped = 1; /* no step is short enough: a discontinuity, stepped over */
            tr->discontinuities++;
        } else {
            growth = 0.8 * pow(fmax(norm, 1e-12), -1.0 / (order + 1));
        }
    }
    accept(tr, alpha, t, tr->trial);
    const cn_status recorded = record(tr);
    if (recorded != CN_OK) return recorded;
    /* An unchanged step keeps the factors of a linear circuit. */
    tr->step = growth < 0.95 ? h * growth : growth < 1.25 ? h : h * fmin(growth, 2.0);
    if (t >= tr->event_limit) tr->event_limit = INFINITY;
    if (lands || switched || jumped || tr->inconsistent) {
        const int restart = !tr->inconsistent;
        tr->inconsistent = 0;
        begin_stretch(tr);
        if (restart) tr->step = fmin(h, 0.1 * fmin(tr->next_break - tr->t, tr->max_step));
        tr->step = fmax(tr->step, tr->min_step);
    }
    return CN_CONTINUE;
}

cn_status cn_tran_advance(cn_tran *tr, int budget)
{
    for (int k = 0; k < budget; k++) {
        if (tr->t >= tr->stop) return CN_OK;
        const cn_status status = attempt(tr);
        if (status != CN_CONTINUE) return status;
    }
    return tr->t >= tr->stop ? CN_OK : CN_CONTINUE;
}
