/* Newton's method with junction limiting, and the operating point by gmin and source stepping. */
#include "cn_system.h"

#include <float.h>
#include <math.h>
#include <string.h>

static int all_finite(const double *v, cn_idx n)
{
    double sum = 0.0;
    for (cn_idx i = 0; i < n; i++) sum += v[i] * 0.0;
    return sum == 0.0;
}

/* Factor the Jacobian in place, by the cheapest way that is safe. */
static cn_status factor(cn_system *s)
{
    const int linear = s->n_batches == 0 && s->n_held == 0;
    const double *values = linear ? s->base : s->ax;
    if (linear && s->lu_current) return CN_OK;
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
    s->lu_current = linear && status == CN_OK;
    return status;
}

/* Largest step over its tolerance; notes the worst unknown in the report. */
static double step_norm(cn_system *s, const double *x, const double *dx)
{
    double largest[3] = {0.0, 0.0, 0.0};
    for (cn_idx i = 0; i < s->n; i++) largest[s->kind[i]] = fmax(largest[s->kind[i]], fabs(x[i]));
    double norm = 0.0;
    for (cn_idx i = 0; i < s->n; i++) {
        /* The last term is the rounding noise of a solve whose largest unknown of this kind is that large. */
        const double tol = s->options.reltol * fmax(fabs(x[i]), fabs(x[i] + dx[i])) + s->tol[i] + 1e-13 * largest[s->kind[i]];
        const double ratio = fabs(dx[i]) / tol;
        if (ratio > norm) {
            norm = ratio;
            s->report.worst = i;
            s->report.worst_step = dx[i];
        }
    }
    return norm;
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

cn_status cn_newton(cn_system *s, double *x, double alpha, const double *history, cn_mode mode, double t, int init,
                    int max_iterations)
{
    const cn_idx n = s->n;
    const int linear = s->n_batches == 0;
    int settled = 0, halvings = 0, leaving = 0;
    cn_idx held;
    x[n] = 0.0;
    for (int iteration = 0; iteration < max_iterations; iteration++) {
        s->report.iterations++;
        /* 1. Residual and Jacobian at x; an overflow there takes back half of the step that led to it. */
        cn_system_load(s, x, alpha, mode, t, init && iteration == 0, &held);
        double *residual = s->residual;
        for (cn_idx i = 0; i < n; i++) residual[i] = s->f[i] + alpha * s->q[i] - s->scale * s->drive[i];
        if (mode == CN_MODE_DC)
            for (cn_idx k = 0; k < s->n_held; k++) residual[s->held_row[k]] = s->f[s->held_row[k]];
        if (history)
            for (cn_idx i = 0; i < n; i++) residual[i] += history[i];
        if (!all_finite(residual, n)) {
            if (iteration == 0 || ++halvings > 40) return CN_NOT_FINITE;
            for (cn_idx i = 0; i < n; i++) {
                s->dx[i] *= 0.5;
                x[i] -= s->dx[i];
            }
            cn_system_revert(s);
            settled = 0;
            continue;
        }
        /* 2. Step. */
        const cn_status status = factor(s);
        if (status != CN_OK) return status;
        for (cn_idx i = 0; i < n; i++) s->dx[i] = -residual[i];
        const cn_status solved = cn_lu_solve(s->lu, s->dx);
        if (solved != CN_OK) return solved;
        if (!all_finite(s->dx, n)) return CN_NOT_FINITE;
        /* 3. Converged?  A dc solution takes one more, quadratically better, iteration: its error is then far
         *    below reltol, and no time step follows that could mend it. */
        const int stopped = mode == CN_MODE_TRAN && stop_at_bounds(s, x, s->dx);
        const double norm = step_norm(s, x, s->dx);
        for (cn_idx i = 0; i < n; i++) x[i] += s->dx[i];
        if (linear) return CN_OK;
        settled = norm <= 1.0 && held == 0 ? settled + 1 : 0;
        if (stopped) {
            /* All has come to rest but states that still want to leave: once may be an iterate astray, not twice. */
            if (settled && ++leaving == 2) return CN_OUT_OF_BOUNDS;
            settled = 0;
        }
        if (settled >= (mode == CN_MODE_DC ? 2 : 1) && !(init && iteration == 0)) return CN_OK;
    }
    return CN_NO_CONVERGENCE;
}

static int gives_up(cn_status status) { return status == CN_NO_MEMORY || status == CN_BAD_ARGUMENT; }

/* Walk a conductance from every node to ground from 10 mS to nothing, in steps that adapt. */
static cn_status gmin_stepping(cn_system *s, double *x, double *good)
{
    const size_t bytes = sizeof(double) * ((size_t)s->n + 1);
    double factor_down = 10.0, last = 1e-1;
    int init = 1;
    memset(x, 0, bytes);
    memcpy(good, x, bytes);
    s->shunt = 1e-2;
    for (int step = 0; step < 200; step++) {
        cn_status status = cn_newton(s, x, 0.0, NULL, CN_MODE_DC, 0.0, init, s->options.itl1);
        if (gives_up(status)) return status;
        if (status == CN_OK) {
            if (s->shunt == 0.0) return CN_OK;
            init = 0;
            cn_system_accept(s);
            memcpy(good, x, bytes);
            last = s->shunt;
            factor_down = fmin(factor_down * factor_down, 10.0);
            s->shunt = last <= s->options.gmin ? 0.0 : fmax(last / factor_down, 0.1 * s->options.gmin);
        } else {
            if (init || factor_down < 1.00005) break;
            factor_down = sqrt(factor_down);
            s->shunt = last / factor_down;
            memcpy(x, good, bytes);
            cn_system_revert(s);
        }
    }
    return CN_NO_CONVERGENCE;
}

/* Raise all sources from zero to their values, in steps that adapt. */
static cn_status source_stepping(cn_system *s, double *x, double *good)
{
    const size_t bytes = sizeof(double) * ((size_t)s->n + 1);
    double done = 0.0, rise = 1e-2;
    memset(x, 0, bytes);
    s->shunt = 0.0;
    s->scale = 0.0;
    cn_status status = cn_newton(s, x, 0.0, NULL, CN_MODE_DC, 0.0, 1, s->options.itl1);
    if (status != CN_OK) return status;
    cn_system_accept(s);
    memcpy(good, x, bytes);
    for (int step = 0; step < 1000; step++) {
        s->scale = fmin(1.0, done + rise);
        status = cn_newton(s, x, 0.0, NULL, CN_MODE_DC, 0.0, 0, s->options.itl1);
        if (gives_up(status)) return status;
        if (status == CN_OK) {
            if (s->scale == 1.0) return CN_OK;
            cn_system_accept(s);
            memcpy(good, x, bytes);
            done = s->scale;
            rise *= 1.5;
        } else {
            rise *= 0.25;
            if (rise < 1e-7) return CN_NO_CONVERGENCE;
            memcpy(x, good, bytes);
            cn_system_revert(s);
        }
    }
    return CN_NO_CONVERGENCE;
}

cn_status cn_operating_point(cn_system *s, double *x, cn_mode drive_mode, int warm)
{
    cn_system_drive(s, drive_mode, 0.0);
    s->shunt = 0.0;
    s->scale = 1.0;
    s->report.method = 1;
    if (!warm) memset(x, 0, sizeof(double) * ((size_t)s->n + 1));
    cn_status status = cn_newton(s, x, 0.0, NULL, CN_MODE_DC, 0.0, !warm, warm ? s->options.itl2 : s->options.itl1);
    if (status == CN_OK || gives_up(status)) return status;
    const cn_status first = status;
    s->report.method = 2;
    status = gmin_stepping(s, x, s->good);
    if (status != CN_OK && !gives_up(status)) {
        s->report.method = 3;
        status = source_stepping(s, x, s->good);
    }
    s->shunt = 0.0;
    s->scale = 1.0;
    if (status == CN_OK || gives_up(status)) return status;
    s->report.method = 0;
    /* A matrix without an inverse is the cause to tell, not that the homotopies failed on it too. */
    return first == CN_SINGULAR ? first : status;
}
