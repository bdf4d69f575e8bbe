/* Weak RESET pulses on pairs of resistances, the synapses of Hirtzlin et al. (IEDM 2019).
 *
 * A pair keeps ln(R / R_set) of the devices on BL and BLb; its weight is the sign of what BLb has more, its hidden weight
 * that difference.  A pulse raises one of them by
 *   step exp(-(ln R - ln R_set) / soft) (1 + noise N(0, 1));
 * soft = 0: by step, wherever it is.  A device above `span` has its pair SET anew, which leaves ln R = set_noise N(0, 1) in
 * both, and the one that had more gets pulses until the pair reads as before, `restored` at least.
 */
#ifndef CN_WEAK_RESET_H
#define CN_WEAK_RESET_H

#include "cn_types.h"

typedef struct cn_weak_reset {
    double step, soft, noise, set_noise, span;
    int restored;
    uint64_t seed;
} cn_weak_reset;

typedef struct cn_weak_reset_sums {
    int64_t pulses, sets;
    double conductance; /* sum of R_set / R before each pulse: its energy over V^2 t / R_set */
} cn_weak_reset_sums;

/* One round: each pair gets one pulse with the probability |wanted| / step, on BLb if wanted > 0, else on BL.  Random numbers
 * belong to a pair and a round.  pulses (2 n, of BL, then BLb) and sets (n) count a life; the sums are added to. */
void cn_weak_reset_round(const cn_weak_reset *law, size_t n, const double *wanted, uint64_t round, double *bl, double *blb,
                         uint32_t *pulses, uint32_t *sets, cn_weak_reset_sums *sums);

#endif
