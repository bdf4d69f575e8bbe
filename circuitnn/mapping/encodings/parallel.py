"""Several devices a weight: equal differential pairs whose currents add, so that their errors average."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.mapping.encodings.differential import Differential
from circuitnn.mapping.encodings.encoding import Encoding, pairs, whole

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Parallel(Encoding):
    """``devices`` pairs an output, on neighbouring bit lines that end in one sense amplifier.

    Independent errors of the cells shrink by the square root of ``devices``; the array grows by ``devices``.

    Parameters
    ----------
    devices : int
        2 to 64.

    Raises
    ------
    UsageError
        When ``devices`` is out of range.

    Examples
    --------
    >>> Parallel(2).conductances(np.array([[-0.5]]), 1.0, 0.0, 1.0).tolist()
    [[0.0, 0.5, 0.0, 0.5]]
    """

    devices: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "devices", whole("devices", self.devices, 2, 64))

    def lines(self, outputs: int) -> int:
        """Return two lines a device."""
        return 2 * self.devices * outputs

    def outputs(self, lines: int) -> int:
        """Return how many outputs have all their devices on one tile."""
        return lines // (2 * self.devices)

    def conductances(self, weights: Array, largest: float, g_min: float, g_max: float) -> Array:
        """Return the cells, shape (inputs, 2 * devices * outputs), S."""
        return Differential().conductances(np.repeat(weights, self.devices, axis=1), largest, g_min, g_max)

    def analogue(self, outputs: int) -> Any:
        """Return the sum of an output's differences."""
        return pairs(outputs, self.devices)

    def scale(self, largest: float, g_min: float, g_max: float) -> float:
        """Return the weight of one siemens of the sum."""
        return (largest or 1.0) / (self.devices * (g_max - g_min))


EXPORT = Parallel
