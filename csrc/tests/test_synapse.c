/* Devices under pulses: whole changes, bounds, odd sizes, the same on one thread and on three. */
#include "../cn_synapse.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

enum { ROWS = 37, COLS = 19 };

static const float up = 0.01f, low = -1.0f, high = 1.0f;

static cn_synapse made(float *state, cn_idx rows, cn_idx cols, cn_pulse_way way, float noise, int threads)
{
    cn_synapse s = {.rows = rows, .cols = cols, .n_devices = 1, .way = way, .slots = 31, .manage = 1, .step = up, .seed = 7,
                    .threads = threads};
    const cn_devices d = {.state = state, .up = &up, .down = &up, .low = &low, .high = &high, .noise = noise};
    s.device[0] = d;
    CHECK(cn_synapse_init(&s) == CN_OK);
    return s;
}

static void whole_steps(void)
{
    for (cn_idx rows = 1; rows <= 3; rows++)
        for (cn_idx cols = 1; cols <= 35; cols += 17) {
            float state[3 * 35] = {0}, change[3 * 35];
            const int n = rows * cols;
            for (int k = 0; k < n; k++) change[k] = (float)(k % 5 - 2) * up;
            cn_synapse s = made(state, rows, cols, CN_PULSES_STOCHASTIC, 0.0f, 1);
            cn_synapse_change(&s, change);
            double steps = 0.0;
            for (int k = 0; k < n; k++) {
                CHECK(fabsf(state[k] - change[k]) < 1e-6f);
                steps += abs(k % 5 - 2);
            }
            CHECK(s.steps[0] == steps);
            for (int k = 0; k < n; k++) change[k] = k % 2 ? 3.0f : -3.0f;
            cn_synapse_change(&s, change);
            for (int k = 0; k < n; k++) CHECK(state[k] == (k % 2 ? high : low));
            cn_synapse_update(&s, NULL, NULL, 0);
            CHECK(s.count == 2);
            cn_synapse_free(&s);
        }
}

static void threads(cn_pulse_way way)
{
    enum { SAMPLES = 70 };
    static float states[2][ROWS * COLS], x[SAMPLES * ROWS], d[SAMPLES * COLS];
    for (int k = 0; k < SAMPLES * ROWS; k++) x[k] = sinf((float)k);
    for (int k = 0; k < SAMPLES * COLS; k++) d[k] = 0.02f * cosf(3.0f * (float)k);
    for (int t = 0; t < 2; t++) {
        memset(states[t], 0, sizeof states[t]);
        cn_synapse s = made(states[t], ROWS, COLS, way, 0.3f, t ? 3 : 1);
        cn_synapse_update(&s, x, d, SAMPLES);
        CHECK(s.steps[0] > 0.0 && s.half_steps >= 0.0 && s.slots_used >= 0.0);
        cn_synapse_free(&s);
    }
    CHECK(memcmp(states[0], states[1], sizeof states[0]) == 0);
    for (int k = 0; k < ROWS * COLS; k++) CHECK(states[0][k] >= low && states[0][k] <= high);
}

int main(void)
{
    whole_steps();
    threads(CN_PULSES_STOCHASTIC);
    threads(CN_PULSES_DETERMINISTIC);
    threads(CN_PULSES_SIGN);
    return 0;
}
