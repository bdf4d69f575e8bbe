"""Phase change memory: crystal growth and melting at one front, Joule heat, threshold switching, structural relaxation.

The front between glass and crystal is that of Sebastian, Le Gallo and Krebs, Nat. Commun. 5, 4314 (2014); conduction
of the glass is that of Ielmini and Zhang, J. Appl. Phys. 102, 054517 (2007), which runs away thermally at the threshold
(Le Gallo et al., J. Appl. Phys. 119, 025704, 2016); drift is the collective relaxation of Le Gallo et al., Adv.
Electron. Mater. 4, 1700627 (2018).
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from circuitnn.devices.declare import Environment, Memristor, Param, State, Values
from circuitnn.devices.symbolic import clip, exp, limexp, log, quantity, sinh, where

#: Boltzmann's constant.
_KB = (8.617333262e-5, "eV/K")
#: Width of the transition to the melt, in which the glass is made anew, and the time that this takes.
_MELT_WIDTH, _MELT_TIME = (5.0, "K"), (1e-9, "s")
#: Ends of the range in which temperatures count: iterates of Newton's method may lie anywhere.
_COLDEST, _HOTTEST = (50.0, "K"), (5000.0, "K")
_ROUND = "round number, chosen for pulses of about 1 V and 100 ns"
_KHAN = "0.07 to 0.11 in line cells (Khan et al., Appl. Phys. Lett. 116 (25), 2020, doi 10.1063/1.5144606, abstract)"
_GST = "usual for Ge2Sb2Te5 (recalled, not looked up)"


class Pcm(Memristor):
    """i = v / (rc exp(x L)), L = ln(1 + ra/rc exp(ea y(tr) + nu es (sigma0 - sigma) / kT) z / sinh z), z = v / v0,
    T = ambient + theta, y(t) = (1/T - 1/t)/k.

    The glass of part x of the cell conducts as I = A sinh(v/v0); phases mix logarithmically, so that a drift exponent
    nu of the glass is about x nu of the cell. Hottest is the heater, by theta: cth dtheta/dt = v i - theta/rth. The
    front is at Ti = ambient + theta (1 - profile x) and moves by Wilson and Frenkel's law: dx/dt = -k exp(-eg y)
    (1 - exp(-h y)) with y = (1/Ti - 1/tm)/k, which grows the crystal below tm and melts it above. Relaxation of the
    glass: dsigma/dt = -rate exp(-es (1 - sigma)/kT), whose solution is a logarithm of time, R ~ (1 + t/t0)^nu; the melt
    sets sigma back to sigma0.
    """

    model_types: ClassVar[tuple[str, ...]] = ("pcm",)
    derived: ClassVar[tuple[str, ...]] = ("ambient",)

    rc = Param(10e3, "ohm", low=0.0, exclusive=True, doc="resistance of the crystalline cell", source=_ROUND)
    ra = Param(2e6, "ohm", low=0.0, doc="resistance of fresh glass at tr and low voltage", source=_ROUND)
    v0 = Param(0.19, "V", low=1e-3, doc="voltage scale of conduction in glass", source="gives a threshold of 1 V")
    ea = Param(0.2, "eV", low=0.0, high=2.0, doc="activation energy of conduction in glass", source=_GST)
    tr = Param(300.0, "K", low=100.0, doc="temperature at which ra holds")
    rth = Param(3e6, "K/W", low=0.0, exclusive=True, doc="thermal resistance", source=_ROUND)
    cth = Param(3e-16, "J/K", low=0.0, exclusive=True, doc="heat capacity", source=_ROUND)
    profile = Param(0.1, "1", low=0.0, high=0.9, doc="temperature lost across the active part", source=_ROUND)
    tm = Param(877.0, "K", low=300.0, high=4000.0, doc="melting temperature", source=_GST)
    eg = Param(2.1, "eV", low=0.0, high=5.0, doc="activation energy of crystal growth", source=_GST)
    h = Param(0.12, "eV", low=0.0, exclusive=True, high=1.0, doc="heat of fusion of one atom", source=_ROUND)
    k = Param(5e8, "1/s", low=0.0, doc="speed of the front", source="crystallises in 100 ns at best")
    nu = Param(0.1, "1", low=0.0, high=1.0, doc="drift exponent of the glass", source=_KHAN)
    es = Param(3.0, "eV", low=0.1, high=10.0, doc="barrier of relaxation in relaxed glass", source=_ROUND)
    rate = Param(1e9, "1/s", low=0.0, doc="attempts of relaxation, times their step", source="onset after 1 us")
    sigma0 = Param(0.9, "1", low=0.0, high=1.0, doc="disorder of fresh glass")
    x0 = Param(0.0, "1", low=0.0, high=1.0, doc="initial amorphous part")
    x = State("x0", "1", low=0.0, high=1.0, doc="amorphous part")
    theta = State(0.0, "K", doc="temperature of the heater over the ambient one", scale=100.0, settles=True)
    sigma = State("sigma0", "1", doc="disorder of the glass: 1 as from the melt, less when relaxed")

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Add the ambient temperature, K: that of the circuit."""
        return {**values, "ambient": np.full(values["rc"].shape, env.temp)}

    def _temperature(self, part: Any) -> Any:
        return clip(self.ambient + self.theta * part, quantity(*_COLDEST), quantity(*_HOTTEST))

    def current(self, v: Any) -> Any:
        """Return the current."""
        hot, kb = self._temperature(1), quantity(*_KB)
        z = clip(v / self.v0, -300, 300)
        # below z = 0.1 the series is exact to 1e-10
        flat = where(z**2 < 1e-2, 1 - z**2 / 6 + 7 * z**4 / 360, z / sinh(z))
        drift = self.nu * self.es * (self.sigma0 - self.sigma) / (kb * hot)
        glass = limexp(self.ea / kb * (1 / hot - 1 / self.tr) + drift) * self.ra / self.rc
        return v / self.rc * exp(-clip(self.x, 0, 1) * log(1 + glass * flat))

    def rates(self, v: Any) -> dict[str, Any]:
        """Return the speeds of the front, of heating and of relaxation."""
        hot, kb = self._temperature(1), quantity(*_KB)
        y = (1 / self._temperature(1 - self.profile * clip(self.x, 0, 1)) - 1 / self.tm) / kb
        melt = 1 / (1 + limexp((self.tm - hot) / quantity(*_MELT_WIDTH)))
        relaxing = self.rate * limexp(-self.es * (1 - self.sigma) / (kb * hot))
        return {
            "x": -self.k * exp(-self.eg * y) * (1 - exp(-self.h * y)),
            "theta": (v * self.current(v) - self.theta / self.rth) / self.cth,
            "sigma": melt * (self.sigma0 - self.sigma) / quantity(*_MELT_TIME) - relaxing,
        }


EXPORT = Pcm
