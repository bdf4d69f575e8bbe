"""What layout files read from HDF5: numbers that the file itself holds, and nothing that it only points to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from circuitnn.errors import LayoutError


def item(group: Any, name: str) -> Any:
    """Return what a group holds itself; a link could lead into another file, which a stranger may not have read.

    Raises
    ------
    KeyError
        When there is nothing of that name.
    LayoutError
        When it is a link.
    """
    import h5py

    if name in group and not isinstance(group.get(name, getlink=True), h5py.HardLink):
        raise LayoutError(f"{group.name.rstrip('/')}/{name} is a link", expected="it in the file itself")
    return group[name]


def stored(dataset: Any, size: int, dtype: DTypeLike = np.float64) -> NDArray[Any]:
    """Return the numbers of a dataset of a file of ``size`` bytes.

    Raises
    ------
    LayoutError
        When they are of another type, or not stored as they are in the file itself.
    """
    # A few bytes can promise terabytes: what is stored as it is cannot be larger than its file.
    # Nor may a layout from a stranger have its numbers read from other files.
    from h5py import h5d

    made = dataset.id.get_create_plist()
    plain = made.get_layout() == h5d.CONTIGUOUS and made.get_external_count() == 0
    wanted = np.dtype(dtype)
    if dataset.dtype != wanted or dataset.nbytes > size or not plain:
        raise LayoutError(
            f"{dataset.name} holds {dataset.dtype} of shape {dataset.shape}, not stored as they are",
            expected=f"{wanted} in the file itself",
        )
    return np.asarray(dataset[()])
