"""The cells of a crossbar as the line solver reads them."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar._lines import store
from circuitnn.results.memory import core_count

Array = NDArray[np.float64]
_ALONE = 200 * 200  # cells below which a second thread costs more than it gives


class Stored:
    """Conductances of an array, stored as lines read them.

    Attributes
    ----------
    G : ndarray, shape (rows, cols), S
        Read-only.
    padded : ndarray
        What ``G`` is a part of.
    mean : float
        NaN where a cell is negative, infinite or not a number.
    """

    def __init__(self, values: Array) -> None:
        self.padded, self.mean = store(values, thread_count(values.size))
        self.padded.setflags(write=False)
        self.G = self.padded[: values.shape[0], : values.shape[1]]


def thread_count(cells: int) -> int:
    """Return how many threads pay for an array."""
    return 1 if cells < _ALONE else core_count()
