"""Equilibrium propagation in crossbars whose lines have resistance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.learning.resistive.wired_training import WiredTraining
from circuitnn.learning.resistive.wires import WiredRelaxation
from circuitnn.learning.rule import part
from circuitnn.learning.rules.equilibrium import Equilibrium
from circuitnn.learning.settings import number, whole
from circuitnn.learning.synapses.ideal import Ideal

Array = NDArray[Any]


@dataclass(kw_only=True, eq=False)
class WiredEquilibrium(Equilibrium):
    """The rule ``equilibrium`` where each crossbar is one of cells and wires.

    The update stays local: a cell takes the difference of the squares of its own voltages, wires or no wires
    (Kendall et al. 2020: the derivative of the co-content by a conductance is half its squared voltage in any network).
    Settling is that of ``WiredRelaxation``, gradients those of ``WiredTraining``.

    Parameters
    ----------
    r_wire : float, ohm
        Resistance of a segment of all lines; ``siemens`` says what it stands beside.
    tile : int
        Rows of a tile, 0: all on one bit line.

    The other hyper-parameters are those of ``Equilibrium``; nudges are exact ones to both sides, arithmetic is double,
    and ``sweeps``, ``precision`` and ``threads`` do not matter.

    Notes
    -----
    Power, for energies, is that of the cells at the same node voltages without wires, which is a little more.

    Examples
    --------
    >>> rule = WiredEquilibrium(network=(2, 8, 2), gain=4.0, beta=0.05, rates=(0.02,), r_wire=1e3, seed=1)
    >>> x, t = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.eye(2)[[0, 1, 1, 0]]
    >>> for _ in range(400):
    ...     rule.learn(x, t)
    >>> rule.outputs(x).argmax(axis=1).tolist()
    [0, 1, 1, 0]
    """

    title = "equilibrium propagation in crossbars whose lines have resistance"

    r_wire: float = 1.0
    tile: int = 0

    def build(self) -> None:
        """Make the network, its synapses and its lines."""
        if self.sides != "centred" or self.nudging != "exact":
            raise UsageError(
                f"nudges {self.nudging!r}, {self.sides!r} with wires", expected="'exact', 'centred'", names=["nudging"]
            )
        r = number("r_wire", self.r_wire, 0.0)
        tile = whole("tile", self.tile, 0) or None
        super().build()
        if self.held is None:
            largest = self.g_max if np.isfinite(self.g_max) else 1.0
            self.held = [Ideal().build(g, self.rng, signed=False, largest=largest) for g in self.resistive.conductances]
        r *= self.siemens  # in units of what a conductance of 1 is
        self.wired = WiredTraining(self.resistive, r_word=r, r_bit=r, tile=tile)
        self.settled = WiredRelaxation(self.resistive, r_word=r, r_bit=r, tile=tile)
        self._read()

    def _read(self) -> None:
        super()._read()
        if hasattr(self, "settled"):
            self.settled.load()

    def _step(self, x: Array, t: Array, rates: tuple[float, ...], bias_rates: tuple[float, ...]) -> None:
        conductances, currents, _ = self.wired.gradient(x, t, self.beta)
        for k, (g, rate) in enumerate(zip(self.resistive.conductances, rates, strict=True)):
            wanted = np.clip(g - rate * conductances[k], self.g_min, self.g_max)
            conductances[k] = (g - wanted) / rate if rate else np.zeros_like(g)
        self._pulse(conductances, currents, rates, bias_rates)

    def outputs(self, x: Array) -> Array:
        """Return the outputs of the free equilibrium, shape (samples, outputs)."""
        return self.resistive.outputs(self.settled.solve(x)[-1])

    def arrays(self) -> dict[str, Array]:
        """Return the state, with what gradients carry along."""
        return super().arrays() | {f"wired.{name}": value for name, value in self.wired.arrays().items()}

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a stored state."""
        super().restore(arrays)
        self.wired.restore(part(arrays, "wired."))


EXPORT = WiredEquilibrium
