/* Weak RESET pulses, see cn_weak_reset.h. */
#include "cn_weak_reset.h"

#include "cn_random.h"

#include <math.h>

enum { CHOICE = 0x5752, PULSE, SET, AGAIN };
/* Pulses in a row after a SET: a law whose pulses hardly move a device ends there. */
enum { MOST = 4096 };

static void pulse(const cn_weak_reset *law, double *x, double normal, uint32_t *life, cn_weak_reset_sums *sums)
{
    const double step = law->soft > 0.0 ? law->step * exp(-*x / law->soft) : law->step;
    sums->conductance += exp(-*x);
    sums->pulses++;
    (*life)++;
    *x += step * (1.0 + law->noise * normal);
}

static void set_both(const cn_weak_reset *law, size_t n, size_t k, double *bl, double *blb, uint32_t *pulses, uint32_t *sets,
                     cn_weak_reset_sums *sums)
{
    const int positive = *blb > *bl;
    double *more = positive ? blb : bl, *less = positive ? bl : blb, normal[2];
    cn_random_normals((cn_stream){law->seed, k, SET}, sets[k], normal);
    *bl = law->set_noise * normal[0];
    *blb = law->set_noise * normal[1];
    sums->sets++;
    for (int j = 0; j < law->restored || (j < MOST && *more <= *less); j++) {
        cn_random_normals((cn_stream){law->seed, k, AGAIN}, (uint64_t)sets[k] * MOST + (uint64_t)j, normal);
        pulse(law, more, normal[0], &pulses[positive ? n + k : k], sums);
    }
    sets[k]++;
}

void cn_weak_reset_round(const cn_weak_reset *law, size_t n, const double *wanted, uint64_t round, double *bl, double *blb,
                         uint32_t *pulses, uint32_t *sets, cn_weak_reset_sums *sums)
{
    const uint32_t key[2] = {(uint32_t)law->seed, (uint32_t)(law->seed >> 32)};
    const double scale = 0x1p32 / law->step;
    uint32_t word[4];
    for (size_t k = 0; k < n; k++) {
        if (k % 4 == 0) {
            const size_t four = k / 4;
            const uint32_t counter[4] = {(uint32_t)round, (uint32_t)(round >> 32) | (uint32_t)CHOICE << 16, (uint32_t)four,
                                         (uint32_t)((uint64_t)four >> 32)};
            cn_philox(counter, key, word);
        }
        if ((double)word[k % 4] + 0.5 >= fabs(wanted[k]) * scale) continue;
        const int positive = wanted[k] > 0.0;
        double normal[2];
        cn_random_normals((cn_stream){law->seed, k, PULSE}, round, normal);
        pulse(law, positive ? &blb[k] : &bl[k], normal[0], &pulses[positive ? n + k : k], sums);
        if (bl[k] > law->span || blb[k] > law->span) set_both(law, n, k, &bl[k], &blb[k], pulses, sets, sums);
    }
}
