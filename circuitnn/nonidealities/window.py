"""A limited window: cells cannot be programmed beyond two conductances."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.declare import Param
from circuitnn.errors import UsageError
from circuitnn.nonidealities.nonideality import Nonideality
from circuitnn.nonidealities.sites import Sites

Array = NDArray[np.float64]


class Window(Nonideality):
    """G = min(max(G, g_min), g_max). What refers to a range of conductance, such as levels, refers to this one.

    Examples
    --------
    >>> import circuitnn as cn
    >>> window = cn.nonidealities.Window(1e-6, 1e-4)
    >>> cn.Crossbar([[0.0, 5e-5, 1.0]], 0.0, 0.0, nonidealities=[window]).G.tolist()
    [[1e-06, 5e-05, 0.0001]]
    """

    stage = "build"
    random = False

    g_min = Param(1e-6, "S", low=0.0, doc="least conductance", source="round number: 1 Mohm")
    g_max = Param(1e-4, "S", low=0.0, exclusive=True, doc="largest conductance", source="round number: 10 kohm")

    def check(self) -> None:
        """Refuse a window without width."""
        if not self.g_min < self.g_max:
            raise UsageError(
                f"window: g_min is {self.g_min:g} S and g_max is {self.g_max:g} S", expected="g_min < g_max"
            )

    @property
    def window(self) -> tuple[float, float]:
        """The range itself, S."""
        return float(self.g_min), float(self.g_max)

    def change(self, g: Array, sites: Sites) -> Array:
        """Return conductances within the window."""
        return np.clip(g, self.g_min, self.g_max)


EXPORT = Window
