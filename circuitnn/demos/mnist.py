"""MNIST: its images from the data folder, and the two trained networks that the package ships."""

from __future__ import annotations

import zlib
from importlib.resources import files
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from circuitnn.demos.vowels import find_data
from circuitnn.errors import FileError, UsageError, nearest

Array = NDArray[np.float64]

#: Shape of one image as each network takes it.
NETWORKS: dict[str, tuple[int, ...]] = {"mlp": (784,), "lenet5": (1, 28, 28)}


def mnist_network(name: str) -> Path:
    """Return the path of a trained network's ONNX file: ``"mlp"`` (784-128-10) or ``"lenet5"``.

    Raises
    ------
    UsageError
        For another name.

    Examples
    --------
    >>> mnist_network("mlp").name
    'mnist_mlp.onnx'
    """
    if name not in NETWORKS:
        raise UsageError(
            f"unknown network {name!r}", expected=" or ".join(NETWORKS), hint=nearest(name, list(NETWORKS))
        )
    return Path(str(files("circuitnn") / "data" / f"mnist_{name}.onnx"))


def mnist_images(part: str = "test") -> tuple[Array, NDArray[np.int64]]:
    """Return images, shape (images, 784), pixels from 0 to 1, and their digits.

    Parameters
    ----------
    part : {"test", "train"}
        10,000 or 60,000 of them. The file ``mnist.npz`` is looked for in the folder CIRCUITNN_DATA,
        ``../shared/data`` when that is not set.

    Raises
    ------
    FileError
        When it cannot be read.
    """
    path = find_data("mnist.npz")
    try:
        with path.open("rb") as file, np.load(file, allow_pickle=False) as data:
            x, y = data[f"x_{part}"], data[f"y_{part}"]
    except (OSError, KeyError, ValueError, TypeError, EOFError, BadZipFile, zlib.error) as error:
        raise FileError(
            f"cannot read {path}: {error}", hint="set CIRCUITNN_DATA to the folder that holds it"
        ) from error
    return x.reshape(len(x), -1) / 255.0, y.astype(np.int64)
