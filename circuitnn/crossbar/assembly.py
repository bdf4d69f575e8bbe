"""The nodal equations of a crossbar with resistive wires, grounded sources and ideal wires eliminated.

Word line ``i``: source - ``r_source`` - segment - node (i,0) - segment - node (i,1) ... open end.
Bit line ``j``: open end - node (0,j) - segment ... node (rows-1,j) - segment - ``r_sense`` - ground.
A cell of conductance ``G[i,j]`` joins the two nodes (i,j). With ``x`` the voltages of the unknown nodes,

    A x = B v,    currents = C^T x + D^T v,

``A`` symmetric positive definite. A wire without resistance is one node; if that node is a source or ground it is no
unknown, and its cells act through ``B``, ``C`` or, when both lines are ideal, ``D = G``.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

Array = NDArray[np.float64]
KNOWN = -1


@dataclass(frozen=True, slots=True)
class Wires:
    """Resistances of a crossbar's lines, ohms: per segment, of each source and of each sense input."""

    r_word: float
    r_bit: float
    r_source: float
    r_sense: float

    @property
    def g_in(self) -> float:
        """Conductance from a source to the first node of its word line."""
        return 1.0 / (self.r_word + self.r_source)

    @property
    def g_out(self) -> float:
        """Conductance from the last node of a bit line to ground."""
        return 1.0 / (self.r_bit + self.r_sense)


@dataclass(frozen=True, slots=True)
class Numbering:
    """Unknown of each node, shape (rows, cols); ``KNOWN`` where a word node is its source, a bit node ground."""

    word: NDArray[np.int32]
    bit: NDArray[np.int32]
    count: int


def number_nodes(rows: int, cols: int, wires: Wires) -> Numbering:
    """Number the unknown nodes; the nodes of an ideal line share one number."""
    grid = np.arange(rows * cols, dtype=np.int32).reshape(rows, cols)
    known: NDArray[np.int32] = np.full((rows, cols), KNOWN, dtype=np.int32)
    word: NDArray[np.int32] = known
    count = 0
    if wires.r_word > 0.0:
        word, count = grid, rows * cols
    elif wires.r_source > 0.0:
        word, count = np.broadcast_to(np.arange(rows, dtype=np.int32)[:, None], (rows, cols)), rows
    bit: NDArray[np.int32] = known
    if wires.r_bit > 0.0:
        bit, count = grid + np.int32(count), count + rows * cols
    elif wires.r_sense > 0.0:
        bit = np.broadcast_to(np.arange(count, count + cols, dtype=np.int32), (rows, cols))
        count += cols
    return Numbering(word, bit, count)


@dataclass(frozen=True, slots=True)
class Equations:
    """``A x = B v`` and ``currents = C^T x``; see the module's text.

    Attributes
    ----------
    matrix, drive, sense : sparse matrix
        A, B and C.
    incidence : sparse matrix, shape (edges, unknowns)
        +1 and -1 at the two ends of each conductance between unknown nodes.
    edges, ties : ndarray, S
        Those conductances, and the sum of the conductances from each unknown node to sources and ground.
    """

    nodes: Numbering
    matrix: sp.csc_matrix
    drive: sp.csc_matrix
    sense: sp.csc_matrix
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
    word_known, bit_known = nodes.word[0, 0] == KNOWN, nodes.bit[0, 0] == KNOWN
    edges = []
    if not word_known and not bit_known:
        edges.append((nodes.word, nodes.bit, conductances))
    if wires.r_word > 0.0:
        edges.append((nodes.word[:, :-1], nodes.word[:, 1:], np.full((rows, cols - 1), 1.0 / wires.r_word)))
    if wires.r_bit > 0.0:
        edges.append((nodes.bit[:-1], nodes.bit[1:], np.full((rows - 1, cols), 1.0 / wires.r_bit)))
    # What ties nodes to a source or to ground adds to the diagonal alone.
    ties = []
    if word_known:
        ties.append((nodes.bit, conductances))
        drive = _columns(nodes.bit, conductances, np.arange(rows)[:, None], (nodes.count, rows))
    else:
        first, g_in = nodes.word[:, :1], np.full((rows, 1), wires.g_in)
        ties.append((first, g_in))
        drive = _columns(first, g_in, np.arange(rows)[:, None], (nodes.count, rows))
    if bit_known:
        ties.append((nodes.word, conductances))
        sense = _columns(nodes.word, conductances, np.arange(cols)[None, :], (nodes.count, cols))
    else:
        last, g_out = nodes.bit[-1:], np.full((1, cols), wires.g_out)
        ties.append((last, g_out))
        sense = _columns(last, g_out, np.arange(cols)[None, :], (nodes.count, cols))

    one = (
        [np.concatenate([ends[k].ravel() for ends in edges]) for k in (0, 1)] if edges else [np.empty(0, np.int32)] * 2
    )
    values = np.concatenate([g.ravel() for _, _, g in edges]) if edges else np.empty(0)
    tied = np.bincount(
        np.concatenate([node.ravel() for node, _ in ties]),
        np.concatenate([g.ravel() for _, g in ties]),
        minlength=nodes.count,
    )
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
    return Equations(nodes, matrix, drive, sense, incidence, values, np.asarray(tied, dtype=np.float64))


def _columns(
    node: NDArray[np.int32], values: Array, column: NDArray[np.int64], shape: tuple[int, int]
) -> sp.csc_matrix:
    """Return the sparse matrix with ``values`` at the rows ``node`` and the given columns; duplicates add up."""
    column = np.broadcast_to(column, node.shape)
    return sp.coo_matrix((values.ravel(), (node.ravel(), column.ravel())), shape=shape).tocsc()
