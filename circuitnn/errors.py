"""The one exception tree: every error says where, what was found, what was expected, and how to mend it."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


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
    """

    file: str
    line: int
    column: int = 1
    text: str = ""

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


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


class MissingExtraError(CircuitnnError):
    """An optional library is needed and absent; the hint names the extra that brings it."""


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
