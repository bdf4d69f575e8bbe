"""What both engines do: read and pulse cells, and count where the energy goes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar.apart import CellsApart, Feed
from circuitnn.crossbar.cells import Cells
from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.errors import UsageError
from circuitnn.mapping.programming.plan import Plan, Verify

Array = NDArray[np.float64]
Index = NDArray[np.int64]
_HALVINGS = 60  # of a state's range: to the last digit


@dataclass
class Energy:
    """Where the energy of programming went, J.

    Attributes
    ----------
    selected, half_selected, unselected : float
        Dissipated by pulses in the cells of these classes, with their transistors or selectors.
    wires : float
        By pulses in the lines.
    reads : float
        Delivered by the sources in verification.
    """

    selected: float = 0.0
    half_selected: float = 0.0
    unselected: float = 0.0
    wires: float = 0.0
    reads: float = 0.0

    @property
    def total(self) -> float:
        """All of it."""
        return float(sum(getattr(self, part.name) for part in fields(self)))

    def __add__(self, other: Energy) -> Energy:
        return Energy(*(getattr(self, part.name) + getattr(other, part.name) for part in fields(self)))


class Level(NamedTuple):
    """One kind of pulse: which train it belongs to, its amplitude (V) and its duration: rise, top and fall (s)."""

    train: int
    amplitude: float
    times: tuple[float, float, float]


class Engine:
    """Cells of a crossbar that are to be programmed.

    Parameters
    ----------
    xb : Crossbar
        Of device cells.
    plan : Plan
    """

    def __init__(self, xb: Crossbar, plan: Plan) -> None:
        self.xb, self.plan = xb, plan
        self.rows, self.cols = xb.shape
        self.energy = Energy()
        self.levels: list[Level] = []
        self._first, self._last = [], []
        for number, train in enumerate(plan.trains):
            self._first.append(len(self.levels))
            for amplitude, width in zip(
                train.amplitudes(plan.most_pulses).tolist(), train.widths(plan.most_pulses).tolist(), strict=True
            ):
                self.levels.append(Level(number, amplitude, (train.edge, width, train.edge)))
            self._last.append(len(self.levels) - 1)

    def level_of(self, train: Index, k: Index) -> Index:
        """Return the number of the level of pulse ``k`` of trains, each (n,)."""
        return np.minimum(np.take(self._first, train) + k, np.take(self._last, train))

    def durations(self, level: Index) -> float:
        """Return how long pulses of these levels take, one after the other, s."""
        return float(sum(sum(self.levels[n].times) * count for n, count in enumerate(np.bincount(level))))

    def lift(self, amplitude: float) -> float:
        """Return by how much all lines are raised so that none is below 0 V, where gates are referred to that."""
        return -amplitude if amplitude < 0.0 and self._gated else 0.0

    @property
    def _gated(self) -> bool:
        return self.xb.cells.gated

    def batches(self) -> Iterator[Index]:
        """Yield numbers of cells that may be programmed together."""
        raise NotImplementedError

    def begin(self, cells: Index) -> None:
        """Make ready to program cells."""

    def end(self, cells: Index) -> None:
        """Leave cells that were programmed."""

    def read(self, cells: Index) -> Array:
        """Return the currents of cells, read one after the other, A, (n,)."""
        raise NotImplementedError

    def pulse(self, cells: Index, level: Index) -> None:
        """Apply a pulse to each of some cells, one after the other; levels (n,)."""
        raise NotImplementedError

    def settle(self) -> None:
        """Let everything that pulses did be in the crossbar's states."""

    def conductances(self) -> Array:
        """Return what each cell conducts by itself at the voltage of verification, gates on, (rows, cols), S."""
        return alone(self.xb.cells, self.plan.verify, self.xb.states)


def alone(cells: Cells, verify: Verify, states: Mapping[str, Array]) -> Array:
    """Return what cells conduct without wires at the voltage of verification, (rows, cols), S."""
    apart = CellsApart(cells)
    for name, values in states.items():
        apart.states[name][...] = values
    currents = apart.currents(np.arange(apart.own.shape[1]), Feed(verify.voltage, 0.0, 0.0, 0.0, verify.gate))
    return np.asarray(currents / verify.voltage).reshape(cells.shape)


def reach(cells: Cells, verify: Verify, states: Mapping[str, Array]) -> tuple[str, Array, Array, Array, Array]:
    """Return the state that is programmed, its bounds, and what cells conduct there, each (rows, cols).

    That is the first one with bounds; the others stay as given.

    Raises
    ------
    UsageError
        When no state has bounds.
    """
    low, high, _ = cells.made.bounds()
    for name, a, b in zip(cells.states, low, high, strict=True):
        if np.isfinite(a).all() and np.isfinite(b).all():
            ends = a.reshape(cells.shape), b.reshape(cells.shape)
            return name, *ends, *(alone(cells, verify, {**states, name: end}) for end in ends)
    raise UsageError(
        "no state of the device has bounds, so it has no range of conductance", expected="a memristor whose state has"
    )


def states_for(cells: Cells, verify: Verify, G: Array) -> dict[str, Array]:
    """Return states at which cells conduct ``G`` at the voltage of verification, the nearest that there are.

    Examples
    --------
    >>> cells = Cells("hfo2", (1, 3))
    >>> states = states_for(cells, Verify(), np.array([[1e-4, 1e-5, 1e-9]]))
    >>> (states["w"] * 1e9).round(6).tolist()
    [[0.0, 1.5, 3.0]]
    """
    states = CellsApart(cells).states
    name, low, high, g_low, g_high = reach(cells, verify, states)
    rising = g_high > g_low
    a, b = np.where(rising, low, high), np.where(rising, high, low)
    for _ in range(_HALVINGS):
        middle = 0.5 * (a + b)
        below = alone(cells, verify, {**states, name: middle}) < G
        a, b = np.where(below, middle, a), np.where(below, b, middle)
    least, most = np.minimum(g_low, g_high), np.maximum(g_low, g_high)
    ends = np.where(least >= G, np.where(rising, low, high), np.where(rising, high, low))
    return {**states, name: np.where((least >= G) | (most <= G), ends, 0.5 * (a + b))}
