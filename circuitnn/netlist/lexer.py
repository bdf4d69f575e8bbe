"""Physical lines to logical lines: title, continuation, comments, case folding, and the place of every character."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterator
from pathlib import Path

from circuitnn.errors import FileError, NetlistError, Place

MAX_LINE = 1_000_000
MAX_FILE = 512 * 1024 * 1024
_CONTROL = re.compile("[\x00-\x08\x0e-\x1f\x7f]")
# As ngspice: ";" and "//" anywhere, "$" after a blank or a comma; none of them inside double quotes.
_COMMENT = re.compile(r'"[^"]*"|;|//|(?:(?<=[\s,])|^)\$')


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
    """

    __slots__ = ("lines", "name")

    def __init__(self, text: str, name: str) -> None:
        self.name = name
        if text.startswith("\ufeff"):
            text = text[1:]
        if "\r" in text:
            text = text.replace("\r\n", "\n").replace("\r", "\n")
        bad = _CONTROL.search(text)
        if bad is not None:
            number = text.count("\n", 0, bad.start()) + 1
            raise NetlistError(
                f"not a text netlist: it holds the control character {bad[0]!r}",
                place=Place(name, number, bad.start() - text.rfind("\n", 0, bad.start())),
                expected="a netlist file",
            )
        self.lines = text.split("\n")
        if len(text) > MAX_LINE:
            for k, line in enumerate(self.lines):
                if len(line) > MAX_LINE:
                    raise NetlistError(
                        f"a line of {len(line)} characters",
                        place=Place(name, k + 1),
                        expected=f"at most {MAX_LINE} characters in a line",
                        hint="continue long lines with + on the next line",
                    )

    def place(self, line: int, column: int = 1) -> Place:
        """Return the place of a column of a line, both counted from 1."""
        return Place(self.name, line, column, self.lines[line - 1][:200])


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
        """The place of the first character that is not blank."""
        return self.place(len(self.raw) - len(self.raw.lstrip()))


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


def strip_comment(line: str) -> str:
    """Return a physical line without its end-of-line comment.

    Examples
    --------
    >>> strip_comment('r1 a b 1k ; load'), strip_comment('.include "a;b.cir" $ models')
    ('r1 a b 1k ', '.include "a;b.cir" ')
    """
    if ";" in line or "$" in line or "//" in line:
        for found in _COMMENT.finditer(line):
            if line[found.start()] != '"':
                return line[: found.start()]
    return line


def logical_lines(source: Source, first: int = 0) -> Iterator[LogicalLine]:
    """Yield the logical lines of a source, from physical line ``first`` (counted from 0) on."""
    lines, k, n = source.lines, first, len(source.lines)
    while k < n:
        head = lines[k].lstrip()
        if not head or head[0] == "*":
            k += 1
            continue
        if head[0] == "+":
            raise NetlistError(
                "a continuation with no line to continue",
                place=source.place(k + 1, len(lines[k]) - len(head) + 1),
                expected="+ below the line that it continues; the first line of a deck is its title",
            )
        number, raw = k + 1, strip_comment(lines[k])
        parts: list[tuple[int, int, int]] | None = None
        pieces = [raw]
        length = len(raw)
        k += 1
        ahead = k
        while ahead < n:
            follow = lines[ahead].lstrip()
            if follow and follow[0] == "+":
                column = len(lines[ahead]) - len(follow) + 1
                piece = strip_comment(lines[ahead])[column:]
                if parts is None:
                    parts = [(0, number, 1)]
                # The pieces are joined by one blank: the next one starts a character later.
                parts.append((length + 1, ahead + 1, column + 1))
                pieces.append(piece)
                length += 1 + len(piece)
                k = ahead + 1
            elif follow and follow[0] != "*":
                break
            ahead += 1
        if parts is not None:
            raw = " ".join(pieces)
        if raw.strip():
            yield LogicalLine(source, number, raw, parts)


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
        When it is missing, not a regular file, unreadable, too large or not UTF-8 text.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
            raise FileError(f"{name!r} is {kind}", place=place, expected="a netlist file")
        if status.st_size > MAX_FILE:
            raise FileError(f"{name!r} has {status.st_size} bytes", place=place, expected=f"at most {MAX_FILE} bytes")
        data = path.read_bytes()
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise FileError(
            f"cannot read {name!r}: {reason}", place=place, expected="a netlist file", names=(name,)
        ) from None
    try:
        if b"\0" in data:
            raise FileError(
                f"{name!r} is not a text netlist: it holds NUL bytes",
                place=place,
                expected="a netlist file, in ASCII or UTF-8",
                names=(name,),
            )
        return Source(data.decode("utf-8"), name)
    except UnicodeDecodeError as error:
        raise FileError(
            f"{name!r} is not a text netlist: byte {error.start} is not UTF-8",
            place=place,
            names=(name,),
            hint="convert it, for example with iconv -f latin1 -t utf-8",
        ) from None
