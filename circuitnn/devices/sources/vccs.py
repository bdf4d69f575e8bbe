"""Voltage-controlled current source."""

from __future__ import annotations

from circuitnn.devices.declare import Device, Equations, Param


class Vccs(Device):
    """The current gain (v(cp) - v(cn)) flows from p through the source to n."""

    letter = "g"
    terminals = ("p", "n", "cp", "cn")
    links = (("p", "n", "current"),)
    positional = "gain"

    gain = Param(None, "S", doc="transconductance", on="instance")
    m = Param(1.0, "1", low=0.0, exclusive=True, doc="number in parallel", on="instance")

    def equations(self) -> Equations:
        """Return the source's equations."""
        i = self.m * self.gain * (self.cp - self.cn)
        return Equations(f={"p": i, "n": -i})


EXPORT = Vccs
