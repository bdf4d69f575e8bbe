"""What a crossbar answers: currents at once, node voltages and powers when asked for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from circuitnn.crossbar.crossbar import Crossbar

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class SolveInfo:
    """How a crossbar was solved.

    Attributes
    ----------
    method : str
        ``"lines"``, ``"conjugate gradients"`` (of lines), ``"sparse direct"``, ``"transfer matrix"`` or
        ``"ideal wires"``.
    reason : str
        Why not by lines alone, where it was not.
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
        Into ground at the lower end of each bit line.
    v : ndarray, shape (rows,) or (batch, rows), V
        The sources.
    info : SolveInfo
        Method, size and time.
    """

    def __init__(self, crossbar: Crossbar, v: Array, currents: Array, info: SolveInfo, tolerance: float) -> None:
        self._crossbar = crossbar
        self._tolerance = tolerance
        self.v = v
        self.currents = currents
        self.info = info

    def __repr__(self) -> str:
        return f"<CrossbarSolution: currents of shape {self.currents.shape}, {self.info.method}>"

    @cached_property
    def _voltages(self) -> tuple[Array, Array]:
        return self._crossbar._node_voltages(self.v, self._tolerance)

    @property
    def v_word(self) -> Array:
        """Word-line node voltages, shape (..., rows, cols), V."""
        return self._voltages[0]

    @property
    def v_bit(self) -> Array:
        """Bit-line node voltages, shape (..., rows, cols), V."""
        return self._voltages[1]

    @cached_property
    def power(self) -> Power:
        """Powers in watts.

        Segment currents are sums of cell currents, not differences of nearly equal voltages over small resistances.
        """
        xb, wires = self._crossbar, self._crossbar.wires
        drop = self.v_word - self.v_bit
        cell = xb.G * drop
        along_word = np.cumsum(cell[..., ::-1], axis=-1)[..., ::-1]
        along_bit = np.cumsum(cell, axis=-2)
        source, sense = along_word[..., 0], along_bit[..., -1, :]
        return Power(
            total=np.asarray((self.v * source).sum(axis=-1)),
            cells=np.asarray((cell * drop).sum(axis=(-2, -1))),
            word=np.asarray(
                wires.r_word * (along_word**2).sum(axis=(-2, -1)) + wires.r_source * (source**2).sum(axis=-1)
            ),
            bit=np.asarray(wires.r_bit * (along_bit**2).sum(axis=(-2, -1)) + wires.r_sense * (sense**2).sum(axis=-1)),
        )
