/* Compiled Verilog-A models as kernels: their data, the kernels' tables, set-up; see cn_osdi.h. */
#include "cn_osdi_data.h"

#include <stdlib.h>
#include <string.h>

enum { ALIGNED = 64 };

static const char *const number_names[CN_OSDI_N_NUMBERS + 1] = {"gmin", "tnom", "minr", "scale", NULL};
static const char *const no_names[1] = {NULL};

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

static cn_idx node(const cn_osdi *o, uint32_t k) { return k == CN_OSDI_NONE ? cn_osdi_reference(o) : (cn_idx)k; }

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
        if (k < cn_osdi_reference(o))
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
            memcpy(cn_osdi_data_of(o, k) + d->resist_entries + sizeof f * e, &f, sizeof f);
            f++;
            if (d->entries[e].react_at == CN_OSDI_NONE) continue;
            memcpy(cn_osdi_data_of(o, k) + d->entries[e].react_at, &q, sizeof q);
            q++;
        }
    }
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
            memcpy(cn_osdi_data_of(o, k) + d->node_mapping + sizeof map * map, &map, sizeof map);
        for (map = 0; map < d->n_states; map++)
            memcpy(cn_osdi_data_of(o, k) + d->state_index + sizeof map * map, &map, sizeof map);
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
    k->eval = cn_osdi_eval;
    k->limit = d->n_states ? cn_osdi_limit : NULL;
    k->noise = d->n_noise ? cn_osdi_noise : NULL;
    o->readings.n_local = n_local + o->n_shown;
    o->readings.eval = cn_osdi_eval_readings;
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
    return o->d->access(NULL, cn_osdi_model_data(o, k), param, CN_OSDI_SET);
}

void *cn_osdi_of_instance(cn_osdi *o, cn_idx k, uint32_t param)
{
    return o->d->access(cn_osdi_data_of(o, k), cn_osdi_model_of(o, k), param, CN_OSDI_SET | CN_OSDI_INSTANCE);
}

const void *cn_osdi_value(cn_osdi *o, cn_idx k, uint32_t param)
{
    return o->d->access(cn_osdi_data_of(o, k), cn_osdi_model_of(o, k), param, CN_OSDI_INSTANCE);
}

cn_osdi_simparams cn_osdi_simparams_of(const cn_osdi *o)
{
    const cn_osdi_simparams params = {number_names, o->numbers, no_names, no_names};
    return params;
}

void cn_osdi_setup_model(cn_osdi *o, cn_idx k, const cn_osdi_numbers *given, cn_osdi_setup *out)
{
    const double all[CN_OSDI_N_NUMBERS] = {given->gmin, given->tnom, given->minr, given->scale};
    memcpy(o->numbers, all, sizeof all);
    memset(out, 0, sizeof *out);
    const cn_osdi_simparams params = cn_osdi_simparams_of(o);
    o->current = -1;
    o->d->setup_model(o, cn_osdi_model_data(o, k), &params, out);
}

void cn_osdi_setup_instance(cn_osdi *o, cn_idx k, double temperature, cn_osdi_setup *out)
{
    memset(out, 0, sizeof *out);
    const cn_osdi_simparams params = cn_osdi_simparams_of(o);
    o->current = k;
    o->d->setup_instance(o, cn_osdi_data_of(o, k), cn_osdi_model_of(o, k), temperature, o->d->n_terminals, &params,
                         out);
    o->state[k] = CN_OSDI_NOT_RUN;
}

const bool *cn_osdi_collapsed(const cn_osdi *o, cn_idx k)
{
    return (const bool *)(const void *)(cn_osdi_data_of(o, k) + o->d->collapsed);
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
