"""Bipolar oxide RRAM by Bocquet et al. (IEEE Trans. Electron Devices 61, 674, 2014): the radius of a filament that is
reduced and oxidised."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Environment, Memristor, Param, State, Values
from circuitnn.devices.symbolic import clip, electronvolts, equals, limexp, quantity, where

_KB = physics.BOLTZMANN / physics.CHARGE
_PI = float(np.pi)
#: Barrier over kT up to which its exponential is taken.
_HIGHEST = 300.0
_ROUND = "round number, not published: of the size of a 10 nm thick HfO2 cell"


class Bocquet(Memristor):
    """dr/dt = (r_max - r)/tau_red - r/tau_ox; i = pi v (sigma_cf r^2 + sigma_ox (r_max^2 - r^2)) / l.

    tau_red = tau0 (1 + exp((e_red - alpha v) / (kT/q))) and tau_ox = tau0 (1 + exp((e_ox + (1 - alpha) v) / (kT/q))): a
    positive voltage grows the filament, and neither reaction gets faster than it is without a barrier.
    T = T0 + v^2 (sigma_cf r^2 + sigma_ox (r_max^2 - r^2)) / (8 k_th r_max^2), the hottest place of a filament cooled at
    its ends; ``heating = 0``: T = T0. At constant v and T, r relaxes to r_max / (1 + tau_red/tau_ox) at the rate
    1/tau_red + 1/tau_ox. The paper's structure as recalled, without its trap-assisted current; its equations and
    constants could not be confirmed in a public copy.
    """

    model_types: ClassVar[tuple[str, ...]] = ("bocquet", "oxram")
    derived = ("surroundings",)
    confined = True

    r_max = Param(20e-9, "m", low=0.0, exclusive=True, doc="largest radius", source=_ROUND)
    l = Param(10e-9, "m", low=0.0, exclusive=True, doc="thickness of the oxide", source=_ROUND)
    tau0 = Param(1e-12, "s", low=0.0, exclusive=True, doc="time scale of both reactions", source=_ROUND)
    e_red = Param(1.0, "eV", low=0.0, doc="activation energy of the reduction", source=_ROUND)
    e_ox = Param(1.0, "eV", low=0.0, doc="activation energy of the oxidation", source=_ROUND)
    alpha = Param(0.5, "1", low=0.0, high=1.0, doc="transfer coefficient", source=_ROUND)
    sigma_cf = Param(1e5, "S/m", low=0.0, exclusive=True, doc="conductivity of the filament", source=_ROUND)
    sigma_ox = Param(1.0, "S/m", low=0.0, doc="conductivity of the oxide", source=_ROUND)
    k_th = Param(3.0, "W/(m K)", low=0.0, exclusive=True, doc="thermal conductivity", source=_ROUND)
    heating = Param(1.0, "1", choices=(0.0, 1.0), doc="1: the filament heats itself")
    r0 = Param(2e-9, "m", low=0.0, doc="initial radius", source=_ROUND)
    temp = Param(None, "degC", low=-physics.ZERO_CELSIUS, doc="own temperature of the surroundings", on="instance")
    dtemp = Param(0.0, "K", doc="difference to the circuit's temperature", on="instance")
    r = State("r0", "m", low=0.0, high="r_max", doc="radius of the filament", scale=1e-9)

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the temperature of the surroundings beside the parameters."""
        return {**values, "surroundings": np.asarray(physics.ambient(values, env))}

    def _section(self) -> Any:
        """Return the integral of the conductivity over the area, divided by pi."""
        r = clip(self.r, 0, self.r_max)
        return self.sigma_cf * r**2 + self.sigma_ox * (self.r_max**2 - r**2)

    def current(self, v: Any) -> Any:
        """Return the current."""
        return v * (_PI * self._section() / self.l)

    def rates(self, v: Any) -> dict[str, Any]:
        """Return the speed of the radius."""
        heat = v**2 * self._section() / (8 * self.k_th * self.r_max**2)
        heat = where(equals(self.heating, 1), clip(heat, 0, quantity(1e4, "K")), 0)
        kt = self.let("kt", quantity(_KB, "eV/K") * (self.surroundings + heat))
        lowered, raised = electronvolts(self.alpha * v), electronvolts((1 - self.alpha) * v)
        reduction = 1 / (self.tau0 * (1 + limexp((self.e_red - lowered) / kt, _HIGHEST)))
        oxidation = 1 / (self.tau0 * (1 + limexp((self.e_ox + raised) / kt, _HIGHEST)))
        return {"r": (self.r_max - self.r) * reduction - self.r * oxidation}


EXPORT = Bocquet
