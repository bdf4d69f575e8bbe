"""Voltage-controlled voltage source."""

from __future__ import annotations

from circuitnn.devices.declare import Device, Equations, Param


class Vcvs(Device):
    """v(p) - v(n) = gain (v(cp) - v(cn))."""

    letter = "e"
    terminals = ("p", "n", "cp", "cn")
    branches = ("i",)
    links = (("p", "n", "voltage"),)
    positional = "gain"

    gain = Param(None, "1", doc="voltage gain", on="instance")

    def equations(self) -> Equations:
        """Return the source's equations."""
        return Equations(f={"p": self.i, "n": -self.i, "i": self.p - self.n - self.gain * (self.cp - self.cn)})


EXPORT = Vcvs
