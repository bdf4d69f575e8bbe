"""Expression tapes of csrc/cn_tape.h as kernels of behavioural sources."""

from libc.stdint cimport int32_t, uintptr_t
from libc.stdlib cimport calloc, free
from libc.string cimport memset

import numpy as np

from circuitnn.errors import UsageError

cdef extern from "cn_types.h":
    ctypedef int32_t cn_idx
    ctypedef enum cn_status:
        CN_OK

cdef extern from "cn_kernel.h":
    enum:
        CN_KERNEL_TIMED
    enum:
        CN_KERNEL_ABI
    ctypedef struct cn_kernel:
        int abi
        int flags
        const char *name
        cn_idx n_local, n_param, n_limit, n_discrete, n_jf, n_jq
        const cn_idx *jf_row
        const cn_idx *jf_col
        const cn_idx *jq_row
        const cn_idx *jq_col
        void (*eval)(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p,
                     const double *env, double *f, double *q, double *jf, double *jq) noexcept nogil
        const void *context

cdef extern from "cn_tape.h" nogil:
    ctypedef enum cn_opcode:
        CN_OP_ADD, CN_OP_SUB, CN_OP_MUL, CN_OP_DIV, CN_OP_MOD, CN_OP_NEG, CN_OP_SQUARE, CN_OP_POW, CN_OP_PWR
        CN_OP_EQ, CN_OP_NE, CN_OP_LT, CN_OP_LE, CN_OP_GT, CN_OP_GE, CN_OP_AND, CN_OP_OR, CN_OP_NOT, CN_OP_SELECT
        CN_OP_MIN, CN_OP_MAX, CN_OP_ATAN2, CN_OP_ABS, CN_OP_SGN, CN_OP_U, CN_OP_U2, CN_OP_URAMP
        CN_OP_FLOOR, CN_OP_CEIL, CN_OP_NINT, CN_OP_TRUNC, CN_OP_SQRT, CN_OP_EXP, CN_OP_LN, CN_OP_LOG10
        CN_OP_SIN, CN_OP_COS, CN_OP_TAN, CN_OP_ASIN, CN_OP_ACOS, CN_OP_ATAN
        CN_OP_SINH, CN_OP_COSH, CN_OP_TANH, CN_OP_ASINH, CN_OP_ACOSH, CN_OP_ATANH, CN_OP_PWL, CN_OP_TABLE
        CN_OP_HERTZ
    ctypedef struct cn_instruction:
        int32_t op
        cn_idx a, b, c
    ctypedef enum cn_tape_form:
        CN_TAPE_CURRENT
        CN_TAPE_VOLTAGE
        CN_TAPE_CHARGE
        CN_TAPE_SLOPE
        CN_TAPE_INTEGRAL
        CN_TAPE_OUTPUT
    ctypedef struct cn_tape:
        cn_idx n_sensed, n_constant, n_code, result
        cn_tape_form form
        double hertz
        const cn_instruction *code
        double *scratch
    size_t cn_tape_scratch(const cn_tape *tape)
    cn_status cn_tape_check(const cn_tape *tape)
    void cn_tape_kernel_eval(const cn_kernel *self, cn_idx n, const double *u, const double *lim, const double *p,
                             const double *env, double *f, double *q, double *jf, double *jq)

#: Number of each operation, by the name that tapes are compiled with.
OPCODES = {
    "add": CN_OP_ADD, "sub": CN_OP_SUB, "mul": CN_OP_MUL, "div": CN_OP_DIV, "mod": CN_OP_MOD, "neg": CN_OP_NEG,
    "square": CN_OP_SQUARE, "pow": CN_OP_POW, "pwr": CN_OP_PWR,
    "eq": CN_OP_EQ, "ne": CN_OP_NE, "lt": CN_OP_LT, "le": CN_OP_LE, "gt": CN_OP_GT, "ge": CN_OP_GE,
    "and": CN_OP_AND, "or": CN_OP_OR, "not": CN_OP_NOT, "select": CN_OP_SELECT, "min": CN_OP_MIN, "max": CN_OP_MAX,
    "atan2": CN_OP_ATAN2,
    "abs": CN_OP_ABS, "sgn": CN_OP_SGN, "u": CN_OP_U, "u2": CN_OP_U2, "uramp": CN_OP_URAMP,
    "floor": CN_OP_FLOOR, "ceil": CN_OP_CEIL, "nint": CN_OP_NINT, "trunc": CN_OP_TRUNC,
    "sqrt": CN_OP_SQRT, "exp": CN_OP_EXP, "ln": CN_OP_LN, "log10": CN_OP_LOG10,
    "sin": CN_OP_SIN, "cos": CN_OP_COS, "tan": CN_OP_TAN, "asin": CN_OP_ASIN, "acos": CN_OP_ACOS, "atan": CN_OP_ATAN,
    "sinh": CN_OP_SINH, "cosh": CN_OP_COSH, "tanh": CN_OP_TANH,
    "asinh": CN_OP_ASINH, "acosh": CN_OP_ACOSH, "atanh": CN_OP_ATANH, "pwl": CN_OP_PWL, "table": CN_OP_TABLE,
    "hertz": CN_OP_HERTZ,
}  # fmt: skip


# By kind: form, own locals, the rows of the value, whether it is a charge, constant entries of jf and of jq.
_FORMS = {
    "i": (CN_TAPE_CURRENT, ("p", "n"), (0, 1), False, (), ()),
    "v": (CN_TAPE_VOLTAGE, ("p", "n", "branch"), (2,), False, ((0, 2), (1, 2), (2, 0), (2, 1)), ()),
    "q": (CN_TAPE_CHARGE, ("p", "n"), (0, 1), True, (), ()),
    "ddt": (CN_TAPE_SLOPE, ("own",), (0,), True, ((0, 0),), ()),
    "idt": (CN_TAPE_INTEGRAL, ("own",), (0,), False, (), ((0, 0),)),
    "is": (CN_TAPE_OUTPUT, ("own",), (0,), False, ((0, 0),), ()),
}


cdef class TapeKernel:
    """The kernel of all behavioural elements of one kind whose expressions differ in their constants only.

    Parameters
    ----------
    kind : str
        What the expression x is: ``"i"`` the current from p through the element to n, ``"v"`` the voltage
        v(p) - v(n), ``"q"`` the charge; ``"ddt"``, ``"idt"`` and ``"is"`` make dx/dt, the integral of x or x itself an
        unknown.
        The locals are the element's own (``own``), then what is sensed.
    tape : circuitnn.mna.tape.Tape
        Its ``code``, ``result``, ``sensed`` and ``constants``.

    Attributes
    ----------
    address : int
        Of the ``cn_kernel``; valid while this object lives.
    by_frequency : bool
        Whether an expression holds ``hertz``.
    sensed : tuple of (str, str)
        What the locals after the element's own are in the tape given: ``("v", node)``, ``("i", element)``, or
        ``("x", place)`` of a derivative or an integral.
    instances : list of (str, tuple of float)
        Name and constants of each source; filled by ``compile_behavioural``.

    Notes
    -----
    Evaluation uses one scratch area of the kernel: one thread at a time.
    """

    cdef cn_kernel _kernel
    cdef cn_tape _tape
    cdef object _code
    cdef bytes _name
    cdef readonly str kind, name
    cdef readonly tuple sensed, param_names, local_names, own
    cdef readonly object jf_row, jf_col, jq_row, jq_col
    cdef readonly int n_local, n_param, n_limit, n_discrete
    cdef readonly bint linear, by_frequency
    cdef public list instances

    def __cinit__(self, str kind, tape):
        cdef int32_t[:, ::1] code
        cdef int32_t[::1] row, column
        if kind not in _FORMS:
            raise UsageError(f"a behavioural element has no kind {kind!r}", expected=", ".join(_FORMS))
        form, self.own, at, charge, jf, jq = _FORMS[kind]
        self._code = np.ascontiguousarray(tape.code, dtype=np.int32).reshape(-1, 4)
        self.kind = kind
        self.name = "behavioural_" + kind
        self.sensed = tuple(tape.sensed)
        self.instances = []
        count = len(self.sensed)
        by_sensed = [(own, len(self.own) + k) for own in at for k in range(count)]
        jf, jq = ([*jf], [*jq, *by_sensed]) if charge else ([*jf, *by_sensed], [*jq])
        self.n_local = len(self.own) + count
        self.n_param = len(tape.constants)
        self.local_names = (*self.own, *(f"s{k}" for k in range(count)))
        self.param_names = tuple(f"c{k}" for k in range(self.n_param))
        both = np.array(jf, dtype=np.int32).reshape(-1, 2)
        self.jf_row, self.jf_col = both[:, 0].copy(), both[:, 1].copy()
        both = np.array(jq, dtype=np.int32).reshape(-1, 2)
        self.jq_row, self.jq_col = both[:, 0].copy(), both[:, 1].copy()
        self.by_frequency = any([instruction[0] == CN_OP_HERTZ for instruction in tape.code])

        self._tape.n_sensed = count
        self._tape.n_constant = self.n_param
        self._tape.n_code = self._code.shape[0]
        self._tape.result = tape.result
        self._tape.form = form
        if self._tape.n_code:
            code = self._code
            self._tape.code = <const cn_instruction *> &code[0, 0]
        if cn_tape_check(&self._tape) != CN_OK:
            raise UsageError("the tape is malformed", expected="instructions that read earlier registers only")
        self._tape.scratch = <double *> calloc(cn_tape_scratch(&self._tape), sizeof(double))
        if self._tape.scratch == NULL:
            raise MemoryError("no memory for a behavioural source")

        self._name = self.name.encode()
        memset(&self._kernel, 0, sizeof(self._kernel))
        self._kernel.abi = CN_KERNEL_ABI
        clock = count + self.n_param  # the register of the time
        if tape.result == clock or any([clock in instruction[1:] for instruction in tape.code]):
            self._kernel.flags = CN_KERNEL_TIMED
        self._kernel.name = self._name
        self._kernel.n_local = self.n_local
        self._kernel.n_param = self.n_param
        self._kernel.n_jf = len(jf)
        if jf:
            row, column = self.jf_row, self.jf_col
            self._kernel.jf_row = &row[0]
            self._kernel.jf_col = &column[0]
        self._kernel.n_jq = len(jq)
        if jq:
            row, column = self.jq_row, self.jq_col
            self._kernel.jq_row = &row[0]
            self._kernel.jq_col = &column[0]
        self._kernel.eval = cn_tape_kernel_eval
        self._kernel.context = &self._tape

    def __dealloc__(self):
        free(self._tape.scratch)

    @property
    def address(self):
        """Address of the ``cn_kernel``."""
        return <uintptr_t> &self._kernel

    @property
    def timed(self):
        """Whether the expressions depend on the time."""
        return bool(self._kernel.flags & CN_KERNEL_TIMED)

    def set_frequency(self, double hertz):
        """Set what ``hertz`` is in the expressions: the frequency of a small signal, else zero."""
        self._tape.hertz = hertz

    def evaluate(self, u, p, env=None):
        """Evaluate n instances.

        Parameters
        ----------
        u : array, shape (n_local, n)
        p : array, shape (n_param, n)
        env : array, shape (2,), optional
            gmin and the time; zero by default.

        Returns
        -------
        f, q : ndarray, shape (n_local, n)
        jf : ndarray, shape (len(jf_row), n)
        jq : ndarray, shape (len(jq_row), n)

        Raises
        ------
        UsageError
            When a shape is wrong.
        """
        local = np.ascontiguousarray(u, dtype=np.float64)
        constant = np.ascontiguousarray(p, dtype=np.float64)
        around = np.ascontiguousarray(np.zeros(2) if env is None else env, dtype=np.float64)
        if local.ndim != 2 or local.shape[0] != self.n_local or constant.shape != (self.n_param, local.shape[1]):
            raise UsageError(
                f"u has shape {local.shape} and p {constant.shape}",
                expected=f"({self.n_local}, n) and ({self.n_param}, n)",
            )
        if around.shape != (2,):
            raise UsageError(f"env has shape {around.shape}", expected="(2,): gmin, time")
        cdef cn_idx n = <cn_idx> local.shape[1]
        cdef Py_ssize_t values = self.n_local * n, slopes = self._kernel.n_jf * n
        # one spare number, so that empty arrays have an address to pass
        cdef double[::1] uv = np.append(local.ravel(), 0.0)
        cdef double[::1] pv = np.append(constant.ravel(), 0.0)
        cdef double[::1] ev = around
        cdef double[::1] fv = np.zeros(values + 1)
        cdef double[::1] qv = np.zeros(values + 1)
        cdef double[::1] jv = np.zeros(slopes + 1)
        cdef Py_ssize_t rates = self._kernel.n_jq * n
        cdef double[::1] cv = np.zeros(rates + 1)
        cdef double nothing = 0.0
        cn_tape_kernel_eval(&self._kernel, n, &uv[0], &nothing, &pv[0], &ev[0], &fv[0], &qv[0], &jv[0], &cv[0])
        return (
            np.asarray(fv)[:values].reshape(self.n_local, n),
            np.asarray(qv)[:values].reshape(self.n_local, n),
            np.asarray(jv)[:slopes].reshape(self._kernel.n_jf, n),
            np.asarray(cv)[:rates].reshape(self._kernel.n_jq, n),
        )
