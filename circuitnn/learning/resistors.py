"""Networks of adjustable resistive edges on any graph: node voltages for many drives at once."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import networkx as nx
import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import ConvergenceError, SingularMatrixError, TopologyError, UsageError
from circuitnn.learning.settings import one_of, whole

Array = NDArray[Any]

LAWS = ("linear", "transistor")
#: Conductance beside every transistor edge, per unit of transconductance and V: a channel that is off still leaks.
LEAK = 1e-4

_STEPS = 200  # of Newton's method
_LONGEST = 0.5  # V that a node moves in one of them
_CLOSE = 1e-12  # V


class ResistorNetwork:
    """Nodes joined by edges, of which each has one number: a conductance, or the overdrive of a transistor.

    Parameters
    ----------
    nodes : int
        They are counted from 0.
    edges : array_like, shape (edges, 2)
        The two nodes of each edge.
    law : {"linear", "transistor"}
        Linear edges carry ``w (v_i - v_j)``. Transistor edges are channels of square-law transistors whose gates stand
        at ``w`` above threshold, ``i = ((w - v_j)^2 - (w - v_i)^2) / 2``, squares of negative numbers being 0: while
        both ends are on, the conductance is ``w`` less the mean of both voltages (Dillavou et al. 2024). A small leak
        lies beside.

    Raises
    ------
    UsageError
        When an edge names no node, or joins one to itself.

    Examples
    --------
    A divider of 1 and 3 units between node 0 at 1 V and node 2 at 0 V:

    >>> network = ResistorNetwork(3, [(0, 1), (1, 2)])
    >>> network.solve(np.array([1.0, 3.0]), np.array([0, 2]), np.array([[1.0, 0.0]])).tolist()
    [[1.0, 0.25, 0.0]]
    """

    def __init__(self, nodes: int, edges: Any, law: str = "linear") -> None:
        self.nodes = whole("nodes", nodes)
        self.law = one_of("law", law, LAWS)
        pairs = np.asarray(edges, np.int64)
        if pairs.ndim != 2 or pairs.shape[1] != 2 or not len(pairs):
            raise UsageError(f"edges have the shape {pairs.shape}", expected="two nodes an edge, an edge or more")
        if pairs.min() < 0 or pairs.max() >= nodes or np.any(pairs[:, 0] == pairs[:, 1]):
            raise UsageError("an edge joins what it cannot", expected=f"two different nodes from 0 to {nodes - 1}")
        self.edges = pairs
        count = np.arange(len(pairs))
        self._from = np.zeros((len(pairs), nodes))
        self._to = np.zeros((len(pairs), nodes))
        self._from[count, pairs[:, 0]] = 1.0
        self._to[count, pairs[:, 1]] = 1.0
        self._incidence = self._from - self._to

    def drops(self, volts: Array) -> Array:
        """Return the voltage over each edge, shape (samples, edges), of node voltages, (samples, nodes), V."""
        return volts[:, self.edges[:, 0]] - volts[:, self.edges[:, 1]]

    def currents(self, w: Array, volts: Array) -> Array:
        """Return the currents of edges from their first to their second nodes, (samples, edges), in units of w V."""
        vi, vj = volts[:, self.edges[:, 0]], volts[:, self.edges[:, 1]]
        if self.law == "linear":
            return np.asarray(w * (vi - vj))
        on_i, on_j = np.maximum(w - vi, 0.0), np.maximum(w - vj, 0.0)
        return np.asarray(0.5 * (on_j**2 - on_i**2) + LEAK * (vi - vj))

    def check(self, held: Array) -> None:
        """Raise TopologyError when a node has no path to a held one; names the nodes."""
        graph = nx.Graph()
        graph.add_nodes_from(range(self.nodes))
        graph.add_edges_from(self.edges.tolist())
        chosen = set(np.asarray(held).tolist())
        lost = [str(n) for part in nx.connected_components(graph) if not part & chosen for n in sorted(part)]
        if lost:
            raise TopologyError(
                f"no edges join node {', '.join(lost[:8])} to a source", hint="give the graph more edges", names=lost
            )

    def solve(
        self, w: Array, held: Array, volts: Array, *, injected: Array | None = None, start: Array | None = None
    ) -> Array:
        """Return all node voltages, shape (samples, nodes), V.

        Parameters
        ----------
        w : ndarray, shape (edges,)
            Conductances above 0, or overdrives in V.
        held : ndarray of int, shape (held,)
            Nodes that voltage sources hold: they are eliminated.
        volts : ndarray, shape (samples, held), V
        injected : ndarray, shape (samples, nodes), optional
            Currents into nodes, in units of ``w`` V; those into held nodes change nothing.
        start : ndarray, shape (samples, nodes), optional
            Voltages from which Newton's method starts; it serves transistor edges only.

        Raises
        ------
        ConvergenceError
            When voltages of transistor edges are not found.
        """
        free = np.setdiff1d(np.arange(self.nodes), held)
        found = np.zeros((len(volts), self.nodes)) if start is None else np.array(start, np.float64)
        found[:, held] = volts
        if not len(free):
            return found
        inside = self._incidence[:, free]
        if self.law == "linear":
            laplacian = inside.T @ (w[:, None] * self._incidence)
            known = -volts @ laplacian[:, held].T
            if injected is not None:
                known = known + injected[:, free]
            found[:, free] = _solved(laplacian[:, free], known.T).T
            return found
        if start is None:
            found[:, free] = volts.mean(axis=1, keepdims=True)
        for _ in range(_STEPS):
            excess = self.currents(w, found) @ inside
            if injected is not None:
                excess -= injected[:, free]
            slope_i = np.maximum(w - found[:, self.edges[:, 0]], 0.0) + LEAK
            slope_j = np.maximum(w - found[:, self.edges[:, 1]], 0.0) + LEAK
            slopes = slope_i[:, :, None] * self._from[:, free] - slope_j[:, :, None] * self._to[:, free]
            moved = _solved(inside.T @ slopes, excess[:, :, None])[:, :, 0]
            np.clip(moved, -_LONGEST, _LONGEST, out=moved)
            found[:, free] -= moved
            if np.abs(moved).max() < _CLOSE:
                return found
        raise ConvergenceError(
            f"voltages of transistor edges still move by {np.abs(moved).max():.1e} V after {_STEPS} steps",
            hint="hold overdrives within a few volts",
        )


def edges_of(text: str, sources: int, hidden: tuple[int, ...], outputs: int, rng: np.random.Generator) -> Array:
    """Return the edges of a network by name, shape (edges, 2); nodes are sources, then hidden ones, then outputs.

    Parameters
    ----------
    text : str
        ``"layered"``: every node of a layer to every one of the next. ``"complete"``: all pairs but two sources.
        ``"lattice"``: a square lattice without rim, whose nodes are shuffled. ``"random:16"``: so many random edges,
        which leave no node alone. Or the edges themselves: ``"0-3 1-3 3-4"``.
    sources, outputs : int
    hidden : tuple of int
    rng : numpy.random.Generator

    Raises
    ------
    UsageError
        When the text is none of these, or asks for too many or too few edges.

    Examples
    --------
    >>> edges_of("layered", 2, (1,), 1, np.random.default_rng(0)).tolist()
    [[0, 2], [1, 2], [2, 3]]
    """
    sizes = (sources, *hidden, outputs)
    nodes = sum(sizes)
    name, _, number = text.partition(":")
    if name == "layered":
        starts = np.concatenate([[0], np.cumsum(sizes)])
        layers = [np.arange(a, b) for a, b in pairwise(starts)]
        return np.array([(i, j) for one, two in pairwise(layers) for i in one for j in two])
    pairs = [(i, j) for i in range(nodes) for j in range(max(i + 1, sources), nodes)]
    if name == "complete":
        return np.array(pairs)
    if name == "lattice":
        side = round(nodes**0.5)
        if side * side != nodes or side < 3:
            raise UsageError(
                f"a lattice of {nodes} nodes", expected="3 x 3, 4 x 4, ... sources, hidden and output nodes"
            )
        place = rng.permutation(nodes).reshape(side, side)
        beside = [(place, np.roll(place, 1, axis)) for axis in (0, 1)]
        return np.concatenate([np.stack([a.ravel(), b.ravel()], axis=1) for a, b in beside])
    if name == "random":
        return _random_edges(pairs, nodes, sources, number, rng)
    try:
        return np.array([[int(end) for end in pair.split("-")] for pair in text.split()]).reshape(-1, 2)
    except ValueError as error:
        raise UsageError(
            f"edges are {text!r}", expected="layered, complete, lattice, random:NUMBER, or pairs such as 0-3 1-3"
        ) from error


def _random_edges(
    pairs: list[tuple[int, int]], nodes: int, sources: int, number: str, rng: np.random.Generator
) -> Array:
    if not number.isdigit() or not nodes - 1 <= int(number) <= len(pairs):
        raise UsageError(f"{number!r} random edges", expected=f"from {nodes - 1} to {len(pairs)}")
    # every node to one that stands before it in a random order, hidden ones and outputs first: a tree over all of them
    order = [*(sources + rng.permutation(nodes - sources)).tolist(), *rng.permutation(sources).tolist()]
    inner = nodes - sources
    chosen = {
        (min(a, b), max(a, b)) for k, a in enumerate(order) if k for b in [order[int(rng.integers(min(k, inner)))]]
    }
    rest = [pair for pair in pairs if pair not in chosen]
    more = rng.permutation(len(rest))[: int(number) - len(chosen)]
    return np.array(sorted([*chosen, *(rest[k] for k in more)]))


def _solved(a: Array, b: Array) -> Array:
    try:
        return np.asarray(np.linalg.solve(a, b))
    except np.linalg.LinAlgError as error:
        raise SingularMatrixError("edges have lost all their conductance", hint="a smaller rate") from error
