"""Programming with the whole array solved at every step of every pulse: for small arrays, and to check the fast one."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from circuitnn.crossbar.schemes import bias_for, read_tied
from circuitnn.crossbar.writing import Pulse, write_biased
from circuitnn.mapping.programming.engine import Array, Engine, Index


class ExactEngine(Engine):
    """Every pulse a transient of the array with its wires, every verification a solution of it."""

    def batches(self) -> Iterator[Index]:
        """Yield one cell after the other, in the order of the plan."""
        numbers = np.arange(self.rows * self.cols).reshape(self.rows, self.cols)
        for number in (numbers if self.plan.order == "rows" else numbers.T).ravel():
            yield np.array([number])

    def read(self, cells: Index) -> Array:
        """Return the currents of cells, read one after the other, A, (n,)."""
        found, verify = [], self.plan.verify
        for cell in cells.tolist():
            bias = bias_for("grounded", self.xb.shape, divmod(cell, self.cols), verify.voltage)
            result = read_tied(self.xb, bias, verify.gate)
            self.energy.reads += float(result.power.total) * verify.time
            found.append(float(result.sensed[0]))
        return np.array(found)

    def pulse(self, cells: Index, level: Index) -> None:
        """Apply a pulse to each of some cells, one after the other; levels (n,)."""
        for cell, number in zip(cells.tolist(), level.tolist(), strict=True):
            train, amplitude, (rise, width, fall) = self.levels[number]
            bias = bias_for(self.plan.scheme, self.xb.shape, divmod(cell, self.cols), amplitude)
            pulse, gate = Pulse(amplitude, width, rise, fall), self.plan.trains[train].gate
            spent = write_biased(self.xb, bias.lifted(self.lift(amplitude)), pulse, gate=gate).energy
            self.energy.selected += spent.selected
            self.energy.half_selected += spent.half_selected
            self.energy.unselected += spent.unselected
            self.energy.wires += spent.word + spent.bit
