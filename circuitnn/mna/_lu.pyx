"""The sparse LU of csrc/cn_lu.h as a Python class."""

import numpy as np

from circuitnn.errors import SingularMatrixError, UsageError


def _indices(name, values):
    """Return a contiguous int32 copy of an index array."""
    array = np.asarray(values)
    if array.ndim != 1 or (array.size and array.dtype.kind not in "iu"):
        raise UsageError(f"{name} has dtype {array.dtype} and shape {array.shape}", expected="a 1-D array of integers")
    if array.size and (array.min() < -(2**31) or array.max() >= 2**31):
        raise UsageError(f"{name} does not fit 32-bit indices", expected="numbers below 2**31")
    return np.array(array, dtype=np.int32)


def minimum_degree(int n, ap, ai):
    """Return the order of elimination of ``ordering.fill_reducing_order``, which checks its arguments."""
    cdef cn_idx[::1] p = _indices("ap", ap)
    cdef cn_idx[::1] i = _indices("ai", ai)
    perm = np.empty(n, dtype=np.int32)
    cdef cn_idx[::1] order = perm
    cdef cn_idx nothing = 0
    cdef cn_status status = CN_OK
    if n:
        with nogil:
            status = cn_order(n, &p[0], &i[0] if i.shape[0] else &nothing, &order[0])
    if status == CN_NO_MEMORY:
        raise MemoryError(f"no memory for the order of elimination of {n} unknowns")
    return perm


cdef class LU:
    """Factors of square sparse matrices of one pattern, P A Q = L U.

    The pattern is given once; ``factor`` chooses pivots for one set of values, ``refactor`` reuses them for others.

    Parameters
    ----------
    ap : array of int, shape (n + 1,)
        Start of each column in ``ai``, as in ``scipy.sparse.csc_array.indptr``.
    ai : array of int, shape (ap[n],)
        Rows of the entries, ascending in each column and without duplicates.
    perm : array of int, shape (n,), optional
        Unknown eliminated k-th; by default ``ordering.fill_reducing_order(n, ap, ai)``.
    complex : bool
        Whether values are complex.

    Raises
    ------
    UsageError
        When the pattern is not square, unsorted or has duplicates, or ``perm`` is no permutation.

    Notes
    -----
    Real matrices whose factors fill in are eliminated front by front (Duff and Reid, ACM TOMS 9 (1983) 302), others
    column by column (Gilbert and Peierls, SIAM J. Sci. Stat. Comput. 9 (1988) 862), with threshold pivoting that
    prefers the diagonal.  A refactorisation costs the arithmetic alone.

    Examples
    --------
    A 1 V source behind 1 ohm, loaded by 1 ohm; the unknowns are two node voltages and the source's current.

    >>> import numpy as np
    >>> lu = LU([0, 3, 5, 6], [0, 1, 2, 0, 1, 0])
    >>> lu.factor([1.0, -1.0, 1.0, -1.0, 2.0, 1.0])
    >>> lu.solve(np.array([0.0, 0.0, 1.0]))
    array([ 1. ,  0.5, -0.5])
    """

    cdef cn_lu *_real
    cdef cn_zlu *_complex
    cdef readonly int n
    cdef readonly bint is_complex
    cdef int _entries

    def __cinit__(self, ap, ai, perm=None, complex=False):
        cdef cn_idx[::1] p = _indices("ap", ap)
        cdef cn_idx[::1] i = _indices("ai", ai)
        cdef cn_idx[::1] order
        if p.shape[0] < 1 or p[0] != 0 or p[p.shape[0] - 1] != i.shape[0] or np.any(np.diff(p) < 0):
            raise UsageError("ap does not describe the columns of ai", expected="ap rising from 0 to len(ai)")
        self.n = <int>(p.shape[0] - 1)
        self._entries = <int>i.shape[0]
        self.is_complex = bool(complex)
        if perm is None:
            from circuitnn.mna.ordering import fill_reducing_order

            perm = fill_reducing_order(self.n, np.asarray(p), np.asarray(i))
        order = _indices("perm", perm)
        if order.shape[0] != self.n:
            raise UsageError(f"perm has {order.shape[0]} entries", expected=f"a permutation of {self.n} unknowns")
        cdef cn_idx nothing = 0
        cdef const cn_idx *rows = &i[0] if i.shape[0] else &nothing
        cdef const cn_idx *sequence = &order[0] if self.n else NULL
        cdef cn_status status
        if self.is_complex:
            status = cn_zlu_init(&self._complex, self.n, &p[0], rows, sequence)
        else:
            status = cn_lu_init(&self._real, self.n, &p[0], rows, sequence)
        if status == CN_NO_MEMORY:
            raise MemoryError(f"no memory for a matrix of {self.n} unknowns")
        if status != CN_OK:
            raise UsageError(
                "the pattern or the order of elimination is malformed",
                expected="rows ascending in every column, without duplicates, in 0..n-1; perm a permutation",
                hint="scipy.sparse.csc_array.sum_duplicates() sorts and merges",
            )

    def __dealloc__(self):
        cn_lu_free(self._real)
        cn_zlu_free(self._complex)

    cdef _values(self, values, name, size):
        array = np.ascontiguousarray(values, dtype=np.complex128 if self.is_complex else np.float64)
        if array.shape != (size,):
            raise UsageError(f"{name} has shape {array.shape}", expected=f"({size},)")
        return array

    cdef _fail(self, cn_status status):
        cdef int column = cn_zlu_bad_column(self._complex) if self.is_complex else cn_lu_bad_column(self._real)
        if status == CN_NO_MEMORY:
            raise MemoryError(f"no memory for the factors of {self.n} unknowns")
        if status == CN_SINGULAR:
            raise SingularMatrixError(
                f"the matrix is singular: no pivot for unknown {column}",
                names=(str(column),),
                hint="its equations are linearly dependent",
            )
        if status == CN_NOT_FINITE:
            where = f"the factors at unknown {column}" if column >= 0 else "the solution or the right-hand side"
            raise SingularMatrixError(f"{where} are not finite", expected="finite values, and a matrix with an inverse")
        raise UsageError("the matrix has no factors yet", hint="call factor() first")

    cdef cn_status _factor(self, values, bint again):
        cdef double[::1] real
        cdef double complex[::1] z
        cdef double nothing = 0.0
        cdef double complex z_nothing = 0.0
        cdef const double *ax = &nothing
        cdef const double complex *zx = &z_nothing
        cdef cn_status status
        array = self._values(values, "ax", self._entries)
        if self.is_complex:
            z = array
            if self._entries:
                zx = &z[0]
            with nogil:
                status = cn_zlu_refactor(self._complex, zx) if again else cn_zlu_factor(self._complex, zx)
        else:
            real = array
            if self._entries:
                ax = &real[0]
            with nogil:
                status = cn_lu_refactor(self._real, ax) if again else cn_lu_factor(self._real, ax)
        return status

    def factor(self, ax):
        """Choose pivots and factorise the values ``ax``, shape (ap[n],).

        Raises
        ------
        SingularMatrixError
            When a column has no pivot beyond rounding, or values are not finite; ``names`` holds the unknown's number.
        """
        cdef cn_status status = self._factor(ax, False)
        if status != CN_OK:
            self._fail(status)

    def refactor(self, ax):
        """Factorise new values on the pivots chosen before; choose new ones where those no longer serve.

        Returns
        -------
        bool
            Whether the old pivots served.
        """
        cdef cn_status status = self._factor(ax, True)
        if status == CN_PIVOT_GROWTH:
            self.factor(ax)
            return False
        if status != CN_OK:
            self._fail(status)
        return True

    def solve(self, b):
        """Return x with A x = b; b and x have shape (n,) or (n, k)."""
        cdef double[::1] real
        cdef double complex[::1] z
        cdef cn_status status = CN_OK
        right = np.asarray(b)
        if right.ndim not in (1, 2) or right.shape[0] != self.n:
            raise UsageError(f"b has shape {right.shape}", expected=f"({self.n},) or ({self.n}, k)")
        cdef cn_idx count = 1 if right.ndim == 1 else right.shape[1]
        work = np.array(right.T, dtype=np.complex128 if self.is_complex else np.float64, order="C")
        flat = work.reshape(-1)
        if flat.size:
            if self.is_complex:
                z = flat
                with nogil:
                    status = cn_zlu_solve_many(self._complex, count, &z[0])
            else:
                real = flat
                with nogil:
                    status = cn_lu_solve_many(self._real, count, &real[0])
        if status != CN_OK:
            self._fail(status)
        return work.T

    def solve_transposed(self, b):
        """Return x with A^T x = b (no conjugation); b and x have shape (n,)."""
        cdef double[::1] real
        cdef double complex[::1] z
        cdef cn_status status = CN_OK
        work = self._values(b, "b", self.n).copy()
        if self.n:
            if self.is_complex:
                z = work
                status = cn_zlu_solve_transposed(self._complex, &z[0])
            else:
                real = work
                status = cn_lu_solve_transposed(self._real, &real[0])
        if status != CN_OK:
            self._fail(status)
        return work

    @property
    def nnz(self):
        """Entries of L and U, the diagonal counted once; 0 before the first factorisation."""
        return cn_zlu_nnz(self._complex) if self.is_complex else cn_lu_nnz(self._real)

    @property
    def nbytes(self):
        """Memory held, in bytes."""
        return cn_zlu_bytes(self._complex) if self.is_complex else cn_lu_bytes(self._real)
