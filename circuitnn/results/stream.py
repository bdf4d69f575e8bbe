"""A raw file that grows with the run that fills it, so that memory does not."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO, Self

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import FileError, UsageError
from circuitnn.results.rawfile import COUNT, COUNT_WIDTH, raw_header, write_plot
from circuitnn.results.result import Result, Variable
from circuitnn.results.stored import map_points


class RawStream:
    """A binary raw file, written plot by plot, and the plot of a transient point by point.

    The file appears with its first plot, in the place of an older one, whose readers keep what they have. Between two
    blocks of points it is always whole, so that a run that fails or is killed leaves what it computed.

    Parameters
    ----------
    path : path-like
        Ends in ``.raw``.

    Attributes
    ----------
    step : dict of str to float
        Where a deck's ``.step`` cards stand; it goes into the titles of plots.

    Raises
    ------
    UsageError
        When the name has another suffix.
    FileError
        In all methods, when the file cannot be written.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder, RawStream(pathlib.Path(folder, "a.raw")) as stream:
    ...     stream.begin("tran", "ramp", [Variable("time", "time"), Variable("v(a)", "voltage")])
    ...     stream.write(0, np.array([[0.0, 0.0], [1.0, 2.0]]))
    ...     stream.write(2, np.array([[2.0, 4.0]]))
    ...     stream.end()[:, 1].tolist()
    [0.0, 2.0, 4.0]
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        if Path(path).suffix.lower() != ".raw":
            raise UsageError(
                f"cannot stream to {str(path)!r}",
                expected="a name that ends in .raw",
                hint="results.save writes other formats, from a stream block by block",
            )
        self.path = Path(path)
        self.step: dict[str, float] = {}
        self._file: BinaryIO | None = None
        self._count_at = self._points = self._first = self._width = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the file; arrays of `end` stay."""
        if self._file is not None:
            self._file.close()

    def _open(self) -> BinaryIO:
        if self._file is None:
            try:
                target = self.path.resolve()
                if target.exists() and not target.is_file():
                    raise FileError(f"{self.path} is not a regular file", hint="give the name of a file to write")
                # A file of its own, not the old one emptied: results of an earlier run may still be mapped from there.
                handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name[:64]}.", suffix=".part")
                mask = os.umask(0)
                os.umask(mask)
                Path(name).chmod(0o666 & ~mask)
                Path(name).replace(target)
                self._file = os.fdopen(handle, "w+b")
            except (OSError, ValueError) as error:  # ValueError: a NUL character in the name
                raise FileError(f"cannot write {str(self.path)!r}: {error}") from error
        return self._file

    def begin(self, kind: str, title: str, variables: Sequence[Variable]) -> None:
        """Begin the plot of a real result."""
        file = self._open()
        header = raw_header(kind, title, variables, self.step, 0, "real")
        # Numbers are to lie where a processor likes to find them.
        try:
            padding = -(file.seek(0, os.SEEK_END) + len(header)) % 8
            mark = header.index(COUNT) + len(COUNT)
            self._count_at = file.tell() + mark
            end = header.index(b"\n", mark)
            file.write(header[:end] + b" " * padding + header[end:])
            file.flush()
            self._first, self._points, self._width = file.tell(), 0, len(variables)
        except OSError as error:
            raise FileError(f"cannot write {str(self.path)!r}: {error}") from error

    def write(self, before: int, points: NDArray[np.float64]) -> None:
        """Put points, shape (points, variables), behind the first ``before`` ones; more than once does no harm."""
        file = self._open()
        try:
            file.seek(self._first + before * self._width * 8)
            file.write(np.ascontiguousarray(points, "<f8").data)
            file.flush()
            self._points = before + len(points)
            os.pwrite(file.fileno(), f"{self._points:<{COUNT_WIDTH}d}".encode(), self._count_at)
        except OSError as error:
            raise FileError(f"cannot write {str(self.path)!r}: {error}") from error

    def end(self) -> NDArray[np.float64]:
        """End the plot and return its points, which stay on disk, shape (points, variables)."""
        file = self._open()
        try:
            return map_points(file, np.dtype("<f8"), self._first, self._points, self._width)
        except (OSError, ValueError) as error:
            raise FileError(f"cannot read {str(self.path)!r} back: {error}") from error

    def add(self, result: Result) -> None:
        """Write the plot of a result that is whole, and that of its totals."""
        file = self._open()
        try:
            file.seek(0, os.SEEK_END)
            write_plot(file, result, self.step, ascii=False)
            file.flush()
        except OSError as error:
            raise FileError(f"cannot write {str(self.path)!r}: {error}") from error
        if result.totals is not None:
            self.add(result.totals)
