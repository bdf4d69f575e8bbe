/* The engine on circuits assembled by hand: an RC low pass and a diode with limiting, under the sanitizers. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cn_limit.h"
#include "cn_tran.h"

#define CHECK(condition)                                                          \
    do {                                                                          \
        if (!(condition)) {                                                       \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #condition);       \
            exit(1);                                                              \
        }                                                                         \
    } while (0)

/* V1 a 0, R a b, then C or a diode from b to 0.  Unknowns: v(a), v(b), i(v1); pattern dense but for (b, i), (i, b). */
static const cn_idx AP[] = {0, 3, 5, 7}, AI[] = {0, 1, 2, 0, 1, 0, 2};
static const cn_idx DIAGONAL[] = {0, 4, 6};
static const uint8_t KIND[] = {CN_NODE, CN_NODE, CN_BRANCH};
static const double TOL[] = {1e-6, 1e-6, 1e-12};
static const cn_idx ROW[] = {2}, SOURCE[] = {0};
static const double VALUE[] = {1.0};
static const cn_idx PERM[] = {0, 1, 2};

static cn_system make(double g, double c, double *g0, double *c0, cn_source *source)
{
    const double conductance[] = {g, -g, 1.0, -g, g, 1.0, 0.0, 0.0};
    memcpy(g0, conductance, sizeof conductance);
    memset(c0, 0, sizeof conductance);
    c0[4] = c;
    cn_system s;
    memset(&s, 0, sizeof s);
    s.n = 3;
    s.nnz = 7;
    s.ap = AP;
    s.ai = AI;
    s.g0 = g0;
    s.c0 = c0;
    s.diagonal = DIAGONAL;
    s.kind = KIND;
    s.tol = TOL;
    s.n_sources = 1;
    s.sources = source;
    s.n_drive = 1;
    s.drive_row = ROW;
    s.drive_source = SOURCE;
    s.drive_value = VALUE;
    s.options = (cn_options){1e-4, 1e-12, 2.0, 100, 50, 10};
    return s;
}

static void low_pass(cn_rule rule, int order)
{
    double g0[8], c0[8], x[4] = {0.0}, q[4] = {0.0};
    const double pulse[] = {0.0, 1.0, 0.0, 1e-9, 1e-9, 1.0, 2.0, 0.0};
    cn_source source = {CN_PULSE, 0, 0.0, pulse, 8};
    cn_system s = make(1e-3, 1e-6, g0, c0, &source);
    CHECK(cn_system_init(&s, PERM) == CN_OK);
    CHECK(cn_operating_point(&s, x, CN_MODE_TRAN, 0) == CN_OK);
    static const cn_idx saved[] = {1};
    static const cn_idx dynamic[] = {1};
    cn_tran tr;
    memset(&tr, 0, sizeof tr);
    tr.system = &s;
    tr.rule = rule;
    tr.max_order = order;
    tr.stop = 3e-3;
    tr.max_step = 1e-4;
    tr.min_step = 1e-15;
    tr.first_step = 1e-6;
    tr.n_saved = 1;
    tr.saved = saved;
    tr.dynamic = dynamic;
    CHECK(cn_tran_init(&tr, x, q) == CN_OK);
    cn_status status = CN_CONTINUE;
    while (status == CN_CONTINUE) status = cn_tran_advance(&tr, 7);
    CHECK(status == CN_OK);
    double worst = 0.0;
    for (cn_idx k = 0; k < tr.n_points; k++) {
        const double t = tr.points[2 * k];
        if (t > 1e-9) worst = fmax(worst, fabs(tr.points[2 * k + 1] - (1.0 - exp(-(t - 0.5e-9) / 1e-3))));
    }
    CHECK(fabs(tr.points[2 * (tr.n_points - 1)] - 3e-3) < 1e-15);
    CHECK(worst < 1.5e-3); /* some ten times the local tolerance: a few dozen steps add up */
    cn_tran_free(&tr);
    cn_system_free(&s);
}

/* Largest error of a sine through the low pass, long after the start, at steps of length h. */
static double late_error(cn_rule rule, int order, double h)
{
    double g0[8], c0[8], x[4] = {0.0}, q[4] = {0.0};
    const double tau = 1e-3, omega = 2e3, sine[] = {0.0, 1.0, omega / 6.283185307179586, 0.0, 0.0, 0.0};
    cn_source source = {CN_SIN, 0, 0.0, sine, 6};
    cn_system s = make(1e-3, 1e-6, g0, c0, &source);
    s.options.trtol = 1e12; /* the largest step alone decides */
    CHECK(cn_system_init(&s, PERM) == CN_OK);
    CHECK(cn_operating_point(&s, x, CN_MODE_TRAN, 0) == CN_OK);
    static const cn_idx saved[] = {1}, dynamic[] = {1};
    cn_tran tr;
    memset(&tr, 0, sizeof tr);
    tr.system = &s;
    tr.rule = rule;
    tr.max_order = order;
    tr.stop = 40.0 * tau;
    tr.max_step = h;
    tr.min_step = 1e-15;
    tr.first_step = h;
    tr.n_saved = 1;
    tr.saved = saved;
    tr.n_dynamic = 1;
    tr.dynamic = dynamic;
    CHECK(cn_tran_init(&tr, x, q) == CN_OK);
    cn_status status = CN_CONTINUE;
    double worst = 0.0;
    while (status == CN_CONTINUE) {
        status = cn_tran_advance(&tr, 1);
        /* Steps this short would do with order 2. */
        if (rule == CN_BDF && tr.valid > order) tr.order = order;
        const double wt = omega * tr.t, a = omega * tau;
        /* Of the start e^-30 is left; the last two steps are shorter. */
        if (tr.t > 30.0 * tau && tr.t < tr.stop - 3.0 * h)
            worst = fmax(worst, fabs(tr.x[0][1] - (sin(wt) - a * cos(wt)) / (1.0 + a * a)));
    }
    CHECK(status == CN_OK);
    cn_tran_free(&tr);
    cn_system_free(&s);
    return worst;
}

static void convergence(cn_rule rule, int order)
{
    const double coarse = late_error(rule, order, 5e-5), fine = late_error(rule, order, 2.5e-5);
    const double rate = log2(coarse / fine);
    /* At omega h = 0.1 the next term is some per cent. */
    if (fabs(rate - order) > 0.25) printf("rule %d of order %d converges with %g\n", (int)rule, order, rate);
    CHECK(fabs(rate - order) <= 0.25);
}

/* A run in two halves, the second from the state of the first; damaged states are refused. */
static void halves(cn_rule rule, int order)
{
    double g0[8], c0[8], x[4] = {0.0}, q[4] = {0.0};
    const double pulse[] = {0.0, 1.0, 0.0, 1e-9, 1e-9, 1.0, 2.0, 0.0};
    cn_source source = {CN_PULSE, 0, 0.0, pulse, 8};
    cn_system s = make(1e-3, 1e-6, g0, c0, &source);
    CHECK(cn_system_init(&s, PERM) == CN_OK);
    CHECK(cn_operating_point(&s, x, CN_MODE_TRAN, 0) == CN_OK);
    static const cn_idx saved[] = {1}, dynamic[] = {1};
    double *state = NULL;
    size_t size = 0;
    for (int half = 0; half < 2; half++) {
        cn_tran tr;
        memset(&tr, 0, sizeof tr);
        tr.system = &s;
        tr.rule = rule;
        tr.max_order = order;
        tr.start = 1.1e-3 * half;
        tr.stop = half ? 3e-3 : 1.1e-3;
        tr.max_step = 1e-4;
        tr.min_step = 1e-15;
        tr.first_step = 1e-6;
        tr.n_saved = 1;
        tr.saved = saved;
        tr.n_dynamic = 1;
        tr.dynamic = dynamic;
        CHECK(cn_tran_init(&tr, x, q) == CN_OK);
        if (half) {
            CHECK(cn_tran_resume(&tr, state, size - 1, 0) == CN_BAD_ARGUMENT);
            const double valid = state[1];
            state[1] = 1e9;
            CHECK(cn_tran_resume(&tr, state, size, 0) == CN_BAD_ARGUMENT);
            state[1] = NAN;
            CHECK(cn_tran_resume(&tr, state, size, 0) == CN_BAD_ARGUMENT);
            state[1] = valid;
            CHECK(cn_tran_resume(&tr, state, size, 0) == CN_OK);
            CHECK(tr.n_points == 1 && tr.points[0] == 1.1e-3 && tr.valid > 2);
        }
        cn_status status = CN_CONTINUE;
        while (status == CN_CONTINUE) status = cn_tran_advance(&tr, 7);
        CHECK(status == CN_OK);
        const double exact = 1.0 - exp(-(tr.stop - 0.5e-9) / 1e-3);
        CHECK(fabs(tr.points[2 * (tr.n_points - 1) + 1] - exact) < 1.5e-3);
        if (!half) {
            size = cn_tran_state_size(&tr);
            state = malloc(size * sizeof *state);
            CHECK(state != NULL);
            cn_tran_save(&tr, state);
        }
        cn_tran_free(&tr);
    }
    free(state);
    cn_system_free(&s);
}

static void diode_eval(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p,
                       const double *env, double *f, double *q, double *jf, double *jq)
{
    (void)self, (void)p, (void)env, (void)q, (void)jq;
    for (cn_idx i = 0; i < n; i++) {
        const double e = exp(lim[i] / 0.025), slope = 1e-14 * e / 0.025;
        f[i] = 1e-14 * (e - 1.0) + slope * (u[i] - lim[i]);
        q[i] = 0.0;
        jf[i] = slope;
    }
}

static cn_idx diode_limit(const cn_kernel *self, cn_idx n, const double *u, const double *p, const double *env,
                          const double *acc, double *lim, int init)
{
    (void)self, (void)p, (void)env, (void)acc;
    const double vcrit = 0.025 * log(0.025 / (sqrt(2.0) * 1e-14));
    cn_idx count = 0;
    for (cn_idx i = 0; i < n; i++) {
        int held = 0;
        lim[i] = init ? vcrit : cn_limit_pn(u[i], lim[i], 0.025, vcrit, &held);
        count += held;
    }
    return count;
}

static void diode_point(void)
{
    static const cn_idx zero[] = {0};
    static const char *const names[] = {"a"};
    const cn_kernel kernel = {CN_KERNEL_ABI, 0, "diode", 1, 0, 1, 0, 1, 0, zero, zero, zero, zero, names, names,
                              diode_eval, diode_limit, NULL, 0, NULL, NULL, NULL, NULL, 0, NULL};
    double g0[8], c0[8], x[4] = {0.0};
    cn_source source = {CN_DC, 1, 5.0, NULL, 0};
    cn_system s = make(1e-3, 0.0, g0, c0, &source);
    static const cn_idx index[] = {1}, slot[] = {4};
    double u[1], f[1], q[1], jf[1], lim[1] = {0.0}, acc[1] = {0.0}, mark[1];
    cn_batch batch = {.kernel = &kernel, .n = 1, .index = index, .jf_slot = slot, .jq_slot = slot, .u = u, .f = f, .q = q,
                      .jf = jf, .lim = lim, .acc = acc, .mark = mark};
    s.n_batches = 1;
    s.batches = &batch;
    CHECK(cn_system_init(&s, PERM) == CN_OK);
    CHECK(cn_operating_point(&s, x, CN_MODE_DC, 0) == CN_OK);
    CHECK(s.report.method == 1);
    CHECK(s.report.iterations < 20);
    CHECK(fabs((5.0 - x[1]) * 1e-3 - 1e-14 * (exp(x[1] / 0.025) - 1.0)) < 1e-10);
    cn_system_free(&s);
}

static void breakpoints(void)
{
    const double pulse[] = {0.0, 1.0, 1.0, 0.1, 0.2, 0.5, 2.0, 0.0};
    const cn_source source = {CN_PULSE, 0, 0.0, pulse, 8};
    const double expected[] = {1.0, 1.1, 1.6, 1.8, 3.0, 3.1, 3.6};
    double t = 0.0;
    for (int k = 0; k < 7; k++) {
        t = cn_source_next_break(&source, t);
        CHECK(fabs(t - expected[k]) < 1e-12);
    }
    CHECK(fabs(cn_source_value(&source, 1.05) - 0.5) < 1e-12);
    CHECK(cn_source_value(&source, 3.3) == 1.0);
}

int main(void)
{
    low_pass(CN_TRAPEZOIDAL, 2);
    low_pass(CN_TRBDF2, 2);
    for (int order = 2; order <= CN_MAX_ORDER; order++) low_pass(CN_BDF, order);
    convergence(CN_TRAPEZOIDAL, 2);
    convergence(CN_TRBDF2, 2);
    for (int order = 2; order <= CN_MAX_ORDER; order++) convergence(CN_BDF, order);
    halves(CN_TRAPEZOIDAL, 2);
    halves(CN_BDF, CN_MAX_ORDER);
    diode_point();
    breakpoints();
    puts("engine: ok");
    return 0;
}
