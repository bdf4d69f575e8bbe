"""Device cells of an array taken one by one, each between sources of its own behind the resistances of its lines."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.crossbar._array import Apart
from circuitnn.crossbar.cells import Cells
from circuitnn.crossbar.stored import thread_count
from circuitnn.errors import ConvergenceError

Array = NDArray[np.float64]
Index = NDArray[np.int64]


class Feed(NamedTuple):
    """What cells are connected to, each a number or one a cell.

    Attributes
    ----------
    word, bit : V
        Open-circuit voltages of the cell's word and bit line.
    r_word, r_bit : ohm
        Resistances behind which the cell sees them.
    gate : V
        Of its row's gate line.
    """

    word: ArrayLike
    bit: ArrayLike
    r_word: ArrayLike
    r_bit: ArrayLike
    gate: ArrayLike


class CellsApart:
    """States of an array of device cells, and what currents and pulses through single cells do.

    Parameters
    ----------
    cells : Cells

    Attributes
    ----------
    own : ndarray, shape (nodes + states, cells)
        Own node voltages and states, cell after cell, row by row.

    Examples
    --------
    >>> apart = CellsApart(Cells("hfo2", (1, 2), state={"w": [[0.0, 3e-9]]}))       # 10 kohm, 1 Mohm
    >>> (apart.currents(np.arange(2), Feed(0.2, 0.0, 0.0, 10e3, 0.0)) * 1e6).round(3).tolist()
    [10.0, 0.198]
    >>> spent, _ = apart.pulse(np.array([1]), Feed(-1.2, 0.0, 0.0, 0.0, 0.0), (1e-9, 50e-9, 1e-9))
    >>> (apart.states["w"] * 1e9).round(3).tolist()                            # 0.01 m/s (1.2 / 0.6 - 1)^3 for 50 ns
    [[0.0, 2.497]]
    """

    def __init__(self, cells: Cells) -> None:
        self.cells = cells
        self.own = cells.made.start()
        self._low, self._high, self._scale = cells.made.bounds()
        self._last: tuple[Index, Apart] | None = None

    @property
    def states(self) -> dict[str, Array]:
        """States by name, each of the array's shape; views."""
        shape, nodes = self.cells.shape, self.cells.made.nodes
        return {name: self.own[nodes + k].reshape(shape) for k, name in enumerate(self.cells.states)}

    def _chosen(self, at: Index) -> Apart:
        made = self.cells.made
        if self._last is None or not np.array_equal(self._last[0], at):
            tables = (table[:, at] for table in (self._low, self._high, self._scale))
            parts = [(kernel, where, param[:, at]) for kernel, where, param in made.parts]
            self._last = at.copy(), Apart(len(at), parts, made.nodes, len(made.states), *tables)
        apart = self._last[1]
        apart.set_own(self.own[:, at])
        return apart

    def currents(self, at: Index, feed: Feed) -> Array:
        """Return the currents through some cells, states held, (k,), A.

        Parameters
        ----------
        at : ndarray of int, shape (k,)
            Numbers of the cells, row by row.
        feed : Feed

        Raises
        ------
        ConvergenceError
            When Newton's method fails.
        """
        if not len(at):
            return np.zeros(0)
        found = self._chosen(at).currents(feed[:4], feed.gate)
        if found is None:
            raise ConvergenceError("the currents of single cells did not converge", hint="check the cells' parameters")
        return np.asarray(found)

    def pulse(
        self,
        at: Index,
        feed: Feed,
        times: tuple[float, float, float],
        *,
        repeat: ArrayLike = 1.0,
        steps: int = 20,
        tolerance: float = 1e-4,
    ) -> tuple[Array, Array]:
        """Apply a trapezoidal pulse to some cells and move their states.

        Parameters
        ----------
        at : ndarray of int, shape (k,)
        feed : Feed
            At the top of the pulse; gates stay.
        times : (float, float, float), s
            Of rise, top and fall.
        repeat : float or array_like, shape (k,)
            So many pulses, taken as one that is so many times as long: the same for states that are slow beside the
            pulse. None at all leaves a cell as it is.
        steps : int
            Least number of steps of the top.
        tolerance : float
            Error of a step of a state, relative to the distance of its bounds.

        Returns
        -------
        cells, sources : ndarray, shape (k,), J
            Dissipated in each cell, and delivered by the open-circuit voltages.

        Raises
        ------
        ConvergenceError
            When Newton's method or the step control gives up; states then stay as they were.
        """
        if not len(at):
            return np.zeros(0), np.zeros(0)
        apart = self._chosen(at)
        done = apart.apply((*feed[:4], repeat), feed.gate, times, tolerance, steps, thread_count(8 * len(at)))
        if done is None:
            raise ConvergenceError(
                "a pulse on single cells could not be integrated", hint="lower its voltage, or check the parameters"
            )
        nodes = self.cells.made.nodes
        own = np.asarray(apart.own()).reshape(len(self.own), -1)
        own[nodes:] = np.clip(own[nodes:], self._low[:, at], self._high[:, at])  # beside which a step may leave them
        self.own[:, at] = own
        return done
