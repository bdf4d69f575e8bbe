/* Crossbars of device cells: sinh resistors with and without a series node, and a state that a voltage moves. */
#include "../cn_array.h"

#include <math.h>
#include <stdlib.h>

#include "check.h"

/* i = g sinh(a v) / a between p and n; a state s with ds/dt = k v scales it.  Parameters g, a, k. */
static void eval(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p, const double *env,
                 double *f, double *q, double *jf, double *jq)
{
    (void)self;
    (void)lim;
    (void)env;
    for (cn_idx e = 0; e < n; e++) {
        const double v = u[e] - u[n + e], s = u[2 * n + e], g = p[e], a = p[n + e], k = p[2 * n + e];
        const double i = g * s * sinh(a * v) / a, di = g * s * cosh(a * v), is = g * sinh(a * v) / a;
        f[e] = i;
        f[n + e] = -i;
        f[2 * n + e] = -k * v;
        q[e] = q[n + e] = 0.0;
        q[2 * n + e] = s;
        const double j[] = {di, -di, is, -di, di, -is, -k, k};
        for (int z = 0; z < 8; z++) jf[z * n + e] = j[z];
        jq[e] = 1.0;
    }
}

static const cn_idx jf_row[] = {0, 0, 0, 1, 1, 1, 2, 2}, jf_col[] = {0, 1, 2, 0, 1, 2, 0, 1}, two[] = {2};
static const cn_kernel kernel = {.abi = CN_KERNEL_ABI, .name = "sinh", .n_local = 3, .n_param = 3, .n_jf = 8, .n_jq = 1,
                                 .jf_row = jf_row, .jf_col = jf_col, .jq_row = two, .jq_col = two, .eval = eval};

static double *blocks_of(cn_idx blocks, cn_idx rows, const double *value)
{
    double *x = malloc(sizeof(double) * (size_t)(blocks * rows * CN_BLOCK + 1));
    for (cn_idx b = 0; b < blocks; b++)
        for (cn_idx r = 0; r < rows; r++)
            for (cn_idx e = 0; e < CN_BLOCK; e++) x[(b * rows + r) * CN_BLOCK + e] = value[r];
    return x;
}

static void solve(cn_idx m, cn_idx n, double a, int series, int threads)
{
    cn_lines lines;
    CHECK(cn_lines_init(&lines, m, n, CN_LINES_GENERAL, NULL, threads) == CN_OK);
    for (cn_idx i = 0; i < m; i++) {
        lines.word_low.g[i] = 0.5;
        lines.word_low.drive[i] = 1.0 - 0.5 * (double)i / (double)m;
        for (cn_idx j = 0; j < n; j++) lines.word_segment[i * lines.ld + j] = lines.bit_segment[i * lines.ld + j] = 0.5;
    }
    for (cn_idx j = 0; j < n; j++) {
        lines.bit_low.g[j] = 0.0;
        lines.bit_high.g[j] = 0.5;
    }
    /* Two parts in series share a node of their own; their states come after it. */
    const cn_idx alone[] = {0, 1, 3}, upper[] = {0, 3, 4}, lower[] = {3, 1, 5};
    const double param[] = {1e-5, a, 1e6}, low[] = {0.0, 0.0}, high[] = {1.0, 1.0}, start[] = {0.0, 0.5, 0.5};
    cn_part parts[2] = {{.kernel = &kernel, .where = series ? upper : alone}, {.kernel = &kernel, .where = lower}};
    cn_cells cells = {.rows = m, .cols = n, .blocks = (m * n + CN_BLOCK - 1) / CN_BLOCK, .nodes = series, .states = 1 + series,
                      .n_parts = 1 + series, .parts = parts, .gmin = 1e-12};
    cells.unknowns = CN_CELL_PORTS + cells.nodes + cells.states;
    double *p = blocks_of(cells.blocks, 3, param), *lo = blocks_of(cells.blocks, cells.states, low);
    double *hi = blocks_of(cells.blocks, cells.states, high);
    parts[0].param = parts[1].param = p;
    cells.low = lo;
    cells.high = hi;
    cn_array array = {.lines = &lines, .cells = &cells, .charge_scale = hi};
    CHECK(cn_cells_init(&cells) == CN_OK && cn_array_init(&array) == CN_OK);
    double *own = blocks_of(cells.blocks, cells.nodes + cells.states, series ? start : start + 1);
    for (cn_idx k = 0; k < cells.blocks * (cells.nodes + cells.states) * CN_BLOCK; k++) cells.own[k] = own[k];
    CHECK(cn_array_solve(&array, 0.0, 1, 1e-10, 100) == CN_OK);
    CHECK(array.defect <= 1e-10 && array.iterations < 40);
    double *bit = malloc(sizeof(double) * (size_t)n), *word = malloc(sizeof(double) * (size_t)m), in = 0.0, out = 0.0;
    cn_array_currents(&array, bit, word);
    for (cn_idx i = 0; i < m; i++) in += word[i];
    for (cn_idx j = 0; j < n; j++) out += bit[j];
    CHECK(fabs(in - out) < 1e-9 * in);
    /* The law of the cell in the corner. */
    const double v = (((double *)lines.u)[0] - ((double *)lines.v)[0]) / (1 + series);
    CHECK(fabs(cells.current[0] - 1e-5 * 0.5 * sinh(a * v) / a) < 1e-9 * cells.current[0]);
    /* In time the states drift up with their cells' voltages and stop nowhere in so short a time. */
    cn_array_begin(&array, 0.0);
    double h = 1e-9, next = 0.0;
    while (array.t < 1e-7) {
        CHECK(cn_array_step(&array, fmin(h, 1e-7 - array.t), 1e-6, &next) != CN_NO_MEMORY);
        h = fmax(next, 1e-12);
    }
    const double moved = cells.own[(size_t)(series * CN_BLOCK)] - 0.5;
    CHECK(fabs(moved - 1e6 * v * 1e-7) < 1e-2 * moved); /* the voltage hardly changes meanwhile */
    cn_array_free(&array);
    cn_cells_free(&cells);
    cn_lines_free(&lines);
    double *all[] = {p, lo, hi, own, bit, word};
    for (size_t k = 0; k < sizeof all / sizeof *all; k++) free(all[k]);
}

int main(void)
{
    for (int series = 0; series < 2; series++)
        for (int threads = 1; threads < 4; threads += 2) {
            solve(1, 1, 2.0, series, threads);
            solve(3, 5, 10.0, series, threads);
            solve(20, 17, 20.0, series, threads);
        }
    puts("array: ok");
    return 0;
}
