"""Crossbars by exact solutions along lines and a coarse grid: time and memory in proportion to the number of cells."""

from __future__ import annotations

import time

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar._lines import Lines
from circuitnn.crossbar.bias import Bias
from circuitnn.crossbar.checks import require_finite
from circuitnn.crossbar.solution import SolveInfo
from circuitnn.crossbar.stored import Stored, thread_count
from circuitnn.crossbar.wires import Wires
from circuitnn.errors import CircuitnnError, CrossbarError
from circuitnn.results.memory import core_count, physical_memory
from circuitnn.units import format_si

Array = NDArray[np.float64]
_MANY = 4  # vectors from which eight at a time are faster
_SHARED = 16 * 128  # numbers of a batch from which a second thread pays


class SlowConvergenceError(CircuitnnError):
    """The cycles converge too slowly for the accuracy asked for; another method is needed."""


class LineSolver:
    """Line factors and coarse grid of one array with resistive word and bit lines.

    Parameters
    ----------
    cells : Stored
    wires : Wires
        Neither side ideal.
    single : bool
        Store cells, voltages and factors as float32: half the memory and traffic; currents are then right to about
        1e-7 of the sum of the absolute cell currents of a column. Wires given by segment are stored as float64.

    Notes
    -----
    One cycle solves all bit lines, then all word lines, exactly, and corrects on a coarse grid. An error that is left
    after the line solutions is smooth in both directions as long as wires are small beside the cells, so that a cycle
    reduces it a hundredfold. On isolated shorts and patterns of long range cycles are slow; conjugate gradients with a
    cycle as preconditioner take over. Accepted is a solution when the
    imbalance of every bit line's currents, and the rest of the geometric series of changes from cycle to cycle, are
    within the tolerance of each current (of a thousandth of the largest one for smaller currents).
    """

    def __init__(self, cells: Stored, wires: Wires, *, single: bool = False) -> None:
        self.shape, self._wires = cells.G.shape, wires
        self._by_segment = not (wires.word.uniform and wires.bit.uniform)
        # node voltages and factors of both directions; by segment also its conductances, pivots and currents
        needed = (80.0 if self._by_segment else 20.0 if single else 32.0) * cells.G.size
        if needed + cells.padded.nbytes > physical_memory():
            raise CrossbarError(
                f"a crossbar of {self.shape[0]} x {self.shape[1]} does not fit in memory: "
                f"it needs {format_si(needed, 'B', 3)}",
                hint="split it into tiles",
            )
        start = time.perf_counter()
        self._lines = Lines(
            cells.padded,
            *self.shape,
            cells.mean,
            wires.word.conductances,
            wires.bit.conductances,
            single,
            thread_count(cells.G.size),
        )
        self._seconds = time.perf_counter() - start
        self._cycles, self._steps, self._defect = 0, 0, 0.0

    def info(self) -> SolveInfo:
        """Return how it was solved."""
        reason = f"wires on both sides; {self._lines.grids} grids"
        if self._steps:
            reason = f"{self._cycles} cycles over {self._lines.grids} grids converged slowly"
        method, cycles = ("conjugate gradients", self._steps) if self._steps else ("lines", self._cycles)
        return SolveInfo(method, reason, 2 * self.shape[0] * self.shape[1], self._seconds, cycles, self._defect)

    def currents(self, bias: Bias, tolerance: float) -> Array:
        """Return the currents (batch, cols) out of the bit lines."""
        if len(bias) >= _MANY and not (bias.i_word.any() or bias.i_bit.any()):
            many = self._many(bias.v, bias.v_bit, tolerance)
            if many is not None:
                return many[0]
        currents = np.empty((len(bias), self.shape[1]))
        for k, scale in enumerate(bias.scale.tolist()):
            currents[k] = scale * self._solve(bias, k, scale, tolerance)
        return currents

    def voltages(self, bias: Bias, tolerance: float) -> tuple[Array, Array]:
        """Return word and bit node voltages, each (batch, rows, cols)."""
        word, bit = np.empty((2, len(bias), *self.shape))
        for k, scale in enumerate(bias.scale.tolist()):
            self._solve(bias, k, scale, tolerance)
            word[k], bit[k] = (scale * nodes for nodes in self._lines.nodes())
        return word, bit

    def transfer(self, tolerance: float) -> Array:
        """Return T (rows, cols) from unit voltages on the side that has fewer lines; the array is reciprocal."""
        rows, cols = self.shape
        forward = rows <= cols
        unit = np.eye(min(rows, cols))
        zero = np.zeros((len(unit), max(rows, cols)))
        many = self._many(unit, zero, tolerance) if forward else self._many(zero, unit, tolerance)
        if many is not None:
            return many[0] if forward else np.ascontiguousarray(-many[1].T)
        transfer = np.empty((rows, cols))
        for k, ones in enumerate(unit):
            if forward:
                self._lines.drive(ones, zero[k], None)
                transfer[k] = self._finish(tolerance)
            else:
                self._lines.drive(zero[k], ones, None)
                self._finish(tolerance)
                transfer[:, k] = -self._lines.word_currents()
        return transfer

    def terminals(self, bias: Bias, tolerance: float) -> tuple[Array, Array]:
        """Return the currents out of the bit lines and into the word lines, (batch, cols) and (batch, rows)."""
        many = self._many(bias.v, bias.v_bit, tolerance)
        if many is not None:
            return many
        out, into = np.empty((len(bias), self.shape[1])), np.empty((len(bias), self.shape[0]))
        for k, scale in enumerate(bias.scale.tolist()):
            out[k] = scale * self._solve(bias, k, scale, tolerance)
            into[k] = scale * self._lines.word_currents()
        return out, into

    def _many(self, v: Array, v_bit: Array, tolerance: float) -> tuple[Array, Array] | None:
        """Return currents out of the bit and into the word lines, eight vectors at a time, or None where that fails."""
        largest = max(float(np.abs(v).max()), float(np.abs(v_bit).max())) or 1.0
        threads = core_count() if v.size >= _SHARED else 1
        scaled = (np.ascontiguousarray(x / largest) for x in (v, v_bit))
        found = self._lines.solve_many(*scaled, tolerance, threads)
        if found is None:
            return None
        require_finite(found[0])
        return largest * found[0], largest * found[1]

    def _solve(self, bias: Bias, k: int, scale: float, tolerance: float) -> Array:
        """Return the currents for vector k over ``scale``: unit voltages keep away from underflow."""
        feeds = self._wires.feeds(bias.i_word[k], bias.i_bit[k])
        scaled = None if feeds is None else tuple(i / scale for i in feeds)
        self._lines.drive(bias.v[k] / scale, bias.v_bit[k] / scale, scaled)
        return self._finish(tolerance)

    def _finish(self, tolerance: float) -> Array:
        currents, cycles, steps, defect, converged = self._lines.solve(tolerance)
        require_finite(currents)
        if not converged:
            raise SlowConvergenceError(f"{steps} steps left an imbalance of {defect:.1e}")
        self._cycles, self._steps, self._defect = cycles, steps, defect
        found: Array = currents
        return found


def injected(G: Array, wires: Wires, cells: NDArray[np.intp], tolerance: float) -> tuple[Array, Array, Array]:
    """Return what one ampere, fed into a cell's word node and out of its bit node, does at zero drive.

    Parameters
    ----------
    cells : ndarray, shape (k, 2)
        Row and column of each cell; one solution for each.

    Returns
    -------
    word, bit : ndarray, shape (k, rows) and (k, cols)
        Currents out of the word lines and out of the bit lines.
    across : ndarray, shape (k, k), V
        Voltages of all these cells.

    Raises
    ------
    SlowConvergenceError
    """
    stored = Stored(G)
    rows, cols = G.shape
    # Conductances by segment make general lines, which take a current at any node.
    sides = []
    for side, count, segments in ((wires.word, rows, cols - 1), (wires.bit, cols, rows - 1)):
        g = np.broadcast_to(side.g_segment[:, None] if side.uniform else side.g_segment, (count, segments))
        sides.append((np.array(g), side.g_low, side.g_high))
    lines = Lines(stored.padded, rows, cols, stored.mean, *sides, False, thread_count(G.size))
    lines.drive(np.zeros(rows), np.zeros(cols), None)
    word, bit, across = np.empty((len(cells), rows)), np.empty((len(cells), cols)), np.empty((len(cells), len(cells)))
    for k, (row, column) in enumerate(cells.tolist()):
        lines.inject(row, column, -1.0)
        bit[k], _, steps, defect, converged = lines.solve(tolerance)
        if not converged:
            raise SlowConvergenceError(f"{steps} steps left an imbalance of {defect:.1e}")
        word[k] = -lines.word_currents()
        u, v = lines.nodes()
        across[k] = (u - v)[tuple(cells.T)]
        lines.inject(row, column, 0.0)
    return word, bit, across


def line_model(G: Array, wires: Wires) -> Lines | None:
    """Return the factored lines of an array for others with the same wires, or None where these are not plain lines."""
    sides = wires.word, wires.bit
    if any(side.ideal or not side.uniform for side in sides):
        return None
    stored = Stored(G)
    return Lines(stored.padded, *G.shape, stored.mean, wires.word.conductances, wires.bit.conductances)
