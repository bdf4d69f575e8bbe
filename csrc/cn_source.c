/* Time functions of independent sources: value and next breakpoint. */
#include "cn_source.h"

#include <math.h>

static const double TWO_PI = 6.283185307179586476925;

static double pulse_value(const double *a, double t)
{
    const double v1 = a[0], v2 = a[1], rise = a[3], fall = a[4], width = a[5], period = a[6];
    t -= a[2];
    if (t <= 0.0 || (a[7] > 0.0 && t > a[7] * period)) return v1;
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
    return a[0] + a[1] * sin(TWO_PI * a[2] * elapsed + a[5]) * exp(-elapsed * a[4]);
}

static double exp_value(const double *a, double t)
{
    double v = a[0];
    if (t > a[2]) v += (a[1] - a[0]) * (1.0 - exp(-(t - a[2]) / a[3]));
    if (t > a[4]) v += (a[0] - a[1]) * (1.0 - exp(-(t - a[4]) / a[5]));
    return v;
}

/* A corner met to rounding has been reached: it is neither before nor behind. */
static double slack(double t) { return 1e-13 * fabs(t); }

enum { PWL_HEAD = 2 };

static cn_idx pwl_count(const cn_source *s) { return (s->n_args - PWL_HEAD) / 2; }

/* Index of the first point at or behind a time (strictly: behind it). */
static cn_idx pwl_find(const cn_source *s, double limit, int behind)
{
    const double *points = s->args + PWL_HEAD;
    cn_idx low = 0, high = pwl_count(s);
    while (low < high) {
        const cn_idx middle = low + (high - low) / 2;
        if (behind ? points[2 * middle] > limit : points[2 * middle] >= limit) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    return low;
}

/* Time within the points for the time t; *shift is what was taken off.  At the end of a repetition it is its end. */
static double pwl_time(const cn_source *s, double t, int behind, double *shift)
{
    const double *points = s->args + PWL_HEAD, from = s->args[1], last = points[2 * pwl_count(s) - 2];
    *shift = s->args[0];
    const double own = t - *shift, over = own - last;
    if (isnan(from) || (behind ? over < -slack(t) : over <= slack(t))) return own;
    const double period = last - from, rest = over / period;
    const double nearest = nearbyint(rest), close = fabs(rest - nearest) * period <= slack(t);
    const double turns = close ? nearest + (behind ? 1.0 : 0.0) : ceil(rest);
    *shift += turns * period;
    return own - turns * period;
}

static double pwl_value(const cn_source *s, double t)
{
    double shift;
    const double own = pwl_time(s, t, 0, &shift), *points = s->args + PWL_HEAD;
    const cn_idx k = pwl_find(s, own - slack(t), 0), count = pwl_count(s);
    if (k == 0) return points[1];
    if (k == count) return points[2 * count - 1];
    const double t0 = points[2 * k - 2], v0 = points[2 * k - 1], t1 = points[2 * k], v1 = points[2 * k + 1];
    return v0 + (v1 - v0) * (own - t0) / (t1 - t0);
}

static double pwl_break(const cn_source *s, double t)
{
    double shift;
    const double own = pwl_time(s, t, 1, &shift);
    const cn_idx k = pwl_find(s, own + slack(t), 1);
    return k < pwl_count(s) ? s->args[PWL_HEAD + 2 * k] + shift : INFINITY;
}

static double sffm_value(const double *a, double t)
{
    return a[0] + a[1] * sin(TWO_PI * a[2] * t + a[5] + a[3] * sin(TWO_PI * a[4] * t + a[6]));
}

static double am_value(const double *a, double t)
{
    const double elapsed = t - a[4];
    if (elapsed <= 0.0) return 0.0;
    return a[0] * (a[1] + sin(TWO_PI * a[2] * elapsed + a[5])) * sin(TWO_PI * a[3] * elapsed + a[5]);
}

/* How many of n increasing times lie before t, to rounding. */
static cn_idx passed(const double *times, cn_idx n, double limit)
{
    cn_idx low = 0, high = n;
    while (low < high) {
        const cn_idx middle = low + (high - low) / 2;
        if (times[middle] < limit) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static double noise_value(const cn_source *s, double t)
{
    const double *a = s->args;
    const cn_idx count = (cn_idx)a[2], head = 3 + count;
    double v = a[0];
    if (count) {
        const double at = fmin(fmax(t / a[1], 0.0), (double)(count - 1)), k = fmin(floor(at), (double)(count - 2));
        const double *const pair = a + 3 + (cn_idx)k;
        v += pair[0] + (pair[1] - pair[0]) * (at - k);
    }
    const cn_idx turns = passed(a + head + 1, s->n_args - head - 1, t - slack(t));
    return turns % 2 ? v + a[head] : v;
}

/* First multiple of spacing behind t. */
static double next_multiple(double t, double spacing)
{
    const double k = floor(t / spacing + 1e-9) + 1.0;
    return k * spacing;
}

static double noise_break(const cn_source *s, double t)
{
    const double *a = s->args;
    const cn_idx count = (cn_idx)a[2], head = 3 + count, n = s->n_args - head - 1;
    const cn_idx k = passed(a + head + 1, n, t + slack(t) + 1e-300);
    return fmin(k < n ? a[head + 1 + k] : INFINITY, count ? next_multiple(t, a[1]) : INFINITY);
}

static double steps_value(const cn_source *s, double t)
{
    const double *a = s->args, elapsed = t - a[2];
    if (elapsed <= slack(t)) return a[0];
    const double k = fmin(ceil(elapsed / a[1] - 1e-9) - 1.0, (double)(s->n_args - 4));
    return a[3 + (cn_idx)fmax(k, 0.0)];
}

static double steps_break(const cn_source *s, double t)
{
    const double elapsed = t - s->args[2];
    return elapsed < -slack(t) ? s->args[2] : next_multiple(elapsed, s->args[1]) + s->args[2];
}

double cn_source_value(const cn_source *s, double t)
{
    switch (s->kind) {
    case CN_PULSE: return pulse_value(s->args, t);
    case CN_SIN: return sin_value(s->args, t);
    case CN_EXP: return exp_value(s->args, t);
    case CN_PWL: return pwl_value(s, t);
    case CN_SFFM: return sffm_value(s->args, t);
    case CN_AM: return am_value(s->args, t);
    case CN_NOISE: return noise_value(s, t);
    case CN_STEPS: return steps_value(s, t);
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
    const double now = t + slack(t);
    switch (s->kind) {
    case CN_PULSE: {
        double start = a[2];
        if (now > start && a[6] > 0.0) start += a[6] * floor((now - start) / a[6]);
        if (a[7] > 0.0 && start >= a[2] + (a[7] - 1.5) * a[6]) { /* the last pulse, or behind it */
            const double end = a[2] + a[7] * a[6];
            const double last[5] = {start, start + a[3], start + a[3] + a[5], start + a[3] + a[5] + a[4], end};
            return now < end ? first_after(last, 5, now) : INFINITY;
        }
        const double corners[6] = {start, start + a[3], start + a[3] + a[5], start + a[3] + a[5] + a[4], start + a[6],
                                   start + a[6] + a[3]};
        return first_after(corners, 6, now);
    }
    case CN_SIN: return first_after(a + 3, 1, now);
    case CN_EXP: {
        const double corners[2] = {a[2], a[4]};
        return first_after(corners, 2, now);
    }
    case CN_PWL: return pwl_break(s, t);
    case CN_AM: return first_after(a + 4, 1, now);
    case CN_NOISE: return noise_break(s, t);
    case CN_STEPS: return steps_break(s, t);
    case CN_SFFM:
    case CN_DC: break;
    }
    return INFINITY;
}
