/* Noise currents in time: kT/C of a low pass, by hand, a state saved and restored, and a flicker source's stationarity. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "cn_tran.h"

static const double DENSITY = 1e-9, SPACING = 1e-7; /* A^2/Hz, s */

static void noise(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p, const double *env,
                  double *out)
{
    (void)self, (void)u, (void)lim, (void)p, (void)env;
    for (cn_idx i = 0; i < n; i++) {
        out[i] = p[i];
        out[n + i] = p[n + i];
    }
}

static const cn_idx PLUS[] = {0}, MINUS[] = {1};
static const cn_kernel KERNEL = {.abi = CN_KERNEL_ABI, .n_local = 2, .n_param = 2, .n_noise = 1, .noise_plus = PLUS,
                                 .noise_minus = MINUS, .noise = noise};

/* 1 ohm and 1 uF from node 0 to ground. */
static cn_system make(double *g0, double *c0)
{
    static const cn_idx ap[] = {0, 1}, ai[] = {0}, diagonal[] = {0};
    static const uint8_t kind[] = {CN_NODE};
    static const double tol[] = {1e-6};
    cn_system s;
    memset(&s, 0, sizeof s);
    g0[0] = 1.0;
    c0[0] = 1e-6;
    g0[1] = c0[1] = 0.0;
    s.n = s.nnz = 1;
    s.ap = ap;
    s.ai = ai;
    s.g0 = g0;
    s.c0 = c0;
    s.diagonal = diagonal;
    s.kind = kind;
    s.tol = tol;
    s.options = (cn_options){1e-2, 1e-12, 2.0, 100, 50, 10};
    return s;
}

typedef struct run {
    double mean, variance;
    cn_idx points;
} run;

/* The node's mean and variance from `from` to `stop`; the state at the end into `state`, from it when `resume`. */
static run transient(double exponent, double start, double stop, double *state, size_t *size, int resume)
{
    double g0[2], c0[2], x[2] = {0.0}, q[2] = {0.0};
    const cn_idx perm[] = {0}, index[] = {0, 1}, saved[] = {0}, dynamic[] = {0};
    const double param[] = {DENSITY, exponent};
    const uint64_t stream[] = {77};
    cn_system s = make(g0, c0);
    CHECK(cn_system_init(&s, perm) == CN_OK);
    const cn_noisy group = {&KERNEL, 1, index, param, stream, NULL};
    cn_noise z;
    memset(&z, 0, sizeof z);
    z.n_groups = 1;
    z.groups = &group;
    z.spacing = SPACING;
    z.lowest = 1e3;
    z.seed = 5;
    cn_tran tr;
    memset(&tr, 0, sizeof tr);
    tr.system = &s;
    tr.noise = &z;
    tr.rule = CN_TRAPEZOIDAL;
    tr.max_order = 2;
    tr.start = start;
    tr.stop = stop;
    tr.max_step = tr.first_step = SPACING;
    tr.min_step = 1e-15;
    tr.n_saved = tr.n_dynamic = 1;
    tr.saved = saved;
    tr.dynamic = dynamic;
    cn_status status = cn_tran_init(&tr, x, q);
    if (exponent >= 2.0) {
        CHECK(status == CN_BAD_ARGUMENT);
    } else {
        CHECK(status == CN_OK);
        if (resume) {
            CHECK(cn_tran_state_size(&tr) == *size);
            CHECK(cn_tran_resume(&tr, state, *size, 0) == CN_OK);
            state[*size - 1] = NAN;
            CHECK(cn_tran_restore(&tr, state, *size) == CN_BAD_ARGUMENT);
        }
        status = CN_CONTINUE;
        while (status == CN_CONTINUE) status = cn_tran_advance(&tr, 1000);
        CHECK(status == CN_OK);
    }
    run found = {0.0, 0.0, tr.n_points};
    for (cn_idx k = 0; k < tr.n_points; k++) {
        const double v = tr.points[2 * k + 1];
        found.mean += v / tr.n_points;
        found.variance += v * v / tr.n_points;
    }
    if (state && !resume) {
        *size = cn_tran_state_size(&tr);
        CHECK(*size < 100);
        cn_tran_save(&tr, state);
    }
    cn_tran_free(&tr);
    cn_system_free(&s);
    return found;
}

int main(void)
{
    /* S R / (4 C), less what lies above 5 MHz (2/pi 0.159/5 = 2 %, and as much below by the straight lines); 1 us of
     * correlation in 20 ms leaves a deviation of sqrt(2 us/20 ms) = 1 %. */
    const run white = transient(0.0, 0.0, 20e-3, NULL, NULL, 0);
    CHECK(fabs(white.variance / (DENSITY / 4e-6) - 0.96) < 0.05);
    CHECK(fabs(white.mean) < 3.0 * sqrt(white.variance * 1e-4));
    /* S ln(f2/f1) R^2 and the ends: the low pass at 159 kHz, the ladder's lowest pole at 178 Hz. */
    const run flicker = transient(1.0, 0.0, 20e-3, NULL, NULL, 0);
    CHECK(flicker.variance > DENSITY * log(159e3 / 1e3) && flicker.variance < DENSITY * (log(159e3 / 1e3) + 6.0));
    transient(2.0, 0.0, 1e-6, NULL, NULL, 0);
    double state[100];
    size_t size = 0;
    transient(1.0, 0.0, 1e-3, state, &size, 0);
    const run rest = transient(1.0, 1e-3, 2e-3, state, &size, 1);
    CHECK(rest.points > 9000);
    puts("noise: ok");
    return 0;
}
