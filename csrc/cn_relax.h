/* Equilibria of layered resistive networks with diodes, and their training by equilibrium propagation.
 *
 * Scellier, "A fast algorithm to simulate nonlinear resistive networks", ICML 2024.  Inputs x are pairs of sources +x and
 * -x; every node of a layer is joined by conductances to all nodes of the layers below and above it; hidden nodes have
 * diodes to sources, output nodes take the nudge.  With the neighbours of a layer fixed, its nodes are independent and
 * each is solved exactly; layers are swept alternately.
 *
 * Numbers are float or double throughout (`single`).  What the sources drive into the first layer, x (G+ - G-) of the two
 * halves of its conductances, does not change while the network settles and is computed once an example; in training the
 * pass that applies the update of a minibatch computes that of the next.  Threads share columns and examples, so that
 * results do not depend on their number.
 */
#ifndef CN_RELAX_H
#define CN_RELAX_H

#include "cn_types.h"

enum {
    CN_RELAX_LAYERS = 16, /* at most */
    CN_RELAX_BLOCK = 16   /* columns that lie together; rows of nodes are filled up to multiples of it */
};

/* Of hidden nodes: ideal; an exponential one at each, to low or to high, the other being infinite; both of them. */
typedef enum cn_diodes { CN_DIODES_IDEAL, CN_DIODES_ONE, CN_DIODES_PAIRS } cn_diodes;
/* How targets act: as a conductance to a source, as a current that the free outputs set, that of the cross-entropy. */
typedef enum cn_nudge { CN_NUDGE_EXACT, CN_NUDGE_CURRENT, CN_NUDGE_ENTROPY } cn_nudge;
typedef enum cn_sides { CN_SIDES_CENTRED, CN_SIDES_PLUS, CN_SIDES_MINUS, CN_SIDES_RANDOM } cn_sides;

typedef struct cn_relax {
    /* set by the caller */
    int single, differential, threads;
    cn_diodes diodes;
    cn_idx layers, features;             /* layers of free nodes: hidden ones and the outputs */
    cn_idx size[CN_RELAX_LAYERS];
    cn_idx batch;
    double gain;                         /* on inputs */
    double scale;                        /* an output is scale times its node's voltage here */
    double temperature;                  /* of the cross-entropy: an output of so much counts as 1 */
    double least, largest;               /* conductances */
    double saturation[CN_RELAX_LAYERS], thermal[CN_RELAX_LAYERS]; /* of exponential diodes, hidden layers */
    void *first;                         /* (blocks, features, 2, 16): G+ and G- by blocks of columns */
    void *upper[CN_RELAX_LAYERS];        /* from 1 on: (size[l], room[l - 1]), a row for each upper node */
    void *bias[CN_RELAX_LAYERS];         /* (room[l],) */
    void *low[CN_RELAX_LAYERS], *high[CN_RELAX_LAYERS]; /* (room[l],) sources of diodes, between which these keep
                                                             * hidden nodes; 0 where no node is */
    /* workspace */
    cn_idx room[CN_RELAX_LAYERS], rows, widest;
    void *memory;
    size_t bytes;
} cn_relax;

typedef struct cn_relax_training {
    cn_nudge nudge;
    cn_sides sides;
    int sweeps;
    double beta;
    double rate[CN_RELAX_LAYERS], bias_rate[CN_RELAX_LAYERS];
    uint64_t seed, minibatch;            /* of random sides: which numbers */
} cn_relax_training;

typedef struct cn_relax_settling {
    cn_nudge nudge;
    double beta;                         /* 0: free */
    int sweeps;                          /* that many, or with a tolerance at most */
    double tolerance;                    /* largest change of a voltage by a sweep; 0: none */
    int starts;                          /* voltages hold where to begin; else all begin at 0 */
} cn_relax_settling;

/* Reals of a row of n nodes. */
static inline cn_idx cn_relax_room(cn_idx n) { return (n + CN_RELAX_BLOCK - 1) / CN_RELAX_BLOCK * CN_RELAX_BLOCK; }

cn_status cn_relax_init(cn_relax *r);
void cn_relax_free(cn_relax *r);

/* Settle n examples.  x (n, features), target (n, outputs) or NULL when free; voltages[l] (n, size[l]) in and out, the free state
 * when nudged by currents.  CN_NO_CONVERGENCE: the sweeps did not suffice, and where is the example; CN_SINGULAR: a node
 * has no conductance; CN_NOT_FINITE: an infinite one; CN_BAD_ARGUMENT: a negative nudge outweighs an output's own. */
cn_status cn_relax_solve(cn_relax *r, const cn_relax_settling *how, cn_idx n, const void *x, const void *target,
                         void *const *voltages, cn_idx *where);

/* Train on n examples in order, in minibatches of r->batch of which the last may be smaller.  Status as
 * above. */
cn_status cn_relax_train(cn_relax *r, const cn_relax_training *how, cn_idx n, const void *x, const void *target);

#endif
