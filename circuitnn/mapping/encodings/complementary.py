"""Complementary pairs (2T2R): binary weights, one cell of two on and the other off.

Hirtzlin et al., "Digital biologically plausible implementation of binarized neural networks with differential hafnium
oxide resistive memory arrays", Front. Neurosci. 13 (2020) 1383: a weight of +1 or -1 is which of the two cells
conducts, so an error needs both to be wrong. The magnitude of an output's weights is left to logic: their mean, the
best scale of signs in least squares (Rastegari et al., "XNOR-Net", ECCV 2016, eq. 6).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.mapping.encodings.encoding import Encoding, pairs

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Complementary(Encoding):
    """Two bit lines an output; a weight is its sign times the mean magnitude of its output, zero counts as positive.

    Examples
    --------
    >>> Complementary().conductances(np.array([[1.0, -0.5]]), 1.0, 1e-6, 1e-4).tolist()
    [[0.0001, 1e-06, 1e-06, 0.0001]]
    >>> Complementary().represented(np.array([[1.0, -0.5]]), 1.0).tolist()
    [[1.0, -0.5]]
    """

    def lines(self, outputs: int) -> int:
        """Return two lines an output."""
        return 2 * outputs

    def outputs(self, lines: int) -> int:
        """Return half the lines."""
        return lines // 2

    def conductances(self, weights: Array, largest: float, g_min: float, g_max: float) -> Array:
        """Return the cells, shape (inputs, 2 * outputs), S."""
        positive = weights >= 0.0
        cells = np.empty((weights.shape[0], 2 * weights.shape[1]))
        cells[:, 0::2] = np.where(positive, g_max, g_min)
        cells[:, 1::2] = np.where(positive, g_min, g_max)
        return cells

    def gains(self, weights: Array, largest: float) -> Array:
        """Return the mean magnitude of each output's weights over the largest of all."""
        return np.asarray(np.abs(weights).mean(axis=0) / (largest or 1.0))

    def analogue(self, outputs: int) -> Any:
        """Return the differences of the pairs."""
        return pairs(outputs)

    def scale(self, largest: float, g_min: float, g_max: float) -> float:
        """Return the weight of one siemens of difference."""
        return (largest or 1.0) / (g_max - g_min)


EXPORT = Complementary
