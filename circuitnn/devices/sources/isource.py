"""Independent current source."""

from __future__ import annotations

from circuitnn.devices.declare import Device, Equations, Param


class ISource(Device):
    """The current ``value`` flows from p through the source to n."""

    letter = "i"
    waveform = True
    links = (("p", "n", "current"),)
    positional = "dc"

    dc = Param(None, "A", doc="dc value", on="instance")
    acmag = Param(0.0, "A", doc="small-signal magnitude", on="instance")
    acphase = Param(0.0, "deg", doc="small-signal phase", on="instance")
    m = Param(1.0, "1", low=0.0, exclusive=True, doc="number in parallel", on="instance")
    value = Param(None, "A", doc="value in time; set by the waveform", on="system")

    def equations(self) -> Equations:
        """Return the current."""
        return Equations(f={"p": self.m * self.value, "n": -self.m * self.value})


EXPORT = ISource
