"""Splitting a layer's matrix into tiles of a given physical size."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError

Array = NDArray[np.float64]
_MOST_LINES = 2**62  # what HDF5 keeps in 64 bits


@dataclass(frozen=True)
class Place:
    """Which inputs and outputs of its layer a tile serves, as half-open ranges."""

    row_start: int
    row_stop: int
    out_start: int
    out_stop: int

    @property
    def inputs(self) -> slice:
        """Its inputs, one word line each."""
        return slice(self.row_start, self.row_stop)

    @property
    def outputs(self) -> slice:
        """Its outputs, two neighbouring bit lines each."""
        return slice(self.out_start, self.out_stop)

    @property
    def shape(self) -> tuple[int, int]:
        """Word lines and bit lines that it uses."""
        return self.row_stop - self.row_start, 2 * (self.out_stop - self.out_start)


@dataclass(frozen=True, eq=False)
class Tile:
    """A crossbar's part of a layer.

    Attributes
    ----------
    place : Place
    G : ndarray, shape (inputs, 2 * outputs), S
        Bit lines 2j and 2j+1 are the positive and negative one of output j.
    adc_limit : float, A
        End of the range of its analogue-to-digital converters, which see the difference of a pair of bit lines.
    """

    place: Place
    G: Array
    adc_limit: float


def check_tile(tile: tuple[int, int]) -> tuple[int, int]:
    """Return a tile's physical size (word lines, bit lines), or raise UsageError."""
    try:
        rows, cols = tile
    except (TypeError, ValueError):
        rows = cols = 0
    for n in (rows, cols):
        if isinstance(n, bool) or not isinstance(n, int | np.integer):
            rows = 0
    if not (1 <= rows <= _MOST_LINES and 2 <= cols <= _MOST_LINES):
        raise UsageError(
            f"tile is {tile!r}",
            expected=f"(word lines, bit lines), at least (1, 2), at most {_MOST_LINES}: an output takes two bit lines",
        )
    return int(rows), int(cols)


def split(inputs: int, outputs: int, tile: tuple[int, int]) -> list[Place]:
    """Return where the tiles of a layer lie, row by row; only those at the ends are not full.

    Examples
    --------
    >>> [(p.inputs, p.outputs) for p in split(5, 2, (3, 4))]
    [(slice(0, 3, None), slice(0, 2, None)), (slice(3, 5, None), slice(0, 2, None))]
    """
    rows, outs = tile[0], tile[1] // 2
    return [
        Place(r, min(r + rows, inputs), c, min(c + outs, outputs))
        for r, c in itertools.product(range(0, inputs, rows), range(0, outputs, outs))
    ]
