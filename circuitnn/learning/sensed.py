"""Arrays of pairs of which sense amplifiers read one binary weight each, and logic that adds up."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.learning.arrays import SynapseArray
from circuitnn.learning.cost import Cost
from circuitnn.learning.settings import number
from circuitnn.learning.synapses.synapse import Synapses
from circuitnn.mapping.cost.technology import Technology

Array = NDArray[Any]


class SensedArray(SynapseArray):
    """Products by digital sums: row after row, all pairs of a row are sensed at once and their bits go to adders.

    The sense amplifier takes the weight and, for binary inputs, multiplies it on the way (XNOR; Bocquet et al., IEDM
    2018); adders count. In a transposed product the sums run along a row. No converters, no currents that add up.

    Parameters
    ----------
    synapses : Synapses
        Those of binary weights.
    sense_energy : float, J
        Of a precharge and a decision of one sense amplifier.
    sense_time : float, s
        Of one row.
    cost : Cost, optional
        To which work is added: ``"sensed bits"`` and ``"additions"``, those of ``Technology().add_energy``.

    Examples
    --------
    >>> from circuitnn.learning.synapses.weak_reset import WeakReset
    >>> pairs = WeakReset().build(np.array([[1.0, -1.0], [1.0, 1.0]]), np.random.default_rng(0))
    >>> array = SensedArray(pairs)
    >>> array.forward(np.array([[1.0, -1.0]])).tolist(), array.cost.count("sensed bits")
    ([[0.0, -2.0]], 4.0)
    """

    def __init__(
        self,
        synapses: Synapses,
        *,
        sense_energy: float = 30e-15,
        sense_time: float = 10e-9,
        cost: Cost | None = None,
    ) -> None:
        super().__init__(synapses, cost=cost)
        self._energy = number("sense_energy", sense_energy, 0.0)
        self._time = number("sense_time", sense_time, 0.0)
        self._add = Technology().add_energy

    def forward(self, x: Array) -> Array:
        """Return ``x @ W``, shape (batch, outputs)."""
        self._sensed(len(x))
        return np.asarray(x @ self.synapses.weights)

    def backward(self, d: Array) -> Array:
        """Return ``d @ W.T``, shape (batch, inputs)."""
        self._sensed(len(d))
        return np.asarray(d @ self.synapses.weights.T)

    def _sensed(self, reads: int) -> None:
        rows, columns = self.shape
        bits = reads * rows * columns
        self.cost.add("sensed bits", bits, reads * rows * self._time, bits * self._energy)
        self.cost.add("additions", bits, 0.0, bits * self._add)
