"""Fewer tiles for matrices with zeros: lines that carry nothing are left out, and outputs that read alike share tiles.

A tile serves some outputs, and only the inputs with a weight for any of them. Which outputs go together decides how
many inputs that are: a set that reads the same inputs needs no more lines than one of them. The search is greedy: a
group starts with the output that has most weights left, and takes the output that adds the fewest new inputs, until
the group fills the bit lines. Zero weights scattered at random leave hardly an input without any weight for a whole
group, and win nothing; whole rows, columns and blocks of zeros do.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuitnn.mapping.encodings.encoding import Encoding
from circuitnn.mapping.tiles import Indices, Place, split

Array = NDArray[np.float64]
_ROUNDS = 4096  # outputs beyond which groups are taken in the order in which the outputs lie


def pack(weights: Array, tile: tuple[int, int], encoding: Encoding) -> list[Place]:
    """Return places of tiles that hold every weight other than zero, as few as the search finds.

    Parameters
    ----------
    weights : ndarray, shape (inputs, outputs)
    tile : (int, int)
        Word and bit lines of a crossbar.
    encoding : Encoding

    Returns
    -------
    list of Place
        Never more than ``split`` gives. One place, of the first input and output, for a matrix of zeros alone.

    Examples
    --------
    >>> from circuitnn.mapping.encodings.differential import Differential
    >>> w = np.kron(np.eye(3), np.ones((4, 2)))[:, [0, 2, 4, 1, 3, 5]]      # three blocks, their outputs apart
    >>> [(p.inputs.tolist(), p.outputs.tolist()) for p in pack(w, (4, 4), Differential())]
    [([0, 1, 2, 3], [0, 3]), ([4, 5, 6, 7], [1, 4]), ([8, 9, 10, 11], [2, 5])]
    >>> len(split(np.arange(12), np.arange(6), (4, 4), Differential()))
    9
    """
    used = weights != 0.0
    outputs = np.flatnonzero(used.any(axis=0))
    if outputs.size == 0:
        return [Place(np.zeros(1, np.int64), np.zeros(1, np.int64))]
    plain = split(np.flatnonzero(used.any(axis=1)), outputs, tile, encoding)
    packed = [
        Place(inputs[start : start + tile[0]], group)
        for group in _groups(used, outputs, encoding.outputs(tile[1]))
        for inputs in [np.flatnonzero(used[:, group].any(axis=1))]
        for start in range(0, len(inputs), tile[0])
    ]
    return packed if len(packed) < len(plain) else plain


def _groups(used: NDArray[np.bool_], outputs: Indices, size: int) -> list[Indices]:
    """Return the outputs in groups of at most ``size``, each of outputs that read much the same inputs."""
    if len(outputs) > _ROUNDS:
        return [outputs[k : k + size] for k in range(0, len(outputs), size)]
    columns = np.ascontiguousarray(used.T[outputs])
    counts = columns.sum(axis=1)
    left = np.ones(len(outputs), dtype=bool)
    groups = []
    while left.any():
        first = int(np.flatnonzero(left)[counts[left].argmax()])
        group, read = [first], columns[first].copy()
        left[first] = False
        while len(group) < size and left.any():
            rest = np.flatnonzero(left)
            new = counts[rest] - np.count_nonzero(columns[rest] & read, axis=1)
            # Among those that add as few, one with many weights: it will hardly fit elsewhere.
            best = int(rest[np.lexsort((-counts[rest], new))[0]])
            group.append(best)
            read |= columns[best]
            left[best] = False
        groups.append(outputs[np.sort(group)])
    return groups
