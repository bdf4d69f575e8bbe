"""The face of the kernels for amplitudes and phases: arrays that live as long as a run, and a run in portions."""

from cpython.exc cimport PyErr_CheckSignals
from libc.stdint cimport int64_t, uint64_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

import numpy as np

from circuitnn.errors import AnalysisError, ConvergenceError


cdef extern from "cn_types.h":
    ctypedef int cn_idx
    ctypedef enum cn_status:
        CN_OK, CN_NO_MEMORY, CN_NOT_FINITE, CN_NO_CONVERGENCE, CN_STEP_TOO_SMALL

cdef extern from "cn_waves.h":
    ctypedef enum cn_waves_kind:
        CN_AMPLITUDES, CN_PHASES
    ctypedef enum cn_waves_method:
        CN_WAVES_RK4
    enum:
        CN_COEFFICIENTS
    ctypedef struct cn_wave_drive:
        int input, common
        const double *gain
        const double *frequency
        const double *turns
        const double *samples
        cn_idx n_samples, columns
        double spacing, start
        int hold
    ctypedef struct cn_wave_sum:
        const double *gain
        const double *weight
    ctypedef struct cn_waves:
        cn_waves_kind kind
        cn_waves_method method
        cn_idx n
        double step, frame, tolerance
        const double *coefficient[9]
        const double *noise[3]
        uint64_t seed
        const uint64_t *stream
        cn_idx harmonics
        const double *response
        cn_idx n_drives
        const cn_wave_drive *drives
        cn_idx n_sums
        const cn_wave_sum *sums
        const double *dense_re
        const double *dense_im
        const int64_t *row_start
        const cn_idx *column
        const double *sparse_re
        const double *sparse_im
        int threads
        double *y
        int64_t evaluations, rejected, sweeps
    cn_status cn_waves_init(cn_waves *w)
    void cn_waves_free(cn_waves *w)
    cn_status cn_waves_run(cn_waves *w, int64_t first, int64_t steps, int64_t every, double *records) nogil
    void cn_waves_slope(cn_waves *w, double t, const double *y, double *d) nogil

cdef int64_t PORTION = 1 << 25  # oscillator-steps between looks at signals


cdef class Waves:
    """One population in the kernels.

    Parameters
    ----------
    phases : bool
        Phases instead of amplitudes.
    method : int
        Place in rk4, rk45, midpoint, heun.
    n : int
    step, frame, tolerance : float
        s; rad/s; absolute.
    coefficients : ndarray (9, n)
    noise : ndarray (3, n) or None
    seed : int
    streams : ndarray (n,)
    response : ndarray (2 h + 1, n) or None
    drives : list of Channel
    sums : list of (gain, weight), ndarrays (2, n)
    dense : tuple of two ndarrays (n, n), or None
    sparse : tuple of row starts, columns, real and imaginary parts, or None
    threads : int
    """

    cdef cn_waves w
    cdef cn_wave_drive *drives
    cdef cn_wave_sum *sums
    cdef list keep

    def __cinit__(self, bint phases, int method, cn_idx n, double step, double frame, double tolerance,
                  const double[:, ::1] coefficients, noise, uint64_t seed, const uint64_t[::1] streams, response,
                  list drives, list sums, dense, sparse, int threads):
        cdef const double[:, ::1] table
        cdef const double[::1] line
        cdef const int64_t[::1] starts
        cdef const int[::1] columns
        cdef int k
        memset(&self.w, 0, sizeof(cn_waves))
        self.keep = [coefficients, noise, streams, response, drives, sums, dense, sparse]
        self.w.kind = CN_PHASES if phases else CN_AMPLITUDES
        self.w.method = <cn_waves_method> method
        self.w.n, self.w.step, self.w.frame, self.w.tolerance = n, step, frame, tolerance
        for k in range(CN_COEFFICIENTS):
            self.w.coefficient[k] = &coefficients[k, 0]
        if noise is not None:
            table = noise
            for k in range(3):
                self.w.noise[k] = &table[k, 0]
        self.w.seed, self.w.stream = seed, &streams[0]
        if response is not None:
            table = response
            self.w.harmonics, self.w.response = (table.shape[0] - 1) // 2, &table[0, 0]
        self.drives = <cn_wave_drive *> calloc(len(drives) + 1, sizeof(cn_wave_drive))
        self.sums = <cn_wave_sum *> calloc(len(sums) + 1, sizeof(cn_wave_sum))
        if self.drives == NULL or self.sums == NULL:
            raise MemoryError
        for k, channel in enumerate(drives):
            self.drives[k].input = channel.input
            line = channel.gain; self.drives[k].gain = &line[0]
            line = channel.frequency; self.drives[k].frequency = &line[0]
            line = channel.turns; self.drives[k].turns = &line[0]
            self.drives[k].common = all(np.ptp(x) == 0.0 for x in (channel.gain, channel.frequency, channel.turns))
            self.drives[k].spacing, self.drives[k].start = channel.spacing, channel.start
            self.drives[k].hold = channel.hold
            if channel.samples is not None:
                table = channel.samples
                self.drives[k].samples = &table[0, 0]
                self.drives[k].n_samples, self.drives[k].columns = table.shape[0], table.shape[1]
        self.w.n_drives, self.w.drives = len(drives), self.drives
        for k, (gain, weight) in enumerate(sums):
            table = gain; self.sums[k].gain = &table[0, 0]
            table = weight; self.sums[k].weight = &table[0, 0]
        self.w.n_sums, self.w.sums = len(sums), self.sums
        if dense is not None:
            table = dense[0]; self.w.dense_re = &table[0, 0]
            table = dense[1]; self.w.dense_im = &table[0, 0]
        if sparse is not None and len(sparse[1]):
            starts, columns = sparse[0], sparse[1]
            self.w.row_start, self.w.column = &starts[0], &columns[0]
            line = sparse[2]; self.w.sparse_re = &line[0]
            line = sparse[3]; self.w.sparse_im = &line[0]
        self.w.threads = threads
        if cn_waves_init(&self.w) != CN_OK:
            raise MemoryError

    def __dealloc__(self):
        cn_waves_free(&self.w)
        free(self.drives)
        free(self.sums)

    @property
    def state(self):
        """The state that it is in, which may be written: (2, n), real and imaginary parts, or (1, n) phases."""
        cdef int rows = 1 if self.w.kind == CN_PHASES else 2
        return np.asarray(<double[:rows, :self.w.n]> self.w.y)

    def run(self, int64_t first, int64_t steps, int64_t every, double[:, :, ::1] records):
        """Do steps; records (steps // every, n, rows) get what is there after every so many."""
        cdef int64_t done = 0, now, most = max(1, PORTION // self.w.n // every) * every
        cdef cn_status status = CN_OK
        cdef double spare = 0.0
        cdef double *to
        while done < steps and status == CN_OK:
            now = min(most, steps - done)
            to = &records[done // every, 0, 0] if done // every < records.shape[0] else &spare
            with nogil:
                status = cn_waves_run(&self.w, first + done, now, every, to)
            done += now
            PyErr_CheckSignals()
        if status == CN_NO_CONVERGENCE:
            raise ConvergenceError("the midpoint's equation has no solution found", hint="take shorter steps")
        if status == CN_STEP_TOO_SMALL:
            raise ConvergenceError("the step has become too short", hint="a larger tolerance, or another method")
        if status != CN_OK:
            raise AnalysisError(
                f"the oscillators are no longer finite at {(first + done) * self.w.step:g} s or before",
                hint="take shorter steps, or a frame near their frequencies",
            )

    @property
    def stats(self):
        """Counts: evaluations and rejected steps of adaptive methods, sweeps of implicit ones."""
        return {"evaluations": self.w.evaluations, "rejected": self.w.rejected, "sweeps": self.w.sweeps}

    def slope(self, double t, const double[:, ::1] y):
        """Return the derivative of a state (rows, n) at a time."""
        d = np.empty_like(np.asarray(y))
        cdef double[:, ::1] to = d
        with nogil:
            cn_waves_slope(&self.w, t, &y[0, 0], &to[0, 0])
        return d
