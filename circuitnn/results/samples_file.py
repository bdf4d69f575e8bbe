"""Samples in files, readable without circuitnn: HDF5 holds all of them, CSV the measures, a row a run.

HDF5: root attributes ``format = "circuitnn-samples"``, ``version``, ``title``; a group ``0``, ``1``, ... for each
point of ``.step`` and ``.corner`` (one without), with attributes ``name`` and ``step`` (JSON text) of the point,
``title``, ``seed``, ``asked``, ``errors`` and ``warnings`` (JSON text), and

- ``runs`` (runs,): their numbers, from 0;
- ``measures`` (runs, measures), NaN where a run has none, and ``names``;
- ``waves/tran1``: ``values`` (runs, vectors, points), zero where a run failed (``errors`` has it), ``axis`` (points,),
  ``names``, ``units``, and as attributes ``axis_name``, ``axis_unit`` and ``order``.

CSV: the columns ``point`` (of a family), ``run``, the measures, ``error``; a measure that a run lacks is left empty.
"""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar, cast

import numpy as np

from circuitnn.errors import CircuitnnError, FileError, UsageError
from circuitnn.results.atomic import replacing
from circuitnn.results.family import SampleFamily
from circuitnn.results.formats import format_of
from circuitnn.results.hdf5 import fixed_text, fixed_texts, plain_text
from circuitnn.results.regular import require_regular
from circuitnn.results.samples import Record, Samples, Waves

_FORMAT, _VERSION = "circuitnn-samples", 1
Content = tuple[str, dict[str | None, Samples], list[dict[str, float]]]
Kind = TypeVar("Kind", Samples, SampleFamily)


def write_samples(path: str | os.PathLike[str], given: Samples | SampleFamily) -> None:
    """Write samples to a file, which is replaced whole.

    Raises
    ------
    UsageError
        When the suffix is none of ``.h5``, ``.hdf5`` and ``.csv``, or there are no measures for a CSV file.
    FileError
        When the file cannot be written.
    """
    form = _format(path)
    if form == "csv":
        _write_csv(path, given)
    else:
        _write_hdf5(path, given)


def read_samples(path: str | os.PathLike[str], kind: type[Kind]) -> Kind:
    """Read samples, or a family of them, that `write_samples` wrote.

    Raises
    ------
    UsageError
        When the suffix is another.
    FileError
        When the file is missing, damaged, foreign or holds the other kind.
    """
    read: Callable[[str | os.PathLike[str]], Content] = _read_csv if _format(path) == "csv" else _read_hdf5
    try:
        require_regular(path, "samples")
        content = read(path)
        members: dict[str | None, Samples] = content[1]
        found: Samples | SampleFamily
        if kind is SampleFamily:
            if None in members:
                raise FileError(f"{path} holds no family", hint="Samples.load() reads it")
            found = SampleFamily({str(name): one for name, one in members.items()}, content[2], content[0])
        elif [*members] != [None]:
            raise FileError(f"{path} holds samples of several points", hint="SampleFamily.load() reads it")
        else:
            found = members[None]
        return cast(Kind, found)
    except FileError:
        raise
    # h5py reports damage as any of these, whatever part of the file it is in.
    except (OSError, RuntimeError, LookupError, ValueError, TypeError, AttributeError, MemoryError) as error:
        raise FileError(f"cannot read {str(path)!r} as samples: {error}") from error
    except CircuitnnError as error:
        raise FileError(f"{path}: {error.message}") from error


def _format(path: str | os.PathLike[str]) -> str:
    form = format_of(path).name
    if form == "raw":
        raise UsageError(f"{path}: samples have no raw file", expected="a name that ends in .h5, .hdf5 or .csv")
    return form


def _members(given: Samples | SampleFamily) -> list[tuple[str | None, Samples, dict[str, float]]]:
    if isinstance(given, Samples):
        return [(None, given, {})]
    return [(name, one, step) for (name, one), step in zip(given.items(), given.steps, strict=True)]


def _column(samples: Samples, name: str) -> Any:
    return samples.measures[name].astype(float).filled(math.nan)


# ---------------------------------------------------------------------- HDF5
def _write_hdf5(path: str | os.PathLike[str], given: Samples | SampleFamily) -> None:
    import h5py

    with replacing(path) as temporary, h5py.File(temporary, "w", libver="latest") as file:
        file.attrs.update(format=fixed_text(_FORMAT), version=_VERSION, title=fixed_text(given.title))
        for place, (name, one, step) in enumerate(_members(given)):
            group = file.create_group(str(place))
            if name is not None:
                group.attrs["name"] = fixed_text(name)
            group.attrs.update(
                step=fixed_text(json.dumps(step)),
                title=fixed_text(one.title),
                seed=one.seed,
                asked=one.asked,
                errors=fixed_text(json.dumps(one.errors)),
                warnings=fixed_text(json.dumps(one.warnings)),
            )
            group["runs"] = one.runs
            columns = [_column(one, measure) for measure in one.measures]
            group["measures"] = np.column_stack(columns) if columns else np.zeros((len(one), 0))
            group["names"] = fixed_texts([*one.measures])
            waves = group.create_group("waves")
            for order, (result, wave) in enumerate(one.waves.items()):
                held = waves.create_group(result)
                held.attrs.update(
                    axis_name=fixed_text(wave.axis_name), axis_unit=fixed_text(wave.axis_unit), order=order
                )
                held["axis"] = wave.axis
                held["values"] = np.ma.filled(wave.values, 0.0)
                held["names"], held["units"] = fixed_texts(list(wave.names)), fixed_texts(list(wave.units))


def _read_hdf5(path: str | os.PathLike[str]) -> Content:
    import h5py

    members: dict[str | None, Samples] = {}
    steps = []
    with h5py.File(path, "r") as file:
        if plain_text(file.attrs.get("format", "")) != _FORMAT:
            raise FileError(f"{path} is not a file of samples", expected=f"the attribute format = {_FORMAT!r}")
        if file.attrs.get("version") != _VERSION:
            raise FileError(f"{path} is of version {file.attrs.get('version')}", expected=f"version {_VERSION}")
        for place in range(len(file)):
            group = file[str(place)]
            name = plain_text(group.attrs["name"]) if "name" in group.attrs else None
            members[name] = _read_group(group)
            steps.append(json.loads(plain_text(group.attrs["step"])))
        return plain_text(file.attrs["title"]), members, steps


def _read_group(group: Any) -> Samples:
    errors = {int(run): text for run, text in json.loads(plain_text(group.attrs["errors"])).items()}
    table = group["measures"][()]
    names = group["names"].asstr()[()].tolist()
    waves = {}
    for result in sorted(group["waves"], key=lambda name: int(group["waves"][name].attrs["order"])):
        held = group["waves"][result]
        waves[result] = Waves(
            plain_text(held.attrs["axis_name"]),
            plain_text(held.attrs["axis_unit"]),
            held["axis"][()],
            tuple(held["names"].asstr()[()].tolist()),
            tuple(held["units"].asstr()[()].tolist()),
            held["values"][()],
        )
    records = []
    for k, run in enumerate(group["runs"][()].tolist()):
        records.append(_record(run, errors.get(run, ""), dict(zip(names, table[k].tolist(), strict=True))))
        if run not in errors:
            records[-1].waves = {name: replace(wave, values=wave.values[k]) for name, wave in waves.items()}
    if records:
        records[0].warnings = json.loads(plain_text(group.attrs["warnings"]))
    return Samples(records, plain_text(group.attrs["title"]), int(group.attrs["seed"]), int(group.attrs["asked"]))


def _record(run: int, error: str, measures: Mapping[str, float]) -> Record:
    return Record(run, error, {name: value for name, value in measures.items() if not math.isnan(value)})


# ---------------------------------------------------------------------- CSV
def _write_csv(path: str | os.PathLike[str], given: Samples | SampleFamily) -> None:
    members = _members(given)
    names = [*dict.fromkeys(name for _, one, _ in members for name in one.measures)]
    if not names:
        raise UsageError("the runs have no measures for a CSV file", hint="a .h5 file holds their waveforms")
    first = [] if isinstance(given, Samples) else ["point"]
    with replacing(path) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow([*first, "run", *names, "error"])
        for point, one, _ in members:
            columns = [_column(one, name).tolist() if name in one.measures else [math.nan] * len(one) for name in names]
            for k, run in enumerate(one.runs.tolist()):
                values = ["" if math.isnan(column[k]) else repr(column[k]) for column in columns]
                writer.writerow([*([point] if first else []), run, *values, one.errors.get(run, "")])


def _read_csv(path: str | os.PathLike[str]) -> Content:
    with Path(path).open(encoding="utf-8", newline="") as stream:
        rows = list(csv.reader(stream))
    heads = rows[0] if rows else []
    first = 1 if heads[:1] == ["point"] else 0
    if heads[first : first + 1] != ["run"] or heads[-1] != "error":
        raise FileError(f"{path} is no table of runs", expected="the columns run, measures, error")
    names = heads[first + 1 : -1]
    found: dict[str | None, list[Record]] = {}
    for row in rows[1:]:
        if len(row) != len(heads):
            raise FileError(f"{path} has a row of {len(row)} columns", expected=f"{len(heads)}")
        numbers = [float(word) if word else math.nan for word in row[first + 1 : -1]]
        record = _record(int(row[first]), row[-1], dict(zip(names, numbers, strict=True)))
        found.setdefault(row[0] if first else None, []).append(record)
    return "", {name: Samples(records) for name, records in found.items()}, [{} for _ in found]
