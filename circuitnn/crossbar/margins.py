"""How well a read tells a cell of low from one of high resistance, whatever the other cells hold."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.crossbar.schemes import LineBias, Mask, bias_for, read_tied
from circuitnn.errors import CrossbarError

Array = NDArray[np.float64]
#: What a cell holds: a conductance in siemens, or the states of a device cell.
Data = float | Mapping[str, float]
#: What the half-selected cells of the row, those of the column, and the unselected cells hold.
Background = tuple[str, str, str]
BACKGROUNDS: tuple[Background, ...] = tuple(
    (row, column, rest) for row, column, rest in itertools.product(("LRS", "HRS"), repeat=3)
)


@dataclass(frozen=True)
class ReadMargin:
    """Readings of one cell in both its states before all backgrounds.

    Attributes
    ----------
    cell : tuple of int
    lrs, hrs : dict of Background to float
        Reading with the cell in its low and in its high resistance: amperes out of the bit line, or volts over the
        load. The signs are those of a positive read voltage.
    voltage : float
        Read voltage when volts over a load were read, else None.
    """

    cell: tuple[int, int]
    lrs: dict[Background, float]
    hrs: dict[Background, float]
    voltage: float | None

    def _normalised(self, low: Array, high: Array) -> Array:
        return np.asarray((low - high) / (low if self.voltage is None else abs(self.voltage)))

    @property
    def _swings(self) -> Array:
        return self._normalised(np.array([*self.lrs.values()]), np.array([*self.hrs.values()]))

    @property
    def margin(self) -> float:
        """Least difference of the two readings before one and the same background, normalised.

        Volts over a load by the read voltage (Flocke and Noll); currents by the one of the low resistance.
        """
        return float(self._swings.min())

    @property
    def worst(self) -> Background:
        """The background at which that is so."""
        return list(self.lrs)[int(self._swings.argmin())]

    @property
    def window(self) -> float:
        """Normalised difference of the least reading of LRS and the largest of HRS, over all backgrounds.

        Negative when no fixed reference tells the two apart.
        """
        return float(self._normalised(np.array(min(self.lrs.values())), np.array(max(self.hrs.values()))))


def background(bias: LineBias, holds: Background) -> Mask:
    """Return which cells hold LRS, shape (rows, columns), the selected ones among those that do not.

    Examples
    --------
    >>> bias = bias_for("grounded", (2, 3), (0, 0), 0.1)
    >>> background(bias, ("LRS", "HRS", "LRS")).tolist()
    [[False, True, True], [False, True, True]]
    """
    filled = np.zeros(bias.shape, bool)
    for name, held in zip(("row", "column", "unselected"), holds, strict=True):
        filled |= bias.classes[name] & (held == "LRS")
    return filled


def farthest_cell(xb: Crossbar) -> tuple[int, int]:
    """Return the cell with most segments between it and the ends at which lines are driven and sensed.

    Examples
    --------
    >>> farthest_cell(Crossbar(np.ones((4, 6))))
    (0, 5)
    """
    places = []
    for side, cells in ((xb.wires.word, xb.cols), (xb.wires.bit, xb.rows)):
        at = np.arange(cells)
        distance = np.minimum(at if side.ends[0] else cells, cells - 1 - at if side.ends[1] else cells)
        places.append(int(distance.argmax()))
    return places[1], places[0]


def read_margin(
    xb: Crossbar,
    voltage: float,
    scheme: str = "grounded",
    *,
    lrs: Data,
    hrs: Data,
    cell: tuple[int, int] | None = None,
    load: float | None = None,
    gate: float = 0.0,
) -> ReadMargin:
    """Read one cell in LRS and in HRS before every background, and return by how much the readings differ.

    The half-selected cells of its row, those of its column, and the unselected cells each hold LRS or HRS: eight
    backgrounds. All LRS is the worst where sneak paths decide; which one is worst under wire resistance depends on what
    drops the voltage of the selected lines.

    Parameters
    ----------
    xb : Crossbar
        Gives size, wires and kind of cells; what its cells hold is left alone and does not count.
    voltage, scheme, load, gate
        As of ``read``. With a load the reading is the voltage over it, else the sensed current.
    lrs, hrs : float or mapping of str to float
        Conductances, S; or states of device cells.
    cell : tuple of int, optional
        The one with the longest wires when not given.

    Raises
    ------
    CrossbarError
        When lrs is not the larger conductance, the two do not fit the kind of cells, the voltage is 0, or for what
        ``read`` refuses.

    References
    ----------
    A. Flocke and T. G. Noll, "Fundamental analysis of resistive nano-crossbars for the use in hybrid nano/CMOS-memory",
    ESSCIRC 2007, 328-331: swing of the output voltage over a load as part of the supply. The worst-case pattern with
    wires is the subject of A. Chen, IEEE Trans. Electron Devices 60(4), 1318-1326 (2013).

    Examples
    --------
    >>> xb = Crossbar(np.ones((2, 2)), r_word=1e-3, r_bit=1e-3)
    >>> m = read_margin(xb, 0.3, "floating", lrs=1e-4, hrs=1e-6)
    >>> round(m.margin, 4), m.worst                 # 1 - (1e-6 + 1e-4 / 3) / (1e-4 + 1e-4 / 3)
    (0.7425, ('LRS', 'LRS', 'LRS'))
    >>> round(read_margin(xb, 0.3, "V/2", lrs=1e-4, hrs=1e-6).window, 4)       # 1 - (1e-6 + 5e-5) / (1e-4 + 5e-7)
    0.4925
    """
    row, column = farthest_cell(xb) if cell is None else cell
    bias = bias_for(scheme, xb.shape, (row, column), voltage)
    if bias.classes["selected"].sum() != 1 or not voltage:
        raise CrossbarError(
            f"the cell is {cell!r} and the voltage {voltage!r}", expected="one (row, column), and volts other than 0"
        )
    tied = bias.tied(xb, load)
    filled = _filler(tied, lrs, hrs)
    sign = np.sign(voltage)
    readings: list[dict[Background, float]] = []
    for held in ("LRS", "HRS"):
        found = {}
        for holds in BACKGROUNDS:
            cells = background(bias, holds) | (bias.classes["selected"] & (held == "LRS"))
            result = read_tied(filled(cells), bias, gate)
            found[holds] = float(sign * (result.sensed if load is None else result.foot)[0])
        readings.append(found)
    at = (int(bias.rows[0]), int(bias.cols[0]))
    return ReadMargin(at, readings[0], readings[1], None if load is None else float(voltage))


def _filler(tied: Crossbar, lrs: Data, hrs: Data) -> Callable[[Mask], Crossbar]:
    """Return what makes the same crossbar hold LRS where a mask is true and HRS elsewhere."""
    if tied._devices is not None:
        if not isinstance(lrs, Mapping) or not isinstance(hrs, Mapping) or set(lrs) != set(hrs):
            raise CrossbarError(
                f"lrs is {lrs!r} and hrs {hrs!r}", expected=f"the same of the states {', '.join(tied.states)} in both"
            )

        def hold(cells: Mask) -> Crossbar:
            tied.set_states(**{name: np.where(cells, lrs[name], hrs[name]) for name in lrs})
            return tied

        return hold
    if isinstance(lrs, Mapping) or isinstance(hrs, Mapping) or not 0.0 <= hrs < lrs < np.inf:
        raise CrossbarError(f"lrs is {lrs!r} and hrs {hrs!r}", expected="siemens, with lrs above hrs")
    return lambda cells: Crossbar(np.where(cells, lrs, hrs), *tied._r, **tied._ends)


def largest_array(
    make: Callable[[int], Crossbar],
    least: float,
    voltage: float,
    scheme: str = "grounded",
    *,
    lrs: Data,
    hrs: Data,
    load: float | None = None,
    gate: float = 0.0,
    limit: int = 1024,
) -> int:
    """Return the largest size at which the read margin of the farthest cell is at least a given one.

    Parameters
    ----------
    make : callable
        Returns the crossbar of a size n.
    least : float
        Of ``ReadMargin.margin``.
    voltage, scheme, lrs, hrs, load, gate
        As of ``read_margin``.
    limit : int
        Largest size that is tried, and returned when its margin suffices.

    Returns
    -------
    int
        0 when size 1 has not that margin.

    Raises
    ------
    CrossbarError
        For a limit below 1, and for what ``read_margin`` refuses.

    Notes
    -----
    Doubling, then bisection: the margin is taken to fall with size.

    Examples
    --------
    >>> make = lambda n: Crossbar(np.ones((n, n)), r_word=1e-3, r_bit=1e-3)
    >>> largest_array(make, 0.1, 1.0, "floating", lrs=1e-4, hrs=1e-6, load=3e3)
    5
    """
    if limit < 1:
        raise CrossbarError(f"limit is {limit!r}", expected="a size of at least 1", names=["limit"])

    def enough(n: int) -> bool:
        found = read_margin(make(n), voltage, scheme, lrs=lrs, hrs=hrs, load=load, gate=gate)
        return found.margin >= least

    good, bad = 0, 1
    while enough(bad):
        good = bad
        if good == limit:
            return limit
        bad = min(2 * bad, limit)
    while bad - good > 1:
        middle = (good + bad) // 2
        good, bad = (middle, bad) if enough(middle) else (good, middle)
    return good
