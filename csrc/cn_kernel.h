/* The kernel ABI: how a device model, generated or hand-written, is evaluated.
 *
 * A device contributes f(u) + d/dt q(u) to the equations of its local unknowns u:
 * terminal and internal node voltages, its own branch currents, its states, and the
 * branch currents of other elements that it senses, in this order.  All arrays are
 * structures of arrays: row k of n instances starts at k*n.
 */
#ifndef CN_KERNEL_H
#define CN_KERNEL_H

#include "cn_types.h"

#define CN_KERNEL_ABI 4

/* flags */
#define CN_KERNEL_LINEAR 1  /* f and q are linear in u and do not depend on env */
#define CN_KERNEL_MEMORY 2  /* lim holds what the model remembers from point to point: it must belong to accepted points */
#define CN_KERNEL_TIMED 4   /* f or q depend on the time, beside u */

/* rows of env */
enum { CN_ENV_GMIN = 0, CN_ENV_TIME = 1, CN_ENV_SIZE = 2 };

/* `init` of `limit` */
enum { CN_LIMIT_FOLLOW = 0, CN_LIMIT_START = 1, CN_LIMIT_HOLD = 2 };

typedef struct cn_kernel cn_kernel;

struct cn_kernel {
    int abi;
    int flags;
    const char *name;
    cn_idx n_local;     /* local unknowns */
    cn_idx n_param;     /* kernel parameters */
    cn_idx n_limit;     /* limited voltages and, after them, discrete variables */
    cn_idx n_discrete;  /* how many of n_limit are discrete: switch positions, after them what jumps at random */
    cn_idx n_jf, n_jq;  /* structural nonzeros of df/du and dq/du */
    const cn_idx *jf_row, *jf_col;
    const cn_idx *jq_row, *jq_col;
    const char *const *param_names; /* n_param names, the row order of p */
    const char *const *local_names; /* n_local names, the row order of u */

    /* Evaluate n instances.  f, q: n_local rows; jf: n_jf rows; jq: n_jq rows; all are written whole.
     * lim holds the limited voltages at which the model is linearised: f and q come back corrected by
     * df/dlim * (raw - lim), so Newton's step equals the one of SPICE's junction limiting. */
    void (*eval)(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p,
                 const double *env, double *f, double *q, double *jf, double *jq);

    /* Update lim from u.  On entry lim is the previous iterate's, acc the last accepted time point's.
     * init: CN_LIMIT_START ignores u and sets the start values of junctions and of what jumps; CN_LIMIT_HOLD leaves the
     * positions of switches, which follow acc and u otherwise, as they are in lim (kernels that have switches alone).
     * Returns how many instances were held back, so that Newton's method must go on. NULL when n_limit is 0. */
    cn_idx (*limit)(const cn_kernel *self, cn_idx n, const double *u, const double *p, const double *env,
                    const double *acc, double *lim, int init);

    const void *context; /* for kernels built at run time (expression tapes) */

    cn_idx n_noise; /* noise currents; the other members below are NULL when there are none */
    /* Local unknowns from which and to which they flow through the device; -1 for the latter is nowhere: the noise of
     * the row of a state. */
    const cn_idx *noise_plus, *noise_minus;
    const char *const *noise_names;

    /* Noise at u, with lim settled there.  out: n_noise rows of one-sided densities at 1 Hz (A^2/Hz), after them n_noise
     * rows of exponents: the density falls as 1 / f^exponent. */
    void (*noise)(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p,
                  const double *env, double *out);

    cn_idx n_jump; /* how many discrete variables, the last ones, are 0 or 1 and jump at random in time: `limit` leaves
                      them as they are in acc, see cn_jump.h */

    /* Rates at u, with lim settled there, 1/s.  out: n_jump rows from 0 to 1, after them n_jump rows from 1 to 0. */
    void (*rates)(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p,
                  const double *env, double *out);
};

#endif
