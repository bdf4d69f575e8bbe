/* Eight vectors at a time, and many arrays, against one vector of one array at a time. */
#include "../cn_many.h"

#include <math.h>
#include <stdlib.h>

#include "check.h"

static double noise(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) / 9007199254740992.0;
}

static double *random_numbers(size_t count, double low, double high, uint64_t *seed)
{
    double *x = malloc(sizeof(double) * count);
    for (size_t k = 0; k < count; k++) x[k] = low * pow(high / low, noise(seed));
    return x;
}

static void wire(cn_lines *l, int both)
{
    for (cn_idx i = 0; i < l->m; i++) {
        l->word[i] = l->word_low.g[i] = 0.3;
        l->word_high.g[i] = both ? 0.2 : 0.0;
    }
    for (cn_idx j = 0; j < l->n; j++) {
        l->bit[j] = l->bit_high.g[j] = 0.4;
        l->bit_low.g[j] = both ? 0.1 : 0.0;
    }
}

static void compare(cn_idx m, cn_idx n, int both, int threads)
{
    enum { VECTORS = 11, ARRAYS = 3 };
    uint64_t seed = 3;
    const size_t cells = (size_t)(m * n);
    double *g = random_numbers(ARRAYS * cells, 1e-6, 1e-4, &seed);
    double *word = random_numbers(VECTORS * (size_t)m, 0.01, 1.0, &seed);
    double *bit = random_numbers(VECTORS * (size_t)n, 0.01, 1.0, &seed);
    double *found = malloc(sizeof(double) * ARRAYS * VECTORS * (size_t)n), *one = malloc(sizeof(double) * (size_t)n);
    double *into = malloc(sizeof(double) * VECTORS * (size_t)m), mean;
    uint8_t failed[ARRAYS];
    cn_lines l;
    CHECK(cn_lines_init(&l, m, n, CN_LINES_PLAIN, NULL, 1) == CN_OK);
    wire(&l, both);
    CHECK(cn_lines_store(m, n, g, n, 1, CN_LINES_PLAIN, l.g, 1, &mean) == CN_OK);
    CHECK(cn_lines_factor(&l, mean) == CN_OK && cn_many_fits(&l));
    CHECK(cn_many_all(&l, VECTORS, word, bit, 1e-12, 40, threads, found, into) == CN_OK);
    for (cn_idx k = 0; k < VECTORS; k++) {
        for (cn_idx i = 0; i < m; i++) l.word_low.drive[i] = l.word_high.drive[i] = word[k * m + i];
        for (cn_idx j = 0; j < n; j++) l.bit_low.drive[j] = l.bit_high.drive[j] = bit[k * n + j];
        CHECK(cn_lines_solve(&l, 1e-12, 40, one) == CN_OK);
        double largest = 0.0, in = 0.0, out = 0.0;
        for (cn_idx j = 0; j < n; j++) largest = fmax(largest, fabs(one[j]));
        /* 1e-10: rounding of voltages of order 1 times the ends' conductance, against currents of order 1e-6 */
        for (cn_idx j = 0; j < n; j++) CHECK(fabs(found[k * n + j] - one[j]) < 1e-10 * largest + 1e-15);
        for (cn_idx i = 0; i < m; i++) in += into[k * m + i];
        for (cn_idx j = 0; j < n; j++) out += one[j];
        CHECK(fabs(in - out) < 1e-9 * largest * (double)(m + n) + 1e-15 * (double)(m + n));
    }
    /* Arrays: the bit lines at zero volts, the first array the model of all. */
    CHECK(cn_many_arrays(&l, ARRAYS, g, VECTORS, word, 0, 1e-12, 40, threads, found, failed) == CN_OK);
    for (cn_idx a = 0; a < ARRAYS; a++) {
        CHECK(!failed[a]);
        CHECK(cn_lines_store(m, n, g + (size_t)a * cells, n, 1, CN_LINES_PLAIN, l.g, 1, NULL) == CN_OK);
        CHECK(cn_lines_refactor(&l) == CN_OK);
        for (cn_idx j = 0; j < n; j++) l.bit_low.drive[j] = l.bit_high.drive[j] = 0.0;
        for (cn_idx k = 0; k < VECTORS; k += 5) {
            for (cn_idx i = 0; i < m; i++) l.word_low.drive[i] = l.word_high.drive[i] = word[k * m + i];
            CHECK(cn_lines_solve(&l, 1e-12, 40, one) == CN_OK);
            double largest = 0.0;
            for (cn_idx j = 0; j < n; j++) largest = fmax(largest, fabs(one[j]));
            for (cn_idx j = 0; j < n; j++)
                CHECK(fabs(found[(a * VECTORS + k) * n + j] - one[j]) < 1e-10 * largest);
        }
    }
    cn_lines_free(&l);
    double *all[] = {g, word, bit, found, one, into};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) free(all[k]);
}

int main(void)
{
    const cn_idx shapes[][2] = {{1, 1}, {1, 9}, {9, 1}, {7, 8}, {17, 33}, {40, 100}, {131, 66}};
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
        for (int both = 0; both < 2; both++)
            for (int threads = 1; threads < 4; threads += 2) compare(shapes[k][0], shapes[k][1], both, threads);
    puts("many: ok");
    return 0;
}
