/* Integration formulas on unequal steps: see cn_formula.h. */
#include "cn_formula.h"

double cn_formula_bdf(int order, const double *s, double *weight)
{
    double alpha = 0.0;
    for (int j = 0; j < order; j++) {
        double w = -1.0 / s[j];
        for (int m = 0; m < order; m++)
            if (m != j) w *= s[m] / (s[m] - s[j]);
        weight[j] = w;
        alpha += 1.0 / s[j];
    }
    return alpha;
}

void cn_formula_predictor(int degree, const double *s, double *weight)
{
    for (int j = 0; j <= degree; j++) {
        double w = 1.0;
        for (int m = 0; m <= degree; m++)
            if (m != j) w *= s[m] / (s[m] - s[j]);
        weight[j] = w;
    }
}

double cn_formula_error_part(cn_rule rule, int order, const double *s)
{
    const double h = s[0];
    if (rule == CN_TRAPEZOIDAL) return 1.0 / (1.0 + 2.0 * s[1] * s[2] / (h * h));
    if (rule == CN_TRBDF2) {
        const double gamma = CN_TRBDF2_GAMMA;
        const double own = 6.0 * (3.0 * gamma * gamma - 4.0 * gamma + 2.0) / (12.0 * (2.0 - gamma));
        return own / (own + s[1] * s[2] / (h * h));
    }
    double alpha = 0.0;
    for (int j = 0; j < order; j++) alpha += 1.0 / s[j];
    return 1.0 / (1.0 + alpha * s[order]);
}
