/* Trains and rows of devices on one processor's vectors, see cn_synapse.h; included by cn_synapse.c through cn_targets.h. */
#define WIDTH (2 * LANES)
#define F NAME(synapse_f)
#define I NAME(synapse_i)
#define U NAME(synapse_u)
#define U64 NAME(synapse_u64)
#define HALF NAME(synapse_half)
#define INLINE static inline __attribute__((always_inline)) TARGET

typedef float F __attribute__((vector_size(4 * WIDTH)));
typedef int32_t I __attribute__((vector_size(4 * WIDTH)));
typedef uint32_t U __attribute__((vector_size(4 * WIDTH)));
typedef uint64_t U64 __attribute__((vector_size(8 * LANES)));
typedef uint32_t HALF __attribute__((vector_size(4 * LANES)));

INLINE F NAME(load)(const float *from)
{
    F v;
    memcpy(&v, from, sizeof v);
    return v;
}

INLINE F NAME(spread)(float x) { return x - (F){0.0f}; }

INLINE F NAME(choose)(I mask, F yes, F no) { return (F)(((I)yes & mask) | ((I)no & ~mask)); }

INLINE F NAME(size)(F x) { return (F)((I)x & INT32_MAX); }

INLINE F NAME(lesser)(F a, F b) { return NAME(choose)(a < b, a, b); }

INLINE F NAME(greater)(F a, F b) { return NAME(choose)(a > b, a, b); }

INLINE int NAME(any)(I mask)
{
#if STREAMS == 8
    return _mm512_test_epi32_mask((__m512i)mask, (__m512i)mask) != 0;
#elif STREAMS == 4
    return _mm256_movemask_ps((__m256)mask) != 0;
#else
    int32_t found = 0;
    for (int e = 0; e < WIDTH; e++) found |= mask[e];
    return found != 0;
#endif
}

INLINE F NAME(root)(F x)
{
#if STREAMS == 8
    return (F)_mm512_sqrt_ps((__m512)x);
#elif STREAMS == 4
    return (F)_mm256_sqrt_ps((__m256)x);
#else
    for (int e = 0; e < WIDTH; e++) x[e] = sqrtf(x[e]);
    return x;
#endif
}

INLINE float NAME(total)(F x)
{
    float sum = 0.0f;
    for (int e = 0; e < WIDTH; e++) sum += x[e];
    return sum;
}

/* Product of the low halves. */
INLINE U64 NAME(product)(U64 a, uint32_t b)
{
#if STREAMS == 8
    return (U64)_mm512_mul_epu32((__m512i)a, _mm512_set1_epi64((long long)b));
#elif STREAMS == 4
    return (U64)_mm256_mul_epu32((__m256i)a, _mm256_set1_epi64x((long long)b));
#else
    return (a & 0xFFFFFFFFu) * (uint64_t)b;
#endif
}

/* Philox 4x32-10 (see cn_random.h) of counters (first, second, count), of which the first two are a lane's own. */
INLINE void NAME(philox)(U first, U second, uint64_t count, uint64_t seed, uint32_t purpose, U out[4])
{
    HALF from[2][2], to[4][2];
    memcpy(from[0], &first, sizeof first);
    memcpy(from[1], &second, sizeof second);
    for (int h = 0; h < 2; h++) {
        U64 c0 = __builtin_convertvector(from[0][h], U64), c1 = __builtin_convertvector(from[1][h], U64);
        U64 c2 = (U64){0} + (count & 0xFFFFFFFFu), c3 = (U64){0} + (count >> 32);
        uint32_t k0 = (uint32_t)seed, k1 = (uint32_t)(seed >> 32) ^ purpose;
        for (int round = 0; round < 10; round++) {
            /* high halves may hold anything that `product` leaves out */
            const U64 a = NAME(product)(c0, 0xD2511F53u), b = NAME(product)(c2, 0xCD9E8D57u);
            c0 = (b >> 32) ^ c1 ^ (uint64_t)k0;
            c2 = (a >> 32) ^ c3 ^ (uint64_t)k1;
            c1 = b;
            c3 = a;
            k0 += 0x9E3779B9u;
            k1 += 0xBB67AE85u;
        }
        to[0][h] = __builtin_convertvector(c0, HALF);
        to[1][h] = __builtin_convertvector(c1, HALF);
        to[2][h] = __builtin_convertvector(c2, HALF);
        to[3][h] = __builtin_convertvector(c3, HALF);
    }
    for (int k = 0; k < 4; k++) memcpy(out + k, to[k], sizeof(U));
}

/* Between 0 and 1 from 31 random bits, 0 left out. */
INLINE F NAME(uniform)(U word) { return (__builtin_convertvector((I)(word >> 1), F) + 0.5f) * 0x1p-31f; }

/* Natural logarithm of positive normal numbers, within 1e-7 of itself or of 1. */
INLINE F NAME(logarithm)(F x)
{
    const I moved = (I)x - 0x3F3504F3, exponent = moved >> 23; /* from the root of 1/2 */
    const F m = (F)((I)x - (exponent << 23));
    const F s = (m - 1.0f) / (m + 1.0f), z = s * s;
    F p = 1.0f / 7.0f + z * (1.0f / 9.0f);
    p = z * p + 1.0f / 5.0f;
    p = z * p + 1.0f / 3.0f;
    return 2.0f * s + 2.0f * s * z * p + __builtin_convertvector(exponent, F) * 0.693147180559945f;
}

/* Sine and cosine of 2 pi x, |x| at most 1/2, within 2e-7. */
INLINE void NAME(circle)(F x, F *sine, F *cosine)
{
    const F shifted = 4.0f * x + 0x1.8p23f, quarters = shifted - 0x1.8p23f;
    const I quadrant = (I)shifted;
    const F r = (x - 0.25f * quarters) * 6.283185307179586f, z = r * r;
    F s = -1.0f / 5040.0f + z * (1.0f / 362880.0f);
    s = z * s + 1.0f / 120.0f;
    s = z * s - 1.0f / 6.0f;
    s = r + r * z * s;
    F c = 1.0f / 40320.0f - z * (1.0f / 3628800.0f);
    c = z * c - 1.0f / 720.0f;
    c = z * c + 1.0f / 24.0f;
    c = z * c - 0.5f;
    c = 1.0f + z * c;
    const I odd = -(quadrant & 1), flip = (quadrant & 2) << 30, flip_cosine = ((quadrant + 1) & 2) << 30;
    *sine = (F)((I)NAME(choose)(odd, c, s) ^ flip);
    *cosine = (F)((I)NAME(choose)(odd, s, c) ^ flip_cosine);
}

/* Four standard normals in each lane, by Box and Muller. */
INLINE void NAME(normals)(U word[4], F out[4])
{
    for (int k = 0; k < 4; k += 2) {
        const F radius = NAME(root)(-2.0f * NAME(logarithm)(NAME(uniform)(word[k])));
        F sine, cosine;
        NAME(circle)(__builtin_convertvector((I)word[k + 1], F) * 0x1p-32f, &sine, &cosine);
        out[k] = radius * cosine;
        out[k + 1] = radius * sine;
    }
}

/* Trains of drivers: each bit of the mask is set with the probability |value|, kept to 24 bits.  Random words are the
 * digits of 32 numbers at a time, which are compared with the probability from the last digit on. */
static TARGET void NAME(trains)(drivers *d, uint64_t seed, uint64_t count, uint32_t purpose, uint32_t mask)
{
    for (cn_idx i = 0; i < d->n; i += WIDTH) {
        U at, word[4], train = {0};
        memcpy(&at, d->at + i, sizeof at);
        const F p = NAME(lesser)(NAME(size)(NAME(load)(d->value + i)), NAME(spread)(1.0f));
        const U digits = (U)__builtin_convertvector(p * 0x1p24f + 0.5f, I);
        for (uint32_t k = 0; k < TRAIN_BITS; k++) {
            if (k % 4 == 0) NAME(philox)(at, (U){0} + k / 4, count, seed, purpose, word);
            const U one = (U)(-(I)(digits >> k & 1u)), w = word[k % 4];
            train = (~w & (train | one)) | (train & one);
        }
        const U sure = (U)(-(I)(digits >> TRAIN_BITS & 1u)); /* 1 itself */
        train = (train | sure) & mask;
        memcpy(d->train + i, &train, sizeof train);
    }
}

INLINE F NAME(fetch)(const float *from, const int32_t *at, int contiguous)
{
    if (contiguous) return NAME(load)(from + at[0]);
#if STREAMS == 8
    return (F)_mm512_i32gather_ps(_mm512_loadu_si512(at), from, 4);
#elif STREAMS == 4
    return (F)_mm256_i32gather_ps(from, _mm256_loadu_si256((const __m256i *)at), 4);
#else
    F v;
    for (int e = 0; e < WIDTH; e++) v[e] = from[at[e]];
    return v;
#endif
}

/* What a table (2, nodes) of things up and down holds for states, its first row where `rise`. */
INLINE F NAME(lookup)(const float *table, cn_idx nodes, F state, F low, F high, I rise)
{
    const F last = NAME(spread)((float)(nodes - 1));
    const F place = NAME(lesser)(NAME(greater)((state - low) / (high - low) * last, NAME(spread)(0.0f)), last);
    const I below = __builtin_convertvector(place, I), most = (I){0} + (nodes - 2), over = below > most;
    const I node = (below & ~over) | (most & over), from = node + (~rise & nodes);
    int32_t at[WIDTH];
    memcpy(at, &from, sizeof at);
    const F left = NAME(fetch)(table, at, 0), right = NAME(fetch)(table + 1, at, 0);
    return left + (place - __builtin_convertvector(node, F)) * (right - left);
}

/* A step of a law: what a state changes by, up where `rise`. */
INLINE F NAME(stride)(const cn_devices *p, F state, F up, F down, F low, F high, I rise)
{
    F size = NAME(choose)(rise, up, down);
    if (p->table) {
        size *= NAME(lookup)(p->table, p->nodes, state, low, high, rise);
    } else if (p->slope_up != 0.0f || p->slope_down != 0.0f) {
        const F m = p->about_zero ? state / NAME(choose)(rise, high, -low) : (2.0f * state - low - high) / (high - low);
        const F slope = NAME(choose)(rise, NAME(spread)(p->slope_up), NAME(spread)(p->slope_down));
        size *= NAME(greater)(1.0f + slope * m, NAME(spread)(0.0f));
    }
    return NAME(choose)(rise, size, -size);
}

/* Let n of a row's devices take a step each, or less where less is wanted: the `pass`-th of this update. `at` and `steps`
 * may be read WIDTH past the end. */
INLINE void NAME(move)(const cn_synapse *s, cn_idx which, cn_idx row, const int32_t *at, const float *steps, cn_idx n,
                       uint64_t count, uint32_t pass)
{
    const cn_devices *p = s->device + which;
    rooms *room = s->room;
    const size_t base = (size_t)row * (size_t)s->cols, own = p->own ? base : 0;
    const float *const up = p->up + own, *const down = p->down + own;
    const float *const low = p->low + own, *const high = p->high + own;
    const uint32_t purpose = (FOR_DEVICES + (uint32_t)which) | pass << 4;
    float *state = p->state + base;
    double all = 0.0, charge = 0.0;
    for (cn_idx first = 0; first < n; first += GROUP) {
        F taken = {0.0f}, moved = {0.0f};
        for (cn_idx sub = 0; sub < 16 && first + sub < n; sub += WIDTH) {
            F z[4];
            if (p->noise > 0.0f) {
                U lane, word[4];
                for (int e = 0; e < WIDTH; e++) lane[e] = (uint32_t)(first / 4 + sub + e);
                NAME(philox)((U){0} + (uint32_t)row, lane, count, s->seed, purpose, word);
                NAME(normals)(word, z);
            }
            for (int k = 0; k < 4; k++) {
                const cn_idx here = first + 16 * k + sub;
                if (here >= n) break;
                const int32_t *now = at + here;
                const int contiguous = here + WIDTH <= n && now[WIDTH - 1] - now[0] == WIDTH - 1;
                const F want = NAME(load)(steps + here) * (p->falls ? -1.0f : 1.0f);
                const F size = p->only_up ? NAME(greater)(want, NAME(spread)(0.0f)) : NAME(size)(want);
                const F part = NAME(lesser)(size, NAME(spread)(1.0f)), value = NAME(fetch)(state, now, contiguous);
                const F u = p->own ? NAME(fetch)(up, now, contiguous) : NAME(spread)(*up);
                const F d = p->own ? NAME(fetch)(down, now, contiguous) : NAME(spread)(*down);
                const F l = p->own ? NAME(fetch)(low, now, contiguous) : NAME(spread)(*low);
                const F h = p->own ? NAME(fetch)(high, now, contiguous) : NAME(spread)(*high);
                F delta = part * NAME(stride)(p, value, u, d, l, h, want > 0.0f);
                if (p->noise > 0.0f) delta += delta * (p->noise * z[k]);
                taken += part;
                moved += part * (p->energy ? NAME(lookup)(p->energy, p->nodes, value, l, h, want > 0.0f) : value);
                const F then = NAME(lesser)(NAME(greater)(value + delta, l), h);
                if (contiguous) {
                    memcpy(state + now[0], &then, sizeof then);
                } else {
                    float back[WIDTH];
                    memcpy(back, &then, sizeof then);
                    const cn_idx end = n - here < WIDTH ? n - here : WIDTH;
                    for (cn_idx e = 0; e < end; e++) state[now[e]] = back[e];
                }
            }
        }
        all += (double)NAME(total)(taken);
        charge += (double)NAME(total)(moved);
    }
    room->row_steps[(size_t)which * (size_t)s->rows + (size_t)row] += all;
    room->row_charge[(size_t)which * (size_t)s->rows + (size_t)row] += charge;
}

/* Ones of each word. */
INLINE U NAME(ones)(U x)
{
    x -= x >> 1 & 0x55555555u;
    x = (x & 0x33333333u) + (x >> 2 & 0x33333333u);
    x = (x + (x >> 4)) & 0x0F0F0F0Fu;
    return (x * 0x01010101u) >> 24;
}

/* Steps of n devices as whole ones, up or down at random so that the mean stays. */
INLINE void NAME(round)(const cn_synapse *s, float *steps, cn_idx n, cn_idx row, uint64_t count)
{
    for (cn_idx first = 0; first < n; first += GROUP)
        for (cn_idx sub = 0; sub < 16; sub += WIDTH) {
            U lane, word[4];
            for (int e = 0; e < WIDTH; e++) lane[e] = (uint32_t)(first / 4 + sub + e);
            NAME(philox)((U){0} + (uint32_t)row, lane, count, s->seed, FOR_ROUNDING, word);
            for (int k = 0; k < 4; k++) {
                float *here = steps + first + 16 * k + sub;
                const F want = NAME(load)(here), size = NAME(lesser)(NAME(size)(want), NAME(spread)(0x1p22f));
                const F whole = __builtin_convertvector(__builtin_convertvector(size, I), F);
                const I more = NAME(uniform)(word[k]) < size - whole;
                const F rounded = whole + NAME(choose)(more, NAME(spread)(1.0f), NAME(spread)(0.0f));
                const F with_sign = (F)((I)rounded | ((I)want & INT32_MIN));
                memcpy(here, &with_sign, sizeof with_sign);
            }
        }
}

/* Those that step, moved to the front, when `done` steps of each have been taken. */
INLINE cn_idx NAME(pack)(int32_t *at, float *steps, cn_idx n, float done)
{
    cn_idx m = 0;
    for (cn_idx j = 0; j < n; j += WIDTH) {
        const F want = NAME(load)(steps + j);
        const F size = NAME(greater)(NAME(size)(want) - done, NAME(spread)(0.0f));
        if (!NAME(any)(size > 0.0f)) continue;
        const F now = (F)((I)size | ((I)want & INT32_MIN));
        memcpy(steps + j, &now, sizeof now);
        const cn_idx end = j + WIDTH < n ? j + WIDTH : n;
        for (cn_idx e = j; e < end; e++) {
            const float value = steps[e];
            at[m] = at[e];
            steps[m] = value;
            m += value != 0.0f;
        }
    }
    for (cn_idx j = m; j < m + WIDTH; j++) {
        at[j] = 0;
        steps[j] = 0.0f;
    }
    return m;
}

/* What all samples, or the changes, do to a row. */
static TARGET void NAME(row)(const cn_synapse *s, const float *change, cn_idx row, cn_idx samples, uint64_t count,
                             int32_t *at, float *steps)
{
    rooms *room = s->room;
    for (cn_idx k = 0; k < samples; k++) {
        const size_t here = (size_t)k * (size_t)s->rows + (size_t)row;
        const float value = room->row_value[here];
        cn_idx n;
        if (change) {
            const float *from = change + (size_t)row * (size_t)s->cols;
            const float scale = 1.0f / s->step;
            n = s->cols;
            for (cn_idx j = 0; j < n; j++) {
                at[j] = j;
                steps[j] = s->way == CN_PULSES_SIGN ? (float)((from[j] > 0.0f) - (from[j] < 0.0f)) : from[j] * scale;
            }
        } else {
            const drivers *column = room->column + k;
            n = column->n;
            if (value == 0.0f || n <= 0) continue;
            if (s->way == CN_PULSES_STOCHASTIC) {
                const uint32_t train = room->row_train[here];
                if (train == 0) continue;
                const I sign = (I){0} + (value < 0.0f ? INT32_MIN : 0);
                for (cn_idx j = 0; j < n; j += WIDTH) {
                    U word;
                    memcpy(&word, column->train + j, sizeof word);
                    const I both = (I)NAME(load)(column->value + j) & INT32_MIN;
                    const F hits = __builtin_convertvector((I)NAME(ones)(word & train), F);
                    const F signed_hits = (F)((I)hits | (both ^ sign));
                    memcpy(steps + j, &signed_hits, sizeof signed_hits);
                }
            } else if (s->way == CN_PULSES_SIGN) {
                for (cn_idx j = 0; j < n; j++) steps[j] = (column->value[j] < 0.0f) == (value < 0.0f) ? 1.0f : -1.0f;
            } else {
                for (cn_idx j = 0; j < n; j++) steps[j] = column->value[j] * value;
            }
            memcpy(at, column->at, sizeof(int32_t) * (size_t)n);
        }
        for (cn_idx j = n; j < n + WIDTH; j++) steps[j] = 0.0f;
        if ((change || s->way == CN_PULSES_DETERMINISTIC) && !s->partial) NAME(round)(s, steps, n, row, count + (uint64_t)k);
        n = NAME(pack)(at, steps, n, 0.0f);
        for (uint32_t pass = 0; n > 0; pass++) {
            for (cn_idx w = 0; w < s->n_devices; w++) NAME(move)(s, w, row, at, steps, n, count + (uint64_t)k, pass);
            if (s->weight) {
                const size_t base = (size_t)row * (size_t)s->cols;
                const float *state = s->device[0].state + base;
                const float *other = (s->n_devices == 2 ? s->device[1].state : s->rest) + base;
                float *weight = s->weight + base;
                for (cn_idx j = 0; j < n; j++) weight[at[j]] = state[at[j]] - other[at[j]];
            }
            n = NAME(pack)(at, steps, n, 1.0f);
        }
    }
}

/* What all half-selected pulses seen did to a row. Stuck devices, whose steps are 0, stay. */
static TARGET void NAME(disturb)(const cn_synapse *s, cn_idx which, cn_idx row)
{
    const cn_devices *p = s->device + which;
    const size_t base = (size_t)row * (size_t)s->cols, own = p->own ? base : 0, lines = (size_t)(s->rows + s->cols);
    const float *rising = s->seen + (p->falls ? lines : 0), *falling = s->seen + (p->falls ? 0 : lines);
    const I all = (I){0} - 1, none = {0};
    for (cn_idx j = 0; j < s->cols; j += WIDTH) {
        const cn_idx n = s->cols - j < WIDTH ? s->cols - j : WIDTH;
        const size_t bytes = sizeof(float) * (size_t)n, at = base + (size_t)j, here = p->own ? own + (size_t)j : 0;
        F value = {0.0f}, up = {0.0f}, down = {0.0f}, l, h, u;
        memcpy(&value, p->state + at, bytes);
        memcpy(&up, rising + s->rows + j, bytes);
        memcpy(&down, falling + s->rows + j, bytes);
        if (p->own) {
            l = h = u = (F){0.0f};
            memcpy(&l, p->low + here, bytes);
            memcpy(&h, p->high + here, bytes);
            memcpy(&u, p->up + here, bytes);
        } else {
            l = NAME(spread)(*p->low);
            h = NAME(spread)(*p->high);
            u = NAME(spread)(*p->up);
        }
        const F gain = (up + rising[row]) * NAME(lookup)(p->half, p->nodes, value, l, h, all);
        const F loss = (down + falling[row]) * NAME(lookup)(p->half, p->nodes, value, l, h, none);
        const F moved = NAME(choose)(u > 0.0f, gain - loss, (F){0.0f});
        value = NAME(lesser)(NAME(greater)(value + moved, l), h);
        memcpy(p->state + at, &value, bytes);
    }
}

#undef WIDTH
#undef F
#undef I
#undef U
#undef U64
#undef HALF
#undef INLINE
