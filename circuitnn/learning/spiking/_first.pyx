"""The face of the kernel for neurons that fire once: layers over given weights, and examples by the many."""

from libc.stdint cimport int32_t, int64_t
from libc.string cimport memset

import numpy as np


cdef extern from "cn_types.h":
    ctypedef int cn_idx
    ctypedef enum cn_status:
        CN_OK

cdef extern from "cn_spikes.h":
    ctypedef struct cn_spike_layer:
        cn_idx inputs, outputs
        double *weight
        double threshold, rate
        double *time
        double *potential
        double *delta
        double *until
        int64_t *fired
        int64_t read, changed
    ctypedef struct cn_spikes:
        cn_idx layers, steps
        double lead, rouse, gentle, margin, most
        cn_spike_layer layer[8]
    cn_status cn_spikes_init(cn_spikes *s)
    void cn_spikes_free(cn_spikes *s)
    void cn_spikes_forward(cn_spikes *s, const int32_t *times) nogil
    void cn_spikes_crossings(cn_spikes *s, double *crossings) nogil
    void cn_spikes_errors(cn_spikes *s, cn_idx label) nogil
    void cn_spikes_learn(cn_spikes *s, const int32_t *times, const int32_t *labels, cn_idx samples) nogil


cdef class FirstSpikes:
    """Layers of neurons that fire once, working on weights in place.

    Parameters
    ----------
    weights : list of ndarray (inputs, outputs), at most 8
        Float64 in rows, which learning changes.
    threshold : float
        Of all neurons.
    steps : int
        Of the clock in one example.
    margin : float
        Steps by which wrong outputs are to come after the first.
    most : float
        Steps; the largest error of an output.
    lead : float
        Above 0: errors in charge, the right output's lead in units of weights; 0: errors in time.
    rouse : float
        Of errors in charge: the weight of what the right output lacks to its threshold where none fires.
    gentle : float
        Of errors in charge: a hidden error counts by this over the charge of its neuron's crossing step, at most 1 (0:
        1).
    """

    cdef cn_spikes s
    cdef list keep

    def __cinit__(self, list weights, double threshold, cn_idx steps, double margin, double most, double lead=0.0,
                  double rouse=0.0, double gentle=0.0):
        cdef double[:, ::1] w
        cdef int k
        memset(&self.s, 0, sizeof(cn_spikes))
        self.keep = weights
        self.s.layers, self.s.steps, self.s.margin, self.s.most = len(weights), steps, margin, most
        self.s.lead, self.s.rouse, self.s.gentle = lead, rouse, gentle
        for k in range(len(weights)):
            w = weights[k]
            self.s.layer[k].inputs, self.s.layer[k].outputs, self.s.layer[k].weight = w.shape[0], w.shape[1], &w[0, 0]
            self.s.layer[k].threshold = threshold
        if cn_spikes_init(&self.s) != CN_OK:
            raise MemoryError

    def __dealloc__(self):
        cn_spikes_free(&self.s)

    def learn(self, const int32_t[:, ::1] times, const int32_t[::1] labels, rates):
        """Learn examples in order: times of inputs (samples, inputs), classes (samples,), a rate a layer."""
        cdef int k
        for k in range(self.s.layers):
            self.s.layer[k].rate = rates[k]
        if times.shape[0]:
            with nogil:
                cn_spikes_learn(&self.s, &times[0, 0], &labels[0], times.shape[0])

    def crossings(self, const int32_t[:, ::1] times):
        """Return when the outputs cross their thresholds, (samples, outputs), in fractions of a step."""
        found = np.empty((times.shape[0], self.s.layer[self.s.layers - 1].outputs))
        cdef double[:, ::1] to = found
        cdef Py_ssize_t m
        with nogil:
            for m in range(times.shape[0]):
                cn_spikes_forward(&self.s, &times[m, 0])
                cn_spikes_crossings(&self.s, &to[m, 0])
        return found

    def example(self, const int32_t[::1] times, cn_idx label):
        """Return times of an example's neurons and the errors in them: two lists of ndarray (outputs,), one a layer."""
        cdef int k
        with nogil:
            cn_spikes_forward(&self.s, &times[0])
            cn_spikes_errors(&self.s, label)
        when, errors = [], []
        for k in range(self.s.layers):
            when.append(np.array(<double[:self.s.layer[k].outputs]> self.s.layer[k].time))
            errors.append(np.array(<double[:self.s.layer[k].outputs]> self.s.layer[k].delta))
        return when, errors

    def fired(self, int layer):
        """Return in how many examples learnt each neuron of a layer has fired, a view that may be written."""
        return np.asarray(<int64_t[:self.s.layer[layer].outputs]> self.s.layer[layer].fired)

    def until(self, int layer):
        """Return the steps before which inputs have a part in the last example's errors, ndarray (outputs,)."""
        return np.array(<double[:self.s.layer[layer].outputs]> self.s.layer[layer].until)

    def events(self, int layer):
        """Return rows of a layer's weights read and changed so far."""
        return self.s.layer[layer].read, self.s.layer[layer].changed
