"""Stanford-PKU filamentary RRAM 2.0: a filament that closes a gap, and then widens (Li, Huang, Gao, Chen, Liu and Kang,
IEEE Electron Device Lett. 35, 211, 2014; Verilog-A "RRAM_v_2_0_Beta" of Peking and Stanford Universities)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Environment, Equations, Memristor, Param, State, Values
from circuitnn.devices.symbolic import clip, electronvolts, exp, limexp, limsinh, quantity, sqrt, where

_PKU = "public Verilog-A RRAM_v_2_0_Beta of 2014 (value confirmed there)"
_OURS = "ours, to smooth a jump of the published equations"
#: Largest rise of the temperature in the rates, K: no iterate of Newton's method gets an unphysical one.
_HOTTEST = 1e4
#: Voltage over v_t (4.8 V by default) from which currents go on along tangents: an iterate of Newton's method that
#: overshot comes back in one step from there, not by v_t a step.
_KNEE = 12.0
_KB = physics.BOLTZMANN / physics.CHARGE
_PI = float(np.pi)


def _step(part: Any) -> Any:
    """Return 0 below part = 0, 1 above 1, and a cubic without a kink in between."""
    return where(part <= 0, 0, part >= 1, 1, part**2 * (3 - 2 * part))


class StanfordPku(Memristor):
    """i = i1 + a_w (v - vg)/(rho (l0 - x)), a_w = pi w^2/4; vg, the voltage of the gap x, such that the filament's
    current hops over it, a_w i0 exp(-x/x_t) sinh(vg/v_t); i1 = i0 (pi w_cf^2/4 - a_w) exp(-l0/x_t) sinh(v/v_t) beside
    it. T = T0 + r_th i v, kT in eV.

    SET, v > 0: dx/dt = -a f exp(-(ea - z alpha vg/x)/kT), and once the gap is closed
    dw/dt = (w_eff + w_eff^2/(2 w)) f exp(-(ea - z alpha v/l0)/kT). RESET, v < 0: dx/dt is the lesser one of
    a f exp(-(ei + gamma z vg)/kT) and a f exp(-eh/kT) sinh(-z alpha_h vg/(x kT)). The width never shrinks.

    Where the published equations jump, a cubic step leads over: SET and RESET set in between v = 0 and +-v_s, the gap
    counts as closed from x = x_s down, and fields are those of x_s at least. A closed gap conducts at vg > 0,
    k_c a_w/(rho l0) vg^2/(vg + v_s) (published: without any resistance, at v < 0 as an open one). Speeds saturate
    smoothly at v_sat; beyond 12 v_t, currents follow the tangents of their sinh.
    """

    model_types: ClassVar[tuple[str, ...]] = ("stanford_pku",)
    internals = ("tip",)
    derived = ("surroundings",)

    a = Param(0.25e-9, "m", low=0.0, exclusive=True, doc="distance of adjacent vacancies", source=_PKU)
    f = Param(1e13, "Hz", low=0.0, exclusive=True, doc="frequency of the ions' vibration", source=_PKU)
    ea = Param(0.7, "eV", low=0.0, doc="activation energy of vacancies", source=_PKU)
    eh = Param(1.12, "eV", low=0.0, doc="hopping barrier of oxygen ions", source=_PKU)
    ei = Param(0.82, "eV", low=0.0, doc="barrier between electrode and oxide", source=_PKU)
    gamma = Param(1.5, "1", low=0.0, doc="enhancement of the voltage at that barrier", source=_PKU)
    alpha = Param(0.75e-9, "m", low=0.0, doc="length over which the field lowers ea", source=_PKU)
    alpha_h = Param(0.75e-9, "m", low=0.0, doc="length over which the field lowers eh", source=_PKU)
    z = Param(1.0, "1", low=0.0, exclusive=True, doc="charge number of the ions", source=_PKU)
    x_t = Param(0.4e-9, "m", low=1e-11, doc="decay length of the hopping current", source=_PKU)
    v_t = Param(0.4, "V", low=1e-3, doc="voltage scale of the hopping current", source=_PKU)
    l0 = Param(3e-9, "m", low=0.0, exclusive=True, doc="thickness of the oxide, largest gap", source=_PKU)
    w_cf = Param(5e-9, "m", low=0.0, exclusive=True, doc="largest width", source=_PKU)
    w_eff = Param(0.5e-9, "m", low=0.0, doc="width by which the filament extends", source=_PKU)
    i0 = Param(1e13, "A/m^2", low=0.0, exclusive=True, doc="density of the hopping current", source=_PKU)
    rho = Param(1.9635e-5, "ohm m", low=0.0, exclusive=True, doc="resistivity of the filament", source=_PKU)
    r_th = Param(5e5, "K/W", low=0.0, doc="thermal resistance", source=_PKU)
    v_sat = Param(100.0, "m/s", low=1e-3, doc="speed at which states saturate (published: a sharp limit)", source=_PKU)
    w_min = Param(0.1e-9, "m", low=0.0, exclusive=True, doc="least width", source="round number")
    v_s = Param(0.01, "V", low=1e-6, doc="voltage at which SET and RESET are in full", source=_OURS)
    x_s = Param(5e-11, "m", low=1e-13, doc="gap below which it closes", source=_OURS)
    k_c = Param(100.0, "1", low=1.0, doc="conductance of a closed gap over that of the filament", source=_OURS)
    x0 = Param(3e-9, "m", low=0.0, doc="initial gap", source=_PKU)
    w0 = Param(0.5e-9, "m", low=0.0, doc="initial width", source=_PKU)
    temp = Param(None, "degC", low=-physics.ZERO_CELSIUS, doc="own temperature of the surroundings", on="instance")
    dtemp = Param(0.0, "K", doc="difference to the circuit's temperature", on="instance")
    x = State("x0", "m", low=0.0, high="l0", doc="gap between filament and electrode", scale=1e-11)
    w = State("w0", "m", low="w_min", high="w_cf", doc="width of the filament", scale=1e-11)

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the temperature of the surroundings beside the parameters."""
        return {**values, "surroundings": np.asarray(physics.ambient(values, env))}

    def speeds(self, v: Any, vg: Any, i: Any, closed: Any) -> dict[str, Any]:
        """Return the speeds of gap and width."""
        heat = clip(self.r_th * v * i, 0, quantity(_HOTTEST, "K"))
        kt = self.let("kt", quantity(_KB, "eV/K") * (self.surroundings + heat))
        near = self.z * electronvolts(vg) / clip(self.x, self.x_s, self.l0)
        hop = self.a * self.f
        shrink = hop * limexp((self.alpha * near - self.ea) / kt)
        injected = hop * limexp(-(self.ei + self.gamma * self.z * electronvolts(vg)) / kt)
        drifted = hop * exp(-self.eh / kt) * limsinh(-self.alpha_h * near / kt)
        grow = self.let("grow", where(injected < drifted, injected, drifted))
        width = clip(self.w, self.w_min, self.w_cf)
        lowered = self.z * self.alpha * electronvolts(v) / self.l0
        widen = (self.w_eff + self.w_eff**2 / (2 * width)) * self.f * limexp((lowered - self.ea) / kt)
        write, erase = _step(v / self.v_s), _step(-v / self.v_s)
        # a step before Newton's method has settled may have the gap's voltage against the device's
        dx = self.let("dx", erase * where(grow > 0, grow, 0) - write * shrink)
        dw = self.let("dw", write * closed * widen)
        return {key: s / sqrt(1 + (s / self.v_sat) ** 2) for key, s in (("x", dx), ("w", dw))}

    def equations(self) -> Equations:
        """Return filament and gap in series, the oxide beside them, and the states."""
        v, vg = self.p - self.n, self.tip - self.n
        gap, width = clip(self.x, 0, self.l0), clip(self.w, self.w_min, self.w_cf)
        area = self.let("area", _PI / 4 * width**2)
        beside = self.i0 * (_PI / 4 * self.w_cf**2 - area) * exp(-self.l0 / self.x_t) * limsinh(v / self.v_t, _KNEE)
        left = self.l0 - gap
        filament = area / (self.rho * where(left >= self.x_s, left, self.x_s)) * (v - vg)
        closed = self.let("closed", 1 - _step(gap / self.x_s))
        contact = where(vg > 0, vg**2 / (vg + self.v_s), 0) * closed
        over = area * self.i0 * exp(-gap / self.x_t) * limsinh(vg / self.v_t, _KNEE)
        over = over + self.k_c * area / (self.rho * self.l0) * contact
        i = self.let("i", filament + beside)
        rows = self.state_rows(self.speeds(v, vg, i, closed))
        return Equations(f={"p": i, "tip": over - filament, "n": -over - beside, **rows.f}, q=rows.q)


EXPORT = StanfordPku
