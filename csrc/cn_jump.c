/* What jumps at random in a transient, see cn_jump.h. */
#include "cn_jump.h"

#include "cn_quiet.h"
#include "cn_random.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* A jump is met when the hazard is this near, as a part of the one drawn: that of a waiting time's quantile. */
static const double NEAR = 1e-3;

/* How much hazard of a step may be uncertain, as two formulas for the rate in between tell. */
static const double UNCERTAIN = 0.02;

static double *positions(const cn_batch *b, double *limits)
{
    return limits + (size_t)(b->kernel->n_limit - b->kernel->n_jump) * (size_t)b->n;
}

static size_t count_of(const cn_batch *b) { return (size_t)b->kernel->n_jump * (size_t)b->n; }

cn_status cn_jump_start(cn_jumps *j, cn_system *s)
{
    size_t total = 0, most_u = 1, most_rates = 1;
    for (cn_idx i = 0; i < s->n_batches; i++) {
        const cn_batch *b = &s->batches[i];
        const size_t count = count_of(b), local = (size_t)b->kernel->n_local * (size_t)b->n;
        if (!count) continue;
        total += count;
        if (local > most_u) most_u = local;
        if (2 * count > most_rates) most_rates = 2 * count;
    }
    if (total > INT32_MAX) return CN_NO_MEMORY;
    if (total == 0) return CN_OK;
    double **all[] = {&j->hazard, &j->rate, &j->draw, &j->count, &j->next_hazard, &j->next_rate, &j->mark_hazard,
                      &j->mark_rate, &j->start};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++)
        if (!(*all[k] = calloc(total, sizeof(double)))) return CN_NO_MEMORY;
    if (!(j->u = calloc(most_u, sizeof(double))) || !(j->rates = calloc(most_rates, sizeof(double)))) return CN_NO_MEMORY;
    j->n = (cn_idx)total;
    size_t at = 0;
    for (cn_idx i = 0; i < s->n_batches; i++) {
        const cn_batch *b = &s->batches[i];
        const size_t count = count_of(b);
        if (!count) continue;
        memcpy(j->start + at, positions(b, b->acc), count * sizeof(double));
        at += count;
    }
    return CN_OK;
}

void cn_jump_stop(cn_jumps *j, cn_system *s)
{
    size_t at = 0;
    for (cn_idx i = 0; j->n && i < s->n_batches; i++) {
        const cn_batch *b = &s->batches[i];
        const size_t count = count_of(b);
        if (!count) continue;
        memcpy(positions(b, b->acc), j->start + at, count * sizeof(double));
        memcpy(positions(b, b->lim), j->start + at, count * sizeof(double));
        at += count;
    }
    double *all[] = {j->hazard, j->rate, j->draw, j->count, j->next_hazard, j->next_rate, j->mark_hazard, j->mark_rate,
                     j->start, j->u, j->rates};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) free(all[k]);
    memset(j, 0, sizeof *j);
}

/* The rates of leaving the positions of a batch at x into `rate`. */
static cn_status rates_of(cn_jumps *j, const cn_system *s, const cn_batch *b, const double *x, double t, double *rate)
{
    const double env[CN_ENV_SIZE] = {s->options.gmin, t};
    const cn_kernel *kernel = b->kernel;
    const size_t count = count_of(b), local = (size_t)kernel->n_local * (size_t)b->n;
    const double *position = positions(b, b->acc);
    for (size_t k = 0; k < local; k++) j->u[k] = x[b->index[k]];
    const int init = kernel->n_discrete > kernel->n_jump ? CN_LIMIT_HOLD : CN_LIMIT_FOLLOW;
    if (!b->quiet && kernel->n_limit > kernel->n_discrete)
        for (int round = 0; round < 50; round++)
            if (kernel->limit(kernel, b->n, j->u, b->param, env, b->acc, b->lim, init) == 0) break;
    kernel->rates(kernel, b->n, j->u, b->lim, b->param, env, j->rates);
    int good = 1;
    for (size_t k = 0; k < count; k++) {
        rate[k] = j->rates[position[k] > 0.5 ? count + k : k];
        good &= rate[k] >= 0.0 && rate[k] < INFINITY;
    }
    return good ? CN_OK : CN_NOT_FINITE;
}

/* The rates of the processes of a batch, which begin at `at`, and the hazards of their next jumps. */
static cn_status renew(cn_jumps *j, const cn_system *s, const cn_batch *b, const double *x, double t, size_t at)
{
    const size_t n = (size_t)b->n;
    for (size_t k = 0; k < count_of(b); k++) {
        const cn_stream stream = {j->seed, b->stream[k % n], (uint16_t)(k / n)};
        j->draw[at + k] = cn_random_exponential(stream, (uint64_t)j->count[at + k]);
    }
    return rates_of(j, s, b, x, t, j->rate + at);
}

cn_status cn_jump_begin(cn_jumps *j, cn_system *s, const double *x, double t)
{
    size_t at = 0;
    for (cn_idx i = 0; j->n && i < s->n_batches; i++) {
        const cn_batch *b = &s->batches[i];
        const size_t count = count_of(b);
        if (!count) continue;
        const cn_status status = renew(j, s, b, x, t, at);
        if (status != CN_OK) return status;
        at += count;
    }
    return CN_OK;
}

double cn_jump_expected(const cn_jumps *j, double t)
{
    double wait = INFINITY;
    for (cn_idx k = 0; k < j->n; k++)
        if (j->rate[k] > 0.0) wait = fmin(wait, (j->draw[k] - j->hazard[k]) / j->rate[k]);
    return t + fmax(wait, 0.0);
}

/* Hazard of a step between two rates.  In between a rate is a power of a constant, as that of a barrier is which a signal
 * tilts evenly; *unsure: what it would differ by on a straight line. */
static double hazard_of(double h, double r0, double r1, double *unsure)
{
    const double line = 0.5 * h * (r0 + r1);
    *unsure = 0.0;
    if (r0 == r1) return line;
    if (r0 <= 0.0 || r1 <= 0.0) {
        *unsure = line;
        return line;
    }
    const double steps = log(r1 / r0);
    const double curve = fabs(steps) < 1e-4 ? line : h * (r1 - r0) / steps;
    *unsure = fabs(line - curve);
    return curve;
}

/* Time after the begin of a step at which its hazard has come to `need`. */
static double reaches(double need, double h, double r0, double r1)
{
    if (r0 > 0.0 && r1 > 0.0) {
        const double steps = log(r1 / r0);
        return fabs(steps) < 1e-4 ? need / (0.5 * (r0 + r1)) : h / steps * log1p(need * steps / (r0 * h));
    }
    /* r0 s + (r1 - r0) s^2 / (2 h) = need */
    return 2.0 * need / (r0 + sqrt(fmax(r0 * r0 + 2.0 * need * (r1 - r0) / h, 0.0)));
}

cn_status cn_jump_look(cn_jumps *j, cn_system *s, const double *x, double t, double h, double *good)
{
    size_t at = 0;
    double left = h;
    for (cn_idx i = 0; i < s->n_batches; i++) {
        const cn_batch *b = &s->batches[i];
        const size_t count = count_of(b);
        if (!count) continue;
        const cn_status status = rates_of(j, s, b, x, t, j->next_rate + at);
        if (status != CN_OK) return status;
        for (size_t k = at; k < at + count; k++) {
            const double r0 = j->rate[k], r1 = j->next_rate[k];
            double unsure;
            j->next_hazard[k] = j->hazard[k] + hazard_of(h, r0, r1, &unsure);
            if (unsure > UNCERTAIN) left = fmin(left, 0.5 * h);
            if (j->next_hazard[k] > (1.0 + NEAR) * j->draw[k])
                left = fmin(left, fmax(reaches(j->draw[k] - j->hazard[k], h, r0, r1), 0.0));
        }
        at += count;
    }
    *good = left < h ? t - h + left : t;
    return CN_OK;
}

cn_status cn_jump_accept(cn_jumps *j, cn_system *s, const double *x, double t, cn_idx *jumped)
{
    size_t at = 0;
    *jumped = 0;
    memcpy(j->hazard, j->next_hazard, sizeof(double) * (size_t)j->n);
    memcpy(j->rate, j->next_rate, sizeof(double) * (size_t)j->n);
    for (cn_idx i = 0; i < s->n_batches; i++) {
        cn_batch *b = &s->batches[i];
        const size_t count = count_of(b);
        if (!count) continue;
        double *position = positions(b, b->acc);
        const cn_idx before = *jumped;
        for (size_t k = 0; k < count; k++) {
            if (j->hazard[at + k] < (1.0 - NEAR) * j->draw[at + k]) continue;
            position[k] = position[k] > 0.5 ? 0.0 : 1.0;
            j->hazard[at + k] = 0.0;
            j->count[at + k] += 1.0;
            ++*jumped;
        }
        if (*jumped > before) {
            memcpy(positions(b, b->lim), position, count * sizeof(double));
            cn_quiet_rouse(s, b);
            const cn_status status = renew(j, s, b, x, t, at);
            if (status != CN_OK) return status;
        }
        at += count;
    }
    return CN_OK;
}

void cn_jump_mark(cn_jumps *j)
{
    if (!j->n) return;
    memcpy(j->mark_hazard, j->hazard, sizeof(double) * (size_t)j->n);
    memcpy(j->mark_rate, j->rate, sizeof(double) * (size_t)j->n);
}

void cn_jump_return(cn_jumps *j)
{
    if (!j->n) return;
    memcpy(j->hazard, j->mark_hazard, sizeof(double) * (size_t)j->n);
    memcpy(j->rate, j->mark_rate, sizeof(double) * (size_t)j->n);
}
