"""Current-controlled voltage source."""

from __future__ import annotations

from circuitnn.devices.declare import Device, Equations, Param


class Ccvs(Device):
    """v(p) - v(n) = gain times the sensed branch current."""

    letter = "h"
    branches = ("i",)
    controls = ("sense",)
    # its voltage may depend on the current of the loop it lies in, like a resistance's: no loop of sources
    links = (("p", "n", "resistive"),)
    positional = "gain"

    gain = Param(None, "ohm", doc="transresistance", on="instance")

    def equations(self) -> Equations:
        """Return the source's equations."""
        return Equations(f={"p": self.i, "n": -self.i, "i": self.p - self.n - self.gain * self.sense})


EXPORT = Ccvs
