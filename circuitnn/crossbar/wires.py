"""The lines of a crossbar and what their ends are tied to: from a user's resistances to one form for all solvers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import CrossbarError

Array = NDArray[np.float64]
_WORD_ENDS = {"left": (True, False), "right": (False, True), "both": (True, True)}
_BIT_ENDS = {"top": (True, False), "bottom": (False, True), "both": (True, True)}
_LEAST = 1e-300  # ohm; the conductance of less overflows


@dataclass(frozen=True)
class Side:
    """All word lines, or all bit lines.

    Attributes
    ----------
    segment : ndarray, shape (lines,) or (lines, cells - 1), ohm
        Of each segment between neighbouring cells; infinite where it is broken, 0 for ideal wires.
    first, last : ndarray, shape (lines,), ohm
        Of the segments at the ends, at the left or the top and at the right or the bottom.
    beyond : ndarray, shape (lines,), ohm
        Of what each line is tied to: its source or its sense circuit.
    ends : tuple of (bool, bool)
        Whether that is so at the low (left, top) and at the high end.
    """

    segment: Array
    first: Array
    last: Array
    beyond: Array
    ends: tuple[bool, bool]

    @cached_property
    def low(self) -> Array:
        """From the first cell to the terminal at the low end, ohm; infinite where nothing is tied to it."""
        return self.first + self.beyond if self.ends[0] else np.full(len(self.first), np.inf)

    @cached_property
    def high(self) -> Array:
        """From the last cell to the terminal at the high end, ohm."""
        return self.last + self.beyond if self.ends[1] else np.full(len(self.last), np.inf)

    @cached_property
    def ideal(self) -> bool:
        """Whether all cells of a line share one node."""
        return self.segment.ndim == 1 and not self.segment.any()

    @cached_property
    def known(self) -> bool:
        """Whether that node is the terminal itself."""
        return self.ideal and not np.minimum(self.low, self.high).any()

    @cached_property
    def uniform(self) -> bool:
        """Whether all segments of a line are equal."""
        return self.segment.ndim == 1

    @cached_property
    def g_low(self) -> Array:
        """Conductance of the low ends, S."""
        return _inverse(self.low)

    @cached_property
    def g_high(self) -> Array:
        """Conductance of the high ends, S."""
        return _inverse(self.high)

    @cached_property
    def g_segment(self) -> Array:
        """Conductance of the segments, S."""
        return _inverse(self.segment)

    @property
    def conductances(self) -> tuple[Array, Array, Array]:
        """Segments, low and high ends, S, as line solvers take them."""
        return self.g_segment, self.g_low, self.g_high

    @cached_property
    def shares(self) -> tuple[Array, Array]:
        """Part of a terminal's current source that enters at the low and at the high end of each line."""
        low, high = self.ends
        part = np.full(len(self.first), 0.5 if low and high else 1.0)
        return part * low, part * high


@dataclass(frozen=True)
class Wires:
    """Both sides."""

    word: Side
    bit: Side

    def feeds(self, i_word: Array, i_bit: Array) -> tuple[Array, Array, Array, Array] | None:
        """Return the currents into low and high ends of word and of bit lines, A; None where there are none."""
        if not (i_word.any() or i_bit.any()):
            return None
        (left, right), (top, bottom) = self.word.shares, self.bit.shares
        return left * i_word, right * i_word, top * i_bit, bottom * i_bit


def _inverse(resistance: Array) -> Array:
    with np.errstate(divide="ignore"):
        return np.asarray(1.0 / resistance, dtype=np.float64)


def make_wires(
    shape: tuple[int, int],
    r_word: ArrayLike,
    r_bit: ArrayLike,
    r_source: ArrayLike,
    r_sense: ArrayLike,
    drive: str,
    sense: str,
) -> Wires:
    """Return the wires of an array of ``shape`` for what ``Crossbar`` takes, or raise CrossbarError."""
    rows, cols = shape
    word_ends, bit_ends = _ends("drive", drive, _WORD_ENDS), _ends("sense", sense, _BIT_ENDS)
    return Wires(
        _side("r_word", r_word, "r_source", r_source, rows, cols, word_ends),
        _side("r_bit", r_bit, "r_sense", r_sense, cols, rows, bit_ends),
    )


def _ends(name: str, value: Any, known: dict[str, tuple[bool, bool]]) -> tuple[bool, bool]:
    if not isinstance(value, str) or value not in known:
        raise CrossbarError(f"{name} is {value!r}", expected=" or ".join(map(repr, known)), names=[name])
    return known[value]


def _side(
    name: str, line: ArrayLike, end_name: str, end: ArrayLike, lines: int, cells: int, ends: tuple[bool, bool]
) -> Side:
    wire = _resistances(name, line, ((), (lines,), (lines, cells + 1)))
    beyond = np.broadcast_to(_resistances(end_name, end, ((), (lines,)), zero=True, broken=True), (lines,)).copy()
    if wire.ndim == 2:
        segment, first, last = wire[:, 1:-1].copy(), wire[:, 0], wire[:, -1]
    else:
        segment = first = last = np.broadcast_to(wire, (lines,)).copy()
    side = Side(segment, first, last, beyond, ends)
    nearest = np.minimum(side.low, side.high) if side.ideal else side.low
    if side.ideal and not nearest.all() and nearest.any():
        raise CrossbarError(
            f"{end_name} is 0 ohm for some lines of ideal wires and not for others",
            expected="0 for all of them, or for none",
            names=[end_name],
        )
    return side


def _resistances(
    name: str, values: ArrayLike, shapes: tuple[tuple[int, ...], ...], *, zero: bool = False, broken: bool = False
) -> Array:
    """Return resistances in ohms of one of the shapes, not negative; a 0 among others only where ``zero``."""
    if type(values) is float and (values == 0.0 or _LEAST <= values < np.inf):
        return np.asarray(values)  # the usual case, at the price of small arrays
    try:
        array = np.asarray(values)
        usable = array.dtype.kind in "biuf" and array.shape in shapes
    except (TypeError, ValueError):
        usable = False
    shown = repr(values) if np.ndim(values) == 0 else f"an array of shape {np.shape(values)}"
    if not usable:
        expected = " or ".join("a number" if shape == () else f"shape {shape}" for shape in shapes)
        raise CrossbarError(f"{name} is {shown}", expected=f"ohms: {expected}", names=[name])
    array = array.astype(np.float64)
    limit = np.inf if broken or array.ndim == 2 else np.finfo(np.float64).max
    bad = ~((array >= _LEAST) & (array <= limit))
    if zero or array.ndim == 0:
        bad &= array != 0.0
    if bad.any():
        place = tuple(map(int, np.argwhere(bad)[0]))
        where = f"{name}[{', '.join(map(str, place))}]" if place else name
        raise CrossbarError(
            f"{where} is {array[place]!r}",
            expected="ohms, not negative" + ("" if limit == np.inf else ", finite"),
            hint="0 ohm among other values is not possible; as a single value it makes all wires ideal"
            if array[place] == 0.0
            else None,
            names=[name],
        )
    return array


def require_tied(G: Array, wires: Wires) -> None:
    """Raise CrossbarError when some nodes have no path to a terminal of known voltage."""
    word, bit = wires.word, wires.bit
    loose = [np.isinf(np.minimum(side.low, side.high)).any() for side in (word, bit)]
    broken = [not side.uniform and bool(np.isinf(side.segment).any()) for side in (word, bit)]
    if not any(loose) and not any(broken):
        return
    pieces, tied, count = [], [], 0
    for side, shape in ((word, G.shape), (bit, G.shape[::-1])):
        piece = _pieces(side, shape) + count
        ends = np.concatenate([piece[np.isfinite(side.low), 0], piece[np.isfinite(side.high), -1]])
        pieces.append(piece)
        tied.append(ends)
        count = int(piece.max()) + 1
    where_word, where_bit = pieces[0], pieces[1].T
    joined = G > 0.0
    ground = np.concatenate(tied)
    a = np.concatenate([where_word[joined], ground])
    b = np.concatenate([where_bit[joined], np.full(len(ground), count)])
    graph = sp.coo_matrix((np.ones(len(a), np.int8), (a, b)), shape=(count + 1, count + 1))
    label = sp.csgraph.connected_components(graph, directed=False)[1]
    floating = label != label[count]
    if not floating[:count].any():
        return
    island = int(np.flatnonzero(floating)[0])
    kind, lines = ("word", where_word) if island <= where_word.max() else ("bit", where_bit.T)
    line, start = map(int, np.argwhere(lines == island)[0])
    raise CrossbarError(
        f"{kind} line {line} floats from cell {start} on: nothing ties it to a terminal",
        expected="a path of wires and cells from every node to a driven or sensed end",
        hint="give the line a source or sense resistance that is not infinite, or a cell that conducts",
        names=[f"{kind} line {line}"],
    )


def _pieces(side: Side, shape: tuple[int, ...]) -> NDArray[np.int64]:
    """Number the unbroken pieces of all lines: shape (lines, cells)."""
    starts = np.zeros(shape, dtype=np.int64)
    starts[:, 0] = 1
    if not side.uniform:
        starts[:, 1:] = np.isinf(side.segment)
    return np.cumsum(starts.ravel()).reshape(shape) - 1
