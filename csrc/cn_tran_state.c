/* The state of a transient as numbers, so that another run may go on from it. */
#include "cn_tran.h"

#include <math.h>
#include <string.h>

enum { SCALARS = 6 };

static size_t limits_of(const cn_batch *b) { return (size_t)b->kernel->n_limit * (size_t)b->n; }

size_t cn_tran_state_size(const cn_tran *tr)
{
    const cn_system *s = tr->system;
    size_t size = SCALARS + CN_HISTORY + ((size_t)s->n + 1) * (2 * CN_HISTORY + 4);
    for (cn_idx i = 0; i < s->n_batches; i++) size += limits_of(&s->batches[i]);
    return size;
}

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

static void exchange(cn_tran *tr, double *state, int out)
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
}

void cn_tran_save(const cn_tran *tr, double *state)
{
    const double scalars[SCALARS] = {tr->step, tr->valid, tr->order, tr->steady, tr->damp, tr->wary};
    memcpy(state, scalars, sizeof scalars);
    exchange((cn_tran *)tr, state + SCALARS, 1);
}

void cn_tran_restore(cn_tran *tr, const double *state)
{
    exchange(tr, (double *)state + SCALARS, 0);
    tr->t = tr->times[0];
    tr->step = state[0];
    tr->valid = (int)state[1];
    tr->order = (int)state[2];
    tr->steady = (int)state[3];
    tr->damp = (int)state[4];
    tr->wary = (int)state[5];
    tr->mark_t = -INFINITY; /* no way back beyond this point */
    tr->inconsistent = 0;
    cn_system_revert(tr->system);
}
