"""Tensors of safetensors files, read a rectangle at a time.

Such a file is eight bytes that give the length N of a header, N bytes of JSON, and the numbers::

    {"name": {"dtype": "F32", "shape": [768, 2304], "data_offsets": [begin, end]}, "__metadata__": {...}}

with offsets from the header's end and numbers in rows, least significant byte first (the format's own description,
``github.com/huggingface/safetensors``). It holds no code. Reads ask the file for their own rows alone, so that memory
holds no more than what is asked for; a file mapped into memory would count as much.
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import FileError
from circuitnn.results.regular import require_regular

_SUFFIX = ".safetensors"
_MOST_HEADER = 100_000_000  # as the format's own library
_EXPECTED = "a .safetensors file, or a folder of them"
#: Bytes of a number. Those that are no floating-point numbers of numpy, or BF16, are named and not read.
_SIZES = {
    "BOOL": 1, "U8": 1, "I8": 1, "F8_E4M3": 1, "F8_E5M2": 1, "U16": 2, "I16": 2, "F16": 2, "BF16": 2,
    "U32": 4, "I32": 4, "F32": 4, "U64": 8, "I64": 8, "F64": 8, "C64": 8,
}  # fmt: skip
_READ = {"F16": "<f2", "BF16": "<u2", "F32": "<f4", "F64": "<f8"}


@dataclass(frozen=True)
class Tensor:
    """A tensor in a file.

    Attributes
    ----------
    name, dtype : str
        As the file's header says.
    shape : tuple of int
    path : str
    offset : int
        Of its first byte.
    """

    name: str
    dtype: str
    shape: tuple[int, ...]
    path: str
    offset: int

    @property
    def readable(self) -> bool:
        """Whether it holds floating-point numbers that ``read`` knows."""
        return self.dtype in _READ

    @property
    def itemsize(self) -> int:
        """Bytes of a number."""
        return _SIZES[self.dtype]

    def raw(self, rows: range, columns: range) -> bytes:
        """Return the bytes of a rectangle of a matrix, row after row.

        Raises
        ------
        FileError
            When the file cannot be read, or has become shorter.
        """
        size, width = self.itemsize, self.shape[1]
        each = len(columns) * size
        try:
            with Path(self.path).open("rb") as file:
                start = self.offset + (rows.start * width + columns.start) * size
                if len(columns) == width:
                    return self._exactly(file, start, len(rows) * each)
                return b"".join(self._exactly(file, start + k * width * size, each) for k in range(len(rows)))
        except OSError as error:
            raise FileError(f"cannot read {self.path!r}: {error}", names=(self.path,)) from error

    def numbers(self, raw: bytes, rows: int) -> NDArray[Any]:
        """Return bytes of so many rows as floating-point numbers; BF16 as the F32 of which it is the upper half."""
        found = np.frombuffer(raw, _READ[self.dtype]).reshape(rows, -1)
        if self.dtype == "BF16":
            return (found.astype("<u4") << np.uint32(16)).view("<f4")
        return found

    def _exactly(self, file: BinaryIO, start: int, count: int) -> bytes:
        file.seek(start)
        data = file.read(count)
        if len(data) != count:
            raise FileError(f"{self.path!r} ends within {self.name!r}", hint="was it changed while it was read?")
        return data


def read_tensors(path: str | os.PathLike[str]) -> dict[str, Tensor]:
    """Return the tensors of a file, or of all in a folder, by name.

    Raises
    ------
    FileError
        When there is no such file, or its header is damaged, foreign, or promises what the file does not hold.
    """
    given = Path(path)
    try:
        files = sorted(given.glob(f"*{_SUFFIX}")) if given.is_dir() else [given]
    except (OSError, ValueError) as error:
        raise FileError(f"cannot read {str(path)!r}: {error}", expected=_EXPECTED) from error
    if not files:
        raise FileError(f"{str(path)!r} holds no {_SUFFIX} file", expected=_EXPECTED, names=(str(path),))
    found: dict[str, Tensor] = {}
    for file in files:
        for name, tensor in _of_file(file.resolve()).items():
            if name in found:
                raise FileError(f"{found[name].path!r} and {tensor.path!r} both hold {name!r}", names=(name,))
            found[name] = tensor
    return found


def _of_file(path: Path) -> dict[str, Tensor]:
    try:
        size = require_regular(path, _EXPECTED).st_size
        with path.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if size < 8 or length > min(size - 8, _MOST_HEADER):
                raise _foreign(path, f"its header would have {length} bytes, and the file has {size}")
            entries = json.loads(stream.read(length).decode("utf-8"), object_pairs_hook=_once)
    except (OSError, ValueError, RecursionError) as error:  # ValueError: bytes that are no JSON
        if isinstance(error, OSError):
            raise FileError(f"cannot read {str(path)!r}: {error}", expected=_EXPECTED) from error
        raise _foreign(path, f"its header is no JSON: {error}") from None
    if not isinstance(entries, dict):
        raise _foreign(path, "its header is no JSON object")
    entries.pop("__metadata__", None)
    return {name: _tensor(path, name, entry, 8 + length, size) for name, entry in entries.items()}


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name stands twice")
    return found


def _tensor(path: Path, name: str, entry: Any, start: int, size: int) -> Tensor:
    try:
        dtype, shape, (begin, end) = entry["dtype"], tuple(entry["shape"]), entry["data_offsets"]
        whole = all(type(n) is int and n >= 0 for n in (*shape, begin, end))
        holds = whole and end - begin == math.prod(shape) * _SIZES[dtype]
    except (KeyError, TypeError, ValueError):
        raise _foreign(path, f"the entry of {name!r} is no dtype, shape and data_offsets", name) from None
    if not holds or start + end > size:
        raise _foreign(
            path, f"{name!r} of shape {shape} and type {dtype} has bytes {begin} .. {end} of {size - start}", name
        )
    return Tensor(name, dtype, shape, str(path), start + begin)


def _foreign(path: Path, message: str, name: str = "") -> FileError:
    return FileError(
        f"{str(path)!r} is not a whole {_SUFFIX} file: {message}", expected=_EXPECTED, names=(name,) if name else ()
    )
