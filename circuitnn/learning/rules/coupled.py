"""Coupled learning: a free and a clamped network of resistors side by side, and edges that compare their voltages."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.learning.resistors import ResistorNetwork, edges_of
from circuitnn.learning.rule import Rule, part
from circuitnn.learning.settings import number
from circuitnn.learning.synapses.synapse import SynapseKind, synapses_of

Array = NDArray[Any]


@dataclass(kw_only=True, eq=False)
class Coupled(Rule):
    r"""Coupled learning in a network of adjustable resistors on any graph.

    Inputs are voltages of sources. The outputs of a second, equal network are clamped a little nearer to their targets,
    and each edge compares the voltages over its two copies (Stern et al. 2021, equations 4 and 6):

    .. math:: V_C = V_F + \eta (V_T - V_F), \qquad \Delta w = \frac{\alpha}{2 \eta} [\Delta V_F^2 - \Delta V_C^2]

    With one output this is, for small clamps, the gradient of the squared error times the conductance that the output
    sees; with several, the error is weighed by the matrix of conductances between the outputs.

    Parameters
    ----------
    network : tuple of int
        Inputs, hidden nodes (of each layer, if edges are ``"layered"``), outputs.
    rate : float, units of w per V^2
        The rate alpha.
    clamp : float
        The fraction eta of the way to the target. More than 1 pulls outputs beyond it: against an ``offset`` of edges
        this is a larger signal.
    edges : str
        ``"layered"``, ``"complete"``, ``"lattice"``, ``"random:16"``, or pairs of nodes such as ``"0-3 1-3"``,
        counted through inputs, mirrored inputs, rails, hidden nodes and outputs; see ``resistors.edges_of``.
    law : {"linear", "transistor"}
        Whether ``w`` is a conductance or the overdrive of a square-law transistor in V; see ``ResistorNetwork``.
    rails : tuple of float, V
        Sources of constant voltage beside the inputs.
    mirrored : bool
        Whether a second source gives the negative of each input.
    volts, swing : float, V
        What 1 stands for at the inputs and at the outputs.
    lowest, highest : float
        Bounds of ``w``; initial values lie between, at random.
    offset : float, V^2
        Standard deviation of the error with which an edge compares squares; drawn once, it stays (Dillavou et al.
        2025).
    synapses : SynapseKind or str
        ``"potentiometer"`` for edges that follow the sign alone, by one tap.
    unit : float, S or S/V
        Conductance, or transconductance per V, that 1 stands for; it matters for energies only.
    settle_seconds : float, s
        How long both networks are driven for an example.

    Examples
    --------
    A divider learns to halve the voltage of its input:

    >>> rule = Coupled(network=(1, 1), edges="0-2 1-2", rails=(0.0,), rate=0.3)
    >>> for _ in range(200):
    ...     rule.learn(np.array([[1.0]]), np.array([[0.5]]))
    >>> rule.outputs(np.array([[1.0], [0.4]])).round(3).tolist()
    [[0.5], [0.2]]
    """

    network: tuple[int, ...] = (4, 6, 3)
    rate: float = 0.1
    clamp: float = 0.1
    edges: str = "layered"
    law: str = "linear"
    rails: tuple[float, ...] = (0.0, 1.0)
    mirrored: bool = False
    volts: float = 1.0
    swing: float = 1.0
    lowest: float = 0.01
    highest: float = 1.0
    offset: float = 0.0
    synapses: SynapseKind | str = "ideal"
    unit: float = 1e-4
    settle_seconds: float = 1e-6

    title: ClassVar[str] = "coupled learning in a network of adjustable resistors"
    source: ClassVar[str] = "Stern et al. 2021; Dillavou et al. 2022, 2024"

    def build(self) -> None:
        """Check the hyper-parameters and join the nodes by edges."""
        number("rate", self.rate, 0.0)
        number("clamp", self.clamp, 0.0, open_low=True)
        number("volts", self.volts, 0.0, open_low=True)
        number("swing", self.swing, 0.0, open_low=True)
        number("lowest", self.lowest, 0.0, open_low=True)
        number("highest", self.highest, self.lowest, open_low=True)
        number("offset", self.offset, 0.0)
        number("unit", self.unit, 0.0)
        number("settle_seconds", self.settle_seconds, 0.0)
        rails = self.rails if isinstance(self.rails, tuple | list) else (self.rails,)
        self._rails = np.array([number("rails", volts) for volts in rails])
        inputs, outputs = self.network[0], self.network[-1]
        sources = inputs * (2 if self.mirrored else 1) + len(self._rails)
        pairs = edges_of(self.edges, sources, self.network[1:-1], outputs, self.rng)
        nodes = sources + sum(self.network[1:])
        self.resistors = ResistorNetwork(nodes, pairs, self.law)
        self._sources = np.arange(sources)
        self._clamped = np.concatenate([self._sources, np.arange(nodes - outputs, nodes)])
        self.resistors.check(self._sources)
        first = self.rng.uniform(self.lowest, self.highest, (len(pairs), 1))
        self._edges = synapses_of(self.synapses).build(first, self.rng, signed=False, largest=self.highest)
        self._edges.cost = self.cost
        self._offsets = self.offset * self.rng.standard_normal(len(pairs))

    @property
    def w(self) -> Array:
        """Conductances or overdrives of the edges, shape (edges,)."""
        return np.asarray(self._edges.weights[:, 0])

    def learn(self, x: Array, t: Array) -> None:
        """Learn examples in their order, ``batch`` at a time."""
        x, t = np.asarray(x, np.float64), np.asarray(t, np.float64)
        for start in range(0, len(x), self.batch):
            part = slice(start, start + self.batch)
            w = self.w
            free, clamped = self.settle(w, x[part], t[part])
            squares = self.resistors.drops(free) ** 2 - self.resistors.drops(clamped) ** 2
            change = self.rate / (2.0 * self.clamp) * (squares.mean(axis=0) + self._offsets)
            after = np.clip(w + change, self.lowest, self.highest)
            self._edges.change((after - w)[:, None])

    def settle(self, w: Array, x: Array, t: Array) -> tuple[Array, Array]:
        """Return node voltages of the free and of the clamped network, shape (samples, nodes), V."""
        volts = self._drive(x)
        free = self.resistors.solve(w, self._sources, volts)
        out = free[:, -self.network[-1] :]
        ends = np.hstack([volts, out + self.clamp * (self.swing * t - out)])
        clamped = self.resistors.solve(w, self._clamped, ends, start=free)
        self._count("free settlings", w, free)
        self._count("clamped settlings", w, clamped)
        return free, clamped

    def outputs(self, x: Array) -> Array:
        """Return the voltages of the outputs of the free network over ``swing``, shape (samples, outputs)."""
        w = self.w
        free = self.resistors.solve(w, self._sources, self._drive(np.asarray(x, np.float64)))
        self._count("free settlings", w, free)
        return free[:, -self.network[-1] :] / self.swing

    def arrays(self) -> dict[str, Array]:
        """Return edges, random state and cost; the graph and the offsets follow from the hyper-parameters."""
        return {**super().arrays(), **{f"edges.{k}": a for k, a in self._edges.arrays().items()}}

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a stored state."""
        super().restore(arrays)
        self._edges.restore(part(arrays, "edges."))

    def _drive(self, x: Array) -> Array:
        """Return the voltages of all sources, shape (samples, sources), V."""
        if x.ndim != 2 or x.shape[1] != self.network[0]:
            raise UsageError(f"inputs have the shape {x.shape}", expected=f"(samples, {self.network[0]})")
        driven = [self.volts * x, *([-self.volts * x] if self.mirrored else [])]
        return np.hstack([*driven, np.broadcast_to(self._rails, (len(x), len(self._rails)))])

    def _count(self, kind: str, w: Array, volts: Array) -> None:
        watts = self.unit * float(np.sum(self.resistors.currents(w, volts) * self.resistors.drops(volts)))
        self.cost.add(kind, len(volts), len(volts) * self.settle_seconds, watts * self.settle_seconds)


EXPORT = Coupled
