"""Files of arrays that commands take."""

from __future__ import annotations

import zipfile
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
