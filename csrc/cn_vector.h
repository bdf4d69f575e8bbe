/* Vectors of doubles for generated kernels, an instance in each lane.  Included once for each processor, with
 *   WIDTH    lanes, 4 or 2,
 *   TARGET   attribute of functions,
 *   NAME(x)  x with the processor's ending;
 * V(x) is the function x on vectors.
 *
 * Each lane of a result depends on that lane of the arguments alone, so what an instance yields does not depend on its
 * place in a batch.  Functions come from the vector part of the C library, at most 4 units in the last place off; where
 * it has none, they are computed lane by lane.
 */
#undef V
#undef INLINE
#undef vec
#undef mask
#define V(x) NAME(cn_v_##x)
#define INLINE static inline __attribute__((always_inline, unused)) TARGET
#define vec V(type)
#define mask V(mask)
typedef double vec __attribute__((vector_size(8 * WIDTH)));
typedef long long mask __attribute__((vector_size(8 * WIDTH)));

INLINE vec V(set)(double x) { return x - (vec){0.0}; }

/* Numbers of a row: WIDTH of them, or one for all lanes.  The compiler knows count wherever they are called. */
INLINE vec V(load)(const double *row, cn_idx count)
{
    vec x;
    if (count == 1) return V(set)(row[0]);
    __builtin_memcpy(&x, row, sizeof x);
    return x;
}

INLINE void V(store)(double *row, cn_idx count, vec x)
{
    if (count == 1)
        row[0] = x[0];
    else
        __builtin_memcpy(row, &x, sizeof x);
}

/* Rows of n < WIDTH numbers as rows of WIDTH, filled up with the first one, so that the lanes over go the same way as
 * one that counts; and back. */
INLINE void V(widen)(cn_idx rows, cn_idx n, const double *from, double *to)
{
    for (cn_idx k = 0; k < rows; k++) {
        vec x = V(set)(from[k * n]);
        for (cn_idx m = 1; m < WIDTH - 1; m++)
            if (m < n) x[m] = from[k * n + m];
        __builtin_memcpy(to + k * WIDTH, &x, sizeof x);
    }
}

INLINE void V(narrow)(cn_idx rows, cn_idx n, const double *from, double *to)
{
    for (cn_idx k = 0; k < rows; k++)
        for (cn_idx m = 0; m < WIDTH - 1; m++)
            if (m < n) to[k * n + m] = from[k * WIDTH + m];
}

INLINE int V(any)(mask m)
{
#if WIDTH == 4
    return __builtin_ia32_movmskpd256((vec)m) != 0;
#elif defined(__SSE2__)
    return __builtin_ia32_movmskpd((vec)m) != 0;
#else
    return (m[0] | m[1]) != 0;
#endif
}

INLINE vec V(select)(mask m, vec a, vec b)
{
#if WIDTH == 2 && defined(__SSE2__)
    /* gcc 12 makes a conditional of masks that SSE2 has no instruction for, and stops with an internal error */
    __asm__("" : "+x"(m));
#endif
    return (vec)((m & (mask)a) | (~m & (mask)b));
}
INLINE vec V(square)(vec x) { return x * x; }
INLINE vec V(cube)(vec x) { return x * x * x; }
INLINE vec V(fabs)(vec x) { return (vec)((mask)x & 0x7fffffffffffffffLL); }
INLINE vec V(sign)(vec x)
{
    const mask one = (mask)V(set)(1.0);
    return (vec)((x > 0.0) & one) - (vec)((x < 0.0) & one);
}

#define LANE_BY_LANE(f)                                                                                               \
    INLINE vec V(f)(vec x)                                                                                            \
    {                                                                                                                 \
        for (int k = 0; k < WIDTH; k++) x[k] = f(x[k]);                                                               \
        return x;                                                                                                     \
    }
LANE_BY_LANE(sqrt) /* an instruction of its own */

#undef FUNCTION
#undef NEWER_FUNCTION
#if defined(__x86_64__) && defined(__GLIBC__)
#if WIDTH == 4
#define IN_LIBRARY(f, arguments) _ZGVdN4##arguments##_##f
#else
#define IN_LIBRARY(f, arguments) _ZGVbN2##arguments##_##f
#endif
#define FUNCTION(f)                                                                                                   \
    TARGET vec IN_LIBRARY(f, v)(vec);                                                                                 \
    INLINE vec V(f)(vec x) { return IN_LIBRARY(f, v)(x); }
TARGET vec IN_LIBRARY(pow, vv)(vec, vec);
INLINE vec V(pow)(vec x, vec y) { return IN_LIBRARY(pow, vv)(x, y); }
#if __GLIBC_PREREQ(2, 35)
#define NEWER_FUNCTION FUNCTION
#endif
#else
#define FUNCTION LANE_BY_LANE
INLINE vec V(pow)(vec x, vec y)
{
    for (int k = 0; k < WIDTH; k++) x[k] = pow(x[k], y[k]);
    return x;
}
#endif
#ifndef NEWER_FUNCTION
#define NEWER_FUNCTION LANE_BY_LANE
#endif
FUNCTION(exp)
FUNCTION(log)
NEWER_FUNCTION(sinh)
NEWER_FUNCTION(cosh)
NEWER_FUNCTION(tanh)
NEWER_FUNCTION(tan)
NEWER_FUNCTION(atan)
NEWER_FUNCTION(asin)
NEWER_FUNCTION(asinh)
#undef LANE_BY_LANE
#undef IN_LIBRARY
