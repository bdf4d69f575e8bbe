"""The face of the kernel for weak RESET pulses on pairs of resistances."""

from libc.stdint cimport int64_t, uint32_t, uint64_t

cdef extern from "cn_weak_reset.h":
    ctypedef struct cn_weak_reset:
        double step, soft, noise, set_noise, span
        int restored
        uint64_t seed
    ctypedef struct cn_weak_reset_sums:
        int64_t pulses, sets
        double conductance
    void cn_weak_reset_round(const cn_weak_reset *law, size_t n, const double *wanted, uint64_t round, double *bl,
                             double *blb, uint32_t *pulses, uint32_t *sets, cn_weak_reset_sums *sums) nogil


def pulse_round(double step, double soft, double noise, double set_noise, double span, int restored, uint64_t seed,
                uint64_t number, const double[::1] wanted, double[:, ::1] logs, uint32_t[:, ::1] pulses,
                uint32_t[::1] sets):
    """Give each pair its pulse with the probability |wanted| / step; return pulses, SETs and the sum of R_set/R before them.

    wanted : (pairs,); logs : (2, pairs), ln(R/R_set) of BL and of BLb, changed; pulses : (2, pairs) and sets : (pairs,),
    counters of each device and pair, added to. ``number`` is the round's place in the sequence, for its random numbers.
    """
    cdef cn_weak_reset law
    cdef cn_weak_reset_sums sums
    cdef size_t n = <size_t>wanted.shape[0]
    law.step, law.soft, law.noise, law.set_noise, law.span = step, soft, noise, set_noise, span
    law.restored, law.seed = restored, seed
    sums.pulses, sums.sets, sums.conductance = 0, 0, 0.0
    if n:
        with nogil:
            cn_weak_reset_round(&law, n, &wanted[0], number, &logs[0, 0], &logs[1, 0], &pulses[0, 0], &sets[0], &sums)
    return sums.pulses, sums.sets, sums.conductance
