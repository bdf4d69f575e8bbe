"""What SPICE's MOSFETs of levels 1, 2, 3 and 6 share: terminals, cards, temperature laws, bulk junctions, overlap and
Meyer capacitances (Meyer, RCA Review 32, 42, 1971), noise. A level adds its threshold and its channel current."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Collapse, Device, Environment, Equations, Noise, Param, Values, Variant, require
from circuitnn.devices.junction import beside_one, continuation
from circuitnn.devices.symbolic import equals, exp, magnitude, sqrt, where

OXIDE = 3.9 * 8.854214871e-12
SILICON = 11.70 * 8.854214871e-12
#: Carriers of intrinsic silicon, 1/m^3.
INTRINSIC = 1.45e16
#: Smallest saturation voltage in the gate capacitances, V.
_TINY_VDSAT = 0.025
#: Oxide that flicker noise assumes where there is none, F/m^2.
_NOISE_OXIDE = OXIDE / 1e-7
_BARE: dict[str, str | None] = {"di": "d", "si": "s"}
_STATIC = {**_BARE, "ygs": None, "ygd": None, "ygb": None}
_CAPACITANCES = ("cgs", "cgd", "cgb", "cox", "cd", "cs", "cdsw", "cssw")


def geometry(unit: str, doc: str, default: float | None = 0.0, **limits: Any) -> Param:
    """Return a parameter of the element."""
    return Param(default, unit, low=0.0, doc=doc, on="instance", **limits)


def model(default: float | None, unit: str, doc: str, low: float | None = 0.0, name: str = "", **limits: Any) -> Param:
    """Return a parameter of the card."""
    return Param(default, unit, low=low, doc=doc, on="model", name=name, **limits)


class Mosfet(Device):
    """Bulk junctions with depletion charge, overlap capacitances, and Meyer's gate capacitances where there is an
    oxide; each Meyer capacitance has an unknown of its own, y = dv/dt, so that i = C(v) y enters like any other
    equation."""

    letter = "m"
    unitless = physics.UNITLESS
    model_types = ("nmos", "pmos")
    other_levels: ClassVar = {
        4: "BSIM1", 5: "BSIM2", 10: "BSIM3SOI", 55: "BSIM3SOI", 56: "BSIM3SOI", 57: "BSIM3SOI", 58: "BSIM4SOI",
        60: "STAG", 68: "HiSIM2", 73: "HiSIM_HV",
    }  # fmt: skip
    type_values: ClassVar = {"nmos": {"polarity": 1.0}, "pmos": {"polarity": -1.0}}
    aliases: ClassVar = {"vt0": "vto", "u0": "uo"}
    terminals = ("d", "g", "s", "b")
    internals = ("di", "si")
    branches = ("ygs", "ygd", "ygb")
    auxiliaries = ("ygs", "ygd", "ygb")
    links = (("d", "s", "resistive"), ("b", "s", "resistive"), ("b", "d", "resistive"), ("g", "s", "capacitive"))
    start_voltages: ClassVar = {"ic_vds": ("d", "s"), "ic_vgs": ("g", "s"), "ic_vbs": ("b", "s")}
    derived: ClassVar[tuple[str, ...]] = (
        "vbi", "phit", "rootphi", "satd", "sats", "vt", "per_vt", "vcritd", "vcrits", "gd", "gs", "cgs", "cgd",
        "cgb", "cox", "pot", "edge", "cd", "cs", "cdsw", "cssw", "k1", "k1sw", "k2", "k2sw", "k3", "k3sw", "vgs0",
        "vbs0",
    )  # fmt: skip
    variants: ClassVar = {
        "tied": Variant(("gd", "gs", *_CAPACITANCES), {**_STATIC, "b": "s"}),
        "static": Variant(("gd", "gs", *_CAPACITANCES), _STATIC),
        "bare": Variant(("gd", "gs"), _BARE),
    }

    polarity = Param(1.0, "1", choices=(1.0, -1.0), doc="1 for nmos, -1 for pmos; set by the model type", on="model")
    l = geometry("m", "channel length", 100e-6)
    w = geometry("m", "channel width", 100e-6)
    ad = geometry("m^2", "area of the drain junction")
    as_ = geometry("m^2", "area of the source junction", name="as")
    pd = geometry("m", "rim of the drain junction")
    ps = geometry("m", "rim of the source junction")
    nrd = geometry("1", "squares of the drain", 1.0)
    nrs = geometry("1", "squares of the source", 1.0)
    m = geometry("1", "number in parallel", 1.0, exclusive=True)
    off = geometry("1", "starts without current")
    ic_vds = Param(None, "V", doc="drain-source voltage at the start, used with uic", on="instance")
    ic_vgs = Param(None, "V", doc="gate-source voltage at the start, used with uic", on="instance")
    ic_vbs = Param(None, "V", doc="bulk-source voltage at the start, used with uic", on="instance")
    temp = Param(None, "degC", low=-physics.ZERO_CELSIUS, doc="own temperature", on="instance")
    dtemp = Param(0.0, "K", doc="difference to the circuit's temperature", on="instance")
    level = Param(1.0, "1", doc="model level", on="model")
    vto = model(None, "V", "threshold voltage without bulk bias", None)
    gamma = model(None, "V^0.5", "body-effect parameter")
    phi = model(None, "V", "surface potential", exclusive=True)
    rd = model(None, "ohm", "drain resistance")
    rs = model(None, "ohm", "source resistance")
    rsh = model(None, "ohm", "sheet resistance of drain and source")
    cbd = model(None, "F", "drain junction capacitance at 0 V")
    cbs = model(None, "F", "source junction capacitance at 0 V")
    is_ = model(1e-14, "A", "saturation current of a junction", name="is")
    js = model(0.0, "A/m^2", "saturation current density")
    pb = model(0.8, "V", "junction potential", exclusive=True)
    cgso = model(0.0, "F/m", "gate-source overlap capacitance")
    cgdo = model(0.0, "F/m", "gate-drain overlap capacitance")
    cgbo = model(0.0, "F/m", "gate-bulk overlap capacitance")
    cj = model(None, "F/m^2", "junction capacitance of the area")
    mj = model(0.5, "1", "grading coefficient of the area")
    cjsw = model(0.0, "F/m", "junction capacitance of the rim")
    mjsw = model(0.5, "1", "grading coefficient of the rim")
    fc = model(0.5, "1", "forward-bias depletion coefficient", high=0.99)
    tox = model(None, "m", "oxide thickness; as if not given when 0")
    ld = model(0.0, "m", "lateral diffusion", None)
    uo = model(600.0, "cm^2/(V s)", "surface mobility")
    nsub = model(None, "1/cm^3", "substrate doping")
    nss = model(0.0, "1/cm^2", "surface state density", None)
    tpg = model(1.0, "1", "type of gate: opposite to the substrate, same, or aluminium", None, choices=(1.0, -1.0, 0.0))
    tnom = Param(None, "degC", low=-physics.ZERO_CELSIUS, doc="temperature at which the parameters hold", on="model")

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the parameters at the transistor's temperature and size, as SPICE3 computes them."""
        v = {**values, **{name: beside_one(values[name]) for name in ("mj", "mjsw")}}
        temp, tnom = physics.temperatures(v, env)
        vt, vtnom = physics.thermal_voltage(temp), physics.thermal_voltage(tnom)
        gap, gapnom = physics.band_gap(temp), physics.band_gap(tnom)
        p = cls._process(v, vtnom, gapnom, cls._intrinsic(tnom, gapnom))
        length, width = cls._channel_size(v)
        require(length > 0.0, "a MOSFET's channel length is not above twice its lateral diffusion", expected="l > 2 ld")
        require(width > 0.0, "a MOSFET's channel width is not above twice its narrowing", expected="w > 2 wd")
        phit = physics.junction_potential(p["phi"], temp, tnom)
        pot = physics.junction_potential(v["pb"], temp, tnom)
        require(
            (pot > 0.0) & (phit > 0.0),
            "a potential of a MOSFET is not positive at its temperature",
            expected="pb and phi above 0 V at that temperature",
            hint="lower the temperature or raise pb and phi",
        )
        sign, m = v["polarity"], v["m"]
        vbi = p["vto"] - sign * p["gamma"] * np.sqrt(p["phi"]) + 0.5 * (gapnom - gap) + sign * 0.5 * (phit - p["phi"])
        grow = np.exp(-gap / vt + gapnom / vtnom)
        by_area = (v["js"] > 0.0) & (v["ad"] > 0.0) & (v["as"] > 0.0)
        satd = m * grow * np.where(by_area, v["js"] * v["ad"], v["is"])
        sats = m * grow * np.where(by_area, v["js"] * v["as"], v["is"])
        area = m * physics.junction_capacitance_factor(v["pb"], v["mj"], temp, tnom)
        rim = m * physics.junction_capacitance_factor(v["pb"], v["mjsw"], temp, tnom) * v["cjsw"]
        cj = np.nan_to_num(v["cj"])
        started = v["off"] == 0.0
        common = {
            **v,
            **p,
            "vbi": vbi * sign,
            "phit": phit,
            "rootphi": np.sqrt(phit),
            "bend": 0.5 / np.sqrt(phit),
            "satd": satd,
            "sats": sats,
            "vt": vt,
            "per_vt": 1.0 / vt,
            # without saturation current nothing needs limiting: the floor puts vcrit out of reach
            "vcritd": vt * np.log(vt / (np.sqrt(2.0) * np.maximum(satd, 1e-300))),
            "vcrits": vt * np.log(vt / (np.sqrt(2.0) * np.maximum(sats, 1e-300))),
            "gd": cls._end(v, "d") * m,
            "gs": cls._end(v, "s") * m,
            "cgs": v["cgso"] * m * width,
            "cgd": v["cgdo"] * m * width,
            "cgb": v["cgbo"] * m * length,
            "cox": p["oxide"] * length * m * width,
            "pot": pot,
            "edge": v["fc"] * pot,
            "cd": area * np.where(np.isnan(v["cbd"]), cj * v["ad"], v["cbd"]),
            "cs": area * np.where(np.isnan(v["cbs"]), cj * v["as"], v["cbs"]),
            "cdsw": rim * v["pd"],
            "cssw": rim * v["ps"],
            **continuation("", v["fc"], v["mj"], pot),
            **continuation("sw", v["fc"], v["mjsw"], pot),
            "vgs0": np.where(started, sign * vbi + p["gamma"] * np.sqrt(phit), 0.0),
            "vbs0": np.where(started, -1.0, 0.0),
        }
        return {**common, **cls._own(common, length, width, temp / tnom)}

    @classmethod
    def _end(cls, v: Values, end: str) -> np.ndarray:
        """Return the conductance of the drain's (d) or the source's (s) series resistance, 0 where there is none."""
        sheet = np.nan_to_num(v["rsh"]) * v[f"nr{end}"]
        r = np.where(np.isnan(v[f"r{end}"]), sheet, v[f"r{end}"])
        return np.where(r > 0.0, 1.0 / np.where(r > 0.0, r, 1.0), 0.0)

    @classmethod
    def _own(cls, p: Values, length: np.ndarray, width: np.ndarray, ratio: np.ndarray) -> Values:
        """Return the kernel parameters of the level; ``ratio`` is temp/tnom."""
        raise NotImplementedError

    @classmethod
    def _channel_size(cls, v: Values) -> tuple[np.ndarray, np.ndarray]:
        return v["l"] - 2.0 * v["ld"], v["w"]

    @classmethod
    def _intrinsic(cls, tnom: np.ndarray, gapnom: np.ndarray) -> np.ndarray:
        return np.full_like(tnom, INTRINSIC)

    @classmethod
    def _process(cls, v: Values, vtnom: np.ndarray, gapnom: np.ndarray, intrinsic: np.ndarray) -> Values:
        """Derive phi, gamma, vto and the oxide's capacitance (F/m^2) from the process where they are not given."""
        has_oxide = np.nan_to_num(v["tox"]) > 0.0
        has_doping = has_oxide & ~np.isnan(v["nsub"])
        doping = np.where(has_doping, v["nsub"] * 1e6, np.inf)
        require(
            doping > intrinsic,
            "the substrate doping of a MOSFET is not above the intrinsic concentration",
            expected="nsub above 1.45e10 1/cm^3",
        )
        doping = np.where(has_doping, doping, 1e21)
        oxide = np.where(has_oxide, OXIDE / np.where(has_oxide, v["tox"], 1.0), 0.0)
        per_area = np.where(has_oxide, oxide, 1.0)
        phi_from_doping = np.maximum(0.1, 2.0 * vtnom * np.log(doping / intrinsic))
        phi = np.where(np.isnan(v["phi"]), np.where(has_doping, phi_from_doping, 0.6), v["phi"])
        gamma_from_doping = np.sqrt(2.0 * SILICON * physics.CHARGE * doping) / per_area
        gamma = np.where(np.isnan(v["gamma"]), np.where(has_doping, gamma_from_doping, 0.0), v["gamma"])
        sign = v["polarity"]
        fermi_gate = sign * v["tpg"] * 0.5 * gapnom
        work = np.where(v["tpg"] == 0.0, 3.2, 3.25 + 0.5 * gapnom - fermi_gate)
        work_difference = work - (3.25 + 0.5 * gapnom + sign * 0.5 * phi)
        flat = work_difference - v["nss"] * 1e4 * physics.CHARGE / per_area
        vto_from_process = flat + sign * (gamma * np.sqrt(phi) + phi)
        vto = np.where(np.isnan(v["vto"]), np.where(has_doping, vto_from_process, 0.0), v["vto"])
        # twice the permittivity over the charge: a depletion layer of phi volts is sqrt(alpha phi) deep
        alpha = np.where(has_doping, 2.0 * SILICON / (physics.CHARGE * doping), 0.0)
        return {"phi": phi, "gamma": gamma, "vto": vto, "oxide": oxide, "alpha": alpha}

    @classmethod
    def collapse(cls, values: Values) -> Collapse:
        """Without end resistances the inner nodes are the terminals; without tox there are no Meyer capacitances."""
        v = values
        bare = ~(np.nan_to_num(v["tox"]) > 0.0)
        return {
            "di": ("d", cls._end(v, "d") == 0.0),
            "si": ("s", cls._end(v, "s") == 0.0),
            "ygs": (None, bare),
            "ygd": (None, bare),
            "ygb": (None, bare),
        }

    def _threshold(self, vd: Any, vb: Any) -> Any:
        """Return the gate voltage at which the channel turns on; ``vd`` >= 0."""
        raise NotImplementedError

    def _channel(self, vg: Any, vd: Any, vb: Any) -> tuple[Any, Any, Any]:
        """Return the channel's current, the gate voltage above the threshold and the saturation voltage."""
        raise NotImplementedError

    def equations(self) -> Equations:
        """Return currents and charges, in the voltages of an n-channel transistor."""
        s = self.polarity
        vgs, vds, vbs = self.limited_mosfet(
            s * (self.g - self.si),
            s * (self.di - self.si),
            s * (self.b - self.si),
            threshold=self._threshold,
            vt=self.vt,
            vcrit=(self.vcrits, self.vcritd),
            start=(self.vgs0, self.vbs0),
        )
        forward, vbd = vds >= 0, vbs - vds
        # whichever end is the source
        vg = self.let("vg", where(forward, vgs, vgs - vds), pivot=True)
        vd = self.let("vd", where(forward, vds, -vds), pivot=True)
        vb = self.let("vb", where(forward, vbs, vbd), pivot=True)
        current, over, vdsat = self._channel(vg, vd, vb)
        current = self.let("current", current)
        drain = self.let("drain", where(forward, 1, -1) * current)
        bd = self.let("bd", self._junction(vbd, self.satd))
        bs = self.let("bs", self._junction(vbs, self.sats))
        qbd = self.let("qbd", self._depletion(vbd, self.cd, self.cdsw))
        qbs = self.let("qbs", self._depletion(vbs, self.cs, self.cssw))
        self._noisy = (self.slope(current, vg), drain - bd)
        near, far, cgb = self._meyer(over, vd, vdsat)
        cgs = self.let("cgs", where(self.cox <= 0, 0, forward, near, far))
        cgd = self.let("cgd", where(self.cox <= 0, 0, forward, far, near))
        igs, igd, igb = cgs * self.ygs, cgd * self.ygd, cgb * self.ygb
        rd = self.gd * (self.d - self.di)
        rs = self.gs * (self.s - self.si)
        qgs, qgd, qgb = self.cgs * (self.g - self.si), self.cgd * (self.g - self.di), self.cgb * (self.g - self.b)
        self._states = (vgs, vds, vbs, vbd, vg, vd, vb)
        self._currents = (current, drain, bd, bs, over, vdsat)
        self._charges = (qbd, qbs, s * (qgs + qgd + qgb), -s * qgb)
        self._gates = (cgs, cgd, cgb, s * (igs + igd + igb), -s * igb)
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

    def readings(self) -> Equations:
        """Return what ngspice shows, in the voltages of an n-channel transistor: currents into the inner terminals,
        voltages between these, slopes and capacitances."""
        vgs, vds, vbs, vbd, vg, vd, vb = self._states
        current, drain, bd, bs, over, vdsat = self._currents
        qbd, qbs, q_gate, q_bulk = self._charges
        cgs, cgd, cgb, gate, bulk = self._gates
        von = self.polarity * (vg - over)
        bulk = bulk + bd + bs
        gmb = self.slope(current, vb)
        return Equations(
            f={
                "id": drain - bd, "ig": gate, "ib": bulk, "is": bd - drain - gate - bulk, "ibd": bd, "ibs": bs,
                "vgs": vgs, "vds": vds, "vbs": vbs, "vbd": vbd, "von": von, "vth": von,
                "vdsat": self.polarity * where(vdsat > 0, vdsat, 0),
                "gm": self.slope(current, vg), "gds": self.slope(current, vd), "gmb": gmb, "gmbs": gmb,
                "gbd": self.slope(bd, vbs), "gbs": self.slope(bs, vbs),
                "cgs": cgs + self.cgs, "cgd": cgd + self.cgd, "cgb": cgb + self.cgb,
                "cbd": self.slope(qbd, vbs), "cbs": self.slope(qbs, vbs),
            },
            q={
                "id": -qbd, "ig": q_gate, "ib": q_bulk + qbd + qbs, "is": -q_gate - q_bulk - qbs, "ibd": qbd,
                "ibs": qbs,
            },
        )  # fmt: skip

    def _root(self, vb: Any) -> Any:
        """sqrt(phi - vb), below zero bias; beyond it its tangent, down to zero."""
        forward = self.rootphi - vb * self.bend
        return where(vb < 0, sqrt(self.phit - vb), forward > 0, forward, 0)

    def _gmin(self) -> Any:
        return self.gmin

    def _reverse(self, x: Any, saturation: Any) -> Any:
        return -saturation

    def _junction(self, v: Any, saturation: Any) -> Any:
        x = v * self.per_vt
        # a bulk that is tied to its source is at zero exactly: what exp costs is spared, value and slope are the same
        current = where(x <= -3, self._reverse(x, saturation), equals(v, 0), saturation * x, saturation * (exp(x) - 1))
        return current + self._gmin() * v

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

    def _meyer(self, over: Any, vd: Any, vdsat: Any) -> tuple[Any, Any, Any]:
        """Return the capacitances of the gate to the source, the drain and the bulk."""
        cox, phi = self.cox, self.phit
        bare = cox <= 0
        sat = self.let("vdsat_meyer", where(bare, 1, vdsat > _TINY_VDSAT, vdsat, _TINY_VDSAT))
        span = 2 * sat - vd
        weak = 2 * (over / (1.5 * phi) + 1 / 3) * cox
        strong = 2 * cox / 3
        full = self.let("meyer", where(bare, 0, over <= -phi / 2, 0, over <= 0, weak, strong))
        near = self.let("meyer_near", where(vd >= sat, full, full * (1 - ((sat - vd) / span) ** 2)))
        far = self.let("meyer_far", where(vd >= sat, 0, full * (1 - (sat / span) ** 2)))
        bulk = self.let("meyer_bulk", where(bare, 0, over <= -phi, cox, over <= 0, -over * cox / phi, 0))
        return near, far, bulk


class NoisyMosfet(Mosfet):
    """Adds the noise of SPICE's levels 1 to 3."""

    kf = model(0.0, "1", "flicker-noise coefficient; noise only")
    af = model(1.0, "1", "flicker-noise exponent; noise only")
    derived: ClassVar[tuple[str, ...]] = (*Mosfet.derived, "thermal", "noise_size")

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Add what noise alone needs."""
        v = super().prepare(values, env)
        temp, _ = physics.temperatures(values, env)
        length, width = v["l"] - 2.0 * v["ld"], v["w"] - 2.0 * v.get("wd", np.zeros_like(v["w"]))
        oxide = np.where(v["oxide"] > 0.0, v["oxide"], _NOISE_OXIDE)
        v["thermal"] = 4.0 * physics.BOLTZMANN * temp
        v["noise_size"] = oxide**2 * length * width
        return v

    def noise(self) -> tuple[Noise, ...]:
        """Return thermal noise of RD and RS and of the channel, 8/3 kT gm, and flicker noise, that of m transistors."""
        gm, drain = self._noisy
        flicker = self.kf / self.noise_size * self.m * (magnitude(drain) / self.m) ** self.af
        return (
            Noise("rd", "d", "di", self.thermal * self.gd),
            Noise("rs", "s", "si", self.thermal * self.gs),
            Noise("id", "di", "si", self.thermal * 2 / 3 * magnitude(gm)),
            Noise("1overf", "di", "si", flicker, 1),
        )
