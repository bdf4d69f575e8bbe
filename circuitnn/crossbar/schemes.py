"""Operation schemes: what the lines of a crossbar are tied to while cells are selected, and what a read then senses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.crossbar.checks import real
from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.crossbar.solution import CrossbarSolution, Power
from circuitnn.crossbar.wires import Side
from circuitnn.errors import CrossbarError

Array = NDArray[np.float64]
Mask = NDArray[np.bool_]
Index = NDArray[np.int64]
#: Lines of one direction: one, several, or a slice of them.
Lines = int | slice | Sequence[int] | Index

#: Voltages of unselected word and bit lines as parts of the selected word lines'; None where they float.
SCHEMES: dict[str, tuple[float, float] | None] = {
    "grounded": (0.0, 0.0),
    "floating": None,
    "V/2": (1 / 2, 1 / 2),
    "V/3": (1 / 3, 2 / 3),
    "inhibit": (1.0, 1.0),
}


@dataclass(frozen=True, eq=False)
class LineBias:
    """What each line of a crossbar is tied to while some cells are selected.

    Attributes
    ----------
    rows, cols : ndarray of int
        Selected word and bit lines; the selected cells are their crossings.
    word : ndarray, shape (rows of the array,), V
        Of the word lines' sources; 0 where the line floats.
    bit : ndarray, shape (columns of the array,), V
        Of the bit lines' sense circuits.
    word_floating, bit_floating : ndarray of bool
        Lines that are tied to nothing.
    """

    rows: Index
    cols: Index
    word: Array
    bit: Array
    word_floating: Mask
    bit_floating: Mask

    @property
    def shape(self) -> tuple[int, int]:
        """Word lines and bit lines of the array."""
        return len(self.word), len(self.bit)

    @cached_property
    def classes(self) -> dict[str, Mask]:
        """Cells by class, each a mask of shape (rows, columns).

        ``"selected"``; half-selected: ``"row"`` on a selected word line and ``"column"`` on a selected bit line;
        ``"unselected"``.
        """
        in_row, in_column = np.zeros(self.shape[0], bool), np.zeros(self.shape[1], bool)
        in_row[self.rows], in_column[self.cols] = True, True
        word, bit = in_row[:, None], in_column[None, :]
        return {"selected": word & bit, "row": word & ~bit, "column": ~word & bit, "unselected": ~word & ~bit}

    def tied(self, xb: Crossbar, load: float | None = None) -> Crossbar:
        """Return a copy of a crossbar, with its cells and states, in which the lines that float do so.

        Parameters
        ----------
        xb : Crossbar
        load : float, optional
            Resistance of the sense circuits of the selected bit lines, ohm; infinity lets them float. The crossbar's
            own ``r_sense`` when not given.

        Raises
        ------
        CrossbarError
            When a load is negative, some of a crossbar's ideal lines would float, or a node is left without a path to
            any source.
        """
        if load is not None and not load >= 0.0:
            raise CrossbarError(f"load is {load!r}", expected="ohms, not negative, or infinity", names=["load"])
        source = np.where(self.word_floating, np.inf, xb.wires.word.beyond)
        sense = np.where(self.bit_floating, np.inf, xb.wires.bit.beyond)
        if load is not None:
            sense[self.cols] = load
        _require_separable("word", xb.wires.word, source)
        _require_separable("bit", xb.wires.bit, sense)
        return xb.rewired(r_source=source, r_sense=sense)

    def lifted(self, by: float) -> LineBias:
        """Return the same with all lines that are tied ``by`` volts higher: the same for cells without gates."""
        word, bit = (
            np.where(floating, 0.0, volts + by)
            for volts, floating in ((self.word, self.word_floating), (self.bit, self.bit_floating))
        )
        return replace(self, word=word, bit=bit)

    def gates(self, gate: float) -> Array:
        """Return the voltages of all gate lines, shape (rows,): ``gate`` on selected rows, 0 elsewhere."""
        levels = np.zeros(self.shape[0])
        levels[self.rows] = gate
        return levels


def _require_separable(kind: str, side: Side, beyond: Array) -> None:
    """Ideal lines of which some are tied without resistance and others not have no solution in this form."""
    if side.ideal and not beyond.all() and beyond.any():
        raise CrossbarError(
            f"some of the ideal {kind} lines are tied without resistance, and others are not",
            expected=f"r_{kind} above 0",
            hint="1e-3 ohm a segment is as good as none",
            names=[f"r_{kind}"],
        )


def bias_for(scheme: str, shape: tuple[int, int], cells: tuple[Lines, Lines], voltage: ArrayLike) -> LineBias:
    """Return what a scheme ties the lines to.

    Selected word lines are at the voltage, selected bit lines at 0 V, and the others by the scheme:

    ============ ===================== ====================
    scheme       unselected word lines unselected bit lines
    ============ ===================== ====================
    ``grounded`` 0                     0
    ``floating`` tied to nothing       tied to nothing
    ``V/2``      V/2                   V/2
    ``V/3``      V/3                   2V/3
    ``inhibit``  V                     V
    ============ ===================== ====================

    Without wire resistance a half-selected cell is then at V/2 and an unselected one at 0 under V/2; under V/3 all but
    the selected are at V/3, the unselected with the opposite sign. ``inhibit`` is for cells with transistors: those of
    the selected row are at 0, and those of the selected column at V, shut by their gates.

    Parameters
    ----------
    scheme : {"grounded", "floating", "V/2", "V/3", "inhibit"}
    shape : tuple of int
        Word lines and bit lines.
    cells : tuple of (rows, columns)
        Each an index, several, or a slice; all their crossings are selected. Negative ones count from the end.
    voltage : float or array_like, shape (selected rows,), V
        From selected word lines to selected bit lines; negative for the other polarity. One a row only where the
        scheme takes no part of it (grounded, floating).

    Raises
    ------
    CrossbarError
        For an unknown scheme, lines that the array does not have or that are named twice, or voltages of a wrong shape.

    References
    ----------
    G. W. Burr et al., "Access devices for 3D crosspoint memory", J. Vac. Sci. Technol. B 32, 040802 (2014);
    J. Zhou, K.-H. Kim and W. Lu, "Crossbar RRAM arrays: selector device requirements during read operation", IEEE
    Trans. Electron Devices 61(5), 1369-1376 (2014).

    Examples
    --------
    >>> bias = bias_for("V/3", (3, 2), (1, 0), 3.0)
    >>> bias.word.tolist(), bias.bit.tolist()
    ([1.0, 3.0, 1.0], [0.0, 2.0])
    >>> bias_for("floating", (3, 2), (1, 0), 3.0).word_floating.tolist()
    [True, False, True]
    """
    if scheme not in SCHEMES:
        raise CrossbarError(f"there is no scheme {scheme!r}", expected=", ".join(SCHEMES), names=[str(scheme)])
    if not isinstance(cells, tuple) or len(cells) != 2:
        raise CrossbarError(f"cells are {cells!r}", expected="(rows, columns)", hint="one cell is (row, column)")
    rows, cols = _lines("row", cells[0], shape[0]), _lines("column", cells[1], shape[1])
    volts = real("voltages of the selected rows", voltage)
    if volts.shape not in ((), (len(rows),)) or not np.isfinite(volts).all():
        raise CrossbarError(
            f"the voltage is {voltage!r}" if volts.ndim == 0 else f"voltages of shape {volts.shape}",
            expected=f"finite volts: a number or shape ({len(rows)},)",
            names=["voltage"],
        )
    parts = SCHEMES[scheme]
    if parts and any(parts) and volts.ndim:
        raise CrossbarError(
            f"the scheme {scheme} with one voltage a row", expected="one voltage", hint="use grounded or floating"
        )
    rest_word, rest_bit = (part * volts for part in parts) if parts and volts.ndim == 0 else (0.0, 0.0)
    word, bit = np.full(shape[0], rest_word), np.full(shape[1], rest_bit)
    word[rows], bit[cols] = volts, 0.0
    word_floating, bit_floating = np.full(shape[0], parts is None), np.full(shape[1], parts is None)
    word_floating[rows] = bit_floating[cols] = False
    return LineBias(rows, cols, word, bit, word_floating, bit_floating)


def _lines(kind: str, given: Lines, count: int) -> Index:
    if isinstance(given, slice):
        chosen = np.arange(count)[given]
    else:
        chosen = np.atleast_1d(np.asarray(given))
    if chosen.ndim != 1 or chosen.size == 0 or chosen.dtype.kind not in "iu":
        raise CrossbarError(f"{kind}s are {given!r}", expected="an index, several, or a slice", names=[kind])
    bad = chosen[(chosen < -count) | (chosen >= count)]
    if bad.size:
        raise CrossbarError(
            f"{kind} {bad[0]} of an array with {count} {kind}s", expected=f"{-count} to {count - 1}", names=[kind]
        )
    chosen = np.where(chosen < 0, chosen + count, chosen).astype(np.int64)
    if len(np.unique(chosen)) < len(chosen):
        raise CrossbarError(f"{kind}s {chosen.tolist()} name a line twice", expected="each line once", names=[kind])
    return chosen


@dataclass(frozen=True, eq=False)
class Read:
    """What a read gives; columns in the order in which they were selected.

    Attributes
    ----------
    bias : LineBias
    solution : CrossbarSolution
        Of the crossbar as the scheme ties it; all node voltages are there.
    ends : ndarray, shape (2, columns), A
        Out of the upper and the lower ends of the selected bit lines.
    foot : ndarray, shape (columns,), V
        Behind the last segment of the selected bit lines, at the end that is sensed (the lower one of two): the voltage
        over a load, or that of a line that floats.
    """

    bias: LineBias
    solution: CrossbarSolution
    ends: Array
    foot: Array

    @property
    def sensed(self) -> Array:
        """Currents out of the selected bit lines, all ends together, shape (columns,), A."""
        return np.asarray(self.solution.currents[self.bias.cols])

    @property
    def own(self) -> Array:
        """Currents through the selected cells, shape (selected rows, columns), A."""
        return np.asarray(self.solution.cell_currents[np.ix_(self.bias.rows, self.bias.cols)])

    @property
    def sneak(self) -> Array:
        """What arrives on other ways: sensed currents less those of the selected cells, shape (columns,), A."""
        return np.asarray(self.sensed - self.own.sum(axis=0))

    @property
    def half_select(self) -> dict[str, Array]:
        """Currents of the half-selected cells of the ``"row"`` and of the ``"column"``, A; see ``LineBias.classes``."""
        return {name: self.solution.cell_currents[self.bias.classes[name]] for name in ("row", "column")}

    @property
    def cell_voltages(self) -> Array:
        """From word to bit line at each crossing, shape (rows, columns of the array), V."""
        return np.asarray(self.solution.v_word - self.solution.v_bit)

    @property
    def power(self) -> Power:
        """Of the whole array, W."""
        return self.solution.power

    @property
    def differential(self) -> Array:
        """Sensed currents of pairs of columns, selected as (plus, minus, plus, minus, ...), shape (columns / 2,), A.

        Raises
        ------
        CrossbarError
            When the number of columns is odd.
        """
        if len(self.bias.cols) % 2:
            raise CrossbarError(f"{len(self.bias.cols)} columns are no pairs", expected="plus, minus, plus, minus ...")
        return np.asarray(self.sensed[0::2] - self.sensed[1::2])


def read(
    xb: Crossbar,
    cells: tuple[Lines, Lines],
    voltage: ArrayLike,
    scheme: str = "grounded",
    *,
    load: float | None = None,
    gate: float = 0.0,
) -> Read:
    """Read selected cells of a crossbar through a scheme, states held.

    One row and one column read a cell; one row and several columns a word; several rows and columns multiply a vector
    by a matrix.

    Parameters
    ----------
    xb : Crossbar
        Of conductances or device cells, with its own drivers and sense circuits; ``sense="both"`` senses both ends.
    cells, voltage, scheme
        As of ``bias_for``.
    load : float, optional
        Resistance of the sense circuits of the selected columns, ohm; infinity senses the voltage of floating lines.
        The crossbar's own ``r_sense`` when not given.
    gate : float, V
        On the gate lines of selected rows, where cells have transistors; other rows are at 0.

    Raises
    ------
    CrossbarError
        For what ``bias_for`` and ``LineBias.tied`` refuse.
    ConvergenceError
        When Newton's method fails on device cells.

    Notes
    -----
    Without wires, in an array of ``m`` rows and ``n`` columns of equal resistances R whose other lines float, the sneak
    paths are a resistance R/(n-1) + R/((m-1)(n-1)) + R/(m-1): the cells on the selected row in parallel, then the
    unselected ones, then those on the selected column, all of a line being at one voltage by symmetry.

    Examples
    --------
    >>> xb = Crossbar([[1e-5, 1e-5], [1e-5, 1e-5]], r_word=1e-3, r_bit=1e-3)       # 100 kohm each
    >>> r = read(xb, (0, 0), 0.3, "floating")
    >>> (r.sensed * 1e6).round(4).tolist(), (r.sneak * 1e6).round(4).tolist()         # 300 kohm beside 100 kohm
    ([4.0], [1.0])
    >>> (read(xb, (0, 0), 0.3, "grounded").sensed * 1e6).round(4).tolist()
    [3.0]
    """
    bias = bias_for(scheme, xb.shape, cells, voltage)
    tied = bias.tied(xb, load)
    return read_tied(tied, bias, gate)


def read_tied(tied: Crossbar, bias: LineBias, gate: float) -> Read:
    """Read a crossbar whose lines are already tied as ``bias`` says."""
    solution = tied.solve(bias.word, v_bit=bias.bit, gate=bias.gates(gate))
    side, currents = tied.wires.bit, solution.currents[bias.cols]
    at_low, at_high = side.ends
    if not at_low or not at_high:
        ends = np.stack([at_low * currents, at_high * currents])
    elif side.ideal:
        ends = np.stack([0.5 * currents, 0.5 * currents])
    else:
        top = side.g_low[bias.cols] * (solution.v_bit[0, bias.cols] - bias.bit[bias.cols])
        ends = np.stack([top, currents - top])
    beyond = side.beyond[bias.cols]
    floating = np.isinf(beyond)
    node = solution.v_bit[-1 if at_high else 0, bias.cols] if floating.any() else 0.0
    over_load = bias.bit[bias.cols] + np.where(floating, 0.0, beyond) * ends[1 if at_high else 0]
    return Read(bias, solution, ends, np.where(floating, node, over_load))
