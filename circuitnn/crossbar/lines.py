"""Crossbars by exact solutions along lines and a coarse grid: time and memory in proportion to the number of cells."""

from __future__ import annotations

import os
import time
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar._lines import Lines
from circuitnn.crossbar.assembly import Wires
from circuitnn.crossbar.direct import physical_memory
from circuitnn.crossbar.solution import SolveInfo
from circuitnn.errors import CircuitnnError, CrossbarError
from circuitnn.units import format_si

Array = NDArray[np.float64]
_ALONE = 128 * 128  # cells below which a second thread costs more than it gives


class SlowConvergenceError(CircuitnnError):
    """The cycles converge too slowly for the accuracy asked for; another method is needed."""


class LineSolver:
    """Line factors and coarse grid of one array with resistive word and bit lines.

    Notes
    -----
    One cycle solves all bit lines, then all word lines, exactly, and corrects on a coarse grid. An error that is left
    after the line solutions is smooth in both directions as long as wires are small beside the cells, so that a cycle
    reduces it a hundredfold. On isolated shorts and patterns of long range cycles are slow; conjugate gradients with a
    cycle as preconditioner take over. Accepted is a solution when the
    imbalance of every bit line's currents, and the rest of the geometric series of changes from cycle to cycle, are
    within the tolerance of each current (of a thousandth of the largest one for smaller currents).
    """

    def __init__(self, G: Array, wires: Wires) -> None:
        self._G, self._wires = G, wires
        needed = 40.0 * G.size  # conductances, node voltages and factors of both directions
        if needed > physical_memory():
            raise CrossbarError(
                f"a crossbar of {G.shape[0]} x {G.shape[1]} does not fit in memory: "
                f"it needs {format_si(needed, 'B', 3)}",
                hint="split it into tiles",
            )
        start = time.perf_counter()
        self._lines = self._factor(G, wires.r_word, wires.g_in, wires.r_bit, wires.g_out)
        self._seconds = time.perf_counter() - start
        self._cycles, self._steps, self._defect = 0, 0, 0.0

    @staticmethod
    def _factor(G: Array, r_along: float, g_in: float, r_across: float, g_out: float) -> Lines:
        threads = 1 if G.size < _ALONE else len(os.sched_getaffinity(0))
        return Lines(np.ascontiguousarray(G), 1.0 / r_along, g_in, 0.0, 1.0 / r_across, 0.0, g_out, threads)

    @cached_property
    def _adjoint(self) -> Lines:
        """The array seen from the feet of its bit lines: reciprocal, so that T transposed is its transfer matrix."""
        wires = self._wires
        return self._factor(self._G[::-1, ::-1].T, wires.r_bit, wires.g_out, wires.r_word, wires.g_in)

    def info(self) -> SolveInfo:
        """Return how it was solved."""
        reason = f"{self._cycles} cycles converged slowly" if self._steps else ""
        method, cycles = ("conjugate gradients", self._steps) if self._steps else ("lines", self._cycles)
        return SolveInfo(method, reason, 2 * self._G.size, self._seconds, cycles, self._defect)

    def currents(self, drive: Array, tolerance: float) -> Array:
        """Return the currents (batch, cols) for source voltages (batch, rows)."""
        currents = np.empty((len(drive), self._G.shape[1]))
        for k, v in enumerate(np.ascontiguousarray(drive)):
            currents[k] = self._solve(self._lines, v, tolerance)
        return currents

    def voltages(self, drive: Array, tolerance: float) -> tuple[Array, Array]:
        """Return word and bit node voltages, each (batch, rows, cols)."""
        word, bit = np.empty((2, len(drive), *self._G.shape))
        for k, v in enumerate(np.ascontiguousarray(drive)):
            scale = float(np.abs(v).max()) or 1.0
            self._solve(self._lines, v, tolerance)
            word[k], bit[k] = (scale * nodes for nodes in self._lines.nodes())
        return word, bit

    def transfer(self, tolerance: float) -> Array:
        """Return T (rows, cols) from unit sources on the side that has fewer lines."""
        rows, cols = self._G.shape
        if rows <= cols:
            return np.stack([self._solve(self._lines, unit, tolerance) for unit in np.eye(rows)])
        feet = np.stack([self._solve(self._adjoint, unit, tolerance) for unit in np.eye(cols)])
        return np.ascontiguousarray(feet[::-1, ::-1].T)

    def _solve(self, lines: Lines, v: Array, tolerance: float) -> Array:
        # Rounding stops the cycles at about 1e-16 times the unknowns of a line; unit voltages keep away from underflow.
        scale = float(np.abs(v).max()) or 1.0
        currents, cycles, steps, defect, converged = lines.solve(v / scale, tolerance)
        if not converged:
            raise SlowConvergenceError(f"{steps} steps left an imbalance of {defect:.1e}")
        self._cycles, self._steps, self._defect = cycles, steps, defect
        found: Array = currents * scale
        return found
