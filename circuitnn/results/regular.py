"""Refuses what is no regular file before it is read: a pipe would wait for ever, a device would never end."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from circuitnn.errors import FileError, Place


def require_regular(path: str | os.PathLike[str], expected: str, place: Place | None = None) -> os.stat_result:
    """Return the status of a file.

    Raises
    ------
    FileError
        When it is a folder, a pipe, a device or the like.
    OSError, ValueError
        When it cannot be asked, as for a file that is missing.

    Examples
    --------
    >>> try:
    ...     require_regular("/", "a netlist file")
    ... except FileError as error:
    ...     print(error.message)
    '/' is a folder
    """
    status = Path(path).stat()
    if not stat.S_ISREG(status.st_mode):
        kind = "a folder" if stat.S_ISDIR(status.st_mode) else "not a regular file"
        raise FileError(f"{str(path)!r} is {kind}", place=place, expected=expected, names=(str(path),))
    return status
