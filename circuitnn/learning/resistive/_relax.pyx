"""The face of the kernels for resistive networks: packed arrays that live as long as it does."""

from libc.stdint cimport uint64_t, uintptr_t
from libc.string cimport memset

from circuitnn.errors import ConvergenceError


cdef extern from "cn_types.h":
    ctypedef int cn_idx
    ctypedef enum cn_status:
        CN_OK, CN_NO_MEMORY, CN_SINGULAR, CN_NOT_FINITE, CN_NO_CONVERGENCE, CN_BAD_ARGUMENT

cdef extern from "cn_relax.h":
    enum:
        CN_RELAX_LAYERS, CN_RELAX_BLOCK
    ctypedef enum cn_diodes:
        CN_DIODES_IDEAL
    ctypedef enum cn_nudge:
        CN_NUDGE_EXACT
    ctypedef enum cn_sides:
        CN_SIDES_CENTRED
    ctypedef struct cn_relax:
        int single, differential, threads
        cn_diodes diodes
        cn_idx layers, features, batch
        cn_idx size[16]
        double gain, scale, temperature, least, largest
        double saturation[16]
        double thermal[16]
        void *first
        void *upper[16]
        void *bias[16]
        void *low[16]
        void *high[16]
    ctypedef struct cn_relax_training:
        cn_nudge nudge
        cn_sides sides
        int sweeps
        double beta
        double rate[16]
        double bias_rate[16]
        uint64_t seed, minibatch
    ctypedef struct cn_relax_settling:
        cn_nudge nudge
        double beta
        int sweeps
        double tolerance
        int starts
    cn_status cn_relax_init(cn_relax *r)
    void cn_relax_free(cn_relax *r)
    cn_status cn_relax_solve(cn_relax *r, const cn_relax_settling *how, cn_idx n, const void *x, const void *target,
                             void *const *voltages, cn_idx *where) nogil
    cn_status cn_relax_train(cn_relax *r, const cn_relax_training *how, cn_idx n, const void *x,
                             const void *target) nogil

LAYERS, BLOCK = CN_RELAX_LAYERS, CN_RELAX_BLOCK


cdef void *at(array) except? NULL:
    return <void *> <uintptr_t> array.ctypes.data


cdef refuse(cn_status status):
    """Raise what is wrong with the conductances."""
    if status == CN_BAD_ARGUMENT:
        raise ConvergenceError(
            "a negative nudge outweighs an output's own conductance: the nudged network has no stable state",
            hint="a smaller beta, or nudging by a current",
        )
    if status == CN_SINGULAR:
        raise ConvergenceError("a node has lost all its conductance", hint="smaller rates, or a g_min above 0")
    if status == CN_NOT_FINITE:
        raise ConvergenceError("conductances have left the finite numbers", hint="smaller rates, or a g_max")


cdef class Kernel:
    """One network in the kernels; arrays are float32 or float64 throughout, aligned and not copied.

    Parameters
    ----------
    single, differential : bool
    diodes : int
        Place in ideal, one exponential, pairs of exponential ones.
    batch, threads : int
    gain, scale, temperature, least, largest : float
    nodes : tuple of int
    saturation, thermal : tuple of float
        Of each layer but the last.
    first : ndarray (blocks, features, 2, 16)
    upper : list of ndarray (nodes, room)
        Of each layer but the first.
    bias, low, high : list of ndarray (room,)
    """

    cdef cn_relax r
    cdef list keep

    def __cinit__(self, bint single, bint differential, int diodes, int batch, int threads, double gain,
                  double scale, double temperature, double least, double largest, tuple nodes, tuple saturation,
                  tuple thermal, first, list upper, list bias, list low, list high):
        cdef int k
        memset(&self.r, 0, sizeof(cn_relax))
        self.keep = [first, upper, bias, low, high]
        self.r.single, self.r.differential, self.r.diodes = single, differential, <cn_diodes> diodes
        self.r.batch, self.r.threads, self.r.gain, self.r.scale = batch, threads, gain, scale
        self.r.temperature, self.r.least, self.r.largest = temperature, least, largest
        self.r.layers, self.r.features = len(nodes), first.shape[1]
        self.r.first = at(first)
        for k in range(len(nodes)):
            self.r.size[k] = nodes[k]
            self.r.bias[k] = at(bias[k])
            if k > 0:
                self.r.upper[k] = at(upper[k - 1])
            if k < len(nodes) - 1:
                self.r.low[k], self.r.high[k] = at(low[k]), at(high[k])
                self.r.saturation[k], self.r.thermal[k] = saturation[k], thermal[k]
        if cn_relax_init(&self.r) != CN_OK:
            raise MemoryError

    def __dealloc__(self):
        cn_relax_free(&self.r)

    def solve(self, x, target, list voltages, int nudge, double beta, int sweeps, double tolerance, bint starts):
        """Settle the examples x (n, features); voltages, arrays (n, nodes), are where it starts and where it ends."""
        cdef cn_relax_settling how
        cdef void *to[16]
        cdef void *inputs = at(x)
        cdef void *targets = at(target) if target is not None else NULL
        cdef cn_idx n = x.shape[0], where = 0
        cdef cn_status status
        cdef int k
        how.nudge, how.beta, how.sweeps, how.tolerance, how.starts = <cn_nudge> nudge, beta, sweeps, tolerance, starts
        for k in range(self.r.layers):
            to[k] = at(voltages[k])
        with nogil:
            status = cn_relax_solve(&self.r, &how, n, inputs, targets, to, &where)
        refuse(status)
        if status == CN_NO_CONVERGENCE:
            raise ConvergenceError(
                f"the network has not settled within {tolerance:g} V after {sweeps} sweeps, examples {where} and on",
                hint="more sweeps, or a larger tolerance",
            )

    def train(self, x, target, int nudge, int sides, int sweeps, double beta, tuple rates, tuple bias_rates,
              uint64_t seed, uint64_t minibatch):
        """Train on the examples x (n, features) with targets (n, outputs), in order."""
        cdef cn_relax_training how
        cdef void *inputs = at(x)
        cdef void *targets = at(target)
        cdef cn_idx n = x.shape[0]
        cdef cn_status status
        cdef int k
        how.nudge, how.sides, how.sweeps, how.beta = <cn_nudge> nudge, <cn_sides> sides, sweeps, beta
        how.seed, how.minibatch = seed, minibatch
        for k in range(self.r.layers):
            how.rate[k], how.bias_rate[k] = rates[k], bias_rates[k]
        with nogil:
            status = cn_relax_train(&self.r, &how, n, inputs, targets)
        refuse(status)
