/* Matrices of devices that pulses on their rows and columns move: weights that learn where they are.
 *
 * An update asks for the change x d^T of a matrix of weights. Drivers of rows and columns, which know nothing of each
 * other, turn that into so many steps of each device, up or down:
 *   stochastic     trains of up to 32 slots, in which a driver fires with a probability proportional to |x| or |d|; a
 *                  device steps where both do (Gokmen and Vlasov, Frontiers in Neuroscience 10, 333 (2016));
 *   deterministic  width of the rows' pulse times amplitude of the columns' one (Soudry et al., IEEE TNNLS 26, 2408 (2015));
 *   sign           one step along the sign (Zamanidoost et al., IEEE WISES 2015).
 * How far a step goes is the device's law, of its state and of chance.
 *
 * States are in units of weight. Random numbers are functions of seed, count of updates and place, so that results do not
 * depend on threads or on the processor's vectors but for the rounding of fused multiply-adds.
 */
#ifndef CN_SYNAPSE_H
#define CN_SYNAPSE_H

#include "cn_types.h"

/* Half-selected devices, of which each pulse has many and moves each next to nothing, move after so many samples. */
enum { CN_SYNAPSE_PATIENCE = 64 };

typedef enum cn_pulse_way { CN_PULSES_STOCHASTIC, CN_PULSES_DETERMINISTIC, CN_PULSES_SIGN } cn_pulse_way;

/* Devices, one a weight. With m = (2 state - low - high) / (high - low), from -1 to 1, a step is
 *   up (1 + slope_up m) or -down (1 + slope_down m),
 * or up and -down times what the table says, which has its nodes evenly over m; each times 1 + noise N(0, 1); then the
 * state is kept between low and high. Of devices about 0, whose bounds enclose it, m is state / high for steps up and
 * -state / low for steps down, unless there is a table. */
typedef struct cn_devices {
    float *state;                          /* (rows, cols) */
    const float *up, *down, *low, *high;   /* (rows, cols), or one number for all */
    int own;                               /* whether each has its own */
    float slope_up, slope_down;
    int about_zero;
    const float *table;                    /* (2, nodes) up and down; NULL: the slopes */
    const float *half;                     /* (2, nodes) what a pulse of half the voltage does, units of weight; or NULL */
    const float *energy;                   /* (2, nodes) of a step, J; or NULL */
    cn_idx nodes;                          /* of all three */
    float noise;
    int falls;                             /* steps down where the weight is to rise, as the second of a pair */
    int only_up;                           /* takes no step down, as phase-change cells */
} cn_devices;

typedef struct cn_synapse {
    cn_idx rows, cols;
    cn_idx n_devices;                      /* 1 or 2 a weight */
    cn_devices device[2];
    float *weight;                         /* (rows, cols), state of the first less that of the second or less `rest`; or NULL */
    const float *rest;                     /* (rows, cols), or NULL with two devices */
    cn_pulse_way way;
    int slots;                             /* 1 to 32, at most so many a train */
    int manage;                            /* shorten trains to what the largest change needs */
    int partial;                           /* a last step may be a part of one, instead of being rounded at random */
    float step;                            /* change of a weight that a step stands for */
    uint64_t seed, count;                  /* count: samples and changes so far; read and written */
    float *seen;                           /* (2, rows + cols): slots that rows and columns fired in while devices went up,
                                            * and down, since half-selected devices last moved; NULL: they do not */
    cn_idx seen_samples;                   /* in `seen`; devices move when there are CN_SYNAPSE_PATIENCE */
    int threads;
    /* what was done, added to what stands there */
    double steps[2], charge[2];            /* steps of the devices, and their sum times the state before, or their energy */
    double half_steps;                     /* slots in which a device saw a pulse of its row or its column alone */
    double slots_used, row_pulses, column_pulses;
    double clipped;                        /* drivers that should have fired more than once a slot */
    void *room;                            /* from cn_synapse_init */
} cn_synapse;

/* Room for work; after rows, cols and threads are set. */
cn_status cn_synapse_init(cn_synapse *s);
void cn_synapse_free(cn_synapse *s);

/* Samples in their order; x (samples, rows), d (samples, cols), finite. */
void cn_synapse_update(cn_synapse *s, const float *x, const float *d, cn_idx samples);

/* Every weight by steps of its own; change (rows, cols), finite. */
void cn_synapse_change(cn_synapse *s, const float *change);

#endif
