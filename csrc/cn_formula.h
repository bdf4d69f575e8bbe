/* Integration formulas on unequal steps: how q' at the new point follows from q there and before, what polynomial
 * predicts the new point, and which part of the distance to that prediction is the formula's own error. */
#ifndef CN_FORMULA_H
#define CN_FORMULA_H

enum { CN_MAX_ORDER = 6, CN_HISTORY = CN_MAX_ORDER + 2 }; /* points kept: the next higher order is tried too */

typedef enum cn_rule { CN_BDF = 0, CN_TRAPEZOIDAL = 1, CN_TRBDF2 = 2 } cn_rule;

/* Where the first stage of TR-BDF2 ends, in parts of the step: both stages then have the same alpha
 * (Bank et al., IEEE Trans. Electron Devices 32 (1985) 1992). */
#define CN_TRBDF2_GAMMA 0.58578643762690495120

/* Backward differentiation of order k: q'(t) = alpha q(t) + sum of weight[j] q(t_j) over j = 0 .. k-1, the points
 * before, the nearest first.  `s` holds the distances t - t_j.  Returns alpha. */
double cn_formula_bdf(int order, const double *s, double *weight);

/* Weights with which the points at distances s[0] .. s[degree] give the polynomial's value at t. */
void cn_formula_predictor(int degree, const double *s, double *weight);

/* Local error of the formula over the distance between its solution and the prediction of degree `order` (Milne's
 * device; Brenan, Campbell and Petzold, Numerical Solution of Initial-Value Problems in DAEs, 1996, section 5.2). */
double cn_formula_error_part(cn_rule rule, int order, const double *s);

#endif
