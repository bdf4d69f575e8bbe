"""Crossbars of device cells: operating points with states held, and waveforms in time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import scipy.integrate
from numpy.typing import ArrayLike, NDArray

from circuitnn.crossbar._array import Array as CellArray
from circuitnn.crossbar.bias import Bias
from circuitnn.crossbar.cells import Cells
from circuitnn.crossbar.checks import real, resistance
from circuitnn.crossbar.solution import SolveInfo
from circuitnn.crossbar.stored import thread_count
from circuitnn.crossbar.wires import Wires
from circuitnn.errors import ConvergenceError, CrossbarError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Waveforms:
    """Voltages of a crossbar's terminals in time, straight between the given times.

    Parameters
    ----------
    times : array_like, shape (k,), s
        Rising, from 0.
    v : array_like, shape (k, rows) or (rows,), V
        Of the word lines' sources.
    v_bit : float or array_like, shape (k, cols) or (cols,), V
    gate : float or array_like, shape (k, rows) or (rows,), V

    Examples
    --------
    >>> pulse = Waveforms([0, 1e-9, 9e-9, 10e-9], [[0.0], [1.0], [1.0], [0.0]])
    >>> pulse.duration
    1e-08
    """

    times: ArrayLike
    v: ArrayLike
    v_bit: ArrayLike = 0.0
    gate: ArrayLike = 0.0

    @property
    def duration(self) -> float:
        """The last time, s."""
        return float(np.asarray(self.times)[-1])

    def resolve(self, rows: int, cols: int) -> tuple[Array, Array]:
        """Return times (k,) and all voltages (k, rows + cols + rows), checked."""
        times = real("times of waveforms", self.times)
        if times.ndim != 1 or len(times) < 2 or not np.isfinite(times).all():
            raise CrossbarError(f"times of shape {times.shape}", expected="at least two finite times in a row")
        if times[0] != 0.0 or not (np.diff(times) > 0.0).all():
            raise CrossbarError("the times of the waveforms do not rise from 0", expected="0 < t1 < t2 ...")
        columns = []
        for name, values, lines in (("v", self.v, rows), ("v_bit", self.v_bit, cols), ("gate", self.gate, rows)):
            array = real(f"voltages {name}", values)
            if array.shape not in ((), (lines,), (len(times), lines)) or not np.isfinite(array).all():
                raise CrossbarError(
                    f"{name} of shape {array.shape}", expected=f"finite volts of shape ({len(times)}, {lines})"
                )
            columns.append(np.broadcast_to(array, (len(times), lines)))
        return times, np.concatenate(columns, axis=1)


@dataclass(frozen=True)
class CrossbarTransient:
    """What a crossbar of device cells did in time.

    Attributes
    ----------
    time : ndarray, shape (steps,), s
    v, gate : ndarray, shape (steps, rows), V
    v_bit : ndarray, shape (steps, cols), V
    currents : ndarray, shape (steps, cols), A
        Out of the bit lines.
    word_currents : ndarray, shape (steps, rows), A
        Into the word lines.
    state : dict of str to ndarray, shape (rows, cols)
        At the end.
    states : dict of str to ndarray, shape (steps, rows, cols)
        At every step, where asked for; else empty.
    rejected, iterations : int
        Steps taken back, iterations of Newton's method.
    """

    time: Array
    v: Array
    v_bit: Array
    gate: Array
    currents: Array
    word_currents: Array
    state: dict[str, Array]
    states: dict[str, Array]
    rejected: int
    iterations: int

    @property
    def power(self) -> Array:
        """Delivered by all sources, shape (steps,), W."""
        return np.asarray((self.v * self.word_currents).sum(axis=1) - (self.v_bit * self.currents).sum(axis=1))

    @property
    def energy(self) -> float:
        """Delivered by all sources over the whole time, J."""
        return float(scipy.integrate.trapezoid(self.power, self.time))


class DeviceSolver:
    """A crossbar of device cells.

    Parameters
    ----------
    cells : Cells
    wires : Wires
        Neither side ideal.

    Notes
    -----
    Newton's method over all node voltages: each iteration linearises all cells with their own unknowns eliminated and
    goes one cycle of lines on; where a cell's current runs away from its linearisation, the cell's step is halved until
    the two are of one size. In time, states follow the trapezoidal rule with steps from Milne's device.
    """

    def __init__(self, cells: Cells, wires: Wires) -> None:
        for name, side in (("word", wires.word), ("bit", wires.bit)):
            if side.ideal:
                raise CrossbarError(
                    f"device cells between ideal {name} lines",
                    expected=f"r_{name} above 0",
                    hint="1e-3 ohm a segment is as good as none",
                )
        self.cells, self.wires = cells, wires
        made = cells.made
        low, high, scale = made.bounds()
        rows, cols = cells.shape
        self._array = CellArray(
            rows,
            cols,
            wires.word.conductances,
            wires.bit.conductances,
            made.parts,
            made.nodes,
            len(made.states),
            low,
            high,
            scale,
            cells.gated,
            1e-12,
            thread_count(64 * rows * cols),  # cells cost many times what conductances do
        )
        self._nodes = made.nodes
        self._begun = 0
        self.reset()

    def reset(self) -> None:
        """Take all states back to the start."""
        self._array.set_own(self.cells.made.start())

    def states(self) -> dict[str, Array]:
        """Return the states, each (rows, cols)."""
        return dict(zip(self.cells.states, self._array.own()[self._nodes :], strict=True))

    def set_states(self, values: Mapping[str, ArrayLike]) -> None:
        """Set states, numbers or (rows, cols), within their bounds."""
        own, made = self._array.own(), self.cells.made
        for name, given in values.items():
            if name not in made.states:
                raise CrossbarError(f"cells have no state {name!r}", expected=", ".join(made.states) or "none")
            array = real(f"states {name}", given)
            if array.shape not in ((), self.cells.shape):
                raise CrossbarError(f"{name} of shape {array.shape}", expected=f"a number or shape {self.cells.shape}")
            _, low, high, scale = (np.broadcast_to(x, own[0].size).reshape(own[0].shape) for x in made.states[name])
            # A transient leaves states within rounding of their bounds.
            bad = np.argwhere(~((array >= low - 1e-5 * scale) & (array <= high + 1e-5 * scale)))
            if len(bad):
                cell = tuple(map(int, bad[0]))
                raise CrossbarError(
                    f"state {name!r} of cell {cell} is {float(np.broadcast_to(array, own[0].shape)[cell]):g}",
                    expected=f"{low[cell]:g} to {high[cell]:g}",
                    names=[str(cell)],
                )
            own[self._nodes + list(made.states).index(name)] = np.clip(array, low, high)
        self._array.set_own(own)

    def currents(self, bias: Bias, tolerance: float) -> tuple[Array, SolveInfo]:
        """Return the currents (batch, cols) out of the bit lines, states held, and how they were found."""
        found = np.array([self._solve(bias, k, tolerance).currents()[0] for k in range(len(bias))])
        return found, self.info()

    def inside(self, bias: Bias, tolerance: float) -> tuple[Array, Array, Array]:
        """Return word and bit node voltages and the cells' currents, each (batch, rows, cols)."""
        found: list[list[Array]] = [[], [], []]
        for k in range(len(bias)):
            array = self._solve(bias, k, tolerance)
            for kept, values in zip(found, (*array.nodes(), array.cell_currents()), strict=True):
                kept.append(values)
        return np.array(found[0]), np.array(found[1]), np.array(found[2])

    def at_ports(self, bias: Bias, tolerance: float) -> tuple[Array, Array, Array]:
        """Return currents out of the bit lines and into the word lines, and the cells' slopes, for the first vector.

        Slopes: derivatives of a cell's current by its word and, negative, by its bit voltage, (2, rows, cols).
        """
        array = self._solve(bias, 0, tolerance)
        return (*array.currents(), array.slopes())

    def info(self) -> SolveInfo:
        """Return how it was solved."""
        iterations, _, _, defect = self._array.statistics
        unknowns = (2 + self._nodes) * self.cells.shape[0] * self.cells.shape[1]
        return SolveInfo("newton over lines", "device cells", unknowns, 0.0, iterations - self._begun, defect)

    def _solve(self, bias: Bias, k: int, tolerance: float) -> Any:
        self._begun = self._array.statistics[0]
        self._drive(bias.v[k], bias.v_bit[k], bias.i_word[k], bias.i_bit[k], bias.gate[k])
        if not self._array.solve(tolerance):
            self._give_up("the operating point")
        return self._array

    def _drive(self, v: Array, v_bit: Array, i_word: Array, i_bit: Array, gate: Array) -> None:
        feeds = self.wires.feeds(i_word, i_bit)
        self._array.drive(*(np.ascontiguousarray(x) for x in (v, v_bit)), feeds, np.ascontiguousarray(gate))

    def _raise_fatal(self) -> None:
        """Raise what a device that Python evaluates has raised."""
        for kernel, _, _ in self.cells.made.parts:
            if hasattr(kernel, "raise_fatal"):
                kernel.raise_fatal()

    def _give_up(self, what: str) -> None:
        self._raise_fatal()
        iterations, _, _, defect = self._array.statistics
        raise ConvergenceError(
            f"{what} of the crossbar did not converge: after {iterations} iterations of Newton's method a line's "
            f"currents are out of balance by {defect:.1e} of their size",
            hint="lower the voltages or the wire resistances, or check the cells' parameters",
        )

    def tran(
        self,
        waveforms: Waveforms,
        *,
        max_step: float | None,
        tolerance: float,
        save_states: bool,
        watch: Callable[[float, Array, CellArray], None] = lambda t, levels, array: None,
    ) -> CrossbarTransient:
        """Integrate; see ``Crossbar.tran``. ``watch`` is called at every accepted time."""
        rows, cols = self.cells.shape
        times, levels = waveforms.resolve(rows, cols)
        longest = times[-1] / 50.0 if max_step is None else resistance("max_step", max_step)
        if longest <= 0.0:
            raise CrossbarError(f"max_step is {max_step!r}", expected="seconds, above 0")
        none = np.zeros(rows), np.zeros(cols)

        def at(t: float) -> Array:
            k = min(int(np.searchsorted(times, t, side="right")), len(times) - 1)
            part = (t - times[k - 1]) / (times[k] - times[k - 1])
            return np.asarray(levels[k - 1] + min(max(part, 0.0), 1.0) * (levels[k] - levels[k - 1]))

        def drive(x: Array) -> None:
            self._drive(x[:rows], x[rows : rows + cols], *none, x[rows + cols :])

        here = at(0.0)
        drive(here)
        if not self._array.solve(1e-3 * tolerance):
            self._give_up("the start")
        self._array.begin(0.0)
        record = [(0.0, here, *self._array.currents())]
        states = [self._array.own()[self._nodes :]] if save_states else []
        watch(0.0, here, self._array)
        begun = self._array.statistics[0]
        t, step, least = 0.0, min(longest, 1e-3 * times[-1], 0.1 * times[1]), 1e-12 * times[-1]
        while t < times[-1]:
            corner = times[int(np.searchsorted(times, t * (1.0 + 1e-12), side="right"))]
            left = corner - t
            h = min(step, longest)
            lands = h >= left * (1.0 - 1e-9)
            h = left if lands else min(h, 0.5 * left) if h > 0.5 * left else h
            there = at(corner if lands else t + h)
            drive(there)
            accepted, step = self._array.step(h, tolerance)
            if accepted:
                t = float(corner) if lands else t + h
                record.append((t, there, *self._array.currents()))
                watch(t, there, self._array)
                if save_states:
                    states.append(self._array.own()[self._nodes :])
            elif step < least:
                self._raise_fatal()
                raise ConvergenceError(
                    f"the time step of the crossbar fell to {step:.1e} s at {t:.6e} s",
                    hint="steepen no waveform to a jump; check the cells' parameters",
                    result=self._result(record, states, begun),
                )
        return self._result(record, states, begun)

    def _result(self, record: list[Any], states: list[Array], begun: int) -> CrossbarTransient:
        rows, cols = self.cells.shape
        levels = np.array([r[1] for r in record])
        iterations, _, rejected, _ = self._array.statistics
        history = dict(zip(self.cells.states, np.array(states).swapaxes(0, 1), strict=True)) if states else {}
        return CrossbarTransient(
            np.array([r[0] for r in record]),
            levels[:, :rows],
            levels[:, rows : rows + cols],
            levels[:, rows + cols :],
            np.array([r[2] for r in record]),
            np.array([r[3] for r in record]),
            self.states(),
            history,
            rejected,
            iterations - begun,
        )
