"""Junction diode, SPICE levels 1 and 3 (Nagel, UCB/ERL M520, 1975; Massobrio and Antognetti, Semiconductor Device
Modeling with SPICE, 1993, chapter 1), with the rim, tunnelling, recombination and knees of ngspice."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Collapse, Device, Environment, Equations, Noise, Param, Values, require
from circuitnn.devices.junction import (
    continuation,
    critical_voltage,
    depletion,
    depletion_at,
    diffusion,
    polynomial,
)
from circuitnn.devices.symbolic import equals, exp, magnitude, sqrt, where

#: Permittivity of the oxide under metal and polysilicon, F/m.
_OXIDE = 3.9 * 8.854187817e-12
_ANGSTROM = 1e-10
#: Current below which a knee has no effect, A.
_NO_KNEE = 1e-18


def _card(default: float | None, unit: str, doc: str, **limits: Any) -> Param:
    return Param(default, unit, doc=doc, on="model", **limits)


def _size(unit: str, doc: str, default: float | None = 0.0, on: str = "both") -> Param:
    return Param(default, unit, low=0.0, doc=doc, on=on)


class Diode(Device):
    """Forward I = IS (exp(V/(N VT)) - 1), cubic approach to -IS in reverse, exponential breakdown below -BV, each for
    the area and the rim, recombination and tunnelling beside them; depletion charge with its linear continuation above
    FC VJ, diffusion charge TT I. Level 3 takes its area and rim from w and l and adds oxide capacitances."""

    letter = "d"
    unitless = physics.UNITLESS
    model_types = ("d",)
    levels = (1, 3)
    terminals = ("anode", "cathode")
    internals = ("inner",)
    links = (("anode", "cathode", "resistive"),)
    positional = "area"
    start_voltages: ClassVar = {"ic": ("anode", "cathode")}
    # SPICE calls the grading coefficient m in the card, where it cannot mean the number in parallel
    aliases: ClassVar = {
        "m": "mj", "cj0": "cjo", "cj": "cjo", "pb": "vj", "vb": "bv", "vrb": "bv", "nz": "nbv", "js": "is",
        "isw": "jsw", "cjsw": "cjp", "vjsw": "php", "ik": "ikf", "ib": "ibv", "ctc": "cta", "tvj": "tpb",
        "trs1": "trs", "tref": "tnom", "tbv1": "tcv",
    }  # fmt: skip
    derived = (
        "isat", "nvt", "vcrit", "gs", "cj", "vjt", "grading", "edge", "k1", "k2", "k3", "rim_isat", "rim_nvt",
        "rim_cj", "rim_vj", "rim_edge", "k1sw", "k2sw", "k3sw", "oxide", "breakdown", "nbvt", "transit", "start",
        "thermal", "rec", "rec_nvt", "rec_reverse", "tunnel", "tunnel_nvt", "knee", "reverse_knee",
    )  # fmt: skip

    level = _card(1.0, "1", "model level")
    area = Param(1.0, "1", low=0.0, exclusive=True, doc="area factor; m^2 in level 3")
    pj = _size("1", "rim factor; m in level 3")
    w = _size("m", "width, level 3", None, on="instance")
    l = _size("m", "length, level 3", None, on="instance")
    wm = _size("m", "width of the metal above, level 3")
    lm = _size("m", "length of the metal above, level 3")
    wp = _size("m", "width of the polysilicon above, level 3")
    lp = _size("m", "length of the polysilicon above, level 3")
    m_ = Param(1.0, "1", low=0.0, exclusive=True, doc="number in parallel", on="instance", name="m")
    off = Param(0.0, "1", doc="starts without current", on="instance")
    ic = Param(None, "V", doc="voltage at the start, used with uic", on="instance")
    temp = Param(None, "degC", low=-physics.ZERO_CELSIUS, doc="own temperature", on="instance")
    dtemp = Param(0.0, "K", doc="difference to the circuit's temperature", on="instance")
    is_ = _card(1e-14, "A", "saturation current", low=0.0, name="is")
    jsw = _card(0.0, "A", "saturation current of the rim", low=0.0)
    n = _card(1.0, "1", "emission coefficient", low=0.0, exclusive=True)
    ns = _card(None, "1", "emission coefficient of the rim; N when absent", low=0.0, exclusive=True)
    rs = _card(0.0, "ohm", "series resistance", low=0.0)
    trs = _card(0.0, "1/K", "linear temperature coefficient of RS")
    trs2 = _card(0.0, "1/K^2", "quadratic temperature coefficient of RS")
    tt = _card(0.0, "s", "transit time", low=0.0)
    ttt1 = _card(0.0, "1/K", "linear temperature coefficient of TT")
    ttt2 = _card(0.0, "1/K^2", "quadratic temperature coefficient of TT")
    cjo = _card(0.0, "F", "junction capacitance at 0 V", low=0.0)
    vj = _card(1.0, "V", "junction potential", low=0.0, exclusive=True)
    mj = _card(0.5, "1", "grading coefficient", low=0.0, high=0.9, clamped=True)
    tm1 = _card(0.0, "1/K", "linear temperature coefficient of MJ")
    tm2 = _card(0.0, "1/K^2", "quadratic temperature coefficient of MJ")
    fc = _card(0.5, "1", "forward-bias depletion coefficient", low=0.0, high=0.95, clamped=True)
    cjp = _card(0.0, "F", "junction capacitance of the rim at 0 V", low=0.0)
    php = _card(1.0, "V", "junction potential of the rim", low=0.0, exclusive=True)
    mjsw = _card(0.33, "1", "grading coefficient of the rim", low=0.0, high=0.9, clamped=True)
    fcs = _card(0.5, "1", "forward-bias depletion coefficient of the rim", low=0.0, high=0.95, clamped=True)
    ikf = _card(0.0, "A", "forward knee current; none when 0", low=0.0, clamped=True)
    ikr = _card(0.0, "A", "reverse knee current; none when 0", low=0.0, clamped=True)
    bv = _card(None, "V", "breakdown voltage; none when absent", low=0.0, exclusive=True)
    ibv = _card(1e-3, "A", "current at the breakdown voltage", low=0.0)
    nbv = _card(None, "1", "emission coefficient of breakdown; N when absent", low=0.0, exclusive=True)
    tcv = _card(0.0, "1/K", "temperature coefficient of BV; V/K with TLEV = 0")
    isr = _card(0.0, "A", "recombination saturation current", low=0.0)
    nr = _card(2.0, "1", "emission coefficient of recombination", low=0.0, exclusive=True)
    jtun = _card(0.0, "A", "tunnelling saturation current", low=0.0)
    jtunsw = _card(0.0, "A", "tunnelling saturation current of the rim", low=0.0)
    ntun = _card(30.0, "1", "emission coefficient of tunnelling", low=0.0, exclusive=True)
    xtitun = _card(3.0, "1", "temperature exponent of JTUN")
    keg = _card(1.0, "1", "correction of EG for tunnelling", low=0.0)
    eg = _card(1.11, "eV", "activation energy", low=0.1, clamped=True)
    xti = _card(3.0, "1", "temperature exponent of IS")
    tlev = _card(0.0, "1", "how BV follows the temperature: in volts or in parts", choices=(0.0, 1.0))
    tlevc = _card(0.0, "1", "how CJO and VJ follow the temperature: silicon or straight lines", choices=(0.0, 1.0))
    cta = _card(0.0, "1/K", "temperature coefficient of CJO, with TLEVC = 1")
    ctp = _card(0.0, "1/K", "temperature coefficient of CJP, with TLEVC = 1")
    tpb = _card(0.0, "V/K", "temperature coefficient of VJ, with TLEVC = 1")
    tphp = _card(0.0, "V/K", "temperature coefficient of PHP, with TLEVC = 1")
    xom = _card(1e4, "angstrom", "oxide under the metal, level 3", low=0.0, exclusive=True)
    xoi = _card(1e4, "angstrom", "oxide under the polysilicon, level 3", low=0.0, exclusive=True)
    xm = _card(0.0, "m", "masking and etching of the metal, level 3")
    xp = _card(0.0, "m", "masking and etching of the polysilicon, level 3")
    kf = _card(0.0, "A", "flicker-noise coefficient; noise only", low=0.0)
    af = _card(1.0, "1", "flicker-noise exponent; noise only", low=0.0)
    tnom = _card(None, "degC", "temperature at which the parameters hold", low=-physics.ZERO_CELSIUS)

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the parameters at the diode's temperature and size."""
        v = values
        temp, tnom = physics.temperatures(v, env)
        vt, dt = physics.thermal_voltage(temp), temp - tnom
        drawn = (v["level"] == 3.0) & ~np.isnan(v["w"]) & ~np.isnan(v["l"])
        area, rim = cls._extent(v, drawn)
        size, around = area * v["m"], rim * v["m"]
        nvt, rim_nvt = v["n"] * vt, np.where(np.isnan(v["ns"]), v["n"], v["ns"]) * vt

        def grown(emission: np.ndarray, energy: np.ndarray, exponent: np.ndarray) -> np.ndarray:
            ratio = temp / tnom
            return np.exp((ratio - 1.0) * energy / (emission * vt) + exponent / emission * np.log(ratio))

        isat = v["is"] * grown(v["n"], v["eg"], v["xti"]) * size
        rim_isat = v["jsw"] * grown(np.where(np.isnan(v["ns"]), 1.0, v["ns"]), v["eg"], v["xti"]) * around
        tunnelling = grown(v["ntun"], v["keg"] * v["eg"], v["xtitun"])
        grading = v["mj"] * polynomial(v["tm1"], v["tm2"], dt)
        require(
            (grading >= 0.0) & (grading < 1.0),
            "the grading coefficient of a diode leaves 0 .. 1 at its temperature",
            expected="mj (1 + tm1 dT + tm2 dT^2) below 1",
        )
        law = {
            "straight": v["tlevc"] == 1.0, "since": np.full_like(temp, physics.REFERENCE), "owner": "a diode",
        }  # fmt: skip
        cj, vj = depletion_at(v["cjo"], v["vj"], grading, temp, tnom, c_slope=v["cta"], pot_slope=v["tpb"], **law)
        rim_cj, rim_vj = depletion_at(
            v["cjp"], v["php"], v["mjsw"], temp, tnom, c_slope=v["ctp"], pot_slope=v["tphp"], **law
        )
        rs = v["rs"] * polynomial(v["trs"], v["trs2"], dt)
        require(rs >= 0.0, "the series resistance of a diode is negative at its temperature", expected="rs >= 0")
        nbvt = np.where(np.isnan(v["nbv"]), v["n"], v["nbv"]) * vt
        bv = np.where(v["tlev"] == 0.0, v["bv"] - v["tcv"] * dt, v["bv"] * (1.0 - v["tcv"] * dt))
        ibv = v["ibv"] * v["m"] * np.where(v["level"] == 3.0, area, 1.0)
        vcrit = critical_voltage(nvt, isat + rim_isat)
        rec = v["isr"] * grown(v["nr"], v["eg"], v["xti"]) * size
        rec_nvt = v["nr"] * vt
        return {
            **v,
            "isat": isat,
            "nvt": nvt,
            "vcrit": vcrit,
            "gs": np.where(rs > 0.0, size / np.where(rs > 0.0, rs, 1.0), 0.0),
            "cj": cj * size,
            "vjt": vj,
            "grading": grading,
            "edge": v["fc"] * vj,
            **continuation("", v["fc"], grading, vj),
            "rim_isat": rim_isat,
            "rim_nvt": rim_nvt,
            "rim_cj": rim_cj * around,
            "rim_vj": rim_vj,
            "rim_edge": v["fcs"] * rim_vj,
            **continuation("sw", v["fcs"], v["mjsw"], rim_vj),
            "oxide": np.where(v["level"] == 3.0, cls._oxide(v), 0.0) * v["m"],
            "breakdown": _breakdown(bv, ibv, isat + rim_isat, vt, nbvt),
            "nbvt": nbvt,
            "transit": v["tt"] * polynomial(v["ttt1"], v["ttt2"], dt),
            "thermal": 4.0 * physics.BOLTZMANN * temp,
            "start": np.where(v["off"] != 0.0, 0.0, vcrit),
            "rec": rec,
            "rec_nvt": rec_nvt,
            # what recombination comes to at -3 N VT goes on below
            "rec_reverse": rec
            * np.expm1(-3.0 * nvt / rec_nvt)
            * ((1.0 + 3.0 * nvt / vj) ** 2 + 0.005) ** (grading / 2),
            "tunnel": tunnelling * (v["jtun"] * size + v["jtunsw"] * around),
            "tunnel_nvt": v["ntun"] * vt,
            "knee": v["ikf"] * size,
            "reverse_knee": v["ikr"] * size,
        }

    @classmethod
    def _extent(cls, v: Values, drawn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        w, l = (np.where(drawn, v[name], 1.0) for name in ("w", "l"))
        area = np.where(drawn, w * l, v["area"])
        require(area > 0.0, "a diode has no area", expected="w and l above 0 m")
        return area, np.where(drawn, 2.0 * (w + l), v["pj"])

    @classmethod
    def _oxide(cls, v: Values) -> np.ndarray:
        """Return the capacitance of the metal and the polysilicon to the cathode, F."""
        metal = (v["wm"] + v["xm"]) * (v["lm"] + v["xm"]) / v["xom"]
        poly = (v["wp"] + v["xp"]) * (v["lp"] + v["xp"]) / v["xoi"]
        return _OXIDE / _ANGSTROM * (metal + poly)

    @classmethod
    def collapse(cls, values: Values) -> Collapse:
        """Without series resistance the inner node is the anode."""
        return {"inner": ("anode", values["rs"] == 0.0)}

    def _bent(self, current: Any, forward: Any) -> Any:
        """Return a current beyond its knee: I / (1 + sqrt(I / IK))."""
        knee, back = self.knee, self.reverse_knee
        return where(
            forward,
            where(knee <= 0, current, current <= _NO_KNEE, current, current / (1 + sqrt(current / knee))),
            where(back <= 0, current, current >= -_NO_KNEE, current, current / (1 + sqrt(-current / back))),
        )

    def _junction(self) -> tuple[Any, Any]:
        v = self.limited(
            "junction",
            self.inner - self.cathode,
            "diode",
            self.nvt,
            self.vcrit,
            self.breakdown,
            self.nbvt,
            start=self.start,
        )
        forward = v >= -3 * self.nvt
        broken = exp(-(self.breakdown + v) / self.nbvt)
        area = where(v >= -self.breakdown, diffusion(v, self.nvt, self.isat), -self.isat * broken)
        rim = where(
            self.rim_isat <= 0,
            0,
            v >= -self.breakdown,
            diffusion(v, self.rim_nvt, self.rim_isat),
            -self.rim_isat * broken,
        )
        narrowed = ((1 - v / self.vjt) ** 2 + 0.005) ** (self.grading / 2)
        recombination = where(
            self.rec <= 0,
            0,
            forward,
            self.rec * (exp(v / self.rec_nvt) - 1) * narrowed,
            self.rec_reverse,
        )
        tunnel = where(equals(self.tunnel, 0), 0, -self.tunnel * (exp(-v / self.tunnel_nvt) - 1))
        return v, self._bent(area + recombination + tunnel, forward) + rim + self.gmin * v

    def equations(self) -> Equations:
        """Return the junction behind its series resistance."""
        v, current = self._junction()
        current = self.let("current", current)
        area = depletion(v, self.cj, self.vjt, self.grading, self.edge, (self.k1, self.k2, self.k3))
        rim = depletion(v, self.rim_cj, self.rim_vj, self.mjsw, self.rim_edge, (self.k1sw, self.k2sw, self.k3sw))
        charge = self.let("charge", area + rim + self.oxide * v + self.transit * current)
        series = self.gs * (self.anode - self.inner)
        self._shown = (v, current, charge)
        return Equations(
            f={"anode": series, "inner": current - series, "cathode": -current},
            q={"inner": charge, "cathode": -charge},
        )

    def noise(self) -> tuple[Noise, ...]:
        """Return thermal noise of RS, shot noise 2 q |I| and flicker noise KF |I|^AF / f, that of m diodes."""
        current = magnitude(self._shown[1])
        flicker = self.kf * self.m_ * (current / self.m_) ** self.af
        return (
            Noise("rs", "anode", "inner", self.thermal * self.gs),
            Noise("id", "inner", "cathode", 2 * physics.CHARGE * current),
            Noise("1overf", "inner", "cathode", flicker, 1),
        )

    def readings(self) -> Equations:
        """Return what ngspice shows of the junction: its voltage, current, conductance, capacitance and charge."""
        v, current, charge = self._shown
        return Equations(
            f={
                "vd": v, "id": current, "gd": self.slope(current, v), "cd": self.slope(charge, v), "charge": charge,
                "qd": charge,
            },
            q={"id": charge},
        )  # fmt: skip


def _breakdown(bv: np.ndarray, ibv: np.ndarray, isat: np.ndarray, vt: np.ndarray, nbvt: np.ndarray) -> np.ndarray:
    """Return the voltage at which the reverse current turns into breakdown, so that it is IBV near -BV as in SPICE.

    IBV is the current of the whole junction, whatever its area, except in level 3.
    """
    given = ~np.isnan(bv) & (isat > 0.0)
    start, isat = np.where(given, bv, 1.0), np.where(given, isat, 1.0)
    require(start > 0.0, "the breakdown voltage of a diode is not positive at its temperature", expected="bv above 0 V")
    leaks = ibv < isat * start / vt  # IBV is less than what the junction leaks anyway: breakdown starts at BV
    x = start - nbvt * np.log(1.0 + ibv / isat)
    for _ in range(25):
        x = start - nbvt * np.log(np.where(leaks, 1.0, np.maximum(ibv / isat + 1.0 - x / vt, 1e-300)))
    # Without BV the branch is put where no voltage reaches it.
    return np.where(given, np.where(leaks, start, x), 1e30)


EXPORT = Diode
