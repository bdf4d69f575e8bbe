"""Files that are made once and kept: whole, or made anew."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from circuitnn.errors import FileError

try:
    import fcntl
except ImportError:  # not a POSIX system
    fcntl = None  # type: ignore[assignment]

T = TypeVar("T")
_MARK = b"\n# sha256 "  # a comment in Python; what follows the end of a shared library counts for nothing


def cache_folder() -> Path:
    """Return the folder of compiled user devices: ``$XDG_CACHE_HOME/circuitnn`` or ``~/.cache/circuitnn``."""
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "circuitnn"


def kept(name: str, make: Callable[[], bytes], load: Callable[[str], T]) -> T:
    """Load a file of the cache, after it is made when it is not there or not whole.

    Of several processes that want the same file one makes it, and the others wait for it; the lock goes with the
    process that holds it. Where the system has no such locks, each makes its own, and the last one stays.

    Raises
    ------
    FileError
        When the folder cannot be written, or the file cannot be loaded though it was just made.
    """
    path = cache_folder() / name
    try:
        if not _whole(path):
            _make(path, make)
        try:
            return load(str(path))
        except OSError:  # whole, but not for this machine or this system's libraries
            path.unlink(missing_ok=True)
            _make(path, make)
            return load(str(path))
    except OSError as error:
        raise FileError(
            f"the compiled device {name!r} cannot be kept or loaded: {error}",
            hint=f"delete {path} when it is damaged, or set XDG_CACHE_HOME to a folder that can be written",
        ) from error


def _whole(path: Path) -> bool:
    try:
        content, mark, digest = path.read_bytes().rpartition(_MARK)
    except FileNotFoundError:
        return False
    return bool(mark) and hashlib.sha256(content).hexdigest().encode() == digest.strip()


def _make(path: Path, make: Callable[[], bytes]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with _lock(path.with_name(path.name + ".lock")):
        if _whole(path):
            return  # made by another process in the meantime
        for left in path.parent.glob(f"{path.name}.*.part"):  # of a process that was killed
            left.unlink(missing_ok=True)
        content = make()
        part = path.with_name(f"{path.name}.{os.getpid()}.part")
        part.write_bytes(content + _MARK + hashlib.sha256(content).hexdigest().encode() + b"\n")
        part.chmod(0o755)
        os.replace(part, path)


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    if fcntl is None:
        yield
        return
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        try:
            yield
        finally:
            # Who waits for it finds the file made; who comes now and makes another lock does too.
            with suppress(OSError):
                path.unlink()
