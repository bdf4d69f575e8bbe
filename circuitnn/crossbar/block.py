"""A crossbar as an element of a circuit: ``.model NAME crossbar (...)`` and the A elements that use it."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from circuitnn.crossbar.checks import conductances
from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.crossbar.matrix_file import read_matrix
from circuitnn.devices.declare import Param
from circuitnn.errors import CircuitError, CrossbarError, DeviceError, nearest
from circuitnn.mna.block import FindDevice, Output
from circuitnn.netlist.flat import DataArray, Element, Model
from circuitnn.netlist.probes import InnerVector

Array = NDArray[np.float64]

#: Parameters of the model card and, with ``on="both"``, of the element.
PARAMS = {
    "rword": Param(1.0, "ohm", low=0.0, doc="resistance of a segment of a word line", on="model"),
    "rbit": Param(1.0, "ohm", low=0.0, doc="resistance of a segment of a bit line", on="model"),
    "g": Param(None, "S", low=0.0, doc="conductance of all cells"),
    "m": Param(1.0, "1", low=0.0, exclusive=True, doc="arrays in parallel", on="instance"),
}
_SIDES = ("word", "bit")
_EXACT = 1e-11  # tolerance of what serves every later iteration
_HELD = 2**22  # node voltages held at a time


class CrossbarBlock:
    """A crossbar of linear cells between the left ends of its word lines and the lower ends of its bit lines.

    Each port is one segment of wire away from the nearest cell, as in `circuitnn.Crossbar`.

    Parameters
    ----------
    name : str
        Of the element, for messages.
    G : ndarray, shape (rows, cols), S
    r_word, r_bit : float, ohm
        Of each segment of wire.

    Examples
    --------
    >>> block = CrossbarBlock("a1", np.array([[1e-3]]), r_word=100.0, r_bit=400.0)
    >>> block.evaluate(np.array([1.5, 0.0]), block.start())[0].round(9).tolist()
    [0.001, -0.001]
    """

    references: ClassVar[tuple[str, ...]] = ()
    linear = True

    def __init__(self, name: str, G: Array, r_word: float, r_bit: float) -> None:
        self.name = name
        self.rows, self.cols = G.shape
        self.ports = self.rows + self.cols
        self.links = _links(G)
        self._array = Crossbar(G, r_word, r_bit)

    @classmethod
    def from_element(cls, element: Element, model: Model, device: FindDevice) -> Self:
        """Return the block of an element.

        Raises
        ------
        CircuitError, DeviceError
            For parameters that there are not, or out of their range.
        CrossbarError, FileError
            For conductances that are missing, negative or of another shape.
        """
        values = _values(element, model)
        shape = (element.vectors[0], element.vectors[1])
        return cls(element.name, _matrix(element, values, shape), values["rword"], values["rbit"])

    def start(self) -> Array:
        """Return no states."""
        return np.zeros(0)

    def evaluate(self, v: Array, state: Array) -> tuple[Array, Array]:
        """Return the currents into the ports and the port admittance; see `circuitnn.mna.block.Block`."""
        return self._admittance @ v, self._admittance

    @cached_property
    def _admittance(self) -> Array:
        return self._array.admittance()

    def advance(self, v0: Array, v1: Array, h: float, state: Array) -> Array:
        """Return the states, of which there are none."""
        return state

    def output(self, vector: InnerVector) -> Output:
        """Return the node ``v(NAME.word[i,j])``, ``v(NAME.bit[i,j])`` or the port ``i(NAME.word[i])``."""
        size: tuple[int, ...] = (self.rows, self.cols)
        if vector.kind == "i":
            size = (self.rows,) if vector.part == "word" else (self.cols,)
        known = vector.part in _SIDES and vector.kind in ("v", "i")
        if not known or len(vector.index) != len(size) or any(k >= n for k, n in zip(vector.index, size, strict=True)):
            ranges = ",".join([f"0..{n - 1}" for n in size])
            raise CircuitError(
                f"{vector}: there is no such thing in {self.name}, {self.rows} word lines by {self.cols} bit lines",
                names=(self.name, str(vector)),
                expected=f"{vector.kind}({self.name}.{vector.part}[{ranges}])"
                if known
                else f"v({self.name}.word[i,j]), v({self.name}.bit[i,j]), i({self.name}.word[i]) or "
                f"i({self.name}.bit[j])",
            )
        return Output("voltage" if vector.kind == "v" else "current", (vector.part, *vector.index))

    def observe(self, outputs: Sequence[Output], v: Array, state: Array) -> tuple[Array, Array]:
        """Return the values of outputs and their derivatives by the port voltages."""
        slopes = np.empty((len(outputs), self.ports))
        nodes = [k for k, output in enumerate(outputs) if output.kind == "voltage"]
        if nodes:
            slopes[nodes] = self._per_volt([outputs[k].where for k in nodes])
        for k, output in enumerate(outputs):
            if output.kind == "current":
                side, line = output.where
                slopes[k] = self._admittance[line if side == "word" else self.rows + line]
        return slopes @ v, slopes

    def _per_volt(self, sites: Sequence[tuple[str, int, int]]) -> Array:
        """Return the voltages of nodes ``("word" or "bit", i, j)`` for one volt at each port, shape (sites, ports)."""
        found = np.empty((len(sites), self.ports))
        unit = np.eye(self.ports)
        step = max(1, _HELD // (self.rows * self.cols))
        for k in range(0, self.ports, step):
            part = unit[k : k + step]
            solution = self._array.solve(part[:, : self.rows], v_bit=part[:, self.rows :], tolerance=_EXACT)
            for site, (side, i, j) in enumerate(sites):
                nodes = solution.v_word if side == "word" else solution.v_bit
                found[site, k : k + step] = nodes[:, i, j]
        return found


def _values(element: Element, model: Model) -> dict[str, float]:
    """Return the parameters of a card and an element, each checked, the element's before the card's."""
    values = {name: param.default for name, param in PARAMS.items() if param.default is not None}
    for where, given, owner, place in (
        ("model", model.params, f"{element.name}, model {model.name}", model.place or element.place),
        ("instance", element.params, element.name, element.place),
    ):
        for name, value in given.items():
            param = PARAMS.get(name)
            if param is None or param.on not in ("both", where):
                known = [key for key, other in PARAMS.items() if other.on in ("both", where)]
                raise CircuitError(
                    f"{owner}: a crossbar has no {'element ' if where == 'instance' else ''}parameter {name!r}",
                    place=place,
                    names=(element.name, name),
                    expected=f"one of {', '.join([*known, *(CrossbarBlock.references if where == 'model' else ())])}",
                    hint=nearest(name, known),
                )
            try:
                param.check("a crossbar", name, value)
            except DeviceError as error:
                raise DeviceError(
                    f"{owner}: {error.message}", place=place, expected=error.expected, names=(element.name, name)
                ) from None
            values[name] = value
    return values


def _matrix(element: Element, values: dict[str, float], shape: tuple[int, int]) -> Array:
    """Return the conductances of the cells."""
    if isinstance(element.data, DataArray):
        given, place = element.data.values, element.place
    elif element.data is not None:
        given, place = read_matrix(element.data, shape), element.data.place or element.place
    elif "g" in values:
        given, place = np.full(shape, values["g"]), element.place
    else:
        raise CrossbarError(
            f"{element.name} has no conductances",
            place=element.place,
            names=(element.name,),
            expected='g=siemens or g="file.npz:array" on the element, or g=siemens in the model card',
        )
    try:
        G = conductances(given)
    except CrossbarError as error:
        raise CrossbarError(
            f"{element.name}: {error.message}", place=place, expected=error.expected, names=(element.name,)
        ) from None
    if G.shape != shape:
        raise CrossbarError(
            f"{element.name}: conductances of shape {G.shape}",
            place=place,
            names=(element.name,),
            expected=f"{shape}: a row for each word line, a column for each bit line",
            hint="transpose them" if G.shape == shape[::-1] else None,
        )
    return G


def _links(G: Array) -> list[tuple[int, int]]:
    """Return pairs of ports that join all ports between which the cells conduct."""
    rows, cols = G.shape
    word, bit = np.nonzero(G)
    joined = csr_array((np.ones(len(word)), (word, rows + bit)), shape=(rows + cols, rows + cols))
    _, label = connected_components(joined, directed=False)
    order = np.argsort(label, kind="stable")
    together = label[order][1:] == label[order][:-1]
    return [(int(a), int(b)) for a, b in zip(order[:-1][together], order[1:][together], strict=True)]


EXPORT = CrossbarBlock
