"""Physical lines to logical lines: title, continuation, comments, case folding, and the place of every character."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np

from circuitnn.errors import FileError, NetlistError, Place
from circuitnn.results.regular import require_regular

MAX_LINE = 1_000_000
MAX_FILE = 512 * 1024 * 1024
_CHUNK = 1 << 18
# Whether a byte is a control character that no text holds.
_CONTROL = np.array([k < 9 or 14 <= k < 32 or k == 127 for k in range(256)])
# As ngspice: ";" and "//" anywhere, "$" after a blank or a comma; none of them inside double quotes.
_COMMENT = re.compile(r'"[^"]*"|;|//|(?:(?<=[\s,])|^)\$')
# In a script $name is a variable.
_SCRIPT_COMMENT = re.compile(r'"[^"]*"|;|//|(?:(?<=[\s,])|^)\$(?=\s|$)')


class Source:
    """One netlist text, split into physical lines.

    Parameters
    ----------
    text : str
        The whole text.
    name : str
        What places call it.

    Raises
    ------
    NetlistError
        When the text holds control characters, or a line of more than 1 MB.

    Attributes
    ----------
    data : bytes
        The text in UTF-8, each line ended by a newline.
    starts : ndarray of int64, shape (lines + 1,)
        Where each line starts in ``data``, and its length.
    """

    __slots__ = ("data", "name", "starts")

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        if text.startswith("\ufeff"):
            text = text[1:]
        if text.endswith("\x1a") or text.rstrip().endswith("\x1a"):  # how old editors end a file
            text = text.rstrip("\x1a \t\r\n")
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        self.data = text.encode("utf-8", "surrogatepass") + b"\n"
        ends = []
        for at in range(0, len(self.data), _CHUNK):  # in parts that stay in a cache
            part = np.frombuffer(self.data, np.uint8, min(_CHUNK, len(self.data) - at), at)
            if _CONTROL[part].any():
                self._refuse(text)
            ends.append(np.flatnonzero(part == ord("\n")) + (at + 1))
        self.starts = np.concatenate([np.zeros(1, np.int64), *ends])
        for k in np.flatnonzero(np.diff(self.starts) > MAX_LINE + 1).tolist():
            length = len(self.line(k))
            if length > MAX_LINE:
                raise NetlistError(
                    f"a line of {length} characters",
                    place=Place(name, k + 1),
                    expected=f"at most {MAX_LINE} characters in a line",
                    hint="continue long lines with + on the next line",
                )

    def _refuse(self, text: str) -> NoReturn:
        at = next(k for k, c in enumerate(text) if c < "\x80" and _CONTROL[ord(c)])
        raise NetlistError(
            f"not a text netlist: it holds the control character {text[at]!r}",
            place=Place(self.name, text.count("\n", 0, at) + 1, at - text.rfind("\n", 0, at)),
            expected="a netlist file",
        )

    def __len__(self) -> int:
        return len(self.starts) - 1

    def line(self, k: int) -> str:
        """Return a line without its end; counted from 0."""
        return self.data[self.starts[k] : self.starts[k + 1] - 1].decode("utf-8", "surrogatepass")

    def place(self, line: int, column: int = 1) -> Place:
        """Return the place of a column of a line, both counted from 1."""
        return Place(self.name, line, column, self.line(line - 1)[:200])


class LogicalLine:
    """A line with its continuations joined and its comments removed.

    Attributes
    ----------
    text : str
        Lower case.
    raw : str
        As written; character k of ``raw`` is character k of ``text``.
    """

    __slots__ = ("_number", "_parts", "_source", "raw", "text")

    def __init__(self, source: Source, number: int, raw: str, parts: list[tuple[int, int, int]] | None) -> None:
        self.raw = raw
        self.text = fold(raw)
        self._source = source
        self._number = number
        self._parts = parts

    def place(self, offset: int = 0) -> Place:
        """Return the physical place of a character."""
        if self._parts is None:
            return self._source.place(self._number, offset + 1)
        line, column = self._number, offset + 1
        for start, number, first in self._parts:
            if start > offset:
                break
            line, column = number, first + offset - start
        return self._source.place(line, column)

    @property
    def start(self) -> Place:
        """The place of the first character that is not blank, with those of the lines that continue it."""
        place = self.place(len(self.raw) - len(self.raw.lstrip()))
        if self._parts is None:
            return place
        more = [self._source.place(number, column) for _, number, column in self._parts[1:]]
        return replace(place, more=tuple(more))


def fold(text: str) -> str:
    """Return a text in lower case, of the same length.

    Examples
    --------
    >>> fold("R1 A B 4K7")
    'r1 a b 4k7'
    """
    low = text.lower()
    if len(low) == len(text):
        return low
    return "".join(c.lower() if len(c.lower()) == 1 else c for c in text)


def strip_comment(line: str, script: bool = False) -> str:
    """Return a physical line without its end-of-line comment; ``script`` is true in a ``.control`` block.

    Examples
    --------
    >>> strip_comment('r1 a b 1k ; load'), strip_comment('.include "a;b.cir" $ models')
    ('r1 a b 1k ', '.include "a;b.cir" ')
    """
    if ";" in line or "$" in line or "//" in line:
        for found in (_SCRIPT_COMMENT if script else _COMMENT).finditer(line):
            if line[found.start()] != '"':
                return line[: found.start()]
    return line


class LogicalLines:
    """Iterates over the logical lines of a source.

    Parameters
    ----------
    source : Source
        The text.
    first : int
        Physical line to start at, counted from 0.

    Attributes
    ----------
    position : int
        The physical line to go on with; it may be set.
    script : bool
        Whether the lines are those of a ``.control`` block; it may be set.
    """

    def __init__(self, source: Source, first: int = 0) -> None:
        self._source = source
        self.position = first
        self.script = False

    def __iter__(self) -> LogicalLines:
        return self

    def __next__(self) -> LogicalLine:
        source, n = self._source, len(self._source)
        while self.position < n:
            k = self.position
            line = source.line(k)
            head = line.lstrip()
            self.position = k + 1
            if not head or head[0] == "*":
                continue
            if head[0] == "+":
                raise NetlistError(
                    "a continuation with no line to continue",
                    place=source.place(k + 1, len(line) - len(head) + 1),
                    expected="+ below the line that it continues; the first line of a deck is its title",
                )
            raw = strip_comment(line, self.script)
            pieces, parts = self._continuations(k + 1, len(raw))
            if parts is not None:
                raw = " ".join([raw, *pieces])
            if raw.strip():
                return LogicalLine(source, k + 1, raw, parts)
        raise StopIteration

    def _continuations(self, number: int, length: int) -> tuple[list[str], list[tuple[int, int, int]] | None]:
        """Return the pieces that continue line ``number`` and where each lies; go behind the last of them."""
        source, n = self._source, len(self._source)
        parts: list[tuple[int, int, int]] | None = None
        pieces = []
        for ahead in range(number, n):
            line = source.line(ahead)
            follow = line.lstrip()
            if follow and follow[0] == "+":
                column = len(line) - len(follow) + 1
                piece = strip_comment(line, self.script)[column:]
                if parts is None:
                    parts = [(0, number, 1)]
                # The pieces are joined by one blank: the next one starts a character later.
                parts.append((length + 1, ahead + 1, column + 1))
                pieces.append(piece)
                length += 1 + len(piece)
                self.position = ahead + 1
            elif follow and follow[0] != "*" and strip_comment(line, self.script).strip():
                break
        return pieces, parts


def read_source(path: Path, name: str, place: Place | None = None) -> Source:
    """Return the text of a netlist file.

    Parameters
    ----------
    path : Path
        The file.
    name : str
        What places call it.
    place : Place, optional
        Of the line that asks for it.

    Raises
    ------
    FileError
        When it is missing, not a regular file, unreadable, too large or no text.

    Notes
    -----
    What is not UTF-8 is taken for Latin-1, in which older vendor files are written.
    """
    try:
        status = require_regular(path, "a netlist file", place)
        if status.st_size > MAX_FILE:
            raise FileError(f"{name!r} has {status.st_size} bytes", place=place, expected=f"at most {MAX_FILE} bytes")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise FileError(
            f"cannot read {name!r}: {reason}", place=place, expected="a netlist file", names=(name,)
        ) from None
    if b"\0" in data:
        raise FileError(
            f"{name!r} is not a text netlist: it holds NUL bytes",
            place=place,
            expected="a netlist file, in ASCII, UTF-8 or Latin-1",
            names=(name,),
        )
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return Source(text, name)
