/* The operating point: Newton's method, and the ways round where it fails. */
#include "cn_system.h"

#include <math.h>
#include <string.h>

static int gives_up(cn_status status) { return status == CN_NO_MEMORY || status == CN_BAD_ARGUMENT; }

static cn_status newton_dc(cn_system *s, double *x, int init)
{
    return cn_newton(s, x, 0.0, NULL, CN_MODE_DC, 0.0, init, s->options.itl1);
}

/* Walk a conductance from every node to ground from 10 mS to nothing, in steps that adapt. */
static cn_status gmin_stepping(cn_system *s, double *x)
{
    const size_t bytes = sizeof(double) * ((size_t)s->n + 1);
    double factor_down = 10.0, last = 1e-1, *good = s->good;
    int init = 1;
    memset(x, 0, bytes);
    memcpy(good, x, bytes);
    s->shunt = 1e-2;
    for (int step = 0; step < 200; step++) {
        const cn_status status = newton_dc(s, x, init);
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
static cn_status source_stepping(cn_system *s, double *x)
{
    const size_t bytes = sizeof(double) * ((size_t)s->n + 1);
    double done = 0.0, rise = 1e-2, *good = s->good;
    memset(x, 0, bytes);
    s->scale = 0.0;
    cn_status status = newton_dc(s, x, 1);
    if (status != CN_OK) return status;
    cn_system_accept(s);
    memcpy(good, x, bytes);
    for (int step = 0; step < 1000; step++) {
        s->scale = fmin(1.0, done + rise);
        status = newton_dc(s, x, 0);
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

/* Let the circuit run to rest: a conductance ties every node to its last voltage, as a capacitor would in a time step
 * that grows while the steps succeed. */
static cn_status pseudo_transient(cn_system *s, double *x)
{
    const size_t bytes = sizeof(double) * ((size_t)s->n + 1);
    int init = 1;
    memset(x, 0, bytes);
    memset(s->anchor, 0, bytes);
    s->shunt = 1.0;
    for (int step = 0; step < 1000; step++) {
        const cn_status status = newton_dc(s, x, init);
        if (gives_up(status)) return status;
        if (status == CN_OK) {
            if (s->shunt == 0.0) return CN_OK;
            init = 0;
            cn_system_accept(s);
            double moved = 0.0;
            for (cn_idx i = 0; i < s->n; i++)
                if (s->kind[i] == CN_NODE) moved = fmax(moved, fabs(x[i] - s->anchor[i]));
            memcpy(s->anchor, x, bytes);
            s->shunt /= moved < 0.1 ? 10.0 : moved < 1.0 ? 3.0 : 1.5;
            if (s->shunt < s->options.gmin) s->shunt = 0.0;
        } else {
            if (init || s->shunt > 1e6) return status;
            s->shunt = s->shunt == 0.0 ? 10.0 * s->options.gmin : 8.0 * s->shunt;
            memcpy(x, s->anchor, bytes);
            cn_system_revert(s);
        }
    }
    return CN_NO_CONVERGENCE;
}

cn_status cn_operating_point(cn_system *s, double *x, cn_mode drive_mode, int warm)
{
    const size_t bytes = sizeof(double) * ((size_t)s->n + 1);
    cn_status first = CN_OK, status = CN_OK;
    cn_system_drive(s, drive_mode, 0.0);
    for (int method = CN_NEWTON; method < CN_METHODS; method++) {
        const int64_t before = s->report.iterations;
        s->shunt = 0.0;
        s->scale = 1.0;
        memset(s->anchor, 0, bytes);
        s->report.method = method;
        switch ((cn_method)method) {
        case CN_NEWTON:
            if (!warm) memset(x, 0, bytes);
            status = first = cn_newton(s, x, 0.0, NULL, CN_MODE_DC, 0.0, !warm, warm ? s->options.itl2 : s->options.itl1);
            break;
        case CN_LINE_SEARCH:
            /* A matrix without an inverse is not helped by shorter steps. */
            if (first == CN_SINGULAR) continue;
            memset(x, 0, bytes);
            status = cn_newton_line_search(s, x, s->good, s->options.itl1);
            break;
        case CN_GMIN_STEPPING:
            status = gmin_stepping(s, x);
            break;
        case CN_SOURCE_STEPPING:
            status = source_stepping(s, x);
            break;
        default:
            status = pseudo_transient(s, x);
            break;
        }
        s->report.tried[method] += s->report.iterations - before;
        if (status == CN_OK || gives_up(status)) break;
    }
    s->shunt = 0.0;
    s->scale = 1.0;
    if (status == CN_OK || gives_up(status)) return status;
    s->report.method = CN_NO_METHOD;
    cn_newton_imbalance(s, x, 0.0, NULL, CN_MODE_DC, 0.0);
    /* A matrix without an inverse is the cause to tell, not that the homotopies failed on it too. */
    return first == CN_SINGULAR ? first : status;
}
