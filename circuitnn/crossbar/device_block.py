"""Crossbars of device cells as elements of a circuit: currents that are no line, states that move in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar.array_block import ArrayBlock, Site
from circuitnn.crossbar.cells import Cells
from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.crossbar.linear_block import per_volt
from circuitnn.crossbar.programmed import programmed_states
from circuitnn.errors import CrossbarError
from circuitnn.netlist.flat import DataFile, Element, Model
from circuitnn.nonidealities.chain import Chain

if TYPE_CHECKING:
    from circuitnn.circuit.circuit import Circuit

Array = NDArray[np.float64]
_SOLVED = 1e-10  # tolerance of the voltages that are asked for


class DeviceBlock(ArrayBlock):
    """A crossbar whose cells are devices.

    Parameters
    ----------
    name : str
    cells : Cells
    r_word, r_bit : float, ohm
        Of each segment of wire, above 0.
    """

    linear = False

    def __init__(self, name: str, cells: Cells, r_word: float, r_bit: float) -> None:
        rows, cols = cells.shape
        super().__init__(name, rows, cols, [(k, k + 1) for k in range(rows + cols - 1)])
        self._array = Crossbar(cells, r_word, r_bit)
        self.states = cells.states
        self._start = self._flat(self._array.states)
        _, _, sizes = cells.made.bounds()
        self._scales = dict(zip(self.states, sizes.min(axis=1).tolist(), strict=True))
        self._last: tuple[bytes, Array, Array] | None = None

    def start(self) -> Array:
        """Return the initial states, shape (states * rows * cols,)."""
        return self._start

    def _flat(self, states: dict[str, Array]) -> Array:
        return np.concatenate([states[name].ravel() for name in self.states]) if self.states else np.zeros(0)

    def evaluate(self, v: Array, state: Array) -> tuple[Array, Array]:
        """Return the currents into the ports and the port admittance, states held."""
        key = v.tobytes() + state.tobytes()  # port currents that are asked for come from the same solution
        if self._last is None or self._last[0] != key:
            self._last = key, *self._array.ports(v, state)
        return self._last[1:]

    def advance(self, v0: Array, v1: Array, h: float, state: Array) -> Array:
        """Return the states after a step, the array solved at each of its own steps."""
        return self._array.advance(v0, v1, h, state)

    def inside(self, sites: Sequence[Site], v: Array, state: Array) -> tuple[Array, Array]:
        """Return the voltages of nodes and their derivatives by the port voltages."""
        cells = state.reshape(len(self.states), self.rows, self.cols)
        self._array.set_states(**dict(zip(self.states, cells, strict=True)))
        word, bit = v[: self.rows], v[self.rows :]
        solution = self._array.solve(word, v_bit=bit, tolerance=_SOLVED)
        values = [(solution.v_word if side == "word" else solution.v_bit)[i, j] for side, i, j in sites]
        return np.array(values), per_volt(self._array.linearised(word, v_bit=bit), sites)

    def scale(self, state: str) -> float:
        """Return the typical size of a state."""
        return self._scales[state]

    def state_of(self, where: tuple[str, int, int], state: Array) -> float:
        """Return the state ``(name, i, j)`` of a cell."""
        name, i, j = where
        return float(state.reshape(len(self.states), self.rows, self.cols)[self.states.index(name), i, j])


def device_block(
    element: Element, model: Model, circuit: Circuit, G: Array | None, values: dict[str, float], chain: Chain
) -> DeviceBlock:
    """Return the block of an element; given conductances set the initial states, which the non-idealities change."""
    shape = (element.vectors[0], element.vectors[1])
    spec = {key: circuit.models.get(name, name) for key, name in model.references.items()}
    place = model.place or element.place
    for card in spec.values():
        if (card if isinstance(card, str) else card.type) in circuit.devices:
            raise CrossbarError(
                f"{element.name}: the device of {model.name!r} is one that the deck writes itself",
                place=place,
                names=(element.name, model.name),
                expected="a device of the library, or a class that cn.register knows",
            )
    try:
        cells = Cells(spec["device"], shape, selector=spec.get("selector"), temp=circuit.options.temp)
        if G is not None:
            place = element.data.place if isinstance(element.data, DataFile) else element.place
            cells = replace(cells, state=programmed_states(cells, G))
        if chain:
            cells = replace(cells, effects=chain)
        return DeviceBlock(element.name, cells, values["rword"], values["rbit"])
    except CrossbarError as error:
        raise CrossbarError(
            f"{element.name}: {error.message}",
            place=place,
            expected=error.expected,
            hint=error.hint,
            names=(element.name, *error.names),
        ) from None
