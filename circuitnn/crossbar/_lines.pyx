"""The face of the line solver: cells stored as it reads them, one factored array, vector after vector of drives."""

from cpython.exc cimport PyErr_CheckSignals
from libc.string cimport memcpy

import numpy as np

from circuitnn.errors import CrossbarError


cdef class Memory:
    """Room for (rows, cols) numbers that is kept for the next array of the same size when nobody needs it any more."""

    cdef double *p
    cdef Py_ssize_t shape[2]
    cdef Py_ssize_t strides[2]

    def __cinit__(self, Py_ssize_t rows, Py_ssize_t cols):
        self.shape[0], self.shape[1] = rows, cols
        self.strides[0], self.strides[1] = cols * sizeof(double), sizeof(double)
        self.p = <double *> cn_memory_take(<size_t> rows * <size_t> cols * sizeof(double))
        if self.p == NULL:
            raise MemoryError

    def __dealloc__(self):
        cn_memory_give(self.p, <size_t> self.shape[0] * <size_t> self.shape[1] * sizeof(double))

    def __getbuffer__(self, Py_buffer *buffer, int flags):
        buffer.buf = self.p
        buffer.obj = self
        buffer.len = self.shape[0] * self.shape[1] * sizeof(double)
        buffer.itemsize = sizeof(double)
        buffer.readonly = False
        buffer.ndim = 2
        buffer.format = b"d"
        buffer.shape = self.shape
        buffer.strides = self.strides
        buffer.suboffsets = NULL
        buffer.internal = NULL


def store(const double[:, :] g, int threads=1):
    """Return ``(copy, mean)``: a copy of the cells as lines read them, ``copy[:rows, :cols]`` the cells.

    The mean is not a number where a cell is negative, infinite or not a number.
    """
    cdef cn_idx m = g.shape[0], n = g.shape[1], rows, ld
    cdef double mean
    cdef cn_status status
    cn_lines_area(m, n, &rows, &ld)
    copy = np.asarray(Memory(rows, ld))
    cdef double[:, ::1] to = copy
    with nogil:
        status = cn_lines_store(m, n, &g[0, 0], g.strides[0] // 8, g.strides[1] // 8, CN_LINES_PLAIN, &to[0, 0],
                                threads, &mean)
    if status == CN_NO_MEMORY:
        raise MemoryError
    return copy, mean


cdef int _require_factored(cn_status status) except -1:
    if status == CN_NO_MEMORY:
        raise MemoryError
    if status != CN_OK:
        raise CrossbarError(
            "the lines cannot be factored",
            hint="conductances and wire resistances span more than double precision holds",
        )
    return 0


cdef int _put(double *to, const double[::1] values) except -1:
    memcpy(to, &values[0], <size_t> values.shape[0] * sizeof(double))
    return 0


cdef int _end(cn_end *end, g) except -1:
    _put(end.g, np.ascontiguousarray(g, dtype=np.float64))
    return 0


cdef class Lines:
    """One factored array.

    Parameters
    ----------
    cells : ndarray, (padded rows, padded cols), S, or None
        As ``store`` returns them; kept, and must not change. None: another one sets them, and factors.
    rows, cols : int
    mean : float
        Mean conductance.
    word, bit : tuple of (segment, low, high), S
        Conductances of both sides: segments (lines,) or (lines, cells - 1), and ends (lines,), 0 where open.
    single : bool
        Store cells, voltages and factors in single precision.
    threads : int
    """

    def __cinit__(self, const double[:, ::1] cells, cn_idx rows, cn_idx cols, double mean, word, bit,
                  bint single=False, int threads=1):
        cdef bint general = cells is None or word[0].ndim == 2 or bit[0].ndim == 2
        cdef cn_lines_kind kind = CN_LINES_GENERAL if general else CN_LINES_SINGLE if single else CN_LINES_PLAIN
        cdef cn_status status
        cdef void *adopted = NULL
        if kind != CN_LINES_SINGLE and cells is not None:
            adopted = <void *> &cells[0, 0]
        self.usable = True
        self.keep = cells
        with nogil:
            status = cn_lines_init(&self.l, rows, cols, kind, adopted, threads)
            if status == CN_OK and kind == CN_LINES_SINGLE:
                status = cn_lines_store(rows, cols, &cells[0, 0], cells.shape[1], 1, kind, self.l.g, threads, NULL)
        if status == CN_NO_MEMORY:
            raise MemoryError
        self._wire(word, bit, general)
        if cells is None:
            return
        with nogil:
            status = cn_lines_factor(&self.l, mean)
        _require_factored(status)

    cdef int _wire(self, word, bit, bint general) except -1:
        cdef Py_ssize_t i, j
        cdef const double[:, :] segment
        if general:
            shape = (self.l.m, self.l.n)
            lines = word[0] if word[0].ndim == 2 else np.broadcast_to(word[0][:, None], (shape[0], shape[1] - 1))
            segment = lines
            for i in range(segment.shape[0]):
                for j in range(segment.shape[1]):
                    self.l.word_segment[i * self.l.ld + j] = segment[i, j]
            lines = bit[0] if bit[0].ndim == 2 else np.broadcast_to(bit[0][:, None], (shape[1], shape[0] - 1))
            segment = lines
            for j in range(segment.shape[0]):
                for i in range(segment.shape[1]):
                    self.l.bit_segment[i * self.l.ld + j] = segment[j, i]
        else:
            _put(self.l.word, np.ascontiguousarray(word[0], dtype=np.float64))
            _put(self.l.bit, np.ascontiguousarray(bit[0], dtype=np.float64))
        _end(&self.l.word_low, word[1])
        _end(&self.l.word_high, word[2])
        _end(&self.l.bit_low, bit[1])
        _end(&self.l.bit_high, bit[2])
        return 0

    def __dealloc__(self):
        if self.usable:
            cn_lines_free(&self.l)

    @property
    def grids(self):
        """Number of grids of a cycle: the array's, the coarse one, and a coarser one where that is large."""
        return 2 if self.l.coarse.deeper == NULL else 3

    def drive(self, const double[::1] v, const double[::1] v_bit, feeds):
        """Set the terminals: volts (rows,), (cols,), and amperes into the four ends, or None."""
        _put(self.l.word_low.drive, v)
        _put(self.l.word_high.drive, v)
        _put(self.l.bit_low.drive, v_bit)
        _put(self.l.bit_high.drive, v_bit)
        if feeds is None:
            feeds = (np.zeros(self.l.m),) * 2 + (np.zeros(self.l.n),) * 2
        _put(self.l.word_low.feed, feeds[0])
        _put(self.l.word_high.feed, feeds[1])
        _put(self.l.bit_low.feed, feeds[2])
        _put(self.l.bit_high.feed, feeds[3])

    def inject(self, Py_ssize_t i, Py_ssize_t j, double amperes):
        """Feed a current out of the word node and into the bit node of a cell; of general lines only."""
        if self.l.kind != CN_LINES_GENERAL:
            raise CrossbarError("these lines take currents at their ends only", expected="wires given by segment")
        self.l.f_word[i * self.l.ld + j] = -amperes
        self.l.f_bit[i * self.l.ld + j] = amperes

    def solve(self, double tolerance, int max_cycles=30):
        """Return ``(currents (cols,), cycles, steps, defect, converged)`` for the terminals as they are set."""
        currents = np.empty(self.l.n)
        cdef double[::1] out = currents
        cdef cn_status status = CN_CONTINUE
        with nogil:
            cn_lines_begin(&self.l, tolerance, max_cycles, 0)
        try:
            while status == CN_CONTINUE:
                with nogil:
                    status = cn_lines_advance(&self.l, &out[0])
                PyErr_CheckSignals()
        finally:
            cn_lines_stop(&self.l)
        if status == CN_NO_MEMORY:
            raise MemoryError
        return currents, self.l.cycles, self.l.steps, self.l.defect, status == CN_OK

    def nodes(self):
        """Return word and bit node voltages of the last solution, each (rows, cols)."""
        cdef bint single = self.l.kind == CN_LINES_SINGLE
        shape = (self.l.m, self.l.n)
        word, bit = np.empty(shape), np.empty(shape)
        cdef double[:, ::1] w = word
        cdef double[:, ::1] b = bit
        cdef Py_ssize_t i, j, k
        for i in range(self.l.m):
            for j in range(self.l.n):
                k = i * self.l.ld + j
                w[i, j] = (<float *> self.l.u)[k] if single else (<double *> self.l.u)[k]
                b[i, j] = (<float *> self.l.v)[k] if single else (<double *> self.l.v)[k]
        return word, bit

    def word_currents(self):
        """Return the currents into the word lines, both ends together, (rows,), of the last solution."""
        cdef bint single = self.l.kind == CN_LINES_SINGLE
        currents = np.empty(self.l.m)
        cdef double[::1] out = currents
        cdef Py_ssize_t i, k
        cdef double low, high
        for i in range(self.l.m):
            k = i * self.l.ld
            low = (<float *> self.l.u)[k] if single else (<double *> self.l.u)[k]
            k += self.l.n - 1
            high = (<float *> self.l.u)[k] if single else (<double *> self.l.u)[k]
            out[i] = self.l.word_low.g[i] * (self.l.word_low.drive[i] - low) + self.l.word_low.feed[i] \
                + self.l.word_high.g[i] * (self.l.word_high.drive[i] - high) + self.l.word_high.feed[i]
        return currents

    def solve_many(self, const double[:, ::1] v, const double[:, ::1] v_bit, double tolerance, int threads):
        """Return currents out of the bit lines and into the word lines for many vectors, or None where that fails.

        v : ndarray, shape (count, rows), V
        v_bit : ndarray, shape (count, cols), V

        Vectors go in blocks whose number fits a second's interrupt. Plain lines only; None where cycles are too slow.
        """
        cdef cn_idx count = v.shape[0], first, many
        if not cn_many_fits(&self.l):
            return None
        bit, word = np.empty((count, self.l.n)), np.empty((count, self.l.m))
        cdef double[:, ::1] b = bit
        cdef double[:, ::1] w = word
        cdef cn_status status = CN_OK
        cdef cn_idx part = 8 * threads * max(1, 2**22 // (self.l.m * self.l.n))
        first = 0
        while first < count:
            many = min(part, count - first)
            with nogil:
                status = cn_many_all(&self.l, many, &v[first, 0], &v_bit[first, 0], tolerance, 30, threads,
                                     &b[first, 0], &w[first, 0])
            if status == CN_NO_MEMORY:
                raise MemoryError
            if status != CN_OK:
                return None
            PyErr_CheckSignals()
            first += many
        return bit, word

    def solve_arrays(self, const double[:, :, ::1] g, const double[:, :, ::1] v, double tolerance, int threads):
        """Return currents (count, vectors, cols) of arrays with these wires and other cells, and which failed (count,).

        g : ndarray, shape (count, rows, cols), S
        v : ndarray, shape (count or 1, vectors, rows), V
        """
        cdef cn_idx count = g.shape[0], vectors = v.shape[1], first, many
        currents, failed = np.empty((count, vectors, self.l.n)), np.zeros(count, np.uint8)
        cdef double[:, :, ::1] out = currents
        cdef unsigned char[::1] bad = failed
        cdef bint each = v.shape[0] > 1
        cdef cn_status status
        cdef cn_idx part = threads * max(4, 2**24 // (self.l.m * self.l.n * vectors))
        first = 0
        while first < count:
            many = min(part, count - first)
            with nogil:
                status = cn_many_arrays(&self.l, many, &g[first, 0, 0], vectors, &v[first if each else 0, 0, 0], each,
                                        tolerance, 30, threads, &out[first, 0, 0], &bad[first])
            _require_factored(status)
            PyErr_CheckSignals()
            first += many
        return currents, failed.astype(bool)
