"""The faces of device cells: of a crossbar of them, solutions and steps in time; and of cells one by one."""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

import numpy as np

from circuitnn.crossbar._lines cimport (
    CN_CONTINUE,
    CN_NO_CONVERGENCE,
    CN_NO_MEMORY,
    CN_OK,
    Lines,
    cn_idx,
    cn_lines,
    cn_status,
)

from circuitnn.errors import CrossbarError

cdef extern from "cn_kernel.h":
    ctypedef struct cn_kernel:
        cn_idx n_local, n_param, n_limit, n_discrete, n_jf, n_jq

cdef extern from "cn_cells.h":
    enum:
        CN_BLOCK, CN_CELL_PORTS, CN_CELL_MOST
    ctypedef struct cn_part:
        const cn_kernel *kernel
        const cn_idx *where
        const double *param
        double *lim
        double *acc
    ctypedef struct cn_cells:
        cn_idx rows, cols, blocks, unknowns, nodes, states, n_parts
        cn_part *parts
        const double *low
        const double *high
        double *gate
        double *own
        double *point
        double *current
        double *slope
        double gmin, time
    cn_status cn_cells_init(cn_cells *c) nogil
    void cn_cells_free(cn_cells *c) nogil

cdef extern from "cn_array.h":
    ctypedef struct cn_array:
        cn_lines *lines
        cn_cells *cells
        int iterations, accepted, rejected
        double defect, t
        double *charge_scale
    cn_status cn_array_init(cn_array *a) nogil
    void cn_array_free(cn_array *a) nogil
    cn_status cn_array_solve(cn_array *a, double alpha, int init, double tolerance, int max_iterations) nogil
    void cn_array_begin(cn_array *a, double t) nogil
    cn_status cn_array_step(cn_array *a, double h, double tolerance, double *next) nogil
    void cn_array_currents(const cn_array *a, double *bit, double *word) nogil

cdef extern from "cn_pulse.h":
    ctypedef struct cn_pulse:
        const double *word
        const double *bit
        const double *r_word
        const double *r_bit
        const double *repeat
        const double *scale
        double rise, width, fall, tolerance
        int steps
    cn_status cn_pulse_currents(cn_cells *c, const cn_pulse *p, double *current) nogil
    cn_status cn_pulse_apply(cn_cells *c, const cn_pulse *p, int threads, double *cells, double *sources) nogil

#: Most unknowns of a cell besides its word node, bit node and gate.
MOST_OWN = CN_CELL_MOST - CN_CELL_PORTS


cdef class Blocks:
    """Device cells in the blocks in which C linearises them; made by those that know what is around the cells."""

    cdef cn_cells c
    cdef list keep
    cdef bint usable
    cdef readonly Py_ssize_t rows, cols

    def __cinit__(self, *args, **keywords):
        self.keep = []

    cdef int _make(self, rows, cols, parts, nodes, states, low, high, gmin) except -1:
        cdef cn_cells *c = &self.c
        self.rows, self.cols = rows, cols
        c.rows, c.cols = rows, cols
        c.blocks = (rows * cols + CN_BLOCK - 1) // CN_BLOCK
        c.nodes, c.states = nodes, states
        c.unknowns = CN_CELL_PORTS + nodes + states
        c.gmin = gmin
        c.parts = <cn_part *> calloc(len(parts), sizeof(cn_part))
        if c.parts == NULL:
            raise MemoryError
        c.n_parts = len(parts)
        for k, (kernel, where, parameters) in enumerate(parts):
            self._part(&c.parts[k], kernel, where, parameters)
        c.low, c.high = self._blocks(low), self._blocks(high)
        self.usable = True
        if cn_cells_init(c) != CN_OK:
            raise MemoryError
        return 0

    def __dealloc__(self):
        if self.usable:
            cn_cells_free(&self.c)
        free(self.c.parts)

    cdef int _part(self, cn_part *part, kernel, where, parameters) except -1:
        cdef int32_t[::1] index = np.ascontiguousarray(where, dtype=np.int32)
        cdef uintptr_t address = kernel.address
        self.keep += [kernel, index]
        part.kernel = <const cn_kernel *> address
        part.where = &index[0]
        part.param = self._blocks(parameters)
        limits = np.zeros((kernel.n_limit, self.rows * self.cols))
        part.lim, part.acc = self._blocks(limits), self._blocks(limits)
        return 0

    cdef double *_blocks(self, values) except NULL:
        """Copy (k, cells) to blocks; the last cell fills the last block up."""
        cdef double[::1] flat
        count = self.rows * self.cols
        full = np.empty((len(values), self.c.blocks * CN_BLOCK))
        full[:, :count] = values
        full[:, count:] = full[:, count - 1 : count]
        blocks = full.reshape(len(values), self.c.blocks, CN_BLOCK).transpose(1, 0, 2)
        flat = np.append(np.ascontiguousarray(blocks).ravel(), 0.0)
        self.keep.append(flat)
        return &flat[0]

    cdef object _unblocked(self, const double *values, Py_ssize_t k):
        """Return a copy of blocks of k rows as (k, rows, cols)."""
        cdef Py_ssize_t size = self.c.blocks * k * CN_BLOCK
        flat = np.empty(size + 1)
        cdef double[::1] to = flat
        memcpy(&to[0], values, size * sizeof(double))
        cells = flat[:size].reshape(self.c.blocks, k, CN_BLOCK).transpose(1, 0, 2).reshape(k, -1)
        return cells[:, : self.rows * self.cols].reshape(k, self.rows, self.cols)

    def own(self):
        """Return own node voltages and states, (nodes + states, rows, cols)."""
        return self._unblocked(self.c.own, self.c.nodes + self.c.states)

    def set_own(self, values):
        """Set own node voltages and states, (nodes + states, rows, cols)."""
        cdef Py_ssize_t k = self.c.nodes + self.c.states
        cdef double *blocks = self._blocks(np.asarray(values, dtype=float).reshape(k, -1))
        memcpy(self.c.own, blocks, self.c.blocks * k * CN_BLOCK * sizeof(double))
        self.keep.pop()

    def cell_currents(self):
        """Return the currents out of the word nodes into the cells, (rows, cols)."""
        return self._unblocked(self.c.current, 2)[0]


cdef class Array(Blocks):
    """A crossbar of device cells.

    Parameters
    ----------
    rows, cols : int
    word, bit : tuple of (segment, low, high), S
        As of ``Lines``.
    parts : sequence of (kernel, where, parameters)
        Devices of every cell: a ``Kernel``, the cell's unknown of each of its local unknowns (0 word node, 1 bit node,
        2 gate, then own nodes, then states; -1 ground), and parameters (n_param, rows * cols).
    nodes, states : int
        Own nodes and states of a cell.
    low, high, scale : ndarray, shape (states, rows * cols)
        Bounds of the states, infinite where there are none, and their typical sizes.
    gmin : float, S
        Of junctions.
    threads : int
    """

    cdef cn_array a
    cdef Lines lines

    def __cinit__(self, rows, cols, word, bit, parts, nodes, states, low, high, scale, bint gated, gmin=1e-12,
                  threads=1):
        cdef double[:, ::1] block
        self.lines = Lines(None, rows, cols, 1.0, word, bit, False, threads)
        if gated:
            block = np.zeros((self.lines.l.m_padded, self.lines.l.ld))
            self.keep.append(block)
            self.lines.l.g_bit = &block[0, 0]
        self._make(rows, cols, parts, nodes, states, low, high, gmin)
        self.a.charge_scale = self._blocks(scale)
        self.a.lines, self.a.cells = &self.lines.l, &self.c
        if cn_array_init(&self.a) != CN_OK:
            raise MemoryError

    def __dealloc__(self):
        cn_array_free(&self.a)

    def drive(self, v, v_bit, feeds, const double[::1] gate):
        """Set the terminals as ``Lines.drive`` does, and the gates, (rows,) volts."""
        self.lines.drive(v, v_bit, feeds)
        memcpy(self.c.gate, &gate[0], self.rows * sizeof(double))

    def solve(self, double tolerance, bint init=True, int max_iterations=200):
        """Solve with states held; return whether it converged."""
        cdef cn_status status = CN_NO_CONVERGENCE
        cdef int left = max_iterations
        while status == CN_NO_CONVERGENCE and left > 0:
            with nogil:
                status = cn_array_solve(&self.a, 0.0, init, tolerance, 10)
            init = False
            left -= 10
            PyErr_CheckSignals()
        if status == CN_NO_MEMORY:
            raise MemoryError
        return status == CN_OK

    def begin(self, double t):
        """Let time begin at the solution in place."""
        cn_array_begin(&self.a, t)

    def step(self, double h, double tolerance):
        """Try a step of h seconds to the drives in place; return ``(accepted, next step)``."""
        cdef cn_status status
        cdef double following = h
        with nogil:
            status = cn_array_step(&self.a, h, tolerance, &following)
        if status == CN_NO_MEMORY:
            raise MemoryError
        if status != CN_OK and status != CN_CONTINUE:
            raise CrossbarError("the cells of the crossbar cannot be evaluated")
        return status == CN_OK, following

    def currents(self):
        """Return the currents out of the bit lines (cols,) and into the word lines (rows,)."""
        bit, word = np.empty(self.cols), np.empty(self.rows)
        cdef double[::1] b = bit, w = word
        cn_array_currents(&self.a, &b[0], &w[0])
        return bit, word

    def slopes(self):
        """Return d current / d word voltage and - d current / d bit voltage of each cell, (2, rows, cols), S."""
        return self._unblocked(self.c.slope, 2)

    def nodes(self):
        """Return word and bit node voltages, each (rows, cols)."""
        return self.lines.nodes()

    @property
    def time(self):
        """Time of the last accepted point, s."""
        return self.a.t

    @property
    def statistics(self):
        """Iterations of Newton's method, accepted and rejected steps, largest imbalance of a line."""
        return self.a.iterations, self.a.accepted, self.a.rejected, self.a.defect


cdef class Apart(Blocks):
    """Cells one by one, each between two sources of its own behind resistances.

    Parameters
    ----------
    count : int
    parts, nodes, states, low, high, scale, gmin
        As of ``Array``, for ``count`` cells.
    """

    cdef double *scale

    def __cinit__(self, count, parts, nodes, states, low, high, scale, gmin=1e-12):
        self._make(count, 1, parts, nodes, states, low, high, gmin)
        self.scale = self._blocks(scale)

    cdef int _drive(self, cn_pulse *p, list held, drive, gate) except -1:
        """Set sources and gates; ``held`` keeps what C points to."""
        cdef const double[::1] row
        for values in (*drive, gate):
            held.append(np.ascontiguousarray(np.broadcast_to(values, self.rows), dtype=float))
        row = held[0]
        p.word = &row[0]
        row = held[1]
        p.bit = &row[0]
        row = held[2]
        p.r_word = &row[0]
        row = held[3]
        p.r_bit = &row[0]
        row = held[4]
        p.repeat = &row[0]
        row = held[5]
        memcpy(self.c.gate, &row[0], self.rows * sizeof(double))
        p.scale = self.scale
        return 0

    def currents(self, drive, gate):
        """Return the currents into the cells (count,), or None where Newton's method fails; drives as of ``apply``."""
        cdef cn_pulse p
        cdef list held = []
        found = np.empty(self.rows)
        cdef double[::1] out = found
        self._drive(&p, held, (*drive, 1.0), gate)
        return found if cn_pulse_currents(&self.c, &p, &out[0]) == CN_OK else None

    def apply(self, drive, gate, times, double tolerance, int steps, int threads):
        """Apply a pulse; return the energies of cells and of sources (count,), or None where integration fails.

        drive : word, bit, r_word, r_bit, repeat, each (count,) or a number; gate : the same; times : rise, width, fall
        """
        cdef cn_pulse p
        cdef list held = []
        cdef cn_status status
        cells, sources = np.empty(self.rows), np.empty(self.rows)
        cdef double[::1] in_cells = cells, of_sources = sources
        self._drive(&p, held, drive, gate)
        p.rise, p.width, p.fall = times
        p.tolerance, p.steps = tolerance, steps
        with nogil:
            status = cn_pulse_apply(&self.c, &p, threads, &in_cells[0], &of_sources[0])
        return (cells, sources) if status == CN_OK else None
