"""Transistor with a ferroelectric in its gate, whatever moves the polarisation: channel and charges."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Device, Environment, Equations, Param, Values
from circuitnn.devices.symbolic import exp, log, where

TAN = "Tan et al., IEEE Electron Device Lett. 42, 994 (2021), arXiv 2103.08806: about 1 V, written by 3 V, 250 ns"
_OXIDE = "round number: 4.5 nm of HfO2 over a thin oxide, 20 uC/cm^2"


class FerroelectricGate(Device):
    """id = 2 n kp w/l vt^2 (F(vp - vs) - F(vp - vd)), F(v) = ln^2(1 + exp(v / 2 vt)), vp = (vg - vth)/n, all
    against the bulk (Enz, Krummenacher and Vittoz, Analog Integr. Circuits Signal Process. 8, 83, 1995): MOS level 1
    above the threshold, exponential below. vth = vto - p mw/2 with the polarisation p in -1 .. 1. Charge of the gate:
    w l (cox vf + pr p), vf from the gate to the middle of the channel.
    """

    terminals = ("d", "g", "s", "b")
    links = (("d", "s", "resistive"), ("g", "s", "capacitive"), ("b", "s", "capacitive"))
    derived: ClassVar[tuple[str, ...]] = ("vt",)

    w = Param(1e-6, "m", low=0.0, exclusive=True, doc="channel width")
    l = Param(100e-9, "m", low=0.0, exclusive=True, doc="channel length")
    kp = Param(100e-6, "A/V^2", low=0.0, exclusive=True, doc="transconductance parameter", source="round number")
    vto = Param(0.5, "V", doc="threshold without polarisation", source="round number")
    mw = Param(1.0, "V", low=0.0, doc="memory window: shift of the threshold from p = -1 to 1", source=TAN)
    n = Param(1.3, "1", low=1.0, doc="slope factor below the threshold", source="round number")
    cox = Param(0.03, "F/m^2", low=0.0, doc="gate capacitance", source=_OXIDE)
    pr = Param(0.2, "C/m^2", low=0.0, doc="polarisation", source=_OXIDE)

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Add the thermal voltage."""
        return {**values, "vt": np.full(values["w"].shape, physics.thermal_voltage(env.temp))}

    def field(self) -> Any:
        """Return the voltage from the gate to the middle of the channel."""
        return self.g - (self.d + self.s) / 2

    def transistor(self, p: Any, rates: dict[str, Any]) -> Equations:
        """Return currents and charges at a polarisation, and the rows of the states."""

        def filling(v: Any) -> Any:
            z = v / (2 * self.vt)
            w = exp(z)
            # ln(1 + w): equal to z to rounding, and by its series where the one would swallow w
            series = w * (1 - w * (1 / 2 - w * (1 / 3 - w * (1 / 4 - w * (1 / 5 - w / 6)))))
            return where(z > 40, z, z < -6, series, log(1 + w)) ** 2

        pinch = (self.g - self.b - self.vto + self.mw / 2 * p) / self.n
        strength = 2 * self.n * self.kp * self.w / self.l * self.vt**2
        i = self.channel(strength * (filling(pinch - self.s + self.b) - filling(pinch - self.d + self.b)))
        charge = self.w * self.l * (self.cox * self.field() + self.pr * p)
        rows = self.state_rows(rates)
        return Equations(
            f={"d": i, "s": -i, **rows.f}, q={"g": charge, "d": -charge / 2, "s": -charge / 2, **rows.q}
        )  # fmt: skip
