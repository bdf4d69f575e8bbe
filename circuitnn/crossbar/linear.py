"""Crossbars of conductances: the choice of how each question is answered, and what is kept between questions."""

from __future__ import annotations

import contextlib
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar.assembly import Numbering, number_nodes
from circuitnn.crossbar.bias import Bias, make_bias
from circuitnn.crossbar.checks import require_finite
from circuitnn.crossbar.direct import DirectSolver
from circuitnn.crossbar.lines import LineSolver, SlowConvergenceError, injected
from circuitnn.crossbar.solution import SolveInfo
from circuitnn.crossbar.stored import Stored
from circuitnn.crossbar.wires import Wires

Array = NDArray[np.float64]
_SMALL = 1024  # cells up to which a direct solution costs nothing that counts
TRANSFER = 1e-10  # tolerance of the transfer matrix, which serves all later vectors
_SINGLE = 1e-6  # tolerance that storage in single precision can hold


class LinearArray:
    """Cells of an array that are conductances, and its wires.

    Parameters
    ----------
    stored : Stored
    wires : Wires
    single : bool
        Storage of large arrays as float32.
    """

    def __init__(self, stored: Stored, wires: Wires, *, single: bool) -> None:
        self.stored, self.wires, self._single = stored, wires, single
        self.transfer: Array | None = None
        self._solver: DirectSolver | LineSolver | None = None

    def __getstate__(self) -> dict[str, Any]:
        # Factors cannot travel to another process; they are made again there when needed.
        return {**self.__dict__, "_solver": None}

    @property
    def G(self) -> Array:
        """Conductances, (rows, cols), S."""
        return self.stored.G

    @cached_property
    def nodes(self) -> Numbering:
        """Unknowns of the nodal equations."""
        return number_nodes(self.G.shape[0], self.G.shape[1], self.wires)

    @property
    def _known(self) -> bool:
        """Whether every node is a terminal."""
        return self.wires.word.known and self.wires.bit.known

    def currents(self, bias: Bias, tolerance: float) -> tuple[Array, SolveInfo]:
        """Return the currents (batch, cols) out of the bit lines, and how they were found."""
        if self._known:
            return bias.v @ self.G - bias.v_bit * self.G.sum(axis=0), SolveInfo("ideal wires", "", 0, 0.0)
        if (
            tolerance >= TRANSFER
            and bias.plain
            and (self.transfer is not None or len(bias) >= max(2, min(self.G.shape)))
        ):
            return bias.v @ self.transfer_matrix(), SolveInfo("transfer matrix", "", self.nodes.count, 0.0)
        currents = self._ask("currents", bias, tolerance=tolerance)
        return currents, self._choose().info()

    def inside(self, bias: Bias, tolerance: float) -> tuple[Array, Array, Array]:
        """Return word and bit node voltages and the cells' currents, each (batch, rows, cols)."""
        shape = (len(bias), *self.G.shape)
        if self._known:
            word = np.broadcast_to(bias.v[:, :, None], shape).copy()
            bit = np.broadcast_to(bias.v_bit[:, None, :], shape).copy()
        else:
            word, bit = self._ask("voltages", bias, tolerance=tolerance)
        return word, bit, self.G * (word - bit)

    def transfer_matrix(self) -> Array:
        """Return T (rows, cols), read-only."""
        if self.transfer is None:
            transfer = self.G if self._known else self._ask("transfer", tolerance=TRANSFER)
            require_finite(transfer)
            transfer.setflags(write=False)
            self.transfer = transfer
        return self.transfer

    def admittance(self) -> Array:
        """Return the currents into all terminals, word lines first, for one volt at each, (ports, ports), S."""
        rows, cols = self.G.shape
        unit = np.eye(rows + cols)
        bias = make_bias((rows, cols), unit[:, :rows], unit[:, rows:])
        if self._known:
            into, out = -bias.v_bit @ self.G.T, bias.v @ self.G
        else:
            out, into = self._ask("terminals", bias, tolerance=TRANSFER)
        found = np.concatenate([into, -out], axis=1)
        require_finite(found)
        # All terminals at one voltage carry no current: sums of numbers of one sign keep the digits that the
        # difference between a source's voltage and its line's has lost.
        np.fill_diagonal(found, 0.0)
        np.fill_diagonal(found, -found.sum(axis=1))
        symmetric: Array = 0.5 * (found + found.T)
        return symmetric

    def keep_transfer_of(self, old: LinearArray, cells: NDArray[np.intp]) -> None:
        """Take over the transfer matrix of an array that differs in some cells (k, 2) only, where that is cheaper."""
        change = (self.G - old.G)[tuple(cells.T)]
        ideal = self.wires.word.ideal or self.wires.bit.ideal
        if old.transfer is None or len(cells) > max(1, min(self.G.shape) // 4) or self.G.size < _SMALL or ideal:
            return
        keep = change != 0.0
        with contextlib.suppress(SlowConvergenceError):
            word, bit, across = injected(old.G, self.wires, cells[keep], TRANSFER)
            transfer = old.transfer - word.T @ np.linalg.solve(np.diag(1.0 / change[keep]) + across, bit)
            transfer.setflags(write=False)
            self.transfer = transfer

    def _direct_solver(self, reason: str) -> DirectSolver:
        self._solver = DirectSolver(self.G, self.wires, self.nodes, reason)
        return self._solver

    def _choose(self) -> DirectSolver | LineSolver:
        if self._solver is None:
            if self.wires.word.ideal or self.wires.bit.ideal:
                return self._direct_solver("one side has ideal wires")
            if self.G.size < _SMALL:
                return self._direct_solver("a small array")
            self._solver = LineSolver(self.stored, self.wires, single=self._single)
        return self._solver

    def _ask(self, question: str, *bias: Bias, tolerance: float) -> Any:
        """Ask the solver for currents, voltages or the transfer matrix; a direct one takes over from slow lines."""
        solver = self._choose()
        if isinstance(solver, LineSolver):
            # What single precision holds; asking for more would never end.
            accuracy = max(tolerance, _SINGLE) if self._single else tolerance
            try:
                return getattr(solver, question)(*bias, accuracy)
            except SlowConvergenceError as error:
                solver = self._direct_solver(f"lines converge too slowly: {error.message}")
        return getattr(solver, question)(*bias)
