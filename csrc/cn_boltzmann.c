/* Sampling by spikes, see cn_boltzmann.h. */
#include "cn_boltzmann.h"

#include <stdlib.h>
#include <string.h>

enum { TILE = 32, BLOCK = 16 };

#define KIND
#define TEMPLATE "cn_boltzmann_pass.h"
#include "cn_targets.h"

typedef struct passes {
    void (*advance)(const cn_sampler *, int, const float *, uint64_t);
    void (*add)(cn_idx, float, const float *, float *);
    cn_idx (*fire)(const cn_sampler *, int, cn_idx);
} passes;

static passes choose(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
        return (passes){advance_avx512, add_avx512, fire_avx512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return (passes){advance_avx2, add_avx2, fire_avx2};
#endif
    return (passes){advance_plain, add_plain, fire_plain};
}

cn_status cn_sampler_init(cn_sampler *s)
{
    const size_t rows = (size_t)s->n[0] + 1, columns = (size_t)s->n[1] + 1, steps = (size_t)s->phase;
    int failed = !(s->turned = malloc(rows * columns * sizeof(float))) ||
                 !(s->trace = malloc((steps + 1) * columns * sizeof(float)));
    for (int side = 0; side < 2; side++) {
        const size_t n = (size_t)s->n[side], most = n * (steps / (size_t)s->refractory + 2);
        failed |= !(s->potential[side] = calloc(n, sizeof(float))) || !(s->current[side] = calloc(n, sizeof(float))) ||
                  !(s->drive[side] = calloc(n + 1, sizeof(float))) || !(s->wait[side] = calloc(n, sizeof(int32_t))) ||
                  !(s->spike[side] = malloc(most * sizeof(cn_idx))) ||
                  !(s->start[side] = calloc(steps + 1, sizeof(cn_idx)));
    }
    if (failed) {
        cn_sampler_free(s);
        return CN_NO_MEMORY;
    }
    cn_sampler_turn(s);
    return CN_OK;
}

void cn_sampler_free(cn_sampler *s)
{
    for (int side = 0; side < 2; side++) {
        void *all[] = {s->potential[side], s->current[side], s->drive[side], s->wait[side], s->spike[side], s->start[side]};
        for (size_t m = 0; m < sizeof all / sizeof *all; m++) free(all[m]);
        s->potential[side] = s->current[side] = s->drive[side] = NULL;
        s->wait[side] = NULL;
        s->spike[side] = s->start[side] = NULL;
    }
    free(s->turned);
    free(s->trace);
    s->turned = s->trace = NULL;
}

void cn_sampler_turn(cn_sampler *s)
{
    const size_t rows = (size_t)s->n[0] + 1, columns = (size_t)s->n[1] + 1;
    for (size_t i0 = 0; i0 < rows; i0 += TILE)
        for (size_t j0 = 0; j0 < columns; j0 += TILE)
            for (size_t j = j0; j < j0 + TILE && j < columns; j++)
                for (size_t i = i0; i < i0 + TILE && i < rows; i++)
                    s->turned[j * rows + i] = s->weight[i * columns + j];
    memcpy(s->drive[CN_HIDDEN], s->weight + (rows - 1) * columns, (columns - 1) * sizeof(float));
    memcpy(s->drive[CN_VISIBLE], s->turned + (columns - 1) * rows, (rows - 1) * sizeof(float));
}

void cn_sampler_run(cn_sampler *s, cn_idx steps, const float *data)
{
    const passes p = choose();
    const cn_idx *n = s->n;
    const float *lines[2] = {s->weight, s->turned};
    for (cn_idx t = 0; t < steps; t++, s->step++) {
        for (int side = 0; side < 2; side++) {
            const uint64_t key = s->seed + (s->step * 2 + (uint64_t)side) * UINT64_C(0xD1342543DE82EF95);
            p.advance(s, side, side == CN_VISIBLE ? data : NULL, key);
        }
        for (int side = 0; side < 2; side++) {
            const cn_idx *spike = s->spike[side], before = t == 0 ? 0 : s->start[side][t];
            const cn_idx end = p.fire(s, side, before);
            s->start[side][t] = before;
            s->start[side][t + 1] = end;
            const size_t width = (size_t)n[!side] + 1;
            for (cn_idx k = before; k < end; k++)
                p.add(n[!side], 1.0f, lines[side] + (size_t)spike[k] * width, s->current[!side]);
            s->operations += (int64_t)(end - before) * n[!side];
        }
    }
}

void cn_sampler_traces(cn_sampler *s, cn_idx steps)
{
    const size_t n = (size_t)s->n[CN_HIDDEN];
    const cn_idx *spike = s->spike[CN_HIDDEN], *start = s->start[CN_HIDDEN], from = s->burn_in;
    float *trace = s->trace;
    /* spikes up to and with each step, then those behind it, for which the last step's row is worked off first */
    for (cn_idx t = from; t < steps; t++) {
        float *row = trace + (size_t)t * n;
        for (size_t j = 0; j < n; j++) row[j] = t > from ? s->window * row[j - n] : 0.0f;
        for (cn_idx k = start[t]; k < start[t + 1]; k++) row[spike[k]] += 1.0f;
    }
    float *later = trace + (size_t)s->phase * n;  /* the room behind the last step */
    memset(later, 0, n * sizeof(float));
    for (cn_idx t = steps; t-- > from;) {
        float *row = trace + (size_t)t * n;
        for (size_t j = 0; j < n; j++) {
            row[j] += later[j];
            later[j] *= s->window;
        }
        for (cn_idx k = start[t]; k < start[t + 1]; k++) later[spike[k]] += s->window;
    }
}

/* Add what the last phase's pairs weigh. */
static void change(cn_sampler *s, float by, float always)
{
    const passes p = choose();
    const cn_idx hidden = s->n[CN_HIDDEN], *spike = s->spike[CN_VISIBLE], *start = s->start[CN_VISIBLE];
    const size_t width = (size_t)hidden + 1;
    cn_sampler_traces(s, s->phase);
    for (cn_idx t = s->burn_in; t < s->phase; t++)
        for (cn_idx k = start[t]; k < start[t + 1]; k++) {
            float *row = s->weight + (size_t)spike[k] * width;
            p.add(hidden, by, s->trace + (size_t)t * (size_t)hidden, row);
            row[hidden] += by * always;
        }
    float *bias = s->weight + (size_t)s->n[CN_VISIBLE] * width;
    for (cn_idx k = s->start[CN_HIDDEN][s->burn_in]; k < s->start[CN_HIDDEN][s->phase]; k++)
        bias[s->spike[CN_HIDDEN][k]] += by * always;
    cn_sampler_turn(s);
}

void cn_sampler_learn(cn_sampler *s, const float *data, cn_idx samples, float rate)
{
    /* a line that always fires does so once a refractory time: its pairs with one spike, both sides of it */
    const float always = (1.0f + s->window) / (1.0f - s->window) / (float)s->refractory;
    for (cn_idx m = 0; m < samples; m++) {
        cn_sampler_run(s, s->phase, data + (size_t)m * (size_t)s->n[CN_VISIBLE]);
        change(s, rate, always);
        cn_sampler_run(s, s->phase, NULL);
        change(s, -rate, always);
    }
}

void cn_sampler_counts(cn_sampler *s, const float *data, cn_idx samples, int32_t *counts)
{
    const size_t n = (size_t)s->n[CN_VISIBLE];
    memset(counts, 0, (size_t)samples * n * sizeof(int32_t));
    for (cn_idx m = 0; m < samples; m++) {
        cn_sampler_run(s, s->phase, data + (size_t)m * n);
        const cn_idx *start = s->start[CN_VISIBLE];
        for (cn_idx k = start[s->burn_in]; k < start[s->phase]; k++)
            counts[(size_t)m * n + (size_t)s->spike[CN_VISIBLE][k]]++;
    }
}
