"""Matrices of conductances from files: ``.npy``, ``.npz`` and ``.csv``, nothing in them ever run as code."""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import IO

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import CircuitnnError, FileError, nearest
from circuitnn.netlist.flat import DataFile
from circuitnn.results.regular import require_regular

_EXPECTED = "a matrix in a .npy, .npz or .csv file"


def read_matrix(file: DataFile, shape: tuple[int, int]) -> NDArray[np.float64]:
    """Return a matrix of real numbers, shape ``shape``.

    The header is read before the numbers, so that a wrong or malicious shape costs nothing.

    Raises
    ------
    FileError
        When the file is missing, of another kind, or has no such array.
    CircuitnnError
        When the array has another shape, or does not hold real numbers.
    """
    path = Path(file.path)
    kind = path.suffix.lower()
    if kind not in (".csv", ".npy", ".npz"):
        raise FileError(f"{str(file)!r} is no file of numbers", place=file.place, expected=_EXPECTED)
    try:
        require_regular(path, _EXPECTED, file.place)
        if kind == ".csv":
            values = np.loadtxt(path, delimiter=",", ndmin=2, max_rows=shape[0] + 1)
        elif kind == ".npy":
            with path.open("rb") as stream:
                values = _read_array(stream, file, shape)
        else:
            with zipfile.ZipFile(path) as archive, archive.open(_member(archive, file)) as stream:
                values = _read_array(stream, file, shape)
    except CircuitnnError:
        raise
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise FileError(
            f"cannot read {str(file)!r}: {reason}", place=file.place, expected=_EXPECTED, names=(file.path,)
        ) from None
    _require_shape(values.shape, file, shape)
    return np.asarray(values, dtype=np.float64)


def _member(archive: zipfile.ZipFile, file: DataFile) -> str:
    keys = [name.removesuffix(".npy") for name in archive.namelist() if name.endswith(".npy")]
    if file.key in keys:
        return f"{file.key}.npy"
    if not file.key and len(keys) == 1:
        return f"{keys[0]}.npy"
    shown = ", ".join(keys[:12]) or "no arrays"
    raise FileError(
        f"{file.path!r} has no array {file.key!r}" if file.key else f"{file.path!r} has {len(keys)} arrays",
        place=file.place,
        names=(file.path, file.key),
        expected=f"one of {shown}" if file.key else f"{file.path}:name, the name one of {shown}",
        hint=nearest(file.key, keys),
    )


def _read_array(stream: IO[bytes], file: DataFile, shape: tuple[int, int]) -> NDArray[np.float64]:
    version = np.lib.format.read_magic(stream)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    found, fortran, dtype = header(stream)
    _require_shape(found, file, shape)
    if dtype.kind not in "biuf":
        raise FileError(f"{str(file)!r} holds {dtype}", place=file.place, expected="real numbers", names=(file.path,))
    data = stream.read(dtype.itemsize * shape[0] * shape[1])
    return np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C").astype(np.float64)


def _require_shape(found: tuple[int, ...], file: DataFile, shape: tuple[int, int]) -> None:
    if tuple(found) != shape:
        raise FileError(
            f"{str(file)!r} holds an array of shape {tuple(found)}",
            place=file.place,
            names=(file.path,),
            expected=f"{shape}: a row for each word line, a column for each bit line",
            hint="transpose it" if tuple(found) == shape[::-1] else None,
        )
