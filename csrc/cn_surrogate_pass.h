/* The loops of cn_surrogate.c, written once; included there once for each processor. */

TARGET static void NAME(add)(double *restrict to, const double *restrict from, double factor, cn_idx n)
{
    for (cn_idx j = 0; j < n; j++) to[j] += factor * from[j];
}

TARGET static void NAME(forward)(const cn_lif *o, double *restrict u, double *restrict s, double *restrict current)
{
    const size_t n = (size_t)o->outputs;
    const double threshold = o->threshold, alpha = o->alpha, beta = o->beta, k = o->sharpness;
    for (cn_idx sample = 0; sample < o->samples; sample++) {
        memset(current, 0, n * sizeof(double));
        memset(u, 0, n * sizeof(double));
        for (cn_idx step = 0; step < o->steps; step++, u += n) {
            const size_t row = (size_t)sample * (size_t)o->steps + (size_t)step;
            if (s) {
                if (o->smooth)
                    for (size_t j = 0; j < n; j++) s[j] = 0.5 + (u[j] - threshold) / (1.0 + k * fabs(u[j] - threshold));
                else
                    for (size_t j = 0; j < n; j++) s[j] = u[j] >= threshold ? 1.0 : 0.0;
                s += n;
            }
            for (size_t j = 0; j < n; j++) current[j] *= alpha;
            for (int64_t e = o->start[row]; e < o->start[row + 1]; e++)
                NAME(add)(current, o->weight + (size_t)o->neuron[e] * n, o->value[e], o->outputs);
            if (step + 1 == o->steps) continue;
            if (s)
                for (size_t j = 0; j < n; j++) u[n + j] = u[j] >= threshold ? 0.0 : beta * u[j] + current[j];
            else
                for (size_t j = 0; j < n; j++) u[n + j] = beta * u[j] + current[j];
        }
    }
}

TARGET static void NAME(backward)(const cn_lif *o, const double *u, int fires, const double *ds, const double *du,
                                  double *slope, double *gradient, double *scratch)
{
    const size_t n = (size_t)o->outputs, total = (size_t)o->steps * n;
    const double threshold = fires ? o->threshold : INFINITY, alpha = o->alpha, beta = o->beta, k = o->sharpness;
    double *restrict gu = scratch, *restrict gi = scratch + n; /* dC/du of the next step; dC/di of it */
    memset(gradient, 0, (size_t)o->inputs * n * sizeof(double));
    for (cn_idx sample = 0; sample < o->samples; sample++) {
        memset(scratch, 0, 2 * n * sizeof(double));
        for (cn_idx step = o->steps; step-- > 0;) {
            const size_t row = (size_t)sample * (size_t)o->steps + (size_t)step, at = (size_t)sample * total + (size_t)step * n;
            const double *restrict v = u + at;
            double *restrict out = slope + at;
            for (size_t j = 0; j < n; j++) {
                const double passed = v[j] >= threshold ? 0.0 : gu[j];
                out[j] = gi[j] = alpha * gi[j] + passed;
                gu[j] = beta * passed;
            }
            if (du)
                for (size_t j = 0; j < n; j++) gu[j] += du[at + j];
            if (ds)
                for (size_t j = 0; j < n; j++) {
                    const double d = 1.0 + k * fabs(v[j] - threshold);
                    gu[j] += ds[at + j] / (d * d);
                }
            for (int64_t e = o->start[row]; e < o->start[row + 1]; e++)
                NAME(add)(gradient + (size_t)o->neuron[e] * n, out, o->value[e], o->outputs);
        }
    }
}
