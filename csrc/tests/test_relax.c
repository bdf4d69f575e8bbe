/* A divider of two conductances, with and without a nudge; sizes 0 and odd; what has no conductance is refused. */
#include "../cn_relax.h"

#include <math.h>
#include <stdlib.h>

#include "check.h"

static double *zeros(size_t n)
{
    void *found = aligned_alloc(64, (sizeof(double) * n + 63) / 64 * 64);
    CHECK(found);
    for (size_t k = 0; k < n; k++) ((double *)found)[k] = 0.0;
    return found;
}

/* One input, one output: conductances up to +x and down to -x; settles to (up - down) x / (up + down), nudged to t. */
static cn_status settle(double up, double down, double beta, double t, cn_idx n, double *out)
{
    cn_relax r = {.threads = 1, .layers = 1, .features = 1, .size = {1}, .batch = 3, .gain = 2.0, .scale = 1.0,
                  .temperature = 1.0, .largest = INFINITY};
    double *first = zeros(2 * CN_RELAX_BLOCK), *bias = zeros(CN_RELAX_BLOCK), *x = zeros(8), *target = zeros(8), *v = zeros(8);
    first[0] = up;
    first[CN_RELAX_BLOCK] = down;
    r.first = first;
    r.bias[0] = bias;
    for (int k = 0; k < 8; k++) x[k] = 0.25, target[k] = t;
    CHECK(cn_relax_init(&r) == CN_OK);
    const cn_relax_settling how = {.nudge = CN_NUDGE_EXACT, .beta = beta, .sweeps = 4};
    void *voltages[CN_RELAX_LAYERS] = {v};
    cn_idx where = 0;
    const cn_status status = cn_relax_solve(&r, &how, n, x, target, voltages, &where);
    *out = v[n ? n - 1 : 0];
    cn_relax_free(&r);
    free(first);
    free(bias);
    free(x);
    free(target);
    free(v);
    return status;
}

int main(void)
{
    double v = 1.0;
    for (cn_idx n = 1; n <= 7; n += 2) {
        CHECK(settle(3.0, 1.0, 0.0, 0.0, n, &v) == CN_OK);
        CHECK(fabs(v - 0.25) < 1e-14);
        CHECK(settle(3.0, 1.0, 4.0, 1.0, n, &v) == CN_OK);
        CHECK(fabs(v - (4.0 * 0.25 + 4.0 * 1.0) / 8.0) < 1e-14);
    }
    CHECK(settle(3.0, 1.0, 0.0, 0.0, 0, &v) == CN_OK);
    CHECK(v == 0.0);
    CHECK(settle(0.0, 0.0, 0.0, 0.0, 3, &v) == CN_SINGULAR);
    CHECK(settle(INFINITY, 1.0, 0.0, 0.0, 3, &v) == CN_NOT_FINITE);
    CHECK(settle(3.0, 1.0, -5.0, 0.0, 3, &v) == CN_BAD_ARGUMENT);
    return 0;
}
