"""The one exception tree: every error says where, what was found, what was expected, and how to mend it."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

_MOST_TEXT = 200  # characters of a line in messages
#: Mistakes of a deck that are printed.
SHOWN = 50
#: Mistakes after which reading stops.
MOST = 1000


@dataclass(frozen=True, slots=True)
class Place:
    """A position in a netlist text.

    Parameters
    ----------
    file : str
        File name as the user gave it, or ``"<text>"``.
    line, column : int
        Counted from 1.
    text : str
        The physical line itself, shortened to 200 characters.
    more : tuple of Place
        The lines that continue it.
    """

    file: str
    line: int
    column: int = 1
    text: str = ""
    more: tuple[Place, ...] = field(default=(), compare=False, repr=False)

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"

    def at(self, word: str) -> Place:
        """Return the place of a word behind this one, on its line or those that continue it; this place without one.

        Examples
        --------
        >>> str(Place("a.cir", 3, 1, "r1 a 0 {rx}").at("rx"))
        'a.cir:3:9'
        """
        if len(word) > _MOST_TEXT:
            return self
        pattern = re.compile(rf"(?<![\w.]){re.escape(word)}(?![\w.])", re.IGNORECASE)
        places: tuple[Place, ...] = (self, *self.more)
        for place in places:
            found = pattern.search(place.text, place.column - 1)
            if found is not None:
                return replace(place, column=found.start() + 1)
        return self


class CircuitnnError(Exception):
    """Base of every error that circuitnn raises on purpose.

    Parameters
    ----------
    message : str
        What was found.
    place : Place, optional
        Where in a netlist.
    expected : str, optional
        What would have been right.
    hint : str, optional
        How to mend it.
    names : iterable of str, optional
        The elements, nodes, layers or keys concerned.

    Examples
    --------
    >>> print(NetlistError("unknown suffix", place=Place("a.cir", 3, 8, "r1 a b 1x0k"), hint="write 10k"))
    a.cir:3:8: unknown suffix
      r1 a b 1x0k
             ^
      hint: write 10k
    """

    def __init__(
        self,
        message: str,
        *,
        place: Place | None = None,
        expected: str | None = None,
        hint: str | None = None,
        names: Iterable[str] = (),
    ) -> None:
        self.message = message
        self.place = place
        self.expected = expected
        self.hint = hint
        self.names = tuple(names)
        super().__init__(message)

    def __str__(self) -> str:
        lines = [f"{self.place}: {self.message}" if self.place else self.message]
        if self.place and self.place.text:
            text = self.place.text.expandtabs(1).rstrip()
            lines.append("  " + text)
            if 1 <= self.place.column <= len(text) + 1:
                lines.append("  " + " " * (self.place.column - 1) + "^")
        if self.expected:
            lines.append(f"  expected: {self.expected}")
        if self.hint:
            lines.append(f"  hint: {self.hint}")
        return "\n".join(lines)

    def __reduce__(self) -> Any:
        return (_rebuild, (type(self), self.__dict__.copy()))


def _rebuild(kind: type[CircuitnnError], state: dict[str, Any]) -> CircuitnnError:
    error = kind.__new__(kind)
    Exception.__init__(error, state["message"])
    error.__dict__.update(state)
    return error


class UsageError(CircuitnnError):
    """A call or command was used in a way that it does not allow (wrong type, shape, option)."""


class FileError(CircuitnnError):
    """A file is missing, unreadable, too large or not of the kind that it should be."""


class NetlistError(CircuitnnError):
    """A netlist text is malformed, or names something that does not exist."""


class UnknownNameError(NetlistError):
    """A netlist uses a name that nothing defines; its place is that of the name.

    Parameters
    ----------
    kind : str
        What it should name: ``model``, ``subcircuit``, ``parameter``, ``function``.
    name : str
    known : callable
        Returns the names that there are. It is called when somebody reads the hint: a deck may use one unknown name
        in a million lines.
    otherwise : str, optional
        The hint when none of these is near.
    """

    def __init__(
        self,
        message: str,
        *,
        kind: str,
        name: str,
        known: Callable[[], Iterable[str]],
        otherwise: str | None = None,
        place: Place | None = None,
        **keywords: Any,
    ) -> None:
        self._known: Callable[[], Iterable[str]] | None = known
        super().__init__(message, place=place.at(name) if place else None, **keywords)
        self.kind, self.name, self.otherwise = kind, name, otherwise
        #: Where else it is used.
        self.elsewhere: set[Place] = set()

    @property
    def hint(self) -> str | None:
        """The nearest known name, or how else to mend it."""
        if self._known is not None:
            self._hint = nearest(self.name, self._known()) or self.otherwise
            self._known = None
        return self._hint

    @hint.setter
    def hint(self, text: str | None) -> None:
        self._hint = text

    def __reduce__(self) -> Any:
        self.hint = self.hint  # settled here: what is known does not travel
        return super().__reduce__()

    def __str__(self) -> str:
        count = len(self.elsewhere)
        more = f"\n  {count} more {'use' if count == 1 else 'uses'} of {self.name!r}" if count else ""
        return super().__str__() + more


class ConsequenceError(NetlistError):
    """Something cannot be made because of a mistake that was told of already."""


class DeckErrors(NetlistError):
    """Several mistakes of a deck at once.

    Attributes
    ----------
    errors : tuple of CircuitnnError
        In the order of their places.

    Examples
    --------
    >>> errors = [NetlistError("unknown suffix", place=Place("a.cir", 3)), NetlistError("no value")]
    >>> print(DeckErrors(errors))
    a.cir:3:1: unknown suffix
    no value
    2 mistakes
    """

    def __init__(self, errors: Iterable[CircuitnnError]) -> None:
        self.errors = tuple(errors)
        names = dict.fromkeys(name for error in self.errors for name in error.names)
        place = next((error.place for error in self.errors if error.place), None)
        super().__init__(f"{len(self.errors)} mistakes", place=place, names=names)

    def __str__(self) -> str:
        count = len(self.errors)
        total = f"{count} mistakes" + (", or more" if count >= MOST else "")
        hidden = f", of which these are the first {SHOWN}" if count > SHOWN else ""
        return "\n".join([*map(str, self.errors[:SHOWN]), total + hidden])


class CircuitError(CircuitnnError):
    """A circuit is built wrongly: duplicate names, unknown devices, wrong node counts."""


class TopologyError(CircuitError):
    """A circuit has no unique solution because of how its elements are joined."""


class DeviceError(CircuitnnError):
    """A device declaration, model card or parameter value is wrong."""


class AnalysisError(CircuitnnError):
    """An analysis could not be done; ``result`` holds what was computed so far, or None."""

    def __init__(self, message: str, *, result: Any = None, **keywords: Any) -> None:
        super().__init__(message, **keywords)
        self.result = result


class ConvergenceError(AnalysisError):
    """Newton's method or the step control gave up; names the worst unknowns."""


class SingularMatrixError(AnalysisError):
    """The circuit's matrix has no inverse; names the unknown whose equation is dependent."""


class CrossbarError(CircuitnnError):
    """A crossbar's conductances, wires or drive are wrong or give a singular array."""


class MappingError(CircuitnnError):
    """A network cannot be imported or mapped; names the layer or operator."""


class LayoutError(MappingError):
    """A layout file is corrupted, foreign or of an unknown version."""


class ProgrammingFailedError(MappingError):
    """Cells did not reach the conductances asked for within the bounds that a caller set; names the worst of them."""


class MissingExtraError(CircuitnnError):
    """An optional library is needed and absent; the hint names the extra that brings it."""


class Mistakes:
    """What is wrong with a deck, noted while its reading goes on.

    Each stage of reading gives what it refuses to `add`, goes on with what is sound, and marks what it had to leave out
    as broken; whatever uses that raises a ConsequenceError, which is no mistake of its own.

    Attributes
    ----------
    errors : list of CircuitnnError
    unread : list of str
        Files that could not be read: what is unknown may stand there.

    Examples
    --------
    >>> mistakes = Mistakes()
    >>> mistakes.add(NetlistError("a bad value", place=Place("a.cir", 2)))
    >>> mistakes.add(ConsequenceError("no such model"))
    >>> len(mistakes.errors)
    1
    """

    def __init__(self) -> None:
        self.errors: list[CircuitnnError] = []
        self.unread: list[str] = []
        self._seen: dict[Any, CircuitnnError] = {}

    def __bool__(self) -> bool:
        return bool(self.errors)

    def add(self, error: CircuitnnError) -> None:
        """Note an error; the consequence of another one, or the same again, is left out.

        Raises
        ------
        DeckErrors
            When there are so many that reading on serves nobody.
        """
        if len(self.errors) >= MOST:
            raise error
        if isinstance(error, DeckErrors):
            for one in error.errors:
                self.add(one)
            return
        if isinstance(error, ConsequenceError):
            return
        # Instances of a subcircuit repeat what is wrong in it: a place is told of once.
        key: Any = error.place if error.place and not isinstance(error, TopologyError) else (error.place, error.message)
        if isinstance(error, UnknownNameError):
            key = error.kind, error.name
        first = self._seen.setdefault(key, error)
        if first is not error:
            if isinstance(first, UnknownNameError) and error.place and first.place != error.place:
                first.elsewhere.add(error.place)
            return
        if isinstance(error, UnknownNameError) and self.unread:
            error.otherwise = f"it may stand in {self.unread[0]!r}, which could not be read"
        self.errors.append(error)
        if len(self.errors) >= MOST:
            raise DeckErrors(self.listed())

    def listed(self) -> list[CircuitnnError]:
        """Return the errors in the order of their places, file by file; those without one come last."""
        files: dict[str, int] = {}
        for error in self.errors:
            if error.place:
                files.setdefault(error.place.file, len(files))
        return sorted(
            self.errors,
            key=lambda e: (files[e.place.file], e.place.line, e.place.column) if e.place else (len(files), 0, 0),
        )

    def throw(self) -> None:
        """Raise what was noted: the error itself where it is the only one."""
        if self.errors:
            raise self.errors[0] if len(self.errors) == 1 else DeckErrors(self.listed())


def missing_extra(library: str, extra: str, purpose: str) -> MissingExtraError:
    """Return the error for an absent optional library.

    Examples
    --------
    >>> print(missing_extra("onnx", "onnx", "reading ONNX files"))
    reading ONNX files needs the library 'onnx', which is not installed
      hint: pip install 'circuitnn[onnx]'
    """
    return MissingExtraError(
        f"{purpose} needs the library {library!r}, which is not installed", hint=f"pip install 'circuitnn[{extra}]'"
    )


def nearest(name: str, known: Iterable[str]) -> str | None:
    """Return a hint that names the nearest known word, or None.

    Examples
    --------
    >>> nearest("trna", ["tran", "ac", "op"])
    "did you mean 'tran'?"
    """
    found = difflib.get_close_matches(name, list(known), n=1, cutoff=0.6)
    return f"did you mean {found[0]!r}?" if found else None
