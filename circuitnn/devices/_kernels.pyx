"""Kernels as Python objects: their tables, and evaluation for tests and for folding linear devices."""

from libc.stdint cimport int32_t, uintptr_t

import numpy as np

from circuitnn.errors import UsageError

cdef extern from "cn_types.h":
    ctypedef int32_t cn_idx

cdef extern from "cn_kernel.h":
    int CN_KERNEL_ABI
    int CN_KERNEL_LINEAR
    int CN_KERNEL_TIMED
    int CN_ENV_SIZE
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
        cn_idx n_noise
        const cn_idx *noise_plus
        const cn_idx *noise_minus
        const char *const *noise_names
        void (*noise)(const cn_kernel *, cn_idx, const double *, const double *, const double *, const double *,
                      double *) noexcept nogil
        cn_idx n_jump
        void (*rates)(const cn_kernel *, cn_idx, const double *, const double *, const double *, const double *,
                      double *) noexcept nogil

cdef extern from *:
    """
    static const char *cn_processor(void)
    {
    #if defined(__x86_64__) && defined(__GNUC__)
        if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return "avx2";
    #endif
        return "plain";
    }
    extern const cn_kernel *const cn_builtin_kernels[];
    extern const cn_idx cn_builtin_count;
    extern const char cn_builtin_headers[];
    """
    const cn_kernel *cn_builtin_kernels[]
    cn_idx cn_builtin_count
    const char cn_builtin_headers[]
    const char *cn_processor()


cdef _numbers(const cn_idx *values, cn_idx count):
    return np.array([values[k] for k in range(count)], dtype=np.int32)


cdef double *_at(double[:, ::1] a):
    return &a[0, 0] if a.shape[0] and a.shape[1] else NULL


cdef class Kernel:
    """A compiled device model.

    Attributes: ``address`` (of the C struct), ``name``, ``n_local``, ``n_param``, ``n_limit``, ``n_discrete``,
    ``n_jump``, ``linear``, ``param_names``, ``local_names``, the positions ``jf_row jf_col jq_row jq_col`` of
    nonzeros, and of the noise currents ``noise_names`` and the local unknowns ``noise_plus`` and ``noise_minus``;
    ``backend`` says what evaluates it, ``"compiled"``, ``"numba"`` or ``"numpy"``.
    """

    cdef const cn_kernel *k
    cdef readonly object keep, jf_row, jf_col, jq_row, jq_col, noise_plus, noise_minus
    cdef readonly list param_names, local_names, noise_names
    cdef readonly str name, backend

    def __init__(self, uintptr_t address, keep=None, str backend="compiled"):
        self.k = <const cn_kernel *> address
        if self.k.abi != CN_KERNEL_ABI:
            raise UsageError(f"a kernel of ABI {self.k.abi} was given", expected=f"ABI {CN_KERNEL_ABI}")
        self.keep = keep
        self.backend = backend
        self.name = self.k.name.decode()
        self.param_names = [self.k.param_names[i].decode() for i in range(self.k.n_param)]
        self.local_names = [self.k.local_names[i].decode() for i in range(self.k.n_local)]
        self.jf_row = _numbers(self.k.jf_row, self.k.n_jf)
        self.jf_col = _numbers(self.k.jf_col, self.k.n_jf)
        self.jq_row = _numbers(self.k.jq_row, self.k.n_jq)
        self.jq_col = _numbers(self.k.jq_col, self.k.n_jq)
        self.noise_plus = _numbers(self.k.noise_plus, self.k.n_noise)
        self.noise_minus = _numbers(self.k.noise_minus, self.k.n_noise)
        self.noise_names = [self.k.noise_names[i].decode() for i in range(self.k.n_noise)]

    @property
    def address(self):
        """Address of the C struct."""
        return <uintptr_t> self.k

    @property
    def n_local(self):
        """Number of local unknowns."""
        return self.k.n_local

    @property
    def n_param(self):
        """Number of kernel parameters."""
        return self.k.n_param

    @property
    def n_limit(self):
        """Number of limited voltages and discrete variables."""
        return self.k.n_limit

    @property
    def n_discrete(self):
        """Number of discrete variables, the last ones of the limited."""
        return self.k.n_discrete

    @property
    def n_jump(self):
        """Number of discrete variables that jump at random, the last ones."""
        return self.k.n_jump

    @property
    def linear(self):
        """Whether f and q are linear in the unknowns."""
        return bool(self.k.flags & CN_KERNEL_LINEAR)

    @property
    def timed(self):
        """Whether f or q depend on the time, beside the unknowns."""
        return bool(self.k.flags & CN_KERNEL_TIMED)

    def _rows(self, what, values, rows, n=None):
        """Return a C-contiguous float array of the shape that C will read, or raise UsageError."""
        array = np.ascontiguousarray(values, dtype=float)
        if array.ndim != 2 or array.shape[0] != rows or (n is not None and array.shape[1] != n):
            raise UsageError(
                f"{what} of the kernel {self.name!r} has the shape {array.shape}",
                expected=f"({rows}, {'n' if n is None else n})",
            )
        return array

    def _environment(self, env):
        array = np.ascontiguousarray([1e-12, 0.0] if env is None else env, dtype=float)
        if array.shape != (CN_ENV_SIZE,):
            raise UsageError(f"env has the shape {array.shape}", expected=f"({CN_ENV_SIZE},): gmin, time")
        return array

    def evaluate(self, u, p, lim=None, env=None):
        """Return f, q (n_local, n), jf and jq (nonzeros, n) at ``u`` (n_local, n) with parameters ``p`` (n_param, n).

        ``lim`` (n_limit, n) are the limited voltages at which the model is linearised, zero when not given; ``env``
        is gmin and time. Raises UsageError for other shapes.
        """
        cdef double[:, ::1] uv = self._rows("u", u, self.k.n_local)
        cdef cn_idx n = uv.shape[1]
        cdef double[:, ::1] pv = self._rows("p", p, self.k.n_param, n)
        at_rest = np.zeros((self.k.n_limit, n))
        cdef double[:, ::1] lv = self._rows("lim", at_rest if lim is None else lim, self.k.n_limit, n)
        cdef double[::1] ev = self._environment(env)
        f = np.zeros((self.k.n_local, n))
        q = np.zeros((self.k.n_local, n))
        jf = np.zeros((self.k.n_jf, n))
        jq = np.zeros((self.k.n_jq, n))
        cdef double[:, ::1] fv = f, qv = q, jfv = jf, jqv = jq
        self.k.eval(self.k, n, _at(uv), _at(lv), _at(pv), &ev[0], _at(fv), _at(qv), _at(jfv), _at(jqv))
        return f, q, jf, jq

    def evaluate_into(self, double[:, ::1] u, double[:, ::1] p, double[:, ::1] f, double[:, ::1] q, double[:, ::1] jf,
                      double[:, ::1] jq):
        """Evaluate as ``evaluate`` does, at rest, into arrays of its results' shapes."""
        cdef cn_idx n = u.shape[1]
        cdef double[:, ::1] lv = np.zeros((self.k.n_limit, n))
        cdef double[::1] ev = self._environment(None)
        for what, array, rows in (
            ("u", np.asarray(u), self.k.n_local), ("p", np.asarray(p), self.k.n_param),
            ("f", np.asarray(f), self.k.n_local), ("q", np.asarray(q), self.k.n_local),
            ("jf", np.asarray(jf), self.k.n_jf), ("jq", np.asarray(jq), self.k.n_jq),
        ):
            self._rows(what, array, rows, n)
        self.k.eval(self.k, n, _at(u), _at(lv), _at(p), &ev[0], _at(f), _at(q), _at(jf), _at(jq))

    def noise(self, u, p, lim=None, env=None):
        """Return densities at 1 Hz (A^2/Hz) and exponents of the noise currents, each (n_noise, n); as ``evaluate``."""
        cdef double[:, ::1] uv = self._rows("u", u, self.k.n_local)
        cdef cn_idx n = uv.shape[1], count = self.k.n_noise
        cdef double[:, ::1] pv = self._rows("p", p, self.k.n_param, n)
        at_rest = np.zeros((self.k.n_limit, n))
        cdef double[:, ::1] lv = self._rows("lim", at_rest if lim is None else lim, self.k.n_limit, n)
        cdef double[::1] ev = self._environment(env)
        out = np.zeros((2 * count, n))
        cdef double[:, ::1] ov = out
        if count and n:
            self.k.noise(self.k, n, _at(uv), _at(lv), _at(pv), &ev[0], _at(ov))
        return out[:count], out[count:]

    def rates(self, u, p, lim=None, env=None):
        """Return the rates of jumps from 0 to 1 and from 1 to 0, 1/s, each (n_jump, n); as ``evaluate``."""
        cdef double[:, ::1] uv = self._rows("u", u, self.k.n_local)
        cdef cn_idx n = uv.shape[1], count = self.k.n_jump
        cdef double[:, ::1] pv = self._rows("p", p, self.k.n_param, n)
        at_rest = np.zeros((self.k.n_limit, n))
        cdef double[:, ::1] lv = self._rows("lim", at_rest if lim is None else lim, self.k.n_limit, n)
        cdef double[::1] ev = self._environment(env)
        out = np.zeros((2 * count, n))
        cdef double[:, ::1] ov = out
        if count and n:
            self.k.rates(self.k, n, _at(uv), _at(lv), _at(pv), &ev[0], _at(ov))
        return out[:count], out[count:]

    def limit(self, u, p, lim, acc=None, env=None, bint init=False):
        """Return the limited voltages (n_limit, n) that follow ``lim`` at ``u``, and how many instances are held."""
        cdef double[:, ::1] uv = self._rows("u", u, self.k.n_local)
        cdef cn_idx n = uv.shape[1]
        cdef double[:, ::1] pv = self._rows("p", p, self.k.n_param, n)
        out = self._rows("lim", lim, self.k.n_limit, n).copy()
        cdef double[:, ::1] lv = out
        cdef double[:, ::1] av = self._rows("acc", np.zeros_like(out) if acc is None else acc, self.k.n_limit, n)
        cdef double[::1] ev = self._environment(env)
        cdef cn_idx held = 0
        if self.k.limit != NULL:
            held = self.k.limit(self.k, n, _at(uv), _at(pv), &ev[0], _at(av), _at(lv), init)
        return out, held


def builtin_kernels():
    """Return the library's kernels by name."""
    found = {}
    for i in range(cn_builtin_count):
        kernel = Kernel(<uintptr_t> cn_builtin_kernels[i])
        found[kernel.name] = kernel
    return found


def headers():
    """Return the text of the kernel ABI's C headers."""
    return (<const char *> cn_builtin_headers).decode()


def processor():
    """Return for which processor kernels are evaluated here: ``"avx2"`` or ``"plain"``."""
    return (<const char *> cn_processor()).decode()
