"""Coupling of two inductors."""

from __future__ import annotations

from circuitnn.devices.declare import Device, Equations, Param


class Mutual(Device):
    """Adds M di2/dt to the first inductor's voltage and M di1/dt to the second's; M = k sqrt(L1 L2)."""

    letter = "k"
    terminals = ()
    controls = ("i1", "i2")
    positional = "coupling"

    coupling = Param(None, "1", low=-1.0, high=1.0, doc="coupling coefficient k", on="instance")
    mutual = Param(None, "H", doc="mutual inductance; computed from k and the two inductances", on="system")

    def equations(self) -> Equations:
        """Return the fluxes that each inductor has from the other."""
        return Equations(q={"i1": -self.mutual * self.i2, "i2": -self.mutual * self.i1})


EXPORT = Mutual
