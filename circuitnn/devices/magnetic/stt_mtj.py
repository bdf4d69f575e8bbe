"""Magnetic tunnel junction that spin transfer torque switches at random, as an element of two states."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Device, Environment, Equations, Noise, Param, Values
from circuitnn.devices.symbolic import exp, log, magnitude, tanh, where

_EULER = 0.5772156649015329
_ARM = "Arm's MRAM simulation framework"
_ROUND = "a round number"
_UMN = "SPICE model of the University of Minnesota (Kim et al., CICC 2015)"


class SttMtj(Device):
    """The conductance is 1/rp in the parallel state, 1/(rp (1 + tmr/(1 + (v/vh)^2))) in the antiparallel one.

    A voltage v = v(p) - v(n) above zero drives to the parallel state with x = v/vc_p, one below zero to the
    antiparallel with x = -v/vc_ap. Below the critical voltage heat does it, over a barrier of ``delta`` kT:
    1/tau = exp(-delta (1 - x)^n_exp) / tau0, with n_exp = 1 (Koch, Katine and Sun, Phys. Rev. Lett. 92, 088302, 2004)
    or 2, for perpendicular easy axes (Butler et al., IEEE Trans. Magn. 48, 4684, 2012). Above it the torque does, from
    an angle that heat left: 1/tau = 2 (x - 1) / (tau_d (C + log(1 + pi^2 delta/4))), C Euler's constant (Sun, Phys.
    Rev. B 62, 570, 2000, and Worledge et al., Appl. Phys. Lett. 98, 022501, 2011; the 1 keeps the logarithm above
    zero). The two add, and x - 1 is rounded off over ``blend`` where it changes its sign. A jump has no memory: above
    the critical voltage the mean is right, but the delay before which nothing switches is not there.

    The barrier falls with temperature as Ms(T)^2/T, Ms as (1 - T/curie)^0.4, and tmr = 2 P^2/(1 - P^2) by
    P as 1 - spin T^1.5. Noise is that of a tunnel barrier, 2 q i coth(q v/2kT), thermal noise at rest.
    """

    model_types: ClassVar[tuple[str, ...]] = ("stt_mtj",)
    links = (("p", "n", "resistive"),)
    derived = ("barrier", "ratio", "vt")

    rp = Param(6e3, "ohm", low=0.0, exclusive=True, doc="resistance of the parallel state", source=_ARM)
    tmr = Param(1.0, "1", low=0.0, doc="(rap - rp)/rp at no voltage and tnom", source=_ROUND)
    vh = Param(0.65, "V", low=0.0, exclusive=True, doc="voltage at which that is halved", source=_UMN)
    delta = Param(40.0, "1", low=1.0, doc="barrier over kT at tnom", source=_ROUND)
    tau0 = Param(1e-9, "s", low=0.0, exclusive=True, doc="time between attempts", source="usual")
    n_ = Param(2.0, "1", low=1.0, high=2.0, name="n_exp", doc="exponent of the barrier's fall", source="Butler 2012")
    vc_p = Param(0.5, "V", low=0.0, exclusive=True, doc="critical voltage to the parallel state", source=_ROUND)
    vc_ap = Param(0.5, "V", low=0.0, exclusive=True, doc="critical voltage to the antiparallel state", source=_ROUND)
    tau_d = Param(1e-9, "s", low=0.0, exclusive=True, doc="(1 + alpha^2)/(alpha gamma mu0 Hk)", source=_ROUND)
    blend = Param(0.01, "1", low=1e-4, high=0.1, doc="part of vc over which the regimes pass into each other")
    curie = Param(1420.0, "K", low=500.0, doc="where the magnetisation vanishes", source=_UMN)
    spin = Param(2e-5, "1/K^1.5", low=0.0, high=8e-5, doc="loss of polarisation with temperature", source=_UMN)
    ap0 = Param(0.0, "1", choices=(0.0, 1.0), doc="begins antiparallel (1) or parallel (0)")

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return barrier and magnetoresistance at the temperature of the circuit."""
        squared = values["tmr"] / (2.0 + values["tmr"])  # of the polarisation
        squared = squared * ((1.0 - values["spin"] * env.temp**1.5) / (1.0 - values["spin"] * env.tnom**1.5)) ** 2
        left = np.maximum(values["curie"] - env.temp, 0.0) / np.maximum(values["curie"] - env.tnom, 1.0)
        return {
            **values,
            "barrier": values["delta"] * env.tnom / env.temp * left**0.8,
            "ratio": 2.0 * squared / (1.0 - squared),
            "vt": np.full_like(values["rp"], physics.thermal_voltage(env.temp)),
        }

    def _rate(self, x: Any) -> Any:
        def above(z: Any) -> Any:
            z = z / self.blend
            return self.blend * where(z > 40, z, log(1 + exp(z)))

        heat = exp(-self.barrier * above(1 - x) ** self.n_) / self.tau0
        angle = log(1 + np.pi**2 / 4 * self.barrier)
        return heat + 2 * above(x - 1) / (self.tau_d * (_EULER + angle))

    def _conductance(self) -> tuple[Any, Any]:
        v = self.p - self.n
        antiparallel = self.jump("ap", up=self._rate(-v / self.vc_ap), down=self._rate(v / self.vc_p), start=self.ap0)
        lost = self.ratio / (1 + self.ratio + (v / self.vh) ** 2)
        return (1 - antiparallel * lost) / self.rp, antiparallel

    def equations(self) -> Equations:
        """Return Ohm's law with the conductance of the state."""
        i = self._conductance()[0] * (self.p - self.n)
        return Equations(f={"p": i, "n": -i})

    def noise(self) -> tuple[Noise, ...]:
        """Return the noise of the barrier."""
        x = magnitude(self.p - self.n) / (2 * self.vt)
        rise = where(x < 1e-3, 1 + x**2 / 3, x / tanh(x))
        return (Noise("", "p", "n", 4 * physics.CHARGE * self.vt * self._conductance()[0] * rise),)

    def readings(self) -> Equations:
        """Return the state, 1 where antiparallel."""
        return Equations(f={"ap": self._conductance()[1]})


EXPORT = SttMtj
