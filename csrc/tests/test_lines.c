/* The line solver: Kirchhoff's law at every node, shapes that fill no vector, all kinds of lines, any number of threads. */
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

static double into(const cn_end *end, cn_idx k, double v) { return end->g[k] * (end->drive[k] - v) + end->feed[k]; }

/* Largest imbalance at a node of the solution in place, over the largest current of a bit line. */
static double imbalance(const cn_lines *l, const double *current)
{
    double worst = 0.0, largest = 0.0;
    const cn_idx m = l->m, n = l->n, ld = l->ld;
    const int general = l->kind == CN_LINES_GENERAL;
    const double *cells = l->g;
    for (cn_idx j = 0; j < n; j++) largest = fmax(largest, fabs(current[j]));
    for (cn_idx i = 0; i < m; i++)
        for (cn_idx j = 0; j < n; j++) {
            const cn_idx k = i * ld + j;
            const double *u = (const double *)l->u + k, *v = (const double *)l->v + k;
            const double *word = general ? l->word_segment + k : NULL, *bit = general ? l->bit_segment + k : NULL;
            const double cell = cells[k] * *u - (general ? l->g_bit[k] : cells[k]) * *v;
            double at_word = -cell, at_bit = cell;
            if (general) at_word += l->f_word[k], at_bit += l->f_bit[k];
            at_word += j > 0 ? (general ? word[-1] : l->word[i]) * (u[-1] - *u) : into(&l->word_low, i, *u);
            at_word += j < n - 1 ? (general ? word[0] : l->word[i]) * (u[1] - *u) : into(&l->word_high, i, *u);
            at_bit += i > 0 ? (general ? bit[-ld] : l->bit[j]) * (v[-ld] - *v) : into(&l->bit_low, j, *v);
            at_bit += i < m - 1 ? (general ? bit[0] : l->bit[j]) * (v[ld] - *v) : into(&l->bit_high, j, *v);
            worst = fmax(worst, fmax(fabs(at_word), fabs(at_bit)));
        }
    return worst / largest;
}

typedef struct variant {
    cn_lines_kind kind;
    double segment;
    int both_ends, threads, shorts, broken, gated, slow;
} variant;

static void solve(cn_idx m, cn_idx n, variant w)
{
    uint64_t seed = 7;
    double *g = ones(m * n, 0.0), *current = ones(n, 0.0);
    for (cn_idx k = 0; k < m * n; k++) g[k] = 1e-6 * pow(100.0, noise(&seed));
    for (int k = 0; k < w.shorts; k++) g[(cn_idx)(noise(&seed) * (double)(m * n))] = 1.0;
    cn_lines l;
    double mean;
    CHECK(cn_lines_init(&l, m, n, w.kind, NULL, w.threads) == CN_OK);
    CHECK(cn_lines_store(m, n, g, n, 1, w.kind, l.g, w.threads, &mean) == CN_OK);
    CHECK(mean >= 1e-6 && mean <= 1.0);
    for (cn_idx i = 0; i < m; i++) {
        l.word[i] = l.word_low.g[i] = w.segment;
        l.word_high.g[i] = w.both_ends ? w.segment : 0.0;
        l.word_low.drive[i] = noise(&seed) - 0.5;
        l.word_high.drive[i] = noise(&seed) - 0.5;
    }
    for (cn_idx j = 0; j < n; j++) {
        l.bit[j] = l.bit_high.g[j] = w.segment;
        l.bit_low.g[j] = w.both_ends ? w.segment : 0.0;
        l.bit_low.feed[j] = w.both_ends ? 1e-7 : 0.0;
    }
    if (w.kind == CN_LINES_GENERAL) {
        if (w.gated) {
            l.g_bit = malloc(sizeof(double) * (size_t)(l.m_padded * l.ld));
            for (cn_idx k = 0; k < l.m_padded * l.ld; k++) l.g_bit[k] = 1.3 * ((double *)l.g)[k];
        }
        for (cn_idx i = 0; i < m; i++)
            for (cn_idx j = 0; j < n; j++) {
                const cn_idx k = i * l.ld + j;
                if (j + 1 < n) l.word_segment[k] = w.segment * (0.5 + noise(&seed));
                if (i + 1 < m) l.bit_segment[k] = w.segment * (0.5 + noise(&seed));
                l.f_word[k] = 1e-6 * noise(&seed);
                l.f_bit[k] = -1e-6 * noise(&seed);
            }
        for (int k = 0; k < w.broken && n > 2; k++)
            l.word_segment[(cn_idx)(noise(&seed) * (double)m) * l.ld + (cn_idx)(noise(&seed) * (double)(n - 1))] = 0.0;
    }
    CHECK(cn_lines_factor(&l, mean) == CN_OK);
    CHECK(cn_lines_refactor(&l) == CN_OK); /* the second time over the same hats */
    const double tolerance = w.kind == CN_LINES_SINGLE ? 1e-6 : 1e-10;
    CHECK(cn_lines_solve(&l, tolerance, 40, current) == CN_OK);
    CHECK((l.cycles < 24 || w.slow) && l.defect <= tolerance);
    if (!w.broken && !w.slow) CHECK((l.steps > 0) == (w.shorts > 0));
    /* rounding: a node's currents are differences of voltages of order 1 times the segment's conductance */
    if (w.kind != CN_LINES_SINGLE) CHECK(imbalance(&l, current) < 1e-8 + 1e-13 * w.segment / fabs(current[0]));
    if (w.gated) free(l.g_bit);
    cn_lines_free(&l);
    free(g);
    free(current);
}

int main(void)
{
    const cn_idx shapes[][2] = {{1, 1}, {1, 9}, {9, 1}, {2, 3}, {7, 8}, {8, 7}, {17, 33}, {64, 64}, {40, 100}, {131, 66}};
    for (size_t k = 0; k < sizeof shapes / sizeof *shapes; k++)
        for (int kind = 0; kind < 3; kind++)
            for (int ends = 0; ends < 2; ends++)
                for (int threads = 1; threads < 4; threads += 2) {
                    variant w = {.kind = (cn_lines_kind)kind, .segment = 1.0, .both_ends = ends, .threads = threads};
                    solve(shapes[k][0], shapes[k][1], w);
                    w.segment = 0.05;
                    solve(shapes[k][0], shapes[k][1], w);
                    if (kind == CN_LINES_GENERAL) {
                        w.gated = 1;
                        solve(shapes[k][0], shapes[k][1], w);
                    }
                }
    /* cells that conduct like the wires: cycles are slow, conjugate gradients take over */
    solve(64, 64, (variant){.segment = 0.05, .threads = 1, .shorts = 5});
    solve(50, 90, (variant){.segment = 0.05, .threads = 3, .shorts = 5});
    solve(50, 90, (variant){.kind = CN_LINES_GENERAL, .segment = 0.05, .threads = 2, .shorts = 5});
    solve(64, 64, (variant){.kind = CN_LINES_GENERAL, .segment = 0.05, .threads = 2, .broken = 20});
    /* a coarse crossbar that is solved by lines in turn */
    solve(1100, 600, (variant){.segment = 0.005, .threads = 2, .slow = 1});
    puts("lines: ok");
    return 0;
}
