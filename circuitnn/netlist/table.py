"""The elements of a flat circuit by name, in order: plain ones in columns, the others as objects."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import ItemsView, Iterator, Mapping, MutableMapping, Sequence, ValuesView
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from circuitnn.netlist._plain import rank_by_first
from circuitnn.netlist.flat import GROUND, Element
from circuitnn.netlist.plain import NO_MULTIPLIER, PLAIN, Segment

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(slots=True)
class Part:
    """Plain elements of one letter, in columns over the elements.

    Parameters
    ----------
    letter : str
    order : ndarray of int64, shape (m,)
        Place of each element in the circuit's order.
    nodes : ndarray of int32, shape (2, m)
        Numbers of nodes in ``Columns.nodes``.
    values : ndarray, shape (m,)
        Ohms, farads, henries, volts or amperes, by letter.
    multipliers : ndarray, shape (m,), optional
        ``m`` of each element; absent where all are 1.
    """

    letter: str
    order: NDArray[np.int64]
    nodes: NDArray[np.int32]
    values: NDArray[np.float64]
    multipliers: NDArray[np.float64] | None


@dataclass(slots=True)
class Columns:
    """All elements of a circuit as arrays.

    Parameters
    ----------
    nodes : list of str
        Names in the order in which elements name them first, ground among them.
    parts : list of Part
        The plain elements.
    others : list of (int, Element)
        Every other element and its place in the order.
    terminals : ndarray of int32
        Nodes of the elements one after the other, in order.
    owner : ndarray of int64
        For each of ``terminals`` the place of its element in the order.
    index : dict of str to int
        The number of each node in ``nodes``.
    """

    nodes: list[str]
    parts: list[Part]
    others: list[tuple[int, Element]]
    terminals: NDArray[np.int32]
    owner: NDArray[np.int64]
    index: dict[str, int]


class ElementTable(MutableMapping[str, Element]):
    """Elements by name, in the order in which they were added; a mapping that makes plain elements when asked.

    Attributes
    ----------
    version : int
        Changes whenever the table does.

    Examples
    --------
    >>> table = ElementTable()
    >>> table["r1"] = Element("r1", ("a", "0"), {"resistance": 1.0})
    >>> list(table), table.columns().nodes
    (['r1'], ['a', '0'])
    """

    def __init__(self, elements: Mapping[str, Element] | None = None) -> None:
        self.version = 0
        self._own: dict[str, Element] = {}
        self._place: dict[str, int] = {}  # of own elements, in the circuit's order
        self._sorted = True
        self._segments: list[Segment] = []
        self._firsts: list[int] = []  # place of the first element of each segment
        # Which segments, by first row, hold the lines of a body that is expanded with a prefix.
        self._bodies: dict[str, dict[int, list[tuple[int, int]]]] = {}
        self._gone: dict[str, int] = {}  # plain elements that were replaced or removed, and their places
        self._next = 0
        self._columns: tuple[int, Columns] | None = None
        self._places: tuple[int, list[int], list[str]] | None = None
        if elements:
            self.update(elements)

    def copy(self) -> ElementTable:
        """Return a table of the same elements that can be changed on its own."""
        other = ElementTable()
        other._own, other._place, other._gone = dict(self._own), dict(self._place), dict(self._gone)
        other._sorted, other._next = self._sorted, self._next
        other._segments, other._firsts = list(self._segments), list(self._firsts)
        other._bodies = {p: {b: list(rows) for b, rows in bodies.items()} for p, bodies in self._bodies.items()}
        if self._columns is not None and self._columns[0] == self.version:
            other._columns = (other.version, self._columns[1])
        return other

    def __reduce__(self) -> Any:
        return ElementTable, (dict(self.items()),)

    # ------------------------------------------------------------------ a mapping
    def _find(self, name: str) -> int:
        """Return the place of a plain element, or -1."""
        prefix, dot, local = name.rpartition(".")
        for rows in self._bodies.get(prefix + dot, {}).values():
            run = self._segments[rows[0][1]].run
            row = run.table.find(run.body, local)
            if row < 0:
                continue
            k = rows[bisect_right(rows, (row, len(self._segments))) - 1][1]
            segment = self._segments[k]
            if segment.run.start <= row < segment.run.stop and name not in self._gone:
                return self._firsts[k] + row - segment.run.start
        return -1

    def _segment(self, place: int) -> tuple[Segment, int] | None:
        """Return where a place lies among the plain elements, there still or not; None where another kind is."""
        k = bisect_right(self._firsts, place) - 1
        if k < 0 or place - self._firsts[k] >= len(self._segments[k]):
            return None
        return self._segments[k], place - self._firsts[k]

    def __getitem__(self, name: str) -> Element:
        own = self._own.get(name)
        if own is not None:
            return own
        found = self._segment(self._find(name)) if isinstance(name, str) else None
        if found is None:
            raise KeyError(name)
        return found[0].element(found[1])

    def __contains__(self, name: object) -> bool:
        return name in self._own or (isinstance(name, str) and self._find(name) >= 0)

    def __setitem__(self, name: str, element: Element) -> None:
        self.version += 1
        if name not in self._own:
            place = self._find(name)
            if place < 0:
                place, self._next = self._next, self._next + 1
            else:
                self._gone[name] = place
                self._sorted = False
            self._place[name] = place
        self._own[name] = element

    def __delitem__(self, name: str) -> None:
        if name in self._own:
            del self._own[name], self._place[name]
        else:
            place = self._find(name)
            if place < 0:
                raise KeyError(name)
            self._gone[name] = place
        self.version += 1

    def __len__(self) -> int:
        return len(self._own) + sum([len(segment) for segment in self._segments]) - len(self._gone)

    def __iter__(self) -> Iterator[str]:
        return (element.name for element in self._ordered())

    def values(self) -> ValuesView[Element]:
        """Return the elements in order."""
        return _Values(self)

    def items(self) -> ItemsView[str, Element]:
        """Return names and elements in order."""
        return _Items(self)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Mapping):
            return NotImplemented
        return dict(self.items()) == dict(other.items())

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"ElementTable({len(self)} elements)"

    def add_segment(self, segment: Segment) -> str | None:
        """Add plain elements; return a name that is taken, with nothing added, where there is one."""
        run = segment.run
        bodies = self._bodies.setdefault(segment.prefix, {})
        rows = bodies.get(run.body)
        # Lines of one body have different names; other lines with this prefix need a look.
        if len(bodies) > (rows is not None) or (rows and self._segments[rows[-1][1]].run.stop > run.start):
            taken = next((name for name in segment.element_names() if name in self), None)
            if taken is not None:
                return taken
        bodies.setdefault(run.body, []).append((run.start, len(self._segments)))
        self._segments.append(segment)
        self._firsts.append(self._next)
        self._next += len(segment)
        self.version += 1
        return None

    def append(self, element: Element) -> None:
        """Add an element whose name is known to be new."""
        self._own[element.name] = element
        self._place[element.name] = self._next
        self._next += 1
        self.version += 1

    # ------------------------------------------------------------------ in order
    def _sort(self) -> None:
        if not self._sorted:
            self._place = dict(sorted(self._place.items(), key=lambda item: item[1]))
            self._own = {name: self._own[name] for name in self._place}
            self._sorted = True

    def _ordered(self) -> Iterator[Element]:
        """Yield all elements in order."""
        self._sort()
        if not self._segments:
            yield from self._own.values()
            return
        own = iter(zip(self._place.values(), self._own.values(), strict=True))
        at, element = next(own, (self._next, None))
        for first, segment in zip(self._firsts, self._segments, strict=True):
            for k in range(len(segment)):
                while at <= first + k and element is not None:
                    yield element
                    at, element = next(own, (self._next, None))
                made = segment.element(k)
                if not self._gone or made.name not in self._gone:
                    yield made
        while element is not None:
            yield element
            at, element = next(own, (self._next, None))

    # ------------------------------------------------------------------ as arrays
    def place(self, name: str) -> int:
        """Return the place of an element in the order, or -1."""
        place = self._place.get(name)
        return self._find(name) if place is None else place

    def at(self, place: int) -> Element:
        """Return the element at a place of the order of `columns`; IndexError where none is left."""
        found = self._segment(place)
        if found is None or (self._gone and found[0].name(found[1]) in self._gone):
            return self._own[self._own_name(place)]
        return found[0].element(found[1])

    def name_at(self, place: int) -> str:
        """Return the name of the element at a place; IndexError where none is left."""
        found = self._segment(place)
        name = found[0].name(found[1]) if found else ""
        return self._own_name(place) if found is None or name in self._gone else name

    def _own_name(self, place: int) -> str:
        if self._places is None or self._places[0] != self.version:
            self._sort()
            self._places = (self.version, [*self._place.values()], [*self._place])
        _, places, names = self._places
        k = bisect_left(places, place)
        if k == len(places) or places[k] != place:
            raise IndexError(place)
        return names[k]

    def names_at(self, places: NDArray[np.int64]) -> list[str]:
        """Return the names of plain elements at ascending places of the order."""
        found: list[str] = []
        for first, segment in zip(self._firsts, self._segments, strict=True):
            low, high = np.searchsorted(places, [first, first + len(segment)])
            wanted = (places[low:high] - first).tolist()
            if len(wanted) == len(segment):
                found += segment.element_names()
            elif 8 * len(wanted) > len(segment):
                names = segment.element_names()
                found += [names[k] for k in wanted]
            else:
                found += [segment.name(k) for k in wanted]
        return found

    def columns(self) -> Columns:
        """Return the elements as arrays, made anew only after a change."""
        if self._columns is None or self._columns[0] != self.version:
            self._sort()
            self._columns = (self.version, _Assembly(self).columns)
        return self._columns[1]


class _Values(ValuesView[Element]):
    def __init__(self, table: ElementTable) -> None:
        super().__init__(table)
        self._table = table

    def __iter__(self) -> Iterator[Element]:
        return self._table._ordered()


class _Items(ItemsView[str, Element]):
    def __init__(self, table: ElementTable) -> None:
        super().__init__(table)
        self._table = table

    def __iter__(self) -> Iterator[tuple[str, Element]]:
        return ((element.name, element) for element in self._table._ordered())


class ElementList(Sequence[Element]):
    """The elements of a table that nothing is taken out of, as a sequence.

    Attributes
    ----------
    table : ElementTable
    """

    __slots__ = ("table",)

    def __init__(self, table: ElementTable) -> None:
        self.table = table

    def __len__(self) -> int:
        return len(self.table)

    def __iter__(self) -> Iterator[Element]:
        return iter(self.table.values())

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return list(self)[index]
        return self.table.at(range(len(self))[index])

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))


class _Assembly:
    """Puts the columns of all segments together: one numbering of nodes, one part a letter."""

    def __init__(self, table: ElementTable) -> None:
        self._table = table
        self._base = table._segments[0].run.table if table._segments else None
        self._names = self._base.node_names() if self._base is not None else []
        self._extra: dict[str, int] = {}
        chunks = self._top()
        chunks += [self._instance(k) for k, s in enumerate(table._segments) if not self._is_top(s)]
        others = [(place, table._own[name]) for name, place in table._place.items()]
        terminals, owner = [c[2].T.ravel() for c in chunks], [np.repeat(c[0], 2) for c in chunks]
        if others:
            own, places = self._others(others)
            terminals.append(own)
            owner.append(places)
        stream, places = _joined(terminals, np.int32), _joined(owner, np.int64)
        if len(terminals) > 1:
            order = np.argsort(places, kind="stable")
            stream, places = stream[order], places[order]
        every = [*self._names, *self._extra]
        rank, used = rank_by_first(stream, len(every))
        names = [every[k] for k in used.tolist()]
        parts = []
        for letter in PLAIN:
            part = _part(letter, chunks, rank)
            if part is not None:
                parts.append(part)
        index = dict(zip(names, range(len(names)), strict=True))
        self.columns = Columns(names, parts, others, rank[stream], places, index)

    # A chunk is (places, letters, nodes, values, multiplier).
    def _is_top(self, segment: Segment) -> bool:
        return segment.names is None and segment.run.table is self._base

    def _top(self) -> list[Any]:
        """Return the elements of the top level as one chunk: there may be as many runs as lines of other kinds."""
        table = self._table
        which = [k for k, segment in enumerate(table._segments) if self._is_top(segment)]
        if not which or self._base is None:
            return []
        firsts = np.array([table._firsts[k] for k in which], dtype=np.int64)
        starts = np.array([table._segments[k].run.start for k in which], dtype=np.int64)
        lengths = np.array([len(table._segments[k]) for k in which], dtype=np.int64)
        within = np.arange(lengths.sum()) - np.repeat(np.cumsum(lengths) - lengths, lengths)
        places, rows = np.repeat(firsts, lengths) + within, np.repeat(starts, lengths) + within
        low = int(rows[0])
        letters, nodes, values = self._base.columns(low, int(rows[-1]) + 1)
        if len(rows) < len(values):
            letters, nodes, values = letters[rows - low], nodes[:, rows - low], values[rows - low]
        nodes[nodes == 1] = 0  # gnd
        return [self._kept((places, letters, nodes, values, 1.0))]

    def _instance(self, k: int) -> Any:
        """Return the chunk of one segment in a subcircuit instance, or of a second text."""
        segment, first = self._table._segments[k], self._table._firsts[k]
        letters, nodes, values = segment.run.table.columns(segment.run.start, segment.run.stop)
        numbers, names = segment.run.local_nodes()
        flat = [GROUND if name == "gnd" else name for name in names] if segment.names is None else segment.names
        known = np.array([self._number(name) for name in flat], dtype=np.int32)
        places = np.arange(first, first + len(segment), dtype=np.int64)
        nodes = known[np.searchsorted(numbers, nodes)]
        return self._kept((places, letters, nodes, values, segment.multiplier))

    def _kept(self, chunk: Any) -> Any:
        """Return a chunk without the elements that are gone."""
        if not self._table._gone:
            return chunk
        kept = ~np.isin(chunk[0], np.fromiter(self._table._gone.values(), np.int64))
        return (chunk[0][kept], chunk[1][kept], chunk[2][:, kept], chunk[3][kept], chunk[4])

    def _number(self, name: str) -> int:
        known = self._base.find_node(name) if self._base is not None else -1
        if known < 0:
            known = self._extra.setdefault(name, len(self._names) + len(self._extra))
        return known

    def _others(self, others: list[tuple[int, Element]]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the nodes of the other elements one after the other, and the places of their elements."""
        number: dict[str, int] = {}
        flat, owner = [], []
        for place, element in others:
            for node in element.nodes:
                known = number.get(node)
                if known is None:
                    known = number[node] = self._number(node)
                flat.append(known)
                owner.append(place)
        return np.array(flat, dtype=np.int32), np.array(owner, dtype=np.int64)


def _joined(arrays: list[Any], dtype: Any) -> Any:
    return np.concatenate(arrays) if arrays else np.zeros(0, dtype)


def _part(letter: str, chunks: list[Any], rank: NDArray[np.int32]) -> Part | None:
    """Return the elements of one letter, in order."""
    masks = [chunk[1] == ord(letter) for chunk in chunks]
    if not any(mask.any() for mask in masks):
        return None
    places, nodes, values = (
        np.concatenate([chunk[k][..., mask] for chunk, mask in zip(chunks, masks, strict=True)], axis=-1)
        for k in (0, 2, 3)
    )
    factors = None
    if letter not in NO_MULTIPLIER and any(chunk[4] != 1.0 for chunk in chunks):
        factors = np.concatenate([np.full(mask.sum(), c[4]) for c, mask in zip(chunks, masks, strict=True)])
    if len(chunks) > 1:
        order = np.argsort(places)
        places, nodes, values = places[order], nodes[:, order], values[order]
        factors = None if factors is None else factors[order]
    return Part(letter, places, rank[nodes], values, factors)
