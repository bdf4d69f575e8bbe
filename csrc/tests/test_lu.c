/* Sparse LU: a two-dimensional resistor grid with a voltage source, and the corners of the interface. */
#include "check.h"
#include "cn_lu.h"

#include <complex.h>
#include <math.h>
#include <string.h>

enum { SIDE = 9, N = SIDE * SIDE + 1, SOURCE = N - 1 };

typedef struct matrix {
    double dense[N][N];
    cn_idx ap[N + 1], ai[N * N];
    double ax[N * N];
} matrix;

static void tie(matrix *a, int i, int j, double g)
{
    a->dense[i][i] += g;
    a->dense[j][j] += g;
    a->dense[i][j] -= g;
    a->dense[j][i] -= g;
}

/* Fill in a grid of conductances that depend on `seed`, driven at one corner, grounded at the other. */
static void build(matrix *a, double seed)
{
    memset(a, 0, sizeof *a);
    for (int r = 0; r < SIDE; r++) {
        for (int c = 0; c < SIDE; c++) {
            const int k = r * SIDE + c;
            if (c + 1 < SIDE) tie(a, k, k + 1, 1.5 + sin(seed * (k + 1)));
            if (r + 1 < SIDE) tie(a, k, k + SIDE, 1.5 + cos(seed * (k + 3)));
        }
    }
    a->dense[SOURCE - 1][SOURCE - 1] += 1.0;
    a->dense[0][SOURCE] = a->dense[SOURCE][0] = 1.0;
    cn_idx p = 0;
    for (int j = 0; j < N; j++) {
        a->ap[j] = p;
        for (int i = 0; i < N; i++) {
            if (a->dense[i][j] != 0.0) {
                a->ai[p] = i;
                a->ax[p++] = a->dense[i][j];
            }
        }
    }
    a->ap[N] = p;
}

static double defect(const matrix *a, const double *x, const double *b, int transposed)
{
    double worst = 0.0;
    for (int i = 0; i < N; i++) {
        double sum = -b[i];
        for (int j = 0; j < N; j++) sum += (transposed ? a->dense[j][i] : a->dense[i][j]) * x[j];
        worst = fmax(worst, fabs(sum));
    }
    return worst;
}

static void test_grid(void)
{
    static matrix a;
    double x[N], b[N], many[7 * N];
    cn_idx perm[N];
    cn_lu *lu;
    build(&a, 1.0);
    for (cn_idx k = 0; k < N; k++) {
        perm[k] = (k * 5) % N; /* 5 and 82 have no common divisor */
        b[k] = cos((double)k);
    }
    CHECK(cn_lu_init(&lu, N, a.ap, a.ai, perm) == CN_OK);
    CHECK(cn_lu_solve(lu, x) == CN_BAD_ARGUMENT);
    CHECK(cn_lu_solve_transposed(lu, x) == CN_BAD_ARGUMENT);
    CHECK(cn_lu_solve_many(lu, 1, x) == CN_BAD_ARGUMENT);
    CHECK(cn_lu_refactor(lu, a.ax) == CN_BAD_ARGUMENT);
    CHECK(cn_lu_factor(lu, a.ax) == CN_OK);
    CHECK(cn_lu_bad_column(lu) == -1);
    CHECK(cn_lu_nnz(lu) >= (size_t)a.ap[N]);
    CHECK(cn_lu_bytes(lu) > cn_lu_nnz(lu) * sizeof(double));
    for (int round = 0; round < 5; round++) {
        if (round) {
            build(&a, 1.0 + 0.3 * round);
            CHECK(cn_lu_refactor(lu, a.ax) == CN_OK);
        }
        memcpy(x, b, sizeof x);
        CHECK(cn_lu_solve(lu, x) == CN_OK);
        CHECK(defect(&a, x, b, 0) < 1e-11);
        for (int c = 0; c < 7; c++) memcpy(many + c * N, b, sizeof b);
        CHECK(cn_lu_solve_many(lu, 7, many) == CN_OK);
        for (int c = 0; c < 7; c++) CHECK(defect(&a, many + c * N, b, 0) < 1e-11);
        memcpy(x, b, sizeof x);
        CHECK(cn_lu_solve_transposed(lu, x) == CN_OK);
        CHECK(defect(&a, x, b, 1) < 1e-11);
    }
    cn_lu_free(lu);
}

static void test_complex(void)
{
    static matrix a;
    static double complex z[N * N];
    double complex x[N], y[N];
    cn_zlu *lu;
    build(&a, 2.0);
    for (cn_idx p = 0; p < a.ap[N]; p++) z[p] = CMPLX(a.ax[p], 0.1 * a.ax[p] * a.ax[p]);
    for (int k = 0; k < N; k++) x[k] = CMPLX(cos(k), sin(k));
    CHECK(cn_zlu_init(&lu, N, a.ap, a.ai, NULL) == CN_OK);
    CHECK(cn_zlu_factor(lu, z) == CN_OK);
    for (int round = 0; round < 2; round++) {
        memset(y, 0, sizeof y);
        for (cn_idx j = 0; j < N; j++) {
            for (cn_idx p = a.ap[j]; p < a.ap[j + 1]; p++) y[a.ai[p]] += z[p] * x[j];
        }
        CHECK(cn_zlu_solve(lu, y) == CN_OK);
        for (int k = 0; k < N; k++) CHECK(cabs(y[k] - x[k]) < 1e-9);
        memset(y, 0, sizeof y);
        for (cn_idx j = 0; j < N; j++) {
            for (cn_idx p = a.ap[j]; p < a.ap[j + 1]; p++) y[j] += z[p] * x[a.ai[p]];
        }
        CHECK(cn_zlu_solve_transposed(lu, y) == CN_OK);
        for (int k = 0; k < N; k++) CHECK(cabs(y[k] - x[k]) < 1e-9);
        for (cn_idx p = 0; p < a.ap[N]; p++) z[p] *= CMPLX(0.3, 0.4);
        CHECK(cn_zlu_refactor(lu, z) == CN_OK);
    }
    CHECK(cn_zlu_nnz(lu) > 0 && cn_zlu_bytes(lu) > 0 && cn_zlu_bad_column(lu) == -1);
    cn_zlu_free(lu);
}

static void test_corners(void)
{
    cn_lu *lu;
    double b[2] = {1.0, 2.0};
    const cn_idx none[] = {0};
    CHECK(cn_lu_init(&lu, -1, none, none, NULL) == CN_BAD_ARGUMENT && lu == NULL);
    CHECK(cn_lu_init(&lu, 0, none, none, NULL) == CN_OK);
    CHECK(cn_lu_factor(lu, b) == CN_OK && cn_lu_refactor(lu, b) == CN_OK && cn_lu_solve(lu, b) == CN_OK);
    cn_lu_free(lu);
    cn_lu_free(NULL);

    const cn_idx ap[] = {0, 2, 4}, ai[] = {0, 1, 0, 1}, twice[] = {0, 0, 0, 1}, unsorted[] = {1, 0, 0, 1};
    const cn_idx bad_perm[] = {1, 1}, outside[] = {0, 2, 0, 1};
    CHECK(cn_lu_init(&lu, 2, ap, twice, NULL) == CN_BAD_ARGUMENT);
    CHECK(cn_lu_init(&lu, 2, ap, unsorted, NULL) == CN_BAD_ARGUMENT);
    CHECK(cn_lu_init(&lu, 2, ap, outside, NULL) == CN_BAD_ARGUMENT);
    CHECK(cn_lu_init(&lu, 2, ap, ai, bad_perm) == CN_BAD_ARGUMENT);

    CHECK(cn_lu_init(&lu, 2, ap, ai, NULL) == CN_OK);
    CHECK(cn_lu_factor(lu, (const double[]){1.0, 2.0, 2.0, 4.0}) == CN_SINGULAR);
    CHECK(cn_lu_bad_column(lu) == 1);
    CHECK(cn_lu_solve(lu, b) == CN_BAD_ARGUMENT);
    CHECK(cn_lu_factor(lu, (const double[]){1.0, NAN, 2.0, 4.0}) == CN_NOT_FINITE);
    CHECK(cn_lu_bad_column(lu) == 0);
    CHECK(cn_lu_factor(lu, (const double[]){1.0, 1.0, 0.0, 4.0}) == CN_OK);
    CHECK(cn_lu_refactor(lu, (const double[]){1e-9, 1.0, 1.0, 4.0}) == CN_PIVOT_GROWTH);
    CHECK(cn_lu_bad_column(lu) == 0);
    CHECK(cn_lu_solve(lu, b) == CN_BAD_ARGUMENT);
    CHECK(cn_lu_refactor(lu, (const double[]){1.0, 1.0, INFINITY, 4.0}) == CN_NOT_FINITE);
    CHECK(cn_lu_bad_column(lu) == 1);
    CHECK(cn_lu_factor(lu, (const double[]){0.0, 1.0, 2.0, 0.0}) == CN_OK);
    CHECK(cn_lu_solve(lu, b) == CN_OK && b[0] == 2.0 && b[1] == 0.5);
    b[0] = INFINITY;
    CHECK(cn_lu_solve(lu, b) == CN_NOT_FINITE);
    cn_lu_free(lu);
}

int main(void)
{
    test_grid();
    test_complex();
    test_corners();
    return 0;
}
