"""NbOx switch: 3-D Poole-Frenkel conduction that heats itself (Gibson et al., Appl. Phys. Lett. 108, 023505, 2016)."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from circuitnn.devices import physics
from circuitnn.devices.declare import Device, Equations, Param, State
from circuitnn.devices.symbolic import clip, electronvolts, exp, limexp, quantity, sqrt, where

_ROUND = "round number for a film of 20 nm that switches at 1.1 V and 390 K; not a fit to one device"
#: Lowering of the barrier in volts by a field of 1 V/m where the relative permittivity is 1.
_LOWERING = math.sqrt(physics.CHARGE / (math.pi * 8.8541878128e-12))


class Nbox(Device):
    """i = v / r0 exp(-ea / (k t)) h(y), c_th dt/dt = v i - (t - t_amb) / r_th: negative resistance from heat alone.

    h = (1 + (y - 1) e^y) / y^2 + 1/2 with y = q sqrt(q E / (pi eps)) / (k t) is emission over a barrier that the
    field E = |v| / d lowers, summed over all directions (Hartke, J. Appl. Phys. 39, 4871, 1968); h(0) = 1.
    """

    model_types: ClassVar[tuple[str, ...]] = ("nbox",)
    links = (("p", "n", "resistive"),)
    passive = True

    r0 = Param(150.0, "ohm", low=0.0, exclusive=True, doc="resistance at infinite temperature", source=_ROUND)
    ea = Param(0.2, "eV", low=0.0, doc="activation energy", source=_ROUND)
    eps_r = Param(45.0, "1", low=1.0, doc="relative permittivity", source=_ROUND)
    d = Param(20e-9, "m", low=0.0, exclusive=True, doc="thickness of the film", source=_ROUND)
    r_th = Param(1.2e6, "K/W", low=0.0, exclusive=True, doc="thermal resistance to ambient", source=_ROUND)
    c_th = Param(1e-15, "J/K", low=0.0, exclusive=True, doc="heat capacity of the filament", source=_ROUND)
    t_amb = Param(300.0, "K", low=50.0, high=1000.0, doc="ambient temperature")
    v_smooth = Param(1e-3, "V", low=1e-9, doc="below it sqrt(|v|) is rounded off, whose slope is infinite at 0")
    t = State("t_amb", "K", doc="temperature of the filament", scale=300.0, settles=True)

    def _current(self, v: Any) -> Any:
        kelvin = clip(self.t, quantity(50.0, "K"), quantity(1e5, "K"))
        volts = quantity(physics.BOLTZMANN / physics.CHARGE, "V/K") * kelvin
        field = self.let("field", sqrt(sqrt(v**2 + self.v_smooth**2) / self.d))
        y = self.let("y", quantity(_LOWERING, "V^(1/2) m^(1/2)") * field / sqrt(self.eps_r) / volts)
        near = sum(y**n / (math.factorial(n) * (n + 2)) for n in range(12))  # the same, without its cancellation at 0
        emission = where(y < 0.5, near, (1 + (y - 1) * limexp(y)) / y**2)
        return v / self.r0 * exp(-self.ea / electronvolts(volts)) * (emission + 0.5)

    def equations(self) -> Equations:
        """Return the current and the balance of heat."""
        v = self.p - self.n
        i = self.let("i", self._current(v))
        rows = self.state_rows({"t": (v * i - (self.t - self.t_amb) / self.r_th) / self.c_th})
        return Equations(f={"p": i, "n": -i, **rows.f}, q=rows.q)


EXPORT = Nbox
