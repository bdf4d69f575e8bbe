/* Neurons that fire once, see cn_spikes.h. */
#include "cn_spikes.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#define KIND
#define TEMPLATE "cn_spikes_pass.h"
#include "cn_targets.h"

typedef struct passes {
    void (*integrate)(const cn_spike_layer *, cn_idx);
    void (*change)(const cn_spike_layer *, cn_idx);
} passes;

static passes choose(void)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq"))
        return (passes){integrate_avx512, change_avx512};
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return (passes){integrate_avx2, change_avx2};
#endif
    return (passes){integrate_plain, change_plain};
}

cn_status cn_spikes_init(cn_spikes *s)
{
    int failed = !(s->input = calloc((size_t)s->layer[0].inputs, sizeof(double)));
    for (cn_idx k = 0; k < s->layers; k++) {
        cn_spike_layer *l = &s->layer[k];
        const size_t n = (size_t)l->outputs;
        failed |= !(l->time = calloc(n, sizeof(double))) || !(l->potential = calloc(n, sizeof(double))) ||
                  !(l->delta = calloc(n, sizeof(double))) || !(l->charge = calloc(n, sizeof(double))) ||
                  !(l->until = calloc(n, sizeof(double))) ||
                  !(l->push = calloc(n, sizeof(double))) ||
                  !(l->fired = calloc(n, sizeof(int64_t))) || !(l->order = calloc((size_t)l->inputs, sizeof(cn_idx))) ||
                  !(l->start = calloc((size_t)s->steps + 2, sizeof(cn_idx)));
    }
    if (failed) cn_spikes_free(s);
    return failed ? CN_NO_MEMORY : CN_OK;
}

void cn_spikes_free(cn_spikes *s)
{
    for (cn_idx k = 0; k < s->layers; k++) {
        cn_spike_layer *l = &s->layer[k];
        void *all[] = {l->time, l->potential, l->charge, l->delta, l->until, l->push, l->fired, l->order, l->start};
        for (size_t m = 0; m < sizeof all / sizeof *all; m++) free(all[m]);
        l->time = l->potential = l->charge = l->delta = l->until = l->push = NULL;
        l->fired = NULL;
        l->order = l->start = NULL;
    }
    free(s->input);
    s->input = NULL;
}

/* Sort the inputs of a layer by their steps; those of the last step, which are those that never fire, are left out. */
static void sort(cn_spike_layer *l, cn_idx steps, const double *time)
{
    cn_idx *start = l->start;
    memset(start, 0, ((size_t)steps + 2) * sizeof(cn_idx));
    for (cn_idx i = 0; i < l->inputs; i++) start[(cn_idx)time[i] + 1]++;
    for (cn_idx t = 0; t < steps; t++) start[t + 1] += start[t];
    const cn_idx all = start[steps];
    for (cn_idx i = l->inputs; i-- > 0;)  /* from the end of each step's part, which leaves its beginning */
        if (time[i] < steps) l->order[--start[(cn_idx)time[i] + 1]] = i;
    memmove(start, start + 1, (size_t)steps * sizeof(cn_idx));
    start[steps] = all;
}

void cn_spikes_forward(cn_spikes *s, const int32_t *times)
{
    const passes p = choose();
    for (cn_idx i = 0; i < s->layer[0].inputs; i++) s->input[i] = times[i];
    for (cn_idx k = 0; k < s->layers; k++) {
        cn_spike_layer *l = &s->layer[k];
        sort(l, s->steps, k == 0 ? s->input : s->layer[k - 1].time);
        p.integrate(l, s->steps);
        l->read += l->start[s->steps];
    }
}

void cn_spikes_crossings(cn_spikes *s, double *crossings)
{
    cn_spike_layer *l = &s->layer[s->layers - 1];
    const cn_idx n = l->outputs;
    double *before = l->push;  /* potentials, once more from the start */
    memset(before, 0, (size_t)n * sizeof(double));
    for (cn_idx j = 0; j < n; j++) crossings[j] = s->steps + (l->threshold - l->potential[j]) / fabs(l->threshold);
    for (cn_idx t = 0; t < s->steps; t++) {
        for (cn_idx j = 0; j < n; j++) {
            double step = 0.0;
            for (cn_idx k = l->start[t]; k < l->start[t + 1]; k++) step += l->weight[(size_t)l->order[k] * (size_t)n + (size_t)j];
            if (l->time[j] == t + 1.0 && l->time[j] < s->steps) crossings[j] = t + (l->threshold - before[j]) / step;
            before[j] += step;
        }
    }
}

static void normalise(double *x, cn_idx n)
{
    double square = 0.0;
    for (cn_idx j = 0; j < n; j++) square += x[j] * x[j];
    if (square > 0.0)
        for (cn_idx j = 0; j < n; j++) x[j] /= sqrt(square);
}

/* Errors of the last layer: differences of times to the paper's targets. */
static void errors_in_time(const cn_spikes *s, cn_spike_layer *l, cn_idx label, double first)
{
    const double never = s->steps;
    for (cn_idx j = 0; j < l->outputs; j++) {
        double target = l->time[j];
        if (first == never)
            target = j == label ? never - s->margin : never;
        else if (j == label)
            target = first;
        else if (target < first + s->margin)
            target = first + s->margin < never ? first + s->margin : never;
        const double late = target - l->time[j];
        l->delta[j] = (late > s->most ? s->most : late < -s->most ? -s->most : late) / never;
        l->until[j] = l->time[j];
    }
    normalise(l->delta, l->outputs);
}

static double part(double x)
{
    return x < 0.0 ? 0.0 : x > 1.0 ? 1.0 : x;
}

/* Errors of the last layer: what the right output lacks of its lead when the first fires. */
static void errors_in_charge(const cn_spikes *s, cn_spike_layer *l, cn_idx label, double first)
{
    const cn_idx n = l->outputs, rows = l->start[(cn_idx)first];
    double *v = l->push;  /* potentials at the end of the step before `first` */
    memset(v, 0, (size_t)n * sizeof(double));
    for (cn_idx k = 0; k < rows; k++) {
        const double *w = l->weight + (size_t)l->order[k] * (size_t)n;
        for (cn_idx j = 0; j < n; j++) v[j] += w[j];
    }
    cn_idx rival = label == 0 ? 1 : 0;
    for (cn_idx j = 0; j < n; j++) {
        if (j != label && v[j] > v[rival]) rival = j;
        l->delta[j] = 0.0;
        l->until[j] = first;
    }
    if (n < 2) return;
    l->delta[rival] = part((s->lead - v[label] + v[rival]) / s->lead);
    l->delta[label] = -l->delta[rival];
    if (first == s->steps) l->delta[label] -= s->rouse * part((l->threshold - v[label]) / s->lead);
}

void cn_spikes_errors(cn_spikes *s, cn_idx label)
{
    cn_spike_layer *l = &s->layer[s->layers - 1];
    double first = s->steps;
    for (cn_idx j = 0; j < l->outputs; j++) first = l->time[j] < first ? l->time[j] : first;
    (s->lead > 0.0 ? errors_in_charge : errors_in_time)(s, l, label, first);
    for (cn_idx k = s->layers - 1; k > 0; k--) {
        const cn_spike_layer *above = &s->layer[k];
        cn_spike_layer *below = &s->layer[k - 1];
        for (cn_idx i = 0; i < above->inputs; i++) {
            const double *w = above->weight + (size_t)i * (size_t)above->outputs;
            double sum = 0.0;
            for (cn_idx j = 0; j < above->outputs; j++)
                sum += below->time[i] < above->until[j] ? above->delta[j] * w[j] : 0.0;
            const int scaled = s->lead > 0.0 && s->gentle > 0.0 && below->charge[i] > s->gentle;
            below->delta[i] = scaled ? sum * s->gentle / below->charge[i] : sum;
            below->until[i] = below->time[i];
        }
        if (s->lead == 0.0) normalise(below->delta, below->outputs);
    }
}

void cn_spikes_learn(cn_spikes *s, const int32_t *times, const int32_t *labels, cn_idx samples)
{
    const passes p = choose();
    for (cn_idx m = 0; m < samples; m++) {
        cn_spikes_forward(s, times + (size_t)m * (size_t)s->layer[0].inputs);
        cn_spikes_errors(s, labels[m]);
        for (cn_idx k = 0; k < s->layers; k++) {
            cn_spike_layer *l = &s->layer[k];
            p.change(l, s->steps);
            l->changed += l->start[s->steps];
            for (cn_idx j = 0; j < l->outputs; j++) l->fired[j] += l->time[j] < s->steps;
        }
    }
}
