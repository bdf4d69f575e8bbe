"""Stanford-PKU/ASU filamentary RRAM: a gap between filament and electrode, and the filament's temperature (Guan, Yu and
Wong, IEEE Electron Device Lett. 33, 1405, 2012; Chen and Yu, IEEE Trans. Electron Devices 62, 4022, 2015)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Environment, Memristor, Param, State, Values
from circuitnn.devices.symbolic import clip, electronvolts, exp, limexp, limsinh, quantity, sqrt, where

_ASU = "SkyWater's public Verilog-A of its sky130 ReRAM cell (values confirmed there)"
#: Largest rise of the temperature in the rates, K: no iterate of Newton's method gets an unphysical one.
_HOTTEST = 1e4
_KB = physics.BOLTZMANN / physics.CHARGE


class Stanford(Memristor):
    """i = i0 exp(-g/g0) sinh(v/v0); dg/dt = -vel0 (e^((gamma a0 v/L - eag)/(kT/q)) - e^((-gamma a0 v/L - ear)/(kT/q))).

    gamma = gamma0 - beta (g/1 nm)^3. The filament is hotter than its surroundings by ``rise``:
    tau_th d(rise)/dt = r_th i v - rise, and with ``tau_th = 0`` at once. Below a field |gamma v|/L of ``f_min`` the
    gap rests (a smooth step within 5 % of it; f_min = 0: never); no gap moves faster than ``v_sat``. The Stanford model
    1.0 has one energy, dg/dt = -vel e^(-ea/(kT/q)) sinh(gamma a0 v/(L kT/q)): eag = ear = ea,
    vel0 = vel/2, tau_th = 0.
    """

    model_types: ClassVar[tuple[str, ...]] = ("stanford", "rram")
    derived = ("surroundings",)
    relaxing: ClassVar[dict[str, str]] = {"rise": "tau_th"}

    i0 = Param(61.4e-6, "A", low=0.0, exclusive=True, doc="current scale", source=_ASU)
    g0 = Param(0.2751e-9, "m", low=0.0, exclusive=True, doc="decay length of the current", source=_ASU)
    v0 = Param(0.43, "V", low=0.0, exclusive=True, doc="voltage scale of the current", source=_ASU)
    vel0 = Param(150.0, "m/s", low=0.0, doc="speed scale of the gap", source=_ASU)
    eag = Param(1.501, "eV", low=0.0, doc="activation energy of generation of vacancies", source=_ASU)
    ear = Param(1.5, "eV", low=0.0, doc="activation energy of their recombination", source=_ASU)
    gamma0 = Param(16.5, "1", low=0.0, doc="enhancement of the field without gap", source=_ASU)
    beta = Param(1.25, "1", low=0.0, doc="its loss with the cube of the gap in nm", source=_ASU)
    a0 = Param(0.25e-9, "m", low=0.0, exclusive=True, doc="hopping distance", source=_ASU)
    l = Param(5e-9, "m", low=0.0, exclusive=True, doc="thickness of the oxide", source=_ASU)
    f_min = Param(0.0, "V/m", low=0.0, doc="field below which the gap rests")
    v_sat = Param(1e3, "m/s", low=1e-3, doc="speed at which the gap saturates, 1 nm in 1 ps")
    r_th = Param(0.23e-9 / 3.1825e-16, "K/W", low=0.0, doc="thermal resistance", source=_ASU)
    tau_th = Param(0.23e-9, "s", low=0.0, doc="thermal time constant; 0: the temperature follows at once", source=_ASU)
    gap_min = Param(0.1e-9, "m", low=0.0, doc="least gap", source=_ASU)
    gap_max = Param(1.7e-9, "m", low=0.0, doc="largest gap", source=_ASU)
    gap0 = Param(1.7e-9, "m", low=0.0, doc="initial gap", source=_ASU)
    temp = Param(None, "degC", low=-physics.ZERO_CELSIUS, doc="own temperature of the surroundings", on="instance")
    dtemp = Param(0.0, "K", doc="difference to the circuit's temperature", on="instance")
    gap = State("gap0", "m", low="gap_min", high="gap_max", doc="gap between filament and electrode", scale=1e-11)
    rise = State(0.0, "K", doc="rise of the filament's temperature", scale=100.0, settles=True)

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the temperature of the surroundings beside the parameters."""
        return {**values, "surroundings": np.asarray(physics.ambient(values, env))}

    def current(self, v: Any) -> Any:
        """Return the current."""
        gap = clip(self.gap, self.gap_min, self.gap_max)
        return self.i0 * exp(-gap / self.g0) * limsinh(v / self.v0)

    def rates(self, v: Any) -> dict[str, Any]:
        """Return the speed of the gap and the rise to which the temperature relaxes."""
        gap = clip(self.gap, self.gap_min, self.gap_max)
        kt = self.let("kt", quantity(_KB, "eV/K") * (self.surroundings + clip(self.rise, 0, quantity(_HOTTEST, "K"))))
        gamma = self.gamma0 - self.beta * (gap / quantity(1e-9, "m")) ** 3
        field = self.let("field", gamma * v / self.l)
        gained = electronvolts(self.a0 * field)
        speed = -self.vel0 * (limexp((gained - self.eag) / kt) - limexp((-gained - self.ear) / kt))
        part = (where(field >= 0, field, -field) / where(self.f_min > 0, self.f_min, quantity(1.0, "V/m")) - 0.95) / 0.1
        smooth = where(self.f_min <= 0, 1, part <= 0, 0, part >= 1, 1, part**2 * (3 - 2 * part))
        # far beyond the measured speeds: heated without a series resistance, SET would run away faster than any step
        speed = self.let("speed", speed * smooth)
        return {"gap": speed / sqrt(1 + (speed / self.v_sat) ** 2), "rise": self.r_th * v * self.current(v)}


EXPORT = Stanford
