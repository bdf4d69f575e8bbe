"""The states of device cells that conduct what they were programmed to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar.cells import Cells
from circuitnn.errors import CrossbarError

Array = NDArray[np.float64]
READ_VOLTAGE = 0.1  # volts at which a cell is said to have a conductance
_HALVINGS = 200


def programmed_states(cells: Cells, G: Array) -> dict[str, Array]:
    """Return the states at which each device conducts ``G`` at 0.1 V, by name, shape (rows, cols).

    Parameters
    ----------
    cells : Cells
        Of devices with one state that has bounds, and whose conductance rises or falls with it all the way.
    G : ndarray, shape (rows, cols), S

    Raises
    ------
    CrossbarError
        When the device is of another kind, or a conductance is out of its range.

    Notes
    -----
    Bisection of all cells at once, to the last digit.

    Examples
    --------
    >>> states = programmed_states(Cells("hp", (1, 2)), np.array([[1e-2, 1.0 / 8050.0]]))    # 100 ohm .. 16 kohm
    >>> states["x"].round(12).tolist()
    [[1.0, 0.5]]
    """
    made = cells.made
    kernel, where, param = made.parts[-1] if cells.selector is not None else made.parts[0]
    low, high, _ = made.bounds()
    if len(made.states) != 1 or not np.isfinite([low, high]).all() or len(where) != 3:
        raise CrossbarError(
            f"conductances do not say what the states {', '.join(made.states) or '(none)'} are",
            expected="a device of two terminals with one state that has bounds",
            hint="leave g out, and give the initial state in the device's model card",
        )
    wanted = G.ravel()
    u = np.zeros((kernel.n_local, wanted.size))
    u[0] = READ_VOLTAGE

    def conductance(state: Array) -> Array:
        u[2] = state
        return np.asarray(kernel.evaluate(u, param)[0][0] / READ_VOLTAGE)

    a, b = low[0].copy(), high[0].copy()
    ends = np.stack([conductance(a), conductance(b)])
    outside = (wanted < ends.min(axis=0) * (1.0 - 1e-9)) | (wanted > ends.max(axis=0) * (1.0 + 1e-9))
    if outside.any():
        cell = int(np.flatnonzero(outside)[0])
        row, column = divmod(cell, G.shape[1])
        raise CrossbarError(
            f"the conductance of cell ({row}, {column}) is {wanted[cell]:g} S",
            expected=f"{ends[:, cell].min():g} to {ends[:, cell].max():g} S, what the device reaches",
            names=[f"({row}, {column})"],
        )
    falling = ends[0] > ends[1]
    a[falling], b[falling] = high[0][falling], low[0][falling]
    for _ in range(_HALVINGS):
        middle = 0.5 * (a + b)
        if np.all((middle == a) | (middle == b)):
            break
        below = conductance(middle) < wanted
        a, b = np.where(below, middle, a), np.where(below, b, middle)
    # Of the last two neighbours the nearer one, so that the ends of the range are met exactly.
    nearer = np.abs(conductance(a) - wanted) < np.abs(conductance(b) - wanted)
    return {next(iter(made.states)): np.where(nearer, a, b).reshape(G.shape)}
