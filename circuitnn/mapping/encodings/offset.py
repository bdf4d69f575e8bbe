"""An offset column: weights around the middle of the range, whose current one reference line gives to all of a tile.

    G = (g_min + g_max) / 2 + (g_max - g_min) / 2 * w / w_max

Half the cells of differential pairs, at the price of a current that flows also where weights are zero.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from circuitnn.mapping.encodings.encoding import Encoding

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Offset(Encoding):
    """A bit line an output, and one more, the last of each tile, whose cells stand for zero and which is subtracted.

    Examples
    --------
    >>> Offset().conductances(np.array([[1.0, -0.5]]), 1.0, 0.0, 1e-4).round(9).tolist()
    [[0.0001, 2.5e-05, 5e-05]]
    """

    def lines(self, outputs: int) -> int:
        """Return one line an output and the reference."""
        return outputs + 1

    def outputs(self, lines: int) -> int:
        """Return all lines but the reference."""
        return lines - 1

    def conductances(self, weights: Array, largest: float, g_min: float, g_max: float) -> Array:
        """Return the cells, shape (inputs, outputs + 1), S."""
        share = np.pad(weights / (largest or 1.0), ((0, 0), (0, 1)))
        return 0.5 * (g_min + g_max) + 0.5 * (g_max - g_min) * share

    def analogue(self, outputs: int) -> Any:
        """Return each line less the reference."""
        return sp.vstack([sp.identity(outputs, format="csr"), np.full((1, outputs), -1.0)], format="csr")

    def scale(self, largest: float, g_min: float, g_max: float) -> float:
        """Return the weight of one siemens above the reference."""
        return 2.0 * (largest or 1.0) / (g_max - g_min)


EXPORT = Offset
