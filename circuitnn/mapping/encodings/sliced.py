"""Bit slices: a quantised weight as digits, each on a pair of cells of few levels of its own.

    |w| / w_max (2^(bits - 1) - 1) = sum_s d_s 2^(s cell_bits),     G = g_min + (g_max - g_min) d_s / (2^cell_bits - 1)

Each slice has its own converter, and logic adds slices times their powers of two, as in Shafiee et al., "ISAAC",
ISCA 2016, with pairs for signs in place of its bias.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.mapping.encodings.encoding import Encoding, pairs, whole

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Sliced(Encoding):
    """Weights of ``bits`` bits with their sign, ``cell_bits`` of the magnitude on each pair.

    Parameters
    ----------
    bits : int
        2 to 16.
    cell_bits : int
        1 to 8: a cell has ``2^cell_bits`` levels.

    Raises
    ------
    UsageError
        When a number is out of range.

    Examples
    --------
    >>> coding = Sliced(bits=4, cell_bits=1)
    >>> coding.conductances(np.array([[-5 / 7]]), 1.0, 0.0, 1.0).tolist()       # 5 is 101 in binary
    [[0.0, 1.0, 0.0, 0.0, 0.0, 1.0]]
    >>> coding.represented(np.array([[-0.7]]), 1.0).round(6).tolist()
    [[-0.714286]]
    """

    bits: int = 8
    cell_bits: int = 2

    def __post_init__(self) -> None:
        object.__setattr__(self, "bits", whole("bits", self.bits, 2, 16))
        object.__setattr__(self, "cell_bits", whole("cell_bits", self.cell_bits, 1, 8))
        if self.cell_bits > self.bits - 1:
            raise UsageError(
                f"cell_bits is {self.cell_bits}, more than the {self.bits - 1} of a magnitude",
                expected="bits - 1 or less",
            )

    @property
    def slices(self) -> int:
        """Pairs a weight."""
        return -(-(self.bits - 1) // self.cell_bits)

    def lines(self, outputs: int) -> int:
        """Return two lines a slice."""
        return 2 * self.slices * outputs

    def outputs(self, lines: int) -> int:
        """Return how many outputs have all their slices on one tile."""
        return lines // (2 * self.slices)

    def conductances(self, weights: Array, largest: float, g_min: float, g_max: float) -> Array:
        """Return the cells, shape (inputs, 2 * slices * outputs), S; the least significant slice of an output first."""
        whole_ = np.rint(weights / (largest or 1.0) * (2 ** (self.bits - 1) - 1)).astype(np.int64)
        top = 2**self.cell_bits - 1
        cells = np.empty((*weights.shape, self.slices, 2))
        for s in range(self.slices):
            digit = (np.abs(whole_) >> (s * self.cell_bits)) & top
            cells[:, :, s, 0] = g_min + (g_max - g_min) * np.where(whole_ > 0, digit, 0) / top
            cells[:, :, s, 1] = g_min + (g_max - g_min) * np.where(whole_ < 0, digit, 0) / top
        return cells.reshape(weights.shape[0], -1)

    def analogue(self, outputs: int) -> Any:
        """Return the difference of every pair."""
        return pairs(self.slices * outputs)

    def digital(self, outputs: int) -> Any:
        """Return the powers of two of the slices."""
        powers = 2.0 ** (self.cell_bits * np.arange(self.slices))
        return sp.kron(sp.identity(outputs), powers[:, None], format="csr")

    def scale(self, largest: float, g_min: float, g_max: float) -> float:
        """Return the weight of one siemens in the least significant slice."""
        return (2**self.cell_bits - 1) * (largest or 1.0) / ((2 ** (self.bits - 1) - 1) * (g_max - g_min))


EXPORT = Sliced
