/* The loops over neurons and rows of cn_boltzmann.c, written once; included there once for each processor. */

/* One step of a layer; the noise is the sum of eight even numbers. */
TARGET static void NAME(advance)(const cn_sampler *s, int side, const float *restrict data, uint64_t key)
{
    const cn_idx n = s->n[side];
    float *restrict v = s->potential[side], *restrict current = s->current[side];
    const float *restrict drive = s->drive[side];
    int32_t *restrict wait = s->wait[side];
    const float keep = s->keep, decay = s->decay, rest = (1.0f - keep) * s->rest, gain = (1.0f - keep) * s->unit;
    const float noise = s->noise * 1.2247449f / 256.0f;  /* the sum's variance is 8 / 12 in units of 256 */
    for (cn_idx i = 0; i < n; i++) {
        uint64_t z = key + (uint64_t)i * UINT64_C(0x9E3779B97F4A7C15);  /* splitmix64 (Steele, Lea and Flood 2014) */
        z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
        z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
        z ^= z >> 31;
        z = (z & UINT64_C(0x00FF00FF00FF00FF)) + (z >> 8 & UINT64_C(0x00FF00FF00FF00FF));  /* bytes in pairs */
        const int32_t sum = (int32_t)(z * UINT64_C(0x0001000100010001) >> 48);
        const float kick = noise * (float)(sum - 1020);
        const float input = data ? drive[i] + data[i] : drive[i];
        current[i] *= decay;
        const float next = keep * v[i] + rest + gain * (input + current[i]) + kick;
        v[i] = wait[i] > 0 ? 0.0f : next;
        wait[i] = wait[i] > 0 ? wait[i] - 1 : 0;
    }
}

TARGET static void NAME(add)(cn_idx n, float by, const float *restrict x, float *restrict y)
{
    for (cn_idx i = 0; i < n; i++) y[i] += by * x[i];
}

/* Reset the neurons above the threshold and write down who they are, behind `end`; few are, so that most blocks have none. */
TARGET static cn_idx NAME(fire)(const cn_sampler *s, int side, cn_idx end)
{
    const cn_idx n = s->n[side];
    const float threshold = s->threshold;
    float *restrict v = s->potential[side];
    for (cn_idx i0 = 0; i0 < n; i0 += BLOCK) {
        const cn_idx i1 = i0 + BLOCK < n ? i0 + BLOCK : n;
        int above = 0;
        if (i1 - i0 == BLOCK)
            for (cn_idx i = 0; i < BLOCK; i++) above |= v[i0 + i] > threshold;
        else
            above = 1;
        for (cn_idx i = i0; above && i < i1; i++)
            if (v[i] > threshold) {
                v[i] = 0.0f;
                s->wait[side][i] = s->refractory - 1;
                s->spike[side][end++] = i;
            }
    }
    return end;
}
