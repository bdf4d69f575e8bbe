"""Lossless transmission line."""

from __future__ import annotations

import numpy as np

from circuitnn.devices.declare import Device, Environment, Equations, Param, Values, require


class TransmissionLine(Device):
    """v1 - z0 i1 = (v2 + z0 i2)(t - td), and the same from the other end: the method of characteristics.

    Branin, Proc. IEEE 55, 2012 (1967). The equations here hold the left sides; the right ones, late in time and a phase
    in ac, are the engine's (``csrc/cn_delay.h``).
    """

    letter = "t"
    terminals = ("p1", "n1", "p2", "n2")
    branches = ("i1", "i2")
    # at rest each port repeats the other, like a transformer of one to one
    links = (("p1", "n1", "resistive"), ("p2", "n2", "resistive"))
    positional = "z0"

    z0 = Param(None, "ohm", low=0.0, exclusive=True, doc="characteristic impedance", on="instance")
    td = Param(None, "s", low=0.0, exclusive=True, doc="delay; nl / f when absent", on="instance")
    f = Param(1e9, "Hz", low=0.0, exclusive=True, doc="frequency at which nl holds", source="ngspice", on="instance")
    nl = Param(0.25, "1", low=0.0, exclusive=True, doc="length in wavelengths at f", source="SPICE3", on="instance")
    ic_v1 = Param(0.0, "V", doc="voltage of the first port at the start, used with uic", on="instance")
    ic_i1 = Param(0.0, "A", doc="current into the first port", on="instance")
    ic_v2 = Param(0.0, "V", doc="voltage of the second port", on="instance")
    ic_i2 = Param(0.0, "A", doc="current into the second port", on="instance")
    rel = Param(1.0, "1", doc="kept for decks: steers the corners that other programs look for", on="instance")
    abs_ = Param(
        1.0, "1", doc="kept for decks: steers the corners that other programs look for", on="instance", name="abs"
    )

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the delay."""
        delay = np.where(np.isnan(values["td"]), values["nl"] / values["f"], values["td"])
        require(np.isfinite(delay), "the delay of a line is not finite", expected="td, or f and nl")
        return {**values, "delay": delay}

    def equations(self) -> Equations:
        """Return the currents of both ports, and what their ends see of themselves."""
        return Equations(
            f={
                "p1": self.i1,
                "n1": -self.i1,
                "p2": self.i2,
                "n2": -self.i2,
                "i1": self.p1 - self.n1 - self.z0 * self.i1,
                "i2": self.p2 - self.n2 - self.z0 * self.i2,
            }
        )


EXPORT = TransmissionLine
