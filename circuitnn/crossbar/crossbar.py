"""A crossbar of conductances with resistive wires: its public face, and the choice of how it is solved."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.crossbar.assembly import Wires, number_nodes
from circuitnn.crossbar.checks import conductances, real, require_finite, resistance
from circuitnn.crossbar.direct import DirectSolver
from circuitnn.crossbar.lines import LineSolver, SlowConvergenceError
from circuitnn.crossbar.solution import CrossbarSolution, SolveInfo
from circuitnn.crossbar.spice import write_netlist
from circuitnn.errors import CrossbarError
from circuitnn.results.atomic import replacing
from circuitnn.units import format_si

Array = NDArray[np.float64]
_SMALL = 1024  # cells up to which a direct solution costs nothing that counts
_TRANSFER = 1e-11  # tolerance of the transfer matrix, which serves all later vectors


class Crossbar:
    """A crossbar of linear cells between word lines (inputs) and bit lines (outputs).

    Each word line is driven at its left end, each bit line is sensed at its lower end (a virtual ground). Factors are
    kept for all later vectors.

    Parameters
    ----------
    G : array_like, shape (rows, cols), S
        Conductances of the cells, finite and not negative; 0 is an open cell. Copied, and read-only.
    r_word, r_bit : float, ohm
        Resistance of one segment of a word or bit line, one segment between neighbouring cells and one between the
        source, or the sense input, and the nearest cell. 0 is an ideal wire, treated exactly.
    r_source, r_sense : float, ohm
        Output resistance of each source and input resistance of each sense circuit.

    Raises
    ------
    CrossbarError
        When a conductance or a resistance is negative, infinite, not a number or not real, the array is empty or not a
        matrix, or the equations do not fit in memory.

    Notes
    -----
    Arrays with wires on both sides are solved by lines and a coarse grid, in time proportional to the number of cells
    (see ``lines``); small ones, ideal wires on one side, and arrays on which that converges too slowly by a sparse
    direct factorisation (see ``direct``), whose cost grows with n^3. ``solution.info`` says which and why.

    References
    ----------
    A. Chen, "A comprehensive crossbar array model with solutions for line resistance and nonlinear device
    characteristics", IEEE Trans. Electron Devices 60(4), 1318-1326 (2013), equations (1)-(8).

    Examples
    --------
    >>> xb = Crossbar([[1e-3]], r_word=100.0, r_bit=400.0)      # 1 kohm behind 500 ohm of wire
    >>> xb.solve([1.5]).currents.round(12).tolist()
    [0.001]
    >>> Crossbar([[1e-3, 2e-3]], r_word=0, r_bit=0).transfer_matrix().tolist()
    [[0.001, 0.002]]
    """

    def __init__(
        self, G: ArrayLike, r_word: float = 1.0, r_bit: float = 1.0, *, r_source: float = 0.0, r_sense: float = 0.0
    ) -> None:
        self.G = conductances(G)
        self.G.setflags(write=False)  # the factors and the transfer matrix belong to these values
        self.wires = Wires(
            resistance("r_word", r_word),
            resistance("r_bit", r_bit),
            resistance("r_source", r_source),
            resistance("r_sense", r_sense),
        )
        self._nodes = number_nodes(self.rows, self.cols, self.wires)
        self._solver: DirectSolver | LineSolver | None = None
        self._transfer: Array | None = None

    def __repr__(self) -> str:
        w = self.wires
        return f"<Crossbar {self.rows} x {self.cols}: r_word={w.r_word:g} ohm, r_bit={w.r_bit:g} ohm>"

    def __getstate__(self) -> dict[str, Any]:
        # Factors cannot travel to another process; they are made again there when needed.
        return {**self.__dict__, "_solver": None}

    @property
    def rows(self) -> int:
        """Number of word lines (inputs)."""
        return self.G.shape[0]

    @property
    def cols(self) -> int:
        """Number of bit lines (outputs)."""
        return self.G.shape[1]

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        return self.rows, self.cols

    def solve(self, v: ArrayLike, *, tolerance: float = 1e-10) -> CrossbarSolution:
        """Return the currents, and on demand voltages and powers, for given source voltages.

        Parameters
        ----------
        v : array_like, shape (rows,) or (batch, rows), V
        tolerance : float
            Relative error of the currents (of a thousandth of the largest one for smaller currents).

        Returns
        -------
        CrossbarSolution
            ``currents`` of shape (cols,) or (batch, cols), amperes, positive into ground.

        Raises
        ------
        CrossbarError
            When the voltages are not finite real numbers of that shape.

        Notes
        -----
        A batch of at least ``min(rows, cols)`` vectors goes through the transfer matrix, which then costs less than
        solving for each; so does everything after ``transfer_matrix`` was called.

        Examples
        --------
        >>> sol = Crossbar([[1e-3, 0.0], [1e-3, 1e-3]], r_word=10.0, r_bit=10.0).solve([[1.0, 0.0], [0.0, 1.0]])
        >>> (sol.currents * 1e6).round(3).tolist()
        [[961.446, 0.092], [961.631, 961.446]]
        """
        drive = self._drive(v)
        accuracy = _tolerance(tolerance)
        batch = 1 if drive.ndim == 1 else len(drive)
        if self._nodes.count == 0 or self._transfer is not None or batch >= max(2, min(self.shape)):
            currents = drive @ self.transfer_matrix()
            method = "transfer matrix" if self._nodes.count else "ideal wires"
            info = SolveInfo(method, "", self._nodes.count, 0.0)
        else:
            try:
                found = self._ask("currents", np.atleast_2d(drive), tolerance=accuracy)
                currents = found.reshape(*drive.shape[:-1], self.cols)
            except MemoryError:
                raise self._out_of_memory(drive) from None
            info = self._choose().info()
        require_finite(currents)
        return CrossbarSolution(self, drive, currents, info, accuracy)

    def transfer_matrix(self) -> Array:
        """Return T with ``currents = v @ T``, shape (rows, cols), S; computed once, not to be written to.

        ``A`` is symmetric, so T comes from ``rows`` solutions for unit sources or from ``cols`` solutions of the
        adjoint problem, whichever are fewer.

        Examples
        --------
        >>> T = Crossbar([[1e-3, 1e-3]], r_word=1.0, r_bit=0.0).transfer_matrix()
        >>> bool(T[0, 0] > T[0, 1])        # the second cell sees one more segment of wire
        True
        """
        if self._transfer is None:
            transfer = self.G if self._nodes.count == 0 else self._ask("transfer", tolerance=_TRANSFER)
            require_finite(transfer)
            transfer.setflags(write=False)
            self._transfer = transfer
        return self._transfer

    def to_netlist(self, path: str | os.PathLike[str] | None = None, *, v: ArrayLike) -> str | None:
        """Write the array as plain SPICE, with an operating point that prints the currents ``i(vsenseJ)``.

        Parameters
        ----------
        path : path-like, optional
            File to write; without it the text is returned.
        v : array_like, shape (rows,), V
            Source voltages.

        Returns
        -------
        str or None
            The text when there is no ``path``.

        Raises
        ------
        CrossbarError
            When ``v`` is wrong.
        FileError
            When the file cannot be written.

        Examples
        --------
        >>> print(Crossbar([[1e-3]], r_word=0, r_bit=2.0).to_netlist(v=[1.0]))
        * crossbar 1 x 1, circuitnn
        vin0 in0 0 dc 1
        rc0_0 in0 b0_0 1000
        rb0_0 b0_0 out0 2
        vsense0 out0 0 dc 0
        .options reltol=1e-9 abstol=1e-18 vntol=1e-15
        .op
        .print op i(vsense0)
        .end
        <BLANKLINE>
        """
        drive = self._drive(v)
        if drive.ndim != 1:
            raise CrossbarError(f"a netlist holds one vector, not {len(drive)}", expected=f"v of shape ({self.rows},)")
        text = write_netlist(self.G, self.wires, drive)
        if path is None:
            return text
        with replacing(path) as temporary:
            Path(temporary).write_text(text, encoding="ascii")
        return None

    def _drive(self, v: ArrayLike) -> Array:
        drive = real("voltages", v)
        if drive.ndim not in (1, 2) or drive.shape[-1] != self.rows:
            raise CrossbarError(
                f"source voltages of shape {drive.shape} for {self.rows} word lines",
                expected=f"shape ({self.rows},) or (batch, {self.rows})",
            )
        bad = np.argwhere(~np.isfinite(drive))
        if len(bad):
            place = ", ".join(map(str, bad[0]))
            raise CrossbarError(f"source voltage [{place}] is {drive[tuple(bad[0])]}", expected="finite volts")
        return drive

    def _direct_solver(self, reason: str) -> DirectSolver:
        self._solver = DirectSolver(self.G, self.wires, self._nodes, reason)
        return self._solver

    def _choose(self) -> DirectSolver | LineSolver:
        if self._solver is None:
            if self.wires.r_word == 0.0 or self.wires.r_bit == 0.0:
                return self._direct_solver("one side has ideal wires")
            if self.G.size < _SMALL:
                return self._direct_solver("a small array")
            self._solver = LineSolver(self.G, self.wires)
        return self._solver

    def _ask(self, question: str, *args: Array, tolerance: float) -> Any:
        """Ask the solver for currents, voltages or the transfer matrix; a direct one takes over from slow lines."""
        solver = self._choose()
        if isinstance(solver, LineSolver):
            try:
                return getattr(solver, question)(*args, tolerance)
            except SlowConvergenceError as error:
                solver = self._direct_solver(f"lines converge too slowly: {error.message}")
        return getattr(solver, question)(*args)

    def _node_voltages(self, drive: Array, tolerance: float) -> tuple[Array, Array]:
        """Return word and bit node voltages, each of shape (..., rows, cols)."""
        shape = (*drive.shape[:-1], *self.shape)
        try:
            if self._nodes.count == 0:
                return np.broadcast_to(drive[..., None], shape).copy(), np.zeros(shape)
            word, bit = self._ask("voltages", np.atleast_2d(drive), tolerance=tolerance)
        except MemoryError:
            raise self._out_of_memory(drive) from None
        return word.reshape(shape), bit.reshape(shape)

    def _out_of_memory(self, drive: Array) -> CrossbarError:
        batch = drive.size // self.rows
        needed = format_si(32.0 * batch * self.rows * self.cols, "B", 3)
        return CrossbarError(
            f"the node voltages of {batch} vectors do not fit in memory: they need about {needed}",
            hint="ask for them in smaller batches; currents alone need much less",
        )


def _tolerance(value: float) -> float:
    number = resistance("tolerance", value)
    if not 1e-13 <= number <= 0.1:
        raise CrossbarError(f"tolerance is {value!r}", expected="a relative error between 1e-13 and 0.1")
    return number
