"""Reads of an array of device cells that each find other currents."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar.bias import Bias
from circuitnn.crossbar.nonlinear import DeviceSolver
from circuitnn.crossbar.solution import SolveInfo
from circuitnn.crossbar.wires import Wires
from circuitnn.errors import CrossbarError
from circuitnn.nonidealities.chain import Chain
from circuitnn.nonidealities.sites import Sites

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class DeviceReads:
    """Device cells between reads, and what reads make of them.

    A read multiplies the current of each cell by what it makes of the cell's small-signal conductance at the voltages
    of the read.

    Parameters
    ----------
    solver : DeviceSolver
    chain : Chain
        Of which the effects on reads act here.
    sites : Sites
        Of the cells.
    first : int
        Number of the read that the first vector of a batch makes.
    """

    solver: DeviceSolver
    chain: Chain
    sites: Sites
    first: int = 0

    @property
    def wires(self) -> Wires:
        """The wires of the array."""
        return self.solver.wires

    def at(self, number: int) -> Array:
        """Refuse: what a read finds depends on its voltages."""
        raise CrossbarError(
            "a read of device cells depends on its voltages",
            expected=f"solve(v, first_read={number})",
            hint="linearised(v) is the crossbar of their small-signal conductances between reads",
        )

    def _read(self, bias: Bias, k: int, tolerance: float) -> tuple[DeviceSolver, Bias]:
        one = bias[k : k + 1]
        g = np.maximum(self.solver.at_ports(one, tolerance)[2][0], 0.0)
        found = self.chain.read(g, self.first + k, self.sites)
        gain = np.divide(found, g, out=np.ones_like(g), where=g > 0.0)
        solver = DeviceSolver(replace(self.solver.cells, gain=gain), self.solver.wires)
        solver.set_states(self.solver.states())
        return solver, one

    def currents(self, bias: Bias, tolerance: float) -> tuple[Array, SolveInfo]:
        """Return the currents (batch, cols) out of the bit lines, each vector a read, and how the last was found."""
        found = []
        for k in range(len(bias)):
            solver, one = self._read(bias, k, tolerance)
            found.append(solver.currents(one, tolerance))
        return np.concatenate([currents for currents, _ in found]), found[-1][1]

    def _inside(self, bias: Bias, tolerance: float) -> tuple[Array, Array, Array]:
        parts = []
        for k in range(len(bias)):
            solver, one = self._read(bias, k, tolerance)
            parts.append(solver.inside(one, tolerance))
        return tuple(np.concatenate(part) for part in zip(*parts, strict=True))  # type: ignore[return-value]
