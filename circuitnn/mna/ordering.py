"""Fill-reducing order of elimination for the matrices of circuits."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import UsageError
from circuitnn.mna._lu import minimum_degree


def fill_reducing_order(n: int, ap: ArrayLike, ai: ArrayLike) -> NDArray[np.int32]:
    """Return an order of elimination that keeps the LU factors sparse.

    Approximate minimum degree on the pattern of A + A^T, which suits circuits: their matrices are nearly symmetric and
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
    Unknowns next to very many others (supplies) come last.  Once per topology; about 1 us an unknown.

    References
    ----------
    P. R. Amestoy, T. A. Davis and I. S. Duff, An approximate minimum degree ordering algorithm, SIAM J. Matrix Anal.
    Appl. 17 (1996) 886.

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
    return minimum_degree(n, starts, rows)
