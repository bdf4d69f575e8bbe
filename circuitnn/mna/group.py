"""The elements of a circuit by what gives their equations: groups of one device, behavioural elements, blocks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from circuitnn.netlist.flat import Element
from circuitnn.netlist.plain import PLAIN

if TYPE_CHECKING:
    from circuitnn.circuit.circuit import Circuit
    from circuitnn.netlist.table import Part


class Group:
    """Elements of one device class, in order, before they become a batch.

    Parameters
    ----------
    device : Device class
    circuit : Circuit
    """

    def __init__(self, device: Any, circuit: Circuit) -> None:
        self.device = device
        self.elements: list[Element] = []  # those that are objects
        self.values: list[dict[str, float]] = []
        self._places: list[int] = []
        self._table, self._index = circuit.elements, circuit.elements.columns().index
        self._part: Part | None = None
        self.places = np.zeros(0, np.int64)
        self._sequence: Any = slice(None)

    def add(self, place: int, element: Element, values: dict[str, float]) -> None:
        """Add an element that is an object."""
        self._places.append(place)
        self.elements.append(element)
        self.values.append(values)

    def close(self, part: Part | None) -> None:
        """Add the plain elements and put all in order."""
        self._part = part
        self.places = np.array(self._places, dtype=np.int64)
        if part is not None:
            self.places = np.concatenate([part.order, self.places])
            if self.elements:
                self._sequence = np.argsort(self.places)
                self.places = self.places[self._sequence]

    def __len__(self) -> int:
        return len(self.places)

    def element(self, k: int) -> Element:
        """Return the k-th element."""
        return self._table.at(int(self.places[k]))

    def find(self, name: str) -> int:
        """Return which element has a name, or -1."""
        place = self._table.place(name)
        k = int(np.searchsorted(self.places, place))
        return k if k < len(self.places) and self.places[k] == place else -1

    def names(self) -> list[str]:
        """Return the names of all."""
        if not self.elements:
            return self._table.names_at(self.places)
        return [self._table.name_at(place) for place in self.places.tolist()]

    def models(self) -> list[str | None]:
        """Return the models of all."""
        others = [element.model for element in self.elements]
        if self._part is None:
            return others
        both = [*([None] * len(self._part.order)), *others]
        return [both[k] for k in self._sequence] if self.elements else both

    def given(self) -> set[str]:
        """Return the names of the parameters that any element has a value of."""
        plain = set() if self._part is None else {PLAIN[self._part.letter], "m"}
        return plain.union(*self.values)

    def column(self, name: str, default: float) -> np.ndarray:
        """Return a parameter of all."""
        others = np.array([values.get(name, default) for values in self.values], dtype=float)
        part = self._part
        if part is None:
            return others
        given = part.values if name == PLAIN[part.letter] else part.multipliers if name == "m" else None
        plain = np.full(len(part.order), default) if given is None else given
        return np.concatenate([plain, others])[self._sequence] if self.elements else plain

    def nodes(self, terminal: int) -> np.ndarray:
        """Return the node of a terminal of all, by its number in the circuit's columns."""
        others = np.array([self._index[e.nodes[terminal]] for e in self.elements], dtype=np.int64)
        if self._part is None:
            return others
        return np.concatenate([self._part.nodes[terminal], others])[self._sequence]

    def columns(self) -> dict[str, np.ndarray]:
        """User parameters as arrays over the instances, NaN where not given."""
        columns = {}
        given = self.given()
        for name, param in self.device.params.items():
            default = np.nan if param.default is None else param.default
            columns[name] = self.column(name, default) if name in given else np.full(len(self), default)
        return columns


def grouped(circuit: Circuit) -> tuple[list[Group], list[Element], list[Element]]:
    """Return the groups in the order of their first elements, the behavioural elements and the blocks."""
    columns = circuit.elements.columns()
    groups: dict[Any, Group] = {}
    behavioural, blocks = [], []
    for place, element in columns.others:
        if element.expression is not None:
            behavioural.append(element)
            continue
        if element.letter == "a":
            blocks.append(element)
            continue
        device, values = circuit.device_of(element)
        if device not in groups:
            groups[device] = Group(device, circuit)
        groups[device].add(place, element, values)
    parts: dict[Any, Part] = {}
    for part in columns.parts:
        device = _device_of_part(circuit, part)
        parts[device] = part
        groups.setdefault(device, Group(device, circuit))
    for device, group in groups.items():
        group.close(parts.get(device))
    return sorted(groups.values(), key=lambda group: int(group.places[0])), behavioural, blocks


def _device_of_part(circuit: Circuit, part: Part) -> Any:
    """Return the device of plain elements, having checked those of the smallest and the largest number."""
    columns = [part.values] if part.multipliers is None else [part.values, part.multipliers]
    ends = {int(end) for column in columns for end in (column.argmin(), column.argmax())}
    found = [circuit.device_of(circuit.elements.at(int(part.order[k]))) for k in sorted(ends)]
    return found[0][0]
