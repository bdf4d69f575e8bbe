"""MOSFET level 1 (Shichman and Hodges, IEEE J. Solid-State Circuits 3, 285, 1968), as SPICE3 has it, with Meyer's gate
capacitances (Meyer, RCA Review 32, 42, 1971)."""

from __future__ import annotations

from typing import Any

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Collapse, Device, Environment, Equations, Param, Values, require
from circuitnn.devices.symbolic import exp, sqrt, where

_OXIDE = 3.9 * 8.854214871e-12
_SILICON = 11.70 * 8.854214871e-12
#: Carriers of intrinsic silicon, 1/m^3.
_INTRINSIC = 1.45e16
#: Smallest saturation voltage in the gate capacitances, V.
_TINY_VDSAT = 0.025


def _geometry(unit: str, doc: str, default: float | None = 0.0) -> Param:
    return Param(default, unit, low=0.0, doc=doc, on="instance")


def _model(default: float | None, unit: str, doc: str, low: float | None = 0.0, name: str = "", **limits: Any) -> Param:
    return Param(default, unit, low=low, doc=doc, on="model", name=name, **limits)


class Mos1(Device):
    """Drain current in three regions with body effect and channel-length modulation; bulk junctions with depletion
    charge; overlap capacitances; Meyer's capacitances when tox is given.

    Each Meyer capacitance has an unknown of its own, y = dv/dt, so that i = C(v) y enters like any other equation.
    """

    letter = "m"
    model_types = ("nmos", "pmos")
    type_values = {"nmos": {"polarity": 1.0}, "pmos": {"polarity": -1.0}}
    levels = (1,)
    aliases = {"vt0": "vto", "u0": "uo"}
    terminals = ("d", "g", "s", "b")
    internals = ("di", "si")
    branches = ("ygs", "ygd", "ygb")
    auxiliaries = ("ygs", "ygd", "ygb")
    links = (("d", "s", "resistive"), ("b", "s", "resistive"), ("b", "d", "resistive"), ("g", "s", "capacitive"))
    derived = (
        "beta", "vbi", "phit", "satd", "sats", "vt", "vcritd", "vcrits", "vtot", "gd", "gs", "cgs", "cgd", "cgb", "cox",
        "pot", "edge", "cd", "cs", "cdsw", "cssw", "k1", "k1sw", "k2", "k2sw", "k3", "k3sw", "vgs0", "vbs0",
    )  # fmt: skip

    polarity = Param(1.0, "1", choices=(1.0, -1.0), doc="1 for nmos, -1 for pmos; set by the model type", on="model")
    l = _geometry("m", "channel length", 100e-6)
    w = _geometry("m", "channel width", 100e-6)
    ad = _geometry("m^2", "area of the drain junction")
    as_ = Param(0.0, "m^2", low=0.0, doc="area of the source junction", on="instance", name="as")
    pd = _geometry("m", "rim of the drain junction")
    ps = _geometry("m", "rim of the source junction")
    nrd = _geometry("1", "squares of the drain", 1.0)
    nrs = _geometry("1", "squares of the source", 1.0)
    m = Param(1.0, "1", low=0.0, exclusive=True, doc="number in parallel", on="instance")
    off = _geometry("1", "starts without current")
    temp = Param(None, "degC", low=-physics.ZERO_CELSIUS, doc="own temperature", on="instance")
    dtemp = Param(0.0, "K", doc="difference to the circuit's temperature", on="instance")
    level = Param(1.0, "1", low=1.0, high=1.0, doc="model level", on="model")
    vto = _model(None, "V", "threshold voltage without bulk bias", None)
    kp = _model(None, "A/V^2", "transconductance parameter")
    gamma = _model(None, "V^0.5", "body-effect parameter")
    phi = _model(None, "V", "surface potential", exclusive=True)
    lambda_ = _model(0.0, "1/V", "channel-length modulation", name="lambda")
    rd = _model(None, "ohm", "drain resistance")
    rs = _model(None, "ohm", "source resistance")
    rsh = _model(None, "ohm", "sheet resistance of drain and source")
    cbd = _model(None, "F", "drain junction capacitance at 0 V")
    cbs = _model(None, "F", "source junction capacitance at 0 V")
    is_ = _model(1e-14, "A", "saturation current of a junction", name="is")
    js = _model(0.0, "A/m^2", "saturation current density")
    pb = _model(0.8, "V", "junction potential", exclusive=True)
    cgso = _model(0.0, "F/m", "gate-source overlap capacitance")
    cgdo = _model(0.0, "F/m", "gate-drain overlap capacitance")
    cgbo = _model(0.0, "F/m", "gate-bulk overlap capacitance")
    cj = _model(None, "F/m^2", "junction capacitance of the area")
    mj = _model(0.5, "1", "grading coefficient of the area", high=0.99)
    cjsw = _model(0.0, "F/m", "junction capacitance of the rim")
    mjsw = _model(0.5, "1", "grading coefficient of the rim", high=0.99)
    fc = _model(0.5, "1", "forward-bias depletion coefficient", high=0.99)
    tox = _model(None, "m", "oxide thickness; as if not given when 0")
    ld = _model(0.0, "m", "lateral diffusion")
    uo = _model(600.0, "cm^2/(V s)", "surface mobility")
    nsub = _model(None, "1/cm^3", "substrate doping")
    nss = _model(0.0, "1/cm^2", "surface state density")
    tpg = _model(
        1.0, "1", "type of gate: opposite to the substrate, same, or aluminium", None, choices=(1.0, -1.0, 0.0)
    )
    kf = _model(0.0, "A^(2-AF) F", "flicker-noise coefficient; noise only")
    af = _model(1.0, "1", "flicker-noise exponent; noise only")
    tnom = Param(None, "degC", low=-physics.ZERO_CELSIUS, doc="temperature at which the parameters hold", on="model")

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the parameters at the transistor's temperature and size, as SPICE3's mos1 computes them."""
        v = values
        temp, tnom = physics.temperatures(v, env)
        vt, vtnom = physics.thermal_voltage(temp), physics.thermal_voltage(tnom)
        gap, gapnom = physics.band_gap(temp), physics.band_gap(tnom)
        p = _process(v, vtnom, gapnom)
        length = v["l"] - 2.0 * v["ld"]
        require(length > 0.0, "a MOSFET's channel length is not above twice its lateral diffusion", expected="l > 2 ld")
        ratio = temp / tnom
        phit = physics.junction_potential(p["phi"], temp, tnom)
        pot = physics.junction_potential(v["pb"], temp, tnom)
        require(
            (pot > 0.0) & (phit > 0.0),
            "a potential of a MOSFET is not positive at its temperature",
            expected="pb and phi above 0 V at that temperature",
            hint="lower the temperature or raise pb and phi",
        )
        sign = v["polarity"]
        vbi = p["vto"] - sign * p["gamma"] * np.sqrt(p["phi"]) + 0.5 * (gapnom - gap) + sign * 0.5 * (phit - p["phi"])
        vto = vbi + sign * p["gamma"] * np.sqrt(phit)
        grow = np.exp(-gap / vt + gapnom / vtnom)
        by_area = (v["js"] > 0.0) & (v["ad"] > 0.0) & (v["as"] > 0.0)
        satd = v["m"] * grow * np.where(by_area, v["js"] * v["ad"], v["is"])
        sats = v["m"] * grow * np.where(by_area, v["js"] * v["as"], v["is"])
        area = physics.junction_capacitance_factor(v["pb"], v["mj"], temp, tnom)
        rim = physics.junction_capacitance_factor(v["pb"], v["mjsw"], temp, tnom)
        cj = np.nan_to_num(v["cj"])
        fc = v["fc"]
        edge = fc * pot

        def continuation(grade: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
            # charge of 1 F beyond fc pot: k3 + v (k1 + v k2 / 2), smooth to the depletion law
            s = (1.0 - fc) ** -grade
            k1 = (1.0 - fc * (1.0 + grade)) * s / (1.0 - fc)
            k2 = grade * s / (1.0 - fc) / pot
            k3 = pot * (1.0 - (1.0 - fc) * s) / (1.0 - grade) - k2 / 2.0 * edge**2 - edge * k1
            return k1, k2, k3

        k1, k2, k3 = continuation(v["mj"])
        k1sw, k2sw, k3sw = continuation(v["mjsw"])
        started = v["off"] == 0.0
        return {
            **v,
            "beta": p["kp"] / (ratio * np.sqrt(ratio)) * v["m"] * v["w"] / length,
            "gamma": p["gamma"],
            "vbi": vbi * sign,
            "phit": phit,
            "satd": satd,
            "sats": sats,
            "vt": vt,
            # without saturation current nothing needs limiting: the floor puts vcrit out of reach
            "vcritd": vt * np.log(vt / (np.sqrt(2.0) * np.maximum(satd, 1e-300))),
            "vcrits": vt * np.log(vt / (np.sqrt(2.0) * np.maximum(sats, 1e-300))),
            "vtot": vto * sign,
            "gd": _end_conductance(v["rd"], v["rsh"], v["nrd"]) * v["m"],
            "gs": _end_conductance(v["rs"], v["rsh"], v["nrs"]) * v["m"],
            "cgs": v["cgso"] * v["m"] * v["w"],
            "cgd": v["cgdo"] * v["m"] * v["w"],
            "cgb": v["cgbo"] * v["m"] * length,
            "cox": p["oxide"] * length * v["m"] * v["w"],
            "pot": pot,
            "edge": edge,
            "cd": v["m"] * area * np.where(np.isnan(v["cbd"]), cj * v["ad"], v["cbd"]),
            "cs": v["m"] * area * np.where(np.isnan(v["cbs"]), cj * v["as"], v["cbs"]),
            "cdsw": v["m"] * rim * v["cjsw"] * v["pd"],
            "cssw": v["m"] * rim * v["cjsw"] * v["ps"],
            "k1": k1, "k1sw": k1sw, "k2": k2, "k2sw": k2sw, "k3": k3, "k3sw": k3sw,
            "vgs0": np.where(started, vto * sign, 0.0),
            "vbs0": np.where(started, -1.0, 0.0),
        }  # fmt: skip

    @classmethod
    def collapse(cls, values: Values) -> Collapse:
        """Without end resistances the inner nodes are the terminals; without tox there are no Meyer capacitances."""
        v = values
        bare = ~_has_oxide(v)
        return {
            "di": ("d", _end_conductance(v["rd"], v["rsh"], v["nrd"]) == 0.0),
            "si": ("s", _end_conductance(v["rs"], v["rsh"], v["nrs"]) == 0.0),
            "ygs": (None, bare),
            "ygd": (None, bare),
            "ygb": (None, bare),
        }

    def equations(self) -> Equations:
        """Return currents and charges, in the voltages of an n-channel transistor."""
        s = self.polarity
        vgs = self.limited("vgs", s * (self.g - self.si), "fet", self.vtot, start=self.vgs0)
        vds = self.limited("vds", s * (self.di - self.si), "vds")
        vbs = self.limited("vbs", s * (self.b - self.si), "pn", self.vt, self.vcrits, start=self.vbs0)
        vbd = self.limited("vbd", s * (self.b - self.di), "pn", self.vt, self.vcritd, start=self.vbs0)
        vgd = vgs - vds
        drain = where(vds >= 0, self._channel(vgs, vds, vbs), -self._channel(vgd, -vds, vbd))
        bd = self._junction(vbd, self.satd)
        bs = self._junction(vbs, self.sats)
        qbd = self._depletion(vbd, self.cd, self.cdsw)
        qbs = self._depletion(vbs, self.cs, self.cssw)
        cgs, cgd, cgb = self._meyer(vgs, vds, vgd, vbs, vbd)
        igs, igd, igb = cgs * self.ygs, cgd * self.ygd, cgb * self.ygb
        rd = self.gd * (self.d - self.di)
        rs = self.gs * (self.s - self.si)
        qgs, qgd, qgb = self.cgs * (self.g - self.si), self.cgd * (self.g - self.di), self.cgb * (self.g - self.b)
        return Equations(
            f={
                "d": rd,
                "s": rs,
                "di": s * (drain - bd) - rd - igd,
                "si": s * (-drain - bs) - rs - igs,
                "b": s * (bd + bs) - igb,
                "g": igs + igd + igb,
                "ygs": -self.ygs,
                "ygd": -self.ygd,
                "ygb": -self.ygb,
            },
            q={
                "di": -s * qbd - qgd,
                "si": -s * qbs - qgs,
                "b": s * (qbd + qbs) - qgb,
                "g": qgs + qgd + qgb,
                "ygs": self.g - self.si,
                "ygd": self.g - self.di,
                "ygb": self.g - self.b,
            },
        )

    def _threshold(self, vb: Any) -> Any:
        root = sqrt(self.phit)
        forward = root - vb / (2 * root)
        return self.vbi + self.gamma * where(vb <= 0, sqrt(self.phit - vb), forward > 0, forward, 0)

    def _channel(self, vg: Any, vd: Any, vb: Any) -> Any:
        over = vg - self._threshold(vb)
        gain = self.beta * (1 + self.lambda_ * vd)
        return where(over <= 0, 0, over <= vd, gain * over**2 / 2, gain * vd * (over - vd / 2))

    def _junction(self, v: Any, saturation: Any) -> Any:
        return where(v <= -3 * self.vt, -saturation, saturation * (exp(v / self.vt) - 1)) + self.gmin * v

    def _depletion(self, v: Any, area: Any, rim: Any) -> Any:
        bent = 1 - v / self.pot

        def depleted(grade: Any) -> Any:
            return (1 - bent ** (1 - grade)) / (1 - grade)

        return where(
            area + rim <= 0,  # most level-1 cards have none: the powers below would be the dearest part of all
            0,
            v < self.edge,
            self.pot * (area * depleted(self.mj) + rim * depleted(self.mjsw)),
            area * (self.k3 + v * (self.k1 + v * self.k2 / 2))
            + rim * (self.k3sw + v * (self.k1sw + v * self.k2sw / 2)),
        )

    def _meyer(self, vgs: Any, vds: Any, vgd: Any, vbs: Any, vbd: Any) -> tuple[Any, ...]:
        near, far, bulk = self._meyer_forward(vgs, vds, vbs)
        near_r, far_r, bulk_r = self._meyer_forward(vgd, -vds, vbd)
        bare, forward = self.cox <= 0, vds >= 0
        return tuple(where(bare, 0, forward, a, b) for a, b in ((near, far_r), (far, near_r), (bulk, bulk_r)))

    def _meyer_forward(self, vg: Any, vd: Any, vb: Any) -> tuple[Any, Any, Any]:
        over = vg - self._threshold(vb)
        cox, phi = self.cox, self.phit
        sat = where(over > _TINY_VDSAT, over, _TINY_VDSAT)
        weak = 2 * (over / (1.5 * phi) + 1 / 3) * cox
        source_share = 1 - (sat - vd) ** 2 / (2 * sat - vd) ** 2
        drain_share = 1 - sat**2 / (2 * sat - vd) ** 2
        strong = 2 * cox / 3
        part = where(vd >= sat, 1, source_share)
        near = where(over <= -phi / 2, 0, over <= 0, weak * part, strong * part)
        far = where(over <= -phi / 2, 0, vd >= sat, 0, over <= 0, weak * drain_share, strong * drain_share)
        bulk = where(over <= -phi, cox, over <= 0, -over * cox / phi, 0)
        return near, far, bulk


def _end_conductance(resistance: np.ndarray, sheet: np.ndarray, squares: np.ndarray) -> np.ndarray:
    r = np.where(np.isnan(resistance), np.where(np.isnan(sheet), 0.0, sheet) * squares, resistance)
    return np.where(r > 0.0, 1.0 / np.where(r > 0.0, r, 1.0), 0.0)


def _has_oxide(v: Values) -> np.ndarray:
    return np.nan_to_num(v["tox"]) > 0.0


def _process(v: Values, vtnom: np.ndarray, gapnom: np.ndarray) -> Values:
    """Derive kp, phi, gamma, vto and the oxide's capacitance (F/m^2) from the process where they are not given."""
    has_oxide = _has_oxide(v)
    has_doping = has_oxide & ~np.isnan(v["nsub"])
    doping = np.where(has_doping, v["nsub"], 1e15) * 1e6
    require(
        doping > _INTRINSIC,
        "the substrate doping of a MOSFET is not above the intrinsic concentration",
        expected="nsub above 1.45e10 1/cm^3",
    )
    oxide = np.where(has_oxide, _OXIDE / np.where(has_oxide, v["tox"], 1.0), 0.0)
    per_area = np.where(has_oxide, oxide, 1.0)
    phi_from_doping = np.maximum(0.1, 2.0 * vtnom * np.log(doping / _INTRINSIC))
    phi = np.where(np.isnan(v["phi"]), np.where(has_doping, phi_from_doping, 0.6), v["phi"])
    gamma_from_doping = np.sqrt(2.0 * _SILICON * physics.CHARGE * doping) / per_area
    gamma = np.where(np.isnan(v["gamma"]), np.where(has_doping, gamma_from_doping, 0.0), v["gamma"])
    sign = v["polarity"]
    fermi_gate = sign * v["tpg"] * 0.5 * gapnom
    work = np.where(v["tpg"] == 0.0, 3.2, 3.25 + 0.5 * gapnom - fermi_gate)
    work_difference = work - (3.25 + 0.5 * gapnom + sign * 0.5 * phi)
    flat = work_difference - v["nss"] * 1e4 * physics.CHARGE / per_area
    vto_from_process = flat + sign * (gamma * np.sqrt(phi) + phi)
    vto = np.where(np.isnan(v["vto"]), np.where(has_doping, vto_from_process, 0.0), v["vto"])
    kp = np.where(np.isnan(v["kp"]), np.where(has_oxide, v["uo"] * 1e-4 * oxide, 2e-5), v["kp"])
    return {"phi": phi, "gamma": gamma, "vto": vto, "kp": kp, "oxide": oxide}


EXPORT = Mos1
