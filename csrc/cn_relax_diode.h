/* Nodes with exponential diodes on one processor's vectors; included by cn_relax_pass.h. */
#define MANTISSA (SINGLE ? 23 : 52)
#define BIAS (SINGLE ? 127 : 1023)
#define SHIFTER ((REAL)(SINGLE ? 0x1.8p23 : 0x1.8p52)) /* added to a number, it rounds it and leaves it in the low bits */
#define PART(n) ((REAL)(1.0 / (n)))
#define FARTHEST ((REAL)(SINGLE ? 80 : 700))           /* exponents beyond which nothing changes that a voltage shows */

INLINE V NAME(magnitude)(V x) { return (V)((INTEGERS)x & (((INTEGERS)NAME(spread)(0) - 1) >> 1)); }

/* exp(x) for |x| <= FARTHEST: Taylor's series of what is left beside a power of 2. */
INLINE V NAME(exponential)(V x)
{
    const V k = (V)(x * (REAL)1.44269504088896340736) + SHIFTER, whole = k - SHIFTER;
    const V y = (x - whole * (REAL)(SINGLE ? 0x1.62e4p-1 : 0x1.62e42feep-1)) -
                whole * (REAL)(SINGLE ? 0x1.7f7d1cp-20 : 0x1.a39ef35793c76p-33);
    V sum = NAME(spread)((REAL)(SINGLE ? 1.0 / 5040 : 1.0 / 6227020800));
    static const REAL series[] = {1.0, 1.0, PART(2), PART(6), PART(24), PART(120), PART(720), PART(5040), PART(40320),
                                  PART(362880), PART(3628800), PART(39916800), PART(479001600)};
    _Pragma("GCC unroll 16") for (int n = SINGLE ? 6 : 12; n >= 0; n--) sum = sum * y + series[n];
    return (V)((INTEGERS)sum + ((INTEGERS)k << MANTISSA));
}

/* log(x) for normal x > 0: 2 artanh((m - 1) / (m + 1)), m in sqrt(1/2) .. sqrt(2). */
INLINE V NAME(logarithm)(V x)
{
    const INTEGERS half = (INTEGERS)NAME(spread)((REAL)0.70710678118654752440), one = (INTEGERS)NAME(spread)(1);
    const INTEGERS k = (((INTEGERS)x + (one - half)) >> MANTISSA) - BIAS;
    const V m = (V)((INTEGERS)x - (k << MANTISSA));
    const V s = (m - 1) / (m + 1), z = s * s;
    static const REAL series[] = {1.0, PART(3), PART(5), PART(7), PART(9), PART(11), PART(13), PART(15), PART(17),
                                  PART(19)};
    V sum = NAME(spread)((REAL)(SINGLE ? 1.0 / 11 : 1.0 / 21));
    _Pragma("GCC unroll 16") for (int n = SINGLE ? 4 : 9; n >= 0; n--) sum = sum * z + series[n];
    const V whole = (V)(k + (INTEGERS)NAME(spread)(SHIFTER)) - SHIFTER;
    return 2 * s * sum + whole * (REAL)0.69314718055994530942;
}

/* Wright's omega, w + log(w) = z: two steps of fourth order (Lawrence, Corless and Jeffrey, ACM Trans. Math. Softw. 38,
 * 20 (2012)) from a start within 15 %. */
INLINE V NAME(omega)(V z)
{
    z = NAME(larger)(NAME(spread)(-FARTHEST), z);
    const V x = NAME(exponential)(NAME(smaller)(NAME(spread)(1), z)), large = NAME(larger)(NAME(spread)(1), z);
    V w = NAME(select)((INTEGERS)(z > 1), large - NAME(logarithm)(large),
                       x * (1 + (REAL)(4.0 / 3) * x) / (1 + x * ((REAL)(7.0 / 3) + (REAL)(5.0 / 6) * x)));
    _Pragma("GCC unroll 2") for (int step = 0; step < 2; step++)
    {
        const V r = z - w - NAME(logarithm)(w), p = w + 1, q = 2 * p * (p + (REAL)(2.0 / 3) * r);
        w += w * (r * (q - r)) / (p * (q - 2 * r));
    }
    return w;
}

/* The voltage above its source of a node that a diode from there feeds: w / over = s + Is (exp(-w / n) - 1). */
INLINE V NAME(one_diode)(V s, V over, V start, REAL saturation, REAL thermal)
{
    const V r = (s - saturation) * over;
    return r + thermal * NAME(omega)(start - r * (1 / thermal));
}

/* The voltage of a node: v / over = s + Is (exp((low - v) / n) - 1) - Is (exp((v - high) / n) - 1); a diode whose
 * source is infinitely far is not there. */
INLINE V NAME(bent)(V s, V over, V low, V high, int pairs, REAL saturation, REAL thermal)
{
    const REAL infinity = (REAL)INFINITY;
    const V start = NAME(logarithm)(NAME(larger)(NAME(spread)((REAL)1e-30), over * (saturation / thermal)));
    const V a = 1 / NAME(larger)(NAME(spread)((REAL)1e-30), over);
    if (!pairs) {
        const INTEGERS rises = (INTEGERS)(low > -infinity);
        const V sign = NAME(select)(rises, NAME(spread)(1), NAME(spread)(-1)), source = NAME(select)(rises, low, high);
        const V w = NAME(one_diode)(sign * (s - a * source), over, start, saturation, thermal);
        return source + sign * w;
    }
    /* without the exponential of the other one, each diode gives a bound */
    V upper = low + NAME(one_diode)(s - a * low + saturation, over, start, saturation, thermal);
    V lower = high - NAME(one_diode)(a * high - s + saturation, over, start, saturation, thermal);
    const V middle = (REAL)0.5 * (low + high);
    V v = NAME(select)((INTEGERS)(upper < middle), upper, lower);
    for (int step = 0; step < 100; step++) {
        const V far = NAME(spread)(FARTHEST);
        const V up = saturation * NAME(exponential)(NAME(smaller)(far, NAME(larger)(-far, (low - v) * (1 / thermal))));
        const V down = saturation * NAME(exponential)(NAME(smaller)(far, NAME(larger)(-far, (v - high) * (1 / thermal))));
        const V next = NAME(smaller)(upper, NAME(larger)(lower, v - (a * v - s - up + down) / (a + (up + down) * (1 / thermal))));
        const V moved = NAME(magnitude)(next - v) - (REAL)(SINGLE ? 1e-6 : 1e-14) * (NAME(magnitude)(v) + thermal);
        int more = 0;
        v = next;
        for (cn_idx e = 0; e < IN_VECTOR; e++) more |= moved[e] > 0;
        if (!more) break;
    }
    return v;
}

#undef MANTISSA
#undef BIAS
#undef SHIFTER
#undef FARTHEST
#undef PART
