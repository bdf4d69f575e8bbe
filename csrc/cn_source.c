/* Time functions of independent sources: value and next breakpoint. */
#include "cn_source.h"

#include <math.h>

static double pulse_value(const double *a, double t)
{
    const double v1 = a[0], v2 = a[1], rise = a[3], fall = a[4], width = a[5], period = a[6];
    t -= a[2];
    if (t <= 0.0) return v1;
    if (t > period) t -= period * floor(t / period);
    if (t < rise) return v1 + (v2 - v1) * t / rise;
    if (t <= rise + width) return v2;
    if (t < rise + width + fall) return v2 + (v1 - v2) * (t - rise - width) / fall;
    return v1;
}

static double sin_value(const double *a, double t)
{
    const double elapsed = t - a[3];
    if (elapsed <= 0.0) return a[0] + a[1] * sin(a[5]);
    return a[0] + a[1] * sin(6.283185307179586476925 * a[2] * elapsed + a[5]) * exp(-elapsed * a[4]);
}

static double exp_value(const double *a, double t)
{
    double v = a[0];
    if (t > a[2]) v += (a[1] - a[0]) * (1.0 - exp(-(t - a[2]) / a[3]));
    if (t > a[4]) v += (a[0] - a[1]) * (1.0 - exp(-(t - a[4]) / a[5]));
    return v;
}

/* Index of the first point whose time is greater than t. */
static cn_idx pwl_after(const cn_source *s, double t)
{
    cn_idx low = 0, high = s->n_args / 2;
    while (low < high) {
        const cn_idx middle = low + (high - low) / 2;
        if (s->args[2 * middle] > t) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

static double pwl_value(const cn_source *s, double t)
{
    const cn_idx k = pwl_after(s, t), count = s->n_args / 2;
    const double *a = s->args;
    if (k == 0) return a[1];
    if (k == count) return a[2 * count - 1];
    const double t0 = a[2 * k - 2], v0 = a[2 * k - 1], t1 = a[2 * k], v1 = a[2 * k + 1];
    return v0 + (v1 - v0) * (t - t0) / (t1 - t0);
}

double cn_source_value(const cn_source *s, double t)
{
    switch (s->kind) {
    case CN_PULSE: return pulse_value(s->args, t);
    case CN_SIN: return sin_value(s->args, t);
    case CN_EXP: return exp_value(s->args, t);
    case CN_PWL: return pwl_value(s, t);
    case CN_DC: break;
    }
    return s->dc;
}

double cn_source_dc(const cn_source *s)
{
    return s->kind == CN_DC || s->dc_given ? s->dc : cn_source_value(s, 0.0);
}

static double first_after(const double *corners, int count, double t)
{
    double best = INFINITY;
    for (int k = 0; k < count; k++)
        if (corners[k] > t && corners[k] < best) best = corners[k];
    return best;
}

double cn_source_next_break(const cn_source *s, double t)
{
    const double *a = s->args;
    /* A corner met to rounding has been passed: asking again must give the next one. */
    const double now = t + 1e-13 * fabs(t);
    switch (s->kind) {
    case CN_PULSE: {
        double start = a[2];
        if (now > start && a[6] > 0.0) start += a[6] * floor((now - start) / a[6]);
        const double corners[6] = {start, start + a[3], start + a[3] + a[5], start + a[3] + a[5] + a[4], start + a[6],
                                   start + a[6] + a[3]};
        return first_after(corners, 6, now);
    }
    case CN_SIN: return first_after(a + 3, 1, now);
    case CN_EXP: {
        const double corners[2] = {a[2], a[4]};
        return first_after(corners, 2, now);
    }
    case CN_PWL: {
        const cn_idx k = pwl_after(s, now);
        return k < s->n_args / 2 ? a[2 * k] : INFINITY;
    }
    case CN_DC: break;
    }
    return INFINITY;
}
