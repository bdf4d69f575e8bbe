/* The state of a transient as numbers, so that another run may go on from it. */
#include "cn_tran.h"

#include <math.h>
#include <string.h>

enum { SCALARS = 8 };

static size_t limits_of(const cn_batch *b) { return (size_t)b->kernel->n_limit * (size_t)b->n; }

/* Numbers that every state of this circuit has; what is on its transmission lines comes after them. */
static size_t fixed_size(const cn_tran *tr)
{
    const cn_system *s = tr->system;
    size_t size = SCALARS + CN_HISTORY + ((size_t)s->n + 1) * (2 * CN_HISTORY + 4);
    for (cn_idx i = 0; i < s->n_batches; i++) size += limits_of(&s->batches[i]);
    return size + 2 * (size_t)tr->jumps.n + (tr->noise ? cn_noise_state_size(tr->noise) : 0);
}

size_t cn_tran_state_size(const cn_tran *tr) { return fixed_size(tr) + cn_delay_state_size(&tr->system->delays); }

/* Move `count` numbers between the run and the state; returns where the next ones are. */
static double *move(double *state, double *own, size_t count, int out)
{
    if (out) {
        memcpy(state, own, count * sizeof(double));
    } else {
        memcpy(own, state, count * sizeof(double));
    }
    return state + count;
}

static double *exchange(cn_tran *tr, double *state, int out)
{
    const size_t n = (size_t)tr->system->n + 1;
    state = move(state, tr->times, CN_HISTORY, out);
    for (int k = 0; k < CN_HISTORY; k++) {
        state = move(state, tr->x[k], n, out);
        state = move(state, tr->q[k], n, out);
    }
    state = move(state, tr->qdot, n, out);
    state = move(state, tr->turn, n, out);
    state = move(state, tr->scale, n, out);
    for (size_t i = 0; i < n; i++, state++) {
        if (out) {
            *state = tr->swings[i];
        } else {
            tr->swings[i] = (uint8_t)*state;
        }
    }
    for (cn_idx i = 0; i < tr->system->n_batches; i++)
        state = move(state, tr->system->batches[i].acc, limits_of(&tr->system->batches[i]), out);
    if (tr->jumps.n) {
        state = move(state, tr->jumps.hazard, (size_t)tr->jumps.n, out);
        state = move(state, tr->jumps.count, (size_t)tr->jumps.n, out);
    }
    return state;
}

void cn_tran_save(const cn_tran *tr, double *state)
{
    const double scalars[SCALARS] = {tr->step, tr->valid, tr->order, tr->steady, tr->damp, tr->wary, tr->event_limit,
                                     tr->inconsistent};
    memcpy(state, scalars, sizeof scalars);
    double *next = exchange((cn_tran *)tr, state + SCALARS, 1);
    if (tr->noise) next = cn_noise_save(tr->noise, next);
    cn_delay_save(&tr->system->delays, next);
}

static int is_count(double value, int low, int high) { return value >= low && value <= high && value == floor(value); }

/* A state comes from a file: nothing in it may lead anywhere but to a transient of this circuit. */
static int sound(const cn_tran *tr, const double *state, size_t size)
{
    const size_t n = (size_t)tr->system->n + 1, fixed = fixed_size(tr);
    if (size < fixed) return 0;
    for (size_t k = 0; k < size; k++)
        if (!isfinite(state[k]) && !(k == 6 && state[k] == INFINITY)) return 0;
    if (!(state[0] > 0.0) || !is_count(state[1], 1, CN_HISTORY) || !is_count(state[2], 1, CN_MAX_ORDER)) return 0;
    if (!is_count(state[3], 0, INT32_MAX) || !is_count(state[4], 0, 2) || !is_count(state[5], 0, INT32_MAX)) return 0;
    if (!is_count(state[7], 0, 1) || (state[2] > 1.0 && state[2] >= state[1])) return 0;
    const double *times = state + SCALARS, *swings = times + CN_HISTORY + n * (2 * CN_HISTORY + 3);
    for (int k = 1; k < (int)state[1]; k++)
        if (!(times[k] < times[k - 1])) return 0;
    for (size_t i = 0; i < n; i++)
        if (!is_count(swings[i], 0, UINT8_MAX)) return 0;
    const double *hazard = state + fixed - 2 * (size_t)tr->jumps.n - (tr->noise ? cn_noise_state_size(tr->noise) : 0);
    const double *count = hazard + tr->jumps.n;
    for (cn_idx i = 0; i < tr->jumps.n; i++)
        if (hazard[i] < 0.0 || count[i] < 0.0 || count[i] >= 0x1p48 || count[i] != floor(count[i])) return 0;
    return 1;
}

cn_status cn_tran_restore(cn_tran *tr, const double *state, size_t size)
{
    if (!sound(tr, state, size)) return CN_BAD_ARGUMENT;
    const double *lines = exchange(tr, (double *)state + SCALARS, 0);
    if (tr->noise && !(lines = cn_noise_restore(tr->noise, lines, tr->times[0]))) return CN_BAD_ARGUMENT;
    const cn_status status = cn_delay_restore(&tr->system->delays, lines, size - fixed_size(tr));
    if (status != CN_OK) return status;
    tr->t = tr->times[0];
    tr->step = state[0];
    tr->valid = (int)state[1];
    tr->order = (int)state[2] < tr->max_order ? (int)state[2] : tr->max_order;
    tr->steady = (int)state[3];
    tr->damp = (int)state[4];
    tr->wary = (int)state[5];
    tr->event_limit = state[6];
    tr->inconsistent = (int)state[7];
    cn_system_revert(tr->system);
    return CN_OK;
}
