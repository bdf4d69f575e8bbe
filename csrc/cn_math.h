/* Functions that the expressions of generated kernels call. */
#ifndef CN_MATH_H
#define CN_MATH_H

#include <math.h>

static inline double cn_square(double x) { return x * x; }
static inline double cn_cube(double x) { return x * x * x; }

/* Root of x^4 + a x^3 + b x^2 + c x + d in 0 .. high, where the quartic falls from above zero to below it: Newton's
 * method, halving the interval where it would leave it.  -1 where the quartic does not fall so. */
static inline double cn_quartic_root(double a, double b, double c, double d, double high)
{
    double low = 0.0, x = high;
    if (d <= 0.0 || (((x + a) * x + b) * x + c) * x + d > 0.0) return -1.0;
    for (int k = 0; k < 100; k++) {
        const double value = (((x + a) * x + b) * x + c) * x + d;
        const double slope = ((4.0 * x + 3.0 * a) * x + 2.0 * b) * x + c;
        if (value > 0.0)
            low = x;
        else
            high = x;
        double next = x - value / slope;
        if (!(next > low && next < high)) next = 0.5 * (low + high);
        if (fabs(next - x) <= 1e-15 * fabs(x)) return next;
        x = next;
    }
    return x;
}

#endif
