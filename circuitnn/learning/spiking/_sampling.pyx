"""The face of the kernel for sampling by spikes: a machine over given weights, runs of it, and its learning."""

from libc.stdint cimport int32_t, int64_t, uint64_t
from libc.string cimport memset

import numpy as np


cdef extern from "cn_types.h":
    ctypedef int cn_idx
    ctypedef enum cn_status:
        CN_OK

cdef extern from "cn_boltzmann.h":
    ctypedef struct cn_sampler:
        cn_idx n[2]
        float *weight
        cn_idx refractory
        float keep, decay, threshold, rest, unit, noise, window
        cn_idx phase, burn_in
        uint64_t seed, step
        float *potential[2]
        float *current[2]
        int32_t *wait[2]
        cn_idx *spike[2]
        cn_idx *start[2]
        float *trace
        int64_t operations
    cn_status cn_sampler_init(cn_sampler *s)
    void cn_sampler_free(cn_sampler *s)
    void cn_sampler_turn(cn_sampler *s)
    void cn_sampler_run(cn_sampler *s, cn_idx steps, const float *data) nogil
    void cn_sampler_traces(cn_sampler *s, cn_idx steps) nogil
    void cn_sampler_learn(cn_sampler *s, const float *data, cn_idx samples, float rate) nogil
    void cn_sampler_counts(cn_sampler *s, const float *data, cn_idx samples, int32_t *counts) nogil


cdef class Sampler:
    """Two layers of noisy neurons over weights, which learning changes in place.

    Parameters
    ----------
    weights : ndarray of float32, shape (visible + 1, hidden + 1)
        The last row and column are biases.
    phase, burn_in, refractory : int
        Steps.
    keep, decay, window : float
        What a step leaves of potentials, of currents, and of the weight of a pair of spikes.
    threshold, rest, unit, noise : float, V
        ``unit`` a unit of the machine's input, ``noise`` the standard deviation of a step's.
    seed : int
    """

    cdef cn_sampler s
    cdef object weights

    def __cinit__(self, float[:, ::1] weights, cn_idx phase, cn_idx burn_in, cn_idx refractory, *, float keep,
                  float decay, float window, float threshold, float rest, float unit, float noise, uint64_t seed):
        memset(&self.s, 0, sizeof(cn_sampler))
        self.weights = weights
        self.s.n[0], self.s.n[1], self.s.weight = weights.shape[0] - 1, weights.shape[1] - 1, &weights[0, 0]
        self.s.phase, self.s.burn_in, self.s.refractory = phase, burn_in, refractory
        self.s.keep, self.s.decay, self.s.window = keep, decay, window
        self.s.threshold, self.s.rest, self.s.unit, self.s.noise = threshold, rest, unit, noise
        self.s.seed = seed
        if cn_sampler_init(&self.s) != CN_OK:
            raise MemoryError

    def __dealloc__(self):
        cn_sampler_free(&self.s)

    def turn(self):
        """Note that weights have been changed from outside."""
        cn_sampler_turn(&self.s)

    def learn(self, const float[:, ::1] data, float rate):
        """Learn examples in order from what they add to the visible layer's inputs, (samples, visible)."""
        if data.shape[0]:
            with nogil:
                cn_sampler_learn(&self.s, &data[0, 0], data.shape[0], rate)

    def counts(self, const float[:, ::1] data):
        """Return spikes of the visible layer behind the burn-in, (samples, visible), one phase an example."""
        found = np.zeros((data.shape[0], data.shape[1]), np.int32)
        cdef int32_t[:, ::1] to = found
        if data.shape[0]:
            with nogil:
                cn_sampler_counts(&self.s, &data[0, 0], data.shape[0], &to[0, 0])
        return found

    def run(self, cn_idx steps, data=None):
        """Go on for at most `phase` steps; return spikes of both layers, bool (steps, visible) and (steps, hidden)."""
        cdef const float[::1] line
        cdef const float *added = NULL
        cdef cn_idx t, k
        cdef int side
        if steps > self.s.phase:
            raise ValueError("more steps than a phase has")
        if data is not None:
            line = data
            added = &line[0]
        with nogil:
            cn_sampler_run(&self.s, steps, added)
        found = []
        for side in range(2):
            fired = np.zeros((steps, self.s.n[side]), bool)
            for t in range(steps):
                for k in range(self.s.start[side][t], self.s.start[side][t + 1]):
                    fired[t, self.s.spike[side][k]] = True
            found.append(fired)
        return found

    def traces(self):
        """Return what hidden spikes weigh for a visible one at each step behind the burn-in, after a whole phase."""
        with nogil:
            cn_sampler_traces(&self.s, self.s.phase)
        whole = np.asarray(<float[:self.s.phase, :self.s.n[1]]> self.s.trace)
        return whole[self.s.burn_in:].copy()

    @property
    def operations(self):
        """Synapses that spikes have read so far."""
        return self.s.operations

    def state(self):
        """Return where it is, for checkpoints: potentials, currents, refractory steps, and the number of the step."""
        found = {"step": np.array([self.s.step], np.uint64), "operations": np.array([self.s.operations], np.int64)}
        for side, name in enumerate(("visible", "hidden")):
            found[f"{name}.potential"] = np.array(<float[:self.s.n[side]]> self.s.potential[side])
            found[f"{name}.current"] = np.array(<float[:self.s.n[side]]> self.s.current[side])
            found[f"{name}.wait"] = np.array(<int32_t[:self.s.n[side]]> self.s.wait[side])
        return found

    def set_state(self, state):
        """Go on from where `state` was."""
        self.s.step, self.s.operations = int(state["step"][0]), int(state["operations"][0])
        for side, name in enumerate(("visible", "hidden")):
            np.asarray(<float[:self.s.n[side]]> self.s.potential[side])[...] = state[f"{name}.potential"]
            np.asarray(<float[:self.s.n[side]]> self.s.current[side])[...] = state[f"{name}.current"]
            np.asarray(<int32_t[:self.s.n[side]]> self.s.wait[side])[...] = state[f"{name}.wait"]
        cn_sampler_turn(&self.s)
