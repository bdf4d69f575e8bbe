"""Files that appear whole or not at all, and folders for them."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from circuitnn.errors import FileError


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its place when the block ends without an error.

    Raises
    ------
    FileError
        When the folder is missing or not writable, or ``path`` is something other than a regular file.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     target = pathlib.Path(folder, "a.txt")
    ...     with replacing(target) as temporary:
    ...         _ = temporary.write_text("whole")
    ...     target.read_text(), [p.name for p in pathlib.Path(folder).iterdir()]
    ('whole', ['a.txt'])
    """
    try:
        target = Path(path).resolve()
        if target.exists() and not target.is_file():
            raise FileError(f"{path} is not a regular file", hint="give the name of a file to write")
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:64]}.", suffix=".part")
        os.close(handle)
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
        raise FileError(f"cannot write {str(path)!r}: {error}") from error
    temporary = Path(name)
    try:
        yield temporary
        mask = os.umask(0)
        os.umask(mask)
        temporary.chmod(0o666 & ~mask)  # mkstemp makes files private; the user expects the usual rights
        temporary.replace(target)
    except OSError as error:
        raise FileError(f"cannot write {str(path)!r}: {error}") from error
    finally:
        temporary.unlink(missing_ok=True)


def new_folder(path: str | os.PathLike[str]) -> Path:
    """Make a folder and those above it where they are missing; return it.

    Raises
    ------
    FileError
        When it cannot be made.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     new_folder(f"{folder}/a/b").is_dir()
    True
    """
    try:
        target = Path(path)
        target.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError, TypeError) as error:
        raise FileError(
            f"cannot make the folder {str(path)!r}: {error}", hint="give a folder that can be written to"
        ) from error
    return target
