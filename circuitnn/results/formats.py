"""Formats of files of results, by their suffix."""

from __future__ import annotations

import os
from pathlib import Path
from typing import NamedTuple

from circuitnn.errors import UsageError


class Format(NamedTuple):
    """A format of files: the module that has its ``write_NAME`` and ``read_NAME``."""

    name: str
    module: str


FORMATS = {
    ".raw": Format("raw", "rawfile"),
    ".h5": Format("hdf5", "hdf5"),
    ".hdf5": Format("hdf5", "hdf5"),
    ".csv": Format("csv", "csv_file"),
}


def format_of(path: str | os.PathLike[str]) -> Format:
    """Return the format that a file's suffix stands for; raise UsageError for another one."""
    form = FORMATS.get(Path(path).suffix.lower())
    if form is None:
        raise UsageError(
            f"cannot tell the format of {str(path)!r}", expected=f"a name that ends in {', '.join(FORMATS)}"
        )
    return form
