"""The nodal equations of a crossbar, terminals eliminated.

With ``x`` the voltages of the unknown nodes, ``v`` and ``w`` those of the terminals of word and bit lines,

    A x = B v + C w + currents fed in,    currents out of the bit lines = C^T x - diag(C^T 1) w,

``A`` symmetric positive definite. A wire without resistance is one node; if that node is the terminal itself it is no
unknown, and its cells act through ``B`` or ``C``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from circuitnn.crossbar.wires import Side, Wires

Array = NDArray[np.float64]
Nodes = NDArray[np.int32]
KNOWN = -1


@dataclass(frozen=True, slots=True)
class Numbering:
    """Unknown of each node, shape (rows, cols); ``KNOWN`` where it is the line's terminal."""

    word: Nodes
    bit: Nodes
    count: int


def number_nodes(rows: int, cols: int, wires: Wires) -> Numbering:
    """Number the unknown nodes; the nodes of an ideal line share one number."""
    grid = np.arange(rows * cols, dtype=np.int32).reshape(rows, cols)
    sides = []
    count = 0
    for side, own in (
        (wires.word, np.broadcast_to(np.arange(rows, dtype=np.int32)[:, None], (rows, cols))),
        (wires.bit, np.broadcast_to(np.arange(cols, dtype=np.int32), (rows, cols))),
    ):
        if side.known:
            sides.append(np.full((rows, cols), KNOWN, dtype=np.int32))
            continue
        nodes = own if side.ideal else grid
        sides.append(nodes + np.int32(count))
        count += rows * cols if not side.ideal else int(own.max()) + 1
    return Numbering(sides[0], sides[1], count)


@dataclass(frozen=True, slots=True)
class Equations:
    """See the module's text.

    Attributes
    ----------
    matrix, drive, sense : sparse matrix
        A, B and C.
    feed_word, feed_bit : sparse matrix, shape (unknowns, lines)
        Which part of a terminal's current source enters which node.
    incidence : sparse matrix, shape (edges, unknowns)
        +1 and -1 at the two ends of each conductance between unknown nodes.
    edges, ties : ndarray, S
        Those conductances, and the sum of the conductances from each unknown node to terminals.
    """

    nodes: Numbering
    matrix: sp.csc_matrix
    drive: sp.csc_matrix
    sense: sp.csc_matrix
    feed_word: sp.csc_matrix
    feed_bit: sp.csc_matrix
    incidence: sp.csr_matrix
    edges: Array
    ties: Array

    def residual(self, x: Array, rhs: Array) -> Array:
        """Return ``rhs - A x``, each conductance applied to a difference of voltages.

        The diagonal of ``A`` has lost the digits of a small conductance that was added to a large one; this has not.
        """
        along = self.edges if x.ndim == 1 else self.edges[:, None]
        tied = self.ties if x.ndim == 1 else self.ties[:, None]
        return rhs - tied * x - self.incidence.T @ (along * (self.incidence @ x))


def assemble(conductances: Array, wires: Wires) -> Equations:
    """Return the equations of an array of which at least one direction has unknown nodes.

    Parameters
    ----------
    conductances : ndarray, shape (rows, cols), S
    wires : Wires
    """
    rows, cols = conductances.shape
    nodes = number_nodes(rows, cols, wires)
    word, bit = wires.word, wires.bit
    edges = [*_along(nodes.word, word), *_along(nodes.bit.T, bit)]
    if not word.known and not bit.known:
        edges.append((nodes.word, nodes.bit, conductances))
    if word.known:
        drive = _columns(nodes.bit, conductances, np.arange(rows)[:, None], (nodes.count, rows))
        feed_word = sp.csc_matrix((nodes.count, rows))
    else:
        drive = _ends(nodes.word, word, (word.g_low, word.g_high), nodes.count)
        feed_word = _ends(nodes.word, word, word.shares, nodes.count)
    if bit.known:
        sense = _columns(nodes.word, conductances, np.arange(cols)[None, :], (nodes.count, cols))
        feed_bit = sp.csc_matrix((nodes.count, cols))
    else:
        sense = _ends(nodes.bit.T, bit, (bit.g_low, bit.g_high), nodes.count)
        feed_bit = _ends(nodes.bit.T, bit, bit.shares, nodes.count)

    one = (
        [np.concatenate([ends[k].ravel() for ends in edges]) for k in (0, 1)] if edges else [np.empty(0, np.int32)] * 2
    )
    values = np.concatenate([g.ravel() for _, _, g in edges]) if edges else np.empty(0)
    # What ties nodes to a terminal adds to the diagonal alone.
    tied = np.asarray(drive.sum(axis=1) + sense.sum(axis=1), dtype=np.float64).ravel()
    diagonal = tied + np.bincount(np.concatenate(one), np.concatenate([values, values]), minlength=nodes.count)
    own = np.arange(nodes.count, dtype=np.int32)
    matrix = sp.coo_matrix(
        (
            np.concatenate([diagonal, -values, -values]),
            (np.concatenate([own, one[0], one[1]]), np.concatenate([own, one[1], one[0]])),
        ),
        shape=(nodes.count, nodes.count),
    ).tocsc()
    count = len(values)
    incidence = sp.csr_matrix(
        (
            np.tile([1.0, -1.0], count),
            np.stack(one, axis=1).ravel(),
            np.arange(0, 2 * count + 1, 2, dtype=np.int32),
        ),
        shape=(count, nodes.count),
    )
    return Equations(nodes, matrix, drive, sense, feed_word, feed_bit, incidence, values, tied)


def _along(nodes: Nodes, side: Side) -> list[tuple[Nodes, Nodes, Array]]:
    """Return the segments of lines as (node, next node, conductance)."""
    if side.ideal:
        return []
    shape = (nodes.shape[0], nodes.shape[1] - 1)
    g = np.broadcast_to(side.g_segment[:, None] if side.uniform else side.g_segment, shape)
    return [(nodes[:, :-1], nodes[:, 1:], g)]


def _ends(nodes: Nodes, side: Side, values: tuple[Array, Array], count: int) -> sp.csc_matrix:
    """Return the sparse matrix with the low values at each line's first node and the high ones at its last."""
    both = np.stack([nodes[:, 0], nodes[:, -1]], axis=1)
    column = np.arange(len(nodes))[:, None]
    return _columns(both, np.stack(values, axis=1), column, (count, len(nodes)))


def _columns(node: Nodes, values: Array, column: NDArray[np.int64], shape: tuple[int, int]) -> sp.csc_matrix:
    """Return the sparse matrix with ``values`` at the rows ``node`` and the given columns; duplicates add up."""
    column = np.broadcast_to(column, node.shape)
    return sp.coo_matrix((values.ravel(), (node.ravel(), column.ravel())), shape=shape).tocsc()
