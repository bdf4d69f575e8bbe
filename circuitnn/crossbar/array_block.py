"""What crossbars as elements of a circuit have in common: their ports, and the names of what is inside."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import CircuitError
from circuitnn.mna.block import Output
from circuitnn.netlist.probes import InnerVector

Array = NDArray[np.float64]
Site = tuple[str, int, int]
_SIDES = ("word", "bit")


class ArrayBlock:
    """A crossbar between the left ends of its word lines and the lower ends of its bit lines.

    Each port is one segment of wire away from the nearest cell, as in `circuitnn.Crossbar`. What cells are made of,
    the subclasses know.

    Parameters
    ----------
    name : str
        Of the element, for messages.
    rows, cols : int
    links : list of (int, int)
        Pairs of ports that join all ports between which direct current can flow.
    """

    linear = True
    states: tuple[str, ...] = ()

    def __init__(self, name: str, rows: int, cols: int, links: list[tuple[int, int]]) -> None:
        self.name, self.rows, self.cols, self.links = name, rows, cols, links
        self.ports = rows + cols

    def start(self) -> Array:
        """Return the initial states, of which linear cells have none."""
        return np.zeros(0)

    def advance(self, v0: Array, v1: Array, h: float, state: Array) -> Array:
        """Return the states after a step; see `circuitnn.mna.block.Block`."""
        return state

    def evaluate(self, v: Array, state: Array) -> tuple[Array, Array]:
        """Return the currents into the ports and the port admittance; see `circuitnn.mna.block.Block`."""
        raise NotImplementedError

    def inside(self, sites: Sequence[Site], v: Array, state: Array) -> tuple[Array, Array]:
        """Return the voltages of nodes ``("word" or "bit", i, j)`` and their derivatives by the port voltages."""
        raise NotImplementedError

    def output(self, vector: InnerVector) -> Output:
        """Return what a name stands for.

        ``v(NAME.word[i,j])`` and ``v(NAME.bit[i,j])`` are nodes, ``i(NAME.word[i])`` and ``i(NAME.bit[j])`` currents
        into ports, ``@NAME[STATE[i,j]]`` states of cells.
        """
        known = vector.part in (self.states if vector.kind == "@" else _SIDES)
        size: tuple[int, ...] = (self.rows, self.cols)
        if vector.kind == "i":
            size = (self.rows,) if vector.part == "word" else (self.cols,)
        if not known or len(vector.index) != len(size) or any(k >= n for k, n in zip(vector.index, size, strict=True)):
            inner = f"{vector.part}[{','.join([f'0..{n - 1}' for n in size])}]"
            right = f"@{self.name}[{inner}]" if vector.kind == "@" else f"{vector.kind}({self.name}.{inner})"
            every = [f"v({self.name}.word[i,j])", f"v({self.name}.bit[i,j])", f"i({self.name}.word[i])"]
            every += [f"i({self.name}.bit[j])", *[f"@{self.name}[{state}[i,j]]" for state in self.states]]
            raise CircuitError(
                f"{vector}: there is no such thing in {self.name}, {self.rows} word lines by {self.cols} bit lines",
                names=(self.name, str(vector)),
                expected=right if known else ", ".join(every),
            )
        if vector.kind == "@":
            return Output("state", (vector.part, *vector.index), self.scale(vector.part))
        return Output("voltage" if vector.kind == "v" else "current", (vector.part, *vector.index))

    def scale(self, state: str) -> float:
        """Return the typical size of a state."""
        raise NotImplementedError

    def state_of(self, where: tuple[str, int, int], state: Array) -> float:
        """Return the state ``(name, i, j)`` of a cell."""
        raise NotImplementedError

    def observe(self, outputs: Sequence[Output], v: Array, state: Array) -> tuple[Array, Array]:
        """Return the values of outputs and their derivatives by the port voltages; see `circuitnn.mna.block.Block`."""
        values, slopes = np.empty(len(outputs)), np.zeros((len(outputs), self.ports))
        nodes = [k for k, output in enumerate(outputs) if output.kind == "voltage"]
        if nodes:
            values[nodes], slopes[nodes] = self.inside([outputs[k].where for k in nodes], v, state)
        if any(output.kind == "current" for output in outputs):
            currents, admittance = self.evaluate(v, state)
        for k, output in enumerate(outputs):
            if output.kind == "current":
                side, line = output.where
                port = line if side == "word" else self.rows + line
                values[k], slopes[k] = currents[port], admittance[port]
            elif output.kind == "state":
                values[k] = self.state_of(output.where, state)
        return values, slopes
