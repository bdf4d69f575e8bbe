"""Arrays of points that may lie on disk: read block by block, so that no more than a column is ever in memory."""

from __future__ import annotations

import mmap
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

#: Bytes that are looked at at a time.
_BLOCK = 1 << 23


def map_points(file: BinaryIO, dtype: np.dtype[Any], offset: int, points: int, width: int) -> NDArray[Any]:
    """Return points in a file as an array that reads them when they are looked at, shape (points, width)."""
    if points == 0 or width == 0:
        return np.empty((points, width), dtype.newbyteorder("="))
    return np.memmap(file, dtype, "r", offset, (points, width))


def blocks_of(data: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Yield all rows of an array in blocks; those of a file leave the memory again.

    Examples
    --------
    >>> [block.shape for block in blocks_of(np.zeros((3, 2)))]
    [(3, 2)]
    """
    rows = max(1, _BLOCK // max(1, data.shape[1] * data.itemsize))
    for first in range(0, len(data), rows):
        yield data[first : first + rows]
        if isinstance(data, np.memmap) and isinstance(data.base, mmap.mmap):
            data.base.madvise(mmap.MADV_DONTNEED)


def column_of(data: NDArray[Any], k: int) -> NDArray[Any]:
    """Return a column: a view of an array in memory, a copy of one on disk."""
    if not isinstance(data, np.memmap):
        return data[:, k]
    found = np.empty(len(data), data.dtype)
    first = 0
    for block in blocks_of(data):
        found[first : first + len(block)] = block[:, k]
        first += len(block)
    return found


def ranges_of(data: NDArray[Any]) -> NDArray[np.float64]:
    """Return least, largest and last value of each column, of complex ones magnitudes, shape (3, width).

    Raises
    ------
    ValueError
        When there are no points.

    Examples
    --------
    >>> ranges_of(np.array([[0.0, 3.0], [1.0, -2.0]])).tolist()
    [[0.0, -2.0], [1.0, 3.0], [1.0, -2.0]]
    """
    ends = []
    last = np.zeros(data.shape[1])
    for block in blocks_of(data):
        values = np.abs(block) if np.iscomplexobj(block) else block
        ends.append((values.min(axis=0), values.max(axis=0)))
        last = np.array(values[-1])
    low, high = np.array(ends).swapaxes(0, 1) if ends else np.empty((2, 0, data.shape[1]))
    return np.array([low.min(axis=0), high.max(axis=0), last])
