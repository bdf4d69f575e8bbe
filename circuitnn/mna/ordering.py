"""Fill-reducing order of elimination for the matrices of circuits."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import UsageError


def fill_reducing_order(n: int, ap: ArrayLike, ai: ArrayLike) -> NDArray[np.int32]:
    """Return an order of elimination that keeps the LU factors sparse.

    Multiple minimum degree on the pattern of A + A^T, which suits circuits: their matrices are nearly symmetric and
    are factorised with pivots near the diagonal.

    Parameters
    ----------
    n : int
        Unknowns.
    ap : array of int, shape (n + 1,)
        Start of each column in ``ai``.
    ai : array of int, shape (ap[n],)
        Rows of the entries.

    Returns
    -------
    array of int32, shape (n,)
        ``perm[k]`` is the unknown eliminated k-th.

    Raises
    ------
    UsageError
        When the arrays do not describe an n by n pattern.

    Notes
    -----
    The order is the one that SuperLU finds for a diagonally dominant matrix of the symmetrised pattern; its numbers
    do not matter.  Once per topology.

    References
    ----------
    J. W. H. Liu, Modification of the minimum-degree algorithm by multiple elimination, ACM TOMS 11 (1985) 141.

    Examples
    --------
    An arrow: eliminating unknown 0 first would fill the whole matrix.

    >>> perm = fill_reducing_order(4, [0, 4, 6, 8, 10], [0, 1, 2, 3, 0, 1, 0, 2, 0, 3])
    >>> int(perm[0]) != 0
    True
    """
    starts, rows = np.asarray(ap), np.asarray(ai)
    if starts.shape != (n + 1,) or starts[0] != 0 or rows.shape != (starts[-1],) or np.any(np.diff(starts) < 0):
        raise UsageError("ap and ai do not describe the columns of a matrix", expected=f"ap of {n + 1} rising numbers")
    if rows.size and (rows.min() < 0 or rows.max() >= n):
        raise UsageError("ai names rows outside the matrix", expected=f"numbers in 0..{n - 1}")
    if n <= 1:
        return np.zeros(n, dtype=np.int32)
    import scipy.sparse as sp
    import scipy.sparse.linalg as spla

    columns = np.repeat(np.arange(n), np.diff(starts))
    off = rows != columns
    i = np.concatenate([rows[off], columns[off], np.arange(n)])
    j = np.concatenate([columns[off], rows[off], np.arange(n)])
    pattern: Any = sp.csc_array((np.ones(i.size), (i, j)), shape=(n, n))
    pattern.sum_duplicates()
    pattern.data[:] = -1.0
    pattern.setdiag(np.diff(pattern.indptr) + 1.0)
    factors = spla.splu(
        pattern, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True, "Equil": False}
    )
    # SuperLU's perm_c[j] is the place of column j; the inverse lists the columns by place
    perm = np.empty(n, dtype=np.int32)
    perm[factors.perm_c] = np.arange(n, dtype=np.int32)
    return perm
