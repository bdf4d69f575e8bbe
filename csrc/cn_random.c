/* Random numbers by counter, see cn_random.h. */
#include "cn_random.h"

#include <math.h>

static const double TWO_PI = 6.283185307179586476925;

void cn_philox(const uint32_t counter[4], const uint32_t key[2], uint32_t out[4])
{
    uint32_t c0 = counter[0], c1 = counter[1], c2 = counter[2], c3 = counter[3], k0 = key[0], k1 = key[1];
    for (int round = 0; round < 10; round++) {
        const uint64_t a = (uint64_t)0xD2511F53u * c0, b = (uint64_t)0xCD9E8D57u * c2;
        c0 = (uint32_t)(b >> 32) ^ c1 ^ k0;
        c2 = (uint32_t)(a >> 32) ^ c3 ^ k1;
        c1 = (uint32_t)b;
        c3 = (uint32_t)a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    out[0] = c0;
    out[1] = c1;
    out[2] = c2;
    out[3] = c3;
}

/* Two uniform numbers between 0 and 1, both left out. */
static void uniforms(cn_stream s, uint64_t index, double out[2])
{
    const uint32_t key[2] = {(uint32_t)s.seed, (uint32_t)(s.seed >> 32)};
    const uint32_t counter[4] = {(uint32_t)index, (uint32_t)(index >> 32) | (uint32_t)s.purpose << 16, (uint32_t)s.element,
                                 (uint32_t)(s.element >> 32)};
    uint32_t word[4];
    cn_philox(counter, key, word);
    for (int k = 0; k < 2; k++) {
        const uint64_t bits = ((uint64_t)word[2 * k] << 32 | word[2 * k + 1]) >> 12;
        out[k] = ((double)bits + 0.5) * 0x1p-52;
    }
}

double cn_random_exponential(cn_stream stream, uint64_t index)
{
    double u[2];
    uniforms(stream, index, u);
    return -log(u[0]);
}

void cn_random_normals(cn_stream stream, uint64_t pair, double out[2])
{
    double u[2];
    uniforms(stream, pair, u);
    const double radius = sqrt(-2.0 * log(u[0])), angle = TWO_PI * u[1];
    out[0] = radius * cos(angle);
    out[1] = radius * sin(angle);
}
