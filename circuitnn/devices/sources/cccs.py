"""Current-controlled current source."""

from __future__ import annotations

from circuitnn.devices.declare import Device, Equations, Param


class Cccs(Device):
    """The current gain times the sensed branch current flows from p through the source to n."""

    letter = "f"
    controls = ("sense",)
    links = (("p", "n", "current"),)
    positional = "gain"

    gain = Param(None, "1", doc="current gain", on="instance")
    m = Param(1.0, "1", low=0.0, exclusive=True, doc="number in parallel", on="instance")

    def equations(self) -> Equations:
        """Return the source's equations."""
        i = self.m * self.gain * self.sense
        return Equations(f={"p": i, "n": -i})


EXPORT = Cccs
