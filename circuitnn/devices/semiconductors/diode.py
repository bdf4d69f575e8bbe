"""Junction diode, SPICE level 1 (Nagel, UCB/ERL M520, 1975; Massobrio and Antognetti, Semiconductor Device Modeling
with SPICE, 1993, chapter 1)."""

from __future__ import annotations

from typing import Any

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Collapse, Device, Environment, Equations, Noise, Param, Values, require
from circuitnn.devices.symbolic import exp, magnitude, where


class Diode(Device):
    """Forward I = IS (exp(V/(N VT)) - 1), cubic approach to -IS in reverse, exponential breakdown below -BV,
    depletion charge with its linear continuation above FC VJ, diffusion charge TT I."""

    letter = "d"
    model_types = ("d",)
    levels = (1,)
    terminals = ("anode", "cathode")
    internals = ("inner",)
    links = (("anode", "cathode", "resistive"),)
    positional = "area"
    # SPICE calls the grading coefficient m in the card, where it cannot mean the number in parallel
    aliases = {"m": "mj", "cj0": "cjo", "cj": "cjo", "pb": "vj", "vb": "bv", "nz": "nbv"}
    derived = (
        "isat", "nvt", "vcrit", "gs", "cj", "vjt", "depletion", "f1", "f2", "f3", "breakdown", "nbvt", "transit",
        "start", "thermal",
    )  # fmt: skip

    area = Param(1.0, "1", low=0.0, exclusive=True, doc="area factor", on="instance")
    m_ = Param(1.0, "1", low=0.0, exclusive=True, doc="number in parallel", on="instance", name="m")
    off = Param(0.0, "1", doc="starts without current", on="instance")
    temp = Param(None, "degC", low=-physics.ZERO_CELSIUS, doc="own temperature", on="instance")
    dtemp = Param(0.0, "K", doc="difference to the circuit's temperature", on="instance")
    is_ = Param(1e-14, "A", low=0.0, exclusive=True, doc="saturation current", on="model", name="is")
    n = Param(1.0, "1", low=0.0, exclusive=True, doc="emission coefficient", on="model")
    rs = Param(0.0, "ohm", low=0.0, doc="series resistance", on="model")
    tt = Param(0.0, "s", low=0.0, doc="transit time", on="model")
    cjo = Param(0.0, "F", low=0.0, doc="junction capacitance at 0 V", on="model")
    vj = Param(1.0, "V", low=0.0, exclusive=True, doc="junction potential", on="model")
    grading = Param(0.5, "1", low=0.0, high=0.9, doc="grading coefficient", on="model", name="mj")
    fc = Param(0.5, "1", low=0.0, high=0.95, doc="forward-bias depletion coefficient", on="model")
    bv = Param(None, "V", low=0.0, exclusive=True, doc="breakdown voltage; none when absent", on="model")
    ibv = Param(1e-3, "A", low=0.0, exclusive=True, doc="current at the breakdown voltage", on="model")
    nbv = Param(None, "1", low=0.0, exclusive=True, doc="emission coefficient of breakdown; N when absent", on="model")
    eg = Param(1.11, "eV", low=0.1, doc="activation energy", on="model")
    xti = Param(3.0, "1", doc="temperature exponent of IS", on="model")
    kf = Param(0.0, "A", low=0.0, doc="flicker-noise coefficient; noise only", on="model")
    af = Param(1.0, "1", low=0.0, doc="flicker-noise exponent; noise only", on="model")
    tnom = Param(None, "degC", low=-physics.ZERO_CELSIUS, doc="temperature at which the parameters hold", on="model")

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the parameters at the diode's temperature."""
        v = values
        temp, tnom = physics.temperatures(v, env)
        vt = physics.thermal_voltage(temp)
        size = v["area"] * v["m"]
        nvt = v["n"] * vt
        ratio = temp / tnom
        isat = v["is"] * np.exp((ratio - 1.0) * v["eg"] / nvt + v["xti"] / v["n"] * np.log(ratio))
        vjt = physics.junction_potential(v["vj"], temp, tnom)
        require(
            vjt > 0.0,
            "the junction potential of a diode is not positive at its temperature",
            expected="vj above 0 V at that temperature",
            hint="lower the temperature or raise vj",
        )
        cj = v["cjo"] * physics.junction_capacitance_factor(v["vj"], v["mj"], temp, tnom)
        mj, fc = v["mj"], v["fc"]
        nbv = np.where(np.isnan(v["nbv"]), v["n"], v["nbv"])
        vcrit = nvt * np.log(nvt / (np.sqrt(2.0) * isat))
        return {
            **v,
            "isat": isat * size,
            "nvt": nvt,
            "vcrit": vcrit,
            "gs": np.where(v["rs"] > 0.0, size / np.where(v["rs"] > 0.0, v["rs"], 1.0), 0.0),
            "cj": cj * size,
            "vjt": vjt,
            "depletion": fc * vjt,
            "f1": vjt * (1.0 - (1.0 - fc) ** (1.0 - mj)) / (1.0 - mj),
            "f2": (1.0 - fc) ** (1.0 + mj),
            "f3": 1.0 - fc * (1.0 + mj),
            "breakdown": _breakdown(v["bv"], v["ibv"], isat * v["area"], vt, nbv * vt),
            "nbvt": nbv * vt,
            "transit": v["tt"],
            "thermal": 4.0 * physics.BOLTZMANN * temp,
            "start": np.where(v["off"] != 0.0, 0.0, vcrit),
        }

    @classmethod
    def collapse(cls, values: Values) -> Collapse:
        """Without series resistance the inner node is the anode."""
        return {"inner": ("anode", values["rs"] == 0.0)}

    def _junction(self) -> tuple[Any, Any]:
        v = self.limited("junction", self.inner - self.cathode, "pn", self.nvt, self.vcrit, start=self.start)
        reverse = (3 * self.nvt / (v * exp(1))) ** 3
        current = where(
            v >= -3 * self.nvt,
            self.isat * (exp(v / self.nvt) - 1),
            v >= -self.breakdown,
            -self.isat * (1 + reverse),
            -self.isat * exp(-(self.breakdown + v) / self.nbvt),
        )
        return v, current + self.gmin * v

    def equations(self) -> Equations:
        """Return the junction behind its series resistance."""
        v, current = self._junction()
        beyond = v - self.depletion
        bent = 1 - v / self.vjt
        depletion = self.cj * where(
            self.cj <= 0,  # spares the power
            0,
            v < self.depletion,
            self.vjt * (1 - bent ** (1 - self.grading)) / (1 - self.grading),
            self.f1 + (self.f3 * beyond + self.grading / (2 * self.vjt) * beyond * (v + self.depletion)) / self.f2,
        )
        charge = depletion + self.transit * current
        series = self.gs * (self.anode - self.inner)
        return Equations(
            f={"anode": series, "inner": current - series, "cathode": -current},
            q={"inner": charge, "cathode": -charge},
        )

    def noise(self) -> tuple[Noise, ...]:
        """Return thermal noise of RS, shot noise 2 q |I| and flicker noise KF |I|^AF / f."""
        current = magnitude(self._junction()[1])
        return (
            Noise("rs", "anode", "inner", self.thermal * self.gs),
            Noise("id", "inner", "cathode", 2 * physics.CHARGE * current),
            Noise("1overf", "inner", "cathode", self.kf * current**self.af, 1),
        )


def _breakdown(bv: np.ndarray, ibv: np.ndarray, isat: np.ndarray, vt: np.ndarray, nbvt: np.ndarray) -> np.ndarray:
    """Return the voltage at which the reverse current turns into breakdown, so that it is IBV near -BV as in SPICE.

    IBV is the current of the whole junction, whatever its area.
    """
    given = ~np.isnan(bv)
    start = np.where(given, bv, 1.0)
    leaks = ibv < isat * start / vt  # IBV is less than what the junction leaks anyway: breakdown starts at BV
    x = start - nbvt * np.log(1.0 + ibv / isat)
    for _ in range(25):
        x = start - nbvt * np.log(np.where(leaks, 1.0, np.maximum(ibv / isat + 1.0 - x / vt, 1e-300)))
    # Without BV the branch is put where no voltage reaches it.
    return np.where(given, np.where(leaks, start, x), 1e30)


EXPORT = Diode
