"""Crossbars of conductances as elements of a circuit: one constant matrix between their ports."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from circuitnn.crossbar.array_block import ArrayBlock, Site
from circuitnn.crossbar.crossbar import Crossbar

Array = NDArray[np.float64]
_EXACT = 1e-11  # tolerance of what serves every later iteration
_HELD = 2**22  # node voltages held at a time


class LinearBlock(ArrayBlock):
    """A crossbar of conductances.

    Parameters
    ----------
    name : str
    G : ndarray, shape (rows, cols), S
    r_word, r_bit : float, ohm
        Of each segment of wire.

    Examples
    --------
    >>> block = LinearBlock("a1", np.array([[1e-3]]), r_word=100.0, r_bit=400.0)
    >>> block.evaluate(np.array([1.5, 0.0]), block.start())[0].round(9).tolist()
    [0.001, -0.001]
    """

    def __init__(self, name: str, G: Array, r_word: float, r_bit: float) -> None:
        super().__init__(name, G.shape[0], G.shape[1], _links(G))
        self._array = Crossbar(G, r_word, r_bit)

    @cached_property
    def _admittance(self) -> Array:
        return self._array.admittance()

    def evaluate(self, v: Array, state: Array) -> tuple[Array, Array]:
        """Return the currents into the ports and the port admittance."""
        return self._admittance @ v, self._admittance

    def inside(self, sites: Sequence[Site], v: Array, state: Array) -> tuple[Array, Array]:
        """Return the voltages of nodes and their derivatives, from one solution for one volt at each port."""
        slopes = per_volt(self._array, sites)
        return slopes @ v, slopes


def per_volt(array: Crossbar, sites: Sequence[Site]) -> Array:
    """Return the voltages of nodes ``("word" or "bit", i, j)`` for one volt at each port, shape (sites, ports)."""
    ports = array.rows + array.cols
    found = np.empty((len(sites), ports))
    unit = np.eye(ports)
    step = max(1, _HELD // (array.rows * array.cols))
    for k in range(0, ports, step):
        part = unit[k : k + step]
        solution = array.solve(part[:, : array.rows], v_bit=part[:, array.rows :], tolerance=_EXACT)
        for site, (side, i, j) in enumerate(sites):
            nodes = solution.v_word if side == "word" else solution.v_bit
            found[site, k : k + step] = nodes[:, i, j]
    return found


def _links(G: Array) -> list[tuple[int, int]]:
    """Return pairs of ports that join all ports between which the cells conduct."""
    rows, cols = G.shape
    word, bit = np.nonzero(G)
    joined = csr_array((np.ones(len(word)), (word, rows + bit)), shape=(rows + cols, rows + cols))
    _, label = connected_components(joined, directed=False)
    order = np.argsort(label, kind="stable")
    together = label[order][1:] == label[order][:-1]
    return [(int(a), int(b)) for a, b in zip(order[:-1][together], order[1:][together], strict=True)]
