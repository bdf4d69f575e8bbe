"""Files of arrays that commands take."""

from __future__ import annotations

import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from circuitnn.errors import FileError

if TYPE_CHECKING:
    from circuitnn import Layout, RfLayout

_EXPECTED = "an .npz file with arrays x and, for the accuracy, y; or a .npy file"


def read_samples(path: str) -> tuple[Any, Any]:
    """Return inputs and labels, the latter None when the file has none.

    Raises
    ------
    FileError
        When the file cannot be read or has no array ``x``.
    """
    import numpy as np

    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return loaded, None
        with loaded:
            if "x" not in loaded:
                raise FileError(f"{path} has no array x", expected=_EXPECTED, hint=f"it has {', '.join(loaded.files)}")
            return loaded["x"], loaded.get("y")
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no file of numeric arrays"
        raise FileError(f"cannot read {path!r}: {reason}", expected=_EXPECTED) from error


def read_layout(path: str) -> Layout | RfLayout:
    """Return the layout in a file, of whichever kind it says it is.

    Raises
    ------
    FileError, LayoutError
        As ``Layout.load`` and ``RfLayout.load``.
    """
    import h5py

    import circuitnn as cn

    radio = False
    if Path(path).is_file():
        try:
            with h5py.File(path, "r") as file:
                radio = file.attrs.get("format") == "circuitnn-rf-layout"
        except (OSError, RuntimeError, ValueError):
            pass  # Layout.load says what is wrong with it
    return cn.RfLayout.load(path) if radio else cn.Layout.load(path)


def read_training(name: str) -> tuple[Any, Any, Any, Any]:
    """Return training inputs and labels and those for testing, the latter None when there are none.

    Parameters
    ----------
    name : str
        ``digits`` (8 by 8 pixels, shipped), ``mnist``, or an .npz file, whose numbers of eight bits become 0 to 1.

    Raises
    ------
    FileError
        When the file cannot be read or has no training data.
    """
    import numpy as np

    if name == "digits":
        from circuitnn.demos.digits import load_digits

        digits = load_digits()
        return digits.x_train, digits.y_train, digits.x_test, digits.y_test
    if name == "mnist":
        from circuitnn.demos.mnist import mnist_images

        return *mnist_images("train"), *mnist_images("test")
    wanted = "digits, mnist, or an .npz file with x_train, y_train and, for testing, x_test, y_test"
    try:
        loaded = np.load(name, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            raise FileError(f"{name} holds one array", expected=wanted)
        with loaded:
            keys = ("x_train", "y_train") if "x_train" in loaded else ("x", "y")
            if missing := [key for key in keys if key not in loaded]:
                raise FileError(f"{name} has no array {missing[0]}", expected=wanted)
            found = [loaded[key] for key in keys]
            tests = [loaded[key] for key in ("x_test", "y_test") if key in loaded]
    except (OSError, ValueError, EOFError, MemoryError, zipfile.BadZipFile, zlib.error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no file of numeric arrays"
        raise FileError(f"cannot read {name!r}: {reason}", expected=wanted) from error
    found += tests if len(tests) == 2 else [None, None]
    for k in (0, 2):
        if found[k] is not None and found[k].dtype == np.uint8:
            found[k] = found[k] / 255.0
    return found[0], found[1], found[2], found[3]
