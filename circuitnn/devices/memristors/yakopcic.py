"""Yakopcic's memristor (Yakopcic et al., IEEE Electron Device Lett. 32, 1436, 2011; IJCNN 2011; IEEE TCAD 32, 2013)."""

from __future__ import annotations

from typing import Any, ClassVar

from circuitnn.devices.declare import Memristor, Param, State
from circuitnn.devices.symbolic import exp, limexp, limsinh, quantity, where

_SPICE = "C. Yakopcic's public SPICE model of 8/9/2011 (values confirmed there)"


class Yakopcic(Memristor):
    """i = a1 x sinh(b v) for v >= 0, a2 x sinh(b v) below; dx/dt = eta g(v) f(v, x).

    g = ap (e^v - e^vp) above vp, -an (e^-v - e^vn) below -vn, 0 between (v in volts). Where eta v >= 0,
    f = exp(-alphap (x - xp)) ((xp - x) / (1 - xp) + 1) for x >= xp, else 1; where eta v < 0,
    f = exp(alphan (x + xn - 1)) x / (1 - xn) for x <= 1 - xn, else 1.
    """

    model_types: ClassVar[tuple[str, ...]] = ("yakopcic",)

    a1 = Param(0.17, "A", low=0.0, exclusive=True, doc="current at positive voltage", source=_SPICE)
    a2 = Param(0.17, "A", low=0.0, exclusive=True, doc="current at negative voltage", source=_SPICE)
    b = Param(0.05, "1/V", low=0.0, exclusive=True, doc="curvature of the current", source=_SPICE)
    vp = Param(0.16, "V", low=0.0, doc="positive threshold", source=_SPICE)
    vn = Param(0.15, "V", low=0.0, doc="negative threshold, its magnitude", source=_SPICE)
    ap = Param(4000.0, "1/s", low=0.0, doc="speed above vp", source=_SPICE)
    an = Param(4000.0, "1/s", low=0.0, doc="speed below -vn", source=_SPICE)
    xp = Param(0.3, "1", low=0.0, high=0.999, doc="state above which growth slows down", source=_SPICE)
    xn = Param(0.5, "1", low=0.0, high=0.999, doc="1 - xn: state below which decay slows down", source=_SPICE)
    alphap = Param(1.0, "1", low=0.0, doc="how fast growth slows down", source=_SPICE)
    alphan = Param(5.0, "1", low=0.0, doc="how fast decay slows down", source=_SPICE)
    eta = Param(1.0, "1", choices=(1.0, -1.0), doc="polarity", source=_SPICE)
    x0 = Param(0.11, "1", low=0.0, high=1.0, doc="initial state", source=_SPICE)
    x = State("x0", "1", low=0.0, high=1.0, doc="conducting part")

    def current(self, v: Any) -> Any:
        """Return the current."""
        # beyond a bound an iterate of Newton's method must not turn the resistance negative
        part = where(self.x <= 0, 0, self.x >= 1, 1, self.x)
        return where(v >= 0, self.a1, self.a2) * part * limsinh(self.b * v)

    def rates(self, v: Any) -> dict[str, Any]:
        """Return the speed of the state."""
        x, volt = self.x, quantity(1.0, "V")
        g = where(
            v > self.vp,
            self.ap * (limexp(v / volt) - exp(self.vp / volt)),
            v < -self.vn,
            -self.an * (limexp(-v / volt) - exp(self.vn / volt)),
            0.0,
        )
        growing = where(x >= self.xp, exp(-self.alphap * (x - self.xp)) * ((self.xp - x) / (1 - self.xp) + 1), 1.0)
        falling = where(x <= 1 - self.xn, exp(self.alphan * (x + self.xn - 1)) * x / (1 - self.xn), 1.0)
        return {"x": self.eta * g * where(self.eta * v >= 0, growing, falling)}


EXPORT = Yakopcic
