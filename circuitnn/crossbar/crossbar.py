"""A crossbar of conductances with resistive wires, solved exactly."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse.linalg as spl
from numpy.typing import ArrayLike, NDArray

from circuitnn.crossbar.assembly import KNOWN, Equations, Wires, assemble, number_nodes
from circuitnn.crossbar.checks import conductances, real, require_finite, resistance
from circuitnn.crossbar.solution import CrossbarSolution, SolveInfo
from circuitnn.crossbar.spice import write_netlist
from circuitnn.errors import CrossbarError
from circuitnn.results.atomic import replacing
from circuitnn.units import format_si

Array = NDArray[np.float64]
_REFINEMENTS = 10
_REFINED = 1e-15  # a relative correction of this size is rounding
_UNREFINED = 1e-9  # corrections that do not get below this mean that the factors are worthless


class Crossbar:
    """A crossbar of linear cells between word lines (inputs) and bit lines (outputs).

    Each word line is driven at its left end, each bit line is sensed at its lower end (a virtual ground). The nodal
    equations ``A x = B v`` are solved by one sparse factorisation, kept for all later right-hand sides.

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
    The factorisation of an n x n array costs about 15 ms at n = 64, 0.1 s at 128 and 1 s at 256, and grows with
    n^3; its factors take about n^2.5. Relative errors are rounding times about n^2: 1e-12 at n = 128.

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
        self._equations: Equations | None = None
        self._factor: Any = None
        self._factor_seconds = 0.0
        self._transfer: Array | None = None

    def __repr__(self) -> str:
        w = self.wires
        return f"<Crossbar {self.rows} x {self.cols}: r_word={w.r_word:g} ohm, r_bit={w.r_bit:g} ohm>"

    def __getstate__(self) -> dict[str, Any]:
        # SuperLU's factor cannot travel to another process; it is made again there when needed.
        return {**self.__dict__, "_factor": None, "_equations": None}

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

    def solve(self, v: ArrayLike) -> CrossbarSolution:
        """Return the currents, and on demand voltages and powers, for given source voltages.

        Parameters
        ----------
        v : array_like, shape (rows,) or (batch, rows), V

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
        batch = 1 if drive.ndim == 1 else len(drive)
        if self._nodes.count == 0 or self._transfer is not None or batch >= max(2, min(self.shape)):
            currents = drive @ self.transfer_matrix()
            x, method = None, "transfer matrix" if self._nodes.count else "ideal wires"
        else:
            x, method = None, "sparse direct"
            sense, block = self._factorise().sense.T, self._block()
            if batch <= block:
                x = self._solve(drive)
                currents = np.ascontiguousarray((sense @ x).T)
            else:
                parts = [(sense @ self._solve(drive[k : k + block])).T for k in range(0, batch, block)]
                currents = np.concatenate(parts)
        require_finite(currents)
        return CrossbarSolution(self, drive, currents, self._info(method), x)

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
            transfer = self.G if self._nodes.count == 0 else self._compute_transfer()
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

    def _factorise(self) -> Equations:
        if self._factor is None:
            needed = _factor_bytes(self._nodes.count)
            estimate = f"the factors need about {format_si(needed, 'B', 3)}"
            if needed > _physical_memory():
                raise CrossbarError(
                    f"a crossbar of {self.rows} x {self.cols} does not fit in memory: {estimate}",
                    hint="split it into tiles, or give one wire resistance as 0",
                )
            start = time.perf_counter()
            try:
                equations = assemble(self.G, self.wires)
                self._factor = spl.splu(
                    equations.matrix, permc_spec="MMD_AT_PLUS_A", diag_pivot_thresh=0.0, options={"SymmetricMode": True}
                )
            except MemoryError:
                raise CrossbarError(f"out of memory for a crossbar of {self.rows} x {self.cols}: {estimate}") from None
            except RuntimeError as error:
                raise CrossbarError(
                    f"the nodal equations cannot be factorised: {error}",
                    hint="conductances and wire resistances span more than double precision holds",
                ) from None
            self._equations = equations
            self._factor_seconds = time.perf_counter() - start
        assert self._equations is not None
        return self._equations

    def _solve(self, drive: Array) -> Array:
        """Return the unknown node voltages, shape (unknowns,) or (unknowns, batch)."""
        equations = self._factorise()
        try:
            x = self._back_solve(equations, np.ascontiguousarray(equations.drive @ drive.T))
        except MemoryError:
            raise self._out_of_memory(drive) from None
        require_finite(x)
        return x

    def _block(self) -> int:
        """Return how many right-hand sides to solve for at a time: at most 128 MB of node voltages."""
        return max(1, min(64, 2**24 // self._nodes.count))

    def _back_solve(self, equations: Equations, rhs: Array) -> Array:
        """Return ``A^-1 rhs``, refined where source or sense resistances dwarf the segments between them.

        Then the lines all but float, and what ties them down is lost beside a segment's conductance in A's diagonal.
        """
        x: Array = self._factor.solve(rhs)
        wires = self.wires
        if rhs.size == 0 or not (wires.r_source > wires.r_word > 0.0 or wires.r_sense > wires.r_bit > 0.0):
            return x
        change = np.inf
        for _ in range(_REFINEMENTS):
            correction = self._factor.solve(equations.residual(x, rhs))
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

    def _compute_transfer(self) -> Array:
        equations = self._factorise()
        forward = self.rows <= self.cols
        ask, read = (equations.drive, equations.sense) if forward else (equations.sense, equations.drive)
        sides = ask.shape[1]
        block = self._block()
        transfer = np.empty((sides, read.shape[1]))
        for k in range(0, sides, block):
            x = self._back_solve(equations, ask[:, k : k + block].toarray())
            transfer[k : k + block] = (read.T @ x).T
        return transfer if forward else np.ascontiguousarray(transfer.T)

    def _node_voltages(self, drive: Array, x: Array | None) -> tuple[Array, Array]:
        """Return word and bit node voltages, each of shape (..., rows, cols)."""
        shape = (*drive.shape[:-1], *self.shape)
        try:
            if x is None and self._nodes.count:
                x = self._solve(drive)
            if self._nodes.word[0, 0] == KNOWN:
                word = np.broadcast_to(drive[..., None], shape).copy()
            else:
                word = np.moveaxis(x[self._nodes.word], (0, 1), (-2, -1)).copy()  # type: ignore[index]
            if self._nodes.bit[0, 0] == KNOWN:
                return word, np.zeros(shape)
            return word, np.moveaxis(x[self._nodes.bit], (0, 1), (-2, -1)).copy()  # type: ignore[index]
        except MemoryError:
            raise self._out_of_memory(drive) from None

    def _out_of_memory(self, drive: Array) -> CrossbarError:
        batch = drive.size // self.rows
        needed = format_si(32.0 * batch * self.rows * self.cols, "B", 3)
        return CrossbarError(
            f"the node voltages of {batch} vectors do not fit in memory: they need about {needed}",
            hint="ask for them in smaller batches; currents alone need much less",
        )

    def _info(self, method: str) -> SolveInfo:
        nonzeros = 0 if self._factor is None else int(self._factor.nnz)
        return SolveInfo(method, self._nodes.count, nonzeros, self._factor_seconds)


def _factor_bytes(unknowns: int) -> float:
    """Return an estimate of the factors' size: 4 N^1.25 entries of 12 bytes, from arrays of 32 to 256 lines a side."""
    return 48.0 * float(unknowns) ** 1.25


def _physical_memory() -> float:
    try:
        return float(os.sysconf("SC_PHYS_PAGES")) * float(os.sysconf("SC_PAGE_SIZE"))
    except (AttributeError, ValueError, OSError):  # not a POSIX system: let the allocation itself decide
        return float("inf")
