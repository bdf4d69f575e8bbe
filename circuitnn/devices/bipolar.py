"""The card of SPICE's bipolar transistor (Gummel and Poon, Bell Syst. Tech. J. 49, 827, 1970; Massobrio and Antognetti,
Semiconductor Device Modeling with SPICE, 1993, chapter 2): parameters, and how they follow temperature and size."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Device, Environment, Param, Values, require
from circuitnn.devices.junction import continuation, critical_voltage, depletion_at, polynomial

#: Parameters with a linear and a quadratic temperature coefficient, t<name>1 and t<name>2.
_CURVED = (
    "bf", "br", "ikf", "ikr", "irb", "nc", "ne", "nf", "nr", "ns", "rb", "rc", "re", "rm", "vaf", "var", "itf", "tf",
    "tr", "mje", "mjc", "mjs", "is", "ise", "isc", "iss",
)  # fmt: skip
#: Leakages above this are parts of IS, as in SPICE2 (its C2 and C4), A.
_PART_OF_IS = 1e-4
#: Excess phase of VTF: SPICE takes 1 / (1.44 VTF).
_VTF_FACTOR = 1.44
_STEEPEST = 0.999


def _card(default: float | None, unit: str, doc: str, low: float | None = 0.0, name: str = "", **limits: Any) -> Param:
    return Param(default, unit, low=low, doc=doc, on="model", name=name, **limits)


def _coefficients() -> dict[str, Param]:
    made = {}
    for name in _CURVED:
        what = "RBM" if name == "rm" else name.upper()
        made[f"t{name}1"] = _card(0.0, "1/K", f"linear temperature coefficient of {what}", None)
        made[f"t{name}2"] = _card(0.0, "1/K^2", f"quadratic temperature coefficient of {what}", None)
    return made


class BipolarCard(Device):
    """Parameters of the element and its card, and the kernel's parameters from them."""

    unitless = physics.UNITLESS
    params: ClassVar[dict[str, Param]] = _coefficients()
    type_values: ClassVar = {"npn": {"polarity": 1.0}, "pnp": {"polarity": -1.0}}
    aliases: ClassVar = {
        "va": "vaf", "ik": "ikf", "c2": "ise", "vb": "var", "c4": "isc", "pe": "vje", "me": "mje", "pc": "vjc",
        "mc": "mjc", "csub": "cjs", "ccs": "cjs", "ps": "vjs", "ms": "mjs", "tref": "tnom", "trb": "trb1",
        "trc": "trc1", "tre": "tre1", "nk": "nkf",
    }  # fmt: skip
    derived: ClassVar[tuple[str, ...]] = (
        "ibe0", "ibc0", "vt", "nvtf", "nvtr", "ise0", "isc0", "nvte", "nvtc", "per_bf", "per_br", "per_vaf", "per_var",
        "per_ikf", "per_ikr", "rbi", "rbl", "irb0", "gc", "ge", "iss0", "nvts", "cje0", "vje0", "mje0", "edge_e",
        "k1e", "k2e", "k3e", "cjc0", "cjx0", "vjc0", "mjc0", "edge_c", "k1c", "k2c", "k3c", "cjs0", "vjs0", "mjs0",
        "tf0", "tr0", "per_vtf", "itf0", "delay", "rci", "vo0", "gamma0", "qco0", "vcrit", "vcrit_s", "start",
        "thermal",
    )  # fmt: skip

    polarity = Param(1.0, "1", choices=(1.0, -1.0), doc="1 for npn, -1 for pnp; set by the model type", on="model")
    level = _card(1.0, "1", "model level")
    subs = _card(None, "1", "substrate at the collector (1) or the base (-1); npn 1, pnp -1", None, choices=(1.0, -1.0))
    area = Param(1.0, "1", low=0.0, exclusive=True, doc="emitter area factor", on="instance")
    areab = Param(None, "1", low=0.0, exclusive=True, doc="base area factor; as area when absent", on="instance")
    areac = Param(None, "1", low=0.0, exclusive=True, doc="collector area factor; as area when absent", on="instance")
    m = Param(1.0, "1", low=0.0, exclusive=True, doc="number in parallel", on="instance")
    off = Param(0.0, "1", doc="starts without current", on="instance")
    ic_vbe = Param(None, "V", doc="base-emitter voltage at the start, used with uic", on="instance")
    ic_vce = Param(None, "V", doc="collector-emitter voltage at the start, used with uic", on="instance")
    temp = Param(None, "degC", low=-physics.ZERO_CELSIUS, doc="own temperature", on="instance")
    dtemp = Param(0.0, "K", doc="difference to the circuit's temperature", on="instance")
    is_ = _card(1e-16, "A", "transport saturation current", name="is")
    ibe = _card(None, "A", "base-emitter saturation current; IS unless IBE and IBC are given")
    ibc = _card(None, "A", "base-collector saturation current; IS unless IBE and IBC are given")
    bf = _card(100.0, "1", "ideal forward current gain", exclusive=True)
    nf = _card(1.0, "1", "forward emission coefficient", exclusive=True)
    vaf = _card(None, "V", "forward Early voltage; none when absent or 0")
    ikf = _card(None, "A", "corner of the forward gain at high current; none when absent or 0")
    nkf = _card(0.5, "1", "exponent of the roll-off at high current", high=1.0, clamped=True)
    ise = _card(0.0, "A", "base-emitter leakage saturation current")
    ne = _card(1.5, "1", "base-emitter leakage emission coefficient", exclusive=True)
    br = _card(1.0, "1", "ideal reverse current gain", exclusive=True)
    nr = _card(1.0, "1", "reverse emission coefficient", exclusive=True)
    var = _card(None, "V", "reverse Early voltage; none when absent or 0")
    ikr = _card(None, "A", "corner of the reverse gain at high current; none when absent or 0")
    isc = _card(0.0, "A", "base-collector leakage saturation current")
    nc = _card(2.0, "1", "base-collector leakage emission coefficient", exclusive=True)
    rb = _card(0.0, "ohm", "base resistance at no current")
    irb = _card(0.0, "A", "base current at which the base resistance is halfway to RBM; none when 0")
    rbm = _card(None, "ohm", "least base resistance, at high current; RB when absent")
    re = _card(0.0, "ohm", "emitter resistance")
    rc = _card(0.0, "ohm", "collector resistance")
    cje = _card(0.0, "F", "base-emitter depletion capacitance at 0 V")
    vje = _card(0.75, "V", "base-emitter potential", exclusive=True)
    mje = _card(0.33, "1", "base-emitter grading coefficient")
    tf = _card(0.0, "s", "forward transit time")
    xtf = _card(0.0, "1", "bias dependence of TF")
    vtf = _card(None, "V", "base-collector voltage dependence of TF; none when absent or 0")
    itf = _card(0.0, "A", "current dependence of TF")
    ptf = _card(0.0, "degree", "excess phase at 1/(2 pi TF) Hz")
    cjc = _card(0.0, "F", "base-collector depletion capacitance at 0 V")
    vjc = _card(0.75, "V", "base-collector potential", exclusive=True)
    mjc = _card(0.33, "1", "base-collector grading coefficient")
    xcjc = _card(1.0, "1", "part of CJC at the inner base", high=1.0)
    tr = _card(0.0, "s", "reverse transit time")
    cjs = _card(0.0, "F", "substrate depletion capacitance at 0 V")
    vjs = _card(0.75, "V", "substrate potential", exclusive=True)
    mjs = _card(0.0, "1", "substrate grading coefficient")
    fc = _card(0.5, "1", "forward-bias depletion coefficient", high=0.9999, clamped=True)
    iss = _card(0.0, "A", "substrate saturation current")
    ns = _card(1.0, "1", "substrate emission coefficient", exclusive=True)
    xtb = _card(0.0, "1", "temperature exponent of BF and BR", None)
    eg = _card(1.11, "eV", "activation energy of IS")
    xti = _card(3.0, "1", "temperature exponent of IS", None)
    tlev = _card(0.0, "1", "how currents and gains follow the temperature", choices=(0.0, 1.0, 3.0))
    tlevc = _card(0.0, "1", "how capacitances follow the temperature: silicon or straight lines", choices=(0.0, 1.0))
    cte = _card(0.0, "1/K", "temperature coefficient of CJE, with TLEVC = 1", None)
    ctc = _card(0.0, "1/K", "temperature coefficient of CJC, with TLEVC = 1", None)
    cts = _card(0.0, "1/K", "temperature coefficient of CJS, with TLEVC = 1", None)
    tvje = _card(0.0, "V/K", "temperature coefficient of VJE, with TLEVC = 1", None)
    tvjc = _card(0.0, "V/K", "temperature coefficient of VJC, with TLEVC = 1", None)
    tvjs = _card(0.0, "V/K", "temperature coefficient of VJS, with TLEVC = 1", None)
    rco = _card(None, "ohm", "resistance of the epitaxial layer; no quasi-saturation when absent")
    vo = _card(10.0, "V", "voltage at which carriers in the epitaxial layer saturate", exclusive=True)
    gamma = _card(1e-11, "1", "doping of the epitaxial layer")
    qco = _card(0.0, "C", "charge of the epitaxial layer")
    quasimod = _card(0.0, "1", "RCO, VO and GAMMA follow the temperature", choices=(0.0, 1.0))
    vg = _card(1.206, "eV", "activation energy of GAMMA")
    cn = _card(None, "1", "temperature exponent of RCO; npn 2.42, pnp 2.2", None)
    d = _card(None, "1", "temperature exponent of VO; npn 0.87, pnp 0.52", None)
    kf = _card(0.0, "1", "flicker-noise coefficient; noise only")
    af = _card(1.0, "1", "flicker-noise exponent; noise only")
    tnom = _card(None, "degC", "temperature at which the parameters hold", -physics.ZERO_CELSIUS)

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the parameters at the transistor's temperature and size, as SPICE3 computes them."""
        v = dict(values)
        temp, tnom = physics.temperatures(v, env)
        vt, dt = physics.thermal_voltage(temp), temp - tnom
        v["subs"] = np.where(np.isnan(v["subs"]), v["polarity"], v["subs"])
        vertical = v["subs"] == 1.0
        area, m = v["area"], v["m"]
        wide = {name: np.where(np.isnan(v[name]), area, v[name]) for name in ("areab", "areac")}
        at_base = np.where(vertical, wide["areab"], wide["areac"])
        at_substrate = np.where(vertical, wide["areac"], wide["areab"])

        def at(name: str, key: str = "") -> np.ndarray:
            key = key or name
            return v[name] * polynomial(v[f"t{key}1"], v[f"t{key}2"], dt)

        def inverse(name: str, size: np.ndarray | float = 1.0) -> np.ndarray:
            value = np.nan_to_num(at(name)) * size
            return np.where(value != 0.0, 1.0 / np.where(value != 0.0, value, 1.0), 0.0)

        def grade(name: str) -> np.ndarray:
            found = at(name)
            require(found >= 0.0, f"{name} of a bipolar transistor is negative at its temperature", expected="0 to 1")
            return np.minimum(found, _STEEPEST)

        currents = cls._saturation(v, vt, temp / tnom, dt)
        nvtf, nvtr = at("nf") * vt, at("nr") * vt
        law = {"straight": v["tlevc"] == 1.0, "since": tnom, "owner": "a bipolar transistor"}
        mje, mjc, mjs = (grade(name) for name in ("mje", "mjc", "mjs"))
        cje, vje = depletion_at(v["cje"], v["vje"], mje, temp, tnom, c_slope=v["cte"], pot_slope=v["tvje"], **law)
        cjc, vjc = depletion_at(v["cjc"], v["vjc"], mjc, temp, tnom, c_slope=v["ctc"], pot_slope=v["tvjc"], **law)
        cjs, vjs = depletion_at(v["cjs"], v["vjs"], mjs, temp, tnom, c_slope=v["cts"], pot_slope=v["tvjs"], **law)
        rbm = np.where(np.isnan(v["rbm"]), v["rb"], v["rbm"]) * polynomial(v["trm1"], v["trm2"], dt)
        rb = at("rb")
        epitaxial = cls._epitaxial(v, vt, temp / tnom)
        size = m * area
        total = currents["is"] * size
        iss = currents["iss"] * m * np.where(cls._split(v), at_substrate, area)
        vcrit = critical_voltage(vt, total)
        vtf = np.nan_to_num(v["vtf"])
        nvte, nvtc, nvts = at("ne") * vt, at("nc") * vt, at("ns") * vt
        emission = (("nf", nvtf), ("nr", nvtr), ("ne", nvte), ("nc", nvtc), ("ns", nvts))
        for name, value in (*emission, ("rb", rb + 1.0), ("rbm", rbm + 1.0)):
            require(value > 0.0, f"{name} of a bipolar transistor is not positive at its temperature", expected="> 0")
        return {
            **v,
            "ibe0": currents["ibe"] * size,
            "ibc0": currents["ibc"] * m * np.where(cls._split(v), 1.0, area) * at_base,
            "vt": vt,
            "nvtf": nvtf,
            "nvtr": nvtr,
            "ise0": currents["ise"] * size,
            "isc0": currents["isc"] * m * at_base,
            "nvte": nvte,
            "nvtc": nvtc,
            "per_bf": 1.0 / currents["bf"],
            "per_br": 1.0 / currents["br"],
            "per_vaf": inverse("vaf"),
            "per_var": inverse("var"),
            "per_ikf": inverse("ikf", size),
            "per_ikr": inverse("ikr", size),
            "rbi": np.where(v["rb"] == 0.0, 0.0, (rb - rbm) / size),
            "rbl": np.where(v["rb"] == 0.0, 0.0, rbm / size),
            "irb0": at("irb") * size,
            "gc": inverse("rc") * size,
            "ge": inverse("re") * size,
            "iss0": iss,
            "nvts": nvts,
            "cje0": cje * size,
            "vje0": vje,
            "mje0": mje,
            "edge_e": v["fc"] * vje,
            **continuation("e", v["fc"], mje, vje),
            "cjc0": cjc * m * at_base * v["xcjc"],
            "cjx0": cjc * m * at_base * (1.0 - v["xcjc"]),
            "vjc0": vjc,
            "mjc0": mjc,
            "edge_c": v["fc"] * vjc,
            **continuation("c", v["fc"], mjc, vjc),
            "cjs0": cjs * m * at_substrate,
            "vjs0": vjs,
            "mjs0": mjs,
            "tf0": at("tf"),
            "tr0": at("tr"),
            "per_vtf": np.where(vtf != 0.0, 1.0 / (_VTF_FACTOR * np.where(vtf != 0.0, vtf, 1.0)), 0.0),
            "itf0": at("itf") * size,
            "delay": np.deg2rad(v["ptf"]) * v["tf"],
            **{name: value * (m if name == "qco0" else 1.0 / m if name == "rci" else 1.0)
               for name, value in epitaxial.items()},
            "vcrit": vcrit,
            "vcrit_s": critical_voltage(vt, iss),
            "start": np.where(v["off"] != 0.0, 0.0, vcrit),
            "thermal": 4.0 * physics.BOLTZMANN * temp,
        }  # fmt: skip

    @classmethod
    def _split(cls, v: Values) -> np.ndarray:
        """Return where IBE and IBC are given, so that IS is not theirs."""
        return ~np.isnan(v["ibe"]) & ~np.isnan(v["ibc"])

    @classmethod
    def _saturation(cls, v: Values, vt: np.ndarray, ratio: np.ndarray, dt: np.ndarray) -> Values:
        """Return saturation currents and gains at the temperature, without their sizes."""
        powers, split = v["tlev"] == 3.0, cls._split(v)
        growth = (ratio - 1.0) * v["eg"] / vt + v["xti"] * np.log(ratio)
        gain = np.where(v["tlev"] == 0.0, ratio ** v["xtb"], np.where(powers, 1.0, 1.0 + v["xtb"] * dt))
        require(
            gain > 0.0, "the gain of a bipolar transistor is not positive at its temperature", expected="bf above 0"
        )

        def current(value: np.ndarray, key: str, law: np.ndarray) -> np.ndarray:
            powered = np.maximum(value, 0.0) ** polynomial(v[f"t{key}1"], v[f"t{key}2"], dt)
            return np.where(value > 0.0, np.where(powers, powered, value * law), 0.0)

        def beta(name: str) -> np.ndarray:
            own = (v[f"t{name}1"] != 0.0) | (v[f"t{name}2"] != 0.0)
            return v[name] * np.where(own, polynomial(v[f"t{name}1"], v[f"t{name}2"], dt), gain)

        def leakage(name: str) -> np.ndarray:
            return np.where(v[name] > _PART_OF_IS, v["is"] * v[name], v[name])

        found = {
            "is": current(v["is"], "is", np.exp(growth)),
            "ise": current(leakage("ise"), "ise", np.exp(growth / v["ne"]) / gain),
            "isc": current(leakage("isc"), "isc", np.exp(growth / v["nc"]) / gain),
            "bf": beta("bf"),
            "br": beta("br"),
        }
        found["ibe"] = np.where(split, current(np.nan_to_num(v["ibe"]), "is", np.exp(growth / v["nf"])), found["is"])
        found["ibc"] = np.where(split, current(np.nan_to_num(v["ibc"]), "is", np.exp(growth / v["nr"])), found["is"])
        law = np.where(split, np.exp(growth / v["nr"]), np.exp(growth))
        found["iss"] = current(v["iss"], "iss", law)
        for name in ("bf", "br"):
            require(
                found[name] > 0.0, f"{name} of a bipolar transistor is not positive at its temperature", expected="> 0"
            )
        return found

    @classmethod
    def _epitaxial(cls, v: Values, vt: np.ndarray, ratio: np.ndarray) -> Values:
        """Return the parameters of quasi-saturation (Kull et al., IEEE Trans. Electron Devices 32, 1103, 1985)."""
        npn = v["polarity"] == 1.0
        moves = v["quasimod"] == 1.0
        resistance = np.where(np.isnan(v["cn"]), np.where(npn, 2.42, 2.2), v["cn"])
        velocity = np.where(np.isnan(v["d"]), np.where(npn, 0.87, 0.52), v["d"])
        doping = ratio ** v["xti"] * np.exp(-v["vg"] * (1.0 - ratio) / vt)
        given = ~np.isnan(v["rco"])
        rci = np.maximum(np.nan_to_num(v["rco"]), 0.01) * np.where(moves, ratio**resistance, 1.0)
        return {
            "rci": np.where(given, rci, 0.0),
            "vo0": v["vo"] * np.where(moves, ratio**velocity, 1.0),
            "gamma0": v["gamma"] * np.where(moves, doping, 1.0),
            "qco0": np.where(given, v["qco"], 0.0),
        }
