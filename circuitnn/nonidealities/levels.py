"""A limited number of levels: programming reaches only some conductances."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.declare import Param
from circuitnn.errors import UsageError
from circuitnn.nonidealities.nonideality import Nonideality, Word
from circuitnn.nonidealities.sites import Sites

Array = NDArray[np.float64]


class Levels(Nonideality):
    """G becomes the nearest of ``count`` levels from the least to the largest conductance of the window.

    ``linear`` levels are equal steps in G, ``log`` levels equal ratios; "nearest" is meant in the same measure.

    Examples
    --------
    >>> import circuitnn as cn
    >>> effects = [cn.nonidealities.Window(1e-6, 5e-6), cn.nonidealities.Levels(5)]
    >>> cn.Crossbar([[1.4e-6, 2.6e-6, 9e-6]], 0.0, 0.0, nonidealities=effects).G.round(12).tolist()
    [[1e-06, 3e-06, 5e-06]]
    """

    stage = "build"
    random = False

    count = Param(16.0, "1", low=2.0, high=2.0**24, integer=True, doc="number of levels", source="4 bits, round number")
    spacing = Word("linear", ("linear", "log"), doc="equal steps or equal ratios")

    def change(self, g: Array, sites: Sites) -> Array:
        """Return the nearest levels."""
        low, high = sites.require_window(self.kind)
        top = self.count - 1.0
        if self.spacing == "linear":
            step = (high - low) / top
            return np.asarray(low + step * np.clip(np.rint((g - low) / step), 0.0, top))
        if low <= 0.0:
            raise UsageError("levels of equal ratios in a window that begins at 0 S", expected="g_min above 0")
        ratio = np.log(high / low) / top
        which = np.clip(np.rint(np.log(np.maximum(g, low) / low) / ratio), 0.0, top)
        return np.asarray(low * np.exp(ratio * which))


EXPORT = Levels
