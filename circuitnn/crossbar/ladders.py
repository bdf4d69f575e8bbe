"""A line of a crossbar as a ladder: its segments, and at each node a load to a known voltage."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.crossbar.wires import Side, Wires

Array = NDArray[np.float64]


def ladder(
    side: Side, lines: NDArray[np.int64] | slice, v: ArrayLike, load: Array, to: ArrayLike
) -> tuple[Array, Array]:
    """Return what each node of some lines is, seen from its own cell: a voltage behind a resistance.

    Parameters
    ----------
    side : Side
        Word or bit lines, not ideal.
    lines : ndarray of int or slice
        Which of them, k in number.
    v : float or array_like, shape (k,), V
        Of the terminals at their ends.
    load : ndarray, shape (k, cells), S
        Of each node to ``to``; that of a node itself does not count for what it sees.
    to : float or array_like, shape (k, cells), V

    Returns
    -------
    open : ndarray, shape (k, cells), V
    resistance : ndarray, shape (k, cells), ohm

    Notes
    -----
    Norton's equivalent is carried from each end to the other, node by node: exact for a line whose loads are so.

    Examples
    --------
    >>> from circuitnn.crossbar.wires import make_wires
    >>> side = make_wires((1, 2), 100.0, 1.0, 0.0, 0.0, "left", "bottom").word
    >>> open, r = ladder(side, slice(0, 1), 1.0, np.array([[1e-2, 0.0]]), 0.0)    # 100 ohm, load 100 ohm, 100 ohm
    >>> open.round(9).tolist(), r.round(6).tolist()
    ([[1.0, 0.5]], [[100.0, 150.0]])
    """
    count, cells = load.shape
    segment, low, high = (g[lines] for g in side.conductances)
    segment = np.broadcast_to(segment[:, None] if segment.ndim == 1 else segment, (count, max(cells - 1, 0)))
    drawn = load * np.broadcast_to(to, load.shape)
    g = np.empty((2, count, cells))
    i = np.empty((2, count, cells))
    for way, end in enumerate((low, high)):
        order = range(cells) if way == 0 else range(cells - 1, -1, -1)
        here_g, here_i = np.array(end, dtype=float), end * np.broadcast_to(v, (count,))
        for n, node in enumerate(order):
            if n:
                wire = segment[:, node - 1 if way == 0 else node]
                through = wire / (here_g + wire)
                here_g, here_i = here_g * through, here_i * through
            g[way, :, node], i[way, :, node] = here_g, here_i
            here_g, here_i = here_g + load[:, node], here_i + drawn[:, node]
    total = g.sum(axis=0)
    return i.sum(axis=0) / total, 1.0 / total


def sensed_shares(wires: Wires, G: Array) -> Array:
    """Return which part of its current without wires is sensed of each cell, all other lines grounded, (rows, cols).

    Parameters
    ----------
    wires : Wires
        Neither side ideal.
    G : ndarray, shape (rows, cols), S

    Examples
    --------
    >>> from circuitnn.crossbar.wires import make_wires
    >>> wires = make_wires((1, 1), 100.0, 900.0, 0.0, 0.0, "left", "bottom")
    >>> sensed_shares(wires, np.array([[1e-3]])).tolist()                # 1 kohm behind 1 kohm
    [[0.5]]
    """
    everything, none = slice(None), np.zeros_like(G)
    across_word = ladder(wires.bit, everything, 0.0, none.T, 0.0)[1].T  # of the lines that cross, without their cells
    across_bit = ladder(wires.word, everything, 0.0, none, 0.0)[1]
    seen, r_word = ladder(wires.word, everything, 1.0, G / (1.0 + G * across_word), 0.0)
    # By reciprocity the voltage that a node would have with one volt at what senses the line.
    passed, r_bit = (x.T for x in ladder(wires.bit, everything, 1.0, (G / (1.0 + G * across_bit)).T, 0.0))
    return np.asarray(seen * passed / (1.0 + G * (r_word + r_bit)))
