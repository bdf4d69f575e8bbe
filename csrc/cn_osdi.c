/* Compiled Verilog-A models as kernels: see cn_osdi.h. */
#include "cn_osdi.h"

#include "cn_limit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGNED = 64, LOG_BYTES = 4096, N_NUMBERS = 4, RESIST = 1, NOT_RUN = 0, RUN = 1, FAILED = 2 };

/* The step of a node's voltage in slopes of readings. */
static const double STEP = 1e-5;

/* What limited voltages may move by and count as settled, V and part of them. */
static const double SETTLED = 1e-9;

static const char *const number_names[N_NUMBERS + 1] = {"gmin", "tnom", "minr", "scale", NULL};
static const char *const no_names[1] = {NULL};

struct cn_osdi {
    const cn_osdi_descriptor *d;
    cn_kernel kernel, readings;
    cn_idx n, n_models;
    size_t model_bytes, instance_bytes;
    char *models, *instances;
    cn_idx *model_of;
    uint8_t *state; /* of each instance: NOT_RUN; RUN: its data are those of the point `at`; FAILED: they are none */
    double *at;     /* n_nodes of each instance */
    double *x, *f, *q;           /* n_nodes */
    double *states, *next;       /* n_states */
    double *jf, *jq, *density;   /* n_jf, n_jq, 2 n_noise */
    int by_pointers;             /* what a library counts as entries of its Jacobian is not what it lists */
    double *value, *slope;       /* readings, readings times nodes */
    cn_idx *rows;                /* what the kernels' tables point into */
    char **names;
    cn_idx n_names;
    uint32_t *shown;             /* parameter of each reading */
    cn_idx n_shown;
    uint8_t *scaled;             /* of each reading */
    cn_idx number;               /* parameter of the instance that scales readings, -1 when none does */
    cn_osdi_channel channel;     /* drain -1: none */
    double numbers[N_NUMBERS];
    cn_idx stopped, current;     /* the last instance that stopped; the one that runs, -1 for a model */
    size_t log_used;
    char log[LOG_BYTES];
};

/* ------------------------------------------------------------------ what a library asks its host for */
static void keep_message(void *handle, char *text, uint32_t level)
{
    cn_osdi *o = handle;
    if (o && text) {
        char *const line = o->log + o->log_used;
        const size_t room = LOG_BYTES - o->log_used;
        const int length = snprintf(line, room, "%u%d %s\n", level & CN_OSDI_LOG_LEVEL, (int)o->current, text);
        if (length > 0 && (size_t)length < room) {
            for (int k = 0; k < length - 1; k++)
                if (line[k] == '\n') line[k] = ' ';
            o->log_used += (size_t)length;
        } else {
            *line = '\0';
        }
    }
    if (!(level & CN_OSDI_LOG_RAW)) free(text);
}

static double limit_pn(bool init, bool *limited, double value, double old, double vt, double vcrit)
{
    int held = 0;
    const double v = init ? vcrit : cn_limit_pn(value, old, vt, vcrit, &held);
    *limited = init || held;
    return v;
}

static double limit_fet(bool init, bool *limited, double value, double old, double vto)
{
    int held = 0;
    const double v = init ? vto + 0.1 : cn_limit_fet(value, old, vto, &held);
    *limited = init || held;
    return v;
}

static double limit_vds(bool init, bool *limited, double value, double old)
{
    int held = 0;
    const double v = init ? 0.1 : cn_limit_vds(value, old, &held);
    *limited = init || held;
    return v;
}

/* A step that is not small becomes a step of its logarithm, as of a self-heated temperature. */
static double limit_log(bool init, bool *limited, double value, double old, double tolerance)
{
    const double step = value - old;
    if (init || fabs(step) <= tolerance) return value;
    *limited = true;
    return old + copysign(tolerance + log10(fabs(step) / tolerance), step);
}

const char *cn_osdi_attach(cn_osdi_limiter *table, uint32_t n, void **log)
{
    typedef void (*function)(void);
    static const struct {
        const char *name;
        uint32_t n_args;
        function f;
    } known[] = {{"pnjlim", 2, (function)limit_pn},
                 {"fetlim", 1, (function)limit_fet},
                 {"limvds", 0, (function)limit_vds},
                 {"limitlog", 1, (function)limit_log}};
    const char *unknown = NULL;
    for (uint32_t k = 0; k < n; k++) {
        function found = NULL;
        for (size_t j = 0; j < sizeof known / sizeof *known; j++)
            if (table[k].n_args == known[j].n_args && strcmp(table[k].name, known[j].name) == 0) found = known[j].f;
        memcpy(&table[k].function, &found, sizeof found);
        if (!found) unknown = table[k].name;
    }
    if (log) {
        void (*const keep)(void *, char *, uint32_t) = keep_message;
        memcpy(log, &keep, sizeof keep);
    }
    return unknown;
}

/* ------------------------------------------------------------------ data */
static char *data_of(const cn_osdi *o, cn_idx k) { return o->instances + o->instance_bytes * (size_t)k; }
static char *model_data(const cn_osdi *o, cn_idx k) { return o->models + o->model_bytes * (size_t)k; }
static char *model_of(const cn_osdi *o, cn_idx k) { return model_data(o, o->model_of[k]); }

static size_t rounded(uint32_t bytes) { return ((size_t)bytes + ALIGNED) / ALIGNED * ALIGNED; }

static char *zeroed(size_t bytes)
{
    char *p = aligned_alloc(ALIGNED, bytes);
    if (p) memset(p, 0, bytes);
    return p;
}

static double *numbers(size_t count) { return calloc(count + 1, sizeof(double)); }

/* The name of a node as an identifier: flow(a,b) is flow_a_b. */
static char *identifier(const char *name)
{
    char *copy = malloc(strlen(name) + 1);
    size_t used = 0;
    if (!copy) return NULL;
    for (const char *c = name; *c; c++) {
        const int letter = (*c >= 'a' && *c <= 'z') || (*c >= 'A' && *c <= 'Z') || (*c >= '0' && *c <= '9');
        if (letter)
            copy[used++] = *c;
        else if (used && copy[used - 1] != '_')
            copy[used++] = '_';
    }
    while (used && copy[used - 1] == '_') used--;
    copy[used] = '\0';
    return copy;
}

static int is_number(const cn_osdi_param *param)
{
    return param->length == 0 && (param->flags & CN_OSDI_TYPE) != CN_OSDI_STRING;
}

static cn_idx reference(const cn_osdi *o) { return (cn_idx)o->d->n_nodes; }

static cn_idx node(const cn_osdi *o, uint32_t k) { return k == CN_OSDI_NONE ? reference(o) : (cn_idx)k; }

static void eval(const cn_kernel *, cn_idx, const double *, const double *, const double *, const double *, double *,
                 double *, double *, double *);
static void eval_readings(const cn_kernel *, cn_idx, const double *, const double *, const double *, const double *,
                          double *, double *, double *, double *);
static cn_idx limit(const cn_kernel *, cn_idx, const double *, const double *, const double *, const double *, double *,
                    int);
static void noise(const cn_kernel *, cn_idx, const double *, const double *, const double *, const double *, double *);

static cn_status make_names(cn_osdi *o, cn_idx n_local)
{
    const cn_osdi_descriptor *d = o->d;
    static const char *const only[] = {"instance"};
    o->n_names = n_local + o->n_shown + (cn_idx)d->n_noise;
    o->names = calloc((size_t)o->n_names + 1, sizeof(char *));
    if (!o->names) return CN_NO_MEMORY;
    for (cn_idx k = 0; k < o->n_names; k++) {
        const cn_idx reading = k - n_local, source = reading - o->n_shown;
        const char *name = "reference";
        if (k < reference(o))
            name = d->nodes[k].name;
        else if (source >= 0)
            name = d->noise_sources[source].name ? d->noise_sources[source].name : "";
        else if (reading >= 0)
            name = d->params[o->shown[reading]].names[0];
        if (!(o->names[k] = identifier(name))) return CN_NO_MEMORY;
    }
    o->kernel.param_names = o->readings.param_names = only;
    o->kernel.local_names = o->readings.local_names = (const char *const *)o->names;
    o->kernel.noise_names = (const char *const *)o->names + n_local + o->n_shown;
    return CN_OK;
}

/* Whether an entry of the Jacobian is one of those that are read. */
static uint32_t is_entry(const cn_osdi *o, const cn_osdi_entry *entry, int reactive)
{
    if (o->by_pointers) return !reactive || entry->react_at != CN_OSDI_NONE;
    return (entry->flags & (reactive ? CN_OSDI_ENTRY_REACT : CN_OSDI_ENTRY_RESIST)) != 0;
}

/* Libraries write arrays of their resistive and reactive entries, quickest; where they count others than they list,
 * each entry goes where the instance's pointers say. */
static void choose_entries(cn_osdi *o)
{
    const cn_osdi_descriptor *d = o->d;
    uint32_t resist = 0, react = 0;
    for (uint32_t k = 0; k < d->n_entries; k++) {
        resist += is_entry(o, &d->entries[k], 0);
        react += is_entry(o, &d->entries[k], 1);
    }
    o->by_pointers = resist != d->n_resist || react != d->n_react;
    if (!o->by_pointers) return;
    for (cn_idx k = 0; k < o->n; k++) {
        double *f = o->jf, *q = o->jq;
        for (uint32_t e = 0; e < d->n_entries; e++) {
            memcpy(data_of(o, k) + d->resist_entries + sizeof f * e, &f, sizeof f);
            f++;
            if (d->entries[e].react_at == CN_OSDI_NONE) continue;
            memcpy(data_of(o, k) + d->entries[e].react_at, &q, sizeof q);
            q++;
        }
    }
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

static cn_status make_tables(cn_osdi *o, cn_idx n_local)
{
    const cn_osdi_descriptor *d = o->d;
    const size_t nodes = d->n_nodes, shown = (size_t)o->n_shown;
    const size_t total = 2 * ((size_t)d->n_entries * 2 + d->n_noise + shown * (nodes + 1));
    cn_idx *at = o->rows = calloc(total + 1, sizeof(cn_idx));
    if (!at) return CN_NO_MEMORY;
    for (int reactive = 0; reactive < 2; reactive++) {
        cn_idx *row = at, *column = at + d->n_entries, found = 0;
        for (uint32_t k = 0; k < d->n_entries; k++) {
            if (!is_entry(o, &d->entries[k], reactive)) continue;
            row[found] = (cn_idx)d->entries[k].at.first;
            column[found++] = (cn_idx)d->entries[k].at.second;
        }
        *(reactive ? &o->kernel.jq_row : &o->kernel.jf_row) = row;
        *(reactive ? &o->kernel.jq_col : &o->kernel.jf_col) = column;
        *(reactive ? &o->kernel.n_jq : &o->kernel.n_jf) = found;
        at += 2 * (size_t)d->n_entries;
    }
    cn_idx *plus = at, *minus = at + d->n_noise;
    for (uint32_t k = 0; k < d->n_noise; k++) {
        plus[k] = node(o, d->noise_sources[k].nodes.first);
        minus[k] = node(o, d->noise_sources[k].nodes.second);
    }
    o->kernel.n_noise = (cn_idx)d->n_noise;
    o->kernel.noise_plus = plus;
    o->kernel.noise_minus = minus;
    at += 2 * (size_t)d->n_noise;
    /* A reading depends on all nodes, and on its own unknown. */
    const size_t entries = shown * (nodes + 1);
    cn_idx *row = at, *column = at + entries;
    for (size_t r = 0, e = 0; r < shown; r++)
        for (size_t k = 0; k <= nodes; k++, e++) {
            row[e] = n_local + (cn_idx)r;
            column[e] = k < nodes ? (cn_idx)k : row[e];
        }
    o->readings.n_jf = (cn_idx)entries;
    o->readings.jf_row = row;
    o->readings.jf_col = column;
    o->readings.jq_row = o->readings.jq_col = at;
    return CN_OK;
}

cn_status cn_osdi_init(cn_osdi **out, const cn_osdi_descriptor *d, cn_idx n_models, cn_idx n, const cn_idx *of)
{
    cn_osdi *o = *out = calloc(1, sizeof *o);
    if (!o) return CN_NO_MEMORY;
    const size_t nodes = d->n_nodes;
    o->d = d;
    o->n = n;
    o->n_models = n_models;
    o->stopped = o->number = o->channel.drain = -1;
    o->model_bytes = rounded(d->model_size);
    o->instance_bytes = rounded(d->instance_size);
    o->models = zeroed(o->model_bytes * ((size_t)n_models + 1));
    o->instances = zeroed(o->instance_bytes * ((size_t)n + 1));
    o->model_of = calloc((size_t)n + 1, sizeof(cn_idx));
    o->state = calloc((size_t)n + 1, 1);
    o->shown = calloc((size_t)d->n_point + 1, sizeof(uint32_t));
    o->scaled = calloc((size_t)d->n_point + 1, 1);
    o->at = numbers((size_t)n * nodes);
    o->x = numbers(nodes);
    o->f = numbers(nodes);
    o->q = numbers(nodes);
    o->states = numbers(d->n_states);
    o->next = numbers(d->n_states);
    o->jf = numbers((size_t)d->n_entries + d->n_resist);
    o->jq = numbers((size_t)d->n_entries + d->n_react);
    o->density = numbers(2 * (size_t)d->n_noise);
    o->value = numbers(2 * (size_t)d->n_point);
    o->slope = numbers((size_t)d->n_point * nodes);
    if (!o->models || !o->instances || !o->model_of || !o->state || !o->shown || !o->scaled || !o->at || !o->x || !o->f || !o->q ||
        !o->states || !o->next || !o->jf || !o->jq || !o->density || !o->value || !o->slope)
        return CN_NO_MEMORY;
    for (uint32_t k = d->n_params; k < d->n_params + d->n_point; k++)
        if (is_number(&d->params[k])) o->shown[o->n_shown++] = k;
    for (cn_idx k = 0; k < n; k++) {
        if (of[k] < 0 || of[k] >= n_models) return CN_BAD_ARGUMENT;
        o->model_of[k] = of[k];
        uint32_t map;
        for (map = 0; map < d->n_nodes; map++)
            memcpy(data_of(o, k) + d->node_mapping + sizeof map * map, &map, sizeof map);
        for (map = 0; map < d->n_states; map++)
            memcpy(data_of(o, k) + d->state_index + sizeof map * map, &map, sizeof map);
    }
    cn_idx n_local = (cn_idx)nodes;
    for (uint32_t k = 0; k < d->n_noise; k++)
        if (d->noise_sources[k].nodes.first == CN_OSDI_NONE || d->noise_sources[k].nodes.second == CN_OSDI_NONE)
            n_local = (cn_idx)nodes + 1;
    cn_kernel *const k = &o->kernel;
    k->abi = CN_KERNEL_ABI;
    k->name = d->name;
    k->n_param = 1;
    k->context = o;
    o->readings = *k;
    k->n_local = n_local;
    k->n_limit = (cn_idx)d->n_states;
    k->eval = eval;
    k->limit = d->n_states ? limit : NULL;
    k->noise = d->n_noise ? noise : NULL;
    o->readings.n_local = n_local + o->n_shown;
    o->readings.eval = eval_readings;
    choose_entries(o);
    const cn_status status = make_names(o, n_local);
    return status == CN_OK ? make_tables(o, n_local) : status;
}

void cn_osdi_free(cn_osdi *o)
{
    if (!o) return;
    void *all[] = {o->models, o->instances, o->model_of, o->state, o->shown, o->scaled, o->at, o->x, o->f, o->q, o->states, o->next,
                   o->jf, o->jq, o->density, o->value, o->slope, o->rows};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) free(all[k]);
    for (cn_idx k = 0; o->names && k < o->n_names; k++) free(o->names[k]);
    free(o->names);
    free(o);
}

void *cn_osdi_of_model(cn_osdi *o, cn_idx k, uint32_t param)
{
    return o->d->access(NULL, model_data(o, k), param, CN_OSDI_SET);
}

void *cn_osdi_of_instance(cn_osdi *o, cn_idx k, uint32_t param)
{
    return o->d->access(data_of(o, k), model_of(o, k), param, CN_OSDI_SET | CN_OSDI_INSTANCE);
}

const void *cn_osdi_value(cn_osdi *o, cn_idx k, uint32_t param)
{
    return o->d->access(data_of(o, k), model_of(o, k), param, CN_OSDI_INSTANCE);
}

static cn_osdi_simparams simparams(const cn_osdi *o)
{
    const cn_osdi_simparams params = {number_names, o->numbers, no_names, no_names};
    return params;
}

void cn_osdi_setup_model(cn_osdi *o, cn_idx k, const cn_osdi_numbers *given, cn_osdi_setup *out)
{
    const double all[N_NUMBERS] = {given->gmin, given->tnom, given->minr, given->scale};
    memcpy(o->numbers, all, sizeof all);
    memset(out, 0, sizeof *out);
    const cn_osdi_simparams params = simparams(o);
    o->current = -1;
    o->d->setup_model(o, model_data(o, k), &params, out);
}

void cn_osdi_setup_instance(cn_osdi *o, cn_idx k, double temperature, cn_osdi_setup *out)
{
    memset(out, 0, sizeof *out);
    const cn_osdi_simparams params = simparams(o);
    o->current = k;
    o->d->setup_instance(o, data_of(o, k), model_of(o, k), temperature, o->d->n_terminals, &params, out);
    o->state[k] = NOT_RUN;
}

const bool *cn_osdi_collapsed(const cn_osdi *o, cn_idx k)
{
    return (const bool *)(const void *)(data_of(o, k) + o->d->collapsed);
}

void cn_osdi_set_readings(cn_osdi *o, const uint8_t *scaled, cn_idx number, const cn_osdi_channel *channel)
{
    memcpy(o->scaled, scaled, (size_t)o->n_shown);
    o->number = number;
    if (channel) o->channel = *channel;
}

const cn_kernel *cn_osdi_kernel(const cn_osdi *o) { return &o->kernel; }
const cn_kernel *cn_osdi_readings(const cn_osdi *o) { return &o->readings; }
const char *cn_osdi_messages(cn_osdi *o) { return o->log_used ? o->log : ""; }
void cn_osdi_forget_messages(cn_osdi *o) { o->log_used = 0; }

cn_idx cn_osdi_stopped(cn_osdi *o, int forget)
{
    const cn_idx stopped = o->stopped;
    if (forget) o->stopped = -1;
    return stopped;
}

/* ------------------------------------------------------------------ evaluation */
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
    const cn_osdi_siminfo info = {simparams(o), env[CN_ENV_TIME], x, o->states, o->next, flags | analysis};
    const uint32_t answer = o->d->eval(o, data_of(o, k), model_of(o, k), &info);
    o->state[k] = answer & (CN_OSDI_FATAL | CN_OSDI_FINISH) ? FAILED : RUN;
    if (o->state[k] == FAILED) o->stopped = k;
    return answer;
}

static void gather(const cn_osdi *o, cn_idx n, cn_idx i, const double *u, double *x)
{
    for (cn_idx a = 0; a < reference(o); a++) x[a] = u[a * n + i];
}

/* Equations and limiting are one run: `limit`, which comes first, does it, and `eval` reads the results. */
static cn_idx limit(const cn_kernel *self, cn_idx n, const double *u, const double *p, const double *env,
                    const double *acc, double *lim, int init)
{
    cn_osdi *const o = (cn_osdi *)(uintptr_t)self->context;
    const size_t bytes = sizeof(double) * (size_t)reference(o);
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
        memcpy(o->at + (size_t)k * (size_t)reference(o), o->x, bytes);
    }
    return held;
}

static void eval(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p, const double *env,
                 double *f, double *q, double *jf, double *jq)
{
    cn_osdi *const o = (cn_osdi *)(uintptr_t)self->context;
    const cn_osdi_descriptor *const d = o->d;
    const size_t bytes = sizeof(double) * (size_t)reference(o);
    (void)lim;
    for (cn_idx i = 0; i < n; i++) {
        const cn_idx k = (cn_idx)p[i];
        gather(o, n, i, u, o->x);
        const int ready = o->state[k] != NOT_RUN && memcmp(o->at + (size_t)k * (size_t)reference(o), o->x, bytes) == 0;
        if (!ready) run(o, k, o->x, env, EQUATIONS);
        const double bad = o->state[k] == FAILED ? NAN : 0.0;
        o->state[k] = NOT_RUN; /* what is read once is not read again: others may run the instance meanwhile */
        char *const data = data_of(o, k), *const model = model_of(o, k);
        for (cn_idx a = 0; a < reference(o); a++) o->f[a] = o->q[a] = bad;
        d->load_residual_resist(data, model, o->f);
        d->load_residual_react(data, model, o->q);
        if (ready) {
            d->load_limit_resist(data, model, o->f);
            d->load_limit_react(data, model, o->q);
        }
        for (cn_idx a = 0; a < self->n_local; a++) {
            f[a * n + i] = a < reference(o) ? o->f[a] : 0.0;
            q[a * n + i] = a < reference(o) ? o->q[a] : 0.0;
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
    read_slopes(o, data_of(o, k), model_of(o, k));
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
    const double bad = o->state[k] == FAILED ? NAN : 0.0;
    o->state[k] = NOT_RUN;
    const double m = o->number < 0 ? 1.0 : *(const double *)cn_osdi_value(o, k, (uint32_t)o->number);
    for (cn_idx r = 0; r < o->n_shown; r++) {
        const void *at = cn_osdi_value(o, k, o->shown[r]);
        const int whole = (o->d->params[o->shown[r]].flags & CN_OSDI_TYPE) == CN_OSDI_INTEGER;
        into[r] = bad + (whole ? (double)*(const int32_t *)at : *(const double *)at);
        if (o->scaled[r]) into[r] *= m;
    }
    if (o->channel.drain >= 0) read_channel(o, k, into);
}

static void eval_readings(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p,
                          const double *env, double *f, double *q, double *jf, double *jq)
{
    cn_osdi *const o = (cn_osdi *)(uintptr_t)self->context;
    const cn_idx nodes = reference(o), first = self->n_local - o->n_shown;
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

static void noise(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p,
                  const double *env, double *out)
{
    cn_osdi *const o = (cn_osdi *)(uintptr_t)self->context;
    const cn_idx count = self->n_noise;
    (void)lim;
    for (cn_idx i = 0; i < n; i++) {
        const cn_idx k = (cn_idx)p[i];
        gather(o, n, i, u, o->x);
        run(o, k, o->x, env, EQUATIONS | CN_OSDI_NOISE | CN_OSDI_IN_NOISE);
        o->state[k] = NOT_RUN;
        /* A density falls as a power of the frequency: two of them tell which. */
        o->d->load_noise(data_of(o, k), model_of(o, k), 1.0, o->density);
        o->d->load_noise(data_of(o, k), model_of(o, k), 10.0, o->density + count);
        for (cn_idx s = 0; s < count; s++) {
            const double at_one = fabs(o->density[s]), at_ten = fabs(o->density[count + s]);
            const double exponent = at_one > 0.0 && at_ten > 0.0 ? log10(at_one / at_ten) : 0.0;
            out[s * n + i] = at_one;
            out[(count + s) * n + i] = fabs(exponent) < 1e-9 ? 0.0 : exponent;
        }
    }
}
