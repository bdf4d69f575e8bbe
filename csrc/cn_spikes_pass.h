/* The loops over rows of weights of cn_spikes.c, written once; included there once for each processor. */

/* Potentials and times of a layer, its inputs sorted. */
TARGET static void NAME(integrate)(const cn_spike_layer *restrict l, cn_idx steps)
{
    const cn_idx n = l->outputs;
    const double never = steps, threshold = l->threshold;
    double *restrict v = l->potential, *restrict when = l->time;
    double *restrict charge = l->charge, *restrict before = l->push;
    for (cn_idx j = 0; j < n; j++) {
        v[j] = 0.0;
        when[j] = never;
        charge[j] = 0.0;
    }
    for (cn_idx t = 0; t < steps; t++) {
        const cn_idx from = l->start[t], to = l->start[t + 1];
        if (from == to) continue;
        for (cn_idx j = 0; j < n; j++) before[j] = v[j];
        for (cn_idx k = from; k + 1 < to; k++) {
            const double *restrict w = l->weight + (size_t)l->order[k] * (size_t)n;
            for (cn_idx j = 0; j < n; j++) v[j] += w[j];
        }
        const double *restrict w = l->weight + (size_t)l->order[to - 1] * (size_t)n, next = t + 1.0;
        for (cn_idx j = 0; j < n; j++) {
            v[j] += w[j];
            const int crosses = v[j] > threshold && when[j] == never;
            charge[j] = crosses ? v[j] - before[j] : charge[j];
            when[j] = crosses ? next : when[j];
        }
    }
}

/* The weights of inputs that have a part in a neuron's error: w -= rate delta. */
TARGET static void NAME(change)(const cn_spike_layer *restrict l, cn_idx steps)
{
    const cn_idx n = l->outputs;
    const double rate = l->rate;
    const double *restrict delta = l->delta, *restrict until = l->until;
    double *restrict push = l->push;
    for (cn_idx t = 0; t < steps; t++) {
        const cn_idx from = l->start[t], to = l->start[t + 1];
        if (from == to) continue;
        const double now = t;
        for (cn_idx j = 0; j < n; j++) push[j] = now < until[j] ? rate * delta[j] : 0.0;
        for (cn_idx k = from; k < to; k++) {
            double *restrict w = l->weight + (size_t)l->order[k] * (size_t)n;
            for (cn_idx j = 0; j < n; j++) w[j] -= push[j];
        }
    }
}
