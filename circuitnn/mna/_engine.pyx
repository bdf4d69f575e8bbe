"""The face of the C engine: holds the arrays of an assembled circuit, runs Newton's method and transients on them."""

from libc.stdint cimport int32_t, uint8_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy, memset

import numpy as np

from circuitnn.errors import UsageError
from circuitnn.mna.streams import streams_of

METHODS = ("none", "newton", "line search", "gmin stepping", "source stepping", "pseudo-transient")
#: Elements in one batch: few, so that those at rest are left alone; more in a large circuit, for the overhead.
_BATCH, _LARGE_BATCH, _LARGE = 4, 64, 20_000


def _indices(values):
    return np.ascontiguousarray(values, dtype=np.int32)


def _doubles(values):
    return np.ascontiguousarray(values, dtype=np.float64)


cdef const cn_idx *_idx(const int32_t[::1] view):
    return &view[0] if view.shape[0] else NULL


cdef double *_dbl(double[::1] view):
    return &view[0] if view.shape[0] else NULL


cdef const double *_cdbl(const double[::1] view):
    return &view[0] if view.shape[0] else NULL


cdef class Engine:
    """One assembled circuit.

    Parameters
    ----------
    plan : circuitnn.mna.system.Plan
        Pattern, constant matrices, batches and drive; see there for shapes.
    options : circuitnn.circuit.options.SimOptions
    """

    def __cinit__(self, plan, options):
        cdef cn_batch *batch
        cdef const int32_t[::1] iv
        cdef const double[::1] cv
        cdef const uint8_t[::1] bv
        cdef cn_status status
        self.keep = []
        self.source_args = {}
        self.watched = [b.kernel for b in plan.batches if hasattr(b.kernel, "refusal")]
        self.n = plan.n
        s = &self.s
        s.n = plan.n
        s.nnz = len(plan.ai)
        iv = self._own(_indices(plan.ap)); s.ap = _idx(iv)
        iv = self._own(_indices(plan.ai)); s.ai = _idx(iv)
        dv = self._own(np.array(plan.g0, dtype=np.float64)); s.g0 = _dbl(dv)
        cv = self._own(_doubles(plan.c0)); s.c0 = _cdbl(cv)
        iv = self._own(_indices(plan.diagonal)); s.diagonal = _idx(iv)
        bv = self._own(np.ascontiguousarray(plan.kind, dtype=np.uint8)); s.kind = &bv[0]
        cv = self._own(_doubles(plan.tol)); s.tol = _cdbl(cv)
        iv = self._own(_indices(plan.drive_row)); s.drive_row = _idx(iv)
        iv = self._own(_indices(plan.drive_source)); s.drive_source = _idx(iv)
        cv = self._own(_doubles(plan.drive_value)); s.drive_value = _cdbl(cv)
        s.n_drive = len(plan.drive_row)
        iv = self._own(_indices(plan.held_row)); s.held_row = _idx(iv)
        cv = self._own(_doubles(plan.held_value)); s.held_value = _cdbl(cv)
        s.n_held = len(plan.held_row)
        rows, low, high = plan.bounded
        iv = self._own(_indices(rows)); s.bounded_row = _idx(iv)
        cv = self._own(_doubles(low)); s.bounded_low = _cdbl(cv)
        cv = self._own(_doubles(high)); s.bounded_high = _cdbl(cv)
        s.n_bounded = len(rows)
        self._set_delays(plan.delays, options.vntol)
        s.n_sources = plan.n_sources
        s.sources = <cn_source *> calloc(max(plan.n_sources, 1), sizeof(cn_source))
        lengths = [_lengths(b.n) for b in plan.batches]
        self.firsts = np.concatenate([[0], np.cumsum([len(of_one) for of_one in lengths])]).astype(int).tolist()
        s.n_batches = self.firsts[len(lengths)]
        s.batches = <cn_batch *> calloc(max(s.n_batches, 1), sizeof(cn_batch))
        if s.sources == NULL or s.batches == NULL:
            raise MemoryError
        rests = sum([b.n for b in plan.batches]) >= 2 * _BATCH
        batch = s.batches
        for b, of_one in zip(plan.batches, lengths):
            self._set_batches(batch, b, of_one, rests)
            batch += len(of_one)
        s.options.reltol = options.reltol
        s.options.gmin = options.gmin
        s.options.trtol = options.trtol
        s.options.itl1 = options.itl1
        s.options.itl2 = options.itl2
        s.options.itl4 = options.itl4
        iv = _indices(plan.perm)
        status = cn_system_init(s, _idx(iv))
        self.alive = True
        if status == CN_NO_MEMORY:
            raise MemoryError
        if status != CN_OK:
            raise UsageError("the circuit's matrix pattern is malformed")

    cdef _set_delays(self, lines, double vntol):
        cdef const double[::1] cv
        cdef const int32_t[::1] iv
        d = &self.s.delays
        d.n = len(lines.td)
        cv = self._own(_doubles(lines.td)); d.td = _cdbl(cv)
        cv = self._own(_doubles(lines.z0)); d.z0 = _cdbl(cv)
        cv = self._own(_doubles(lines.ic).ravel()); d.ic = _cdbl(cv)
        iv = self._own(_indices(lines.node).ravel()); d.node = _idx(iv)
        iv = self._own(_indices(lines.branch).ravel()); d.branch = _idx(iv)
        iv = self._own(_indices(lines.slot)); d.coupling_slot = _idx(iv)
        cv = self._own(_doubles(lines.coupling)); d.coupling = _cdbl(cv)
        d.n_couplings = len(lines.slot)
        d.vntol = vntol

    def __dealloc__(self):
        if self.alive:
            cn_system_free(&self.s)
        free(self.s.sources)
        free(self.s.batches)

    cdef _set_batches(self, cn_batch *first, plan_batch, lengths, bint rests):
        """Split the elements of one kernel into batches, with their arrays one after the other."""
        cdef const cn_kernel *kernel = <const cn_kernel *> <uintptr_t> plan_batch.kernel.address
        cdef cn_batch *b
        cdef const int32_t[::1] index, jf_slot, jq_slot
        cdef const double[::1] param
        cdef double[::1] u, f, q, jf, jq, lim, acc, mark
        cdef const uint64_t[::1] streams
        cdef Py_ssize_t at = 0
        self.keep.append(plan_batch.kernel)
        n = plan_batch.n
        index = self._own(_split(_indices(plan_batch.index), lengths))
        param = self._own(_split(_doubles(plan_batch.param), lengths))
        jf_slot = self._own(_split(_indices(plan_batch.jf_slot), lengths))
        jq_slot = self._own(_split(_indices(plan_batch.jq_slot), lengths))
        u, f, q = (self._own(np.zeros(kernel.n_local * n)) for _ in range(3))
        jf, jq = self._own(np.zeros(kernel.n_jf * n)), self._own(np.zeros(kernel.n_jq * n))
        start = np.zeros((kernel.n_limit, n))
        if plan_batch.discrete_start is not None:
            start[kernel.n_limit - kernel.n_discrete:kernel.n_limit - kernel.n_jump] = plan_batch.discrete_start
        start = _split(start, lengths)
        lim, acc, mark = self._own(np.zeros(kernel.n_limit * n)), self._own(start), self._own(start.copy())
        if kernel.n_jump:
            streams = self._own(streams_of(plan_batch.names))
        b = first
        for length in lengths:
            b.kernel, b.n, b.off = kernel, length, plan_batch.off
            b.index = &index[at * kernel.n_local]
            b.u, b.f, b.q = &u[at * kernel.n_local], &f[at * kernel.n_local], &q[at * kernel.n_local]
            b.rests = rests and not kernel.flags & (CN_KERNEL_MEMORY | CN_KERNEL_TIMED)
            if kernel.n_param:
                b.param = &param[at * kernel.n_param]
            if kernel.n_jump:
                b.stream = &streams[at]
            if kernel.n_jf:
                b.jf, b.jf_slot = &jf[at * kernel.n_jf], &jf_slot[at * kernel.n_jf]
            if kernel.n_jq:
                b.jq, b.jq_slot = &jq[at * kernel.n_jq], &jq_slot[at * kernel.n_jq]
            if kernel.n_limit:
                b.lim, b.acc, b.mark = &lim[at * kernel.n_limit], &acc[at * kernel.n_limit], &mark[at * kernel.n_limit]
            at += length
            b += 1

    def swap_factors(self, Engine other):
        """Exchange the factors with another engine of the same pattern, so that its pivots serve here."""
        self.s.lu, other.s.lu = other.s.lu, self.s.lu
        self.s.lu_ready, other.s.lu_ready = other.s.lu_ready, self.s.lu_ready
        self.s.lu_current = other.s.lu_current = 0

    cdef _own(self, array):
        self.keep.append(array)
        return array

    cdef _raise(self):
        """Raise what a block's Python code has raised that no iteration can mend."""
        for kernel in self.watched:
            kernel.raise_fatal()

    def refusal(self):
        """Return ``(element, error)`` of what could not be evaluated since the last reset, or None."""
        return next((found for found in (kernel.refusal() for kernel in self.watched) if found is not None), None)

    def set_source(self, int k, int kind, double dc, bint dc_given, args):
        """Set source ``k``: kind and args as ``cn_source.h`` has them."""
        cdef const double[::1] view = _doubles(args)
        self.source_args[k] = view
        self.s.sources[k].kind = <cn_waveform> kind
        self.s.sources[k].dc = dc
        self.s.sources[k].dc_given = dc_given
        self.s.sources[k].args = _cdbl(view)
        self.s.sources[k].n_args = view.shape[0]

    def set_dc(self, int k, double dc):
        """Set the dc value of source ``k`` alone."""
        self.s.sources[k].dc = dc
        self.s.sources[k].dc_given = True

    def set_forced(self, rows, values):
        """Tie unknowns ``rows`` to ``values`` (volts) while an operating point runs with ``forcing``."""
        cdef const int32_t[::1] r = _indices(rows)
        cdef const double[::1] v = _doubles(values)
        self.forced = (r, v)
        self.s.n_forced = r.shape[0]
        self.s.forced_row = _idx(r)
        self.s.forced_value = _cdbl(v)

    def operating_point(self, double[::1] x, *, bint at_time_zero=False, bint warm=False, bint forcing=False):
        """Solve for the operating point into ``x`` (n+1,); return the status code."""
        cdef cn_mode mode = CN_MODE_TRAN if at_time_zero else CN_MODE_DC
        cdef cn_status status
        self.s.forcing = forcing and self.s.n_forced > 0
        with nogil:
            status = cn_operating_point(&self.s, &x[0], mode, warm)
        self.s.forcing = 0
        self._raise()
        if status == CN_NO_MEMORY:
            raise MemoryError
        if status == CN_OK:
            cn_system_accept(&self.s)
        return status

    def jacobians(self, double[::1] x):
        """Return df/dx and dq/dx at ``x`` on the pattern, each (nnz,)."""
        cdef double[::1] g = np.empty(self.s.nnz + 1)  # the last entry gathers what belongs to ground
        cdef double[::1] c = np.empty(self.s.nnz + 1)
        with nogil:
            cn_system_jacobians(&self.s, &x[0], &g[0], &c[0])
        self._raise()
        return np.asarray(g)[:self.s.nnz], np.asarray(c)[:self.s.nnz]

    def limits(self, int k):
        """Return the limited voltages of the plan's batch ``k`` where they were last settled, (n_limit, n)."""
        cdef cn_batch *b
        parts = []
        for at in range(self.firsts[k], self.firsts[k + 1]):
            b = &self.s.batches[at]
            parts.append(_copied(b.lim, b.kernel.n_limit * b.n).reshape(b.kernel.n_limit, b.n))
        return np.concatenate(parts, axis=1)

    def imbalance(self, double[::1] tolerance, int most):
        """Return where Kirchhoff's laws were most out of balance in the last failure, beyond ``tolerance`` (n,).

        A list of ``(unknown, lack, parts)``, the worst first; parts are the largest contributions there of what is
        evaluated, ``(value, batch of the plan, place in it)``. Values that are not finite come first.
        """
        lack = _copied(self.s.dx, self.n)
        with np.errstate(invalid="ignore", over="ignore"):
            size = np.abs(lack) / tolerance
        size[~np.isfinite(lack)] = np.inf
        worst = [int(k) for k in np.argsort(-size, kind="stable")[:most] if size[k] > 1.0]
        return [(k, float(lack[k]), self._parts(k)) for k in worst]

    cdef _parts(self, cn_idx unknown):
        cdef cn_batch *b
        cdef Py_ssize_t e, k, at
        cdef double value
        parts = []
        for batch in range(len(self.firsts) - 1):
            done = 0
            for at in range(self.firsts[batch], self.firsts[batch + 1]):
                b = &self.s.batches[at]
                for e in range(b.kernel.n_local):
                    for k in range(b.n):
                        if b.index[e * b.n + k] == unknown:
                            value = b.f[e * b.n + k] + self.s.base_alpha * b.q[e * b.n + k]
                            parts.append((value, batch, done + k))
                done += b.n
        return sorted(parts, key=_weight)[:3]

    def charges(self, double[::1] x):
        """Return q(x), (n+1,)."""
        cn_system_charges(&self.s, &x[0], 0.0)
        self._raise()
        out = _copied(self.s.q, self.s.n + 1)
        out[self.s.n] = 0.0
        return out

    def drive(self, double t):
        """Return B s at time ``t`` in s, (n+1,), of the waveforms that are set."""
        cn_system_drive(&self.s, CN_MODE_TRAN, t)
        return _copied(self.s.drive, self.s.n + 1)

    def next_corner(self, double t):
        """Return the time after ``t``, s, at which a source turns next; infinity when none does."""
        found = np.inf
        for k in range(self.s.n_sources):
            found = min(found, cn_source_next_break(&self.s.sources[k], t))
        return found

    def report(self):
        """Return what the last runs took: method, iterations, factorisations, the worst unknown and its step."""
        cdef cn_report *r = &self.s.report
        return {
            "method": METHODS[r.method],
            "tried": {METHODS[k]: r.tried[k] for k in range(CN_METHODS) if r.tried[k]},
            "iterations": r.iterations,
            "evaluations": r.evaluations,
            "factorisations": r.factorisations,
            "refactorisations": r.refactorisations,
            "lu_nonzeros": cn_lu_nnz(self.s.lu),
            "worst": r.worst,
            "worst_step": r.worst_step,
        }

    def reset_report(self):
        """Set all counts to zero."""
        memset(&self.s.report, 0, sizeof(cn_report))
        for kernel in self.watched:
            kernel.forget()

    def singular_unknown(self):
        """Return the unknown whose column had no pivot in the last factorisation."""
        return cn_lu_bad_column(self.s.lu)


cdef _copied(const double *values, Py_ssize_t count):
    cdef double[::1] out = np.empty(count)
    if count:
        memcpy(&out[0], values, count * sizeof(double))
    return np.asarray(out)


def _weight(part):
    """Order contributions: those that are not finite first, then the largest."""
    return -abs(part[0]) if np.isfinite(part[0]) else -np.inf


def _lengths(n):
    """Return how many of ``n`` elements each batch takes."""
    most = _BATCH if n <= _LARGE else _LARGE_BATCH
    return [most] * (n // most) + ([n % most] if n % most else [])


def _split(rows, lengths):
    """Return an array (rows, n) with the columns of each batch together, flat: batch by batch, row by row."""
    full = [length for length in lengths if length == lengths[0]]
    columns = len(full) * full[0]
    first = rows[:, :columns].reshape(len(rows), len(full), full[0]).transpose(1, 0, 2).ravel()
    return np.ascontiguousarray(np.concatenate([first, rows[:, columns:].ravel()]))


OK, CONTINUE, SINGULAR, NOT_FINITE, NO_CONVERGENCE, STEP_TOO_SMALL = (
    CN_OK, CN_CONTINUE, CN_SINGULAR, CN_NOT_FINITE, CN_NO_CONVERGENCE, CN_STEP_TOO_SMALL
)
