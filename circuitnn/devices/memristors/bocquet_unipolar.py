"""Unipolar oxide RRAM after Bocquet et al. (Appl. Phys. Lett. 98, 263507, 2011): a filament that a voltage of either
sign grows by reduction, and that its own heat dissolves."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Environment, Memristor, Param, State, Values
from circuitnn.devices.symbolic import clip, electronvolts, exp, limexp, quantity, where

_KB = physics.BOLTZMANN / physics.CHARGE
_PI = float(np.pi)
#: Barrier over kT up to which its exponential is taken.
_HIGHEST = 300.0
_ROUND = "round number, not published: in sweeps of milliseconds SET near 1.1 V, RESET near 0.7 V"


class BocquetUnipolar(Memristor):
    """dr/dt = (r_max - r)/tau_red - r/tau_diff; i = pi v (sigma_cf r^2 + sigma_ox (r_max^2 - r^2)) / l.

    tau_red = tau0 (1 + exp((e_red - alpha |v|) / (kT/q))), tau_diff = tau_d exp(e_diff / (kT/q)),
    T = T0 + v^2 sigma_cf / (8 k_th) r^2 / (r^2 + r_loss^2): the hottest place of a filament cooled at its ends, and
    at its side where it is thin. A hot filament grows above the voltage (e_red - e_diff) / alpha and dissolves below:
    RESET takes a lower voltage than SET, of either sign. The paper's idea, an electrochemical SET and a thermal RESET
    in one equation, in a form of our own: its equations could not be confirmed in a public copy.
    """

    model_types: ClassVar[tuple[str, ...]] = ("bocquet_unipolar",)
    derived = ("surroundings",)
    confined = True

    r_max = Param(10e-9, "m", low=0.0, exclusive=True, doc="largest radius", source=_ROUND)
    l = Param(30e-9, "m", low=0.0, exclusive=True, doc="thickness of the oxide", source=_ROUND)
    tau0 = Param(1e-13, "s", low=0.0, exclusive=True, doc="time scale of the reduction", source=_ROUND)
    e_red = Param(1.5, "eV", low=0.0, doc="activation energy of the reduction", source=_ROUND)
    alpha = Param(0.5, "1", low=0.0, high=1.0, doc="part of the voltage that lowers it", source=_ROUND)
    tau_d = Param(1e-13, "s", low=0.0, exclusive=True, doc="time scale of the dissolution", source=_ROUND)
    e_diff = Param(1.0, "eV", low=0.0, doc="activation energy of the dissolution", source=_ROUND)
    sigma_cf = Param(5e4, "S/m", low=0.0, exclusive=True, doc="conductivity of the filament", source=_ROUND)
    sigma_ox = Param(10.0, "S/m", low=0.0, doc="conductivity of the oxide", source=_ROUND)
    k_th = Param(9.0, "W/(m K)", low=0.0, exclusive=True, doc="thermal conductivity of the filament", source=_ROUND)
    r_loss = Param(1e-9, "m", low=0.0, exclusive=True, doc="radius below which the side cools", source=_ROUND)
    r0 = Param(0.5e-9, "m", low=0.0, doc="initial radius", source=_ROUND)
    temp = Param(None, "degC", low=-physics.ZERO_CELSIUS, doc="own temperature of the surroundings", on="instance")
    dtemp = Param(0.0, "K", doc="difference to the circuit's temperature", on="instance")
    r = State("r0", "m", low=0.0, high="r_max", doc="radius of the filament", scale=1e-9)

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the temperature of the surroundings beside the parameters."""
        return {**values, "surroundings": np.asarray(physics.ambient(values, env))}

    def current(self, v: Any) -> Any:
        """Return the current."""
        r = clip(self.r, 0, self.r_max)
        return v * (_PI * (self.sigma_cf * r**2 + self.sigma_ox * (self.r_max**2 - r**2)) / self.l)

    def rates(self, v: Any) -> dict[str, Any]:
        """Return the speed of the radius."""
        r = clip(self.r, 0, self.r_max)
        hot = v**2 * self.sigma_cf / (8 * self.k_th) * r**2 / (r**2 + self.r_loss**2)
        kt = self.let("kt", quantity(_KB, "eV/K") * (self.surroundings + clip(hot, 0, quantity(1e4, "K"))))
        size = where(v >= 0, v, -v)
        lowered = electronvolts(self.alpha * size)
        reduction = 1 / (self.tau0 * (1 + limexp((self.e_red - lowered) / kt, _HIGHEST)))
        dissolution = exp(-self.e_diff / kt) / self.tau_d
        return {"r": (self.r_max - self.r) * reduction - self.r * dissolution}


EXPORT = BocquetUnipolar
