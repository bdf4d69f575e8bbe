"""Cycle-to-cycle variability: the same device is a little different each time it is written."""

from __future__ import annotations

from circuitnn.devices.declare import Param
from circuitnn.nonidealities.variability import Variability


class CycleVariability(Variability):
    """As `Variability`, but drawn anew for each write ``cycle``: what programming makes of a device differs each time.

    Examples
    --------
    >>> import circuitnn as cn
    >>> writes = [cn.nonidealities.CycleVariability("g", sigma=0.05, cycle=k) for k in (1, 2, 1)]
    >>> g = [float(cn.Crossbar([[1e-4]], 0.0, 0.0, nonidealities=w, seed=1).G[0, 0]) for w in writes]
    >>> g[0] == g[2], g[0] == g[1]
    (True, False)
    """

    stage = "program"

    cycle = Param(0.0, "1", low=0.0, integer=True, doc="number of the write")

    @property
    def stream(self) -> str:
        """Random numbers belong to the cycle, too."""
        return f"{super().stream}:{self.cycle:g}"


EXPORT = CycleVariability
