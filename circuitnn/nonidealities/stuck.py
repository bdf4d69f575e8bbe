"""Stuck cells: some conduct always the same, whatever is written to them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.declare import Device, Environment, Param, Values
from circuitnn.devices.symbolic import where
from circuitnn.errors import UsageError
from circuitnn.nonidealities.nonideality import Nonideality
from circuitnn.nonidealities.sites import Sites
from circuitnn.nonidealities.states import slow, through_states

Array = NDArray[np.float64]
_ROUND = "round number"


class Stuck(Nonideality):
    """With probability ``on`` a cell stays at the window's largest conductance, with ``off`` at the least, with ``at``
    at the conductance ``g``.

    With probability ``rows`` a whole word line, with ``columns`` a whole bit line is stuck off, as behind a break.
    Programming and ageing change nothing of a stuck cell. The state of a stuck memristor does not move.

    Examples
    --------
    >>> import circuitnn as cn
    >>> effects = [cn.nonidealities.Window(1e-6, 1e-4), cn.nonidealities.Stuck(on=0.2, off=0.2)]
    >>> cn.Crossbar([[5e-5] * 8], 0.0, 0.0, nonidealities=effects, seed=2).G.tolist()
    [[5e-05, 0.0001, 0.0001, 5e-05, 5e-05, 5e-05, 0.0001, 5e-05]]
    """

    stage = "fault"

    on = Param(0.0, "1", low=0.0, high=1.0, doc="probability of a cell to be stuck at the largest conductance")
    off = Param(0.0, "1", low=0.0, high=1.0, doc="probability of a cell to be stuck at the least conductance")
    at = Param(0.0, "1", low=0.0, high=1.0, doc="probability of a cell to be stuck at g")
    g = Param(0.0, "S", low=0.0, doc="conductance of cells stuck at it")
    rows = Param(0.0, "1", low=0.0, high=1.0, doc="probability of a whole word line to be stuck off")
    columns = Param(0.0, "1", low=0.0, high=1.0, doc="probability of a whole bit line to be stuck off")

    def check(self) -> None:
        """Refuse probabilities that add up to more than 1."""
        if self.on + self.off + self.at > 1.0:
            raise UsageError("stuck: on, off and at add up to more than 1", expected="probabilities of one cell")

    def _where(self, sites: Sites) -> tuple[Any, Any, Any]:
        """Masks of the cells that are stuck on, off and at g."""
        u = sites.uniform()
        on, off = u < self.on, (u >= self.on) & (u < self.on + self.off)
        at = (u >= self.on + self.off) & (u < self.on + self.off + self.at)
        for side, share in (("row", self.rows), ("col", self.columns)):
            if share > 0.0:
                off = off | (sites.line(side) < share)
        return on & ~off, off, at & ~off

    def change(self, g: Array, sites: Sites) -> Array:
        """Return conductances with those of stuck cells in place."""
        on, off, at = self._where(sites)
        low, high = sites.require_window(self.kind) if (on | off).any() else (0.0, 0.0)
        return np.select([on, off, at], [high, low, self.g], g)

    def set_up(self, device: type[Device], columns: Values, sites: Sites, env: Environment) -> Values:
        """Return columns in which stuck devices start where they stay."""
        on, off, at = self._where(sites)
        stuck = (on | off | at).astype(float)
        return {**through_states(self, device, columns, sites, env), "stuck": stuck}

    @classmethod
    def extend(cls, device: Any) -> Any:
        """Return a device whose state rests where ``stuck`` is 1."""

        class Extended(device):
            __doc__ = device.__doc__

            stuck = Param(0.0, "1", choices=(0.0, 1.0), doc="1: the states do not move", on="instance")

            def moved(self, v: Any, rates: dict[str, Any]) -> dict[str, Any]:
                """Return the rates, those of the device itself zero where it is stuck."""
                found = dict(super().moved(v, rates))
                return {**found, **{name: where(self.stuck > 0.5, 0.0, found[name]) for name in slow(self)}}

        return Extended


EXPORT = Stuck
