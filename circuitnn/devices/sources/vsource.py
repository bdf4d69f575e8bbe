"""Independent voltage source."""

from __future__ import annotations

from circuitnn.devices.declare import Device, Equations, Param


class VSource(Device):
    """v(p) - v(n) = value; the branch current flows from p through the source to n."""

    letter = "v"
    branches = ("i",)
    waveform = True
    links = (("p", "n", "voltage"),)
    positional = "dc"

    dc = Param(None, "V", doc="dc value", on="instance")
    acmag = Param(0.0, "V", doc="small-signal magnitude", on="instance")
    acphase = Param(0.0, "deg", doc="small-signal phase", on="instance")
    value = Param(None, "V", doc="value in time; set by the waveform", on="system")

    def equations(self) -> Equations:
        """Return the branch equation."""
        return Equations(f={"p": self.i, "n": -self.i, "i": self.p - self.n - self.value})


EXPORT = VSource
