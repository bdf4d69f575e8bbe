"""The face of the C time-step loop: runs a transient on an engine, in portions that a sink may take away."""

from cpython.exc cimport PyErr_CheckSignals
from cython cimport view
from libc.stdint cimport int32_t, int64_t, uint64_t, uintptr_t
from libc.stdlib cimport calloc, free, realloc
from libc.string cimport memset

from circuitnn.mna._engine cimport (
    CN_BAD_ARGUMENT, CN_CONTINUE, CN_NO_MEMORY, CN_OK, Engine, cn_batch, cn_idx, cn_kernel, cn_status, cn_system,
)

import numpy as np

from circuitnn.errors import UsageError
from circuitnn.mna.streams import streams_of

cdef extern from "cn_formula.h":
    ctypedef enum cn_rule:
        CN_BDF
        CN_TRAPEZOIDAL
        CN_TRBDF2

cdef extern from "cn_jump.h":
    ctypedef struct cn_jumps:
        uint64_t seed

cdef extern from "cn_noise.h":
    ctypedef struct cn_noisy:
        const cn_kernel *kernel
        cn_idx n
        const cn_idx *index
        const double *param
        const uint64_t *stream
        const cn_batch *batch
    ctypedef struct cn_noise:
        cn_idx n_groups
        const cn_noisy *groups
        double spacing, lowest
        uint64_t seed

cdef extern from "cn_tran.h":
    ctypedef struct cn_tran:
        cn_system *system
        cn_rule rule
        int max_order
        double start, stop, record_from, max_step, min_step, first_step
        cn_idx n_saved
        const cn_idx *saved
        cn_idx n_dynamic
        const cn_idx *dynamic
        cn_jumps jumps
        cn_noise *noise
        int inconsistent
        double t, step
        cn_idx n_points, capacity
        double *points
        int64_t total_points, accepted, rejected_error, rejected_newton, rejected_event, rejected_bound
        int64_t discontinuities, ringing, random_jumps
    cn_status cn_tran_init(cn_tran *tr, const double *x, const double *q)
    cn_status cn_tran_advance(cn_tran *tr, int budget) nogil
    cn_idx cn_tran_settled(const cn_tran *tr)
    void cn_tran_forget(cn_tran *tr, cn_idx count)
    size_t cn_tran_state_size(const cn_tran *tr)
    void cn_tran_save(const cn_tran *tr, double *state)
    cn_status cn_tran_resume(cn_tran *tr, const double *state, size_t size, int changed)
    void cn_tran_free(cn_tran *tr)


RULES = {"gear": CN_BDF, "trap": CN_TRAPEZOIDAL, "trbdf2": CN_TRBDF2}
#: Points that a sink is given at a time, in numbers: still in the cache when they are written.
_PORTION = 1 << 16


cdef class Noise:
    """The noise currents of a circuit, acting in a transient: those of all kernels that declare some.

    Parameters
    ----------
    engine : Engine
    plan : circuitnn.mna.plan.Plan
        That the engine was made of.
    highest, lowest : float
        Frequencies between which noise has the density that it should have, Hz.
    seed : int
    """

    cdef cn_noise z
    cdef cn_noisy *groups
    cdef list keep

    def __cinit__(self, Engine engine, plan, double highest, double lowest, seed):
        cdef const int32_t[:, ::1] index
        cdef const double[:, ::1] param
        cdef const uint64_t[::1] stream
        cdef const cn_kernel *kernel
        cdef cn_noisy *group
        cdef cn_batch *b
        cdef Py_ssize_t at
        self.keep = [engine]
        self.groups = <cn_noisy *> calloc(len(plan.folded) + engine.s.n_batches + 1, sizeof(cn_noisy))
        if self.groups == NULL:
            raise MemoryError
        group = self.groups
        for batch in plan.folded:
            kernel = <const cn_kernel *> <uintptr_t> batch.kernel.address
            if kernel.n_noise and batch.n:
                index, param = np.ascontiguousarray(batch.index, dtype=np.int32), np.ascontiguousarray(batch.param)
                stream = streams_of(batch.names)
                self.keep += [index, param, stream]
                group.kernel, group.n, group.index, group.stream = kernel, batch.n, &index[0, 0], &stream[0]
                group.param = &param[0, 0] if kernel.n_param else NULL
                group += 1
        for k, batch in enumerate(plan.batches):
            kernel = <const cn_kernel *> <uintptr_t> batch.kernel.address
            if kernel.n_noise == 0:
                continue
            stream = streams_of(batch.names)
            self.keep.append(stream)
            at = 0
            for place in range(engine.firsts[k], engine.firsts[k + 1]):
                b = &engine.s.batches[place]
                group.kernel, group.n, group.index, group.param, group.batch = kernel, b.n, b.index, b.param, b
                group.stream = &stream[at]
                at += b.n
                group += 1
        self.z.n_groups, self.z.groups = group - self.groups, self.groups
        self.z.spacing, self.z.lowest, self.z.seed = 0.5 / highest, lowest, seed & (2**64 - 1)

    def __dealloc__(self):
        free(self.groups)


def run(Engine engine, double[::1] x, double[::1] q, saved, dynamic, *, method, int max_order, double start,
        double stop, double record_from, double max_step, double min_step, double first_step, bint inconsistent,
        seed, Noise noise, double most_points, state=None, bint changed=False, sink=None, progress=None):
    """Run a transient from ``x`` with charges ``q``, or from the ``state`` that another run has returned,
    when the circuit's values may have ``changed``.

    Returns ``(status, points, counts, state)``, points of shape (points, 1 + saved) with the time first; whatever was
    computed is returned also when the status tells of a failure. A ``sink`` is called with such points in portions
    (the number of those before, and a view that is valid during the call alone), and has had all of them in the end;
    after an interrupt some may come once more. Without one, more than ``most_points`` end the run with CN_CONTINUE.
    Control comes back to Python now and then, so that an interrupt is seen; what is returned is then attribute
    ``computed`` of the KeyboardInterrupt.
    """
    cdef cn_tran tr
    cdef cn_status status
    cdef const cn_idx[::1] chosen = np.ascontiguousarray(saved, dtype=np.int32)
    cdef const cn_idx[::1] controlled = np.flatnonzero(np.asarray(dynamic)).astype(np.int32)
    cdef const double[::1] before
    cdef int budget = max(1, 2000000 // (engine.s.nnz + 100))
    memset(&tr, 0, sizeof(cn_tran))
    tr.system = &engine.s
    tr.rule, tr.max_order = RULES[method], max_order
    tr.start, tr.stop, tr.record_from = start, stop, record_from
    tr.max_step, tr.min_step, tr.first_step = max_step, min_step, first_step
    tr.n_saved, tr.saved = chosen.shape[0], &chosen[0] if chosen.shape[0] else NULL
    tr.n_dynamic, tr.dynamic = controlled.shape[0], &controlled[0] if controlled.shape[0] else NULL
    tr.inconsistent = inconsistent
    tr.jumps.seed = seed & (2**64 - 1)
    tr.noise = &noise.z if noise is not None else NULL
    try:
        status = cn_tran_init(&tr, &x[0], &q[0])
        _require_colors(status)
        if status == CN_OK and state is not None:
            before = np.ascontiguousarray(state, dtype=np.float64)
            status = CN_BAD_ARGUMENT
            if before.shape[0]:
                status = cn_tran_resume(&tr, &before[0], before.shape[0], changed)
            if status == CN_BAD_ARGUMENT:
                raise UsageError("the checkpoint's numbers are no state of this circuit", hint="the file is damaged")
        if status == CN_OK:
            status = CN_CONTINUE
        while status == CN_CONTINUE:
            with nogil:
                status = cn_tran_advance(&tr, budget)
            _require_colors(status)
            try:
                engine._raise()
                PyErr_CheckSignals()  # raises KeyboardInterrupt: without a progress bar no Python code runs here
                if progress is not None:
                    progress((tr.t - start) / (stop - start))
                if sink is not None and <int64_t> tr.n_points * (tr.n_saved + 1) > _PORTION:
                    _pass_on(&tr, cn_tran_settled(&tr), sink)
            except KeyboardInterrupt as interrupt:
                interrupt.computed = _outcome(&tr, status, sink)
                raise
            if sink is None and tr.n_points > most_points:
                break
        if status == CN_NO_MEMORY:
            raise MemoryError
        return _outcome(&tr, status, sink)
    finally:
        cn_tran_free(&tr)


cdef _require_colors(cn_status status):
    if status == CN_BAD_ARGUMENT:
        raise UsageError(
            "a noise current cannot act in a transient: its density falls as 1/f^e with e below 0, or 2 and more, or "
            "there are more than 16 different exponents",
            expected="exponents from 0 to less than 2",
        )


cdef _outcome(cn_tran *tr, cn_status status, sink):
    """Return what ``run`` does; the rest of the points goes to the sink."""
    if sink is not None:
        _pass_on(tr, tr.n_points, sink)
    cdef double[::1] state = np.empty(cn_tran_state_size(tr))
    cn_tran_save(tr, &state[0])
    counts = {
        "points": tr.total_points,
        "accepted": tr.accepted,
        "rejected_error": tr.rejected_error,
        "rejected_newton": tr.rejected_newton,
        "rejected_event": tr.rejected_event,
        "rejected_bound": tr.rejected_bound,
        "discontinuities": tr.discontinuities,
        "ringing": tr.ringing,
        "random_jumps": tr.random_jumps,
        "time": tr.t,
        "step": tr.step,
    }
    return status, _take(tr), counts, np.asarray(state)


cdef _pass_on(cn_tran *tr, cn_idx count, sink):
    """Give the first ``count`` points to the sink and forget them."""
    if count:
        sink(tr.total_points - tr.n_points, np.asarray(<double[:count, :tr.n_saved + 1]> tr.points))
        cn_tran_forget(tr, count)


cdef _take(cn_tran *tr):
    """Return all points as an array that owns their memory from now on."""
    cdef view.array owner
    cdef double *points
    if tr.n_points == 0:
        return np.empty((0, tr.n_saved + 1))
    points = <double *> realloc(tr.points, <size_t> tr.n_points * (tr.n_saved + 1) * sizeof(double))
    if points == NULL:
        points = tr.points
    owner = <double[:tr.n_points, :tr.n_saved + 1]> points
    owner.callback_free_data = free
    tr.points = NULL
    tr.n_points = tr.capacity = 0
    return np.asarray(owner)
