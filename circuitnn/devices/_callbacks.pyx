"""Kernels of csrc/cn_kernel.h whose functions are Python's, and the voltage limiting of csrc/cn_limit.h on arrays."""

from libc.math cimport NAN
from libc.stdint cimport int32_t, uintptr_t
from libc.string cimport memset

import numpy as np

cdef extern from "cn_types.h":
    ctypedef int32_t cn_idx

cdef extern from "cn_kernel.h":
    enum:
        CN_KERNEL_ABI
        CN_KERNEL_LINEAR
        CN_KERNEL_TIMED
        CN_ENV_SIZE
        CN_LIMIT_START
        CN_LIMIT_HOLD
    ctypedef struct cn_kernel:
        int abi, flags
        const char *name
        cn_idx n_local, n_param, n_limit, n_discrete, n_jf, n_jq
        const cn_idx *jf_row
        const cn_idx *jf_col
        const cn_idx *jq_row
        const cn_idx *jq_col
        const char *const *param_names
        const char *const *local_names
        void (*eval)(const cn_kernel *, cn_idx, const double *, const double *, const double *, const double *,
                     double *, double *, double *, double *) noexcept nogil
        cn_idx (*limit)(const cn_kernel *, cn_idx, const double *, const double *, const double *, const double *,
                        double *, int) noexcept nogil
        const void *context
        cn_idx n_noise
        const cn_idx *noise_plus
        const cn_idx *noise_minus
        const char *const *noise_names
        void (*noise)(const cn_kernel *, cn_idx, const double *, const double *, const double *, const double *,
                      double *) noexcept nogil

cdef extern from "cn_limit.h":
    double cn_limit_pn(double v, double old, double vt, double vcrit, int *held)
    double cn_limit_diode(double v, double old, double vt, double vcrit, double bv, double nbvt, int *held)
    double cn_limit_fet(double v, double old, double vto, int *held)
    double cn_limit_gate(double v, double old, double vt, double vcrit, double vto, int *held)
    double cn_limit_vds(double v, double old, int *held)
    void cn_limit_mosfet(double vgs, double vds, double vbs, double von, double vt, double vcrit_source,
                         double vcrit_drain, double *old_vgs, double *old_vds, double *old_vbs, int *held)
    double cn_switch(double control, double on, double off, double before)

cdef extern from "cn_math.h":
    double cn_quartic_root(double a, double b, double c, double d, double high)

#: What `limit` is called with beside 0, see csrc/cn_kernel.h.
LIMIT_START, LIMIT_HOLD = CN_LIMIT_START, CN_LIMIT_HOLD


cdef _rows(const double *values, Py_ssize_t rows, Py_ssize_t n):
    """Rows of the engine as an array, not copied."""
    if rows == 0 or n == 0:
        return np.zeros((rows, n))
    return np.asarray(<double[:rows, :n]> <double *> values)


cdef class Callbacks:
    """A ``cn_kernel`` that calls functions of Python, which write into arrays.

    Parameters
    ----------
    name : str
    flags : tuple of bool
        Whether it is linear, and whether it depends on the time.
    counts : tuple of int
        Limited voltages, and switch positions among them.
    names : tuple of list of str
        Of parameters, local unknowns and noise currents.
    where : tuple of array_like of int
        ``jf_row, jf_col, jq_row, jq_col, noise_plus, noise_minus``.
    functions : tuple of callable or None
        ``evaluate(n, u, lim, p, env, f, q, jf, jq)``; ``limit(n, u, p, env, acc, lim, init)``, which returns how many
        instances are held; ``noise(n, u, lim, p, env, out)``.
    evaluate : int
        Address of a function of machine code in place of the first.

    Attributes
    ----------
    address : int
        Of the ``cn_kernel``; valid while this object lives.
    error : Exception or None
        The first one that a function has raised; it gave NaN there.
    """

    cdef cn_kernel _kernel
    cdef object _functions
    cdef list _keep
    cdef public object error

    def __cinit__(self, str name, flags, counts, names, where, functions, uintptr_t evaluate=0):
        self._functions, self._keep = functions, []
        memset(&self._kernel, 0, sizeof(self._kernel))
        k = &self._kernel
        k.abi = CN_KERNEL_ABI
        k.flags = (CN_KERNEL_LINEAR if flags[0] else 0) | (CN_KERNEL_TIMED if flags[1] else 0)
        k.name = self._text(name)
        k.n_limit, k.n_discrete = counts
        k.n_param, k.n_local, k.n_noise = (len(x) for x in names)
        k.param_names, k.local_names = self._texts(names[0]), self._texts(names[1])
        k.noise_names = self._texts(names[2])
        k.n_jf, k.n_jq = len(where[0]), len(where[2])
        k.jf_row, k.jf_col, k.jq_row = self._numbers(where[0]), self._numbers(where[1]), self._numbers(where[2])
        k.jq_col, k.noise_plus = self._numbers(where[3]), self._numbers(where[4])
        k.noise_minus = self._numbers(where[5])
        k.eval = _eval
        if evaluate:
            k.eval = <void (*)(const cn_kernel *, cn_idx, const double *, const double *, const double *,
                               const double *, double *, double *, double *, double *) noexcept nogil> evaluate
        if functions[1] is not None:
            k.limit = _limit
        if functions[2] is not None:
            k.noise = _noise
        k.context = <const void *> self

    cdef const char *_text(self, str text) except NULL:
        encoded = text.encode()
        self._keep.append(encoded)
        return <const char *> encoded

    cdef const char *const *_texts(self, texts) except NULL:
        cdef uintptr_t[::1] pointers = np.array([<uintptr_t> self._text(text) for text in texts] + [0], dtype=np.uintp)
        self._keep.append(pointers)
        return <const char *const *> &pointers[0]

    cdef const cn_idx *_numbers(self, values) except NULL:
        cdef int32_t[::1] numbers = np.append(np.asarray(values, dtype=np.int32), np.int32(0))
        self._keep.append(numbers)
        return <const cn_idx *> &numbers[0]

    @property
    def address(self):
        """Address of the ``cn_kernel``."""
        return <uintptr_t> &self._kernel

    cdef void _fail(self, error, double *values, Py_ssize_t count):
        if self.error is None:
            self.error = error
        for i in range(count):
            values[i] = NAN


cdef void _eval(const cn_kernel *k, cn_idx n, const double *u, const double *lim, const double *p, const double *env,
                double *f, double *q, double *jf, double *jq) noexcept nogil:
    with gil:
        own = <Callbacks> k.context
        try:
            own._functions[0](n, _rows(u, k.n_local, n), _rows(lim, k.n_limit, n), _rows(p, k.n_param, n),
                              _rows(env, 1, CN_ENV_SIZE)[0], _rows(f, k.n_local, n), _rows(q, k.n_local, n),
                              _rows(jf, k.n_jf, n), _rows(jq, k.n_jq, n))
        except BaseException as error:
            own._fail(error, f, k.n_local * <Py_ssize_t> n)


cdef cn_idx _limit(const cn_kernel *k, cn_idx n, const double *u, const double *p, const double *env,
                   const double *acc, double *lim, int init) noexcept nogil:
    with gil:
        own = <Callbacks> k.context
        try:
            return own._functions[1](n, _rows(u, k.n_local, n), _rows(p, k.n_param, n), _rows(env, 1, CN_ENV_SIZE)[0],
                                     _rows(acc, k.n_limit, n), _rows(lim, k.n_limit, n), init)
        except BaseException as error:
            own._fail(error, lim, k.n_limit * <Py_ssize_t> n)
            return 0


cdef void _noise(const cn_kernel *k, cn_idx n, const double *u, const double *lim, const double *p, const double *env,
                 double *out) noexcept nogil:
    with gil:
        own = <Callbacks> k.context
        try:
            own._functions[2](n, _rows(u, k.n_local, n), _rows(lim, k.n_limit, n), _rows(p, k.n_param, n),
                              _rows(env, 1, CN_ENV_SIZE)[0], _rows(out, 2 * k.n_noise, n))
        except BaseException as error:
            own._fail(error, out, 2 * k.n_noise * <Py_ssize_t> n)


def limit_voltages(str kind, raw, arguments, double[:, ::1] lim, int[::1] held):
    """Limit the rows of voltages ``lim`` (1, n), of a MOSFET (3, n), that are to become ``raw``; mark who is held."""
    cdef double[:, ::1] to = np.ascontiguousarray(raw, dtype=float)
    cdef double[:, ::1] a = np.ascontiguousarray(arguments, dtype=float).reshape(-1, lim.shape[1])
    cdef Py_ssize_t i
    for i in range(lim.shape[1]):
        if kind == "pn":
            lim[0, i] = cn_limit_pn(to[0, i], lim[0, i], a[0, i], a[1, i], &held[i])
        elif kind == "diode":
            lim[0, i] = cn_limit_diode(to[0, i], lim[0, i], a[0, i], a[1, i], a[2, i], a[3, i], &held[i])
        elif kind == "fet":
            lim[0, i] = cn_limit_fet(to[0, i], lim[0, i], a[0, i], &held[i])
        elif kind == "gate":
            lim[0, i] = cn_limit_gate(to[0, i], lim[0, i], a[0, i], a[1, i], a[2, i], &held[i])
        elif kind == "vds":
            lim[0, i] = cn_limit_vds(to[0, i], lim[0, i], &held[i])
        elif kind == "mosfet":
            cn_limit_mosfet(to[0, i], to[1, i], to[2, i], a[0, i], a[1, i], a[2, i], a[3, i], &lim[0, i], &lim[1, i],
                            &lim[2, i], &held[i])
        else:
            raise ValueError(kind)


def switch_positions(double[::1] control, double[::1] on, double[::1] off, double[::1] before):
    """Return the positions of switches with hysteresis."""
    out = np.empty(control.shape[0])
    cdef double[::1] ov = out
    for i in range(control.shape[0]):
        ov[i] = cn_switch(control[i], on[i], off[i], before[i])
    return out


def quartic_root(double[::1] a, double[::1] b, double[::1] c, double[::1] d, double[::1] high):
    """Return `circuitnn.devices.symbolic.quartic_root` of each column."""
    out = np.empty(a.shape[0])
    cdef double[::1] ov = out
    for i in range(a.shape[0]):
        ov[i] = cn_quartic_root(a[i], b[i], c[i], d[i], high[i])
    return out
