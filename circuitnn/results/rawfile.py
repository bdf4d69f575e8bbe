"""SPICE raw files, binary and ASCII, as ngspice writes and reads them.

A file is a sequence of plots: header lines ``Key: value``, a table of variables, then the points, either as
little-endian float64 after ``Binary:`` or as text after ``Values:``. In a complex plot every variable, the frequency
too, is a pair (real, imaginary).
"""

from __future__ import annotations

import mmap
import os
import re
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import FileError, UsageError
from circuitnn.results.atomic import replacing
from circuitnn.results.regular import require_regular
from circuitnn.results.result import UNITS, Result, Variable
from circuitnn.results.results import Results
from circuitnn.results.stored import blocks_of, map_points

_PLOTS = {
    "op": "Operating Point",
    "dc": "DC transfer characteristic",
    "ac": "AC Analysis",
    "tran": "Transient Analysis",
    "noise": "Noise Spectral Density Curves",
    "noise_total": "Integrated Noise",
    "tf": "Transfer Function",
    "sens": "Sensitivity Analysis",
    "pz": "Pole-Zero Analysis",
    "pss": "Periodic Steady State Analysis",
}
_RAW_KINDS = ("voltage", "current", "time", "frequency", "voltage-density", "current-density", "impedance")
#: Kinds of any number of points; the others have one, or an axis of frequencies.
_SWEPT = ("dc", "ac", "tran", "noise", "pss")
_COMMAND = "ngspice-compatible, written by circuitnn"
_MAX_HEADER = 65536  # a longer line than this is no header of a raw file
_MAX_VARIABLES = 10_000_000
#: A title with what was stepped.
_ENDS = re.compile(r"(.*?)((?: [^\s=]+=[-+]?\d[\d.]*(?:e[-+]?\d+)?)+)")
#: Before the number of points in a header, and how wide that is: it can be written over while points are added.
COUNT, COUNT_WIDTH = b"No. Points: ", 15
#: Bytes of a plot above which its points stay on disk.
_LARGE = 1 << 26


def write_raw(path: str | os.PathLike[str], results: Results, *, ascii: bool = False) -> None:
    """Write results as one raw file of several plots.

    Parameters
    ----------
    path : path-like
        Replaced whole; nothing is left of a write that fails.
    results : Results
    ascii : bool
        Text with 17 digits in place of binary data.

    Raises
    ------
    FileError
        When the file cannot be written.
    """
    with replacing(path) as temporary, temporary.open("wb") as stream:
        for result in results.values():
            write_plot(stream, result, result.step, ascii=ascii)


def raw_header(
    kind: str,
    title: str,
    variables: Sequence[Variable],
    step: Mapping[str, float],
    points: int,
    flags: str,
    form: str = "Binary",
) -> bytes:
    """Return the header of a plot, up to its points; the field of their number is ``COUNT_WIDTH`` wide."""
    header = [
        f"Title: {_one_line(title)}{_step(step)}",
        f"Date: {time.strftime('%a %b %d %H:%M:%S  %Y')}",
        # Readers tell the dialect by this line and take an unknown program's for another layout. Older ngspice runs it
        # as a command when it loads the file, so nothing of the user's may stand here.
        f"Command: {_COMMAND}",
        f"Plotname: {_PLOTS[kind]}",
        f"Flags: {flags}",
        f"No. Variables: {len(variables)}",
        f"{COUNT.decode()}{points:<{COUNT_WIDTH}d}",
        "Variables:",
    ]
    for k, variable in enumerate(variables):
        # Viewers expect SPICE's types, and "state" is none of them.
        shown = variable.kind if variable.kind in _RAW_KINDS else "notype"
        grid = " grid=3" if k == 0 and shown == "frequency" else ""
        header.append(f"\t{k}\t{variable.name}\t{shown}{grid}")
    return ("\n".join([*header, f"{form}:"]) + "\n").encode("utf-8")


def write_plot(stream: BinaryIO, result: Result, step: Mapping[str, float], *, ascii: bool) -> None:
    """Write a result as one plot of a raw file."""
    is_complex = np.iscomplexobj(result.data)
    flags, form = "complex" if is_complex else "real", "Values" if ascii else "Binary"
    stream.write(raw_header(result.kind, result.title, result.variables, step, len(result), flags, form))
    first = 0
    for block in blocks_of(result.data):
        if not ascii:
            stream.write(np.ascontiguousarray(block, "<c16" if is_complex else "<f8").data)
            continue
        for k, row in enumerate(block.tolist(), first):
            words = [f"{x.real:.16e},{x.imag:.16e}" if is_complex else f"{x:.16e}" for x in row]
            stream.write((f" {k}\t" + "\n\t".join(words) + "\n\n").encode("ascii"))
        first += len(block)


def _step(step: Mapping[str, float]) -> str:
    return "".join([f" {name}={value:.9g}" for name, value in step.items()])


def _one_line(text: str) -> str:
    return " ".join(text.split())


def read_raw(path: str | os.PathLike[str]) -> Results:
    """Read a raw file of any SPICE that keeps to ngspice's layout.

    Parameters
    ----------
    path : path-like

    Returns
    -------
    Results
        One result a plot. Plots of kinds that ``Result`` does not know count as tran, ac, op or dc by their first
        variable and number of points. The points of a plot of more than 64 MB stay in the file, which must not be
        written over in place then (nothing here does that).

    Raises
    ------
    FileError
        When the file is missing, cut short, or no raw file.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> op = Result("op1", "op", "divider", [Variable("v(out)", "voltage")], [[0.5]])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Results([op]).save(pathlib.Path(folder, "a.raw"))
    ...     float(read_raw(pathlib.Path(folder, "a.raw")).op["out"])
    0.5
    """
    try:
        require_regular(path, "a SPICE raw file")
        with Path(path).open("rb") as file:
            if not file.seek(0, os.SEEK_END):
                raise FileError(f"{path} is empty", expected="a SPICE raw file")
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
                return _read(str(path), file, content)
    except (OSError, ValueError, MemoryError) as error:  # ValueError: a NUL character in the name
        raise FileError(f"cannot read {str(path)!r}: {error}") from error


def _read(path: str, file: BinaryIO, content: mmap.mmap) -> Results:
    if content[:2] in (b"\xff\xfe", b"\xfe\xff") or content[:4] == b"T\0i\0":
        raise FileError(
            f"{path} is a raw file in UTF-16, as LTspice writes", hint="save it as ngspice-compatible first"
        )
    reader = _Reader(path, file, content)
    results = Results()
    while reader.more():
        results.add(reader.plot())
    if not results:
        raise FileError(f"{path} holds no plot", expected="a SPICE raw file")
    _find_steps(results)
    return results


def _find_steps(results: Results) -> None:
    """Set the steps of results whose titles differ in numbers at their ends alone, as `write_plot` writes them."""
    split = {name: _ENDS.fullmatch(result.title) for name, result in results.items()}
    parts = {name: (m[1], dict(re.findall(r"(\S+)=(\S+)", m[2]))) for name, m in split.items() if m is not None}
    titles = {title for title, _ in parts.values()}
    numbers = {tuple(step.values()) for _, step in parts.values()}
    names = {tuple(step) for _, step in parts.values()}
    if len(parts) < len(results) or len(titles) != 1 or len(names) != 1 or len(numbers) < 2:
        return
    for name, (title, step) in parts.items():
        results[name].title = title
        results[name].step = {key: float(value) for key, value in step.items()}
        if results[name].step not in results.steps:
            results.steps.append(results[name].step)


class _Reader:
    """Walks through the bytes of a raw file."""

    def __init__(self, path: str, file: BinaryIO, content: mmap.mmap) -> None:
        self.path = path
        self.file = file
        self.content = content
        self.position = 0

    def fail(self, message: str, expected: str | None = None) -> FileError:
        return FileError(f"{self.path}: {message} at byte {self.position}", expected=expected)

    def more(self) -> bool:
        """Skip blanks between plots and say whether anything follows."""
        while self.position < len(self.content) and self.content[self.position] in b" \t\r\n":
            self.position += 1
        return self.position < len(self.content)

    def line(self) -> str:
        end = self.content.find(b"\n", self.position, self.position + _MAX_HEADER)
        if end < 0:
            raise self.fail("a header line does not end", expected="the header of a SPICE raw file")
        raw = self.content[self.position : end]
        if b"\0" in raw:
            raise self.fail("a NUL byte stands in the header", expected="the header of a SPICE raw file")
        self.position = end + 1
        return raw.decode("utf-8", "replace").rstrip("\r")

    def plot(self) -> Result:
        fields: dict[str, str] = {}
        variables: list[Variable] = []
        while True:
            line = self.line()
            key, colon, value = line.partition(":")
            key = key.strip().lower()
            if not colon:
                raise self.fail(f"{line[:60]!r} is no header line", expected="'Key: value'")
            if key in ("binary", "values"):
                break
            if key == "variables":
                variables = self.variables(value, self.count(fields, "no. variables", _MAX_VARIABLES))
            else:
                fields[key] = value.strip()
        if not variables:
            raise self.fail("the plot has no table of variables")
        points = self.count(fields, "no. points", len(self.content))
        flags = fields.get("flags", "real").lower().split()
        if {"unpadded", "fastaccess"} & set(flags):
            raise self.fail(f"flags {' '.join(flags)!r} are not supported", expected="real or complex")
        title, plot = fields.get("title", ""), fields.get("plotname", "")
        unnoted = 0
        if key == "binary" and fields.get("command", "") == _COMMAND and plot == _PLOTS["tran"]:
            unnoted = self.unnoted(points, len(variables) * (16 if "complex" in flags else 8))
        read = self.binary if key == "binary" else self.text
        data = read(points + unnoted, len(variables), "complex" in flags)
        if unnoted:
            self.position = len(self.content)  # what is left is a part of a point
        command = fields.get("command", "").removeprefix(_COMMAND)
        try:
            return Result("", _kind(plot, variables, points), title, variables, data, command=command)
        except UsageError as error:
            raise self.fail(error.message) from error

    def count(self, fields: dict[str, str], key: str, most: int) -> int:
        value = fields.get(key, "")
        if not re.fullmatch(r"[0-9]{1,18}", value) or int(value) > most:
            raise self.fail(f"{key!r} is {value!r}", expected="a count that the file can hold")
        return int(value)

    def unnoted(self, points: int, size: int) -> int:
        """Return how many points a stream wrote since it last noted their number: it may have been killed then."""
        end = self.position + points * size
        if self.content[end : end + 6] in (b"", b"Title:"):
            return 0
        return max(0, len(self.content) - end) // size

    def variables(self, first: str, count: int) -> list[Variable]:
        """Read the table; Berkeley's SPICE puts its first entry on the line ``Variables:`` itself."""
        found: list[Variable] = []
        line = first
        while len(found) < count:
            words = line.split()
            if words:
                if len(words) < 3:
                    raise self.fail(f"variable {len(found)} is {line.strip()[:60]!r}", expected="number, name, type")
                kind = words[2].lower() if words[2].lower() in UNITS else "notype"
                try:
                    found.append(Variable(words[1].lower(), kind))
                except UsageError as error:
                    raise self.fail(error.message) from error
            if len(found) < count:
                line = self.line()
        return found

    def binary(self, points: int, width: int, is_complex: bool) -> NDArray[Any]:
        dtype = np.dtype("<c16" if is_complex else "<f8")
        size = points * width * dtype.itemsize
        left = len(self.content) - self.position
        if left < size:
            whole = left // (width * dtype.itemsize)
            raise self.fail(
                f"the file is cut short: {whole} of {points} points, data", expected=f"{size} bytes of data"
            )
        found = map_points(self.file, dtype, self.position, points, width)
        self.position += size
        return found if size > _LARGE else np.array(found, dtype.newbyteorder("="))

    def text(self, points: int, width: int, is_complex: bool) -> NDArray[Any]:
        end = re.compile(rb"^\s*title:", re.IGNORECASE | re.MULTILINE).search(self.content, self.position)
        stop = end.start() if end else len(self.content)
        words = self.content[self.position : stop].replace(b",", b" ").split()
        columns = 1 + width * (2 if is_complex else 1)
        if len(words) != points * columns:
            raise self.fail(
                f"{len(words)} numbers in the values that start", expected=f"{points * columns}: {points} points"
            )
        try:
            table = np.array(words, dtype="S").astype(np.float64).reshape(points, columns)
        except ValueError as error:
            raise self.fail(f"a value is not a number ({error}) in the values that start") from error
        self.position = stop
        values = np.ascontiguousarray(table[:, 1:])
        return values.view(np.complex128) if is_complex else values


def _kind(plot: str, variables: list[Variable], points: int) -> str:
    for kind, name in _PLOTS.items():
        fits = points == 1 or kind in _SWEPT or (kind == "sens" and variables[0].kind == "frequency")
        if fits and plot.lower().startswith(name.lower()):
            return kind
    axis = {"time": "tran", "frequency": "ac"}.get(variables[0].kind)
    return axis or ("op" if points == 1 else "dc")
