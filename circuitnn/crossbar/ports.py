"""A crossbar of linear cells from its ports: the left ends of its word lines, then the lower ends of its bit lines.

With the nodes inside eliminated from Kirchhoff's law for all nodes, the Laplacian L of ports (p) and inside (i),

    currents = (L_pp - L_pi L_ii^-1 L_ip) v,    inner voltages = -L_ii^-1 L_ip v.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
import scipy.sparse.linalg as spl
from numpy.typing import NDArray

from circuitnn.errors import CrossbarError

Array = NDArray[np.float64]
_BLOCK = 64  # right-hand sides solved for at a time


class Ports:
    """Port admittance of an array, and the voltages inside it per volt at each port.

    Parameters
    ----------
    G : ndarray, shape (rows, cols), S
    r_word, r_bit : float, ohm
        Of each segment, one of them between each port and the nearest cell; 0 makes a line one node, its port.

    Raises
    ------
    CrossbarError
        When double precision does not hold the equations.

    Examples
    --------
    >>> Ports(np.array([[1e-3]]), 100.0, 400.0).admittance().round(9).tolist()
    [[0.000666667, -0.000666667], [-0.000666667, 0.000666667]]
    """

    def __init__(self, G: Array, r_word: float, r_bit: float) -> None:
        rows, cols = G.shape
        self.count = count = rows + cols
        grid = np.arange(rows * cols).reshape(rows, cols)
        left, foot = np.arange(rows)[:, None], rows + np.arange(cols)[None, :]
        word = np.broadcast_to(left, G.shape) if r_word == 0.0 else count + grid
        bit = np.broadcast_to(foot, G.shape) if r_bit == 0.0 else count + (r_word > 0.0) * grid.size + grid
        self.word, self.bit = word, bit
        edges = [(word, bit, G)]
        if r_word > 0.0:
            edges.append((np.hstack([left, word[:, :-1]]), word, np.full(G.shape, 1.0 / r_word)))
        if r_bit > 0.0:
            edges.append((np.vstack([bit[1:], foot]), bit, np.full(G.shape, 1.0 / r_bit)))
        a, b, g = [np.concatenate([edge[k].ravel() for edge in edges]) for k in range(3)]
        size = count + ((r_word > 0.0) + (r_bit > 0.0)) * grid.size
        laplacian = sp.coo_matrix(
            (np.concatenate([g, g, -g, -g]), (np.concatenate([a, b, a, b]), np.concatenate([a, b, b, a]))),
            shape=(size, size),
        ).tocsc()
        self._own = laplacian[:count, :count].toarray()
        self._feed = -laplacian[count:, :count]
        self._factors: Any = None
        if size > count:
            try:
                self._factors = spl.splu(
                    laplacian[count:, count:],
                    permc_spec="MMD_AT_PLUS_A",
                    diag_pivot_thresh=0.0,
                    options={"SymmetricMode": True},
                )
            except RuntimeError as error:
                raise CrossbarError(
                    f"the nodal equations cannot be factorised: {error}",
                    hint="conductances and wire resistances span more than double precision holds",
                ) from None

    def admittance(self) -> Array:
        """Return the currents into the ports per volt, shape (ports, ports), S."""
        total = self._own.copy()
        for k in range(0, self.count if self._factors else 0, _BLOCK):
            total[:, k : k + _BLOCK] -= self._feed.T @ self._factors.solve(self._feed[:, k : k + _BLOCK].toarray())
        return 0.5 * (total + total.T)

    def weights(self, sites: Sequence[tuple[str, int, int]]) -> Array:
        """Return the voltages of nodes ``("word" or "bit", i, j)`` per volt of each port, shape (sites, ports)."""
        nodes = np.array([(self.word if side == "word" else self.bit)[i, j] for side, i, j in sites], dtype=np.int64)
        weights = np.zeros((len(nodes), self.count))
        at_port = np.flatnonzero(nodes < self.count)
        weights[at_port, nodes[at_port]] = 1.0
        inside = np.flatnonzero(nodes >= self.count)
        for first in range(0, len(inside), _BLOCK):
            chosen = inside[first : first + _BLOCK]
            unit = np.zeros((self._feed.shape[0], len(chosen)))
            unit[nodes[chosen] - self.count, np.arange(len(chosen))] = 1.0
            weights[chosen] = (self._feed.T @ self._factors.solve(unit)).T
        return weights
