"""Finite eigenvalues of a matrix pencil G + s C: the natural frequencies of a linear circuit.

C of a circuit is singular: nodes without capacitors, sources and loops of capacitors put eigenvalues at infinity, which
rounding would turn into large finite ones. Here they are taken out first, by elimination, which is exact about what is
zero: rows without s are constraints, and each removes one unknown; what that leaves may have such rows again.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Real = NDArray[np.float64]

#: Entries below this many roundings of the terms that they are the sum of count as zero.
_ROUNDINGS = 256.0


class SingularPencil(Exception):
    """The determinant of G + s C is zero for every s."""


def finite_eigenvalues(g: Any, c: Any) -> NDArray[np.complex128]:
    """Return all s for which G + s C is singular, by magnitude; of a pair the one above the real axis first.

    Parameters
    ----------
    g, c : array_like, shape (n, n)

    Raises
    ------
    SingularPencil
        When every s is one.

    Examples
    --------
    >>> finite_eigenvalues([[1.0, 0.0], [-1.0, 1.0]], [[0.0, 0.0], [0.0, 2.0]]).tolist()
    [(-0.5+0j)]
    """
    from scipy.linalg import eigvals

    a, b = _balanced(np.array(g, dtype=float), np.array(c, dtype=float))
    equations, slopes = _Matrix(a, np.abs(a)), _Matrix(b, np.abs(b))
    while True:
        rows, columns = _eliminate(slopes, (equations,))
        if len(rows) == len(slopes.values):
            values, noise = (_solved(slopes, rows, columns, m) for m in (equations.values, equations.noise))
            matrix = _Matrix(values[:, columns], np.abs(noise[:, columns]))
            break
        if len(rows) == len(slopes.values) - 1:
            matrix = _one_constraint(equations, slopes, rows, columns)
            break
        equations, slopes = _constrain(equations, slopes, rows)
    at_zero, matrix = _without_zeros(matrix)
    found = 0.0 - eigvals(matrix.values) if matrix.values.size else np.zeros(0)
    return sort(np.append(np.zeros(at_zero, complex), found))


def nearest_eigenvalues(g: Any, c: Any, count: int) -> NDArray[np.complex128]:
    """Return the ``count`` eigenvalues nearest to zero of a large sparse pencil, by Arnoldi's method.

    Parameters
    ----------
    g, c : sparse array, shape (n, n)

    Raises
    ------
    SingularPencil
        When G + s C has no inverse near zero.
    ArithmeticError
        When the iteration does not settle.
    """
    from scipy.sparse import csc_array
    from scipy.sparse.linalg import ArpackError, LinearOperator, eigs, splu

    g, c = csc_array(g), csc_array(c)
    n = g.shape[0]
    shift = 1e-3 * float(abs(g).max()) / max(float(abs(c).max()), 1e-300)  # off zero, where there may be a pole
    try:
        factors = splu((g + shift * c).tocsc())
    except RuntimeError:
        raise SingularPencil from None
    operator = LinearOperator((n, n), matvec=lambda x: factors.solve(c @ x), dtype=float)
    start = np.ones(n) / np.sqrt(n)  # the same one each time: the same answer
    try:
        inverse = eigs(operator, k=min(count, n - 2), v0=start, return_eigenvectors=False)
    except ArpackError:  # also when it has not converged
        raise ArithmeticError from None
    # G x = -s C x turns into (shift - s) x' = x'/inverse; what stays zero is infinite
    kept = inverse[np.abs(inverse) > 1e-12 * np.abs(inverse).max(initial=0.0)]
    return sort(shift - 1.0 / kept)


def sort(values: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Return values by magnitude; of a conjugate pair the one above the real axis first."""
    order = sorted(values.tolist(), key=lambda s: (abs(s), -s.imag))
    return np.array(order, dtype=complex)


def _balanced(g: Real, c: Real) -> tuple[Real, Real]:
    """Scale time, rows and columns by powers of two, so that entries of both matrices are near one."""
    for _ in range(4):
        size = np.maximum(np.abs(g), np.abs(c))
        rows = _scale(size.max(axis=1, initial=0.0))
        g, c = g * rows[:, None], c * rows[:, None]
        size = np.maximum(np.abs(g), np.abs(c))
        columns = _scale(size.max(axis=0, initial=0.0))
        g, c = g * columns, c * columns
    return g, c


def _scale(largest: Real) -> Real:
    return np.where(largest > 0.0, 2.0 ** -np.round(np.log2(np.where(largest > 0.0, largest, 1.0))), 1.0)


@dataclass
class _Matrix:
    """Values, and beside each the size of the terms that it is the sum of."""

    values: Real
    noise: Real

    def clean(self, rows: Any) -> None:
        """Put zero where rounding alone may be left."""
        part = self.values[rows]
        part[np.abs(part) <= _ROUNDINGS * np.finfo(float).eps * self.noise[rows]] = 0.0
        self.values[rows] = part

    def subtract(self, rows: NDArray[Any], factor: Real, line: Real, doubt: Real) -> None:
        """Subtract multiples of a line from rows."""
        self.values[rows] -= np.outer(factor, line)
        self.noise[rows] += np.outer(np.abs(factor), doubt)


def _eliminate(a: _Matrix, along: tuple[_Matrix, ...]) -> tuple[list[int], list[int]]:
    """Gaussian elimination of rows in place; rows of the matrices ``along`` follow.

    Returns the pivots' rows and columns; the other rows are zero. The pivot is the largest entry of all that are left.
    """
    active, free = np.ones(a.values.shape[0], bool), np.ones(a.values.shape[1], bool)
    a.clean(slice(None))
    peak = np.abs(a.values).max(axis=1, initial=0.0)
    rows: list[int] = []
    columns: list[int] = []
    while active.any():
        row = int(np.where(active, peak, -1.0).argmax())
        if peak[row] == 0.0:
            break
        column = int((np.abs(a.values[row]) * free).argmax())
        active[row] = free[column] = False
        rows.append(row)
        columns.append(column)
        touched = np.flatnonzero(active & (a.values[:, column] != 0.0))
        factor = a.values[touched, column] / a.values[row, column]
        for matrix in (a, *along):
            matrix.subtract(touched, factor, matrix.values[row], matrix.noise[row])
        a.values[touched, column] = 0.0
        a.clean(touched)
        peak[touched] = np.abs(a.values[touched] * free).max(axis=1, initial=0.0)
    return rows, columns


def _constrain(equations: _Matrix, slopes: _Matrix, rows: list[int]) -> tuple[_Matrix, _Matrix]:
    """Return the pencil of ``rows`` alone: the other rows, where C is zero, remove as many unknowns."""
    others = np.setdiff1d(np.arange(len(equations.values)), rows)
    constraint = _Matrix(equations.values[others], equations.noise[others])
    g, c = (_Matrix(m.values[rows], m.noise[rows]) for m in (equations, slopes))
    active, free = np.ones(len(others), bool), np.ones(g.values.shape[1], bool)
    constraint.clean(slice(None))
    peak = np.abs(constraint.values).max(axis=1, initial=0.0)
    while active.any():
        row = int(np.where(active, peak, -1.0).argmax())
        column = int((np.abs(constraint.values[row]) * free).argmax())
        pivot = constraint.values[row, column] * free[column]
        if pivot == 0.0:
            raise SingularPencil
        active[row] = free[column] = False
        # the unknown is minus the others of this row: it goes from the rows left and from the equations
        line, doubt = constraint.values[row] / pivot, constraint.noise[row] / abs(pivot)
        for matrix, left in ((constraint, active), (g, True), (c, True)):
            touched = np.flatnonzero(left & (matrix.values[:, column] != 0.0))
            matrix.subtract(touched, matrix.values[touched, column], line, doubt)
            matrix.values[touched, column] = 0.0
            if matrix is constraint:
                matrix.clean(touched)
                peak[touched] = np.abs(matrix.values[touched] * free).max(axis=1, initial=0.0)
    return _Matrix(g.values[:, free], g.noise[:, free]), _Matrix(c.values[:, free], c.noise[:, free])


def _solved(slopes: _Matrix, rows: list[int], columns: list[int], right: Real) -> Real:
    """Return ``C^-1 right`` for the triangular part of an eliminated C that its pivots make."""
    from scipy.linalg import solve_triangular

    found: Real = solve_triangular(slopes.values[np.ix_(rows, columns)], right[rows])
    return found


def _without_zeros(a: _Matrix) -> tuple[int, _Matrix]:
    """Return how many eigenvalues of a matrix are zero, and a matrix with the others.

    A matrix of rank r is F H, with r columns in F: H F has its other eigenvalues, and may be singular again.
    """
    size = len(a.values)
    while len(a.values):
        h = _Matrix(a.values.copy(), a.noise.copy())
        operations = _Matrix(np.eye(len(h.values)), np.eye(len(h.values)))
        rows, _ = _eliminate(h, (operations,))
        if len(rows) == len(a.values):
            break
        f = np.linalg.inv(operations.values)[:, rows]
        a = _Matrix(h.values[rows] @ f, h.noise[rows] @ np.abs(f))
    return size - len(a.values), a


def _one_constraint(equations: _Matrix, slopes: _Matrix, rows: list[int], columns: list[int]) -> _Matrix:
    """Return A of ``x' + A x = 0`` for a pencil with one row without s.

    One unknown u has no derivative: ``x' + A x + b u = 0`` with ``r x + d u = 0``. When d is zero, the constraint says
    that one state is a sum of the others, and its derivative is the next constraint: each costs one state, until one
    of them gives u (the zeros of a state-space system; Emami-Naeini and Van Dooren, Automatica 18, 415, 1982).
    """
    size = len(equations.values)
    (last,) = np.setdiff1d(np.arange(size), rows)
    (u,) = np.setdiff1d(np.arange(size), columns)
    w = _solved(slopes, rows, columns, slopes.values[:, [u]])[:, 0]  # x + w u is what has a derivative
    whole = _solved(slopes, rows, columns, equations.values)
    bound = np.abs(_solved(slopes, rows, columns, equations.noise))
    a = _Matrix(whole[:, columns], bound[:, columns])
    b = _Matrix((whole[:, [u]] - a.values @ w[:, None]), bound[:, [u]] + a.noise @ np.abs(w[:, None]))
    r, r_noise = equations.values[last, columns], equations.noise[last, columns]
    d, d_noise = equations.values[last, u] - r @ w, equations.noise[last, u] + r_noise @ np.abs(w)
    tiny = _ROUNDINGS * np.finfo(float).eps
    while abs(d) <= tiny * d_noise:
        r = np.where(np.abs(r) <= tiny * r_noise, 0.0, r)
        if not r.any():
            raise SingularPencil
        j = int(np.abs(r).argmax())
        kept = np.arange(len(r)) != j
        line, doubt = r / r[j], r_noise / abs(r[j])
        slope, slope_noise = r @ a.values, r_noise @ np.abs(a.values) + np.abs(r) @ a.noise
        d, d_noise = float(r @ b.values[:, 0]), float(r_noise @ np.abs(b.values[:, 0]) + np.abs(r) @ b.noise[:, 0])
        every = np.arange(len(r))
        column = a.values[:, j].copy()
        a.subtract(every, column, line, doubt)
        r, r_noise = (slope - slope[j] * line)[kept], (slope_noise + abs(slope[j]) * doubt)[kept]
        a = _Matrix(a.values[np.ix_(kept, kept)], a.noise[np.ix_(kept, kept)])
        b = _Matrix(b.values[kept], b.noise[kept])
        largest = np.abs(r).max(initial=0.0)
        if largest > 0.0:
            r, r_noise, d, d_noise = r / largest, r_noise / largest, d / largest, d_noise / largest
    a.subtract(np.arange(len(r)), b.values[:, 0] / d, r, r_noise)
    return a
