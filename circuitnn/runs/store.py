"""Finished runs on disk: a folder of arrays without pickle, to which parts are added whole, so that work can go on."""

from __future__ import annotations

import json
import os
import zipfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from circuitnn.errors import FileError, UsageError
from circuitnn.results.atomic import replacing
from circuitnn.results.samples import Record, Waves

_FORMAT = "circuitnn-runs 1"
_ABOUT = "about.json"


class Store:
    """A folder that holds what is finished of one analysis.

    Parameters
    ----------
    path : path-like
        Made when it does not exist; its parent must.
    about : dict
        What the runs depend on, as JSON; a folder with other runs is refused.

    Raises
    ------
    UsageError
        When the folder holds other runs, or other files.
    FileError
        When it cannot be made or read.
    """

    def __init__(self, path: str | os.PathLike[str], about: dict[str, Any]) -> None:
        self.path = Path(path)
        wanted = {"format": _FORMAT, **about}
        try:
            self.path.mkdir(exist_ok=True)
            known = self.path / _ABOUT
            if not known.exists():
                if any(self.path.iterdir()):
                    raise UsageError(f"{self.path} holds other files", hint="name a new folder for the runs")
                with replacing(known) as temporary:
                    temporary.write_text(json.dumps(wanted, indent=1), encoding="utf-8")
                return
            held = json.loads(known.read_text(encoding="utf-8"))
        except (OSError, ValueError) as error:
            raise FileError(f"cannot keep runs in {str(path)!r}: {error}") from error
        if held != wanted:
            differ = [key for key in wanted if not isinstance(held, dict) or held.get(key) != wanted[key]]
            raise UsageError(
                f"{self.path} holds runs of another analysis: {', '.join(differ)} differ",
                hint="name another folder, or delete this one",
            )


class RunStore(Store):
    """A folder that holds the finished runs of a Monte Carlo analysis."""

    def load(self) -> dict[int, Record]:
        """Return the finished runs by number.

        Raises
        ------
        FileError
            When a part is damaged.
        """
        found: dict[int, Record] = {}
        for part in sorted(self.path.glob("runs-*.npz")):
            try:
                with part.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                    for entry in json.loads(str(file["records"])):
                        found[entry["index"]] = _record(entry, file)
            # numpy reports damage as any of these
            except (OSError, ValueError, TypeError, KeyError, EOFError, zipfile.BadZipFile) as error:
                raise FileError(
                    f"cannot read {str(part)!r}: {error}", hint="delete it: its runs are done anew"
                ) from error
        return found

    def add(self, records: Iterable[Record]) -> None:
        """Write a part of finished runs, whole or not at all."""
        arrays: dict[str, Any] = {}
        entries = []
        for record in records:
            waves = {}
            for name, wave in record.waves.items():
                waves[name] = [wave.axis_name, wave.axis_unit, wave.names, wave.units]
                arrays[f"{record.index}.{name}.axis"] = wave.axis
                arrays[f"{record.index}.{name}.values"] = wave.values
            entries.append({**vars(record), "waves": waves})
        if entries:
            with (
                replacing(self.path / f"runs-{entries[0]['index']:07d}.npz") as temporary,
                temporary.open("wb") as file,
            ):
                np.savez(file, records=np.array(json.dumps(entries)), **arrays)


def _record(entry: dict[str, Any], file: Any) -> Record:
    index = int(entry["index"])
    waves = {
        name: Waves(
            axis, unit, file[f"{index}.{name}.axis"], tuple(names), tuple(units), file[f"{index}.{name}.values"]
        )
        for name, (axis, unit, names, units) in entry["waves"].items()
    }
    return Record(index, entry["error"], dict(entry["measures"]), waves, list(entry["warnings"]))
