"""Gradients of networks with wires while their conductances move from minibatch to minibatch."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.learning.resistive.network import ResistiveNetwork
from circuitnn.learning.resistive.wires import WiredRelaxation

Array = NDArray[np.float64]

_TOLERANCE = 1e-8  # of currents, where a gradient is wanted
_LONGEST = 1024  # gradients between two looks


class WiredTraining:
    """Gradients nearly at the price of networks without wires.

    Bit lines of the first crossbar are solved exactly for every gradient. Its word lines are short and their drop is
    small; what it does to the currents at the ports is taken from a full reduction of the crossbar, as the difference
    to bit lines alone, until conductances have moved too far. Crossbars behind the first are small and are reduced
    every time.

    Parameters
    ----------
    network : ResistiveNetwork
        Its conductances and currents may change from call to call.
    r_word, r_bit, tile
        As of ``WiredRelaxation``.
    allowed : float
        How far what is taken from a reduction may be off at the next one: of the currents for a volt at each source,
        relative to the largest one. Reductions come twice as often when it was more, and half as often when it was less
        than a quarter.

    Attributes
    ----------
    missed : float
        By how much it was off at the last reduction.
    reductions : int

    Notes
    -----
    With ideal word lines the products of a cell's voltages in both phases, summed over examples, are linear in sums
    over examples: with d the difference of the phases at the nodes, m their mean, s the share of a volt at the end of
    bit line j that arrives at cell (i, j), and V the voltage at (i, j) of bit lines driven with X = sum x d and ended
    at sum m d,

        sum of (dV+)^2 - (dV-)^2 = -2 s_ij (X_ij - V_ij),

    one solution of the lines instead of two for each example. The gradient so lacks how a cell's current lowers the
    voltages of its own word line, a part of the size of that drop; ``WiredRelaxation.gradient`` has everything.

    Examples
    --------
    >>> network = ResistiveNetwork(sizes=(1, 1), conductances=[[[3e-3], [1e-3]]])
    >>> x, t = [[1.0]], [[0.0]]
    >>> wires = {"r_word": 0.0, "r_bit": 50.0}
    >>> quick = WiredTraining(network, **wires).gradient(x, t, 1e-4)[0][0]
    >>> exact = WiredRelaxation(network, **wires).gradient(x, t, 1e-4)[0][0]
    >>> bool(np.allclose(quick, exact, rtol=1e-9))
    True
    """

    def __init__(
        self,
        network: ResistiveNetwork,
        *,
        r_word: float,
        r_bit: float,
        tile: int | None = None,
        allowed: float = 1e-4,
    ) -> None:
        self.network, self.missed, self.reductions = network, 0.0, 0
        self._solver = WiredRelaxation(network, r_word=r_word, r_bit=r_bit, tile=tile, tolerance=_TOLERANCE)
        self._ideal_words, self._allowed = r_word == 0.0, allowed
        self._every, self._left = 32, 0
        rows, nodes = network.conductances[0].shape
        self._more, self._between = np.zeros((rows, nodes)), np.zeros((nodes, nodes))

    def gradient(self, x: ArrayLike, target: ArrayLike, beta: float) -> tuple[list[Array], list[Array], Array]:
        """Return what ``WiredRelaxation.gradient`` does."""
        network, solver = self.network, self._solver
        solver.load()
        sources = solver.sources(x)
        wanted = solver.targets(target, beta, len(sources))
        lines = solver.lines(0)
        share = lines.shares()
        self._look(lines.g * share, lines.y_bit)
        drive = sources @ (lines.g * share + self._more)
        own = np.diag(lines.y_bit) + self._between
        plus = solver.settle(drive, own, wanted, beta)
        minus = solver.settle(drive, own, wanted, -beta, plus)
        by_g, by_i = [], []
        for layer, m in enumerate(network.amplifiers):
            weight = network.amplification ** (2 * m) / (2.0 * beta * len(sources))
            difference = plus[layer] - minus[layer]
            if layer == 0:
                ends = 0.5 * (difference * (plus[0] + minus[0])).sum(axis=0)
                total = -share * lines.across(sources.T @ difference, ends)
            else:
                mean, change = solver.across(layer, plus, minus)
                total = mean.products(change)
            by_g.append(np.empty_like(total))
            by_g[layer][network.places(layer)] = weight * total
            by_i.append(-weight * difference.sum(axis=0))
        return by_g, by_i, 0.5 * (plus[-1] + minus[-1])

    def arrays(self) -> dict[str, Array]:
        """Return what is carried from gradient to gradient, for checkpoints."""
        counters = np.array([self._every, self._left, self.reductions, self.missed])
        return {"counters": counters, "more": self._more, "between": self._between}

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over what ``arrays`` gave."""
        every, left, reductions, self.missed = map(float, arrays["counters"])
        self._every, self._left, self.reductions = int(every), int(left), int(reductions)
        self._more, self._between = np.array(arrays["more"]), np.array(arrays["between"])

    def _look(self, plain: Array, own: Array) -> None:
        """Compare with a full reduction when that is due; ``plain`` and ``own`` are the ports without word wires."""
        if self._ideal_words or self._left > 0:
            self._left -= 1
            return
        exact = self._solver.ports(0)
        self.missed = float(np.abs(plain + self._more - exact.T).max() / exact.T.max())
        if self.reductions:
            if self.missed > self._allowed:
                self._every = max(1, self._every // 2)
            elif self.missed < 0.25 * self._allowed:
                self._every = min(_LONGEST, 2 * self._every)
        self._more = exact.T - plain
        self._between = exact.Y - np.diag(own)
        self._left = self._every - 1
        self.reductions += 1
