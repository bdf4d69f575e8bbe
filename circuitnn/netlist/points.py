"""Times and values of a PWL source from a text file."""

from __future__ import annotations

import math
import re
from pathlib import Path

from circuitnn.errors import FileError, Place
from circuitnn.netlist.cursor import number
from circuitnn.netlist.expression import shorten
from circuitnn.netlist.flat import DataFile
from circuitnn.netlist.lexer import read_source

MAX_POINTS = 10_000_000
_COMMENT = re.compile(r"[*#;].*")
_SEPARATOR = re.compile(r"[\s,]+")


def read_points(file: DataFile) -> tuple[float, ...]:
    """Return the numbers of a file: a time and a value in turn, apart by blanks, commas or line ends.

    What follows ``*``, ``#`` or ``;`` on a line is a comment; numbers may carry SPICE's suffixes.

    Raises
    ------
    FileError
        When the file cannot be read, holds no pairs of numbers, or times that go back.
    """
    source = read_source(Path(file.path), file.path, file.place)
    values: list[float] = []
    for k, line in enumerate(map(source.line, range(len(source))), 1):
        for word in _SEPARATOR.split(_COMMENT.sub("", line).strip()):
            if not word:
                continue
            value = number(word.lower())
            if value is None:
                column = line.find(word) + 1
                raise _refuse(f"{shorten(word)} is no number", source.place(k, column))
            if len(values) % 2 == 0 and values and value < values[-2]:
                raise _refuse(f"the times go back from {values[-2]:g} s to {value:g} s", source.place(k))
            values.append(value)
        if len(values) > 2 * MAX_POINTS:
            raise _refuse(f"more than {MAX_POINTS} points", source.place(k))
    if len(values) < 2 or len(values) % 2 or not all(map(math.isfinite, values)):
        raise _refuse(f"{file.path!r} holds {len(values)} numbers", file.place)
    return tuple(values)


def _refuse(message: str, place: Place | None) -> FileError:
    return FileError(message, place=place, expected="pairs of a time and a value")
