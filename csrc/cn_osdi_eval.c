/* The kernels of compiled models: equations with limiting, readings of the operating point, noise. */
#include "cn_osdi_data.h"

#include <math.h>
#include <string.h>

/* The step of a node's voltage in slopes of readings. */
static const double STEP = 1e-5;

/* What limited voltages may move by and count as settled, V and part of them. */
static const double SETTLED = 1e-9;

enum {
    EQUATIONS = CN_OSDI_RESIST_RESIDUAL | CN_OSDI_REACT_RESIDUAL | CN_OSDI_RESIST_JACOBIAN | CN_OSDI_REACT_JACOBIAN,
    LIMITED = CN_OSDI_RESIST_LIMIT | CN_OSDI_REACT_LIMIT | CN_OSDI_ENABLE_LIMIT
};

/* Run an instance at the nodes' x; returns what the model answers. */
static uint32_t run(cn_osdi *o, cn_idx k, const double *x, const double *env, uint32_t flags)
{
    const uint32_t analysis = env[CN_ENV_TIME] > 0.0 ? CN_OSDI_IN_TRAN : CN_OSDI_IN_DC | CN_OSDI_IN_STATIC;
    o->numbers[0] = env[CN_ENV_GMIN];
    o->current = k;
    const cn_osdi_siminfo info = {cn_osdi_simparams_of(o), env[CN_ENV_TIME], x, o->states, o->next, flags | analysis};
    const uint32_t answer = o->d->eval(o, cn_osdi_data_of(o, k), cn_osdi_model_of(o, k), &info);
    o->state[k] = answer & (CN_OSDI_FATAL | CN_OSDI_FINISH) ? CN_OSDI_FAILED : CN_OSDI_RUN;
    if (o->state[k] == CN_OSDI_FAILED) o->stopped = k;
    return answer;
}

static void gather(const cn_osdi *o, cn_idx n, cn_idx i, const double *u, double *x)
{
    for (cn_idx a = 0; a < cn_osdi_reference(o); a++) x[a] = u[a * n + i];
}

/* Put the slopes of an instance into o->jf and o->jq. */
static void read_slopes(cn_osdi *o, char *data, char *model)
{
    if (!o->by_pointers) {
        o->d->write_jacobian_resist(data, model, o->jf);
        o->d->write_jacobian_react(data, model, o->jq);
        return;
    }
    memset(o->jf, 0, sizeof(double) * (size_t)o->kernel.n_jf);
    memset(o->jq, 0, sizeof(double) * (size_t)o->kernel.n_jq);
    o->d->load_jacobian_resist(data, model);
    o->d->load_jacobian_react(data, model, 1.0);
}

/* Equations and limiting are one run: `limit`, which comes first, does it, and `eval` reads the results. */
cn_idx cn_osdi_limit(const cn_kernel *self, cn_idx n, const double *u, const double *p, const double *env,
                    const double *acc, double *lim, int init)
{
    cn_osdi *const o = (cn_osdi *)(uintptr_t)self->context;
    const size_t bytes = sizeof(double) * (size_t)cn_osdi_reference(o);
    cn_idx held = 0;
    (void)acc;
    for (cn_idx i = 0; i < n; i++) {
        const cn_idx k = (cn_idx)p[i];
        gather(o, n, i, u, o->x);
        for (cn_idx s = 0; s < self->n_limit; s++) o->states[s] = init ? 0.0 : lim[s * n + i];
        const uint32_t more = init ? CN_OSDI_INIT_LIMIT : 0;
        const int limited = (run(o, k, o->x, env, EQUATIONS | LIMITED | more) & CN_OSDI_LIMITED) != 0;
        int moved = 0;
        for (cn_idx s = 0; s < self->n_limit; s++) {
            lim[s * n + i] = o->next[s];
            moved |= fabs(o->next[s] - o->states[s]) > SETTLED * (1.0 + fabs(o->next[s]));
        }
        /* Of two voltages by a third a model may find a limited one that differs from itself by rounding, for ever. */
        if (limited && moved) held++;
        memcpy(o->at + (size_t)k * (size_t)cn_osdi_reference(o), o->x, bytes);
    }
    return held;
}

void cn_osdi_eval(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p,
                  const double *env, double *f, double *q, double *jf, double *jq)
{
    cn_osdi *const o = (cn_osdi *)(uintptr_t)self->context;
    const cn_osdi_descriptor *const d = o->d;
    const size_t bytes = sizeof(double) * (size_t)cn_osdi_reference(o);
    (void)lim;
    for (cn_idx i = 0; i < n; i++) {
        const cn_idx k = (cn_idx)p[i];
        gather(o, n, i, u, o->x);
        const double *const at = o->at + (size_t)k * (size_t)cn_osdi_reference(o);
        const int ready = o->state[k] != CN_OSDI_NOT_RUN && memcmp(at, o->x, bytes) == 0;
        if (!ready) run(o, k, o->x, env, EQUATIONS);
        const double bad = o->state[k] == CN_OSDI_FAILED ? NAN : 0.0;
        o->state[k] = CN_OSDI_NOT_RUN; /* what is read once is not read again: others may run the instance meanwhile */
        char *const data = cn_osdi_data_of(o, k), *const model = cn_osdi_model_of(o, k);
        for (cn_idx a = 0; a < cn_osdi_reference(o); a++) o->f[a] = o->q[a] = bad;
        d->load_residual_resist(data, model, o->f);
        d->load_residual_react(data, model, o->q);
        if (ready) {
            d->load_limit_resist(data, model, o->f);
            d->load_limit_react(data, model, o->q);
        }
        for (cn_idx a = 0; a < self->n_local; a++) {
            f[a * n + i] = a < cn_osdi_reference(o) ? o->f[a] : 0.0;
            q[a * n + i] = a < cn_osdi_reference(o) ? o->q[a] : 0.0;
        }
        read_slopes(o, data, model);
        for (cn_idx e = 0; e < self->n_jf; e++) jf[e * n + i] = o->jf[e] + bad;
        for (cn_idx e = 0; e < self->n_jq; e++) jq[e * n + i] = o->jq[e] + bad;
    }
}

/* The entry of the resistive Jacobian in o->jf at two nodes, zero where there is none. */
static double slope_at(const cn_osdi *o, cn_idx row, cn_idx column)
{
    for (cn_idx e = 0; e < o->kernel.n_jf; e++)
        if (o->kernel.jf_row[e] == row && o->kernel.jf_col[e] == column) return o->jf[e];
    return 0.0;
}

/* Slopes of the channel's current, seen from the end that is the drain; the junction's part, where it is in the same
 * entries, is taken out. */
static void read_channel(cn_osdi *o, cn_idx k, double *into)
{
    const cn_osdi_channel *const c = &o->channel;
    read_slopes(o, cn_osdi_data_of(o, k), cn_osdi_model_of(o, k));
    const double apart = c->junction < 0 ? 0.0 : slope_at(o, c->drain, c->junction);
    const double junction = apart != 0.0 || c->gbd < 0 ? 0.0 : into[c->gbd];
    const double by_gate = slope_at(o, c->drain, c->gate), by_bulk = slope_at(o, c->drain, c->bulk) + junction;
    if (into[c->vds] >= 0.0) {
        into[c->gm] = by_gate;
        into[c->gmbs] = by_bulk;
        into[c->gds] = slope_at(o, c->drain, c->drain) - (apart != 0.0 ? -apart : junction);
    } else {
        into[c->gm] = -by_gate;
        into[c->gmbs] = -by_bulk;
        into[c->gds] = -slope_at(o, c->drain, c->source);
    }
}

/* Put the variables of the operating point at x into `into`. */
static void read_point(cn_osdi *o, cn_idx k, const double *x, const double *env, double *into)
{
    run(o, k, x, env, EQUATIONS | CN_OSDI_POINT);
    const double bad = o->state[k] == CN_OSDI_FAILED ? NAN : 0.0;
    o->state[k] = CN_OSDI_NOT_RUN;
    const double m = o->number < 0 ? 1.0 : *(const double *)cn_osdi_value(o, k, (uint32_t)o->number);
    for (cn_idx r = 0; r < o->n_shown; r++) {
        const void *at = cn_osdi_value(o, k, o->shown[r]);
        const int whole = (o->d->params[o->shown[r]].flags & CN_OSDI_TYPE) == CN_OSDI_INTEGER;
        into[r] = bad + (whole ? (double)*(const int32_t *)at : *(const double *)at);
        if (o->scaled[r]) into[r] *= m;
    }
    if (o->channel.drain >= 0) read_channel(o, k, into);
}

void cn_osdi_eval_readings(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p,
                          const double *env, double *f, double *q, double *jf, double *jq)
{
    cn_osdi *const o = (cn_osdi *)(uintptr_t)self->context;
    const cn_idx nodes = cn_osdi_reference(o), first = self->n_local - o->n_shown;
    (void)lim, (void)jq;
    for (cn_idx i = 0; i < n; i++) {
        const cn_idx k = (cn_idx)p[i];
        gather(o, n, i, u, o->x);
        for (cn_idx a = 0; a < nodes; a++) {
            double *const high = o->value, *const low = o->value + o->n_shown, here = o->x[a];
            o->x[a] = here + STEP;
            read_point(o, k, o->x, env, high);
            o->x[a] = here - STEP;
            read_point(o, k, o->x, env, low);
            o->x[a] = here;
            for (cn_idx r = 0; r < o->n_shown; r++) o->slope[r * nodes + a] = (high[r] - low[r]) / (2.0 * STEP);
        }
        read_point(o, k, o->x, env, o->value);
        for (cn_idx a = 0; a < self->n_local; a++) f[a * n + i] = q[a * n + i] = 0.0;
        for (cn_idx r = 0, e = 0; r < o->n_shown; r++) {
            f[(first + r) * n + i] = u[(first + r) * n + i] - o->value[r];
            for (cn_idx a = 0; a <= nodes; a++, e++) jf[e * n + i] = a < nodes ? -o->slope[r * nodes + a] : 1.0;
        }
    }
}

void cn_osdi_noise(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p,
                  const double *env, double *out)
{
    cn_osdi *const o = (cn_osdi *)(uintptr_t)self->context;
    const cn_idx count = self->n_noise;
    (void)lim;
    for (cn_idx i = 0; i < n; i++) {
        const cn_idx k = (cn_idx)p[i];
        gather(o, n, i, u, o->x);
        run(o, k, o->x, env, EQUATIONS | CN_OSDI_NOISE | CN_OSDI_IN_NOISE);
        o->state[k] = CN_OSDI_NOT_RUN;
        /* A density falls as a power of the frequency: two of them tell which. */
        o->d->load_noise(cn_osdi_data_of(o, k), cn_osdi_model_of(o, k), 1.0, o->density);
        o->d->load_noise(cn_osdi_data_of(o, k), cn_osdi_model_of(o, k), 10.0, o->density + count);
        for (cn_idx s = 0; s < count; s++) {
            const double at_one = fabs(o->density[s]), at_ten = fabs(o->density[count + s]);
            const double exponent = at_one > 0.0 && at_ten > 0.0 ? log10(at_one / at_ten) : 0.0;
            out[s * n + i] = at_one;
            out[(count + s) * n + i] = fabs(exponent) < 1e-9 ? 0.0 : exponent;
        }
    }
}
