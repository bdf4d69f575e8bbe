"""Electrochemical synapse with three terminals: ions that the gate inserts change the conductance of the channel.

Organic: van de Burgt et al., Nat. Mater. 16, 414 (2017). Lithium in WO3: Tang et al., IEDM 2018, 13.1.
"""

from __future__ import annotations

from typing import ClassVar

from circuitnn.devices.declare import Device, Equations, Param, State
from circuitnn.devices.symbolic import clip

_TANG = "Tang et al., IEDM 2018, 13.1: 1000 states, linear in the charge; 10 fC a state is a round number"


class Ecram(Device):
    """i = (g_min + (g_max - g_min) x) v(d, s); the gate is a cell in series with its electrolyte: ig = (vc - voc)/rion
    with vc from the gate to the middle of the channel and the open-circuit voltage voc = vz + span (x - 1/2).

    dx/dt = ig/qmax - (x - xr)/tau. At the bounds the cell takes no more charge: ig is what moves the state. A current
    into the gate changes the conductance linearly; a voltage changes it by steps that shrink linearly with x.
    """

    model_types: ClassVar[tuple[str, ...]] = ("ecram",)
    terminals = ("d", "g", "s")
    links = (("d", "s", "resistive"), ("g", "s", "resistive"))

    g_min = Param(1e-6, "S", low=0.0, doc="conductance with x = 0", source="round number")
    g_max = Param(1e-5, "S", low=0.0, exclusive=True, doc="conductance with x = 1", source="round number")
    qmax = Param(1e-11, "C", low=0.0, exclusive=True, doc="charge from bound to bound", source=_TANG)
    span = Param(0.1, "V", low=0.0, doc="open-circuit voltage from bound to bound", source="round number")
    vz = Param(0.0, "V", doc="open-circuit voltage at x = 1/2")
    rion = Param(1e7, "ohm", low=0.0, exclusive=True, doc="resistance of the electrolyte", source="round number")
    tau = Param(1e7, "s", low=0.0, exclusive=True, doc="time constant of retention", source="round number")
    xr = Param(0.5, "1", low=0.0, high=1.0, doc="state to which it relaxes")
    x0 = Param(0.5, "1", low=0.0, high=1.0, doc="initial state")
    x = State("x0", "1", low=0.0, high=1.0, doc="state of charge")

    def equations(self) -> Equations:
        """Return currents and the row of the charge."""
        drive = (self.g - (self.d + self.s) / 2 - self.vz - self.span * (self.x - 0.5)) / self.rion
        leak = (self.xr - self.x) / self.tau
        rows = self.state_rows({"x": drive / self.qmax + leak})
        gate = self.qmax * (-rows.f["x"] - leak)  # what the bounds let through, so that no charge is lost
        i = self.channel((self.g_min + (self.g_max - self.g_min) * clip(self.x, 0, 1)) * (self.d - self.s))
        return Equations(f={"d": i - gate / 2, "g": gate, "s": -i - gate / 2, **rows.f}, q=rows.q)


EXPORT = Ecram
