"""An order of lines in which wires lose less: large currents take short ways.

A word line's current flows from its driver past the near bit lines, a bit line's past the far word lines to its sense
circuit. So inputs whose lines carry most stand nearest to the sense circuits, outputs whose lines carry most nearest to
the drivers; and over the tiles of a matrix both are dealt out like cards, for a tile that holds all strong lines loses
more than the others save.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuitnn.mapping.compensation.fidelity import matrix_errors
from circuitnn.mapping.matrix import MappedMatrix
from circuitnn.mapping.tiles import Place, split

Array = NDArray[np.float64]
Indices = NDArray[np.int64]


def deal(load: Array, size: int) -> Indices:
    """Return an order of lines whose blocks of ``size`` carry about the same.

    The heaviest go one to each block, then the next heaviest in turn back, and so on; the last block may be smaller.

    Examples
    --------
    >>> deal(np.array([5.0, 4.0, 3.0, 2.0, 1.0]), 2).tolist()      # blocks of 2, 2 and 1
    [0, 4, 1, 3, 2]
    """
    count = -(-len(load) // size)
    room = [min(size, len(load) - k * size) for k in range(count)]
    blocks: list[list[int]] = [[] for _ in range(count)]
    line, turn = iter(np.argsort(-load, kind="stable").tolist()), 0
    left = len(load)
    while left:
        for k in range(count) if turn % 2 == 0 else reversed(range(count)):
            if len(blocks[k]) < room[k] and left:
                blocks[k].append(next(line))
                left -= 1
        turn += 1
    return np.array([k for block in blocks for k in block], dtype=np.int64)


def permuted(
    matrix: MappedMatrix, energy: Array, tile: tuple[int, int], window: tuple[float, float]
) -> tuple[MappedMatrix, str]:
    """Return a matrix with its lines in the best of a few orders, and which that is.

    Parameters
    ----------
    matrix : MappedMatrix
        Its tiles may stand in any order.
    energy : ndarray, shape (inputs,)
        Mean square of each input.
    tile : (int, int)
    window : (float, float), S
        Range of the cells.

    Returns
    -------
    MappedMatrix
        The cells are encoded and programmed anew, and serve other lines; corrections that were there are not. Where the
        order given is best, the matrix as it is.
    str
        ``"inputs and outputs"``, ``"inputs"``, ``"outputs"`` or ``"as given"``.

    Notes
    -----
    Heuristics propose, the circuit decides: of the four orders it takes the one whose matrix, wires included and after
    the best common gain, is nearest to the wanted one. Rearranging lines against the voltage drop is due to B. Liu et
    al., "Reduction and IR-drop compensations techniques for reliable neuromorphic computing systems", ICCAD 2014.
    """
    best, chosen = matrix, "as given"
    least = matrix_errors(matrix, energy)[1]
    for by_input, by_output in ((True, False), (False, True), (True, True)):
        candidate = _ordered(matrix, np.sqrt(energy), tile, window, by_input, by_output)
        error = matrix_errors(candidate, energy)[1]
        if error < least:
            best, least = candidate, error
            chosen = " and ".join(name for name, on in (("inputs", by_input), ("outputs", by_output)) if on)
    return best, chosen


def _ordered(
    matrix: MappedMatrix, size: Array, tile: tuple[int, int], window: tuple[float, float], inputs: bool, outputs: bool
) -> MappedMatrix:
    """Return a matrix with its inputs, its outputs or both dealt out and sorted; ``size`` is that of each input."""
    coding, weights = matrix.encoding, matrix.weights
    largest = float(np.abs(weights).max())

    def current(rows: Indices, outs: Indices) -> Array:
        """Return what flows at a volt for all weights of such lines, on all bit lines of an output."""
        cells = coding.conductances(weights[np.ix_(rows, outs)], largest, *window)
        return size[rows, None] * (cells @ abs(coding.analogue(len(outs))) @ abs(coding.digital(len(outs))))

    places = [t.place for t in matrix.tiles]
    if sum(len(p.inputs) * len(p.outputs) for p in places) == weights.size:  # all of it, once: lines may change tiles
        rows, outs = np.arange(len(weights)), np.arange(weights.shape[1])
        whole = current(rows, outs)
        rows = deal(whole.sum(axis=1), tile[0]) if inputs else rows
        outs = deal(whole.sum(axis=0), coding.outputs(tile[1])) if outputs else outs
        places = split(rows, outs, tile, coding)
    ordered = []
    for place in places:
        flows = current(place.inputs, place.outputs)
        rows = place.inputs[np.argsort(flows.sum(axis=1), kind="stable")] if inputs else place.inputs
        outs = place.outputs[np.argsort(-flows.sum(axis=0), kind="stable")] if outputs else place.outputs
        ordered.append(Place(rows, outs))
    return matrix.encoded(ordered, window)
