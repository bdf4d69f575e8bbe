"""Runs of plain element lines, held in columns: what statements and flat elements look like when asked for.

Large decks are R, C, L, V and I lines with two nodes and a number. `_plain` reads them from the text into a table, and
a statement or an element is made of a row only when somebody looks at it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import numpy as np

from circuitnn.netlist.flat import GROUND, Element
from circuitnn.netlist.statements import ElementStatement, Statement

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from circuitnn.errors import Place
    from circuitnn.netlist._plain import PlainTable
    from circuitnn.netlist.lexer import Source

#: Letters of plain lines, and the parameter that their number is.
PLAIN = {"r": "resistance", "c": "capacitance", "l": "inductance", "v": "dc", "i": "dc"}
#: Where a multiplier makes no sense: parallel voltage sources hold the same voltage.
NO_MULTIPLIER = "v"


class PlainRun(Sequence[ElementStatement]):
    """Consecutive plain lines: rows ``start`` to ``stop`` of a table.

    Parameters
    ----------
    table : PlainTable
    source : Source
        The text that they were read from.
    body : int
        Number of the subcircuit that holds them.
    start, stop : int
    """

    __slots__ = ("_local", "_made", "body", "source", "start", "stop", "table")

    def __init__(self, table: PlainTable, source: Source, body: int, start: int, stop: int) -> None:
        self.table, self.source, self.body, self.start, self.stop = table, source, body, start, stop
        self._local: tuple[NDArray[np.int32], list[str]] | None = None
        self._made: list[ElementStatement] | None = None

    def __len__(self) -> int:
        return self.stop - self.start

    @overload
    def __getitem__(self, index: int) -> ElementStatement: ...
    @overload
    def __getitem__(self, index: slice) -> list[ElementStatement]: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return [self[k] for k in range(*index.indices(len(self)))]
        row = range(self.start, self.stop)[index]
        name, plus, minus, value, line = self.table.row(row)
        return ElementStatement(name, (plus, minus), {PLAIN[name[0]]: value}, place=self._place(line))

    def __iter__(self) -> Iterator[ElementStatement]:
        return (self[k] for k in range(len(self)))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, PlainRun):
            return NotImplemented
        if len(self) != len(other):
            return False
        mine, theirs = (run.table.columns(run.start, run.stop) for run in (self, other))
        if not all(np.array_equal(a, b) for a, b in ((mine[0], theirs[0]), (mine[2], theirs[2]))):
            return False
        if self.table.names(self.start, self.stop) != other.table.names(other.start, other.stop):
            return False
        names = [np.array(run.table.node_names(), dtype=object) for run in (self, other)]
        return bool(np.array_equal(names[0][mine[1]], names[1][theirs[1]]))

    __hash__ = None  # type: ignore[assignment]

    def _place(self, line: int) -> Place:
        text = self.source.line(line - 1)
        return self.source.place(line, len(text) - len(text.lstrip()) + 1)

    def place(self, row: int) -> Place:
        """Return where a row of the table was written."""
        return self._place(self.table.row(row)[4])

    def statements(self) -> list[ElementStatement]:
        """Return the statements, kept for those who ask again."""
        if self._made is None:
            self._made = list(self)
        return self._made

    def local_nodes(self) -> tuple[NDArray[np.int32], list[str]]:
        """Return the numbers of the nodes that the run touches, ascending, and their names."""
        if self._local is None:
            numbers = np.unique(self.table.columns(self.start, self.stop)[1])
            self._local = numbers, [self.table.node_name(k) for k in numbers.tolist()]
        return self._local


class Statements(Sequence[Statement]):
    """The statements of a netlist or of a subcircuit's body, in order; equal to any sequence of equal statements.

    Parameters
    ----------
    parts : iterable of Statement or PlainRun

    Attributes
    ----------
    parts : tuple of Statement or PlainRun
        As given: plain lines by the run.
    """

    __slots__ = ("parts",)

    def __init__(self, parts: Iterable[Statement | PlainRun]) -> None:
        self.parts = tuple(parts)

    def __len__(self) -> int:
        return sum([len(part) if isinstance(part, PlainRun) else 1 for part in self.parts])

    def __iter__(self) -> Iterator[Statement]:
        for part in self.parts:
            if isinstance(part, PlainRun):
                yield from part
            else:
                yield part

    @overload
    def __getitem__(self, index: int) -> Statement: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Statement, ...]: ...
    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return tuple(self)[index]
        left = range(len(self))[index]
        for part in self.parts:
            if not isinstance(part, PlainRun):
                if left == 0:
                    return part
                left -= 1
            elif left < len(part):
                return part[left]
            else:
                left -= len(part)
        raise IndexError(index)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Sequence) or isinstance(other, str):
            return NotImplemented
        if isinstance(other, Statements) and [_size(p) for p in self.parts] == [_size(p) for p in other.parts]:
            return self.parts == other.parts
        return len(self) == len(other) and all(a == b for a, b in zip(self, other, strict=True))

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(tuple(self))

    def __reduce__(self) -> Any:
        return Statements, (tuple(self),)


def _size(part: Statement | PlainRun) -> int:
    return len(part) if isinstance(part, PlainRun) else -1


def parts_of(body: Sequence[Statement]) -> Sequence[Statement | PlainRun]:
    """Return the parts of a body, plain lines by the run where it holds them so."""
    return body.parts if isinstance(body, Statements) else body


class Segment:
    """A run of plain lines expanded in one subcircuit instance, or at the top level.

    Parameters
    ----------
    run : PlainRun
    prefix : str
        ``""`` at the top, ``"x1."`` in an instance.
    multiplier : float
        Number of instances in parallel.
    names : list of str, optional
        Flat names of ``run.local_nodes()``; at the top level names are flat as they are.
    """

    __slots__ = ("multiplier", "names", "prefix", "run")

    def __init__(
        self, run: PlainRun, prefix: str = "", multiplier: float = 1.0, names: list[str] | None = None
    ) -> None:
        self.run, self.prefix, self.multiplier, self.names = run, prefix, multiplier, names

    def __len__(self) -> int:
        return len(self.run)

    def element(self, k: int) -> Element:
        """Return the k-th element."""
        run = self.run
        name, plus, minus, value, _ = run.table.row(run.start + k)
        letter = name[0]
        params = {PLAIN[letter]: value}
        if self.multiplier != 1.0 and letter not in NO_MULTIPLIER:
            params["m"] = self.multiplier
        if self.names is None:
            nodes = tuple([GROUND if node == "gnd" else node for node in (plus, minus)])
        else:
            numbers = run.table.columns(run.start + k, run.start + k + 1)[1][:, 0]
            nodes = tuple([self.names[at] for at in np.searchsorted(run.local_nodes()[0], numbers).tolist()])
        return Element(self.prefix + name, nodes, params, place=run.place(run.start + k))

    def name(self, k: int) -> str:
        """Return the name of the k-th element."""
        return self.prefix + self.run.table.name(self.run.start + k)

    def element_names(self) -> list[str]:
        """Return the names of all elements."""
        names = self.run.table.names(self.run.start, self.run.stop)
        return [self.prefix + name for name in names] if self.prefix else names

    def find(self, local: str) -> int:
        """Return which element has a name (without the prefix), or -1."""
        run = self.run
        row = run.table.find(run.body, local)
        return row - run.start if run.start <= row < run.stop else -1
