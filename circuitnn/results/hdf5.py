"""Results in HDF5: one group an analysis, readable without circuitnn.

Root attributes ``format = "circuitnn-results"`` and ``version``; ``measures``, ``steps`` and ``warnings`` as JSON text.
Group ``tran1`` holds ``data`` (points, variables), ``variables`` and ``kinds`` (text), ``sweeps/K`` (outermost first,
attribute ``source``), and as attributes ``kind``, ``title``, ``command``, ``order``, ``statistics`` and
``step`` (JSON text).
"""

from __future__ import annotations

import json
import os
from typing import Any

import numpy as np

from circuitnn.errors import CircuitnnError, FileError
from circuitnn.results.atomic import replacing
from circuitnn.results.regular import require_regular
from circuitnn.results.result import Result, Variable
from circuitnn.results.results import Results
from circuitnn.results.stored import blocks_of, map_points

_FORMAT, _VERSION = "circuitnn-results", 1
#: Bytes of a result above which its points stay on disk.
_LARGE = 1 << 26


# Damage can send the library round in circles for ever. Its latest layout has checksums for all but numbers and texts
# without a fixed length, so there are none of these.
def fixed_text(value: str) -> Any:
    """Return a text as an attribute of its own length."""
    import h5py

    return np.array(value.encode(), h5py.string_dtype(length=max(len(value.encode()), 1)))


def fixed_texts(values: list[str]) -> Any:
    """Return texts as data, each as long as the longest."""
    import h5py

    made = [value.encode() for value in values]
    return np.array(made, h5py.string_dtype(length=max([1, *map(len, made)])))


def write_hdf5(path: str | os.PathLike[str], results: Results) -> None:
    """Write results to an HDF5 file, which is replaced whole.

    Raises
    ------
    FileError
        When the file cannot be written.
    """
    import h5py

    with replacing(path) as temporary, h5py.File(temporary, "w", libver="latest") as file:
        file.attrs.update(format=fixed_text(_FORMAT), version=_VERSION)
        file.attrs["measures"] = fixed_text(_to_json(results.measures))
        file.attrs["steps"] = fixed_text(_to_json(results.steps))
        file.attrs["warnings"] = fixed_text(_to_json([str(warning) for warning in results.warnings]))
        for order, (name, result) in enumerate(results.items()):
            group = file.create_group(name)
            group.attrs.update(
                kind=fixed_text(result.kind), title=fixed_text(result.title), command=fixed_text(result.command)
            )
            group.attrs["order"] = order
            group.attrs["statistics"] = fixed_text(_to_json(result.statistics))
            group.attrs["step"] = fixed_text(_to_json(result.step))
            data, first = group.create_dataset("data", result.data.shape, result.data.dtype), 0
            for block in blocks_of(result.data):
                data[first : first + len(block)] = block
                first += len(block)
            group["variables"] = fixed_texts([v.name for v in result.variables])
            group["kinds"] = fixed_texts([v.kind for v in result.variables])
            sweeps = group.create_group("sweeps")
            for k, (source, values) in enumerate(result.sweeps.items()):
                sweeps[str(k)] = values
                sweeps[str(k)].attrs["source"] = fixed_text(source)  # a name may hold "/", which would make a group


def _to_json(value: Any) -> str:
    def plain(item: Any) -> Any:
        return item.tolist() if isinstance(item, np.generic | np.ndarray) else str(item)

    return json.dumps(value, default=plain)


def read_hdf5(path: str | os.PathLike[str]) -> Results:
    """Read results that ``write_hdf5`` wrote.

    Raises
    ------
    FileError
        When the file is missing, cut short, foreign or of an unknown version.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> op = Result("op1", "op", "divider", [Variable("v(out)", "voltage")], [[0.5]], {"iterations": 3})
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     Results([op]).save(pathlib.Path(folder, "a.h5"))
    ...     read_hdf5(pathlib.Path(folder, "a.h5")).op.statistics
    {'iterations': 3}
    """
    import h5py

    try:
        require_regular(path, "results in HDF5")
        with h5py.File(path, "r") as file:
            if plain_text(file.attrs.get("format", "")) != _FORMAT:
                raise FileError(f"{path} is not a file of results", expected=f"the attribute format = {_FORMAT!r}")
            if file.attrs.get("version") != _VERSION:
                raise FileError(f"{path} is of version {file.attrs.get('version')}", expected=f"version {_VERSION}")
            results = Results(
                _read_group(path, group) for group in sorted(file.values(), key=lambda g: int(g.attrs["order"]))
            )
            measures = json.loads(plain_text(file.attrs["measures"]))
            results.measures = {key: _over_steps(v) if isinstance(v, list) else v for key, v in measures.items()}
            results.steps = json.loads(plain_text(file.attrs.get("steps", "[]")))
            results.warnings = list(json.loads(plain_text(file.attrs["warnings"])))
            return results
    except FileError:
        raise
    # h5py reports damage as any of these, whatever part of the file it is in.
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, MemoryError) as error:
        raise FileError(f"cannot read {str(path)!r} as results in HDF5: {error}") from error
    except CircuitnnError as error:
        raise FileError(f"{path}: {error.message}") from error


def _read_group(path: str | os.PathLike[str], group: Any) -> Result:
    names = group["variables"].asstr()[()].tolist()
    kinds = group["kinds"].asstr()[()].tolist()
    sweeps = [group[f"sweeps/{k}"] for k in range(len(group["sweeps"]))]
    result = Result(
        "",
        plain_text(group.attrs["kind"]),
        plain_text(group.attrs["title"]),
        [Variable(name, kind) for name, kind in zip(names, kinds, strict=True)],
        _points(path, group["data"]),
        json.loads(plain_text(group.attrs["statistics"])),
        plain_text(group.attrs["command"]),
        sweeps={plain_text(values.attrs["source"]): values[()] for values in sweeps},
    )
    result.step = json.loads(plain_text(group.attrs.get("step", "{}")))
    return result


def _points(path: str | os.PathLike[str], data: Any) -> Any:
    """Return the points of a result; many stay in the file, where `write_hdf5` leaves them in one piece."""
    offset = data.id.get_offset()
    if (
        data.nbytes <= _LARGE
        or data.ndim != 2
        or offset is None
        or data.dtype not in (np.dtype("<f8"), np.dtype("<c16"))
    ):
        return data[()]
    with open(path, "rb") as file:
        return map_points(file, data.dtype, offset, *data.shape)


def plain_text(value: Any) -> str:
    """Return an attribute as text: h5py gives bytes for texts of a fixed length."""
    return value.decode() if isinstance(value, bytes) else str(value)


def _over_steps(values: list[float | None]) -> Any:
    return np.ma.masked_array([0.0 if v is None else v for v in values], [v is None for v in values])
