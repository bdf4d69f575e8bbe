/* Two layers of noisy leaky integrate-and-fire neurons that sample from a restricted Boltzmann machine, and their learning.
 *
 * A neuron's potential relaxes towards rest + unit (drive + current), with noise, in steps of a clock; above the threshold it
 * fires, and stays at 0 for a refractory time.  A spike adds the weights of its line of the crossbar to the currents of the
 * other layer, which decay.  Weights are in units of the machine's: with refractory time and decay of currents the same, a
 * neuron fires for the fraction 1 / (1 + exp(-input)) of the refractory periods that there are.  The last row and the last
 * column are biases: lines of units that always fire, whose current is constant.
 *
 * Learning: an example drives the visible layer for a phase and leaves it alone for a second one; every pair of a visible and
 * a hidden spike within one phase changes its weight by +-rate exp(-|their distance| / window), + in the first phase and - in
 * the second, without the burn-in at the beginning of each.  Changes are made at the end of each phase, a row of weights for
 * each visible spike.
 *
 * Neftci et al., "Event-driven contrastive divergence for spiking neuromorphic systems", Front. Neurosci. 7, 272 (2014).
 * The noise is a function of seed, step and neuron; there is one thread.
 */
#ifndef CN_BOLTZMANN_H
#define CN_BOLTZMANN_H

#include "cn_types.h"

enum { CN_VISIBLE, CN_HIDDEN };

typedef struct cn_sampler {
    /* set by the caller */
    cn_idx n[2];
    float *weight;              /* (visible + 1, hidden + 1) by rows */
    cn_idx refractory;          /* steps; a neuron can fire again in the last of them */
    float keep, decay;          /* of potentials and of currents, a step */
    float threshold, rest, unit, noise;
    float window;               /* what a step leaves of a pair's weight */
    cn_idx phase, burn_in;      /* steps */
    uint64_t seed;
    /* where it is */
    uint64_t step;
    float *turned;              /* the transposed weights, made when they have changed */
    float *potential[2], *current[2], *drive[2];
    int32_t *wait[2];           /* refractory steps left */
    cn_idx *spike[2], *start[2];  /* of the last phase or run: of step t from spike[start[t]] on */
    float *trace;               /* (phase + 1, hidden) */
    int64_t operations;         /* synapses read by spikes */
} cn_sampler;

/* Memory for phases and runs of at most `phase` steps; all neurons at rest. */
cn_status cn_sampler_init(cn_sampler *s);
void cn_sampler_free(cn_sampler *s);

/* Note that weights have changed. */
void cn_sampler_turn(cn_sampler *s);

/* Go on for some steps; `data` is added to the drive of the visible layer, (visible,), or NULL. */
void cn_sampler_run(cn_sampler *s, cn_idx steps, const float *data);

/* What each hidden neuron's spikes weigh for a visible one at each step of the last run behind the burn-in, in s->trace. */
void cn_sampler_traces(cn_sampler *s, cn_idx steps);

/* Learn examples; data (samples, visible). */
void cn_sampler_learn(cn_sampler *s, const float *data, cn_idx samples, float rate);

/* Spikes of the visible layer behind the burn-in for each example, (samples, visible). */
void cn_sampler_counts(cn_sampler *s, const float *data, cn_idx samples, int32_t *counts);

#endif
