"""JART VCM v1b: a filament of plug and disc behind a Schottky barrier (Cueppers et al., APL Mater. 7, 091105, 2019;
Bengel et al., IEEE TCAS-I 67, 4618, 2020)."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Environment, Equations, Memristor, Param, State, Values
from circuitnn.devices.symbolic import (
    asin,
    asinh,
    clip,
    electronvolts,
    exp,
    limexp,
    quantity,
    sinh,
    soft_positive,
    sqrt,
    tanh,
    where,
)

_FZJ = "JART VCM v1b as in public re-implementations of its Verilog-A (equations and values confirmed there)"
_KB = physics.BOLTZMANN / physics.CHARGE
#: Largest rise of the temperature, K, and largest field over the one that takes the hopping barrier away: no iterate of
#: Newton's method gets beyond.
_HOTTEST, _STEEPEST = 1e4, 0.99
#: Exponent above which the barrier's current, then far above any real one, goes on straight: Newton's method comes down
#: to a solution from there by one unit of the exponent an iteration.
_KNEE = 20.0
#: Width in volts of the smooth approach of the Schottky barrier to zero.
_LOWEST = 1e-4


def _tenth(missing: Any, part: Any) -> Any:
    """Return 1 - part^10 from 1 - part: exactly zero where that is."""
    return missing * (1 + part) * (1 + part**2 + part**4 + part**6 + part**8)


class Jart(Memristor):
    """Schottky barrier, disc, plug and series resistance carry one current i; SET at v < 0, RESET at v > 0.

    R_disc = l_disc / (e z mu N A), R_plug = (l_cell - l_disc) / (e z mu n_plug A), A = pi radius^2,
    R_series = r_tiox + r_line (1 + alpha_line r_line r_th_line i^2). Barrier, at v_s across it, with
    psi = phi0 - phi_n - v_s: phi = phi0 - (e^3 z N psi / (8 pi^2 eps_phi^3))^(1/4); psi and phi are at least 0.
    v_s >= 0: i = A A* T^2 e^(-phi/(kT/q)) (e^(v_s/(kT/q)) - 1);
    v_s < 0: i = -A (A* T/k) sqrt(pi W00 e (|v_s| + phi / cosh^2(W00/kT))) e^(-e phi/W0) (e^(e |v_s|/xi) - 1),
    W00 = (e h/4 pi) sqrt(z N / (m eps)), W0 = W00 coth(W00/kT), xi = W00 / (W00/kT - tanh(W00/kT)).

    dN/dt = -(c a nu0 F / l_disc) (e^(-dW_f/(kT/q)) - e^(-dW_r/(kT/q))), c = (n_plug + N)/2,
    dW = dw_a (sqrt(1 - g^2) -+ g pi/2 + g asin g), g = z a E / (pi dw_a); v < 0: E = v_disc / l_disc,
    F = 1 - (N/n_max)^10; v > 0: E = (v_s + v_disc + v_plug) / l_cell, F = 1 - (n_min/N)^10.
    T = T0 + rise, tau_th d(rise)/dt = R_th i (v_s + v_disc + v_plug) - rise with R_th = r_th (radius0/radius)^2, at
    v > 0 r_th_reset of it.

    Where psi ends it does so smoothly, within ``v_flat``: the published barrier climbs back to phi0 within the last
    millivolts before psi = 0, where the current falls with the voltage and has several solutions. With 10 mV it differs
    from that by less than 0.1 % in read currents; from 30 mV on (0.5 %) the current always grows with the voltage.
    """

    model_types: ClassVar[tuple[str, ...]] = ("jart", "jart_vcm", "jart_vcm_1b")
    internals = ("mid",)
    derived = ("surroundings", "section", "lowering", "tunnelling", "r_plug", "cubic", "heat_set", "heat_reset")
    relaxing: ClassVar[dict[str, str]] = {"rise": "tau_th"}
    confined = True

    eps = Param(17.0, "1", low=1.0, doc="relative permittivity of the oxide", source=_FZJ)
    eps_phi = Param(5.5, "1", low=1.0, doc="relative permittivity in the barrier's lowering", source=_FZJ)
    phi0 = Param(0.18, "V", low=0.0, high=1.0, doc="height of the Schottky barrier", source=_FZJ)
    phi_n = Param(0.1, "V", low=0.0, high=1.0, doc="conduction band edge above the Fermi level", source=_FZJ)
    v_flat = Param(0.01, "V", low=1e-6, high=0.1, doc="width of the smooth end of the lowering at flat band")
    mu = Param(4e-6, "m^2/(V s)", low=0.0, exclusive=True, doc="mobility of the electrons", source=_FZJ)
    richardson = Param(6.01e5, "A/(m K)^2", low=0.0, exclusive=True, doc="Richardson constant", source=_FZJ)
    mass = Param(1.0, "1", low=1e-2, high=1e2, doc="effective mass over the electron's", source=_FZJ)
    z = Param(2.0, "1", low=1.0, doc="charge number of the vacancies", source=_FZJ)
    n_min = Param(8e23, "1/m^3", low=0.0, exclusive=True, doc="least concentration in the disc", source=_FZJ)
    n_max = Param(2e27, "1/m^3", low=0.0, exclusive=True, doc="largest concentration in the disc", source=_FZJ)
    n_plug = Param(2e27, "1/m^3", low=0.0, exclusive=True, doc="concentration in the plug", source=_FZJ)
    n0 = Param(8e23, "1/m^3", low=0.0, exclusive=True, doc="initial concentration in the disc", source=_FZJ)
    a = Param(0.25e-9, "m", low=0.0, exclusive=True, doc="hopping distance", source=_FZJ)
    nu0 = Param(2e13, "Hz", low=0.0, doc="attempt frequency", source=_FZJ)
    dw_a = Param(1.35, "eV", low=1e-2, doc="hopping barrier", source=_FZJ)
    r_th = Param(1.572e7, "K/W", low=0.0, doc="thermal resistance at radius0", source=_FZJ)
    r_th_reset = Param(0.27, "1", low=0.0, doc="its part that holds in RESET", source=_FZJ)
    tau_th = Param(0.0, "s", low=0.0, doc="thermal time constant; 0: the temperature follows at once", source=_FZJ)
    radius = Param(45e-9, "m", low=0.0, exclusive=True, doc="radius of the filament", source=_FZJ)
    radius0 = Param(45e-9, "m", low=0.0, exclusive=True, doc="radius at which r_th holds", source=_FZJ)
    l_cell = Param(3e-9, "m", low=0.0, exclusive=True, doc="length of disc and plug", source=_FZJ)
    l_disc = Param(0.4e-9, "m", low=0.0, exclusive=True, doc="length of the disc", source=_FZJ)
    r_tiox = Param(650.0, "ohm", low=0.0, doc="series resistance of the TiOx layer", source=_FZJ)
    r_line = Param(719.244, "ohm", low=0.0, doc="resistance of the lines, cold", source=_FZJ)
    r_th_line = Param(90471.47, "K/W", low=0.0, doc="thermal resistance of the lines", source=_FZJ)
    alpha_line = Param(3.92e-3, "1/K", low=0.0, doc="temperature coefficient of the lines", source=_FZJ)
    temp = Param(None, "degC", low=-physics.ZERO_CELSIUS, doc="own temperature of the surroundings", on="instance")
    dtemp = Param(0.0, "K", doc="difference to the circuit's temperature", on="instance")
    n_disc = State("n0", "1/m^3", low="n_min", high="n_max", doc="concentration of vacancies in the disc", scale=1e26)
    rise = State(0.0, "K", doc="rise of the filament's temperature", scale=100.0, settles=True)

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return what does not depend on the state."""
        v, e, eps0 = values, physics.CHARGE, physics.VACUUM_PERMITTIVITY
        surroundings = physics.ambient(v, env)
        section = np.pi * v["radius"] ** 2
        conducting = e * v["z"] * v["mu"] * section
        heat = v["r_th"] * (v["radius0"] / v["radius"]) ** 2
        return {
            **v,
            "surroundings": surroundings,
            "section": section,
            "lowering": e * v["z"] / (8 * np.pi**2 * (v["eps_phi"] * eps0) ** 3) * e**2,
            "tunnelling": physics.PLANCK
            / (4 * np.pi)
            * np.sqrt(v["z"] / (v["mass"] * physics.ELECTRON_MASS * v["eps"] * eps0)),
            "r_plug": np.maximum(v["l_cell"] - v["l_disc"], 0.0) / (conducting * v["n_plug"]),
            "cubic": v["alpha_line"] * v["r_line"] ** 2 * v["r_th_line"],
            "heat_set": heat,
            "heat_reset": heat * v["r_th_reset"],
        }

    def _schottky(self, vs: Any, n: Any, temp: Any) -> Any:
        """Return the current of the barrier."""
        vt = self.let("vt", quantity(_KB, "V/K") * temp)
        psi = soft_positive(self.phi0 - self.phi_n - vs, self.v_flat)
        phi = self.let("phi", soft_positive(self.phi0 - sqrt(sqrt(self.lowering * n * psi)), quantity(_LOWEST, "V")))
        w00 = self.let("w00", self.tunnelling * sqrt(n))
        x = self.let("x", w00 / vt)
        bent = self.let("bent", tanh(x))
        # x - tanh x, without the difference of nearly equal numbers
        less = where(x < 0.03, x**3 * (1 - 2 * x**2 / 5 + 17 * x**4 / 105) / 3, x - bent)
        per_xi, per_w0 = self.let("per_xi", less / w00), self.let("per_w0", bent / w00)
        top = self.let("top", self.section * self.richardson * temp**2)
        emission = exp(-phi / vt) * (limexp(vs / vt, _KNEE) - 1)
        field = exp(-phi * per_w0) * (limexp(-vs * per_xi, _KNEE) - 1)
        return where(vs >= 0, top * emission, -top / vt * sqrt(np.pi * w00 * (phi * (1 - bent**2) - vs)) * field)

    def _hops(self, v: Any, n: Any, field: Any, temp: Any) -> Any:
        """Return the speed of the concentration."""
        g = self.let("g", clip(electronvolts(self.z * self.a * field) / (np.pi * self.dw_a), -_STEEPEST, _STEEPEST))
        even = self.dw_a * (sqrt(1 - g**2) + g * asin(g))
        odd = self.dw_a * g * np.pi / 2
        kt = quantity(_KB, "eV/K") * temp
        bias = odd / kt
        few = where(bias >= 0, bias, -bias) < 1  # without a difference of nearly equal numbers
        hops = where(few, 2 * sinh(bias) * exp(-even / kt), exp(bias - even / kt) - exp(-bias - even / kt))
        # beyond a bound both brakes turn the state back; far out an iterate does not get steeper
        part = clip(self.n_disc, self.n_min / 2, 2 * self.n_max)
        high, low = part / self.n_max, self.n_min / part
        brake = where(v >= 0, _tenth((part - self.n_min) / part, low), _tenth((self.n_max - part) / self.n_max, high))
        return -(self.n_plug + n) / 2 * self.a * self.nu0 / self.l_disc * brake * hops

    def equations(self) -> Equations:
        """Return the barrier at ``p``, the ohmic rest from the inner node to ``n``."""
        v, vs, vo = self.p - self.n, self.p - self.mid, self.mid - self.n
        n = self.let("n", clip(self.n_disc, self.n_min, self.n_max))
        temp = self.let("temp", self.surroundings + clip(self.rise, 0, quantity(_HOTTEST, "K")))
        r_disc = self.let("r_disc", self.l_disc / (quantity(physics.CHARGE, "C") * self.z * self.mu * self.section) / n)
        total = self.let("total", r_disc + self.r_plug + self.r_tiox + self.r_line)
        # the real root of cubic i^3 + total i = vo
        bent = sqrt(where(self.cubic > 0, self.cubic, quantity(1.0, "V/A^3")) / (3 * total))
        root = 2 / (3 * bent) * sinh(asinh(9 * bent * vo / (2 * total)) / 3)
        i = self.let("i", where(self.cubic <= 0, vo / total, root))
        barrier = self.let("barrier", self._schottky(vs, n, temp))
        inside = vs + i * (r_disc + self.r_plug)
        field = where(v >= 0, inside / self.l_cell, i * r_disc / self.l_disc)
        states = self.state_rows(
            {
                "n_disc": self._hops(v, n, field, temp),
                "rise": where(v >= 0, self.heat_reset, self.heat_set) * i * inside,
            }
        )
        return Equations(f={"p": barrier, "mid": i - barrier, "n": -i, **states.f}, q=states.q)


EXPORT = Jart
