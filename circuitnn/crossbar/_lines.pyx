"""The face of the line solver: one factored array, solved for one vector of drives after another."""

from libc.stdint cimport int32_t

import numpy as np

from circuitnn.errors import CrossbarError

cdef extern from "cn_types.h":
    ctypedef int32_t cn_idx
    ctypedef enum cn_status:
        CN_OK
        CN_NO_MEMORY
        CN_SINGULAR
        CN_NOT_FINITE
        CN_NO_CONVERGENCE

cdef extern from "cn_lines.h":
    ctypedef struct cn_lines:
        cn_idx m, n, ld
        double *u
        double *v
        double *drive_word_low
        double *drive_word_high
        double *drive_bit_low
        double *drive_bit_high
    ctypedef struct cn_lines_info:
        int cycles, steps
        double defect, rate
    cn_status cn_lines_init(cn_lines *l, cn_idx m, cn_idx n, const double *g, const double *word,
                            const double *word_low, const double *word_high, const double *bit,
                            const double *bit_low, const double *bit_high, int threads) nogil
    void cn_lines_free(cn_lines *l) nogil
    cn_status cn_lines_solve(cn_lines *l, double tolerance, int max_cycles, double *current,
                             cn_lines_info *info) nogil


def _line(values, cn_idx count):
    return np.ascontiguousarray(np.broadcast_to(np.asarray(values, dtype=np.float64), (count,)))


cdef class Lines:
    """One array: cells ``g`` (m, n) siemens, segments and ends of word and bit lines as conductances, siemens.

    Parameters
    ----------
    g : ndarray, shape (m, n), S
    word, word_low, word_high : float or ndarray, shape (m,), S
        Conductance of a segment, and of the two ends to their drives; 0 is an open end.
    bit, bit_low, bit_high : float or ndarray, shape (n,), S
    threads : int
    """

    cdef cn_lines l
    cdef bint usable

    def __cinit__(self, const double[:, ::1] g, word, word_low, word_high, bit, bit_low, bit_high, int threads=1):
        cdef cn_idx m = g.shape[0], n = g.shape[1]
        cdef const double[::1] w = _line(word, m)
        cdef const double[::1] wl = _line(word_low, m)
        cdef const double[::1] wh = _line(word_high, m)
        cdef const double[::1] b = _line(bit, n)
        cdef const double[::1] bl = _line(bit_low, n)
        cdef const double[::1] bh = _line(bit_high, n)
        cdef cn_status status
        self.usable = True
        with nogil:
            status = cn_lines_init(&self.l, m, n, &g[0, 0], &w[0], &wl[0], &wh[0], &b[0], &bl[0], &bh[0], threads)
        if status == CN_NO_MEMORY:
            raise MemoryError
        if status != CN_OK:
            raise CrossbarError("a line of the crossbar is tied to nothing", hint="give it a resistance to ground")

    def __dealloc__(self):
        if self.usable:
            cn_lines_free(&self.l)

    def solve(self, const double[::1] drive, double tolerance, int max_cycles=30):
        """Return ``(currents (n,), cycles, steps, defect, converged)`` for voltages (m,) at the low ends."""
        currents = np.empty(self.l.n)
        cdef double[::1] out = currents
        cdef cn_lines_info info
        cdef cn_status status
        cdef cn_idx i
        for i in range(self.l.m):
            self.l.drive_word_low[i] = drive[i]
        with nogil:
            status = cn_lines_solve(&self.l, tolerance, max_cycles, &out[0], &info)
        if status == CN_NO_MEMORY:
            raise MemoryError
        return currents, info.cycles, info.steps, info.defect, status == CN_OK

    def nodes(self):
        """Return word and bit node voltages of the last solution, each (m, n)."""
        shape = (self.l.m, self.l.n)
        word, bit = np.empty(shape), np.empty(shape)
        cdef double[:, ::1] w = word
        cdef double[:, ::1] b = bit
        cdef cn_idx i, j
        for i in range(self.l.m):
            for j in range(self.l.n):
                w[i, j] = self.l.u[<Py_ssize_t> i * self.l.ld + j]
                b[i, j] = self.l.v[<Py_ssize_t> i * self.l.ld + j]
        return word, bit
