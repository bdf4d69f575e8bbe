"""Blocks of circuitnn.mna.block as kernels of csrc/cn_kernel.h: one instance, evaluated by calls of Python."""

from libc.math cimport NAN, isnan
from libc.stdint cimport int32_t, uintptr_t
from libc.string cimport memcpy, memset

import numpy as np

from circuitnn.errors import CircuitnnError

cdef extern from "cn_types.h":
    ctypedef int32_t cn_idx

cdef extern from "cn_kernel.h":
    enum:
        CN_KERNEL_ABI
        CN_KERNEL_LINEAR
        CN_KERNEL_MEMORY
        CN_ENV_TIME
    ctypedef struct cn_kernel:
        int abi
        int flags
        const char *name
        cn_idx n_local, n_param, n_limit, n_discrete, n_jf, n_jq
        const cn_idx *jf_row
        const cn_idx *jf_col
        void (*eval)(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p,
                     const double *env, double *f, double *q, double *jf, double *jq) noexcept nogil
        cn_idx (*limit)(const cn_kernel *self, cn_idx n, const double *u, const double *p, const double *env,
                        const double *acc, double *lim, int init) noexcept nogil
        const void *context


cdef _copy(const double *values, Py_ssize_t count):
    out = np.empty(count)
    cdef double[::1] view = out
    if count:
        memcpy(&view[0], values, count * sizeof(double))
    return out


cdef class BlockKernel:
    """The kernel of one block.

    Its local unknowns are the port voltages and, after them, one unknown for each output, whose equation is
    ``x - output = 0``. What a block with states remembers, in the limited voltages: the time, the port voltages and
    the states of a point.

    Parameters
    ----------
    name : str
        Of the element.
    block : circuitnn.mna.block.Block
    outputs : sequence of circuitnn.mna.block.Output
    factor : float
        How many blocks are in parallel.

    Attributes
    ----------
    address : int
        Of the ``cn_kernel``; valid while this object lives.
    """

    cdef cn_kernel _kernel
    cdef object _block, _outputs, _gain, _start, _fatal, _refused
    cdef double _factor
    cdef bytes _name
    cdef readonly str name
    cdef readonly tuple param_names, local_names
    cdef readonly object jf_row, jf_col, jq_row, jq_col
    cdef readonly int n_ports, n_local, n_param, n_limit, n_discrete
    cdef readonly bint linear, memory

    def __cinit__(self, str name, block, outputs, double factor):
        cdef int32_t[::1] row, column
        self.name, self._block, self._outputs, self._factor = name, block, tuple(outputs), factor
        self._gain = np.array([factor if output.kind == "current" else 1.0 for output in self._outputs])
        self._start = np.ascontiguousarray(block.start(), dtype=np.float64)
        ports, count = block.ports, len(self._outputs)
        every = np.arange(ports, dtype=np.int32)
        extra = np.arange(ports, ports + count, dtype=np.int32)
        seen = np.concatenate([np.tile(every, (count, 1)), extra[:, None]], axis=1)  # by each output
        self.jf_row = np.concatenate([np.repeat(every, ports), np.repeat(extra, ports + 1)])
        self.jf_col = np.concatenate([np.tile(every, ports), seen.ravel()])
        self.jq_row, self.jq_col = np.zeros(0, np.int32), np.zeros(0, np.int32)
        self.n_ports, self.n_local, self.n_param, self.n_discrete = ports, ports + count, 0, 0
        self.linear, self.memory = block.linear, len(self._start) > 0
        self.n_limit = 1 + ports + len(self._start) if self.memory else 0
        self.param_names = ()
        self.local_names = tuple([f"port{k}" for k in range(ports)] + [f"output{k}" for k in range(count)])

        self._name = name.encode()
        memset(&self._kernel, 0, sizeof(self._kernel))
        self._kernel.abi = CN_KERNEL_ABI
        self._kernel.flags = (CN_KERNEL_LINEAR if self.linear else 0) | (CN_KERNEL_MEMORY if self.memory else 0)
        self._kernel.name = self._name
        self._kernel.n_local = self.n_local
        self._kernel.n_limit = self.n_limit
        self._kernel.n_jf = len(self.jf_row)
        row, column = self.jf_row, self.jf_col
        self._kernel.jf_row = &row[0]
        self._kernel.jf_col = &column[0]
        self._kernel.eval = _eval
        if self.memory:
            self._kernel.limit = _limit
        self._kernel.context = <const void *> self

    @property
    def address(self):
        """Address of the ``cn_kernel``."""
        return <uintptr_t> &self._kernel

    def raise_fatal(self):
        """Raise, once, what the block's code has raised that is no error of ours (an interrupt, no memory)."""
        error, self._fatal = self._fatal, None
        if error is not None:
            error.add_note(f"while evaluating {self.name}")
            raise error

    def refusal(self):
        """Return the element's name and why it could not be evaluated at some iterate since the last `forget`, or None.

        The engine sees NaN there, and may come round it.
        """
        return None if self._refused is None else (self.name, self._refused)

    def forget(self):
        """Begin anew with what `refusal` tells."""
        self._refused = None

    def evaluate(self, u, p=None):
        """Return f, q (n_local, 1), jf (len(jf_row), 1) and jq (0, 1) at ``u`` (n_local, 1), states at their start."""
        local = np.ascontiguousarray(u, dtype=np.float64).ravel()
        f, jf = self._equations(local, self._start)
        return f[:, None], np.zeros((self.n_local, 1)), jf[:, None], np.zeros((0, 1))

    cdef _equations(self, local, state):
        v = local[:self.n_ports]
        currents, slopes = self._block.evaluate(v, state)
        f, jf = [self._factor * currents], [self._factor * slopes.ravel()]
        if self._outputs:
            values, gradients = self._block.observe(self._outputs, v, state)
            f.append(local[self.n_ports:] - self._gain * values)
            jf.append(np.column_stack([-self._gain[:, None] * gradients, np.ones(len(values))]).ravel())
        return np.concatenate(f), np.concatenate(jf)

    cdef _keep(self, error):
        if isinstance(error, CircuitnnError):
            self._refused = error
        else:
            self._fatal = error

    cdef void _fill(self, const double *u, const double *lim, double *f, double *q, double *jf):
        """Evaluate for the engine; NaN everywhere when that raises, or has raised what cannot be mended."""
        cdef double[::1] fv, jv
        cdef Py_ssize_t k, states = len(self._start)
        memset(q, 0, self.n_local * sizeof(double))
        if self._fatal is None and not (self.memory and isnan(lim[1 + self.n_ports])):
            try:
                state = _copy(lim + 1 + self.n_ports, states) if self.memory else self._start
                fv, jv = self._equations(_copy(u, self.n_local), state)
                memcpy(f, &fv[0], self.n_local * sizeof(double))
                memcpy(jf, &jv[0], self._kernel.n_jf * sizeof(double))
                return
            except BaseException as error:
                self._keep(error)
        for k in range(self.n_local):
            f[k] = NAN
        for k in range(self._kernel.n_jf):
            jf[k] = NAN

    cdef void _remember(self, const double *u, double time, const double *acc, double *lim):
        """Put the time, the port voltages and the states that belong to them into ``lim``."""
        cdef double[::1] sv
        cdef Py_ssize_t ports = self.n_ports, states = len(self._start)
        if self._fatal is not None:
            return
        try:
            state = self._start
            if time > 0.0:  # at rest, where the engine's time is zero, states keep their initial values
                before, now = _copy(acc + 1, ports), _copy(u, ports)
                state = self._block.advance(before, now, time - acc[0], _copy(acc + 1 + ports, states))
            sv = np.ascontiguousarray(state, dtype=np.float64)
            lim[0] = time
            memcpy(lim + 1, u, ports * sizeof(double))
            memcpy(lim + 1 + ports, &sv[0], states * sizeof(double))
        except BaseException as error:
            self._keep(error)
            lim[1 + ports] = NAN  # no state: the evaluation that follows must not succeed


cdef void _eval(const cn_kernel *kernel, cn_idx n, const double *u, const double *lim, const double *p,
                const double *env, double *f, double *q, double *jf, double *jq) noexcept nogil:
    with gil:
        (<BlockKernel> kernel.context)._fill(u, lim, f, q, jf)


cdef cn_idx _limit(const cn_kernel *kernel, cn_idx n, const double *u, const double *p, const double *env,
                   const double *acc, double *lim, int init) noexcept nogil:
    with gil:
        (<BlockKernel> kernel.context)._remember(u, env[CN_ENV_TIME], acc, lim)
    return 0
