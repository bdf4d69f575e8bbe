"""Results as tables of text: a row a point, names above, numbers with all their digits.

A complex column ``x`` becomes two, ``real(x)`` and ``imag(x)``. Results of the steps of a deck share a table, whose
first columns say what was stepped. Results that are unlike (an operating point and a transient) make a file each.
"""

from __future__ import annotations

import csv
import os
import re
import warnings
from collections.abc import Iterable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from circuitnn.errors import CircuitnnError, FileError
from circuitnn.results.atomic import replacing
from circuitnn.results.result import Result, Variable
from circuitnn.results.results import Results
from circuitnn.results.stored import blocks_of

_PART = re.compile(r"(real|imag)\((.+)\)")
_UNIT = re.compile(r"\s*[(\[][^()\[\]]*[)\]]$")
_AXES = {"time": "tran", "frequency": "ac"}
_KINDS = {"v(": "voltage", "i(": "current", "@": "state"}


def csv_tables(results: Results, path: str | os.PathLike[str]) -> dict[Path, list[Result]]:
    """Return the files that ``write_csv`` makes and the results in each.

    Examples
    --------
    >>> op = Result("", "op", "t", [Variable("v(a)", "voltage")], [[1.0]])
    >>> [str(p) for p in csv_tables(Results([op]), "a.csv")]
    ['a.csv']
    """
    tables: dict[tuple[Any, ...], list[Result]] = {}
    for result in results.values():
        alone = () if result.step else (result.name,)
        tables.setdefault((result.kind, *result.keys(), *result.step, *alone), []).append(result)
    target = Path(path)
    if len(tables) == 1:
        return {target: next(iter(tables.values()))}
    return {target.with_name(f"{target.stem}.{found[0].name}{target.suffix}"): found for found in tables.values()}


def write_csv(path: str | os.PathLike[str], results: Results) -> None:
    """Write results as CSV; of unlike ones each to a file of its own, ``NAME.tran1.csv``.

    Raises
    ------
    FileError
        When a file cannot be written.
    """
    for target, found in csv_tables(results, path).items():
        with replacing(target) as temporary, temporary.open("w", encoding="utf-8", newline="") as stream:
            csv.writer(stream, lineterminator="\n").writerow([*found[0].step, *_headings(found[0])])
            for result in found:
                before = "".join([f"{value!r}," for value in result.step.values()])
                for block in blocks_of(result.data):
                    rows = _split(block, result).tolist()
                    stream.write("".join([f"{before}{','.join(map(repr, row))}\n" for row in rows]))


def _headings(result: Result) -> list[str]:
    names = result.keys()
    if not np.iscomplexobj(result.data):
        return names
    first = names[:1] if result.has_axis else []
    return [*first, *(f"{part}({name})" for name in names[len(first) :] for part in ("real", "imag"))]


def _split(block: np.ndarray, result: Result) -> np.ndarray:
    """Return complex columns as two each; an axis is real."""
    if not np.iscomplexobj(block):
        return block
    parts = np.ascontiguousarray(block).view(np.float64)
    return np.delete(parts, 1, axis=1) if result.has_axis else parts


def read_csv(path: str | os.PathLike[str]) -> Results:
    """Read a table of numbers with a line of names above, as ``write_csv``, instruments and spreadsheets write them.

    The axis is the column ``time``, ``frequency`` or ``...-sweep``; columns before it are what was stepped. Without
    one the first column is the axis, and a table of one row is an operating point.

    Raises
    ------
    FileError
        When the file is missing or no such table.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     file = pathlib.Path(folder, "a.csv")
    ...     _ = file.write_text("Time (s),v(a)\\n0,1\\n1e-3,2\\n")
    ...     read_csv(file).tran["a"].tolist()
    [1.0, 2.0]
    """
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as stream:
            names = [_name(word) for word in next(csv.reader(stream), [])]
            # The first line may be read as numbers: then nothing says what they are.
            if not names or all(_is_number(name) for name in names):
                raise FileError(f"{path} has no line of names", expected="names of columns, then a row a point")
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # names without any rows are a result without points
                table = np.loadtxt(stream, delimiter=",", ndmin=2, comments=None)
        if table.size == 0:
            table = table.reshape(0, len(names))
        if table.shape[1] != len(names):
            raise FileError(f"{path} has {len(names)} names and {table.shape[1]} columns", expected="a name a column")
        return Results(_results(names, table))
    except FileError:
        raise
    except CircuitnnError as error:
        raise FileError(f"{path}: {error.message}") from error
    except (OSError, ValueError, csv.Error, MemoryError) as error:  # ValueError: also text that is not UTF-8
        raise FileError(f"cannot read {str(path)!r} as CSV: {error}") from error


def _results(names: Sequence[str], table: np.ndarray) -> Iterable[Result]:
    at = next((k for k, name in enumerate(names) if name in _AXES or name.endswith("-sweep")), 0)
    kind = _AXES.get(names[at], "dc")
    if at == 0 and kind == "dc" and len(table) == 1 and not names[0].endswith("-sweep"):
        kind = "op"
    columns: dict[str, np.ndarray] = {}
    for k, name in enumerate(names[at:], at):
        part = _PART.fullmatch(name)
        if part is None:
            columns[name] = table[:, k]
        else:
            found = columns.setdefault(part[2], np.zeros(len(table), complex))
            (found.real if part[1] == "real" else found.imag)[:] = table[:, k]
    variables = [Variable(name, _kind_of(name)) for name in columns]
    data = np.column_stack([*columns.values()])
    turns = 1 + np.flatnonzero((np.diff(table[:, :at], axis=0) != 0.0).any(axis=1))
    for first, last in pairwise([0, *turns.tolist(), len(table)]):
        result = Result("", kind, "", variables, data[first:last])
        result.step = dict(zip(names[:at], table[first, :at].tolist(), strict=True)) if at and len(table) else {}
        yield result


def _name(word: str) -> str:
    """Return the name of a column without its unit: ``Time (s)`` is ``time``."""
    short = word.strip().lower()
    bare = short if _PART.fullmatch(short) or short[:2] in _KINDS or short[:1] == "@" else _UNIT.sub("", short)
    return "_".join((bare or short).split())


def _kind_of(name: str) -> str:
    if name in _AXES:
        return name
    return next((kind for start, kind in _KINDS.items() if name.startswith(start)), "notype")


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True
