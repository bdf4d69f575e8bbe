/* Newton's method with junction limiting, and with a line search. */
#include "cn_system.h"

#include <float.h>
#include <math.h>
#include <string.h>

static const double ROUNDING = 1e-13;

/* Rounding of one term of an equation, with room for the sum of several. */
static const double NOISE = 8.0 * DBL_EPSILON;

/* Iterations after which steps that shrink no more may be noise. */
static const int PATIENCE = 4;

/* In time, a signal near zero need not be known better than this part of its largest value: the step's own error is
 * many times that. */
static const double PART_OF_SWING = 0.1;

/* What Newton's method may leave undone, in tolerances. */
static const double REMAINDER = 0.1;

static inline double larger(double a, double b) { return a > b ? a : b; }

static int all_finite(const double *v, cn_idx n)
{
    double sum = 0.0;
    for (cn_idx i = 0; i < n; i++) sum += v[i] * 0.0;
    return sum == 0.0;
}

/* Factor the Jacobian in place, by the cheapest way that is safe. */
static cn_status factor(cn_system *s, cn_mode mode)
{
    const int constant = s->n_quiet == s->n_batches && (mode == CN_MODE_TRAN || s->n_held == 0);
    const double *values = constant ? s->base : s->ax;
    if (constant && s->lu_current) return CN_OK;
    cn_status status = CN_PIVOT_GROWTH;
    if (s->lu_ready) {
        status = cn_lu_refactor(s->lu, values);
        s->report.refactorisations++;
    }
    if (status == CN_PIVOT_GROWTH || status == CN_SINGULAR) {
        status = cn_lu_factor(s->lu, values);
        s->report.factorisations++;
        s->lu_ready = status == CN_OK;
    }
    s->lu_current = constant && status == CN_OK;
    return status;
}

static inline double swing(const cn_system *s, cn_idx i)
{
    return s->size ? PART_OF_SWING * s->size[i] : 0.0;
}

/* Whether what the step dx to x leaves is small: an unknown whose last steps were a and b, b < a, goes on to b / (1 - b/a)
 * (Hairer and Wanner, Solving Ordinary Differential Equations II, 1996, section IV.8, there for the norm of all; one
 * unknown by itself, for a junction may still climb in even steps beside a current that has settled). */
static int next_is_small(const cn_system *s, const double *x, const double *before, const double *dx)
{
    for (cn_idx i = 0; i < s->n; i++) {
        const double size = fabs(dx[i]), was = fabs(before[i]);
        const double tol = REMAINDER * (s->options.reltol * larger(fabs(x[i]), swing(s, i)) + s->tol[i]);
        if (size > tol && (2.0 * size > was || size * size > tol * (was - size))) return 0;
    }
    return 1;
}

/* Largest step over its tolerance; notes the worst unknown in the report. */
static double step_norm(cn_system *s, const double *x, const double *dx, int noisy)
{
    const double reltol = s->options.reltol;
    double largest[3] = {0.0, 0.0, 0.0}, norm = 0.0;
    cn_idx worst = -1;
    for (cn_idx i = 0; i < s->n; i++) largest[s->kind[i]] = larger(largest[s->kind[i]], fabs(x[i]));
    /* The rounding noise of a solve whose largest unknown of this kind is that large. */
    for (int k = 0; k < 3; k++) largest[k] *= ROUNDING;
    for (cn_idx i = 0; i < s->n; i++) {
        const double size = fabs(dx[i]), scale = larger(fabs(x[i]), fabs(x[i] + dx[i]));
        double tol = reltol * larger(scale, swing(s, i)) + s->tol[i] + largest[s->kind[i]];
        if (noisy) tol += s->noise[i];
        if (size > norm * tol) {
            norm = size / tol;
            worst = i;
        }
    }
    if (worst >= 0) {
        s->report.worst = worst;
        s->report.worst_step = dx[worst];
    }
    return norm;
}

/* Estimate the rounding noise of a step at x: that of the equations, eps |A| |x|, through the factors.  A capacitance over
 * a tiny time step, or a large conductance between nodes of almost one voltage, makes currents noisier than tolerances
 * may ask for.  Two patterns of signs, so that what cancels in one stands in the other. */
static cn_status rounding_noise(cn_system *s, const double *x, const double *values)
{
    double *const rows = s->row_noise;
    memset(rows, 0, sizeof(double) * ((size_t)s->n + 1));
    for (cn_idx j = 0; j < s->n; j++) {
        const double size = NOISE * fabs(x[j]);
        for (cn_idx k = s->ap[j]; k < s->ap[j + 1]; k++) rows[s->ai[k]] += fabs(values[k]) * size;
    }
    memcpy(s->noise, rows, sizeof(double) * (size_t)s->n);
    for (cn_idx i = 1; i < s->n; i += 2) rows[i] = -rows[i];
    const cn_status status = cn_lu_solve(s->lu, s->noise);
    if (status != CN_OK) return status;
    const cn_status second = cn_lu_solve(s->lu, rows);
    if (second != CN_OK) return second;
    for (cn_idx i = 0; i < s->n; i++) s->noise[i] = larger(fabs(s->noise[i]), fabs(rows[i]));
    return CN_OK;
}

/* Stop the step dx at the bounds of states: beyond them a device is steep, and Newton's method could swing between its
 * two sides for ever.  Returns 1 when a state wanted to leave by more than the tolerances of a solution account for. */
static int stop_at_bounds(const cn_system *s, const double *x, double *dx)
{
    int stopped = 0;
    for (cn_idx k = 0; k < s->n_bounded; k++) {
        const cn_idx i = s->bounded_row[k];
        const double low = s->bounded_low[k], high = s->bounded_high[k], slack = 1e-6 * (high - low), w = x[i] + dx[i];
        if (w >= low - slack && w <= high + slack) continue;
        dx[i] = (w < low ? low : high) - x[i];
        stopped = 1;
    }
    return stopped;
}

/* Minus the residual at x, in dx. */
static void negative_residual(cn_system *s, const double *history, cn_mode mode)
{
    double *const dx = s->dx;
    for (cn_idx i = 0; i < s->n; i++) dx[i] = s->scale * s->drive[i] - s->f[i];
    if (history)
        for (cn_idx i = 0; i < s->n; i++) dx[i] -= history[i];
    if (mode == CN_MODE_DC)
        for (cn_idx k = 0; k < s->n_held; k++) dx[s->held_row[k]] = -s->f[s->held_row[k]];
}

void cn_newton_imbalance(cn_system *s, const double *x, double alpha, const double *history, cn_mode mode, double t)
{
    cn_idx held;
    cn_system_load(s, x, alpha, mode, t, CN_SETTLE, &held);
    negative_residual(s, history, mode);
}

/* A linear circuit in time: the solution itself in one solve, without the residual of a guess. */
static cn_status solve_linear(cn_system *s, double *x, double alpha, const double *history)
{
    cn_system_base(s, alpha);
    const cn_status status = factor(s, CN_MODE_TRAN);
    if (status != CN_OK) return status;
    for (cn_idx i = 0; i < s->n; i++) x[i] = s->scale * s->drive[i];
    if (history)
        for (cn_idx i = 0; i < s->n; i++) x[i] -= history[i];
    return cn_lu_solve(s->lu, x);
}

static int any_off(const cn_system *s)
{
    for (cn_idx k = 0; k < s->n_batches; k++)
        if (s->batches[k].off) return 1;
    return 0;
}

/* Newton's method with the switches where they are. */
static cn_status iterate(cn_system *s, double *x, double alpha, const double *history, cn_mode mode, double t, int init,
                         int max_iterations)
{
    const cn_idx n = s->n;
    const int linear = s->n_batches == 0;
    int settled = 0, halvings = 0, leaving = 0;
    int free = 0; /* no limiting held the last step back */
    int off = init && mode == CN_MODE_DC && any_off(s); /* batches that are `off` have yet to be released */
    int noisy = 0; /* the rounding noise of the steps is known */
    double last = INFINITY;
    cn_idx held;
    x[n] = 0.0;
    if (linear && mode == CN_MODE_TRAN && !s->forcing && s->shunt == 0.0) {
        s->report.iterations++;
        return solve_linear(s, x, alpha, history);
    }
    for (int iteration = 0; iteration < max_iterations; iteration++) {
        s->report.iterations++;
        /* 1. Residual and Jacobian at x; an overflow there takes back half of the step that led to it. */
        memcpy(s->residual, s->dx, sizeof(double) * (size_t)n);
        const cn_limiting how = init && iteration == 0 ? CN_START : off ? CN_HOLD_OFF : CN_LIMIT;
        cn_system_load(s, x, alpha, mode, t, how, &held);
        negative_residual(s, history, mode);
        if (!all_finite(s->dx, n)) {
            if (iteration == 0 || ++halvings > 40) return CN_NOT_FINITE;
            for (cn_idx i = 0; i < n; i++) {
                s->dx[i] = 0.5 * s->residual[i];
                x[i] -= s->dx[i];
            }
            cn_system_revert(s);
            settled = 0;
            continue;
        }
        /* 2. Step. */
        cn_status status = factor(s, mode);
        if (status != CN_OK) return status;
        status = cn_lu_solve(s->lu, s->dx);
        if (status != CN_OK) return status;
        /* 3. Converged?  A dc solution takes one more, quadratically better, iteration: its error is then far
         *    below reltol, and no time step follows that could mend it. */
        const int stopped = mode == CN_MODE_TRAN && stop_at_bounds(s, x, s->dx);
        double norm = step_norm(s, x, s->dx, noisy);
        if (!(norm < INFINITY)) return CN_NOT_FINITE;
        if (!noisy && norm > 1.0 && held == 0 && iteration >= PATIENCE && norm > 0.25 * last) {
            const int constant = s->n_quiet == s->n_batches && (mode == CN_MODE_TRAN || s->n_held == 0);
            status = rounding_noise(s, x, constant ? s->base : s->ax);
            if (status != CN_OK) return status;
            noisy = 1;
            norm = step_norm(s, x, s->dx, noisy);
        }
        last = norm;
        for (cn_idx i = 0; i < n; i++) x[i] += s->dx[i];
        if (linear) return CN_OK;
        /* In time the rate of convergence tells what is left after this step: the next one may start from that. */
        const int small = norm <= 1.0 || (mode == CN_MODE_TRAN && free && next_is_small(s, x, s->residual, s->dx));
        settled = small && held == 0 ? settled + 1 : 0;
        free = held == 0;
        if (stopped) {
            /* All has come to rest but states that still want to leave: once may be an iterate astray, not twice. */
            if (settled && ++leaving == 2) return CN_OUT_OF_BOUNDS;
            settled = 0;
        }
        if (off && settled && iteration > 0) {
            off = settled = 0;
            continue;
        }
        if (settled >= (mode == CN_MODE_DC ? 2 : 1) && !(init && iteration == 0)) return CN_OK;
    }
    if (mode == CN_MODE_TRAN) cn_newton_imbalance(s, x, alpha, history, mode, t);
    return CN_NO_CONVERGENCE;
}

cn_status cn_newton(cn_system *s, double *x, double alpha, const double *history, cn_mode mode, double t, int init,
                    int max_iterations)
{
    if (mode == CN_MODE_DC) cn_system_hold(s);
    /* A switch may turn the next one, and so on along a chain: what is solved in between is nearly linear. */
    for (int round = 0; round < s->options.itl1; round++) {
        const cn_status status = iterate(s, x, alpha, history, mode, t, init && round == 0, max_iterations);
        if (status != CN_OK || cn_system_turn(s, x, t) == 0) return status;
    }
    if (mode == CN_MODE_TRAN) cn_newton_imbalance(s, x, alpha, history, mode, t);
    return CN_NO_CONVERGENCE;
}

/* The size of the step that minus the residual at x asks for with the factors in place; infinite where f is. */
static double natural_size(cn_system *s, const double *x, cn_status *status)
{
    cn_idx held;
    cn_system_load(s, x, 0.0, CN_MODE_DC, 0.0, CN_SETTLE, &held);
    negative_residual(s, NULL, CN_MODE_DC);
    if (!all_finite(s->dx, s->n)) return INFINITY;
    *status = cn_lu_solve(s->lu, s->dx);
    return *status == CN_OK ? step_norm(s, x, s->dx, 0) : INFINITY;
}

cn_status cn_newton_line_search(cn_system *s, double *x, double *step, int max_iterations)
{
    const size_t bytes = sizeof(double) * (size_t)s->n;
    double damping = 1.0;
    cn_idx held;
    x[s->n] = 0.0;
    cn_system_hold(s);
    for (int iteration = 0; iteration < max_iterations; iteration++) {
        s->report.iterations++;
        cn_system_load(s, x, 0.0, CN_MODE_DC, 0.0, CN_SETTLE, &held);
        negative_residual(s, NULL, CN_MODE_DC);
        if (!all_finite(s->dx, s->n)) return CN_NOT_FINITE;
        cn_status status = factor(s, CN_MODE_DC);
        if (status != CN_OK) return status;
        status = cn_lu_solve(s->lu, s->dx);
        if (status != CN_OK) return status;
        const double size = step_norm(s, x, s->dx, 0);
        if (!(size < INFINITY)) return CN_NOT_FINITE;
        memcpy(step, s->dx, bytes);
        if (size <= 1e-3) {
            for (cn_idx i = 0; i < s->n; i++) x[i] += step[i];
            if (cn_system_turn(s, x, 0.0) == 0) return CN_OK;
            damping = 1.0;
            continue;
        }
        /* The natural level function: does the simplified step from the new point shrink? */
        double taken = 0.0;
        for (damping = damping < 0.5 ? 2.0 * damping : 1.0; damping > 1e-6; damping *= 0.5) {
            for (cn_idx i = 0; i < s->n; i++) x[i] += (damping - taken) * step[i];
            taken = damping;
            if (natural_size(s, x, &status) <= (1.0 - 0.25 * damping) * size) break;
            if (status != CN_OK && status != CN_NOT_FINITE) return status;
        }
        if (damping <= 1e-6) return CN_NO_CONVERGENCE;
    }
    return CN_NO_CONVERGENCE;
}
