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
_ARRAYS = {"format", "title", "time", "names", "devices", "state"}


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
                title=np.array(self.title),
                time=np.array(self.time),
                names=np.array(self.names, dtype=np.str_),
                devices=np.array(self.devices),
                state=self.state,
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
            with np.load(path, allow_pickle=False) as file:
                held = set(getattr(file, "files", ()))
                if held != _ARRAYS or str(file["format"]) != _FORMAT:
                    raise FileError(f"{path} is no checkpoint", expected=f"a file of the format {_FORMAT!r}")
                names, state = file["names"], file["state"]
                if names.ndim != 1 or names.dtype.kind != "U" or state.ndim != 1 or state.dtype != np.float64:
                    raise FileError(f"{path} is a damaged checkpoint")
                found = float(file["time"]), str(file["title"]), str(file["devices"])
        # numpy reports damage as any of these.
        except (OSError, ValueError, TypeError, KeyError, EOFError, MemoryError, zipfile.BadZipFile) as error:
            raise FileError(f"cannot read {str(path)!r} as a checkpoint: {error}") from error
        return cls(found[1], found[0], tuple(names.tolist()), found[2], state)
