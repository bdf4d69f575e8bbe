/* Expression tapes: values and derivatives of every operation against differences, and the two kernels. */
#include "check.h"
#include "cn_tape.h"

#include <math.h>
#include <string.h>

enum { N = 19 }; /* two full blocks and a rest */

static double scratch[4096];

/* Compare the gradient of one operation on two inputs with central differences. */
static void check_operation(int32_t op, double low, double high)
{
    const cn_instruction code[] = {{op, 0, 1, 1}};
    const cn_tape tape = {.n_sensed = 2, .n_constant = 0, .n_code = 1, .result = 3, .code = code, .scratch = scratch};
    double in[2 * N], up[2 * N], down[2 * N], value[N], gradient[2 * N], above[N], below[N], unused[2 * N];
    const double h = 1e-6;
    CHECK(cn_tape_check(&tape) == CN_OK);
    CHECK(cn_tape_scratch(&tape) <= sizeof scratch / sizeof *scratch);
    for (int k = 0; k < N; k++) {
        in[k] = low + (high - low) * (k + 0.3) / N;
        in[N + k] = low + (high - low) * ((7 * k) % N + 0.4) / N;
    }
    cn_tape_eval(&tape, N, in, NULL, 0.0, value, gradient);
    for (int s = 0; s < 2; s++) {
        memcpy(up, in, sizeof in);
        memcpy(down, in, sizeof in);
        for (int k = 0; k < N; k++) {
            up[s * N + k] += h;
            down[s * N + k] -= h;
        }
        cn_tape_eval(&tape, N, up, NULL, 0.0, above, unused);
        cn_tape_eval(&tape, N, down, NULL, 0.0, below, unused);
        for (int k = 0; k < N; k++) {
            const double slope = (above[k] - below[k]) / (2.0 * h);
            CHECK(fabs(slope - gradient[s * N + k]) <= 1e-6 * (1.0 + fabs(slope) + fabs(value[k])));
        }
    }
}

static void test_operations(void)
{
    for (int32_t op = 0; op < CN_OP_PWL; op++) {
        switch (op) {
        case CN_OP_ACOSH:
            check_operation(op, 1.1, 5.0);
            break;
        case CN_OP_ASIN: case CN_OP_ACOS: case CN_OP_ATANH:
            check_operation(op, -0.9, 0.9);
            break;
        case CN_OP_SQRT: case CN_OP_LN: case CN_OP_LOG10: case CN_OP_DIV: case CN_OP_MOD:
            check_operation(op, 0.2, 4.0);
            break;
        default:
            check_operation(op, -1.3, 1.9);
        }
    }
}

static double unary(int32_t op, double x, double *slope)
{
    const cn_instruction code[] = {{op, 0, 0, 0}};
    const cn_tape tape = {.n_sensed = 1, .n_code = 1, .result = 2, .code = code, .scratch = scratch};
    double value;
    cn_tape_eval(&tape, 1, &x, NULL, 0.0, &value, slope);
    return value;
}

static void test_corners(void)
{
    double slope;
    CHECK(unary(CN_OP_LN, 0.0, &slope) == -1e99 && isfinite(slope));
    CHECK(isnan(unary(CN_OP_LN, -1.0, &slope)));
    CHECK(isnan(unary(CN_OP_SQRT, -1.0, &slope)));
    CHECK(unary(CN_OP_SQRT, 0.0, &slope) == 0.0 && isfinite(slope));
    CHECK(unary(CN_OP_EXP, 800.0, &slope) == 1e99 && slope == 1e99);
    CHECK(unary(CN_OP_U, 0.0, &slope) == 0.5 && slope == 0.0);
    CHECK(isnan(unary(CN_OP_SGN, NAN, &slope)) && isnan(unary(CN_OP_NOT, NAN, &slope)));
    CHECK(unary(CN_OP_NINT, 2.5, &slope) == 2.0 && unary(CN_OP_TRUNC, -2.6, &slope) == -2.0);

    /* x ? ln(x) : x at 0: the huge slope of the branch not taken leaves no trace */
    const cn_instruction guarded[] = {{CN_OP_LN, 0, 0, 0}, {CN_OP_SELECT, 0, 2, 0}};
    const cn_tape tape = {.n_sensed = 1, .n_code = 2, .result = 3, .code = guarded, .scratch = scratch};
    double value, x = 0.0;
    cn_tape_eval(&tape, 1, &x, NULL, 0.0, &value, &slope);
    CHECK(value == 0.0 && slope == 1.0);

    const cn_instruction ahead[] = {{CN_OP_NEG, 2, 0, 0}}, unknown[] = {{CN_OP_COUNT, 0, 0, 0}};
    const cn_instruction points[] = {{CN_OP_PWL, 0, 1, 2}};
    CHECK(cn_tape_check(&(cn_tape){.n_sensed = 1, .n_code = 1, .result = 2, .code = ahead}) == CN_BAD_ARGUMENT);
    CHECK(cn_tape_check(&(cn_tape){.n_sensed = 1, .n_code = 1, .result = 2, .code = unknown}) == CN_BAD_ARGUMENT);
    CHECK(cn_tape_check(&(cn_tape){.n_sensed = 1, .result = 2}) == CN_BAD_ARGUMENT);
    CHECK(cn_tape_check(&(cn_tape){.n_sensed = 1, .n_constant = 3, .n_code = 1, .result = 5, .code = points})
          == CN_BAD_ARGUMENT);
    CHECK(cn_tape_check(&(cn_tape){.n_sensed = 1, .n_constant = 4, .n_code = 1, .result = 6, .code = points}) == CN_OK);
}

static void test_points(void)
{
    const double constant[] = {0.0, 1.0, 2.0, 5.0, 4.0, 4.0}; /* (0,1) (2,5) (4,4) */
    const double x[] = {-1.0, 0.0, 1.0, 2.0, 3.0, 4.0, 6.0};
    const double pwl[] = {-1.0, 1.0, 3.0, 5.0, 4.5, 4.0, 3.0}, table[] = {1.0, 1.0, 3.0, 5.0, 4.5, 4.0, 4.0};
    const double slopes[] = {2.0, 2.0, 2.0, -0.5, -0.5, -0.5, -0.5};
    for (int k = 0; k < 7; k++) {
        double value, slope;
        for (int level = 0; level < 2; level++) {
            const cn_instruction code[] = {{level ? CN_OP_TABLE : CN_OP_PWL, 0, 1, 3}};
            const cn_tape tape = {
                .n_sensed = 1, .n_constant = 6, .n_code = 1, .result = 8, .code = code, .scratch = scratch};
            cn_tape_eval(&tape, 1, &x[k], constant, 0.0, &value, &slope);
            CHECK(value == (level ? table[k] : pwl[k]));
            CHECK(slope == (level && (k == 0 || k == 6) ? 0.0 : slopes[k]));
        }
    }
}

/* c * s0^2 + s1 + time as a current and as a voltage. */
static void test_kernels(void)
{
    const cn_instruction code[] = {
        {CN_OP_SQUARE, 0, 0, 0}, {CN_OP_MUL, 4, 2, 0}, {CN_OP_ADD, 5, 1, 0}, {CN_OP_ADD, 6, 3, 0}};
    cn_tape tape = {.n_sensed = 2, .n_constant = 1, .n_code = 4, .result = 7, .code = code, .scratch = scratch};
    cn_kernel kernel = {.abi = CN_KERNEL_ABI, .n_local = 4, .eval = cn_tape_kernel_eval, .context = &tape};
    const double env[] = {0.0, 0.25}, c[] = {2.0, 3.0};
    double f[10], q[10], jf[12], jq[8];
    CHECK(cn_tape_check(&tape) == CN_OK);

    const double u[] = {9, 9, 9, 9, 1, 2, 10, 20}; /* p, n, s0, s1 of two instances */
    kernel.eval(&kernel, 2, u, NULL, c, env, f, q, jf, NULL);
    const double e[] = {12.25, 32.25}, slope[] = {4.0, 12.0};
    for (int k = 0; k < 2; k++) {
        CHECK(f[k] == e[k] && f[2 + k] == -e[k] && f[4 + k] == 0.0 && f[6 + k] == 0.0);
        CHECK(jf[k] == slope[k] && jf[2 + k] == 1.0 && jf[4 + k] == -slope[k] && jf[6 + k] == -1.0);
    }
    tape.form = CN_TAPE_VOLTAGE;
    kernel.n_local = 5;
    const double w[] = {7, 8, 3, 5, 0.5, 0.75, 1, 2, 10, 20}; /* p, n, branch, s0, s1 */
    kernel.eval(&kernel, 2, w, NULL, c, env, f, q, jf, NULL);
    for (int k = 0; k < 2; k++) {
        CHECK(f[k] == w[4 + k] && f[2 + k] == -w[4 + k] && f[4 + k] == w[k] - w[2 + k] - e[k]);
        CHECK(f[6 + k] == 0.0 && f[8 + k] == 0.0 && q[4 + k] == 0.0);
        CHECK(jf[k] == 1.0 && jf[2 + k] == -1.0 && jf[4 + k] == 1.0 && jf[6 + k] == -1.0);
        CHECK(jf[8 + k] == -slope[k] && jf[10 + k] == -1.0);
    }
    tape.form = CN_TAPE_CHARGE;
    kernel.n_local = 4;
    kernel.eval(&kernel, 2, u, NULL, c, env, f, q, jf, jq);
    for (int k = 0; k < 2; k++) {
        CHECK(q[k] == e[k] && q[2 + k] == -e[k] && q[4 + k] == 0.0 && f[k] == 0.0 && f[2 + k] == 0.0);
        CHECK(jq[k] == slope[k] && jq[2 + k] == 1.0 && jq[4 + k] == -slope[k] && jq[6 + k] == -1.0);
    }
    kernel.n_local = 3;
    const double s[] = {3, 4, 1, 2, 10, 20}; /* own, s0, s1 */
    tape.form = CN_TAPE_SLOPE;
    kernel.eval(&kernel, 2, s, NULL, c, env, f, q, jf, jq);
    for (int k = 0; k < 2; k++) {
        CHECK(f[k] == s[k] && jf[k] == 1.0 && q[k] == -e[k] && jq[k] == -slope[k] && jq[2 + k] == -1.0);
    }
    tape.form = CN_TAPE_OUTPUT;
    kernel.eval(&kernel, 2, s, NULL, c, env, f, q, jf, jq);
    for (int k = 0; k < 2; k++) {
        CHECK(f[k] == s[k] - e[k] && q[k] == 0.0 && jf[k] == 1.0 && jf[2 + k] == -slope[k] && jf[4 + k] == -1.0);
    }
    tape.form = CN_TAPE_INTEGRAL;
    kernel.eval(&kernel, 2, s, NULL, c, env, f, q, jf, jq);
    for (int k = 0; k < 2; k++) {
        CHECK(q[k] == s[k] && jq[k] == 1.0 && f[k] == -e[k] && jf[k] == -slope[k] && jf[2 + k] == -1.0);
    }
}

int main(void)
{
    test_operations();
    test_corners();
    test_points();
    test_kernels();
    return 0;
}
