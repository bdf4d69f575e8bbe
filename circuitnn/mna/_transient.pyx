"""The face of the C time-step loop: runs a transient on an engine, in portions that a sink may take away."""

from cpython.exc cimport PyErr_CheckSignals
from cython cimport view
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport free, realloc
from libc.string cimport memset

from circuitnn.mna._engine cimport (
    CN_BAD_ARGUMENT, CN_CONTINUE, CN_NO_MEMORY, CN_OK, Engine, cn_idx, cn_status, cn_system,
)

import numpy as np

from circuitnn.errors import UsageError

cdef extern from "cn_formula.h":
    ctypedef enum cn_rule:
        CN_BDF
        CN_TRAPEZOIDAL
        CN_TRBDF2

cdef extern from "cn_jump.h":
    ctypedef struct cn_jumps:
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


def run(Engine engine, double[::1] x, double[::1] q, saved, dynamic, *, method, int max_order, double start,
        double stop, double record_from, double max_step, double min_step, double first_step, bint inconsistent,
        seed, double most_points, state=None, bint changed=False, sink=None, progress=None):
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
    try:
        status = cn_tran_init(&tr, &x[0], &q[0])
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
