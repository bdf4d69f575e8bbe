"""Reads of an array that each find other conductances."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar._lines import Lines
from circuitnn.crossbar.bias import Bias
from circuitnn.crossbar.linear import LinearArray
from circuitnn.crossbar.lines import line_model
from circuitnn.crossbar.solution import SolveInfo
from circuitnn.crossbar.stored import Stored
from circuitnn.crossbar.wires import Wires
from circuitnn.nonidealities.chain import Chain
from circuitnn.nonidealities.sites import Sites
from circuitnn.results.memory import core_count

Array = NDArray[np.float64]
_CELLS = 2**22  # conductances held at a time


@dataclass(frozen=True, eq=False)
class Reads:
    """Conductances between reads, and what reads make of them.

    Parameters
    ----------
    G : ndarray, shape (rows, cols), S
    wires : Wires
    chain : Chain
        Of which the effects on reads act here.
    sites : Sites
        Of the cells.
    first : int
        Number of the read that the first vector of a batch makes.
    """

    G: Array
    wires: Wires
    chain: Chain
    sites: Sites
    first: int = 0

    def at(self, number: int) -> Array:
        """Return the conductances that a read finds, S."""
        return self.chain.read(self.G, number, self.sites)

    def _array(self, k: int) -> LinearArray:
        return LinearArray(Stored(self.at(self.first + k)), self.wires, single=False)

    def currents(self, bias: Bias, tolerance: float) -> tuple[Array, SolveInfo]:
        """Return the currents (batch, cols) out of the bit lines, each vector a read, and how the last was found."""
        lines = line_model(self.G, self.wires) if bias.plain and len(bias) > 1 else None
        if lines is not None:
            return self._by_lines(lines, bias, tolerance)
        found = [self._array(k).currents(bias[k : k + 1], tolerance) for k in range(len(bias))]
        return np.concatenate([currents for currents, _ in found]), found[-1][1]

    def _by_lines(self, lines: Lines, bias: Bias, tolerance: float) -> tuple[Array, SolveInfo]:
        """All reads in one call a few at a time, spread over the cores; each is solved by one thread."""
        count, found = max(1, _CELLS // self.G.size), []
        scale = float(bias.scale.max())
        for start in range(0, len(bias), count):
            part = bias.v[start : start + count]
            arrays = np.array([self.at(self.first + start + k) for k in range(len(part))])
            drive = np.ascontiguousarray(part[:, None] / scale)
            currents, failed = lines.solve_arrays(arrays, drive, tolerance, core_count())
            currents *= scale
            for k in np.flatnonzero(failed).tolist():  # shorts and the like: another method
                currents[k] = self._array(start + k).currents(bias[start + k : start + k + 1], tolerance)[0]
            found.append(currents[:, 0])
        return np.concatenate(found), SolveInfo("lines", "reads of one array", 2 * self.G.size, 0.0)

    def _inside(self, bias: Bias, tolerance: float) -> tuple[Array, Array, Array]:
        parts = [self._array(k).inside(bias[k : k + 1], tolerance) for k in range(len(bias))]
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))  # type: ignore[return-value]
