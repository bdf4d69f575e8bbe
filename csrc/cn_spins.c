/* Macrospins in blocks that threads share, see cn_spins.h. */
#include "cn_spins.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#if defined(__x86_64__) && defined(__GNUC__)
#include <immintrin.h>
#endif

/* Oscillators that one thread takes together; vectors of them at most; and numbers of a stream that are not of other noise. */
enum { CN_SPIN_BLOCK = 32, CN_SPIN_GROUPS = CN_SPIN_BLOCK / 4, CN_SPIN_PURPOSE = 0x5350 };

/* GCC tells that vectors would be passed otherwise by other compilers; all that takes any is inlined. */
#pragma GCC diagnostic ignored "-Wpsabi"

/* Where a step of coupled oscillators stands. */
typedef struct cn_spin_stage {
    const double *m, *field, *current; /* of the links: A/m, A */
    double *noise, *slope;
    int64_t step;
    double part;                       /* of the step */
} cn_spin_stage;

#define KIND
#define TEMPLATE "cn_spins_pass.h"
#include "cn_targets.h"

typedef int (*block_function)(const cn_spins *, cn_idx, cn_idx, double *, int64_t *, int64_t *);

static block_function choose_block(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) return block_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return block_avx2;
#endif
    return block_plain;
}

typedef void (*stage_function)(const cn_spins *, const cn_spin_stage *, cn_idx, cn_idx);

static stage_function choose_stage(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) return stage_avx512;
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return stage_avx2;
#endif
    return stage_plain;
}

/* Fields at oscillators from `at` to below `end`: sources in the same order for each, however they are shared out. */
static void dipoles(const cn_spins *s, const double *m, double *field, cn_idx at, cn_idx end)
{
    const size_t padded = (size_t)s->padded, width = 3 * padded;
    for (size_t j = 0; j < 3; j++) {
        double *to = field + j * padded;
        for (cn_idx i = at; i < end; i++) to[i] = 0.0;
        for (size_t from = 0; from < width; from++) {
            const double *row = s->links->tensor + from * width + j * padded, source = m[from];
            for (cn_idx i = at; i < end; i++) to[i] += row[i] * source;
        }
    }
}

/* Currents of strings, I = (R_L I_dc + v_C) / (R_L + sum R), and how their capacitors charge, V a step. */
static void strings(const cn_spins *s, const double *m, const double *charge, double *sum, double *current, double *rate)
{
    const cn_spin_links *l = s->links;
    const size_t padded = (size_t)s->padded;
    const double *p = s->constant + CN_SPIN_P * padded;
    for (cn_idx k = 0; k < l->n_strings; k++) sum[k] = 0.0;
    for (cn_idx i = 0; i < s->n; i++) {
        if (l->string[i] < 0) continue;
        const size_t x = (size_t)i, y = x + padded, z = y + padded;
        const double cosine = m[x] * p[x] + m[y] * p[y] + m[z] * p[z];
        sum[l->string[i]] += 1.0 / (l->mean[i] + l->half[i] * cosine);
    }
    for (cn_idx k = 0; k < l->n_strings; k++) {
        sum[k] = (l->load[k] * l->dc[k] + l->rest[k] + charge[k]) / (l->load[k] + sum[k]);
        rate[k] = s->step * (l->dc[k] - sum[k]) / l->capacitance[k];
    }
    for (cn_idx i = 0; i < s->n; i++) current[i] = l->string[i] < 0 ? 0.0 : sum[l->string[i]];
}

/* Coupled oscillators go together, stage by stage. */
static cn_status run_coupled(cn_spins *s, int threads)
{
    static const double RK4[4] = {0.0, 0.5, 0.5, 1.0}, RK4_WEIGHT[4] = {1.0 / 6.0, 1.0 / 3.0, 1.0 / 3.0, 1.0 / 6.0};
    static const double HEUN[2] = {0.0, 1.0}, HEUN_WEIGHT[2] = {0.5, 0.5};
    const int stages = s->method == CN_SPIN_RK4 ? 4 : 2;
    const double *part = stages == 4 ? RK4 : HEUN, *weight = stages == 4 ? RK4_WEIGHT : HEUN_WEIGHT;
    const stage_function stage = choose_stage();
    const size_t padded = (size_t)s->padded, width = 3 * padded, ns = (size_t)s->links->n_strings;
    const cn_idx blocks = (s->padded + CN_SPIN_BLOCK - 1) / CN_SPIN_BLOCK;
    double *room = calloc(6 * width + padded + 4 * ns, sizeof(double));
    if (!room) return CN_NO_MEMORY;
    double *m = room, *here = m + width, *sum = here + width, *field = sum + width, *noise = field + width;
    double *slope = noise + width, *current = slope + width, *charge = current + padded, *total = charge + ns;
    double *rate = total + ns, *resistance = rate + ns, drift = s->drift;
    for (size_t i = 0; i < padded; i++)
        for (size_t j = 0; j < 3; j++) m[j * padded + i] = s->m[3 * (i < (size_t)s->n ? i : (size_t)s->n - 1) + j];
    for (int64_t step = 0; step < s->steps; step++) {
        memcpy(sum, m, width * sizeof(double));
        for (size_t k = 0; k < ns; k++) total[k] = s->charge[k];
        for (int r = 0; r < stages; r++) {
            for (size_t i = 0; i < width; i++) here[i] = m[i] + (r ? part[r] * slope[i] : 0.0);
            for (size_t k = 0; k < ns; k++) charge[k] = s->charge[k] + (r ? part[r] * rate[k] : 0.0);
            if (ns) strings(s, here, charge, resistance, current, rate);
            const cn_spin_stage at = {here, field, current, noise, slope, s->first + step, part[r]};
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1 && blocks > 3)
            for (cn_idx b = 0; b < blocks; b++) {
                const cn_idx from = b * CN_SPIN_BLOCK;
                const cn_idx end = from + CN_SPIN_BLOCK < s->padded ? from + CN_SPIN_BLOCK : s->padded;
                if (s->links->tensor) dipoles(s, here, field, from, end);
                stage(s, &at, from, end);
            }
            for (size_t i = 0; i < width; i++) sum[i] += weight[r] * slope[i];
            for (size_t k = 0; k < ns; k++) total[k] += weight[r] * rate[k];
        }
        for (size_t i = 0; i < padded; i++) {
            double *x = sum + i, *y = x + padded, *z = y + padded;
            const double square = *x * *x + *y * *y + *z * *z, far = 0.5 * fabs(square - 1.0);
            if (far > drift) drift = far;
            const double scale = s->renormalise ? 1.0 / sqrt(square) : 1.0;
            m[i] = *x * scale;
            m[padded + i] = *y * scale;
            m[2 * padded + i] = *z * scale;
        }
        memcpy(s->charge, total, ns * sizeof(double));
        if ((step + 1) % s->every == 0) {
            const size_t point = (size_t)((step + 1) / s->every - 1);
            double *to = s->record + 3 * (size_t)s->n * point;
            for (size_t i = 0; i < (size_t)s->n; i++)
                for (size_t j = 0; j < 3; j++) to[3 * i + j] = m[j * padded + i];
            memcpy(s->charge_record + ns * point, total, ns * sizeof(double));
        }
    }
    for (size_t i = 0; i < (size_t)s->n; i++)
        for (size_t j = 0; j < 3; j++) s->m[3 * i + j] = m[j * padded + i];
    s->drift = drift;
    s->evaluations += stages * s->steps * ((s->padded + CN_SPIN_LANES - 1) / CN_SPIN_LANES);
    free(room);
    return CN_OK;
}

cn_status cn_spins_run(cn_spins *s, int threads)
{
    if (s->links) return run_coupled(s, threads);
    const block_function block = choose_block();
    const cn_idx size = CN_SPIN_BLOCK, blocks = (s->padded + size - 1) / size;
    double drift = s->drift;
    int64_t evaluations = 0, rejected = 0;
    int failed = 0;
#pragma omp parallel for schedule(static) num_threads(threads) if (threads > 1 && blocks > 1) \
    reduction(max : drift) reduction(+ : evaluations, rejected, failed)
    for (cn_idx b = 0; b < blocks; b++) {
        const cn_idx at = b * size, end = at + size < s->padded ? at + size : s->padded;
        failed += !block(s, at, end, &drift, &evaluations, &rejected);
    }
    s->drift = drift;
    s->evaluations += evaluations;
    s->rejected += rejected;
    return failed ? CN_NO_CONVERGENCE : CN_OK;
}
