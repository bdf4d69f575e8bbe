"""The face of the kernels for layers of leaky integrate-and-fire neurons and their gradients through time."""

from libc.stdint cimport int64_t
from libc.string cimport memset

import numpy as np

from circuitnn.errors import AnalysisError


cdef extern from "cn_types.h":
    ctypedef int cn_idx

cdef extern from "cn_surrogate.h":
    ctypedef struct cn_lif:
        cn_idx samples, steps, inputs, outputs
        double alpha, beta, threshold, sharpness
        int smooth
        const double *weight
        const int64_t *start
        const cn_idx *neuron
        const double *value
    void cn_lif_forward(const cn_lif *layer, double *u, double *s, double *current) nogil
    void cn_lif_backward(const cn_lif *layer, const double *u, int fires, const double *ds, const double *du,
                         double *slope, double *gradient, double *scratch) nogil
    void cn_spikes_list(size_t rows, cn_idx columns, const double *s, int64_t *start, cn_idx *neuron,
                        double *value) nogil


def spikes(const double[:, :, ::1] s):
    """Return the list of spikes of an array (samples, steps, neurons): starts, neurons and values."""
    cdef size_t rows = <size_t>s.shape[0] * s.shape[1]
    most = max(np.count_nonzero(s), 1)
    start = np.zeros(rows + 1, np.int64)
    neuron, value = np.zeros(most, np.intc), np.zeros(most)
    cdef int64_t[::1] starts = start
    cdef int[::1] neurons = neuron
    cdef double[::1] values = value
    if s.size:
        with nogil:
            cn_spikes_list(rows, <cn_idx>s.shape[2], &s[0, 0, 0], &starts[0], &neurons[0], &values[0])
    return start, neuron, value


cdef class Layer:
    """One layer and the spikes that go into it.

    Parameters
    ----------
    weight : ndarray (inputs, outputs)
    events : tuple of ndarrays
        Starts (samples * steps + 1,), neurons and values, as `spikes` returns them.
    steps : int
    alpha, beta, threshold, sharpness : float
        Factors of current and membrane a step; threshold and sharpness k of the neurons.
    fires : bool
        False: neurons that only integrate.
    smooth : bool
        Spikes replaced by the integral of their surrogate slope.
    """

    cdef cn_lif layer
    cdef bint fires
    cdef tuple keep
    cdef readonly object u, s

    def __cinit__(self, const double[:, ::1] weight, tuple events, cn_idx steps, double alpha, double beta,
                  double threshold=1.0, double sharpness=1.0, bint fires=True, bint smooth=False):
        cdef const int64_t[::1] start = events[0]
        cdef const int[::1] neuron = events[1]
        cdef const double[::1] value = events[2]
        memset(&self.layer, 0, sizeof(cn_lif))
        self.keep, self.fires = (weight, events), fires
        self.layer.samples, self.layer.steps = <cn_idx>((start.shape[0] - 1) // steps), steps
        self.layer.inputs, self.layer.outputs = <cn_idx>weight.shape[0], <cn_idx>weight.shape[1]
        if start.shape[0] < 2 or self.layer.samples * steps != start.shape[0] - 1 or not weight.size:
            raise AnalysisError(f"{start.shape[0] - 1} rows of spikes are no whole samples of {steps} steps.")
        if np.max(events[1]) >= weight.shape[0]:
            raise AnalysisError(f"a spike comes from neuron {np.max(events[1])}, of {weight.shape[0]}.")
        self.layer.alpha, self.layer.beta, self.layer.smooth = alpha, beta, smooth
        self.layer.threshold, self.layer.sharpness = threshold, sharpness
        self.layer.weight, self.layer.start = &weight[0, 0], &start[0]
        self.layer.neuron, self.layer.value = &neuron[0], &value[0]
        shape = self.layer.samples, steps, self.layer.outputs
        self.u, self.s = np.empty(shape), np.empty(shape) if fires else None
        cdef double[:, :, ::1] u = self.u
        cdef double[:, :, ::1] s = self.s if fires else self.u
        cdef double[::1] scratch = np.empty(self.layer.outputs)
        cdef double *out = &s[0, 0, 0] if fires else NULL
        with nogil:
            cn_lif_forward(&self.layer, &u[0, 0, 0], out, &scratch[0])

    def backward(self, ds, du):
        """Return dC/dW and dC/d(current), (samples, steps, outputs), from dC/ds and dC/du, either of which may be None."""
        slope, gradient = np.empty_like(self.u), np.empty((self.layer.inputs, self.layer.outputs))
        cdef const double[:, :, ::1] u = self.u
        cdef const double[:, :, ::1] from_s = self.u if ds is None else ds
        cdef const double[:, :, ::1] from_u = self.u if du is None else du
        cdef double[:, :, ::1] slopes = slope
        cdef double[:, ::1] into = gradient
        cdef double[::1] scratch = np.empty(2 * self.layer.outputs)
        cdef const double *a = NULL if ds is None else &from_s[0, 0, 0]
        cdef const double *b = NULL if du is None else &from_u[0, 0, 0]
        with nogil:
            cn_lif_backward(&self.layer, &u[0, 0, 0], self.fires, a, b, &slopes[0, 0, 0], &into[0, 0], &scratch[0])
        return gradient, slope
