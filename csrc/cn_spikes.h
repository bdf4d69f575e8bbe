/* Layers of neurons that integrate without a leak and fire at most once, and S4NN's learning of their weights.
 *
 * Time is counted in steps of a clock.  A neuron whose potential, the sum of the weights of the inputs that have fired up to
 * and with step t, is above its threshold at the end of that step for the first time fires at step t + 1; one that has not
 * done so by the step `steps` counts as firing then.  Only what fires is worked upon: an input that fires at t is a row of
 * weights added to the potentials, and one that never fires costs nothing.
 *
 * Kheradpisheh and Masquelier, "Temporal backpropagation for spiking neural networks with one spike per neuron",
 * Int. J. Neural Systems 30, 2050027 (2020).  Results depend on neither the processor nor on threads: there is one thread,
 * and each sum has one order.
 */
#ifndef CN_SPIKES_H
#define CN_SPIKES_H

#include "cn_types.h"

enum { CN_SPIKE_LAYERS = 8 };

typedef struct cn_spike_layer {
    /* set by the caller */
    cn_idx inputs, outputs;
    double *weight;               /* (inputs, outputs) by rows */
    double threshold, rate;
    /* the last example's */
    double *time, *potential;     /* (outputs,); at the end of the last step, whoever has fired included */
    double *charge;               /* (outputs,); in the step in which each crosses its threshold, 0 for those that do not */
    double *delta;                /* (outputs,); the error: positive asks for a later spike */
    double *until;                /* (outputs,); inputs that fire before this step have a part in the error */
    int64_t *fired;               /* (outputs,): examples in which each has fired, counted by cn_spikes_learn */
    double *push;
    int64_t read, changed;        /* rows of weights, so far */
    cn_idx *order, *start;        /* the layer's inputs by time: those of step t are order[start[t]] ... */
} cn_spike_layer;

typedef struct cn_spikes {
    /* set by the caller */
    cn_idx layers, steps;
    double lead;                  /* above 0: errors in charge, the right output's lead when the first fires, in weights */
    double rouse;                 /* of errors in charge: the weight of what the right output lacks where none crosses */
    double gentle;                /* of errors in charge: hidden ones count by gentle / charge, at most by 1; 0: by 1 */
    double margin, most;          /* of errors in time: gamma, and the largest error of an output, steps */
    cn_spike_layer layer[CN_SPIKE_LAYERS];
    double *input;                /* the last example's */
} cn_spikes;

/* Memory, which goes back by cn_spikes_free. */
cn_status cn_spikes_init(cn_spikes *s);
void cn_spikes_free(cn_spikes *s);

/* The times of all layers for inputs that fire at given steps, (inputs of the first layer,). */
void cn_spikes_forward(cn_spikes *s, const int32_t *times);

/* When each neuron of the last layer has crossed its threshold, in fractions of a step: the charge of a step flows evenly
 * in it.  A neuron that has not comes after all others, the later the further it is from its threshold.  (outputs,) */
void cn_spikes_crossings(cn_spikes *s, double *crossings);

/* The errors of all layers after cn_spikes_forward, for a class.
 *
 * In time (lead = 0): the paper's targets, errors of norm 1 in each layer.  In charge: at the end of the step in which the
 * first output crosses (of the last step, if none does) the right output's potential should be above the largest other one by
 * `lead`; what it lacks, over `lead` and at most 1, is the other's error and minus the right one's, and nothing is normalised.
 * Where none crosses, `rouse` times what the right output lacks to its threshold, bounded likewise, is added.
 * A crossing moves by minus one over the charge of its step, of which `gentle` bounds the growth for small charges.
 */
void cn_spikes_errors(cn_spikes *s, cn_idx label);

/* Learn from examples, one after the other; times (samples, inputs). */
void cn_spikes_learn(cn_spikes *s, const int32_t *times, const int32_t *labels, cn_idx samples);

#endif
