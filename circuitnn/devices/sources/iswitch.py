"""Current-controlled switch with hysteresis."""

from __future__ import annotations

import numpy as np

from circuitnn.devices.declare import Device, Environment, Equations, Param, Values


class ISwitch(Device):
    """ron while the sensed branch current is above it + ih, roff while it is below it - ih, else as it was."""

    letter = "w"
    model_types = ("csw",)
    controls = ("sense",)
    links = (("p", "n", "resistive"),)
    derived = ("gon", "goff")

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
            "goff": np.where(np.isnan(values["roff"]), env.gmin, 1.0 / values["roff"]),
        }

    def equations(self) -> Equations:
        """Return Ohm's law with the conductance of the position."""
        closed = self.discrete("position", self.sense, on=self.it + self.ih, off=self.it - self.ih)
        i = (self.goff + (self.gon - self.goff) * closed) * (self.p - self.n)
        return Equations(f={"p": i, "n": -i})


EXPORT = ISwitch
