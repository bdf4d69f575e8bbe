/* Expression tapes: forward values and reverse derivatives, CN_TAPE_LANES instances at a time. */
#include "cn_tape.h"

#include <math.h>
#include <string.h>

enum { LANES = CN_TAPE_LANES };

static const double TINY = 1e-32;        /* ngspice's distance of divisors from zero */
static const double LARGEST = 1e99;   /* ngspice's largest number */
static const double EXP_LIMIT = 227.95592420641054; /* its logarithm */
static const double LN_10 = 2.302585092994046;

static cn_idx registers(const cn_tape *t) { return t->n_sensed + t->n_constant + 1 + t->n_code; }

size_t cn_tape_scratch(const cn_tape *t)
{
    const size_t per_instance = 2 * (size_t)registers(t);
    return LANES * (per_instance + (size_t)t->n_sensed + 1);
}

/* How many registers an instruction reads; -1 when there is no such instruction. */
static int operands(int32_t op)
{
    switch (op) {
    case CN_OP_SELECT:
        return 3;
    case CN_OP_HERTZ:
        return 0;
    case CN_OP_ADD: case CN_OP_SUB: case CN_OP_MUL: case CN_OP_DIV: case CN_OP_MOD: case CN_OP_POW: case CN_OP_PWR:
    case CN_OP_EQ: case CN_OP_NE: case CN_OP_LT: case CN_OP_LE: case CN_OP_GT: case CN_OP_GE:
    case CN_OP_AND: case CN_OP_OR: case CN_OP_MIN: case CN_OP_MAX: case CN_OP_ATAN2:
        return 2;
    default:
        return op >= 0 && op < CN_OP_COUNT ? 1 : -1;
    }
}

cn_status cn_tape_check(const cn_tape *t)
{
    if (t->n_sensed < 0 || t->n_constant < 0 || t->n_code < 0) return CN_BAD_ARGUMENT;
    if (t->result < 0 || t->result >= registers(t)) return CN_BAD_ARGUMENT;
    const cn_idx first = t->n_sensed + t->n_constant + 1;
    for (cn_idx k = 0; k < t->n_code; k++) {
        const cn_instruction i = t->code[k];
        const int count = operands(i.op);
        const cn_idx used[] = {i.a, i.b, i.c};
        if (count < 0) return CN_BAD_ARGUMENT;
        for (int m = 0; m < count; m++) {
            if (used[m] < 0 || used[m] >= first + k) return CN_BAD_ARGUMENT;
        }
        if (i.op == CN_OP_PWL || i.op == CN_OP_TABLE) {
            if (i.b < t->n_sensed || i.c < 2 || i.c > (first - 1 - i.b) / 2) return CN_BAD_ARGUMENT;
        }
    }
    return CN_OK;
}

/* NaN, the sign of an argument out of range, stays NaN in all of these. */
static inline double sign(double x) { return x > 0.0 ? 1.0 : x < 0.0 ? -1.0 : x; }

static inline double truth(double x, double y, int holds) { return isnan(x) || isnan(y) ? NAN : (double)holds; }

static inline double away_from_zero(double x) { return x + copysign(TINY, x); }

/* Slope and value at x of the piecewise linear function with `count` points; lane l of registers at `points`. */
static double piecewise(const double *points, cn_idx count, double x, int level, double *slope)
{
    cn_idx low = 0, high = count - 1;
    while (high - low > 1) {
        const cn_idx middle = low + (high - low) / 2;
        if (points[2 * middle * LANES] <= x) {
            low = middle;
        } else {
            high = middle;
        }
    }
    const double x0 = points[2 * low * LANES], y0 = points[(2 * low + 1) * LANES];
    const double x1 = points[2 * high * LANES], y1 = points[(2 * high + 1) * LANES];
    *slope = (y1 - y0) / (x1 - x0);
    if (level && (x < x0 || x > x1)) {
        *slope = 0.0;
        return x < x0 ? y0 : y1;
    }
    return y0 + *slope * (x - x0);
}

#define EACH(expression)                     \
    for (cn_idx l = 0; l < width; l++) {        \
        const double x = a[l], y = b[l];     \
        (void)x;                             \
        (void)y;                             \
        r[l] = (expression);                 \
    }                                        \
    break

/* Values of all instructions in the first `width` lanes. */
static void forward(const cn_tape *t, cn_idx width, double *v)
{
    double *r = v + (size_t)(t->n_sensed + t->n_constant + 1) * LANES;
    for (cn_idx k = 0; k < t->n_code; k++, r += LANES) {
        const cn_instruction i = t->code[k];
        const double *const a = v + (size_t)i.a * LANES, *const b = v + (size_t)i.b * LANES;
        switch ((cn_opcode)i.op) {
        case CN_OP_ADD: EACH(x + y);
        case CN_OP_SUB: EACH(x - y);
        case CN_OP_MUL: EACH(x * y);
        case CN_OP_DIV: EACH(x / away_from_zero(y));
        case CN_OP_MOD: EACH(fmod(x, y));
        case CN_OP_NEG: EACH(-x);
        case CN_OP_SQUARE: EACH(x * x);
        case CN_OP_POW: EACH(pow(fabs(x), y));
        case CN_OP_PWR: EACH(x < 0.0 ? -pow(-x, y) : pow(x, y));
        case CN_OP_EQ: EACH(truth(x, y, x == y));
        case CN_OP_NE: EACH(truth(x, y, x != y));
        case CN_OP_LT: EACH(truth(x, y, x < y));
        case CN_OP_LE: EACH(truth(x, y, x <= y));
        case CN_OP_GT: EACH(truth(x, y, x > y));
        case CN_OP_GE: EACH(truth(x, y, x >= y));
        case CN_OP_AND: EACH(truth(x, y, x != 0.0 && y != 0.0));
        case CN_OP_OR: EACH(truth(x, y, x != 0.0 || y != 0.0));
        case CN_OP_NOT: EACH(truth(x, x, x == 0.0));
        case CN_OP_SELECT: {
            const double *const c = v + (size_t)i.c * LANES;
            EACH(isnan(x) ? x : x != 0.0 ? y : c[l]);
        }
        case CN_OP_MIN: EACH(y < x || isnan(y) ? y : x);
        case CN_OP_MAX: EACH(y > x || isnan(y) ? y : x);
        case CN_OP_ATAN2: EACH(atan2(x, y));
        case CN_OP_ABS: EACH(fabs(x));
        case CN_OP_SGN: EACH(sign(x));
        case CN_OP_U: EACH(0.5 + 0.5 * sign(x));
        case CN_OP_U2: EACH(x <= 0.0 ? 0.0 : x >= 1.0 ? 1.0 : x);
        case CN_OP_URAMP: EACH(x < 0.0 ? 0.0 : x);
        case CN_OP_FLOOR: EACH(floor(x));
        case CN_OP_CEIL: EACH(ceil(x));
        case CN_OP_NINT: EACH(nearbyint(x));
        case CN_OP_TRUNC: EACH(trunc(x));
        case CN_OP_SQRT: EACH(sqrt(x));
        case CN_OP_EXP: EACH(x > EXP_LIMIT ? LARGEST : exp(x));
        case CN_OP_LN: EACH(x == 0.0 ? -LARGEST : log(x));
        case CN_OP_LOG10: EACH(x == 0.0 ? -LARGEST : log10(x));
        case CN_OP_SIN: EACH(sin(x));
        case CN_OP_COS: EACH(cos(x));
        case CN_OP_TAN: EACH(tan(x));
        case CN_OP_ASIN: EACH(asin(x));
        case CN_OP_ACOS: EACH(acos(x));
        case CN_OP_ATAN: EACH(atan(x));
        case CN_OP_SINH: EACH(sinh(x));
        case CN_OP_COSH: EACH(cosh(x));
        case CN_OP_TANH: EACH(tanh(x));
        case CN_OP_ASINH: EACH(asinh(x));
        case CN_OP_ACOSH: EACH(acosh(x));
        case CN_OP_ATANH: EACH(atanh(x));
        case CN_OP_PWL:
        case CN_OP_TABLE: {
            double slope;
            for (cn_idx l = 0; l < width; l++) r[l] = piecewise(b + l, i.c, a[l], i.op == CN_OP_TABLE, &slope);
            break;
        }
        case CN_OP_HERTZ: EACH(t->hertz);
        case CN_OP_COUNT:
            break;
        }
    }
}

#undef EACH

/* Add d/da = expression to the adjoint of a.  A zero adjoint adds nothing, so that an infinite slope in the branch
 * of a conditional that was not taken does no harm. */
#define EACH_A(expression)                                     \
    for (cn_idx l = 0; l < width; l++) {                          \
        const double x = a[l], y = b[l], z = r[l], d = gr[l];  \
        (void)x;                                               \
        (void)y;                                               \
        (void)z;                                               \
        if (d != 0.0) ga[l] += d * (expression);               \
    }                                                          \
    break

#define EACH_AB(by_a, by_b)                                    \
    for (cn_idx l = 0; l < width; l++) {                          \
        const double x = a[l], y = b[l], z = r[l], d = gr[l];  \
        (void)x;                                               \
        (void)y;                                               \
        (void)z;                                               \
        if (d != 0.0) {                                        \
            ga[l] += d * (by_a);                               \
            gb[l] += d * (by_b);                               \
        }                                                      \
    }                                                          \
    break

/* Derivative of |x|^y with respect to |x|; at zero that of a point just above it. */
static inline double power_slope(double x, double y)
{
    const double size = fabs(x);
    return y * pow(size > TINY ? size : TINY, y - 1.0);
}

static inline double log_size(double x) { return log(x != 0.0 ? fabs(x) : TINY); }

/* Adjoints g of all registers in the first `width` lanes, from that of the result. */
static void reverse(const cn_tape *t, cn_idx width, const double *v, double *g)
{
    const cn_idx first = t->n_sensed + t->n_constant + 1;
    for (cn_idx k = t->n_code; k-- > 0;) {
        const cn_instruction i = t->code[k];
        const double *const r = v + (size_t)(first + k) * LANES, *const gr = g + (size_t)(first + k) * LANES;
        const double *const a = v + (size_t)i.a * LANES, *const b = v + (size_t)i.b * LANES;
        double *const ga = g + (size_t)i.a * LANES, *const gb = g + (size_t)i.b * LANES;
        switch ((cn_opcode)i.op) {
        case CN_OP_ADD: EACH_AB(1.0, 1.0);
        case CN_OP_SUB: EACH_AB(1.0, -1.0);
        case CN_OP_MUL: EACH_AB(y, x);
        case CN_OP_DIV: EACH_AB(1.0 / away_from_zero(y), -z / away_from_zero(y));
        case CN_OP_MOD: EACH_AB(1.0, -trunc(x / y));
        case CN_OP_NEG: EACH_A(-1.0);
        case CN_OP_SQUARE: EACH_A(2.0 * x);
        case CN_OP_POW: EACH_AB((x < 0.0 ? -1.0 : 1.0) * power_slope(x, y), z * log_size(x));
        case CN_OP_PWR: EACH_AB(power_slope(x, y), z * log_size(x));
        case CN_OP_SELECT: {
            double *const gc = g + (size_t)i.c * LANES;
            for (cn_idx l = 0; l < width; l++) {
                if (a[l] != 0.0) {
                    gb[l] += gr[l];
                } else {
                    gc[l] += gr[l];
                }
            }
            break;
        }
        case CN_OP_MIN: EACH_AB(y < x ? 0.0 : 1.0, y < x ? 1.0 : 0.0);
        case CN_OP_MAX: EACH_AB(y > x ? 0.0 : 1.0, y > x ? 1.0 : 0.0);
        case CN_OP_ATAN2: EACH_AB(y / (x * x + y * y + TINY), -x / (x * x + y * y + TINY));
        case CN_OP_ABS: EACH_A(sign(x));
        case CN_OP_U2: EACH_A((double)(x > 0.0 && x < 1.0));
        case CN_OP_URAMP: EACH_A(0.5 + 0.5 * sign(x));
        case CN_OP_SQRT: EACH_A(0.5 / (z + TINY));
        case CN_OP_EXP: EACH_A(z);
        case CN_OP_LN: EACH_A(1.0 / away_from_zero(x));
        case CN_OP_LOG10: EACH_A(1.0 / (LN_10 * away_from_zero(x)));
        case CN_OP_SIN: EACH_A(cos(x));
        case CN_OP_COS: EACH_A(-sin(x));
        case CN_OP_TAN: EACH_A(1.0 + z * z);
        case CN_OP_ASIN: EACH_A(1.0 / (sqrt((1.0 - x) * (1.0 + x)) + TINY));
        case CN_OP_ACOS: EACH_A(-1.0 / (sqrt((1.0 - x) * (1.0 + x)) + TINY));
        case CN_OP_ATAN: EACH_A(1.0 / (1.0 + x * x));
        case CN_OP_SINH: EACH_A(cosh(x));
        case CN_OP_COSH: EACH_A(sinh(x));
        case CN_OP_TANH: EACH_A(1.0 - z * z);
        case CN_OP_ASINH: EACH_A(1.0 / sqrt(1.0 + x * x));
        case CN_OP_ACOSH: EACH_A(1.0 / (sqrt((x - 1.0) * (x + 1.0)) + TINY));
        case CN_OP_ATANH: EACH_A(1.0 / away_from_zero((1.0 - x) * (1.0 + x)));
        case CN_OP_PWL:
        case CN_OP_TABLE:
            for (cn_idx l = 0; l < width; l++) {
                double slope;
                piecewise(b + l, i.c, a[l], i.op == CN_OP_TABLE, &slope);
                if (gr[l] != 0.0) ga[l] += gr[l] * slope;
            }
            break;
        case CN_OP_EQ: case CN_OP_NE: case CN_OP_LT: case CN_OP_LE: case CN_OP_GT: case CN_OP_GE:
        case CN_OP_AND: case CN_OP_OR: case CN_OP_NOT:
        case CN_OP_SGN: case CN_OP_U: case CN_OP_FLOOR: case CN_OP_CEIL: case CN_OP_NINT: case CN_OP_TRUNC:
        case CN_OP_HERTZ: case CN_OP_COUNT:
            break; /* steps: no slope */
        }
    }
}

#undef EACH_A
#undef EACH_AB

/* Evaluate instances from .. from+count-1 into value (LANES) and gradient (n_sensed * LANES). */
static void eval_block(const cn_tape *t, cn_idx n, cn_idx from, cn_idx count, const double *sensed,
                       const double *constant, double time, double *value, double *gradient)
{
    const size_t size = (size_t)registers(t) * LANES, m = (size_t)n;
    double *const v = t->scratch, *const g = v + size;
    for (cn_idx l = 0; l < count; l++) {
        const size_t at = (size_t)(from + l);
        double *to = v + l;
        for (size_t k = 0; k < (size_t)t->n_sensed; k++, to += LANES) *to = sensed[k * m + at];
        for (size_t k = 0; k < (size_t)t->n_constant; k++, to += LANES) *to = constant[k * m + at];
        *to = time;
    }
    forward(t, count, v);
    memcpy(value, v + (size_t)t->result * LANES, LANES * sizeof *value);
    memset(g, 0, size * sizeof *g);
    for (size_t l = 0; l < LANES; l++) g[(size_t)t->result * LANES + l] = 1.0;
    reverse(t, count, v, g);
    if (t->n_sensed) memcpy(gradient, g, (size_t)t->n_sensed * LANES * sizeof *gradient);
}

void cn_tape_eval(const cn_tape *t, cn_idx n, const double *sensed, const double *constant, double time,
                  double *value, double *gradient)
{
    double *const block = t->scratch + 2 * (size_t)registers(t) * LANES;
    double *const slopes = block + LANES;
    for (cn_idx from = 0; from < n; from += LANES) {
        const cn_idx count = n - from < LANES ? n - from : LANES;
        eval_block(t, n, from, count, sensed, constant, time, block, slopes);
        const size_t bytes = (size_t)count * sizeof *value;
        memcpy(value + from, block, bytes);
        for (size_t k = 0; k < (size_t)t->n_sensed; k++) {
            memcpy(gradient + k * (size_t)n + from, slopes + k * LANES, bytes);
        }
    }
}

static void fill(double *row, size_t m, double value)
{
    for (size_t k = 0; k < m; k++) row[k] = value;
}

static void negate(double *to, const double *from, size_t m)
{
    for (size_t k = 0; k < m; k++) to[k] = -from[k];
}

void cn_tape_kernel_eval(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p,
                         const double *env, double *f, double *q, double *jf, double *jq)
{
    (void)lim;
    const cn_tape *const t = self->context;
    const size_t m = (size_t)n, sensed = (size_t)t->n_sensed, own = (size_t)self->n_local - sensed;
    const double *const from = u + own * m, time = env[CN_ENV_TIME];
    memset(f, 0, (own + sensed) * m * sizeof *f);
    memset(q, 0, (own + sensed) * m * sizeof *q);
    switch (t->form) {
    case CN_TAPE_CURRENT:
        cn_tape_eval(t, n, from, p, time, f, jf);
        negate(f + m, f, m);
        negate(jf + sensed * m, jf, sensed * m);
        break;
    case CN_TAPE_CHARGE:
        cn_tape_eval(t, n, from, p, time, q, jq);
        negate(q + m, q, m);
        negate(jq + sensed * m, jq, sensed * m);
        break;
    case CN_TAPE_VOLTAGE: {
        /* the value goes to the branch's row, its gradient behind the four constant entries */
        const double *const branch = u + 2 * m;
        double *const value = f + 2 * m, *const by = jf + 4 * m;
        cn_tape_eval(t, n, from, p, time, value, by);
        memcpy(f, branch, m * sizeof *f);
        negate(f + m, branch, m);
        for (size_t k = 0; k < m; k++) value[k] = u[k] - u[m + k] - value[k];
        fill(jf, m, 1.0);
        fill(jf + m, m, -1.0);
        fill(jf + 2 * m, m, 1.0);
        fill(jf + 3 * m, m, -1.0);
        negate(by, by, sensed * m);
        break;
    }
    case CN_TAPE_SLOPE:
        cn_tape_eval(t, n, from, p, time, q, jq);
        negate(q, q, m);
        negate(jq, jq, sensed * m);
        memcpy(f, u, m * sizeof *f);
        fill(jf, m, 1.0);
        break;
    case CN_TAPE_INTEGRAL:
        cn_tape_eval(t, n, from, p, time, f, jf);
        negate(f, f, m);
        negate(jf, jf, sensed * m);
        memcpy(q, u, m * sizeof *q);
        fill(jq, m, 1.0);
        break;
    case CN_TAPE_OUTPUT:
        cn_tape_eval(t, n, from, p, time, f, jf + m);
        for (size_t k = 0; k < m; k++) f[k] = u[k] - f[k];
        negate(jf + m, jf + m, sensed * m);
        fill(jf, m, 1.0);
        break;
    }
}
