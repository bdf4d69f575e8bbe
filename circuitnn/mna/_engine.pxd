# The engine's C structures, for the extensions that run on an Engine.
from libc.stdint cimport int32_t, int64_t, uint8_t, uint64_t


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
    enum:
        CN_KERNEL_MEMORY
        CN_KERNEL_TIMED
    ctypedef struct cn_kernel:
        int flags
        cn_idx n_local, n_param, n_limit, n_discrete, n_jf, n_jq, n_noise, n_jump

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
    double cn_source_next_break(const cn_source *source, double t)

cdef extern from "cn_delay.h":
    ctypedef struct cn_delays:
        cn_idx n
        const double *td
        const double *z0
        const cn_idx *node
        const cn_idx *branch
        const double *ic
        cn_idx n_couplings
        const cn_idx *coupling_slot
        const double *coupling
        double vntol

cdef extern from "cn_system.h":
    enum:
        CN_METHODS
    ctypedef enum cn_mode:
        CN_MODE_DC
        CN_MODE_TRAN
    ctypedef struct cn_batch:
        const cn_kernel *kernel
        cn_idx n
        const cn_idx *index
        const double *param
        const cn_idx *jf_slot
        const cn_idx *jq_slot
        double *u
        double *f
        double *q
        double *jf
        double *jq
        double *lim
        double *acc
        double *mark
        const uint64_t *stream
        int rests, off
    ctypedef struct cn_options:
        double reltol, gmin, trtol
        int itl1, itl2, itl4
    ctypedef struct cn_report:
        int method
        int64_t iterations, evaluations, factorisations, refactorisations
        int64_t tried[6]
        cn_idx worst
        double worst_step
    ctypedef struct cn_system:
        cn_idx n, nnz
        const cn_idx *ap
        const cn_idx *ai
        double *g0
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
        cn_delays delays
        cn_idx n_held
        const cn_idx *held_row
        const double *held_value
        cn_idx n_bounded
        const cn_idx *bounded_row
        const double *bounded_low
        const double *bounded_high
        cn_idx n_forced
        const cn_idx *forced_row
        const double *forced_value
        int forcing
        double scale, base_alpha
        cn_options options
        cn_lu *lu
        int lu_ready, lu_current
        double *q
        double *dx
        double *residual
        double *drive
        cn_report report
    void cn_system_drive(cn_system *s, cn_mode mode, double t)
    cn_status cn_system_init(cn_system *s, const cn_idx *perm)
    void cn_system_free(cn_system *s)
    void cn_system_jacobians(cn_system *s, const double *x, double *gx, double *cx) nogil
    void cn_system_charges(cn_system *s, const double *x, double t) nogil
    void cn_system_accept(cn_system *s)
    cn_status cn_operating_point(cn_system *s, double *x, cn_mode drive_mode, int warm) nogil


cdef class Engine:
    cdef cn_system s
    cdef object keep
    cdef object forced
    cdef dict source_args
    cdef list watched
    cdef list firsts
    cdef bint alive
    cdef readonly int n
    cdef _set_batches(self, cn_batch *first, plan_batch, lengths, bint rests)
    cdef _set_delays(self, lines, double vntol)
    cdef _own(self, array)
    cdef _parts(self, cn_idx unknown)
    cdef _raise(self)
