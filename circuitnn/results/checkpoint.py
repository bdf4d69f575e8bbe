"""The state of a transient, from which another run goes on."""

from __future__ import annotations

import os
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import FileError, UsageError
from circuitnn.results.atomic import replacing

_FORMAT = "circuitnn-checkpoint 1"
_TEXTS = ("title", "devices", "values")
_ARRAYS = {"format", "time", "names", "state", *_TEXTS}


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """Where a transient stopped: ``result.checkpoint``, for ``circuit.tran(..., resume=checkpoint)``.

    Parameters
    ----------
    title : str
        Of the circuit.
    time : float
        Seconds.
    names : tuple of str
        Unknowns of the circuit; the run that goes on must have the same ones.
    devices : str
        Stands for the devices and their order.
    values : str
        Stands for their values; after a change of these the first step is Euler's, as behind a corner.
    state : ndarray
        Unknowns, charges and waves on lines at the last points, and what step control and devices remember.

    Examples
    --------
    >>> import circuitnn as cn, tempfile, pathlib
    >>> c = cn.Circuit("discharge")
    >>> c.R("1", "a", 0, "1k"); c.C("1", "a", 0, "1u", ic=1.0)
    >>> first = c.tran(stop=1e-3, uic=True)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     first.checkpoint.save(pathlib.Path(folder, "a.npz"))
    ...     again = cn.Checkpoint.load(pathlib.Path(folder, "a.npz"))
    >>> second = c.tran(stop=2e-3, resume=again)
    >>> float(second.time[0]), bool(abs(second["v(a)"][-1] - np.exp(-2)) < 1e-3)
    (0.001, True)
    """

    title: str
    time: float
    names: tuple[str, ...]
    devices: str
    values: str
    state: NDArray[np.float64]

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write an ``.npz`` file of plain arrays, whole or not at all.

        Raises
        ------
        UsageError
            When the name has another suffix.
        FileError
            When the file cannot be written.
        """
        if Path(path).suffix.lower() != ".npz":
            raise UsageError(f"cannot write a checkpoint to {str(path)!r}", expected="a name that ends in .npz")
        with replacing(path) as temporary, temporary.open("wb") as stream:
            np.savez(
                stream,
                format=np.array(_FORMAT),
                time=np.array(self.time),
                names=np.array(self.names, dtype=np.str_),
                state=self.state,
                **{name: np.array(getattr(self, name)) for name in _TEXTS},  # type: ignore[arg-type]
            )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Checkpoint:
        """Read what `save` wrote.

        Raises
        ------
        FileError
            When the file is missing, damaged or no checkpoint.
        """
        try:
            # Opened here: of a path that it cannot read numpy forgets to close the file.
            with Path(path).open("rb") as stream, np.load(stream, allow_pickle=False) as file:
                held = set(getattr(file, "files", ()))
                if held != _ARRAYS or str(file["format"]) != _FORMAT:
                    raise FileError(f"{path} is no checkpoint", expected=f"a file of the format {_FORMAT!r}")
                names, state = file["names"], file["state"]
                if names.ndim != 1 or names.dtype.kind != "U" or state.ndim != 1 or state.dtype != np.float64:
                    raise FileError(f"{path} is a damaged checkpoint")
                moment, texts = float(file["time"]), [str(file[name]) for name in _TEXTS]
        # numpy reports damage as any of these.
        except (OSError, ValueError, TypeError, KeyError, EOFError, MemoryError, zipfile.BadZipFile) as error:
            raise FileError(f"cannot read {str(path)!r} as a checkpoint: {error}") from error
        return cls(texts[0], moment, tuple(names.tolist()), texts[1], texts[2], state)
