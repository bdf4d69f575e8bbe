"""Differential pairs: one cell for the positive and one for the negative part of a weight.

    G_plus  = g_min + (g_max - g_min) max(w, 0) / w_max
    G_minus = g_min + (g_max - g_min) max(-w, 0) / w_max

The cell that carries no weight stays at ``g_min``, which gives the least current and so the least voltage drop along
the wires.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.mapping.encodings.encoding import Encoding, pairs

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Differential(Encoding):
    """Two neighbouring bit lines an output: 2j holds ``G_plus``, 2j + 1 ``G_minus``, and sense amplifiers subtract.

    Examples
    --------
    >>> Differential().conductances(np.array([[1.0, -0.5]]), 1.0, 0.0, 1e-4).tolist()
    [[0.0001, 0.0, 0.0, 5e-05]]
    """

    def lines(self, outputs: int) -> int:
        """Return two lines an output."""
        return 2 * outputs

    def outputs(self, lines: int) -> int:
        """Return half the lines."""
        return lines // 2

    def conductances(self, weights: Array, largest: float, g_min: float, g_max: float) -> Array:
        """Return the cells, shape (inputs, 2 * outputs), S."""
        share = weights / (largest or 1.0)
        cells = np.empty((weights.shape[0], 2 * weights.shape[1]))
        cells[:, 0::2] = g_min + (g_max - g_min) * np.maximum(share, 0.0)
        cells[:, 1::2] = g_min + (g_max - g_min) * np.maximum(-share, 0.0)
        return cells

    def analogue(self, outputs: int) -> Any:
        """Return the differences of the pairs."""
        return pairs(outputs)

    def scale(self, largest: float, g_min: float, g_max: float) -> float:
        """Return the weight of one siemens of difference."""
        return (largest or 1.0) / (g_max - g_min)


EXPORT = Differential
