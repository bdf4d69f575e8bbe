/* Lossless transmission lines: see cn_delay.h. */
#include "cn_delay.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* Times that are one but for rounding. */
static double slack(double t) { return 1e-13 * fabs(t); }

/* What is older than the longest delay and two points more is never asked for again. */
static cn_idx first_needed(const cn_delays *d)
{
    const double oldest = d->times[d->count - 1] - d->longest;
    cn_idx first = 0;
    while (first + 3 < d->count && d->times[first + 3] < oldest) first++;
    return first;
}

static cn_status reserve_points(cn_delays *d)
{
    if (d->count < d->capacity) return CN_OK;
    const cn_idx first = first_needed(d);
    const size_t width = 2 * (size_t)d->n;
    if (first > d->count / 2) {
        const size_t kept = (size_t)(d->count - first);
        memmove(d->times, d->times + first, kept * sizeof *d->times);
        memmove(d->starts, d->starts + first, kept);
        memmove(d->waves, d->waves + (size_t)first * width, kept * width * sizeof *d->waves);
        d->count -= first;
        return CN_OK;
    }
    if (d->capacity > INT32_MAX / 2) return CN_NO_MEMORY;
    const size_t capacity = 2 * (size_t)d->capacity;
    double *times = realloc(d->times, capacity * sizeof *times);
    if (times) d->times = times;
    uint8_t *starts = realloc(d->starts, capacity);
    if (starts) d->starts = starts;
    double *waves = realloc(d->waves, capacity * width * sizeof *waves);
    if (waves) d->waves = waves;
    if (!times || !starts || !waves) return CN_NO_MEMORY;
    d->capacity = (cn_idx)capacity;
    return CN_OK;
}

static void note(cn_delays *d, const double *x, double t, int use_ic)
{
    double *const wave = d->waves + 2 * (size_t)d->n * (size_t)d->count;
    for (cn_idx k = 0; k < d->n; k++) {
        const cn_idx *node = d->node + 4 * k;
        for (int end = 0; end < 2; end++) {
            const double v = use_ic ? d->ic[4 * k + 2 * end] : x[node[2 * end]] - x[node[2 * end + 1]];
            const double i = use_ic ? d->ic[4 * k + 2 * end + 1] : x[d->branch[2 * k + end]];
            wave[2 * k + end] = v + d->z0[k] * i;
        }
    }
    d->times[d->count] = t;
    d->starts[d->count] = 0;
    d->count++;
}

cn_status cn_delay_start(cn_delays *d, const double *x, double t, int use_ic)
{
    enum { FIRST = 256 };
    if (d->n == 0) return CN_OK;
    cn_delay_stop(d);
    d->shortest = INFINITY;
    d->longest = 0.0;
    for (cn_idx k = 0; k < d->n; k++) {
        d->shortest = fmin(d->shortest, d->td[k]);
        d->longest = fmax(d->longest, d->td[k]);
    }
    d->times = malloc(FIRST * sizeof *d->times);
    d->starts = malloc(FIRST);
    d->waves = malloc(FIRST * 2 * (size_t)d->n * sizeof *d->waves);
    if (!d->times || !d->starts || !d->waves) return CN_NO_MEMORY;
    d->capacity = FIRST;
    d->running = 1;
    note(d, x, t, use_ic);
    return CN_OK;
}

void cn_delay_stop(cn_delays *d)
{
    free(d->times);
    free(d->starts);
    free(d->waves);
    free(d->pending);
    d->times = d->waves = d->pending = NULL;
    d->starts = NULL;
    d->running = 0;
    d->count = d->capacity = d->n_pending = d->pending_capacity = 0;
}

/* Weights of the points first .. first+2 of the parabola, or of the straight line, that gives the wave at time t. */
static cn_idx interpolate(const cn_delays *d, double t, double *weight)
{
    const double *times = d->times;
    weight[0] = 1.0;
    weight[1] = weight[2] = 0.0;
    if (t <= times[0]) return 0;
    cn_idx low = 0, high = d->count - 1;
    if (t >= times[high] - slack(t)) return high;
    while (high - low > 1) {
        const cn_idx middle = low + (high - low) / 2;
        if (times[middle] <= t) {
            low = middle;
        } else {
            high = middle;
        }
    }
    if (t - times[low] <= slack(t)) return low;
    if (times[high] - t <= slack(t)) return high;
    /* A third point of the same smooth stretch, if there is one. */
    cn_idx first = low;
    if (low > 0 && !d->starts[low]) {
        first = low - 1;
    } else if (high + 1 >= d->count || d->starts[high]) {
        weight[1] = (t - times[low]) / (times[high] - times[low]);
        weight[0] = 1.0 - weight[1];
        return low;
    }
    const double t0 = times[first], t1 = times[first + 1], t2 = times[first + 2];
    weight[0] = (t - t1) * (t - t2) / ((t0 - t1) * (t0 - t2));
    weight[1] = (t - t0) * (t - t2) / ((t1 - t0) * (t1 - t2));
    weight[2] = (t - t0) * (t - t1) / ((t2 - t0) * (t2 - t1));
    return first;
}

void cn_delay_drive(const cn_delays *d, double t, double *drive)
{
    if (!d->running) return;
    const size_t width = 2 * (size_t)d->n;
    double weight[3] = {1.0, 0.0, 0.0};
    cn_idx first = 0;
    for (cn_idx k = 0; k < d->n; k++) {
        if (k == 0 || d->td[k] != d->td[k - 1]) first = interpolate(d, t - d->td[k], weight);
        for (int end = 0; end < 2; end++) {
            const double *wave = d->waves + (size_t)first * width + 2 * (size_t)k + (size_t)(1 - end);
            double arriving = weight[0] * wave[0];
            if (weight[1] != 0.0) arriving += weight[1] * wave[width];
            if (weight[2] != 0.0) arriving += weight[2] * wave[2 * width];
            drive[d->branch[2 * k + end]] += arriving;
        }
    }
}

static cn_status announce(cn_delays *d, double t)
{
    cn_idx at = d->n_pending;
    while (at > 0 && d->pending[at - 1] > t - slack(t)) at--;
    if (at < d->n_pending && d->pending[at] < t + slack(t)) return CN_OK;
    if (d->n_pending == d->pending_capacity) {
        const cn_idx capacity = d->pending_capacity ? 2 * d->pending_capacity : 16;
        double *pending = realloc(d->pending, (size_t)capacity * sizeof *pending);
        if (!pending) return CN_NO_MEMORY;
        d->pending = pending;
        d->pending_capacity = capacity;
    }
    memmove(d->pending + at + 1, d->pending + at, (size_t)(d->n_pending - at) * sizeof *d->pending);
    d->pending[at] = t;
    d->n_pending++;
    return CN_OK;
}

/* Does a wave of line k turn at point c by more than the tolerances let pass within one delay? */
static int turns(const cn_delays *d, cn_idx c, cn_idx k)
{
    const size_t width = 2 * (size_t)d->n;
    for (int end = 0; end < 2; end++) {
        const double *w = d->waves + (size_t)c * width + 2 * (size_t)k + (size_t)end;
        const double after = (w[width] - w[0]) / (d->times[c + 1] - d->times[c]);
        const double before = c > 0 ? (w[0] - w[-(ptrdiff_t)width]) / (d->times[c] - d->times[c - 1]) : 0.0;
        if (fabs(after - before) * d->td[k] > d->reltol * fmax(fabs(w[0]), fabs(w[width])) + d->vntol) return 1;
    }
    return 0;
}

cn_status cn_delay_accept(cn_delays *d, const double *x, double t)
{
    if (!d->running) return CN_OK;
    const cn_status status = reserve_points(d);
    if (status != CN_OK) return status;
    note(d, x, t, 0);
    cn_idx gone = 0;
    while (gone < d->n_pending && d->pending[gone] <= t + slack(t)) gone++;
    d->n_pending -= gone;
    memmove(d->pending, d->pending + gone, (size_t)d->n_pending * sizeof *d->pending);
    const cn_idx before = d->count - 2;
    if (!d->starts[before]) return CN_OK;
    for (cn_idx k = 0; k < d->n; k++)
        if (turns(d, before, k) && announce(d, d->times[before] + d->td[k]) != CN_OK) return CN_NO_MEMORY;
    return CN_OK;
}

void cn_delay_corner(cn_delays *d)
{
    if (d->running) d->starts[d->count - 1] = 1;
}

void cn_delay_return(cn_delays *d, double t)
{
    if (!d->running) return;
    while (d->count > 1 && d->times[d->count - 1] > t) d->count--;
}

double cn_delay_next_break(const cn_delays *d, double t)
{
    for (cn_idx k = 0; k < d->n_pending; k++)
        if (d->pending[k] > t + slack(t)) return d->pending[k];
    return INFINITY;
}

size_t cn_delay_state_size(const cn_delays *d)
{
    if (!d->running) return 0;
    return 2 + (size_t)(d->count - first_needed(d)) * (2 + 2 * (size_t)d->n) + (size_t)d->n_pending;
}

void cn_delay_save(const cn_delays *d, double *state)
{
    if (!d->running) return;
    const cn_idx first = first_needed(d);
    const size_t kept = (size_t)(d->count - first), width = 2 * (size_t)d->n;
    state[0] = (double)kept;
    state[1] = (double)d->n_pending;
    state += 2;
    memcpy(state, d->times + first, kept * sizeof *state);
    for (size_t k = 0; k < kept; k++) state[kept + k] = d->starts[(size_t)first + k];
    memcpy(state + 2 * kept, d->waves + (size_t)first * width, kept * width * sizeof *state);
    if (d->n_pending) memcpy(state + (2 + width) * kept, d->pending, (size_t)d->n_pending * sizeof *state);
}

static int increase(const double *values, size_t count)
{
    for (size_t k = 1; k < count; k++)
        if (!(values[k] > values[k - 1])) return 0;
    return 1;
}

cn_status cn_delay_restore(cn_delays *d, const double *state, size_t size)
{
    if (!d->running) return size == 0 ? CN_OK : CN_BAD_ARGUMENT;
    if (size < 2 || !(state[0] >= 1.0 && state[0] < INT32_MAX / 2) || !(state[1] >= 0.0 && state[1] < INT32_MAX / 2))
        return CN_BAD_ARGUMENT;
    const size_t kept = (size_t)state[0], pending = (size_t)state[1], width = 2 * (size_t)d->n;
    if (size != 2 + kept * (2 + width) + pending) return CN_BAD_ARGUMENT;
    state += 2;
    const double *corners = state + (2 + width) * kept;
    if (!increase(state, kept) || !increase(corners, pending)) return CN_BAD_ARGUMENT;
    const size_t capacity = kept < 128 ? 256 : 2 * kept;
    double *times = malloc(capacity * sizeof *times), *waves = malloc(capacity * width * sizeof *waves);
    double *waiting = malloc((pending + 1) * sizeof *waiting);
    uint8_t *starts = malloc(capacity);
    if (!times || !waves || !waiting || !starts) {
        free(times);
        free(waves);
        free(waiting);
        free(starts);
        return CN_NO_MEMORY;
    }
    memcpy(times, state, kept * sizeof *times);
    for (size_t k = 0; k < kept; k++) starts[k] = state[kept + k] != 0.0;
    memcpy(waves, state + 2 * kept, kept * width * sizeof *waves);
    memcpy(waiting, corners, pending * sizeof *waiting);
    cn_delay_stop(d);
    d->running = 1;
    d->times = times;
    d->waves = waves;
    d->starts = starts;
    d->pending = waiting;
    d->count = (cn_idx)kept;
    d->capacity = (cn_idx)capacity;
    d->n_pending = (cn_idx)pending;
    d->pending_capacity = (cn_idx)(pending + 1);
    return CN_OK;
}
