/* Sparse LU by fronts against the one by columns, the order of elimination, and the corners of both. */
#include "check.h"
#include "cn_column_lu.h"
#include "cn_fronts.h"
#include "cn_order.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

typedef struct sparse {
    cn_idx n;
    cn_idx *ap, *ai, *perm;
    double *ax;
} sparse;

static uint64_t state = 1;

static double uniform(void)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (double)(state >> 11) / 9007199254740992.0;
}

/* A crossbar of `side` word lines and as many bit lines with resistive wires, its word lines driven through voltage
 * sources, whose rows have no diagonal; `loose` nodes have very different conductances. */
static sparse crossbar(cn_idx side, double spread)
{
    const cn_idx nodes = 2 * side * side, n = nodes + side;
    double *const dense = calloc((size_t)n * (size_t)n, sizeof *dense);
    sparse s = {n, calloc((size_t)n + 1, sizeof(cn_idx)), NULL, calloc((size_t)n, sizeof(cn_idx)), NULL};
#define AT(i, j) dense[(size_t)(j) * (size_t)n + (size_t)(i)]
    for (cn_idx i = 0; i < side; i++) {
        for (cn_idx j = 0; j < side; j++) {
            const cn_idx word = i * side + j, bit = side * side + word;
            const cn_idx ends[3][2] = {{word, bit},
                                       {word, j + 1 < side ? word + 1 : word},
                                       {bit, i + 1 < side ? bit + side : bit}};
            for (int k = 0; k < 3; k++) {
                const cn_idx a = ends[k][0], b = ends[k][1];
                const double g = (k ? 1.0 : 1e-4) * pow(10.0, spread * (uniform() - 0.5));
                AT(a, a) += g;
                if (a == b) continue;
                AT(b, b) += g;
                AT(a, b) -= g;
                AT(b, a) -= g;
            }
        }
        AT(nodes + i, i * side) = AT(i * side, nodes + i) = 1.0;
    }
    cn_idx count = 0;
    for (size_t k = 0; k < (size_t)n * (size_t)n; k++) count += dense[k] != 0.0;
    s.ai = calloc((size_t)count + (size_t)n, sizeof(cn_idx));
    s.ax = calloc((size_t)count + (size_t)n, sizeof(double));
    cn_idx p = 0;
    for (cn_idx j = 0; j < n; j++) {
        for (cn_idx i = 0; i < n; i++) {
            if (AT(i, j) == 0.0 && i != j) continue; /* the diagonal is always there */
            s.ai[p] = i;
            s.ax[p++] = AT(i, j);
        }
        s.ap[j + 1] = p;
    }
#undef AT
    free(dense);
    return s;
}

static void drop(sparse *s)
{
    free(s->ap);
    free(s->ai);
    free(s->perm);
    free(s->ax);
}

/* Largest |A x - b| or |A^T x - b|. */
static double defect(const sparse *s, const double *x, const double *b, int transposed)
{
    double *const r = calloc((size_t)s->n, sizeof *r), worst = 0.0;
    for (cn_idx j = 0; j < s->n; j++) {
        for (cn_idx p = s->ap[j]; p < s->ap[j + 1]; p++) {
            if (transposed) {
                r[j] += s->ax[p] * x[s->ai[p]];
            } else {
                r[s->ai[p]] += s->ax[p] * x[j];
            }
        }
    }
    for (cn_idx i = 0; i < s->n; i++) worst = fmax(worst, fabs(r[i] - b[i]));
    free(r);
    return worst;
}

static void is_permutation(const cn_idx *perm, cn_idx n)
{
    char *const seen = calloc((size_t)n + 1, 1);
    cn_idx count = 0;
    for (cn_idx k = 0; k < n; k++) {
        CHECK(perm[k] >= 0 && perm[k] < n);
        count += !seen[perm[k]];
        seen[perm[k]] = 1;
    }
    CHECK(count == n);
    free(seen);
}

static void test_orders(void)
{
    /* an arrow: its tip must not come first, or everything fills in */
    enum { M = 40 };
    cn_idx ap[M + 1], ai[3 * M], perm[M];
    cn_idx p = 0;
    for (cn_idx j = 0; j < M; j++) {
        ap[j] = p;
        if (j == 0) {
            for (cn_idx i = 0; i < M; i++) ai[p++] = i;
        } else {
            ai[p++] = 0;
            ai[p++] = j;
        }
    }
    ap[M] = p;
    CHECK(cn_order(M, ap, ai, perm) == CN_OK);
    is_permutation(perm, M);
    cn_idx tip = 0;
    while (perm[tip] != 0) tip++;
    CHECK(tip >= M - 2);
    CHECK(cn_order(0, ap, ai, perm) == CN_OK);
    ai[1] = M;
    CHECK(cn_order(M, ap, ai, perm) == CN_BAD_ARGUMENT);
    /* random patterns of every density, some with several parts */
    for (int trial = 0; trial < 200; trial++) {
        const cn_idx n = 1 + (cn_idx)(60.0 * uniform());
        cn_idx cp[64], ci[64 * 64], order[64];
        const double density = uniform() * uniform();
        cn_idx q = 0;
        cp[0] = 0;
        for (cn_idx j = 0; j < n; j++) {
            for (cn_idx i = 0; i < n; i++)
                if (uniform() < density) ci[q++] = i;
            cp[j + 1] = q;
        }
        CHECK(cn_order(n, cp, ci, order) == CN_OK);
        is_permutation(order, n);
    }
}

static void test_crossbars(void)
{
    for (cn_idx side = 1; side <= 17; side += 4) {
        for (int spread = 0; spread <= 4; spread += 4) {
            sparse s = crossbar(side, spread);
            const size_t m = (size_t)s.n;
            double *const b = calloc(3 * m, sizeof *b), *const x = b + m, *const y = b + 2 * m;
            double work, entries;
            cn_fronts *f;
            cn_column_lu *c;
            CHECK(cn_order(s.n, s.ap, s.ai, s.perm) == CN_OK);
            is_permutation(s.perm, s.n);
            CHECK(cn_fronts_init(&f, s.n, s.ap, s.ai, s.perm) == CN_OK);
            CHECK(cn_fronts_factor(f, s.ax) == CN_BAD_ARGUMENT);
            CHECK(cn_fronts_solve(f, x) == CN_BAD_ARGUMENT);
            CHECK(cn_fronts_plan(f, s.ax, &work, &entries) == CN_OK);
            CHECK(cn_column_lu_init(&c, s.n, s.ap, s.ai, s.perm) == CN_OK);
            for (int again = 0; again < 3; again++) {
                CHECK((again == 1 ? cn_fronts_refactor(f, s.ax) : cn_fronts_factor(f, s.ax)) == CN_OK);
                CHECK(cn_column_lu_factor(c, s.ax) == CN_OK);
                CHECK(cn_fronts_nnz(f) >= cn_column_lu_nnz(c) / 2);
                for (size_t k = 0; k < m; k++) b[k] = x[k] = y[k] = uniform() - 0.5;
                CHECK(cn_fronts_solve(f, x) == CN_OK);
                CHECK(cn_column_lu_solve(c, y) == CN_OK);
                /* conductances up to 100 between voltages of order 1e4: what rounding leaves, and no more than by columns */
                CHECK(defect(&s, x, b, 0) < 1e-10);
                memcpy(x, b, m * sizeof *x);
                CHECK(cn_fronts_solve_transposed(f, x) == CN_OK);
                CHECK(defect(&s, x, b, 1) < 1e-10);
                /* little, for the sums of rows are far smaller than the conductances of wires */
                for (cn_idx p = 0; p < s.ap[s.n]; p++) s.ax[p] *= 1.0 + 1e-9 * uniform();
                if (again == 1) CHECK(cn_fronts_plan(f, s.ax, &work, &entries) == CN_OK);
            }
            CHECK(cn_fronts_bytes(f) > cn_fronts_nnz(f) * sizeof(double));
            cn_fronts_free(f);
            cn_column_lu_free(c);
            free(b);
            drop(&s);
        }
    }
}

static void test_failures(void)
{
    sparse s = crossbar(6, 0);
    double work, entries;
    cn_fronts *f;
    CHECK(cn_order(s.n, s.ap, s.ai, s.perm) == CN_OK);
    CHECK(cn_fronts_init(&f, s.n, s.ap, s.ai, s.perm) == CN_OK);
    CHECK(cn_fronts_plan(f, s.ax, &work, &entries) == CN_OK);
    CHECK(cn_fronts_factor(f, s.ax) == CN_OK);
    /* a node that loses all its conductances has no pivot */
    const cn_idx lost = 14;
    for (cn_idx j = 0; j < s.n; j++) {
        for (cn_idx p = s.ap[j]; p < s.ap[j + 1]; p++)
            if (s.ai[p] == lost || j == lost) s.ax[p] = 0.0;
    }
    CHECK(cn_fronts_refactor(f, s.ax) == CN_PIVOT_GROWTH);
    CHECK(cn_fronts_bad_column(f) == lost);
    double x[78 + 1] = {0.0};
    CHECK(cn_fronts_solve(f, x) == CN_BAD_ARGUMENT);
    CHECK(cn_fronts_plan(f, s.ax, &work, &entries) == CN_SINGULAR);
    s.ax[3] = NAN;
    CHECK(cn_fronts_refactor(f, s.ax) == CN_NOT_FINITE);
    CHECK(cn_fronts_plan(f, s.ax, &work, &entries) == CN_NOT_FINITE);
    cn_fronts_free(f);
    drop(&s);
    /* two floating nodes tied to each other: the second pivot is what rounding leaves of a difference */
    const cn_idx ap[3] = {0, 2, 4}, ai[4] = {0, 1, 0, 1}, perm[2] = {0, 1};
    const double ax[4] = {3.0, -3.0, -3.0, 3.0}, close[4] = {3.0, -3.0, -3.0, 3.0 + 1e-12};
    CHECK(cn_fronts_init(&f, 2, ap, ai, perm) == CN_OK);
    CHECK(cn_fronts_plan(f, ax, &work, &entries) == CN_OK);
    CHECK(cn_fronts_factor(f, ax) == CN_PIVOT_GROWTH);
    CHECK(cn_fronts_factor(f, close) == CN_PIVOT_GROWTH);
    cn_fronts_free(f);
}

int main(void)
{
    test_orders();
    test_crossbars();
    test_failures();
    return 0;
}
