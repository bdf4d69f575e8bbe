/* The generator of random numbers against its published vectors, and the distributions made of it. */
#include <math.h>
#include <string.h>

#include "check.h"
#include "cn_random.h"

/* Random123's kat_vectors, philox4x32 with 10 rounds. */
static const uint32_t VECTORS[3][10] = {
    {0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8},
    {0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6,
     0x6d5451fd},
    {0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420,
     0x24126ea1}};

static void known_answers(void)
{
    for (int k = 0; k < 3; k++) {
        uint32_t out[4];
        cn_philox(VECTORS[k], VECTORS[k] + 4, out);
        CHECK(memcmp(out, VECTORS[k] + 6, sizeof out) == 0);
    }
}

/* Mean and variance of N numbers lie within five standard errors. */
static void distributions(void)
{
    enum { N = 200000 };
    const cn_stream s = {1, 2, 3};
    double sum = 0.0, square = 0.0, mean = 0.0, variance = 0.0, cross = 0.0, tail = 0.0;
    for (uint64_t k = 0; k < N; k++) {
        const double e = cn_random_exponential(s, k);
        CHECK(e > 0.0 && e < 40.0);
        sum += e;
        square += e * e;
        double z[2];
        cn_random_normals(s, k, z);
        mean += z[0] + z[1];
        variance += z[0] * z[0] + z[1] * z[1];
        cross += z[0] * z[1];
        tail += (fabs(z[0]) > 1.959963984540054) + (fabs(z[1]) > 1.959963984540054);
    }
    CHECK(fabs(sum / N - 1.0) < 5.0 / sqrt(N));
    CHECK(fabs(square / N - 2.0) < 5.0 * sqrt(20.0 / N));
    CHECK(fabs(mean / (2.0 * N)) < 5.0 / sqrt(2.0 * N));
    CHECK(fabs(variance / (2.0 * N) - 1.0) < 5.0 * sqrt(2.0 / (2.0 * N)));
    CHECK(fabs(cross / N) < 5.0 / sqrt(N));
    CHECK(fabs(tail / (2.0 * N) - 0.05) < 5.0 * sqrt(0.05 * 0.95 / (2.0 * N)));
}

/* Each part of what a number depends on changes it. */
static void streams_differ(void)
{
    const double one = cn_random_exponential((cn_stream){1, 2, 3}, 4);
    CHECK(one == cn_random_exponential((cn_stream){1, 2, 3}, 4));
    CHECK(one != cn_random_exponential((cn_stream){1 + (1ull << 40), 2, 3}, 4));
    CHECK(one != cn_random_exponential((cn_stream){1, 2 + (1ull << 40), 3}, 4));
    CHECK(one != cn_random_exponential((cn_stream){1, 2, 4}, 4));
    CHECK(one != cn_random_exponential((cn_stream){1, 2, 3}, 4 + (1ull << 40)));
}

int main(void)
{
    known_answers();
    distributions();
    streams_differ();
    puts("random: ok");
    return 0;
}
