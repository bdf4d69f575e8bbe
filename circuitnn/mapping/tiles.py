"""Splitting a matrix into tiles of a given physical size."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.mapping.encodings.encoding import Encoding

Array = NDArray[np.float64]
Indices = NDArray[np.int64]
_MOST_LINES = 2**62  # what HDF5 keeps in 64 bits


@dataclass(frozen=True, eq=False)
class Place:
    """Which inputs and outputs of its matrix a tile serves, in the order of its lines.

    Attributes
    ----------
    inputs : ndarray of int
        One word line each, the first nearest to where the bit lines are not sensed.
    outputs : ndarray of int
        Each on as many bit lines as the encoding takes, the first nearest to the drivers.
    """

    inputs: Indices
    outputs: Indices

    @cached_property
    def rows(self) -> slice | Indices:
        """The inputs as an index: a slice where they are neighbours, which copies nothing."""
        return _index(self.inputs)

    @cached_property
    def columns(self) -> slice | Indices:
        """The outputs as an index."""
        return _index(self.outputs)


def _index(places: Indices) -> slice | Indices:
    """Return a slice for neighbours in ascending order, any other places as they are."""
    return slice(int(places[0]), int(places[-1]) + 1) if (np.diff(places) == 1).all() else places


@dataclass(frozen=True, eq=False)
class Tile:
    """A crossbar's part of a matrix.

    Attributes
    ----------
    place : Place
    target : ndarray, shape (inputs, lines), S
        Conductances that programming aims at.
    G : ndarray, shape (inputs, lines), S
        Conductances as programmed.
    adc_limit : float, A
        End of the range of its analogue-to-digital converters.
    """

    place: Place
    target: Array
    G: Array
    adc_limit: float


def check_tile(tile: tuple[int, int], encoding: Encoding) -> tuple[int, int]:
    """Return a tile's physical size (word lines, bit lines), or raise UsageError."""
    try:
        rows, cols = tile
    except (TypeError, ValueError):
        rows = cols = 0
    for n in (rows, cols):
        if isinstance(n, bool) or not isinstance(n, int | np.integer):
            rows = 0
    least = encoding.lines(1)
    if not (1 <= rows <= _MOST_LINES and least <= cols <= _MOST_LINES):
        raise UsageError(
            f"tile is {tile!r}",
            expected=f"(word lines, bit lines), at least (1, {least}), at most {_MOST_LINES}: so many bit lines "
            "an output of this encoding takes",
        )
    return int(rows), int(cols)


def split(inputs: Indices, outputs: Indices, tile: tuple[int, int], encoding: Encoding) -> list[Place]:
    """Return where the tiles of a matrix lie, row by row; only those at the ends are not full.

    Parameters
    ----------
    inputs, outputs : ndarray of int
        Those that the matrix has, in the order in which they take lines.
    tile : (int, int)
    encoding : Encoding

    Examples
    --------
    >>> from circuitnn.mapping.encodings.differential import Differential
    >>> places = split(np.arange(5), np.arange(2), (3, 4), Differential())
    >>> [(p.inputs.tolist(), p.outputs.tolist()) for p in places]
    [([0, 1, 2], [0, 1]), ([3, 4], [0, 1])]
    """
    rows, outs = tile[0], encoding.outputs(tile[1])
    return [
        Place(inputs[r : r + rows], outputs[c : c + outs])
        for r in range(0, len(inputs), rows)
        for c in range(0, len(outputs), outs)
    ]
