"""The nodal equations of a crossbar by one sparse factorisation: exact to rounding, and dear for large arrays."""

from __future__ import annotations

import time

import numpy as np
import scipy.sparse.linalg as spl
from numpy.typing import NDArray

from circuitnn.crossbar.assembly import KNOWN, Numbering, assemble
from circuitnn.crossbar.bias import Bias
from circuitnn.crossbar.checks import require_finite
from circuitnn.crossbar.solution import SolveInfo
from circuitnn.crossbar.wires import Side, Wires
from circuitnn.errors import CrossbarError
from circuitnn.results.memory import physical_memory
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

    def currents(self, bias: Bias) -> Array:
        """Return the currents (batch, cols) out of the bit lines."""
        currents = np.empty((len(bias), self.shape[1]))
        block, sense = self._block(), self._equations.sense
        for k in range(0, len(bias), block):
            part = bias[k : k + block]
            currents[k : k + block] = (sense.T @ self._solve(part)).T
            currents[k : k + block] -= part.v_bit * np.asarray(sense.sum(axis=0)).ravel()
            if not self.wires.bit.known:  # else what is fed into the terminal never sees the array
                currents[k : k + block] -= part.i_bit
        return currents

    def terminals(self, bias: Bias) -> tuple[Array, Array]:
        """Return the currents out of the bit lines and into the word lines, (batch, cols) and (batch, rows)."""
        e = self._equations
        out, into = np.empty((len(bias), self.shape[1])), np.empty((len(bias), self.shape[0]))
        block = self._block()
        for k in range(0, len(bias), block):
            part = bias[k : k + block]
            x = self._solve(part)
            out[k : k + block] = (e.sense.T @ x).T - part.v_bit * np.asarray(e.sense.sum(axis=0)).ravel()
            into[k : k + block] = part.v * np.asarray(e.drive.sum(axis=0)).ravel() - (e.drive.T @ x).T
        return out, into

    def voltages(self, bias: Bias) -> tuple[Array, Array]:
        """Return word and bit node voltages, each (batch, rows, cols)."""
        x = self._solve(bias)
        found = []
        for nodes, known in ((self._nodes.word, bias.v[:, :, None]), (self._nodes.bit, bias.v_bit[:, None, :])):
            if nodes[0, 0] == KNOWN:
                found.append(np.broadcast_to(known, (len(bias), *self.shape)).copy())
            else:
                found.append(np.moveaxis(x[nodes], -1, 0).copy())
        return found[0], found[1]

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

    def _solve(self, bias: Bias) -> Array:
        """Return the unknown node voltages, shape (unknowns, batch)."""
        e = self._equations
        rhs = e.drive @ bias.v.T + e.sense @ bias.v_bit.T + e.feed_word @ bias.i_word.T + e.feed_bit @ bias.i_bit.T
        x = self._back_solve(np.ascontiguousarray(rhs))
        require_finite(x)
        return x

    def _back_solve(self, rhs: Array) -> Array:
        """Return ``A^-1 rhs``, refined where source or sense resistances dwarf the segments between them.

        Then the lines all but float, and what ties them down is lost beside a segment's conductance in A's diagonal.
        """
        x: Array = self._factor.solve(rhs)
        if rhs.size == 0 or not (_nearly_floats(self.wires.word) or _nearly_floats(self.wires.bit)):
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


def _nearly_floats(side: Side) -> bool:
    """Whether some line's end is tied by less than its segments, or by nothing but cells."""
    if side.ideal or side.segment.size == 0:
        return False
    return bool(np.minimum(side.low, side.high).max() > 2.0 * side.segment.min())


def _factor_bytes(unknowns: int) -> float:
    """Return an estimate of the factors' size: 4 N^1.25 entries of 12 bytes, from arrays of 32 to 256 lines a side."""
    return 48.0 * float(unknowns) ** 1.25
