"""Layered resistive networks: what they are made of, apart from how they are solved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError

Array = NDArray[np.float64]

DIODES = ("ideal", "exponential")


@dataclass(kw_only=True)
class ResistiveNetwork:
    """Layers of nodes joined by conductances, with diodes at hidden nodes (deep resistive network).

    Each input x is a pair of voltage sources, +gain x and -gain x; every source is joined to every node of the first
    layer, every node of a layer to every node of the next. A hidden node has a diode to a source: of the first half of
    a layer it keeps the voltage from falling below ``low``, of the second half from rising above ``high``; with
    ``pairs`` each node has both. Each node is fed a bias current. Between a hidden node and the next layer may stand a
    bidirectional amplifier: voltage times A forward, current divided by A backward. Outputs are linear.

    Equilibria minimise the co-content (Kendall et al. 2020, arXiv 2006.01981; Scellier 2024, arXiv 2402.11674).

    Parameters
    ----------
    sizes : tuple of int
        Features, hidden nodes of each layer, outputs. There are 2 sources a feature, and 2 nodes an output if
        differential.
    gain : float
        V, of an input of 1.
    diodes : {"ideal", "exponential"}
        Ideal ones hold the voltage exactly; exponential ones carry Is (exp(v / nVt) - 1), v from anode to cathode.
    low, high : float
        V, of the sources to which the diodes lead.
    pairs : bool
        Both diodes at every hidden node.
    saturation, thermal : float
        A and V: Is, and the emission coefficient times kT/q.
    amplification : float
        A; 1 is no amplifier.
    differential : bool
        An output is the difference of two nodes.
    g_min, g_max : float
        S, between which conductances stay.
    conductances : list of ndarray (2 features, nodes), (nodes, nodes), ...
        S; rows are the lower layer's nodes, of the first +x before -x. Zeros when not given: see `randomise`.
    currents : list of ndarray (nodes,)
        A, of biases; zeros when not given.

    Raises
    ------
    UsageError
        For sizes, values or shapes that make no network.

    Examples
    --------
    >>> network = ResistiveNetwork(sizes=(2, 4, 1), gain=1.0)
    >>> [g.shape for g in network.conductances]
    [(4, 4), (4, 1)]
    """

    sizes: tuple[int, ...]
    gain: float = 1.0
    diodes: str = "ideal"
    low: float = 0.0
    high: float = 0.0
    pairs: bool = False
    saturation: float = 1e-12
    thermal: float = 0.02585
    amplification: float = 1.0
    differential: bool = False
    g_min: float = 0.0
    g_max: float = float("inf")
    conductances: list[Array] = field(default_factory=list)
    currents: list[Array] = field(default_factory=list)

    def __post_init__(self) -> None:
        if len(self.sizes) < 2 or any(n < 1 for n in self.sizes):
            raise UsageError(
                f"sizes {self.sizes} are no network", expected="features, hidden nodes..., outputs; each >= 1"
            )
        if self.diodes not in DIODES:
            raise UsageError(f"there are no diodes {self.diodes!r}", expected=" or ".join(DIODES))
        for name in ("gain", "saturation", "thermal", "amplification"):
            if not 0.0 < getattr(self, name) < float("inf"):
                raise UsageError(f"{name} is {getattr(self, name)}", expected="a positive number")
        if not 0.0 <= self.g_min < self.g_max:
            raise UsageError(f"conductances cannot lie in {self.g_min} .. {self.g_max}", expected="0 <= g_min < g_max")
        if self.pairs and self.diodes == "ideal" and not self.low < self.high:
            raise UsageError(
                f"pairs of ideal diodes leave no voltage in {self.low} .. {self.high}", expected="low < high"
            )
        lower = (2 * self.sizes[0], *self.nodes[:-1])
        shapes = list(zip(lower, self.nodes, strict=True))
        self.conductances = self._filled(self.conductances, shapes, "conductances")
        self.currents = self._filled(self.currents, [(n,) for n in self.nodes], "currents")

    @staticmethod
    def _filled(given: list[Array], shapes: Sequence[tuple[int, ...]], what: str) -> list[Array]:
        if not given:
            return [np.zeros(shape) for shape in shapes]
        arrays = [np.array(array, dtype=np.float64) for array in given]
        if [array.shape for array in arrays] != shapes:
            raise UsageError(f"{what} have shapes {[a.shape for a in arrays]}", expected=str(shapes))
        return arrays

    @property
    def nodes(self) -> tuple[int, ...]:
        """Free nodes of each layer, hidden ones and the outputs.

        Examples
        --------
        >>> ResistiveNetwork(sizes=(2, 4, 3), differential=True).nodes
        (4, 6)
        """
        *hidden, outputs = self.sizes[1:]
        return (*hidden, outputs * (2 if self.differential else 1))

    @property
    def amplifiers(self) -> tuple[int, ...]:
        """Amplifiers between each layer of conductances and the outputs.

        Examples
        --------
        >>> ResistiveNetwork(sizes=(2, 4, 4, 3)).amplifiers
        (2, 1, 0)
        """
        return tuple(range(len(self.sizes) - 2, -1, -1))

    def limits(self, layer: int) -> tuple[Array, Array]:
        """Return the voltages between which the diodes of a hidden layer keep its nodes, counted from 0; V.

        Examples
        --------
        >>> ResistiveNetwork(sizes=(2, 2, 1)).limits(0)
        (array([  0., -inf]), array([inf,  0.]))
        """
        n = self.nodes[layer]
        low, high = np.full(n, float(self.low)), np.full(n, float(self.high))
        if not self.pairs:
            low[n // 2 :] = -np.inf
            high[: n // 2] = np.inf
        return low, high

    def places(self, layer: int) -> NDArray[np.intp]:
        """Return the rows of a layer's conductances in the order in which bit lines with wires pass them.

        The two sources of an input lie side by side: what is lost along a bit line then weakens both alike, while far
        apart they would leave a difference that no input has.

        Examples
        --------
        >>> ResistiveNetwork(sizes=(3, 2, 1)).places(0).tolist()
        [0, 3, 1, 4, 2, 5]
        """
        rows = np.arange(len(self.conductances[layer]))
        return rows.reshape(2, -1).T.ravel() if layer == 0 else rows

    def randomise(self, rng: np.random.Generator, largest: float = 1.0) -> None:
        """Set conductances to max(g_min, U(-1, 1) largest / sqrt(rows)), currents to 0 (Scellier 2024).

        Parameters
        ----------
        rng : numpy.random.Generator
        largest : float
            S.

        Examples
        --------
        >>> network = ResistiveNetwork(sizes=(2, 4, 1))
        >>> network.randomise(np.random.default_rng(0))
        >>> bool((network.conductances[0] > 0).any())
        True
        """
        for layer, g in enumerate(self.conductances):
            drawn = rng.uniform(-1.0, 1.0, g.shape) * largest / np.sqrt(g.shape[0])
            self.conductances[layer] = np.clip(drawn, self.g_min, self.g_max)
            self.currents[layer] = np.zeros(g.shape[1])

    def outputs(self, voltages: Array) -> Array:
        """Return the outputs (n, outputs) from voltages (n, nodes) of the last layer, V.

        Examples
        --------
        >>> ResistiveNetwork(sizes=(1, 1), differential=True).outputs(np.array([[3.0, 1.0]]))
        array([[2.]])
        """
        return voltages[:, 0::2] - voltages[:, 1::2] if self.differential else voltages

    def power(self, x: Array, voltages: Sequence[Array]) -> Array:
        """Return what all conductances dissipate, sum G dV^2, for each example; W.

        Parameters
        ----------
        x : ndarray (n, features)
        voltages : sequence of ndarray (n, nodes)
            V, of each layer.

        Examples
        --------
        >>> network = ResistiveNetwork(sizes=(1, 1), conductances=[[[3.0], [1.0]]])
        >>> network.power(np.array([[1.0]]), [np.array([[0.5]])])
        array([3.])
        """
        driven = self.gain * np.asarray(x, dtype=np.float64)
        lower = np.concatenate([driven, -driven], axis=1)
        total = np.zeros(len(lower))
        for g, upper in zip(self.conductances, voltages, strict=True):
            total += lower**2 @ g.sum(axis=1) + upper**2 @ g.sum(axis=0) - 2.0 * ((lower @ g) * upper).sum(axis=1)
            lower = self.amplification * upper
        return total
