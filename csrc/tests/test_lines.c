/* The line solver: Kirchhoff's law at every node, shapes that fill no vector, any number of threads. */
#include "../cn_lines.h"

#include <math.h>
#include <stdlib.h>

#include "check.h"

static double noise(uint64_t *state)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) / 9007199254740992.0;
}

static double *ones(cn_idx n, double value)
{
    double *x = malloc(sizeof(double) * (size_t)n);
    for (cn_idx k = 0; k < n; k++) x[k] = value;
    return x;
}

/* Largest imbalance at a node of the solution in place, over the largest current of a bit line. */
static double imbalance(const cn_lines *l, const double *current)
{
    double worst = 0.0, largest = 0.0;
    const cn_idx m = l->m, n = l->n, ld = l->ld;
    for (cn_idx j = 0; j < n; j++) largest = fmax(largest, fabs(current[j]));
    for (cn_idx i = 0; i < m; i++)
        for (cn_idx j = 0; j < n; j++) {
            const double *u = l->u + i * ld + j, *v = l->v + i * ld + j;
            const double cell = l->g[i * ld + j] * (*u - *v);
            double word = -cell, bit = cell;
            word += j > 0 ? l->word[i] * (u[-1] - *u) : l->word_low[i] * (l->drive_word_low[i] - *u);
            word += j < n - 1 ? l->word[i] * (u[1] - *u) : l->word_high[i] * (l->drive_word_high[i] - *u);
            bit += i > 0 ? l->bit[j] * (v[-ld] - *v) : l->bit_low[j] * (l->drive_bit_low[j] - *v);
            bit += i < m - 1 ? l->bit[j] * (v[ld] - *v) : l->bit_high[j] * (l->drive_bit_high[j] - *v);
            worst = fmax(worst, fmax(fabs(word), fabs(bit)));
        }
    return worst / largest;
}

static void solve(cn_idx m, cn_idx n, double segment, int both_ends, int threads, int shorts)
{
    uint64_t seed = 7;
    double *g = ones(m * n, 0.0), *current = ones(n, 0.0);
    for (cn_idx k = 0; k < m * n; k++) g[k] = 1e-6 * pow(100.0, noise(&seed));
    for (int k = 0; k < shorts; k++) g[(cn_idx)(noise(&seed) * (double)(m * n))] = 1.0;
    double *word = ones(m, segment), *word_low = ones(m, segment), *word_high = ones(m, both_ends ? segment : 0.0);
    double *bit = ones(n, segment), *bit_low = ones(n, both_ends ? segment : 0.0), *bit_high = ones(n, segment);
    cn_lines l;
    cn_lines_info info;
    CHECK(cn_lines_init(&l, m, n, g, word, word_low, word_high, bit, bit_low, bit_high, threads) == CN_OK);
    for (cn_idx i = 0; i < m; i++) {
        l.drive_word_low[i] = noise(&seed) - 0.5;
        l.drive_word_high[i] = noise(&seed) - 0.5;
    }
    CHECK(cn_lines_solve(&l, 1e-10, 40, current, &info) == CN_OK);
    CHECK(info.cycles < 20 && info.defect <= 1e-10);
    CHECK((info.steps > 0) == (shorts > 0));
    /* rounding: a node's currents are differences of voltages of order 1 times the segment's conductance */
    CHECK(imbalance(&l, current) < 1e-8 + 1e-13 * segment / fabs(current[0]));
    cn_lines_free(&l);
    double *all[] = {g, current, word, word_low, word_high, bit, bit_low, bit_high};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) free(all[k]);
}

int main(void)
{
    const cn_idx shapes[][2] = {{1, 1}, {1, 9}, {9, 1}, {2, 3}, {7, 8}, {8, 7}, {17, 33}, {64, 64}, {40, 100}, {131, 66}};
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
        for (int ends = 0; ends < 2; ends++)
            for (int threads = 1; threads < 4; threads += 2) {
                solve(shapes[k][0], shapes[k][1], 1.0, ends, threads, 0);
                solve(shapes[k][0], shapes[k][1], 0.05, ends, threads, 0);
            }
    /* cells that conduct like the wires: cycles are slow, conjugate gradients take over */
    solve(64, 64, 0.05, 0, 1, 5);
    solve(50, 90, 0.05, 0, 3, 5);
    puts("lines: ok");
    return 0;
}
