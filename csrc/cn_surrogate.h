/* A layer of leaky integrate-and-fire neurons in discrete time, and its gradient through time.
 *
 * With i the current, u the membrane, x the spikes that come in and s those that go out, step n to n + 1
 *   i[n] = alpha i[n - 1] + sum_k W[k] x[n][k],   u[n + 1] = (beta u[n] + i[n]) (1 - h[n]),   h[n] = u[n] >= threshold,
 * s[n] = h[n], after Neftci, Mostafa and Zenke (IEEE Signal Processing Magazine 36(6), 51, 2019, equations 4 to 6), without
 * their further step between x and i and with the reset to zero that a switch across a capacitor makes.  Backwards
 * ds/du = 1 / (1 + k |u - threshold|)^2, and h has no slope.
 *
 * Arrays are samples x steps x neurons, a sample's steps in order.  Spikes come as lists: those of sample and step r are
 * entries start[r] to start[r + 1] - 1, each a neuron and a value.
 */
#ifndef CN_SURROGATE_H
#define CN_SURROGATE_H

#include "cn_types.h"

typedef struct cn_lif {
    cn_idx samples, steps, inputs, outputs;
    double alpha, beta, threshold, sharpness;
    int smooth;            /* s = 1/2 + (u - threshold) / (1 + k |u - threshold|), whose slope is the surrogate exactly */
    const double *weight;  /* inputs x outputs */
    const int64_t *start;  /* samples * steps + 1 */
    const cn_idx *neuron;
    const double *value;
} cn_lif;

/* Membranes u and spikes s (NULL: neurons that never fire); current: outputs numbers of scratch. */
void cn_lif_forward(const cn_lif *layer, double *u, double *s, double *current);

/* From dC/ds and dC/du (either NULL: nothing) to dC/di in `slope`, and with it dC/dW, which is overwritten.  fires: whether the
 * neurons do; scratch: 2 * outputs numbers. */
void cn_lif_backward(const cn_lif *layer, const double *u, int fires, const double *ds, const double *du, double *slope,
                     double *gradient, double *scratch);

/* The list of what is not zero among rows * columns numbers; at most so many entries. */
void cn_spikes_list(size_t rows, cn_idx columns, const double *s, int64_t *start, cn_idx *neuron, double *value);

#endif
