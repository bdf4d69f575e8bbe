/* A compiled model as a kernel: a conductance with a limited voltage behind an end resistance that may be collapsed. */
#include "../cn_osdi.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

#define CHECK_CLOSE(value, wanted, part) CHECK(fabs((value) - (wanted)) <= (part) * (1.0 + fabs(wanted)))

/* Nodes a, b and the inner node i: g (v_i - v_b)^3 from i to b with the charge c v_i there, (v_a - v_i)/r from a to i. */
typedef struct model {
    double g, c;
} model;

typedef struct instance {
    double m, r, gm;
    double f[3], q[3], limit[3], jf[7], jq[1], noise;
    uint32_t map[3], state[1];
    double *at[7], *charge_at;
    bool collapsed[1];
} instance;

static void (*osdi_log)(void *, char *, uint32_t);

static char *copy(const char *text)
{
    char *c = malloc(strlen(text) + 1);
    if (c) strcpy(c, text);
    return c;
}

static void *reach(void *data, void *card, uint32_t param, uint32_t flags)
{
    instance *in = data;
    model *mo = card;
    (void)flags;
    switch (param) {
    case 0: return &in->m;
    case 1: return &in->r;
    case 2: return &mo->g;
    case 3: return &mo->c;
    default: return &in->gm;
    }
}

static void setup_model(void *handle, void *card, const cn_osdi_simparams *params, cn_osdi_setup *out)
{
    (void)handle, (void)params;
    if (((model *)card)->g < 0.0) {
        out->errors = calloc(1, sizeof *out->errors);
        if (!out->errors) return;
        out->n_errors = 1;
        out->errors[0].code = CN_OSDI_OUT_OF_BOUNDS;
        out->errors[0].param = 2;
    }
}

static void setup_instance(void *handle, void *data, void *card, double temperature, uint32_t n_terminals,
                           const cn_osdi_simparams *params, cn_osdi_setup *out)
{
    instance *in = data;
    (void)handle, (void)card, (void)temperature, (void)n_terminals, (void)out;
    if (in->m == 0.0) in->m = 1.0;
    in->collapsed[0] = in->r == 0.0;
    if (strcmp(params->names[0], "gmin") == 0 && params->values[0] > 1.0) osdi_log(handle, copy("gmin is\nlarge"), 3);
}

static uint32_t evaluate(void *handle, void *data, void *card, const cn_osdi_siminfo *info)
{
    instance *in = data;
    const model *mo = card;
    const double va = info->solution[in->map[0]], vb = info->solution[in->map[1]], vi = info->solution[in->map[2]];
    const double raw = vi - vb, old = info->states[in->state[0]];
    const double gr = in->r > 0.0 ? in->m / in->r : 0.0;
    double v = raw;
    uint32_t answer = 0;
    if ((info->flags & CN_OSDI_ENABLE_LIMIT) && fabs(raw - old) > 1.0) {
        v = old + copysign(1.0, raw - old);
        answer = CN_OSDI_LIMITED;
    }
    if (raw > 100.0) {
        osdi_log(handle, copy("too much"), 5);
        answer = CN_OSDI_FATAL;
    }
    info->next_states[in->state[0]] = v;
    const double slope = 3.0 * in->m * mo->g * v * v, current = in->m * mo->g * v * v * v;
    const double f[3] = {gr * (va - vi), -current, current - gr * (va - vi)};
    const double l[3] = {0.0, -slope * (raw - v), slope * (raw - v)};
    const double j[7] = {gr, -gr, slope, -slope, -gr, -slope, slope + gr};
    memcpy(in->f, f, sizeof f);
    memcpy(in->limit, l, sizeof l);
    memcpy(in->jf, j, sizeof j);
    in->q[2] = in->m * mo->c * vi;
    in->jq[0] = in->m * mo->c;
    in->gm = slope / in->m;
    in->noise = 4e-20 * slope;
    return answer;
}

static void add(const instance *in, const double *from, double *into)
{
    for (int k = 0; k < 3; k++) into[in->map[k]] += from[k];
}

static void load_f(void *data, void *card, double *into) { (void)card, add(data, ((instance *)data)->f, into); }
static void load_q(void *data, void *card, double *into) { (void)card, add(data, ((instance *)data)->q, into); }
static void load_limit(void *data, void *card, double *into) { (void)card, add(data, ((instance *)data)->limit, into); }
static void load_none(void *data, void *card, double *into) { (void)data, (void)card, (void)into; }

static void write_jf(void *data, void *card, double *into)
{
    (void)card;
    memcpy(into, ((instance *)data)->jf, sizeof((instance *)data)->jf);
}

static void write_jq(void *data, void *card, double *into)
{
    (void)card;
    into[0] = ((instance *)data)->jq[0];
}

static void load_noise(void *data, void *card, double frequency, double *density)
{
    (void)card;
    density[0] = ((instance *)data)->noise;
    density[1] = ((instance *)data)->noise / frequency;
}

static void add_jf(void *data, void *card)
{
    instance *in = data;
    (void)card;
    for (int k = 0; k < 7; k++) *in->at[k] += in->jf[k];
}

static void add_jq(void *data, void *card, double alpha)
{
    instance *in = data;
    (void)card;
    *in->charge_at += alpha * in->jq[0];
}

enum { R = CN_OSDI_ENTRY_RESIST, Q = CN_OSDI_ENTRY_REACT };
static const cn_osdi_node nodes[3] = {{.name = "a"}, {.name = "b"}, {.name = "flow(i,b)"}};
static const cn_osdi_entry entries[7] = {
    {{0, 0}, CN_OSDI_NONE, R}, {{0, 2}, CN_OSDI_NONE, R}, {{1, 1}, CN_OSDI_NONE, R}, {{1, 2}, CN_OSDI_NONE, R},
    {{2, 0}, CN_OSDI_NONE, R}, {{2, 1}, CN_OSDI_NONE, R}, {{2, 2}, offsetof(instance, charge_at), R | Q}};
static const cn_osdi_pair pair = {2, 0};
static const char *const param_names[5] = {"$mfactor", "r", "g", "c", "gm"};
static const cn_osdi_param params[5] = {{&param_names[0], 0, "", "", CN_OSDI_OF_INSTANCE, 0},
                                        {&param_names[1], 0, "", "", CN_OSDI_OF_INSTANCE, 0},
                                        {&param_names[2], 0, "", "", CN_OSDI_OF_MODEL, 0},
                                        {&param_names[3], 0, "", "", CN_OSDI_OF_MODEL, 0},
                                        {&param_names[4], 0, "", "", CN_OSDI_OF_POINT, 0}};
static const cn_osdi_noise_source sources[2] = {{"white", {2, 1}}, {NULL, {2, CN_OSDI_NONE}}};

static cn_osdi_descriptor cube = {
    .name = "cube", .n_nodes = 3, .n_terminals = 2, .nodes = nodes, .n_entries = 7, .entries = entries,
    .n_collapsible = 1, .collapsible = &pair, .collapsed = offsetof(instance, collapsed), .noise_sources = sources,
    .n_noise = 2, .n_params = 4, .n_instance_params = 2, .n_point = 1, .params = params,
    .node_mapping = offsetof(instance, map), .resist_entries = offsetof(instance, at), .load_jacobian_resist = add_jf,
    .load_jacobian_react = add_jq, .n_states = 1, .state_index = offsetof(instance, state),
    .bound_step = CN_OSDI_NONE, .instance_size = sizeof(instance), .model_size = sizeof(model), .access = reach,
    .setup_model = setup_model, .setup_instance = setup_instance, .eval = evaluate, .load_noise = load_noise,
    .load_residual_resist = load_f, .load_residual_react = load_q, .load_limit_resist = load_limit,
    .load_limit_react = load_none, .n_resist = 7, .n_react = 1, .write_jacobian_resist = write_jf,
    .write_jacobian_react = write_jq};

static const double env[CN_ENV_SIZE] = {1e-12, 0.0};

static cn_osdi *make(double g, double r, double gmin)
{
    static const cn_idx of[2] = {0, 0};
    cn_osdi *o = NULL;
    cn_osdi_setup out;
    const cn_osdi_numbers numbers = {gmin, 27.0, 1e-3, 1.0};
    CHECK(cn_osdi_init(&o, &cube, 1, 2, of) == CN_OK);
    *(double *)cn_osdi_of_model(o, 0, 2) = g;
    *(double *)cn_osdi_of_model(o, 0, 3) = 2.0;
    *(double *)cn_osdi_of_instance(o, 0, 1) = r;
    *(double *)cn_osdi_of_instance(o, 1, 0) = 3.0;
    cn_osdi_setup_model(o, 0, &numbers, &out);
    CHECK((out.n_errors == 1) == (g < 0.0));
    free(out.errors);
    for (cn_idx k = 0; k < 2; k++) cn_osdi_setup_instance(o, k, 300.0, &out);
    return o;
}

/* Limiting and equations are one run: the result is the linearisation at the limited voltage, taken to the raw one. */
static void test_equations(void)
{
    cn_osdi *o = make(0.5, 4.0, 1e-12);
    const cn_kernel *k = cn_osdi_kernel(o);
    CHECK(k->n_local == 4 && k->n_limit == 1 && k->n_jf == 7 && k->n_jq == 1);
    CHECK(strcmp(k->local_names[2], "flow_i_b") == 0 && strcmp(k->local_names[3], "reference") == 0);
    CHECK(cn_osdi_collapsed(o, 1)[0] && !cn_osdi_collapsed(o, 0)[0]);
    const double u[8] = {9.0, 2.0, 1.0, 0.0, 4.0, 0.5, 0.0, 0.0}, p[2] = {0.0, 1.0}; /* v: 3 and 0.5 */
    double lim[2] = {1.0, 0.0}, f[8], q[8], jf[14], jq[2];
    CHECK(k->limit(k, 2, u, p, env, lim, lim, 0) == 1);
    CHECK(lim[0] == 2.0 && lim[1] == 0.5);
    k->eval(k, 2, u, lim, p, env, f, q, jf, jq);
    CHECK_CLOSE(f[4], 0.5 * 8.0 + 6.0 * (3.0 - 2.0) - 5.0 / 4.0, 1e-14); /* 3 g v^2 = 6 */
    CHECK_CLOSE(f[0] + f[2] + f[4], 0.0, 1e-14);
    CHECK_CLOSE(f[5], 3.0 * 0.5 * 0.125, 1e-14); /* m = 3 */
    CHECK(f[6] == 0.0 && q[4] == 8.0 && q[5] == 3.0 && jq[0] == 2.0 && jq[1] == 6.0);
    CHECK_CLOSE(jf[12], 6.25, 1e-14);
    /* Read once; what is asked again is evaluated where it is, without limiting. */
    k->eval(k, 2, u, lim, p, env, f, q, jf, jq);
    CHECK_CLOSE(f[4], 0.5 * 27.0 - 5.0 / 4.0, 1e-14);
    cn_osdi_free(o);
}

static void test_readings_and_noise(void)
{
    cn_osdi *o = make(0.5, 0.0, 1e-12);
    const uint8_t scaled[1] = {1};
    cn_osdi_set_readings(o, scaled, 0, NULL);
    const cn_kernel *k = cn_osdi_readings(o);
    CHECK(k->n_local == 5 && k->n_jf == 4 && k->n_limit == 0);
    const double u[5] = {2.0, 1.0, 2.0, 0.0, 1.0}, p[1] = {1.0};
    double f[5], q[5], jf[4], jq[1], density[4];
    k->eval(k, 1, u, NULL, p, env, f, q, jf, jq);
    CHECK_CLOSE(f[4], 1.0 - 3.0 * 1.5, 1e-12);
    CHECK_CLOSE(jf[1], 9.0, 1e-6); /* by b: 2 * 3 g v m, a central difference */
    CHECK(jf[3] == 1.0);
    const cn_kernel *own = cn_osdi_kernel(o);
    CHECK(own->noise_plus[1] == 2 && own->noise_minus[1] == 3 && own->noise_names[1][0] == '\0');
    own->noise(own, 1, u, NULL, p, env, density);
    CHECK_CLOSE(density[0] * 1e20, 18.0, 1e-12);
    CHECK(density[2] == 0.0);
    CHECK_CLOSE(density[3], 1.0, 1e-12);
    cn_osdi_free(o);
}

static void test_messages_and_stops(void)
{
    cn_osdi_free(make(-1.0, 0.0, 1e-12));
    cn_osdi *o = make(0.5, 0.0, 2.0);
    CHECK(strncmp(cn_osdi_messages(o), "30 gmin is large\n", 17) == 0);
    cn_osdi_forget_messages(o);
    CHECK(cn_osdi_messages(o)[0] == '\0' && cn_osdi_stopped(o, 0) == -1);
    const cn_kernel *k = cn_osdi_kernel(o);
    const double u[4] = {200.0, 0.0, 200.0, 0.0}, p[1] = {1.0};
    double lim[1] = {0.0}, f[4], q[4], jf[7], jq[1];
    k->limit(k, 1, u, p, env, lim, lim, 0);
    k->eval(k, 1, u, lim, p, env, f, q, jf, jq);
    CHECK(isnan(f[1]) && isnan(jf[2]) && cn_osdi_stopped(o, 1) == 1 && cn_osdi_stopped(o, 0) == -1);
    CHECK(strcmp(cn_osdi_messages(o), "51 too much\n") == 0);
    for (int n = 0; n < 1000; n++) k->eval(k, 1, u, lim, p, env, f, q, jf, jq); /* what does not fit is lost */
    CHECK(strlen(cn_osdi_messages(o)) < 5000);
    cn_osdi_free(o);
}

static void test_limiters(void)
{
    cn_osdi_limiter table[2] = {{"pnjlim", 2, NULL}, {"nosuch", 1, table}};
    void *log = NULL;
    CHECK(strcmp(cn_osdi_attach(table, 2, &log), "nosuch") == 0);
    CHECK(table[0].function != NULL && table[1].function == NULL && log != NULL);
    memcpy(&osdi_log, &log, sizeof log);
    double (*pn)(bool, bool *, double, double, double, double);
    memcpy(&pn, &table[0].function, sizeof pn);
    bool limited = false;
    CHECK(pn(false, &limited, 5.0, 0.6, 0.025, 0.6) < 1.0 && limited);
}

int main(void)
{
    test_limiters();
    test_equations();
    cube.n_resist = 8; /* a library that counts what it does not list: slopes come by pointers */
    test_equations();
    cube.n_resist = 7;
    test_readings_and_noise();
    test_messages_and_stops();
    return 0;
}
