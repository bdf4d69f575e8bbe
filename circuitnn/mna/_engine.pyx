"""The face of the C engine: holds the arrays of an assembled circuit, runs Newton's method and transients on them."""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int32_t, int64_t, uint8_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memcpy

import numpy as np

from circuitnn.errors import UsageError
from circuitnn.mna._block import BlockKernel

cdef extern from "cn_types.h":
    ctypedef int32_t cn_idx
    ctypedef enum cn_status:
        CN_OK
        CN_NO_MEMORY
        CN_SINGULAR
        CN_PIVOT_GROWTH
        CN_NOT_FINITE
        CN_NO_CONVERGENCE
        CN_STEP_TOO_SMALL
        CN_CONTINUE
        CN_BAD_ARGUMENT

cdef extern from "cn_kernel.h":
    ctypedef struct cn_kernel:
        cn_idx n_local, n_param, n_limit, n_discrete, n_jf, n_jq

cdef extern from "cn_lu.h":
    ctypedef struct cn_lu:
        pass
    cn_idx cn_lu_bad_column(const cn_lu *lu)
    size_t cn_lu_nnz(const cn_lu *lu)

cdef extern from "cn_source.h":
    ctypedef enum cn_waveform:
        CN_DC
    ctypedef struct cn_source:
        cn_waveform kind
        int dc_given
        double dc
        const double *args
        cn_idx n_args

cdef extern from "cn_system.h":
    ctypedef enum cn_mode:
        CN_MODE_DC
        CN_MODE_TRAN
    ctypedef struct cn_batch:
        const cn_kernel *kernel
        cn_idx n
        const cn_idx *index
        const double *param
        cn_idx jf_count
        cn_idx jq_count
        const cn_idx *jf_from
        const cn_idx *jf_slot
        const cn_idx *jq_from
        const cn_idx *jq_slot
        double *u
        double *f
        double *q
        double *jf
        double *jq
        double *lim
        double *acc
        double *mark
    ctypedef struct cn_options:
        double reltol, gmin, trtol
        int itl1, itl2, itl4, gear
    ctypedef struct cn_report:
        int method
        int64_t iterations, factorisations, refactorisations
        cn_idx worst
        double worst_step
    ctypedef struct cn_system:
        cn_idx n, nnz
        const cn_idx *ap
        const cn_idx *ai
        const double *g0
        const double *c0
        const cn_idx *diagonal
        const uint8_t *kind
        const double *tol
        cn_idx n_batches
        cn_batch *batches
        cn_idx n_sources
        cn_source *sources
        cn_idx n_drive
        const cn_idx *drive_row
        const cn_idx *drive_source
        const double *drive_value
        cn_idx n_held
        const cn_idx *held_row
        const double *held_value
        cn_idx n_forced
        cn_idx n_bounded
        const cn_idx *bounded_row
        const double *bounded_low
        const double *bounded_high
        const cn_idx *forced_row
        const double *forced_value
        int forcing
        double scale
        cn_options options
        cn_lu *lu
        double *q
        double *dx
        cn_report report
    cn_status cn_system_init(cn_system *s, const cn_idx *perm)
    void cn_system_free(cn_system *s)
    void cn_system_jacobians(cn_system *s, const double *x, double *gx, double *cx) nogil
    void cn_system_charges(cn_system *s, const double *x, double t) nogil
    void cn_system_accept(cn_system *s)
    cn_status cn_operating_point(cn_system *s, double *x, cn_mode drive_mode, int warm) nogil

cdef extern from "cn_tran.h":
    ctypedef struct cn_tran:
        cn_system *system
        double stop, record_from, max_step, min_step, first_step
        cn_idx n_saved
        const cn_idx *saved
        const uint8_t *dynamic
        int inconsistent
        double t, step
        cn_idx n_points
        double *point_times
        double *points
        int64_t accepted, rejected_error, rejected_newton, rejected_event, rejected_bound, discontinuities
    cn_status cn_tran_init(cn_tran *tr, const double *x, const double *q)
    cn_status cn_tran_advance(cn_tran *tr, int budget) nogil
    void cn_tran_free(cn_tran *tr)


METHODS = ("none", "newton", "gmin stepping", "source stepping")


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

    cdef cn_system s
    cdef object keep
    cdef object forced
    cdef list blocks
    cdef bint alive
    cdef readonly int n

    def __cinit__(self, plan, options):
        cdef cn_batch *batch
        cdef const int32_t[::1] iv
        cdef double[::1] dv
        cdef const double[::1] cv
        cdef const uint8_t[::1] bv
        cdef cn_status status
        self.keep = []
        self.blocks = [b.kernel for b in plan.batches if isinstance(b.kernel, BlockKernel)]
        self.n = plan.n
        s = &self.s
        s.n = plan.n
        s.nnz = len(plan.ai)
        iv = self._own(_indices(plan.ap)); s.ap = _idx(iv)
        iv = self._own(_indices(plan.ai)); s.ai = _idx(iv)
        cv = self._own(_doubles(plan.g0)); s.g0 = _cdbl(cv)
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
        s.n_sources = plan.n_sources
        s.sources = <cn_source *> calloc(max(plan.n_sources, 1), sizeof(cn_source))
        s.batches = <cn_batch *> calloc(max(len(plan.batches), 1), sizeof(cn_batch))
        if s.sources == NULL or s.batches == NULL:
            raise MemoryError
        s.n_batches = len(plan.batches)
        for i, b in enumerate(plan.batches):
            batch = &s.batches[i]
            self.keep.append(b.kernel)
            batch.kernel = <const cn_kernel *> <uintptr_t> b.kernel.address
            batch.n = b.n
            iv = self._own(_indices(b.index).ravel()); batch.index = _idx(iv)
            cv = self._own(_doubles(b.param).ravel()); batch.param = _cdbl(cv)
            inside = np.flatnonzero(b.jf_slot.ravel() < s.nnz)
            batch.jf_count = len(inside)
            iv = self._own(_indices(inside)); batch.jf_from = _idx(iv)
            iv = self._own(_indices(b.jf_slot.ravel()[inside])); batch.jf_slot = _idx(iv)
            inside = np.flatnonzero(b.jq_slot.ravel() < s.nnz)
            batch.jq_count = len(inside)
            iv = self._own(_indices(inside)); batch.jq_from = _idx(iv)
            iv = self._own(_indices(b.jq_slot.ravel()[inside])); batch.jq_slot = _idx(iv)
            local = batch.kernel.n_local * b.n
            dv = self._own(np.zeros(local)); batch.u = _dbl(dv)
            dv = self._own(np.zeros(local)); batch.f = _dbl(dv)
            dv = self._own(np.zeros(local)); batch.q = _dbl(dv)
            dv = self._own(np.zeros(batch.kernel.n_jf * b.n)); batch.jf = _dbl(dv)
            dv = self._own(np.zeros(batch.kernel.n_jq * b.n)); batch.jq = _dbl(dv)
            dv = self._own(np.zeros(batch.kernel.n_limit * b.n)); batch.lim = _dbl(dv)
            start = np.zeros((batch.kernel.n_limit, b.n))
            if b.discrete_start is not None:
                start[batch.kernel.n_limit - batch.kernel.n_discrete:] = b.discrete_start
            dv = self._own(start.ravel()); batch.acc = _dbl(dv)
            dv = self._own(start.ravel().copy()); batch.mark = _dbl(dv)
        s.options.reltol = options.reltol
        s.options.gmin = options.gmin
        s.options.trtol = options.trtol
        s.options.itl1 = options.itl1
        s.options.itl2 = options.itl2
        s.options.itl4 = options.itl4
        s.options.gear = options.method == "gear"
        iv = _indices(plan.perm)
        status = cn_system_init(s, _idx(iv))
        self.alive = True
        if status == CN_NO_MEMORY:
            raise MemoryError
        if status != CN_OK:
            raise UsageError("the circuit's matrix pattern is malformed")

    def __dealloc__(self):
        if self.alive:
            cn_system_free(&self.s)
        free(self.s.sources)
        free(self.s.batches)

    cdef _own(self, array):
        self.keep.append(array)
        return array

    cdef _raise(self):
        """Raise what a block's Python code has raised that no iteration can mend."""
        for block in self.blocks:
            block.raise_fatal()

    def refusal(self):
        """Return ``(element, error)`` of a block that could not be evaluated since the last reset, or None."""
        for block in self.blocks:
            if block.refused is not None:
                return block.name, block.refused
        return None

    def set_source(self, int k, int kind, double dc, bint dc_given, args):
        """Set source ``k``: kind 0 dc, 1 pulse, 2 sin, 3 exp, 4 pwl; args in the order of ``cn_source.h``."""
        cdef const double[::1] view = self._own(_doubles(args))
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
        cdef double[::1] g = np.empty(self.s.nnz)
        cdef double[::1] c = np.empty(self.s.nnz)
        with nogil:
            cn_system_jacobians(&self.s, &x[0], &g[0], &c[0])
        self._raise()
        return np.asarray(g), np.asarray(c)

    def limits(self, int k):
        """Return the limited voltages of batch ``k`` where they were last settled, (n_limit, n)."""
        cdef cn_batch *b = &self.s.batches[k]
        cdef Py_ssize_t count = b.kernel.n_limit * b.n
        out = np.empty((b.kernel.n_limit, b.n))
        cdef double[:, ::1] view = out
        if count:
            memcpy(&view[0, 0], b.lim, count * sizeof(double))
        return out

    def charges(self, double[::1] x):
        """Return q(x), (n+1,)."""
        cn_system_charges(&self.s, &x[0], 0.0)
        self._raise()
        out = np.empty(self.s.n + 1)
        cdef double[::1] view = out
        memcpy(&view[0], self.s.q, (self.s.n + 1) * sizeof(double))
        view[self.s.n] = 0.0
        return out

    def report(self):
        """Return what the last runs took: method, iterations, factorisations, the worst unknown and its step."""
        cdef cn_report *r = &self.s.report
        return {
            "method": METHODS[r.method],
            "iterations": r.iterations,
            "factorisations": r.factorisations,
            "refactorisations": r.refactorisations,
            "lu_nonzeros": cn_lu_nnz(self.s.lu),
            "worst": r.worst,
            "worst_step": r.worst_step,
        }

    def reset_report(self):
        """Set all counts to zero."""
        self.s.report = cn_report(0, 0, 0, 0, 0, 0.0)
        for block in self.blocks:
            block.refused = None

    def singular_unknown(self):
        """Return the unknown whose column had no pivot in the last factorisation."""
        return cn_lu_bad_column(self.s.lu)

    def transient(self, double[::1] x, double[::1] q, saved, dynamic, *, double stop, double record_from,
                  double max_step, double min_step, double first_step, bint inconsistent, progress=None):
        """Run a transient from ``x`` with charges ``q``.

        Returns ``(status, times, points, counts)``; whatever was computed is returned also when the status
        tells of a failure.  Control comes back to Python now and then, so that an interrupt is seen.
        """
        cdef cn_tran tr
        cdef cn_status status
        cdef const int32_t[::1] chosen = _indices(saved)
        cdef const uint8_t[::1] is_dynamic = np.ascontiguousarray(dynamic, dtype=np.uint8)
        cdef double[::1] times
        cdef double[:, ::1] points
        cdef int budget = max(1, 2000000 // (self.s.nnz + 100))
        _zero(&tr)
        tr.system = &self.s
        tr.stop, tr.record_from = stop, record_from
        tr.max_step, tr.min_step, tr.first_step = max_step, min_step, first_step
        tr.n_saved, tr.saved, tr.dynamic = chosen.shape[0], _idx(chosen), &is_dynamic[0]
        tr.inconsistent = inconsistent
        try:
            status = cn_tran_init(&tr, &x[0], &q[0])
            if status == CN_OK:
                status = CN_CONTINUE
            while status == CN_CONTINUE:
                with nogil:
                    status = cn_tran_advance(&tr, budget)
                self._raise()
                PyErr_CheckSignals()  # raises KeyboardInterrupt: without a progress bar no Python code runs here
                if progress is not None:
                    progress(tr.t / stop)
            if status == CN_NO_MEMORY:
                raise MemoryError
            times = np.empty(tr.n_points)
            points = np.empty((tr.n_points, tr.n_saved))
            if tr.n_points:
                memcpy(&times[0], tr.point_times, tr.n_points * sizeof(double))
                if tr.n_saved:
                    memcpy(&points[0, 0], tr.points, <size_t> tr.n_points * tr.n_saved * sizeof(double))
            counts = {
                "points": tr.n_points,
                "accepted": tr.accepted,
                "rejected_error": tr.rejected_error,
                "rejected_newton": tr.rejected_newton,
                "rejected_event": tr.rejected_event,
                "rejected_bound": tr.rejected_bound,
                "discontinuities": tr.discontinuities,
                "time": tr.t,
                "step": tr.step,
            }
            return status, np.asarray(times), np.asarray(points), counts
        finally:
            cn_tran_free(&tr)


cdef void _zero(cn_tran *tr):
    cdef char *bytes = <char *> tr
    cdef size_t k
    for k in range(sizeof(cn_tran)):
        bytes[k] = 0


OK, SINGULAR, NOT_FINITE, NO_CONVERGENCE, STEP_TOO_SMALL = (
    CN_OK, CN_SINGULAR, CN_NOT_FINITE, CN_NO_CONVERGENCE, CN_STEP_TOO_SMALL
)
