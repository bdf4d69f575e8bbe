"""What a crossbar answers: currents at once, node voltages and powers when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar.bias import Bias
from circuitnn.crossbar.wires import Side

if TYPE_CHECKING:
    from circuitnn.crossbar.crossbar import Crossbar
    from circuitnn.crossbar.device_reads import DeviceReads
    from circuitnn.crossbar.reads import Reads

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SolveInfo:
    """How a crossbar was solved.

    Attributes
    ----------
    method : str
        ``"lines"``, ``"conjugate gradients"`` (of lines), ``"sparse direct"``, ``"transfer matrix"``,
        ``"newton over lines"`` or ``"ideal wires"``.
    reason : str
        Why by that method.
    unknowns : int
        Node voltages that are neither sources nor ground.
    setup_seconds : float
        Time of assembly and factorisation, spent once per crossbar.
    cycles : int
        Cycles of lines, or steps of conjugate gradients, for the last vector.
    defect : float
        Largest imbalance of a bit line's currents, relative to its current.
    """

    method: str
    reason: str
    unknowns: int
    setup_seconds: float
    cycles: int = 0
    defect: float = 0.0


@dataclass(frozen=True, slots=True)
class Power:
    """Powers, watts, of shape () or (batch,).

    Attributes
    ----------
    total : ndarray
        Delivered by the sources; the sum of the other three.
    cells : ndarray
        Dissipated in the cells.
    word : ndarray
        Dissipated in the word lines and source resistances.
    bit : ndarray
        Dissipated in the bit lines and sense resistances.
    """

    total: Array
    cells: Array
    word: Array
    bit: Array


class CrossbarSolution:
    """Currents, voltages and powers of a driven crossbar.

    Attributes
    ----------
    currents : ndarray, shape (cols,) or (batch, cols), A
        Out of each bit line into its sense circuit, all ends together.
    info : SolveInfo
        Method, size and time.
    """

    def __init__(
        self, crossbar: Crossbar | Reads | DeviceReads, bias: Bias, currents: Array, info: SolveInfo, tolerance: float
    ) -> None:
        self._crossbar = crossbar
        self._bias = bias
        self._tolerance = tolerance
        self.currents = currents
        self.info = info

    def __repr__(self) -> str:
        return f"<CrossbarSolution: currents of shape {self.currents.shape}, {self.info.method}>"

    @cached_property
    def _inside(self) -> tuple[Array, Array, Array]:
        """Word and bit node voltages and the cells' currents, each (batch, rows, cols)."""
        return self._crossbar._inside(self._bias, self._tolerance)

    def _shaped(self, batch: Array) -> Array:
        return batch[0] if self._bias.single else batch

    @property
    def v(self) -> Array:
        """Source voltages, shape (rows,) or (batch, rows), V."""
        return self._shaped(self._bias.v)

    @property
    def v_word(self) -> Array:
        """Word-line node voltages, shape (..., rows, cols), V."""
        return self._shaped(self._inside[0])

    @property
    def v_bit(self) -> Array:
        """Bit-line node voltages, shape (..., rows, cols), V."""
        return self._shaped(self._inside[1])

    @property
    def cell_currents(self) -> Array:
        """Currents from word to bit line through each cell, shape (..., rows, cols), A."""
        return self._shaped(self._inside[2])

    @property
    def word_currents(self) -> Array:
        """Currents into the word lines from their sources, all ends together, shape (..., rows), A."""
        return np.asarray(self.cell_currents.sum(axis=-1))

    @cached_property
    def power(self) -> Power:
        """Powers in watts.

        Segment currents are sums of cell currents, not differences of nearly equal voltages over small resistances.
        """
        bias, wires = self._bias, self._crossbar.wires
        v_word, v_bit, cell = self._inside
        word = side_power(wires.word, cell, v_word, bias.v, bias.i_word)
        # Seen from the bit lines, the cells' currents flow the other way.
        bit = side_power(wires.bit, -cell.swapaxes(1, 2), v_bit.swapaxes(1, 2), bias.v_bit, bias.i_bit)
        cells = (cell * (v_word - v_bit)).sum(axis=(1, 2))
        total = word.delivered + bit.delivered
        return Power(*(np.asarray(self._shaped(p)) for p in (total, cells, word.lost, bit.lost)))


@dataclass(frozen=True, slots=True)
class SidePower:
    """What the terminals of a side's lines deliver and what the lines dissipate, each (batch,), W."""

    delivered: Array
    lost: Array


def side_power(side: Side, leaving: Array, nodes: Array, v: Array, fed: Array) -> SidePower:
    """Return what the terminals of a side's lines deliver and what the lines dissipate, each (batch,).

    leaving, nodes: (batch, lines, cells), amperes into the cells and node voltages; v, fed: (batch, lines).
    """
    low, high = (share * fed for share in side.shares)
    total = leaving.sum(axis=2)
    with np.errstate(invalid="ignore"):
        at_low = side.g_low * (v - nodes[:, :, 0])
    one_end = np.isinf(side.low) | np.isinf(side.high)
    # What enters at one end alone is what leaves through the cells; so is the sum over both ends.
    at_low = np.where(np.isinf(side.low), 0.0, np.where(one_end | side.ideal, total - fed, at_low))
    if side.ideal:
        at_low = at_low * np.where(one_end, 1.0, 0.5)
    at_high = np.where(np.isinf(side.high), 0.0, total - fed - at_low)
    along = (at_low + low)[:, :, None] - np.cumsum(leaving, axis=2)[:, :, :-1]
    # At an open high end the sum from there has no rounding of the whole line.
    back = np.cumsum(leaving[:, :, ::-1], axis=2)[:, :, ::-1][:, :, 1:]
    along = np.where((np.isinf(side.high) & (high == 0.0))[:, :, None], back, along)
    lost = (_finite(side.low) * at_low**2 + _finite(side.high) * at_high**2).sum(axis=1)
    segment = _finite(side.segment)
    lost = lost + ((segment[:, None] if side.uniform else segment) * along**2).sum(axis=(1, 2))
    delivered = v * (at_low + at_high) + low * nodes[:, :, 0] + high * nodes[:, :, -1]
    return SidePower(np.asarray(delivered.sum(axis=1)), np.asarray(lost))


def _finite(resistance: Array) -> Array:
    """Where nothing flows, nothing is lost."""
    return np.where(np.isinf(resistance), 0.0, resistance)
