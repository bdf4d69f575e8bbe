"""Current-controlled switch with hysteresis."""

from __future__ import annotations

from typing import Any

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Device, Environment, Equations, Noise, Param, Values


class ISwitch(Device):
    """ron while the sensed branch current is above it + ih, roff while it is below it - ih, else as it was."""

    letter = "w"
    model_types = ("csw",)
    controls = ("sense",)
    links = (("p", "n", "resistive"),)
    derived = ("gon", "goff", "thermal")

    it = Param(0.0, "A", doc="threshold", on="model")
    ih = Param(0.0, "A", low=0.0, doc="half width of the hysteresis", on="model")
    ron = Param(1.0, "ohm", low=0.0, exclusive=True, doc="closed", on="model")
    roff = Param(None, "ohm", low=0.0, exclusive=True, doc="open; 1/gmin when absent", on="model")
    on = Param(0.0, "1", low=0.0, high=1.0, doc="starts closed", on="instance")
    off = Param(0.0, "1", low=0.0, high=1.0, doc="starts open", on="instance")

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the two conductances."""
        return {
            **values,
            "gon": 1.0 / values["ron"],
            "thermal": np.full_like(values["ron"], 4.0 * physics.BOLTZMANN * env.temp),
            "goff": np.where(np.isnan(values["roff"]), env.gmin, 1.0 / values["roff"]),
        }

    def _conductance(self) -> Any:
        closed = self.discrete("position", self.sense, on=self.it + self.ih, off=self.it - self.ih)
        return self.goff + (self.gon - self.goff) * closed

    def equations(self) -> Equations:
        """Return Ohm's law with the conductance of the position."""
        i = self._conductance() * (self.p - self.n)
        return Equations(f={"p": i, "n": -i})

    def noise(self) -> tuple[Noise, ...]:
        """Return the thermal noise of the position."""
        return (Noise("", "p", "n", self.thermal * self._conductance()),)


EXPORT = ISwitch
