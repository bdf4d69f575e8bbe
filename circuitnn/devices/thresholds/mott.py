"""Mott threshold switch with a metallic core (Pickett and Williams, Nanotechnology 23, 215202, 2012)."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from circuitnn.devices.declare import Equations, Memristor, Param, State
from circuitnn.devices.symbolic import clip, exp

_RECALLED = "NbO2 set attributed to Pickett and Williams 2012; taken from a compilation, not checked against the paper"


class Mott(Memristor):
    """dH/dt = v i - G delta_t, i = v / R, with u the radius of the metallic core as a part of the channel's.

    R = rho_ins l / (pi r^2) / (1 + (rho_ins / rho_met - 1) u^2); G = 2 pi l kappa / ln(1/u) carries the heat away;
    H = pi l r^2 (c_p delta_t (1 - u^2) / (2 ln(1/u)) + dh u^2) is the heat in shell and core, whose slope is the
    paper's dH/du. The state is s = 1 / ln(1/u) rather than u: the loss is linear in it, it comes to rest at 0
    where a cold u would creep to 0 without end, and no s is out of bounds. ``@name[u]`` shows u = exp(-1/s).
    """

    model_types: ClassVar[tuple[str, ...]] = ("mott",)

    rho_ins = Param(1e-2, "ohm m", low=0.0, exclusive=True, doc="resistivity of the insulator", source=_RECALLED)
    rho_met = Param(1e-4, "ohm m", low=0.0, exclusive=True, doc="resistivity of the metal", source=_RECALLED)
    kappa = Param(1.5, "W/(m K)", low=0.0, exclusive=True, doc="thermal conductivity of the shell", source=_RECALLED)
    c_p = Param(2.6e6, "J/(m^3 K)", low=0.0, exclusive=True, doc="heat capacity by volume", source=_RECALLED)
    dh = Param(1.6e8, "J/m^3", low=0.0, doc="latent heat of the transition by volume", source=_RECALLED)
    delta_t = Param(785.0, "K", low=0.0, exclusive=True, doc="transition above ambient temperature", source=_RECALLED)
    length = Param(20e-9, "m", low=0.0, exclusive=True, doc="length of the channel", source=_RECALLED, name="l")
    radius = Param(30e-9, "m", low=0.0, exclusive=True, doc="radius of the channel", source=_RECALLED, name="r")
    s0 = Param(0.0, "1", low=0.0, doc="initial s")
    s = State("s0", "1", doc="1 / ln(1/u), with u the metallic core's part of the radius", settles=True)

    def _core(self) -> tuple[Any, Any]:
        """Return s and u: below s = 1/400 u^2 is no double, above 1000 the heat loses its digits."""
        s = clip(self.s, 2.5e-3, 1e3)
        return s, exp(-1 / s)

    def current(self, v: Any) -> Any:
        """Return the current."""
        _, u = self._core()
        cold = self.rho_ins * self.length / (math.pi * self.radius**2)
        return v / cold * (1 + (self.rho_ins / self.rho_met - 1) * u**2)

    def rates(self, v: Any) -> dict[str, Any]:
        """Return ds/dt = (v i - G delta_t) / (dH/ds)."""
        s, u = self._core()
        loss = 2 * math.pi * self.length * self.kappa * self.delta_t * self.s
        warm = 0.5 * self.c_p * self.delta_t * (1 - u**2 - 2 * u**2 / s)
        heat = math.pi * self.length * self.radius**2 * (warm + 2 * self.dh * (u / s) ** 2)
        return {"s": (v * self.current(v) - loss) / heat}

    def readings(self) -> Equations:
        """Return u."""
        return Equations(f={"u": self._core()[1]})


EXPORT = Mott
