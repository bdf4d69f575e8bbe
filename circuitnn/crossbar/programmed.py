"""The states of device cells that conduct what they were programmed to."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar.cells import Cells
from circuitnn.errors import CrossbarError
from circuitnn.nonidealities.states import StateMap

Array = NDArray[np.float64]


def programmed_states(cells: Cells, G: Array, *, clip: bool = False) -> dict[str, Array]:
    """Return the states at which each device conducts ``G`` at 0.1 V, by name, shape (rows, cols).

    Parameters
    ----------
    cells : Cells
        Of devices with one state that has bounds, and whose conductance rises or falls with it all the way.
    G : ndarray, shape (rows, cols), S
    clip : bool
        Whether a conductance that the device does not reach stands for the nearest one that it does.

    Raises
    ------
    CrossbarError
        When the device is of another kind, or a conductance is out of its range and not clipped.

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
    states = StateMap(kernel, param, low[0], high[0])
    if clip:
        wanted = np.clip(wanted, states.least, states.most)
    outside = (wanted < states.least * (1.0 - 1e-9)) | (wanted > states.most * (1.0 + 1e-9))
    if outside.any():
        cell = int(np.flatnonzero(outside)[0])
        row, column = divmod(cell, G.shape[1])
        raise CrossbarError(
            f"the conductance of cell ({row}, {column}) is {wanted[cell]:g} S",
            expected=f"{states.least[cell]:g} to {states.most[cell]:g} S, what the device reaches",
            names=[f"({row}, {column})"],
        )
    return {next(iter(made.states)): states.state(wanted).reshape(G.shape)}
