/* Macrospins on one processor's vectors, see cn_spins.h; included by cn_spins.c through cn_targets.h. */
#define V NAME(spin_v)
#define I NAME(spin_i)
#define U NAME(spin_u)
#define GROUP NAME(spin_group)
#define NOW NAME(spin_now)
#define INLINE static inline __attribute__((always_inline)) TARGET

typedef double V __attribute__((vector_size(8 * LANES)));
typedef int64_t I __attribute__((vector_size(8 * LANES)));
typedef uint64_t U __attribute__((vector_size(8 * LANES)));

/* Oscillators in the lanes of a vector. */
typedef struct GROUP {
    V m[3], c[CN_SPIN_CONSTANTS];
    V torque_a[3], torque_b[3];     /* of an ampere, along p */
    U low, high;                    /* halves of the streams' numbers */
    V worst;                        /* largest |m^2 - 1| */
    cn_idx at;                      /* the first of them */
    V normal[3];                    /* of an oscillator alone: normals of the steps from `drawn` on */
    int64_t drawn;
    /* of methods that go stage by stage */
    V stage[3], sum[3];
} GROUP;

/* What acts at a moment: the field, and the torques along p where they depend on the angle. */
typedef struct NOW {
    V h[3], a[3], b[3];
} NOW;

INLINE V NAME(load)(const double *from)
{
    V v;
    memcpy(&v, from, sizeof v);
    return v;
}

INLINE V NAME(spread)(double x) { return x - (V){0.0}; }

INLINE V NAME(choose)(I mask, V yes, V no) { return (V)(((I)yes & mask) | ((I)no & ~mask)); }

INLINE V NAME(size)(V x) { return (V)((I)x & INT64_MAX); }

INLINE V NAME(root)(V x)
{
    V r;
    for (int e = 0; e < LANES; e++) r[e] = sqrt(x[e]);
    return r;
}

INLINE int NAME(any)(I mask)
{
#if STREAMS == 8
    return _mm512_movepi64_mask((__m512i)mask) != 0;
#elif STREAMS == 4
    return _mm256_movemask_pd((__m256d)mask) != 0;
#else
    int64_t found = 0;
    for (int e = 0; e < LANES; e++) found |= mask[e];
    return found != 0;
#endif
}

/* Product of the low halves. */
INLINE U NAME(product)(U a, uint32_t b)
{
#if STREAMS == 8
    return (U)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64((long long)b));
#elif STREAMS == 4
    return (U)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x((long long)b));
#else
    return (a & 0xFFFFFFFFu) * (uint64_t)b;
#endif
}

/* Sine and cosine of 2 pi x, within 1e-13; |x| below 2^50. */
INLINE void NAME(circle)(V x, V *sine, V *cosine)
{
    const V shifted = 4.0 * x + 0x1.8p52, quarters = shifted - 0x1.8p52;
    const I quadrant = (I)shifted;
    const V r = (x - 0.25 * quarters) * 6.283185307179586476925, z = r * r;
    V s = 1.0 / 6227020800.0 - z * (1.0 / 1307674368000.0);
    s = z * s - 1.0 / 39916800.0;
    s = z * s + 1.0 / 362880.0;
    s = z * s - 1.0 / 5040.0;
    s = z * s + 1.0 / 120.0;
    s = z * s - 1.0 / 6.0;
    s = r + r * z * s;
    V c = 1.0 / 479001600.0 - z * (1.0 / 87178291200.0);
    c = z * c - 1.0 / 3628800.0;
    c = z * c + 1.0 / 40320.0;
    c = z * c - 1.0 / 720.0;
    c = z * c + 1.0 / 24.0;
    c = z * c - 0.5;
    c = 1.0 + z * c;
    const I odd = -(quadrant & 1), flip = (quadrant & 2) << 62, flip_cosine = ((quadrant + 1) & 2) << 62;
    *sine = (V)((I)NAME(choose)(odd, c, s) ^ flip);
    *cosine = (V)((I)NAME(choose)(odd, s, c) ^ flip_cosine);
}

/* Natural logarithm of positive normal numbers, within 1e-12. */
INLINE V NAME(logarithm)(V x)
{
    const U bits = (U)x, moved = bits - 0x3FE6A09E667F3BCDu; /* from the root of 1/2 */
    const I exponent = (I)moved >> 52;
    const V m = (V)(bits - ((U)exponent << 52));
    const V e = (V)((U)(exponent + 0x4338000000000000) ) - 0x1.8p52;
    const V s = (m - 1.0) / (m + 1.0), z = s * s;
    V p = 1.0 / 13.0 + z * (1.0 / 15.0);
    p = z * p + 1.0 / 11.0;
    p = z * p + 1.0 / 9.0;
    p = z * p + 1.0 / 7.0;
    p = z * p + 1.0 / 5.0;
    p = z * p + 1.0 / 3.0;
    p = 2.0 * s + 2.0 * s * z * p;
    return p + e * 0.6931471805599453094;
}

/* A number between 0 and 1 from 32 random bits, both left out. */
INLINE V NAME(uniform)(U word)
{
    const V number = (V)(word | 0x4330000000000000u) - 0x1p52;
    return (number + 0.5) * 0x1p-32;
}

/* Three standard normals of each oscillator for its step: one block of Philox 4x32-10, two pairs of Box and Muller. */
INLINE void NAME(normals)(U low_stream, U high_stream, uint64_t seed, U step, V out[3])
{
    U c0 = step & 0xFFFFFFFFu, c1 = (step >> 32 & 0xFFFFu) | (uint64_t)CN_SPIN_PURPOSE << 16;
    U c2 = low_stream, c3 = high_stream;
    uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32);
    for (int round = 0; round < 10; round++) {
        /* high halves may hold anything that `product` leaves out */
        const U a = NAME(product)(c0, 0xD2511F53u), b = NAME(product)(c2, 0xCD9E8D57u);
        c0 = (b >> 32) ^ c1 ^ (uint64_t)k0;
        c2 = (a >> 32) ^ c3 ^ (uint64_t)k1;
        c1 = b;
        c3 = a;
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    const U low = (U){0} + 0xFFFFFFFFu;
    V sine, cosine, unused;
    const V radius = NAME(root)(-2.0 * NAME(logarithm)(NAME(uniform)(c0 & low)));
    NAME(circle)(NAME(uniform)(c1 & low), &sine, &cosine);
    out[0] = radius * cosine;
    out[1] = radius * sine;
    const V other = NAME(root)(-2.0 * NAME(logarithm)(NAME(uniform)(c2 & low)));
    NAME(circle)(NAME(uniform)(c3 & low), &unused, &cosine);
    out[2] = other * cosine;
}

/* Samples at a time; `same` when all lanes have it.  What holds is taken a little inside the step, as it jumps. */
INLINE V NAME(sampled)(const cn_spin_channel *k, cn_idx at, V time, const int same)
{
    V value = {0.0};
    const double last = (double)(k->n_samples - 1);
    for (int e = 0; e < LANES; e++) {
        if (e > 0 && same && k->width == 1) return NAME(spread)(value[0]);
        const double place = fmin(fmax((time[e] - k->start) / k->spacing, 0.0), last);
        const size_t below = (size_t)place, above = below + 1 < (size_t)k->n_samples ? below + 1 : below;
        const size_t column = k->width == 1 ? 0 : (size_t)(at + e);
        const double from = k->samples[below * (size_t)k->width + column];
        const double to = k->samples[above * (size_t)k->width + column];
        value[e] = k->hold ? from : from + (place - (double)below) * (to - from);
    }
    return value;
}

/* What acts at a time tau in steps, of the step between `start` and `start` + 1; more is what links add. */
INLINE void NAME(inputs)(const cn_spins *s, const GROUP *g, double start, V tau, V current, const V more[3], NOW *now,
                         const int chi, const int same)
{
    V amperes = g->c[CN_SPIN_CURRENT] + current;
    for (int k = 0; k < 3; k++) now->h[k] = g->c[CN_SPIN_H + k] + g->c[CN_SPIN_SCALE] * more[k];
    for (cn_idx j = 0; j < s->n_channels; j++) {
        const cn_spin_channel *k = s->channel + j;
        V value, unused;
        if (k->samples) {
            V t = tau;
            if (same && k->hold) {
                const double inside = fmin(fmax(tau[0], start + 1e-6), start + 1.0 - 1e-6);
                t = NAME(spread)(inside);
            }
            value = NAME(sampled)(k, g->at, t * s->step, same);
        } else {
            NAME(circle)(NAME(load)(k->frequency + g->at) * (tau * s->step) + NAME(load)(k->turns + g->at), &value, &unused);
            value *= NAME(load)(k->gain + g->at);
        }
        if (k->input == 0)
            amperes += value;
        else
            now->h[k->input - 1] += g->c[CN_SPIN_SCALE] * value;
    }
    for (int k = 0; k < 3; k++) {
        now->a[k] = g->torque_a[k] * amperes;
        now->b[k] = g->torque_b[k] * amperes;
        if (!chi) now->h[k] += now->a[k];
    }
}

INLINE void NAME(cross)(const V a[3], const V b[3], V out[3])
{
    out[0] = a[1] * b[2] - a[2] * b[1];
    out[1] = a[2] * b[0] - a[0] * b[2];
    out[2] = a[0] * b[1] - a[1] * b[0];
}

/* A + m x B, around which m turns. */
INLINE void NAME(axis)(const GROUP *g, const NOW *now, const V m[3], V w[3], const int diagonal, const int chi)
{
    const V *c = g->c;
    V a[3], b[3];
    for (int k = 0; k < 3; k++) {
        a[k] = now->h[k];
        b[k] = now->b[k];
    }
    if (chi) {
        const V *p = c + CN_SPIN_P;
        V q = m[0] * p[0];
        q = q + m[1] * p[1];
        q = q + m[2] * p[2];
        q = 1.0 / (1.0 + c[CN_SPIN_CHI] * q);
        for (int k = 0; k < 3; k++) {
            a[k] = a[k] + q * now->a[k];
            b[k] = q * b[k];
        }
    }
    for (int k = 0; k < 3; k++) a[k] = a[k] + c[CN_SPIN_K + k] * m[k];
    if (!diagonal) {
        const V xy = c[CN_SPIN_K + 3], xz = c[CN_SPIN_K + 4], yz = c[CN_SPIN_K + 5];
        a[0] = a[0] + xy * m[1];
        a[0] = a[0] + xz * m[2];
        a[1] = a[1] + xy * m[0];
        a[1] = a[1] + yz * m[2];
        a[2] = a[2] + xz * m[0];
        a[2] = a[2] + yz * m[1];
    }
    for (int k = 0; k < 3; k++) b[k] = b[k] + c[CN_SPIN_ALPHA] * a[k];
    w[0] = a[0] + m[1] * b[2];
    w[1] = a[1] + m[2] * b[0];
    w[2] = a[2] + m[0] * b[1];
    w[0] = w[0] - m[2] * b[1];
    w[1] = w[1] - m[0] * b[2];
    w[2] = w[2] - m[1] * b[0];
}

INLINE void NAME(slope)(const GROUP *g, const NOW *now, const V m[3], V k[3], const int diagonal, const int chi)
{
    V w[3];
    NAME(axis)(g, now, m, w, diagonal, chi);
    NAME(cross)(m, w, k);
}

/* Note how far the norm is from 1, and bring it back. */
INLINE void NAME(finish)(const cn_spins *s, GROUP *g, const V m[3])
{
    V d = m[0] * m[0] - 1.0;
    d = d + m[1] * m[1];
    d = d + m[2] * m[2];
    const V far = NAME(size)(d);
    g->worst = NAME(choose)((I)(far <= g->worst), g->worst, far);
    if (!s->renormalise) {
        for (int k = 0; k < 3; k++) g->m[k] = m[k];
        return;
    }
    /* 1 / sqrt(1 + d) = 1 + d scale, in terms that need not wait for each other */
    const V low = 0.375 * d - 0.5, high = 35.0 / 128.0 * d - 5.0 / 16.0, square = d * d;
    V scale = low + square * high;
    const I large = ~(I)(far < 1e-3);
    if (__builtin_expect(NAME(any)(large), 0)) scale = NAME(choose)(large, (1.0 / NAME(root)(1.0 + d) - 1.0) / d, scale);
    for (int k = 0; k < 3; k++) g->m[k] = m[k] + m[k] * d * scale;
}

INLINE void NAME(rk4)(const cn_spins *s, GROUP *g, int64_t step, const NOW *still, const int diagonal, const int chi)
{
    const V none[3] = {{0.0}}, zero = {0.0};
    const double start = (double)step;
    const NOW *begin = still, *middle = still, *end = still;
    NOW at_begin, at_middle, at_end;
    if (s->n_channels) {
        NAME(inputs)(s, g, start, NAME(spread)(start), zero, none, &at_begin, chi, 1);
        NAME(inputs)(s, g, start, NAME(spread)(start + 0.5), zero, none, &at_middle, chi, 1);
        NAME(inputs)(s, g, start, NAME(spread)(start + 1.0), zero, none, &at_end, chi, 1);
        begin = &at_begin;
        middle = &at_middle;
        end = &at_end;
    }
    V k[3], sum[3], at[3];
    NAME(slope)(g, begin, g->m, k, diagonal, chi);
    for (int j = 0; j < 3; j++) sum[j] = g->m[j] + 1.0 / 6.0 * k[j];
    for (int j = 0; j < 3; j++) at[j] = g->m[j] + 0.5 * k[j];
    NAME(slope)(g, middle, at, k, diagonal, chi);
    for (int j = 0; j < 3; j++) sum[j] = sum[j] + 1.0 / 3.0 * k[j];
    for (int j = 0; j < 3; j++) at[j] = g->m[j] + 0.5 * k[j];
    NAME(slope)(g, middle, at, k, diagonal, chi);
    for (int j = 0; j < 3; j++) sum[j] = sum[j] + 1.0 / 3.0 * k[j];
    for (int j = 0; j < 3; j++) at[j] = g->m[j] + k[j];
    NAME(slope)(g, end, at, k, diagonal, chi);
    for (int j = 0; j < 3; j++) sum[j] = sum[j] + 1.0 / 6.0 * k[j];
    NAME(finish)(s, g, sum);
}

/* The thermal field of a step.  Where one oscillator is alone, the lanes first draw for the steps that come. */
INLINE void NAME(thermal)(const cn_spins *s, GROUP *g, int64_t step, V field[3])
{
    const U now = (U){0} + (uint64_t)step;
    if (s->n > 1) {
        NAME(normals)(g->low, g->high, s->seed, now, field);
    } else {
        if (step < g->drawn || step >= g->drawn + LANES) {
            U ahead = {0};
            for (int e = 0; e < LANES; e++) ahead[e] = (uint64_t)(step + e);
            NAME(normals)(g->low, g->high, s->seed, ahead, g->normal);
            g->drawn = step;
        }
        for (int j = 0; j < 3; j++) {
            double of[LANES];
            memcpy(of, g->normal + j, sizeof of);
            field[j] = NAME(spread)(of[step - g->drawn]);
        }
    }
    for (int j = 0; j < 3; j++) field[j] = g->c[CN_SPIN_NOISE] * field[j];
}

INLINE void NAME(heun)(const cn_spins *s, GROUP *g, int64_t step, const NOW *still, const int diagonal, const int chi)
{
    const V none[3] = {{0.0}}, zero = {0.0};
    const double start = (double)step;
    NOW begin = *still, end = *still;
    if (s->n_channels) {
        NAME(inputs)(s, g, start, NAME(spread)(start), zero, none, &begin, chi, 1);
        NAME(inputs)(s, g, start, NAME(spread)(start + 1.0), zero, none, &end, chi, 1);
    }
    if (s->noisy) {
        V field[3];
        NAME(thermal)(s, g, step, field);
        for (int j = 0; j < 3; j++) {
            begin.h[j] += field[j];
            end.h[j] += field[j];
        }
    }
    V k[3], sum[3], at[3];
    NAME(slope)(g, &begin, g->m, k, diagonal, chi);
    for (int j = 0; j < 3; j++) sum[j] = g->m[j] + 0.5 * k[j];
    for (int j = 0; j < 3; j++) at[j] = g->m[j] + k[j];
    NAME(slope)(g, &end, at, k, diagonal, chi);
    for (int j = 0; j < 3; j++) sum[j] = sum[j] + 0.5 * k[j];
    NAME(finish)(s, g, sum);
}

/* x - m = (m + x) / 2 x w with w at the middle, by fixed points: with w held, x is m turned (Cayley), whose norm is m's. */
INLINE int NAME(midpoint)(const cn_spins *s, GROUP *g, int64_t step, const NOW *still, int64_t *evaluations)
{
    const V none[3] = {{0.0}}, zero = {0.0};
    const double start = (double)step;
    NOW middle = *still;
    if (s->n_channels) NAME(inputs)(s, g, start, NAME(spread)(start + 0.5), zero, none, &middle, 1, 1);
    if (s->noisy) {
        V field[3];
        NAME(thermal)(s, g, step, field);
        for (int j = 0; j < 3; j++) middle.h[j] += field[j];
    }
    V x[3] = {g->m[0], g->m[1], g->m[2]};
    I open = (I)(zero == zero);
    for (int round = 0; round < 200; round++) {
        V half[3], w[3], next[3], r[3], turned[3];
        for (int j = 0; j < 3; j++) half[j] = 0.5 * (g->m[j] + x[j]);
        NAME(axis)(g, &middle, half, w, 0, 1);
        ++*evaluations;
        for (int j = 0; j < 3; j++) w[j] = 0.5 * w[j];
        NAME(cross)(w, g->m, turned);
        for (int j = 0; j < 3; j++) r[j] = g->m[j] - turned[j];
        NAME(cross)(w, r, turned);
        const V along = w[0] * r[0] + w[1] * r[1] + w[2] * r[2];
        const V size = 1.0 + w[0] * w[0] + w[1] * w[1] + w[2] * w[2];
        V moved = zero;
        for (int j = 0; j < 3; j++) {
            next[j] = (r[j] - turned[j] + w[j] * along) / size;
            moved += NAME(size)(next[j] - x[j]);
        }
        for (int j = 0; j < 3; j++) x[j] = NAME(choose)(open, next[j], x[j]);
        open &= ~(I)(moved <= s->tolerance);
        if (!NAME(any)(open)) {
            NAME(finish)(s, g, x);
            return 1;
        }
    }
    return 0;
}

/* Dormand and Prince 5(4), each lane with its own steps, until a time in steps. */
INLINE int NAME(rk45)(const cn_spins *s, GROUP *g, V *tau, V *stride, double until, int64_t *evaluations,
                      int64_t *rejected)
{
    static const double A[6][6] = {
        {1.0 / 5.0},
        {3.0 / 40.0, 9.0 / 40.0},
        {44.0 / 45.0, -56.0 / 15.0, 32.0 / 9.0},
        {19372.0 / 6561.0, -25360.0 / 2187.0, 64448.0 / 6561.0, -212.0 / 729.0},
        {9017.0 / 3168.0, -355.0 / 33.0, 46732.0 / 5247.0, 49.0 / 176.0, -5103.0 / 18656.0},
        {35.0 / 384.0, 0.0, 500.0 / 1113.0, 125.0 / 192.0, -2187.0 / 6784.0, 11.0 / 84.0}};
    static const double C[6] = {0.2, 0.3, 0.8, 8.0 / 9.0, 1.0, 1.0};
    static const double E[7] = {71.0 / 57600.0, 0.0, -71.0 / 16695.0, 71.0 / 1920.0, -17253.0 / 339200.0, 22.0 / 525.0,
                                -1.0 / 40.0};
    const V none[3] = {{0.0}}, zero = {0.0};
    for (;;) {
        const V left = until - *tau;
        const I going = (I)(left > 1e-9);
        if (!NAME(any)(going)) break;
        const I last = (I)(left <= *stride);
        const V h = NAME(choose)(going, NAME(choose)(last, left, *stride), zero);
        V k[7][3], at[3];
        NOW now;
        NAME(inputs)(s, g, 0.0, *tau, zero, none, &now, 1, 0);
        NAME(slope)(g, &now, g->m, k[0], 0, 1);
        for (int stage = 0; stage < 6; stage++) {
            for (int j = 0; j < 3; j++) {
                V sum = zero;
                for (int i = 0; i <= stage; i++) sum += A[stage][i] * k[i][j];
                at[j] = g->m[j] + h * sum;
            }
            NAME(inputs)(s, g, 0.0, *tau + C[stage] * h, zero, none, &now, 1, 0);
            NAME(slope)(g, &now, at, k[stage + 1], 0, 1);
        }
        *evaluations += 7;
        V error = zero;
        for (int j = 0; j < 3; j++) {
            V sum = zero;
            for (int i = 0; i < 7; i++) sum += E[i] * k[i][j];
            sum = NAME(size)(h * sum);
            error = NAME(choose)((I)(sum <= error), error, sum);
        }
        error = error / s->tolerance;
        const I good = going & (I)(error <= 1.0);
        const V held[3] = {g->m[0], g->m[1], g->m[2]}, worst = g->worst;
        NAME(finish)(s, g, at);
        for (int j = 0; j < 3; j++) g->m[j] = NAME(choose)(good, g->m[j], held[j]);
        g->worst = NAME(choose)(good, g->worst, worst);
        *tau = NAME(choose)(good & last, NAME(spread)(until), NAME(choose)(good, *tau + h, *tau));
        for (int e = 0; e < LANES; e++) {
            if (!going[e]) continue;
            if (!good[e]) ++*rejected;
            /* a step that was cut short to reach the end says little of the next */
            const double factor = fmin(5.0, fmax(0.2, 0.9 * pow(fmax(error[e], 1e-10), -0.2)));
            if (!good[e] || !last[e] || factor < 1.0) (*stride)[e] = h[e] * fmin(factor, good[e] ? 5.0 : 0.9);
            else (*stride)[e] = fmax((*stride)[e], h[e] * factor);
            if (!((*stride)[e] > 1e-9)) return 0;
        }
    }
    return 1;
}

INLINE void NAME(read_group)(const cn_spins *s, GROUP *g, cn_idx at)
{
    g->at = at;
    g->drawn = INT64_MIN / 2;
    g->worst = (V){0.0};
    for (int j = 0; j < CN_SPIN_CONSTANTS; j++) g->c[j] = NAME(load)(s->constant + j * s->padded + at);
    for (int j = 0; j < 3; j++) {
        g->torque_a[j] = g->c[CN_SPIN_FIELD_TORQUE] * g->c[CN_SPIN_P + j];
        g->torque_b[j] = g->c[CN_SPIN_TORQUE] * g->c[CN_SPIN_P + j];
    }
    for (int e = 0; e < LANES; e++) {
        const cn_idx i = at + e < s->n ? at + e : s->n - 1;
        for (int j = 0; j < 3; j++) g->m[j][e] = s->m[3 * i + j];
        g->low[e] = s->stream[i] & 0xFFFFFFFFu;
        g->high[e] = s->stream[i] >> 32;
    }
}

INLINE void NAME(write_group)(const cn_spins *s, const GROUP *g, double *to)
{
    for (int e = 0; e < LANES && g->at + e < s->n; e++)
        for (int j = 0; j < 3; j++) to[3 * (g->at + e) + j] = g->m[j][e];
}

INLINE double NAME(worst)(const cn_spins *s, const GROUP *g)
{
    double worst = 0.0;
    for (int e = 0; e < LANES && g->at + e < s->n; e++)
        if (!(g->worst[e] <= worst)) worst = g->worst[e];
    return worst;
}

/* The whole run of the groups of a block. */
INLINE int NAME(loop)(const cn_spins *s, GROUP *group, int n, const int method, const int diagonal, const int chi,
                      int64_t *evaluations, int64_t *rejected)
{
    const V none[3] = {{0.0}}, zero = {0.0};
    NOW still[CN_SPIN_GROUPS];
    V tau[CN_SPIN_GROUPS], stride[CN_SPIN_GROUPS];
    for (int i = 0; i < n; i++) {
        if (!s->n_channels) NAME(inputs)(s, group + i, 0.0, zero, zero, none, still + i, chi, 1);
        tau[i] = NAME(spread)((double)s->first);
        stride[i] = NAME(load)(s->stride + group[i].at);
    }
    int64_t next = s->every;
    double *record = s->record;
    for (int64_t step = 0; step < s->steps; step++) {
        for (int i = 0; i < n; i++) {
            if (method == CN_SPIN_RK4)
                NAME(rk4)(s, group + i, s->first + step, still + i, diagonal, chi);
            else if (method == CN_SPIN_HEUN)
                NAME(heun)(s, group + i, s->first + step, still + i, diagonal, chi);
            else if (method == CN_SPIN_MIDPOINT) {
                if (!NAME(midpoint)(s, group + i, s->first + step, still + i, evaluations)) return 0;
            } else if (step + 1 == next || step + 1 == s->steps) {
                const double until = (double)(s->first + step + 1);
                if (!NAME(rk45)(s, group + i, tau + i, stride + i, until, evaluations, rejected)) return 0;
            }
        }
        if (step + 1 == next) {
            for (int i = 0; i < n; i++) NAME(write_group)(s, group + i, record);
            record += 3 * s->n;
            next += s->every;
        }
    }
    for (int i = 0; i < n; i++) memcpy(s->stride + group[i].at, stride + i, sizeof(V));
    if (method == CN_SPIN_RK4) *evaluations += 4 * n * s->steps;
    if (method == CN_SPIN_HEUN) *evaluations += 2 * n * s->steps;
    return 1;
}

/* Oscillators from `at` to below `end`, at most CN_SPIN_BLOCK of them. */
static TARGET int NAME(block)(const cn_spins *s, cn_idx at, cn_idx end, double *drift, int64_t *evaluations,
                              int64_t *rejected)
{
    GROUP group[CN_SPIN_GROUPS];
    int n = 0, done;
    for (; at < end; at += LANES) NAME(read_group)(s, group + n++, at);
    const int d = s->diagonal, c = !s->symmetric;
    int64_t *e = evaluations, *r = rejected;
    if (s->method == CN_SPIN_RK4)
        done = d ? (c ? NAME(loop)(s, group, n, CN_SPIN_RK4, 1, 1, e, r) : NAME(loop)(s, group, n, CN_SPIN_RK4, 1, 0, e, r))
                 : (c ? NAME(loop)(s, group, n, CN_SPIN_RK4, 0, 1, e, r) : NAME(loop)(s, group, n, CN_SPIN_RK4, 0, 0, e, r));
    else if (s->method == CN_SPIN_HEUN)
        done = d ? (c ? NAME(loop)(s, group, n, CN_SPIN_HEUN, 1, 1, e, r) : NAME(loop)(s, group, n, CN_SPIN_HEUN, 1, 0, e, r))
                 : (c ? NAME(loop)(s, group, n, CN_SPIN_HEUN, 0, 1, e, r) : NAME(loop)(s, group, n, CN_SPIN_HEUN, 0, 0, e, r));
    else if (s->method == CN_SPIN_MIDPOINT)
        done = NAME(loop)(s, group, n, CN_SPIN_MIDPOINT, 0, 1, e, r);
    else
        done = NAME(loop)(s, group, n, CN_SPIN_RK45, 0, 1, e, r);
    for (int i = 0; i < n; i++) {
        *drift = fmax(*drift, 0.5 * NAME(worst)(s, group + i));
        NAME(write_group)(s, group + i, s->m);
    }
    return done;
}

/* Slopes of a block at a stage, and before the first of a step its noise; all in (3, padded) arrays. */
static TARGET void NAME(stage)(const cn_spins *s, const cn_spin_stage *at, cn_idx from, cn_idx end)
{
    const size_t padded = (size_t)s->padded;
    for (cn_idx i = from; i < end; i += LANES) {
        const size_t lane = (size_t)i;
        GROUP g = {.at = i};
        NOW now;
        V m[3], k[3], more[3], noise[3];
        NAME(read_group)(s, &g, i);
        for (size_t j = 0; j < 3; j++) {
            m[j] = NAME(load)(at->m + j * padded + lane);
            more[j] = NAME(load)(at->field + j * padded + lane);
        }
        if (s->noisy && at->part == 0.0) {
            NAME(normals)(g.low, g.high, s->seed, (U){0} + (uint64_t)at->step, noise);
            for (size_t j = 0; j < 3; j++) {
                noise[j] = g.c[CN_SPIN_NOISE] * noise[j];
                memcpy(at->noise + j * padded + lane, noise + j, sizeof(V));
            }
        }
        const double start = (double)at->step;
        NAME(inputs)(s, &g, start, NAME(spread)(start + at->part), NAME(load)(at->current + lane), more, &now, 1, 1);
        if (s->noisy)
            for (size_t j = 0; j < 3; j++) now.h[j] += NAME(load)(at->noise + j * padded + lane);
        NAME(slope)(&g, &now, m, k, 0, 1);
        for (size_t j = 0; j < 3; j++) memcpy(at->slope + j * padded + lane, k + j, sizeof(V));
    }
}

#undef V
#undef I
#undef U
#undef GROUP
#undef NOW
#undef INLINE
