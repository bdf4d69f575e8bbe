"""The face of csrc/cn_spins.h: oscillators in arrays, a run of steps."""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.stdlib cimport calloc, free

import numpy as np


cdef extern from "cn_types.h":
    ctypedef int cn_idx
    ctypedef enum cn_status:
        CN_OK
        CN_NO_MEMORY


cdef extern from "cn_spins.h":
    enum:
        CN_SPIN_CONSTANTS
        CN_SPIN_LANES
    ctypedef enum cn_spin_method:
        CN_SPIN_RK4
        CN_SPIN_HEUN
        CN_SPIN_MIDPOINT
        CN_SPIN_RK45
    ctypedef struct cn_spin_channel:
        int input
        const double *gain
        const double *frequency
        const double *turns
        const double *samples
        cn_idx n_samples, width
        double spacing, start
        int hold
    ctypedef struct cn_spin_links:
        const double *tensor
        cn_idx n_strings
        const int32_t *string
        const double *mean
        const double *half
        const double *dc
        const double *load
        const double *capacitance
        const double *rest
    ctypedef struct cn_spins:
        cn_idx n, padded
        const double *constant
        double *m
        double *stride
        const uint64_t *stream
        uint64_t seed
        cn_idx n_channels
        const cn_spin_channel *channel
        const cn_spin_links *links
        double *charge
        double *charge_record
        cn_spin_method method
        int noisy, renormalise, diagonal, symmetric
        double step, tolerance
        int64_t first, steps, every
        double *record
        double drift
        int64_t evaluations, rejected
    cn_status cn_spins_run(cn_spins *s, int threads) nogil


LANES = CN_SPIN_LANES
METHODS = {"rk4": CN_SPIN_RK4, "heun": CN_SPIN_HEUN, "midpoint": CN_SPIN_MIDPOINT, "rk45": CN_SPIN_RK45}


cdef class Spins:
    """Oscillators and what acts on them; arrays over them are padded to a multiple of LANES."""

    cdef cn_spins s
    cdef cn_spin_channel *channels
    cdef cn_spin_links links
    cdef list kept
    cdef int threads
    cdef readonly object stride

    def __cinit__(self, const double[:, ::1] constants, double[:, ::1] m, const uint64_t[::1] streams, list channels,
                  str method, seed, double step, double tolerance, bint noisy, bint renormalise, bint diagonal,
                  bint symmetric, int threads):
        cdef cn_idx padded = constants.shape[1]
        cdef const double[::1] gain, frequency, turns
        cdef const double[:, ::1] samples
        cdef double[::1] stride
        if constants.shape[0] != CN_SPIN_CONSTANTS or padded % CN_SPIN_LANES or streams.shape[0] != padded:
            raise ValueError("arrays of oscillators are not padded")
        self.stride = np.ones(padded)
        stride = self.stride
        self.kept = [constants, m, streams, channels]
        self.threads = threads
        self.s.n, self.s.padded = m.shape[0], padded
        self.s.constant, self.s.m, self.s.stride = &constants[0, 0], &m[0, 0], &stride[0]
        self.s.stream, self.s.seed = &streams[0], seed
        self.s.method = METHODS[method]
        self.s.step, self.s.tolerance = step, tolerance
        self.s.noisy, self.s.renormalise, self.s.diagonal, self.s.symmetric = noisy, renormalise, diagonal, symmetric
        self.s.n_channels = len(channels)
        self.channels = <cn_spin_channel *> calloc(len(channels) + 1, sizeof(cn_spin_channel))
        if self.channels == NULL:
            raise MemoryError
        self.s.channel = self.channels
        for k, (number, gain_, frequency_, turns_, samples_, spacing, start, hold) in enumerate(channels):
            gain, frequency, turns = gain_, frequency_, turns_
            self.channels[k].input, self.channels[k].gain = number, &gain[0]
            self.channels[k].frequency, self.channels[k].turns = &frequency[0], &turns[0]
            self.channels[k].spacing, self.channels[k].start, self.channels[k].hold = spacing, start, hold
            if samples_ is not None:
                samples = samples_
                self.channels[k].samples = &samples[0, 0]
                self.channels[k].n_samples, self.channels[k].width = samples.shape[0], samples.shape[1]

    def __dealloc__(self):
        free(self.channels)

    def couple(self, const double[:, ::1] tensor, const int32_t[::1] string, const double[:, ::1] conductances,
               const double[:, ::1] circuits, double[::1] charge):
        """Let them act on each other: a tensor or None, the string of each, (2, n) its conductances, (4, strings)."""
        cdef cn_idx padded = self.s.padded
        if tensor is not None:
            if tensor.shape[0] != 3 * padded or tensor.shape[1] != 3 * padded:
                raise ValueError("the tensor has another shape")
            self.links.tensor = &tensor[0, 0]
        if string.shape[0] != self.s.n or conductances.shape[1] != self.s.n or charge.shape[0] != circuits.shape[1]:
            raise ValueError("arrays of strings have other shapes")
        self.kept += [tensor, string, conductances, circuits, charge]
        self.links.n_strings = circuits.shape[1]
        self.links.string, self.links.mean, self.links.half = &string[0], &conductances[0, 0], &conductances[1, 0]
        if circuits.shape[1]:
            self.links.dc, self.links.load = &circuits[0, 0], &circuits[1, 0]
            self.links.capacitance, self.links.rest = &circuits[2, 0], &circuits[3, 0]
            self.s.charge = &charge[0]
        self.s.links = &self.links

    def run(self, int64_t first, int64_t steps, int64_t every, double[:, :, ::1] record,
            double[:, ::1] charge_record):
        """Go so many steps on, and return whether that succeeded."""
        cdef cn_status status
        if record.shape[0] != steps // every:
            raise ValueError("the record has another length")
        self.s.first, self.s.steps, self.s.every = first, steps, every
        self.s.record = &record[0, 0, 0] if record.shape[0] else NULL
        self.s.charge_record = &charge_record[0, 0] if charge_record.shape[0] and charge_record.shape[1] else NULL
        with nogil:
            status = cn_spins_run(&self.s, self.threads)
        if status == CN_NO_MEMORY:
            raise MemoryError
        return status == CN_OK

    @property
    def counts(self):
        """The largest drift of a norm, evaluations of vectors of oscillators, and steps taken back."""
        return self.s.drift, self.s.evaluations, self.s.rejected
