"""Conductances with which the circuit, its wires included, computes the matrix that ideal wires would give.

A read-out ``A`` (bit lines, outputs) says what the periphery makes of the bit lines' currents: +1 and -1 for a
differential pair. Cells ``G`` of an encoding mean the matrix ``D = G A``; with wires the circuit computes ``T(G) A``, T
the transfer matrix. Wanted are other cells H within the device's range with

    T(H) A = s D

and one gain s, by which the digital side divides: cells far from the drivers and the sense circuits must conduct more
than their targets, and s makes room for that below ``g_max``.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from circuitnn.crossbar.checks import real, stored_conductances
from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.errors import MappingError
from circuitnn.mapping.compensation.fidelity import relative_errors

Array = NDArray[np.float64]
_STEPS = 60  # transfer matrices at most; the published cases end after 3 to 20
_SEARCH = 20  # of them, while the gain is looked for
_PATIENCE = 4  # steps without a better error after which cells are at the ends of their range
_ROOM = 1e-9  # of the range; a cell that is nearer to its end has no room
_FILLS = 8  # of a step's distribution over an output's cells


@dataclass(frozen=True, eq=False)
class Compensation:
    """Cells for an array with wires.

    Attributes
    ----------
    G : ndarray, shape (rows, cols), S
        Cells to program.
    gain : float
        The circuit's matrix is ``gain`` times the wanted one.
    error : float
        What is left: ``|T(G) A - gain D| / |gain D|``, rows weighted by the root of their energies.
    before, before_scaled : float
        The same of the cells as they were given, without a gain and with the best one.
    saturated : float
        Share of cells at the upper end of the range.
    steps : int
        Transfer matrices that it took.
    """

    G: Array
    gain: float
    error: float
    before: float
    before_scaled: float
    saturated: float
    steps: int

    @property
    def recovered(self) -> float:
        """Share of the error without compensation, but with the best gain, that is gone."""
        return 1.0 - self.error / self.before_scaled if self.before_scaled > 0.0 else 1.0


def compensate(
    G: ArrayLike,
    readout: Any,
    r_word: ArrayLike,
    r_bit: ArrayLike,
    *,
    window: tuple[float, float],
    energy: ArrayLike | None = None,
    gain: float | None = None,
    tolerance: float = 1e-3,
    start: ArrayLike | None = None,
    **ends: Any,
) -> Compensation:
    """Return cells with which the array with its wires computes what ``G`` computes without.

    Parameters
    ----------
    G : array_like, shape (rows, cols), S
        Cells for ideal wires, within the window.
    readout : array_like or sparse, shape (cols, outputs)
        What outputs are made of: each a sum of bit-line currents times these numbers.
    r_word, r_bit, **ends
        Wires and ends, as of ``Crossbar``.
    window : (float, float), S
        Range of conductance of a cell.
    energy : array_like, shape (rows,), optional
        Mean square of each input, by which errors count; all alike when not given.
    gain : float, optional
        Gain of the circuit, at most 1; the largest one with which the error stays within the tolerance when not given.
    tolerance : float
        Relative error that is good enough.
    start : array_like, shape (rows, cols), S, optional
        Cells to begin with, such as those of an earlier compensation; ``G`` when not given.

    Returns
    -------
    Compensation
        ``error`` is above the tolerance where the range is too small for the gain that was asked for.

    Raises
    ------
    MappingError
        When cells lie outside the window, shapes do not fit together, or numbers are not finite or out of range.
    CrossbarError
        For wires that ``Crossbar`` refuses.

    Notes
    -----
    Newton's method with the diagonal of the Jacobian: ``dT_ij / dG_ij`` is taken as ``T_ij / G_ij``, what reaches a
    cell of its source's voltage and the sense circuit of its current, and all other derivatives, by which a cell takes
    voltage from the others, as zero; so a step costs one transfer matrix. A step is shared out over an output's cells
    as in the simultaneous algebraic reconstruction technique (A. H. Andersen, A. C. Kak, Ultrasonic Imaging 6, 81,
    1984), cells being lowered before others are raised, so that currents stay as small as possible. The error falls by
    a constant factor a step as long as cells have room.

    Examples
    --------
    >>> pair = [[1.0], [-1.0]]
    >>> found = compensate([[1e-4, 1e-6]], pair, 100.0, 100.0, window=(1e-6, 1e-4))
    >>> wired = Crossbar(found.G, 100.0, 100.0).transfer_matrix() @ pair
    >>> bool(abs(wired[0, 0] / (found.gain * 99e-6) - 1.0) < 1e-3), 0.95 < found.gain < 1.0
    (True, True)
    """
    task = _Task(G, readout, window, energy, tolerance, lambda cells: Crossbar(cells, r_word, r_bit, **ends))
    if gain is not None and not 0.0 < gain <= 1.0:
        raise MappingError(f"gain is {gain!r}", expected="above 0, at most 1", names=["gain"])
    product = task.read(task.transfer(task.given))
    before, before_scaled = task.errors(product)
    begin = task.given if start is None else task.cells(start)
    cells, error, reached = task.given, before, 1.0 if gain is None else float(gain)
    if gain is None and before > tolerance:
        cells, reached = _find_gain(task, begin)
        cells, error = _hold(task, cells, reached)
        while error > tolerance and task.steps < _STEPS:  # the linear model promised too much
            reached *= 0.95
            cells, error = _hold(task, cells, reached)
    elif gain is not None:
        cells, error = _hold(task, begin, reached)
    saturated = float((cells >= task.high * (1.0 - _ROOM)).mean())
    return Compensation(cells, reached, error, before, before_scaled, saturated, task.steps)


def _find_gain(task: _Task, cells: Array) -> tuple[Array, float]:
    """Return the largest gain that leaves every cell room, and cells on the way there."""
    gain = 1.0
    for _ in range(_SEARCH):
        transfer = task.transfer(cells)
        share = task.attenuation(transfer, cells)
        largest = task.largest_gain(transfer, cells, share)
        if abs(largest / gain - 1.0) < 0.01:
            return cells, min(gain, largest)
        # Less gain means less current and so more reach: halfway on a scale of ratios the two do not chase each other.
        gain = float(np.sqrt(gain * largest))
        cells = task.step(cells, share, gain * task.wanted - task.read(transfer))
    return cells, gain


def _hold(task: _Task, cells: Array, gain: float) -> tuple[Array, float]:
    """Return the best cells for a gain, and their error."""
    best, least, worse = cells, np.inf, 0
    while worse < _PATIENCE and least > task.tolerance and task.steps < _STEPS:
        transfer = task.transfer(cells)
        product = task.read(transfer)
        error = task.error(product, gain)
        worse = 0 if error < 0.9 * least else worse + 1
        if error < least:
            best, least = cells, error
        cells = task.step(cells, task.attenuation(transfer, cells), gain * task.wanted - product)
    return best, least


class _Task:
    """What is wanted, and the linear model of one step."""

    def __init__(
        self,
        G: ArrayLike,
        readout: Any,
        window: tuple[float, float],
        energy: ArrayLike | None,
        tolerance: float,
        make: Callable[[Array], Crossbar],
    ) -> None:
        self._make, self.tolerance, self.steps = make, tolerance, 0
        self.low, self.high = window
        if not 0.0 <= self.low < self.high < np.inf:
            raise MappingError(f"window is {window!r}", expected="0 <= g_min < g_max, S, finite", names=["window"])
        self.given = self.cells(G)
        rows, cols = self.given.shape
        if not 0.0 < tolerance < 1.0:
            raise MappingError(f"tolerance is {tolerance!r}", expected="between 0 and 1", names=["tolerance"])
        self.readout = sp.csr_array(readout, dtype=np.float64)
        if self.readout.ndim != 2 or self.readout.shape[0] != cols or not np.isfinite(self.readout.data).all():
            raise MappingError(
                f"a read-out of shape {self.readout.shape} for {cols} bit lines", expected=f"finite, ({cols}, outputs)"
            )
        squares = np.ones(rows) if energy is None else real("energies", energy)
        if squares.shape != (rows,) or not (squares.min() >= 0.0 and 0.0 < squares.max() < np.inf):
            raise MappingError(
                f"energies of shape {squares.shape} for {rows} rows",
                expected=f"({rows},), mean squares of the inputs, finite, not all zero",
            )
        self._weight = np.sqrt(squares)
        # Of either sign: what raising a cell adds to, and takes from, each output.
        self._plus, self._minus = (
            sp.csr_array(abs(part)) for part in (self.readout.maximum(0), self.readout.minimum(0))
        )
        touch = np.asarray(abs(self.readout).sum(axis=1)).ravel()
        self._touch = np.where(touch > 0.0, touch, 1.0)  # of a cell, all outputs
        self._alone = (self.readout != 0).sum(axis=1) == 1
        self._near = _ROOM * (self.high - self.low)
        self.wanted = self.read(self.given)
        self._size = self._norm(self.wanted) or 1.0

    def cells(self, values: ArrayLike) -> Array:
        """Return conductances, all within the window."""
        cells = stored_conductances(values).G
        slack = 1e-9 * self.high
        if cells.min() < self.low - slack or cells.max() > self.high + slack:
            raise MappingError(
                f"cells from {cells.min():g} S to {cells.max():g} S",
                expected=f"within the window, {self.low:g} S to {self.high:g} S",
            )
        return cells

    def transfer(self, cells: Array) -> Array:
        """Return the transfer matrix of cells, and count it."""
        self.steps += 1
        return self._make(cells).transfer_matrix()

    def _norm(self, matrix: Array) -> float:
        weighted = self._weight[:, None] * matrix
        return float(np.sqrt((weighted * weighted).sum()))

    def read(self, bit_lines: Array) -> Array:
        """Return what the read-out makes of currents (rows, cols)."""
        return np.asarray(bit_lines @ self.readout)

    def error(self, product: Array, gain: float) -> float:
        """Return the relative error of a circuit's matrix."""
        return self._norm(product - gain * self.wanted) / (gain * self._size)

    def errors(self, product: Array) -> tuple[float, float]:
        """Return the relative error of a circuit's matrix as it is, and after the gain that makes it least."""
        return relative_errors(product, self.wanted, self._weight)

    def attenuation(self, transfer: Array, cells: Array) -> Array:
        """Return an estimate of ``dT_ij / dG_ij``: ``T_ij / G_ij``; of lines where a cell hardly conducts."""
        total = cells.sum() or 1.0
        by_row = transfer.sum(axis=1) / np.maximum(cells.sum(axis=1), 1e-300)
        by_col = transfer.sum(axis=0) / np.maximum(cells.sum(axis=0), 1e-300)
        smooth = np.outer(by_row, by_col) / max(transfer.sum() / total, 1e-300)
        firm = cells > 1e-3 * self.high
        share = np.where(firm, transfer / np.where(firm, cells, 1.0), smooth)
        return np.clip(share, 0.02, 1.0)

    def largest_gain(self, transfer: Array, cells: Array, share: Array) -> float:
        """Return the largest gain at which cells within the window give the matrix to the tolerance (linear model)."""
        alone = share * self._alone  # what moves a line of several outputs for one moves it for the others too
        up, down = transfer + alone * (self.high - cells), transfer + alone * (self.low - cells)
        reach = np.where(self.wanted > 0.0, up @ self._plus - down @ self._minus, up @ self._minus - down @ self._plus)
        size = np.abs(self.wanted)

        def missing(gain: float) -> float:
            return self._norm(np.maximum(gain * size - np.maximum(reach, 0.0), 0.0)) / (gain * self._size)

        enough = 0.5 * self.tolerance
        if missing(1.0) <= enough:
            return 1.0
        low, high = 1e-6, 1.0
        while high / low > 1.002:
            middle = float(np.sqrt(low * high))
            low, high = (middle, high) if missing(middle) <= enough else (low, middle)
        return low

    def step(self, cells: Array, share: Array, missing: Array) -> Array:
        """Return cells that add ``missing`` (rows, outputs) to the matrix, as far as the window lets them."""
        for down in (True, False):
            gives, takes = (self._minus, self._plus) if down else (self._plus, self._minus)
            for _ in range(_FILLS):
                room = (cells > self.low + self._near) if down else (cells < self.high - self._near)
                free = share * room
                change = room * (
                    _over(np.maximum(missing, 0.0), free @ gives) @ gives.T
                    + _over(np.maximum(-missing, 0.0), free @ takes) @ takes.T
                )
                moved = np.clip(cells + (-change if down else change) / self._touch, self.low, self.high)
                missing = missing - self.read(share * (moved - cells))
                done = np.abs(moved - cells).max() <= self._near
                cells = moved
                if done:
                    break
        return cells


def _over(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.zeros_like(part), where=whole > 0.0)
