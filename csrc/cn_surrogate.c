/* Neurons in discrete time and their gradient, see cn_surrogate.h. */
#include "cn_surrogate.h"

#include <math.h>
#include <string.h>

#define KIND
#define TEMPLATE "cn_surrogate_pass.h"
#include "cn_targets.h"

void cn_lif_forward(const cn_lif *layer, double *u, double *s, double *current)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) {
        forward_avx512(layer, u, s, current);
        return;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        forward_avx2(layer, u, s, current);
        return;
    }
#endif
    forward_plain(layer, u, s, current);
}

void cn_lif_backward(const cn_lif *layer, const double *u, int fires, const double *ds, const double *du, double *slope,
                     double *gradient, double *scratch)
{
#if defined(__x86_64__) && defined(__GNUC__)
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) {
        backward_avx512(layer, u, fires, ds, du, slope, gradient, scratch);
        return;
    }
    if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) {
        backward_avx2(layer, u, fires, ds, du, slope, gradient, scratch);
        return;
    }
#endif
    backward_plain(layer, u, fires, ds, du, slope, gradient, scratch);
}

void cn_spikes_list(size_t rows, cn_idx columns, const double *s, int64_t *start, cn_idx *neuron, double *value)
{
    int64_t count = 0;
    start[0] = 0;
    for (size_t r = 0; r < rows; r++, s += columns) {
        for (cn_idx j = 0; j < columns; j++)
            if (s[j] != 0.0) {
                neuron[count] = j;
                value[count++] = s[j];
            }
        start[r + 1] = count;
    }
}
