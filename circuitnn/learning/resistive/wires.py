"""Resistive networks whose crossbars have wires: equilibria, and equilibrium propagation from every cell's voltage."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import ConvergenceError, UsageError
from circuitnn.learning.resistive._wired import LANES, Wired, aligned, nodes
from circuitnn.learning.resistive.network import ResistiveNetwork

Array = NDArray[np.float64]

_ROUNDS = 200  # of lines, after which they count as not converging
_SWEEPS = 1000  # of layers
_PART = 64  # examples whose voltages inside crossbars are held at a time
_SETTLED = 1e-12  # of the largest voltage: a change of the voltages by which a network has settled


@dataclass(frozen=True)
class Ports:
    """A crossbar seen from its ends: currents out of bit lines ``p T - q Y``, into word lines ``p Z - q T^T``.

    Attributes
    ----------
    T : ndarray, shape (rows, cols), S
    Y : ndarray, shape (cols, cols), S
    Z : ndarray, shape (rows, rows), S, or None
        Of the first crossbar, whose word lines are sources, nobody asks.
    """

    T: Array
    Y: Array
    Z: Array | None


class WiredRelaxation:
    """A resistive network with wires in its crossbars.

    Parameters
    ----------
    network : ResistiveNetwork
        Its conductances and currents are read when they are needed; `load` after they have changed.
    r_word, r_bit : float, ohm
        A segment of a word or bit line. Word lines begin at the sources or at the nodes of the layer before, bit lines
        end behind their last cell at the layer's nodes.
    tile : int, optional
        Rows of a tile: crossbars with more are cut, and the bit lines of all tiles end at the same nodes.
    tolerance : float
        Of the currents of bit lines, relative to the largest one, when the voltages inside are solved for.

    Raises
    ------
    UsageError

    Notes
    -----
    With the conductances fixed, a crossbar is a linear multiport. `solve` reduces each to its ports once, by one
    solution of the lines for each bit line, and relaxes layers of nodes between dense matrices. `gradient` belongs to
    conductances that change with every minibatch: the first crossbar is not reduced; its word lines and bit lines are
    solved exactly in turn, for all examples side by side, and the nodes settle in between. From one round to the next
    the error falls by about the product of the relative drops along word and bit lines.

    Equilibrium propagation holds with wires as they are: the co-content is that of a network of more nodes, of which
    the derivative by a cell's conductance is half its squared voltage (Kendall et al. 2020, arXiv 2006.01981).

    Examples
    --------
    >>> network = ResistiveNetwork(sizes=(1, 1), conductances=[[[3e-3], [1e-3]]])
    >>> float(WiredRelaxation(network, r_word=0.0, r_bit=0.0).solve([[1.0]])[-1][0, 0])
    0.5
    >>> float(WiredRelaxation(network, r_word=100.0, r_bit=100.0).solve([[1.0]])[-1][0, 0].round(4))
    0.3469
    """

    def __init__(
        self,
        network: ResistiveNetwork,
        *,
        r_word: float,
        r_bit: float,
        tile: int | None = None,
        tolerance: float = 1e-10,
    ) -> None:
        for name, value in (("r_word", r_word), ("r_bit", r_bit)):
            if not 0.0 <= value < np.inf:
                raise UsageError(f"{name} is {value}", expected="ohms, not negative")
        if tile is not None and tile < 1:
            raise UsageError(f"a tile of {tile} rows", expected="at least 1")
        self.network, self.tolerance = network, tolerance
        self._wires, self._tile = (r_word, r_bit), tile
        self.load()

    def load(self) -> None:
        """Take note that conductances have changed."""
        self._lines: list[Wired | None] = [None] * len(self.network.nodes)
        self._ports: list[Ports | None] = [None] * len(self.network.nodes)

    def lines(self, layer: int) -> Wired:
        """Return the factored lines of a layer's crossbar, its rows in the order of ``network.places``."""
        found = self._lines[layer]
        if found is None:
            G = np.ascontiguousarray(self.network.conductances[layer][self.network.places(layer)], dtype=np.float64)
            if not (np.isfinite(G).all() and (G >= 0.0).all()):
                raise UsageError(f"conductances of layer {layer + 1} are not all finite and >= 0")
            found = self._lines[layer] = Wired(G, *self._wires, min(self._tile or len(G), len(G)))
        return found

    def ports(self, layer: int) -> Ports:
        """Return a layer's crossbar as its ends see it, its rows in the order of ``network.places``."""
        found = self._ports[layer]
        if found is None:
            lines = self.lines(layer)
            rows, cols = lines.g.shape
            T, Y = np.empty((rows, cols)), np.empty((cols, cols))
            for part in parts(cols):
                unit = np.eye(cols)[part]
                inside = _Inside(lines, np.zeros((len(unit), rows)), unit, self.tolerance)
                T[:, part], Y[:, part] = -inside.into().T, -inside.out().T
            Z = None
            if layer:
                Z = np.empty((rows, rows))
                for part in parts(rows):
                    unit = np.eye(rows)[part]
                    Z[part] = _Inside(lines, unit, np.zeros((len(unit), cols)), self.tolerance).into()
                Z = 0.5 * (Z + Z.T)
            found = self._ports[layer] = Ports(T, 0.5 * (Y + Y.T), Z)
        return found

    def solve(self, x: ArrayLike, target: ArrayLike | None = None, beta: float = 0.0) -> list[Array]:
        """Return the voltages of every layer in equilibrium, each (examples, nodes), V.

        Parameters
        ----------
        x : array_like, shape (examples, features)
        target : array_like, shape (examples, outputs), V
        beta : float, S
            Conductance of the nudge to the target.

        Raises
        ------
        ConvergenceError
        UsageError
        """
        sources = self.sources(x)
        first = self.ports(0)
        return self.settle(sources @ first.T, first.Y, self.targets(target, beta, len(sources)), beta)

    def gradient(self, x: ArrayLike, target: ArrayLike, beta: float) -> tuple[list[Array], list[Array], Array]:
        """Return mean gradients of the loss by conductances and bias currents, and the outputs between the nudges.

        From the voltages across every cell in two phases, nudged by +beta and -beta:
        A^(2m) [(dV+)^2 - (dV-)^2] / (4 beta) before m amplifiers, and -A^(2m) (V+ - V-) / (2 beta) of a bias (Kendall
        et al. 2020; both sides: Laborieux et al. 2021). The loss is ``sum (o - t)^2 / 2`` as the nudge vanishes.

        Parameters
        ----------
        x, target, beta
            As of `solve`; beta above 0.

        Returns
        -------
        by_conductances, by_currents : list of ndarray
            Shaped as those of the network.
        outputs : ndarray, shape (examples, nodes of the last layer), V
            Means of both phases.
        """
        network = self.network
        sources = self.sources(x)
        targets = self.targets(target, beta, len(sources))
        by_g = [np.zeros(G.shape) for G in network.conductances]
        by_i = [np.zeros(b.shape) for b in network.currents]
        outputs = np.empty((len(sources), network.nodes[-1]))
        for part in parts(len(sources)):
            inside, plus, minus = self._phases(sources[part], targets[part], beta)
            outputs[part] = 0.5 * (plus[-1] + minus[-1])
            for layer, m in enumerate(network.amplifiers):
                weight = network.amplification ** (2 * m) / (2.0 * beta * len(sources))
                mean, difference = inside if layer == 0 else self.across(layer, plus, minus)
                by_g[layer][network.places(layer)] += weight * mean.products(difference)
                by_i[layer] -= weight * (plus[layer] - minus[layer]).sum(axis=0)
        return by_g, by_i, outputs

    def _phases(
        self, sources: Array, target: Array, beta: float
    ) -> tuple[tuple[_Inside, _Inside], list[Array], list[Array]]:
        """Return the first crossbar's inside (mean and difference of the phases) and all nodes in both phases."""
        lines = self.lines(0)
        still = np.zeros((len(sources), self.network.nodes[0]))
        mean = _Inside(lines, sources, still)
        difference = _Inside(lines, np.zeros_like(sources), still)
        phases: list[list[Array]] = [[], []]
        own = np.diag(lines.y_bit)
        for _ in range(_ROUNDS):
            drive = mean.drive, 0.5 * difference.drive
            phases = [
                self.settle(drive[0] + side * drive[1], own, target, side * beta, phases[side < 0.0])
                for side in (1.0, -1.0)
            ]
            plus, minus = (found[0] for found in phases)
            changes = mean.round(0.5 * (plus + minus)), difference.round(plus - minus)
            if max(changes) <= self.tolerance:
                return (mean, difference), phases[0], phases[1]
        raise _slow(max(changes))

    def across(self, layer: int, plus: list[Array], minus: list[Array]) -> tuple[_Inside, _Inside]:
        """Return the inside of a crossbar behind the first, mean and difference of the phases."""
        A = self.network.amplification
        return tuple(  # type: ignore[return-value]
            _Inside(
                self.lines(layer),
                A * (share * plus[layer - 1] + other * minus[layer - 1]),
                share * plus[layer] + other * minus[layer],
                self.tolerance,
            )
            for share, other in ((0.5, 0.5), (1.0, -1.0))
        )

    def settle(
        self, drive: Array, own: Array, target: Array, beta: float, start: list[Array] | None = None
    ) -> list[Array]:
        """Return the nodes of all layers, each (examples, nodes), V.

        Parameters
        ----------
        drive : ndarray, shape (examples, nodes), A
            What the sources drive into the first layer's nodes at 0 V.
        own : ndarray, shape (nodes, nodes), S
            What these nodes' voltages drive back.
        target, beta
            As of `solve`.
        start : list of ndarray, optional
            Where to begin.
        """
        network = self.network
        A, last = network.amplification, len(network.nodes) - 1
        v = [np.array(one) for one in start] if start else [np.zeros((len(drive), n)) for n in network.nodes]
        matrices = [own, *(self.ports(layer).Y for layer in range(1, last + 1))]
        for layer in range(last):
            Z = self.ports(layer + 1).Z
            assert Z is not None
            matrices[layer] = matrices[layer] + Z
        diagonals = [np.diagonal(matrix).copy() for matrix in matrices]
        others = [matrix - np.diag(diagonal) for matrix, diagonal in zip(matrices, diagonals, strict=True)]
        outputs = matrices[last] + beta * _nudged(network)
        if beta < 0.0 and np.linalg.eigvalsh(outputs)[0] <= 0.0:
            raise ConvergenceError(
                "a negative nudge outweighs an output's own conductance: the nudged network has no stable state",
                hint="a smaller beta",
            )
        inverse = np.linalg.inv(outputs)
        nudge = beta * _spread(network, target)
        change = np.inf
        for _ in range(_SWEEPS):
            change = 0.0
            for layer in range(last + 1):
                into = drive if layer == 0 else A * v[layer - 1] @ self.ports(layer).T
                into = into + network.currents[layer]
                if layer == last:
                    now = (into + nudge) @ inverse
                else:
                    into += v[layer + 1] @ self.ports(layer + 1).T.T / A - v[layer] @ others[layer]
                    now = clamped(network, layer, diagonals[layer], into)
                change = max(change, float(np.abs(now - v[layer]).max(initial=0.0)))
                v[layer] = now
            size = max(float(np.abs(one).max(initial=0.0)) for one in v)
            if change <= _SETTLED * size:
                return v
        raise ConvergenceError(
            f"the network has not settled after {_SWEEPS} sweeps: voltages still change by {change:g} V",
            hint="a smaller beta" if beta < 0.0 else None,
        )

    def sources(self, x: ArrayLike) -> Array:
        """Return the volts of all sources as bit lines pass them, (examples, 2 features)."""
        rows = np.asarray(x, dtype=np.float64)
        features = self.network.sizes[0]
        if rows.ndim != 2 or rows.shape[1] != features:
            raise UsageError(f"inputs have the shape {rows.shape}", expected=f"(examples, {features})")
        both = self.network.gain * np.concatenate([rows, -rows], axis=1)
        return both[:, self.network.places(0)]

    def targets(self, target: ArrayLike | None, beta: float, count: int) -> Array:
        """Return targets (examples, outputs), checked; zeros where there are none."""
        shape = (count, self.network.sizes[-1])
        if target is None:
            if beta != 0.0:
                raise UsageError("a nudge needs a target")
            return np.zeros(shape)
        given = np.asarray(target, dtype=np.float64)
        if given.shape != shape:
            raise UsageError(f"targets have the shape {given.shape}", expected=str(shape))
        return given


class _Inside:
    """Voltages inside a crossbar for many examples with given ends; p (examples, rows), q (examples, cols), V."""

    def __init__(self, lines: Wired, p: Array, q: Array, tolerance: float | None = None) -> None:
        self._wired, self._count = lines, len(p)
        rows, cols = lines.g.shape
        self._p, self._q = _lanes(p), _lanes(q)
        self._v = aligned((len(self._p), rows, cols, LANES))
        self._drive, self._into = lines.round(self._p, self._q, self._v, True)
        change = np.inf
        for _ in range(_ROUNDS if tolerance is not None else 0):
            change = self._again()
            if change <= (tolerance or 0.0):
                return
        if tolerance is not None:
            raise _slow(change)

    def _again(self) -> float:
        before = self._drive
        self._drive, self._into = self._wired.round(self._p, self._q, self._v, False)
        largest = float(np.abs(self._drive).max(initial=0.0)) + float(
            np.abs(self._wired.y_bit[:, None] * self._q).max()
        )
        return float(np.abs(self._drive - before).max(initial=0.0)) / (largest or 1.0)

    def round(self, q: Array) -> float:
        """Go one round with other voltages at the bit lines; return the largest relative change of their currents."""
        self._q = _lanes(q)
        return self._again()

    @property
    def drive(self) -> Array:
        """Currents out of the bit lines were these at 0 V, (examples, cols), A."""
        return _rows(self._drive, self._count)

    def out(self) -> Array:
        """Return the currents out of the bit lines, A."""
        return _rows(self._drive - self._wired.y_bit[:, None] * self._q, self._count)

    def into(self) -> Array:
        """Return the currents into the word lines, A."""
        return _rows(self._wired.y_word[:, None] * self._p - self._into, self._count)

    def products(self, other: _Inside) -> Array:
        """Return the sums over examples of products of the cells' voltages in this and another state, (rows, cols)."""
        found: Array = self._wired.products(self._p, self._v, other._p, other._v)
        return found


def clamped(network: ResistiveNetwork, layer: int, own: Array, into: Array) -> Array:
    """Return the voltages of a hidden layer's nodes: ``own * v = into`` and what the diodes add.

    Parameters
    ----------
    network : ResistiveNetwork
    layer : int
    own : ndarray, shape (nodes,), S
    into : ndarray, shape (examples, nodes), A

    Examples
    --------
    >>> network = ResistiveNetwork(sizes=(1, 2, 1))
    >>> clamped(network, 0, np.array([2.0, 2.0]), np.array([[1.0, 1.0], [-1.0, -1.0]])).tolist()
    [[0.5, 0.0], [0.0, -0.5]]
    """
    low, high = network.limits(layer)
    if network.diodes == "ideal":
        return np.clip(into / own, low, high)
    v = np.array(into, order="C")
    nodes(v, own, low, high, network.pairs, network.saturation, network.thermal)
    return v


def _nudged(network: ResistiveNetwork) -> Array:
    """Return what a nudge of 1 S adds to the matrix of the outputs' nodes."""
    nodes = network.nodes[-1]
    found: Array = np.eye(nodes)
    if network.differential:
        found = np.kron(found[: nodes // 2, : nodes // 2], np.array([[1.0, -1.0], [-1.0, 1.0]]))
    return found


def _spread(network: ResistiveNetwork, target: Array) -> Array:
    """Return the currents of a nudge of 1 S into outputs at 0 V, (examples, nodes)."""
    return np.stack([target, -target], axis=2).reshape(len(target), -1) if network.differential else target


def parts(count: int) -> list[slice]:
    """Return slices that cover so many examples."""
    return [slice(one, two) for one, two in pairwise([*range(0, count, _PART), count])]


def _lanes(rows: Array) -> Array:
    """Return (examples, k) as (groups, k, 8), the last group filled with zeros."""
    count, k = rows.shape
    groups = -(-count // LANES)
    full = np.zeros((groups * LANES, k))
    full[:count] = rows
    lanes: Array = aligned((groups, k, LANES))
    lanes[...] = full.reshape(groups, LANES, k).transpose(0, 2, 1)
    return lanes


def _rows(lanes: Array, count: int) -> Array:
    return lanes.transpose(0, 2, 1).reshape(-1, lanes.shape[1])[:count]


def _slow(change: float) -> ConvergenceError:
    return ConvergenceError(
        f"currents inside a crossbar still change by a part of {change:.1e} after {_ROUNDS} rounds of its lines",
        hint="its wires are not small beside its cells: cut it into tiles",
    )
