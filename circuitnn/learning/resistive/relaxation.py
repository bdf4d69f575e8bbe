"""The fast solver of layered resistive networks, and their training where they are solved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import AnalysisError, UsageError
from circuitnn.learning.resistive._relax import BLOCK, LAYERS, Kernel
from circuitnn.learning.resistive.network import Array, ResistiveNetwork

NUDGES = ("exact", "current", "cross-entropy")
SIDES = ("centred", "plus", "minus", "random")
_PRECISIONS = {"single": np.float32, "double": np.float64}
_LINE = 64  # bytes to which vectors' loads are aligned
_PORTION = 4096  # examples between looks at signals

Voltages = list[Array]


class Phases(NamedTuple):
    """States between which a gradient is taken.

    Parameters
    ----------
    free, plus, minus : list of ndarray (n, nodes)
        V, by layers. One of the last two is the free state where the nudge has one side.
    span : float
        S, from the nudge of `minus` to that of `plus`.
    """

    free: Voltages
    plus: Voltages
    minus: Voltages
    span: float


def _aligned(shape: tuple[int, ...], dtype: type) -> NDArray[np.floating]:
    """Return zeros at a cache line."""
    count = int(np.prod(shape)) * np.dtype(dtype).itemsize
    raw = np.zeros(count + _LINE, dtype=np.uint8)
    start = -raw.ctypes.data % _LINE
    found: NDArray[np.floating] = raw[start : start + count].view(dtype).reshape(shape)
    return found


class Relaxation:
    """A network in the fast solver (Scellier, ICML 2024, arXiv 2402.11674).

    With its neighbours fixed, a layer's nodes are independent and each has an exact solution; layers are swept
    alternately. A chain of amplifiers is the same network in other units: the voltages of layer l divided by
    A^(l - 1), its currents too.

    Parameters
    ----------
    network : ResistiveNetwork
        Its conductances and currents are copied; `load` takes them anew after a change from outside.
    batch : int
        Examples of a minibatch of `train`.
    precision : {"single", "double"}
        Of all numbers in the solver.
    threads : int
        Results do not depend on it.
    temperature : float
        V: outputs divided by it are what the cross-entropy takes the softmax of. With T it is T^2 times the
        cross-entropy that is minimised, whose nudging current is beta T (t - softmax(o / T)): as of a squared error,
        scaling all voltages leaves the path of training as it was.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> network = ResistiveNetwork(sizes=(1, 2, 1), conductances=[np.ones((2, 2)), np.ones((2, 1))])
    >>> hidden, outputs = Relaxation(network).solve([[0.5]])
    >>> outputs
    array([[0.]])
    """

    def __init__(
        self,
        network: ResistiveNetwork,
        *,
        batch: int = 4,
        precision: str = "double",
        threads: int = 1,
        temperature: float = 1.0,
    ) -> None:
        if precision not in _PRECISIONS:
            raise UsageError(f"there is no precision {precision!r}", expected=" or ".join(_PRECISIONS))
        if batch < 1 or threads < 1:
            raise UsageError(f"a batch of {batch} and {threads} threads", expected="at least 1 of each")
        if not 0.0 < temperature < np.inf:
            raise UsageError(f"the temperature is {temperature}", expected="a positive number of volts")
        if len(network.nodes) > LAYERS:
            raise UsageError(f"{len(network.nodes)} layers", expected=f"at most {LAYERS}")
        self.network = network
        self.batch = batch
        self._type = _PRECISIONS[precision]
        nodes, features = network.nodes, network.sizes[0]
        rooms = [-(-n // BLOCK) * BLOCK for n in nodes]
        self._first = _aligned((rooms[0] // BLOCK, features, 2, BLOCK), self._type)
        self._upper = [_aligned((n, room), self._type) for n, room in zip(nodes[1:], rooms, strict=False)]
        self._bias = [_aligned((room,), self._type) for room in rooms]
        #: Volts of a node for one in the solver, by layers.
        self._scales = [network.amplification**layer for layer in range(len(nodes))]
        lows: list[NDArray[np.floating]] = []
        highs: list[NDArray[np.floating]] = []
        for layer, room in enumerate(rooms[:-1]):
            low, high = network.limits(layer)
            for rows, values in ((lows, low), (highs, high)):
                rows.append(_aligned((room,), self._type))
                rows[-1][: len(values)] = values / self._scales[layer]
        self._kernel = Kernel(
            precision == "single",
            network.differential,
            0 if network.diodes == "ideal" else 2 if network.pairs else 1,
            batch,
            threads,
            network.gain,
            self._scales[-1],
            temperature,
            network.g_min,
            network.g_max,
            nodes,
            tuple(network.saturation / scale for scale in self._scales),
            tuple(network.thermal / scale for scale in self._scales),
            self._first,
            self._upper,
            self._bias,
            lows,
            highs,
        )
        self.load()

    def load(self) -> None:
        """Take conductances and currents from the network.

        Raises
        ------
        UsageError
            Where a conductance is negative or not finite, or a node has none.
        """
        network, nodes = self.network, self.network.nodes
        for layer, g in enumerate(network.conductances):
            if not (np.isfinite(g).all() and (g >= 0.0).all()):
                raise UsageError(f"conductances of layer {layer + 1} are not all finite and >= 0")
            total = g.sum(axis=0)
            if layer + 1 < len(nodes):
                total = total + network.conductances[layer + 1].sum(axis=1)
            if not (total > 0.0).all():
                raise UsageError(f"node {int(total.argmin())} of layer {layer + 1} has no conductance")
        blocks = np.zeros((2, network.sizes[0], self._first.shape[0] * BLOCK), dtype=self._type)
        blocks[:, :, : nodes[0]] = network.conductances[0].reshape(2, network.sizes[0], nodes[0])
        self._first[:] = blocks.reshape(2, network.sizes[0], -1, BLOCK).transpose(2, 1, 0, 3)
        for to, g in zip(self._upper, network.conductances[1:], strict=True):
            to[:, : g.shape[0]] = g.T
        for to, current, scale in zip(self._bias, network.currents, self._scales, strict=True):
            to[: len(current)] = current / scale

    def store(self) -> None:
        """Give conductances and currents to the network."""
        network, nodes = self.network, self.network.nodes
        blocks = self._first.transpose(2, 1, 0, 3).reshape(2 * network.sizes[0], -1)
        found = [blocks[:, : nodes[0]], *(g[:, :n].T for g, n in zip(self._upper, nodes, strict=False))]
        currents = [c[:n] * s for c, n, s in zip(self._bias, nodes, self._scales, strict=True)]
        network.conductances = [np.array(g, dtype=np.float64, order="C") for g in found]
        network.currents = [np.array(c, dtype=np.float64) for c in currents]

    def _rows(self, given: ArrayLike, columns: int, what: str) -> NDArray[np.floating]:
        rows = np.ascontiguousarray(given, dtype=self._type)
        if rows.ndim != 2 or rows.shape[1] != columns:
            raise UsageError(f"{what} have the shape {rows.shape}", expected=f"(examples, {columns})")
        if not np.isfinite(rows).all():
            raise UsageError(f"{what} are not all finite")
        return rows

    def solve(
        self,
        x: ArrayLike,
        target: ArrayLike | None = None,
        beta: float = 0.0,
        *,
        start: Voltages | None = None,
        nudging: str = "exact",
        sweeps: int = 1000,
        tolerance: float = 1e-10,
    ) -> Voltages:
        """Return the voltages of every layer in equilibrium.

        Parameters
        ----------
        x : array (n, features)
        target : array (n, outputs), optional
            V; of cross-entropy, probabilities.
        beta : float
            S, of the nudge; 0 is the free network.
        start : list of ndarray (n, nodes), optional
            V; of nudges by currents the free state, which sets the currents.
        nudging : {"exact", "current", "cross-entropy"}
            A conductance beta to a source at the target; the current beta (t - o) with o of the free state; the current
            beta T (t - softmax(o / T)).
        sweeps : int
            How many; with a tolerance at most that many.
        tolerance : float
            V, relative to the gain where that is above 1: the largest change of a voltage by a sweep. 0: always all
            sweeps.

        Returns
        -------
        list of ndarray (n, nodes)
            V.

        Raises
        ------
        ConvergenceError
            When the sweeps do not suffice, or a negative nudge leaves no stable state.
        UsageError

        Examples
        --------
        >>> network = ResistiveNetwork(sizes=(1, 1), conductances=[[[3.0], [1.0]]])
        >>> Relaxation(network).solve([[1.0]], [[1.0]], beta=4.0)
        [array([[0.75]])]
        """
        network = self.network
        rows = self._rows(x, network.sizes[0], "inputs")
        wanted = None
        if beta != 0.0:
            if target is None:
                raise UsageError("a nudge needs a target")
            wanted = self._rows(target, network.sizes[-1], "targets")
            if len(wanted) != len(rows):
                raise UsageError(f"{len(rows)} inputs have {len(wanted)} targets")
            if nudging != "exact" and start is None:
                raise UsageError(f"nudging {nudging!r} starts at the free state", hint="give it as start")
        if nudging not in NUDGES:
            raise UsageError(f"there is no nudging {nudging!r}", expected=", ".join(NUDGES))
        voltages = [np.zeros((len(rows), n), dtype=self._type) for n in network.nodes]
        for layer, given in enumerate(start or []):
            voltages[layer][:] = given / self._scales[layer]
        if len(rows):
            allowed = tolerance * max(1.0, network.gain)
            self._kernel.solve(rows, wanted, voltages, NUDGES.index(nudging), beta, sweeps, allowed, start is not None)
        found = [v.astype(np.float64) * scale for v, scale in zip(voltages, self._scales, strict=True)]
        if not all(np.isfinite(v).all() for v in found):
            raise AnalysisError("voltages are not finite")
        return found

    def phases(
        self,
        x: ArrayLike,
        target: ArrayLike,
        beta: float,
        *,
        sides: str = "centred",
        nudging: str = "exact",
        sweeps: int = 1000,
        tolerance: float = 1e-10,
    ) -> Phases:
        """Return the free state and the nudged ones, which start there.

        Parameters
        ----------
        x, target, beta, nudging, sweeps, tolerance
            As of `solve`.
        sides : {"centred", "plus", "minus"}
            Both nudges, +beta alone or -beta alone beside the free state.

        Examples
        --------
        >>> network = ResistiveNetwork(sizes=(1, 1), conductances=[[[3.0], [1.0]]])
        >>> found = Relaxation(network).phases([[1.0]], [[1.0]], beta=1.0)
        >>> float(found.plus[0][0, 0]), found.span
        (0.6, 2.0)
        """
        if sides not in SIDES[:3]:
            raise UsageError(f"there are no sides {sides!r}", expected=", ".join(SIDES[:3]))
        free = self.solve(x, sweeps=sweeps, tolerance=tolerance)

        def nudged(by: float) -> Voltages:
            return self.solve(x, target, by, start=free, nudging=nudging, sweeps=sweeps, tolerance=tolerance)

        plus = free if sides == "minus" else nudged(beta)
        minus = free if sides == "plus" else nudged(-beta)
        return Phases(free, plus, minus, beta * (2.0 if sides == "centred" else 1.0))

    def gradient(self, x: ArrayLike, phases: Phases) -> tuple[list[Array], list[Array]]:
        """Return the mean gradients of the loss with respect to conductances and to bias currents.

        From voltage differences alone: with m amplifiers between a conductance and the outputs,
        A^(2m) [(dV+)^2 - (dV-)^2] / (2 span); of a bias -A^(2m) (V+ - V-) / span (Kendall et al. 2020; centred:
        Laborieux et al. 2021). The loss is sum (o - t)^2 / 2, or T^2 times the cross-entropy of o / T, in the limit of
        a small nudge.

        Parameters
        ----------
        x : array (n, features)
        phases : Phases

        Returns
        -------
        list of ndarray, list of ndarray
            Shaped as `conductances` and `currents` of the network.

        Examples
        --------
        >>> network = ResistiveNetwork(sizes=(1, 1), conductances=[[[3.0], [1.0]]])
        >>> solver = Relaxation(network)
        >>> conductances, _ = solver.gradient([[1.0]], solver.phases([[1.0]], [[1.0]], beta=1e-4))
        >>> conductances[0].round(4)
        array([[-0.0625],
               [ 0.1875]])
        """
        network = self.network
        rows = np.asarray(x, dtype=np.float64) * network.gain
        signed = np.concatenate([rows, -rows], axis=1)
        lower = [(signed, signed)]
        lower += [
            (p * network.amplification, m * network.amplification)
            for p, m in zip(phases.plus, phases.minus, strict=True)
        ]
        conductances, currents = [], []
        for (up, down), plus, minus, m in zip(lower, phases.plus, phases.minus, network.amplifiers, strict=False):
            by = network.amplification ** (2 * m) / (2.0 * phases.span * len(rows))
            # (u - v)^2 of both phases by products: no array over examples and conductances
            own = (up**2 - down**2).sum(axis=0)[:, None] + (plus**2 - minus**2).sum(axis=0)
            conductances.append(by * (own - 2.0 * (up.T @ plus - down.T @ minus)))
            currents.append(-2.0 * by * (plus - minus).sum(axis=0))
        return conductances, currents

    def train(
        self,
        x: ArrayLike,
        target: ArrayLike,
        beta: float,
        rates: Sequence[float],
        *,
        bias_rates: Sequence[float] | None = None,
        sides: str = "centred",
        nudging: str = "exact",
        sweeps: int = 4,
        seed: int = 0,
        minibatch: int = 0,
        store: bool = True,
    ) -> None:
        """Train on examples in order, minibatch after minibatch.

        G <- clip(G - rate dC/dG, g_min, g_max) with the gradient of `gradient`.

        Parameters
        ----------
        x, target, beta, nudging
            As of `solve`.
        rates, bias_rates : sequence of float
            By layers; of biases those of the conductances when not given.
        sides : {"centred", "plus", "minus", "random"}
            Random: one of plus and minus for each minibatch.
        sweeps : int
            Of each phase.
        seed, minibatch : int
            Of random sides, and how many minibatches there were before.
        store : bool
            Give the new conductances to the network; else `store` does that later.

        Raises
        ------
        ConvergenceError
            When a negative nudge leaves no stable state.
        AnalysisError
            When conductances leave the finite numbers, or all those of a node fall to 0.
        UsageError

        Examples
        --------
        >>> network = ResistiveNetwork(sizes=(1, 1), conductances=[[[3.0], [1.0]]])
        >>> Relaxation(network, batch=1).train([[1.0]], [[1.0]], beta=1e-3, rates=[0.1])
        >>> network.conductances[0].round(5)
        array([[3.00625],
               [0.98125]])
        """
        network = self.network
        layers = len(network.nodes)
        given = tuple(rates if bias_rates is None else bias_rates)
        for what, values in (("rates", tuple(rates)), ("bias rates", given)):
            if len(values) != layers or not np.isfinite(values).all():
                raise UsageError(f"{what} are {values}", expected=f"{layers} finite numbers")
        if nudging not in NUDGES:
            raise UsageError(f"there is no nudging {nudging!r}", expected=", ".join(NUDGES))
        if sides not in SIDES:
            raise UsageError(f"there are no sides {sides!r}", expected=", ".join(SIDES))
        if not 0.0 < beta < np.inf or sweeps < 1:
            raise UsageError(f"beta is {beta} with {sweeps} sweeps", expected="a positive beta, sweeps >= 1")
        inputs, targets = np.asarray(x), np.asarray(target)
        if len(inputs) != len(targets):
            raise UsageError(f"{len(inputs)} inputs have {len(targets)} targets")
        # in the solver's units the loss is A^(2 (layers - 1)) times less
        amplification = network.amplification
        scaled = tuple(rate * amplification ** (2 * (layers - 1)) for rate in rates)
        bias_scaled = tuple(rate * amplification ** (2 * m) for rate, m in zip(given, network.amplifiers, strict=True))
        portion = -(-_PORTION // self.batch) * self.batch
        for first in range(0, len(inputs), portion):
            rows = self._rows(inputs[first : first + portion], network.sizes[0], "inputs")
            wanted = self._rows(targets[first : first + portion], network.sizes[-1], "targets")
            self._kernel.train(
                rows,
                wanted,
                NUDGES.index(nudging),
                SIDES.index(sides),
                sweeps,
                beta,
                scaled,
                bias_scaled,
                seed,
                minibatch + first // self.batch,
            )
        if store:
            self.store()
