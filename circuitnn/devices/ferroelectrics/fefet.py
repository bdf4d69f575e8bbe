"""Ferroelectric field-effect transistor: the polarisation of the gate shifts the threshold."""

from __future__ import annotations

from typing import ClassVar

from circuitnn.devices.declare import Equations, Param, State
from circuitnn.devices.ferroelectrics.gate import TAN, FerroelectricGate
from circuitnn.devices.ferroelectrics.merz import merz

_SPEED = f"round number: 3 V write in 250 ns, as in {TAN}"


class Fefet(FerroelectricGate):
    """id = 2 n kp w/l vt^2 (F(vp - vs) - F(vp - vd)), F(v) = ln^2(1 + exp(v / 2 vt)), vp = (vg - vth)/n, all
    against the bulk (Enz, Krummenacher and Vittoz, Analog Integr. Circuits Signal Process. 8, 83, 1995): MOS level 1
    above the threshold, exponential below. vth = vto - p mw/2 with the polarisation p in -1 .. 1.

    Domains switch by nucleation alone, each at its time: dp/dt = (1 - p) r(vf) - (1 + p) r(-vf), Merz's law
    r(v) = exp(-va/v)/t0, vf from the gate to the middle of the channel. Charge of the gate: w l (cox vf + pr p).
    """

    model_types: ClassVar[tuple[str, ...]] = ("fefet",)

    t0 = Param(1e-11, "s", low=0.0, exclusive=True, doc="switching time at high voltage", source=_SPEED)
    va = Param(25.0, "V", low=0.0, exclusive=True, doc="activation voltage", source=_SPEED)
    p0 = Param(-1.0, "1", low=-1.0, high=1.0, doc="initial polarisation")
    p = State("p0", "1", low=-1.0, high=1.0, doc="polarisation, 1 where the gate was positive")

    def equations(self) -> Equations:
        """Return currents, charges and the row of the polarisation."""
        field = self.field()
        up, down = merz(field, self.t0, self.va), merz(-field, self.t0, self.va)
        return self.transistor(self.p, {"p": (1 - self.p) * up - (1 + self.p) * down})


EXPORT = Fefet
