"""The nodal equations of a crossbar by one sparse factorisation: exact to rounding, and dear for large arrays."""

from __future__ import annotations

import os
import time

import numpy as np
import scipy.sparse.linalg as spl
from numpy.typing import NDArray

from circuitnn.crossbar.assembly import KNOWN, Numbering, Wires, assemble
from circuitnn.crossbar.checks import require_finite
from circuitnn.crossbar.solution import SolveInfo
from circuitnn.errors import CrossbarError
from circuitnn.units import format_si

Array = NDArray[np.float64]
_REFINEMENTS = 10
_REFINED = 1e-15  # a relative correction of this size is rounding
_UNREFINED = 1e-9  # corrections that do not get below this mean that the factors are worthless


class DirectSolver:
    """Factors of one array; ``A`` is symmetric positive definite.

    Raises
    ------
    CrossbarError
        When the factors do not fit in memory, or double precision does not hold the equations.
    """

    def __init__(self, G: Array, wires: Wires, nodes: Numbering, reason: str) -> None:
        self.shape, self.wires, self._nodes, self._reason = G.shape, wires, nodes, reason
        rows, cols = self.shape
        needed = _factor_bytes(nodes.count)
        estimate = f"the factors need about {format_si(needed, 'B', 3)}"
        if needed > physical_memory():
            raise CrossbarError(
                f"a crossbar of {rows} x {cols} does not fit in memory: {estimate}",
                hint="split it into tiles, or give one wire resistance as 0",
            )
        start = time.perf_counter()
        try:
            self._equations = assemble(G, wires)
            self._factor = spl.splu(
                self._equations.matrix,
                permc_spec="MMD_AT_PLUS_A",
                diag_pivot_thresh=0.0,
                options={"SymmetricMode": True},
            )
        except MemoryError:
            raise CrossbarError(f"out of memory for a crossbar of {rows} x {cols}: {estimate}") from None
        except RuntimeError as error:
            raise CrossbarError(
                f"the nodal equations cannot be factorised: {error}",
                hint="conductances and wire resistances span more than double precision holds",
            ) from None
        self._seconds = time.perf_counter() - start

    def info(self) -> SolveInfo:
        """Return how it was solved."""
        return SolveInfo("sparse direct", self._reason, self._nodes.count, self._seconds)

    def currents(self, drive: Array) -> Array:
        """Return the currents (batch, cols) for source voltages (batch, rows)."""
        currents = np.empty((len(drive), self.shape[1]))
        block = self._block()
        for k in range(0, len(drive), block):
            currents[k : k + block] = (self._equations.sense.T @ self._solve(drive[k : k + block])).T
        return currents

    def voltages(self, drive: Array) -> tuple[Array, Array]:
        """Return word and bit node voltages, each (batch, rows, cols)."""
        shape = (len(drive), *self.shape)
        x = self._solve(drive)
        if self._nodes.word[0, 0] == KNOWN:
            word = np.broadcast_to(drive[..., None], shape).copy()
        else:
            word = np.moveaxis(x[self._nodes.word], -1, 0).copy()
        if self._nodes.bit[0, 0] == KNOWN:
            return word, np.zeros(shape)
        return word, np.moveaxis(x[self._nodes.bit], -1, 0).copy()

    def transfer(self) -> Array:
        """Return T (rows, cols) from unit sources, or by the adjoint problem where there are fewer columns."""
        equations = self._equations
        forward = self.shape[0] <= self.shape[1]
        ask, read = (equations.drive, equations.sense) if forward else (equations.sense, equations.drive)
        sides = ask.shape[1]
        block = self._block()
        transfer = np.empty((sides, read.shape[1]))
        for k in range(0, sides, block):
            transfer[k : k + block] = (read.T @ self._back_solve(ask[:, k : k + block].toarray())).T
        return transfer if forward else np.ascontiguousarray(transfer.T)

    def _block(self) -> int:
        """Return how many right-hand sides to solve for at a time: at most 128 MB of node voltages."""
        return max(1, min(64, 2**24 // self._nodes.count))

    def _solve(self, drive: Array) -> Array:
        """Return the unknown node voltages, shape (unknowns, batch)."""
        x = self._back_solve(np.ascontiguousarray(self._equations.drive @ drive.T))
        require_finite(x)
        return x

    def _back_solve(self, rhs: Array) -> Array:
        """Return ``A^-1 rhs``, refined where source or sense resistances dwarf the segments between them.

        Then the lines all but float, and what ties them down is lost beside a segment's conductance in A's diagonal.
        """
        x: Array = self._factor.solve(rhs)
        wires = self.wires
        if rhs.size == 0 or not (wires.r_source > wires.r_word > 0.0 or wires.r_sense > wires.r_bit > 0.0):
            return x
        change = np.inf
        for _ in range(_REFINEMENTS):
            correction = self._factor.solve(self._equations.residual(x, rhs))
            x += correction
            last, change = change, float(np.max(np.abs(correction)) / (np.max(np.abs(x)) or 1.0))
            if change <= _REFINED or change > 0.5 * last:
                break
        if not change <= _UNREFINED:
            raise CrossbarError(
                "the wire segments are too small beside the source or sense resistances for double precision",
                hint="give their resistance as 0, which is treated exactly",
            )
        return x


def _factor_bytes(unknowns: int) -> float:
    """Return an estimate of the factors' size: 4 N^1.25 entries of 12 bytes, from arrays of 32 to 256 lines a side."""
    return 48.0 * float(unknowns) ** 1.25


def physical_memory() -> float:
    """Return the machine's memory in bytes, infinite where it cannot be asked."""
    try:
        return float(os.sysconf("SC_PHYS_PAGES")) * float(os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):  # not a POSIX system: let the allocation itself decide
        return float("inf")
