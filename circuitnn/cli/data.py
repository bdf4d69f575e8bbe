"""Files of arrays that commands take."""

from __future__ import annotations

import zipfile
from typing import Any

from circuitnn.errors import FileError

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
