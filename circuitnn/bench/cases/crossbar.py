"""Crossbars: factorisation, one more solution and the transfer matrix, against the size of the array."""

from __future__ import annotations

import time

import numpy as np

from circuitnn.bench.runner import Row
from circuitnn.crossbar.crossbar import Crossbar

_SIZES = (64, 128, 256)


def measure(size: int) -> list[Row]:
    """Return the rows of a square array of random cells, 1 to 100 uS, with 1 ohm a segment."""
    rng = np.random.default_rng(size)
    v = rng.uniform(0.0, 0.2, size)
    array = Crossbar(10.0 ** rng.uniform(-6.0, -4.0, (size, size)), r_word=1.0, r_bit=1.0)
    marks = [time.perf_counter()]
    direct = array.solve(v).currents
    marks.append(time.perf_counter())
    array.solve(v)
    marks.append(time.perf_counter())
    transfer = array.transfer_matrix()
    marks.append(time.perf_counter())
    first, again, matrix = (1e3 * t for t in np.diff(marks).tolist())
    error = float(np.abs(v @ transfer / direct - 1.0).max())
    return [
        Row(f"{size} x {size}: first solution", first, "ms"),
        Row(f"{size} x {size}: one more solution", again, "ms"),
        Row(f"{size} x {size}: transfer matrix", matrix, "ms"),
        Row(f"{size} x {size}: direct and transfer currents differ by", error, "relative"),
    ]


def run() -> list[Row]:
    """Return the rows of all sizes."""
    return [row for size in _SIZES for row in measure(size)]


EXPORT = run
