"""Junction field-effect transistor, SPICE level 1 (Shichman and Hodges, IEEE J. Solid-State Circuits 3, 285, 1968) with
the doping tail of Parker and Skellern (IEEE Trans. Microwave Theory Tech. 38, 1990), as in SPICE3f5."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Collapse, Device, Environment, Equations, Noise, Param, Values, Variant
from circuitnn.devices.junction import continuation, critical_voltage, depletion, depletion_at, diffusion
from circuitnn.devices.symbolic import equals, magnitude, where

_BARE: dict[str, str | None] = {"di": "d", "si": "s"}
#: Grading coefficient of the gate's junctions.
_GRADING = 0.5
#: Gate voltages of the first iteration, V.
_START = -1.0


def _card(default: float | None, unit: str, doc: str, low: float | None = 0.0, name: str = "", **limits: Any) -> Param:
    return Param(default, unit, low=low, doc=doc, on="model", name=name, **limits)


class Jfet(Device):
    """Drain current in three regions with channel-length modulation, forwards and backwards; gate junctions with
    depletion charge."""

    letter = "j"
    unitless = physics.UNITLESS
    model_types = ("njf", "pjf")
    levels = (1,)
    type_values: ClassVar = {"njf": {"polarity": 1.0}, "pjf": {"polarity": -1.0}}
    aliases: ClassVar = {"vt0": "vto"}
    terminals = ("d", "g", "s")
    internals = ("di", "si")
    links = (("d", "s", "resistive"), ("g", "s", "resistive"), ("g", "d", "resistive"))
    start_voltages: ClassVar = {"ic_vds": ("d", "s"), "ic_vgs": ("g", "s")}
    derived = (
        "beta0", "threshold", "tail", "gd", "gs", "isat", "nvt", "vt", "vcrit", "cs", "cd", "pot", "edge", "k1", "k2",
        "k3", "start", "thermal",
    )  # fmt: skip
    variants: ClassVar = {"bare": Variant(("gd", "gs"), _BARE)}

    polarity = Param(1.0, "1", choices=(1.0, -1.0), doc="1 for njf, -1 for pjf; set by the model type", on="model")
    level = _card(1.0, "1", "model level")
    area = Param(1.0, "1", low=0.0, exclusive=True, doc="area factor", on="instance")
    m = Param(1.0, "1", low=0.0, exclusive=True, doc="number in parallel", on="instance")
    off = Param(0.0, "1", doc="starts without current", on="instance")
    ic_vds = Param(None, "V", doc="drain-source voltage at the start, used with uic", on="instance")
    ic_vgs = Param(None, "V", doc="gate-source voltage at the start, used with uic", on="instance")
    temp = Param(None, "degC", low=-physics.ZERO_CELSIUS, doc="own temperature", on="instance")
    dtemp = Param(0.0, "K", doc="difference to the circuit's temperature", on="instance")
    vto = _card(-2.0, "V", "threshold voltage", None)
    beta = _card(1e-4, "A/V^2", "transconductance parameter")
    lambda_ = _card(0.0, "1/V", "channel-length modulation", None, name="lambda")
    b = _card(1.0, "1", "doping tail; 1 is the quadratic law", None)
    rd = _card(0.0, "ohm", "drain resistance")
    rs = _card(0.0, "ohm", "source resistance")
    cgs = _card(0.0, "F", "gate-source depletion capacitance at 0 V")
    cgd = _card(0.0, "F", "gate-drain depletion capacitance at 0 V")
    pb = _card(1.0, "V", "gate potential", exclusive=True)
    is_ = _card(1e-14, "A", "saturation current of the gate's junctions", name="is")
    n = _card(1.0, "1", "emission coefficient", exclusive=True)
    fc = _card(0.5, "1", "forward-bias depletion coefficient", high=0.95, clamped=True)
    tcv = _card(0.0, "V/K", "by how much VTO falls with the temperature", None)
    vtotc = _card(None, "V/K", "by how much VTO rises with the temperature, in place of TCV", None)
    bex = _card(0.0, "1", "temperature exponent of BETA", None)
    betatce = _card(None, "percent/K", "exponential temperature coefficient of BETA, in place of BEX", None)
    xti = _card(None, "1", "temperature exponent of IS; none when absent", None)
    eg = _card(1.11, "eV", "activation energy of IS")
    kf = _card(0.0, "A", "flicker-noise coefficient; noise only")
    af = _card(1.0, "1", "flicker-noise exponent; noise only")
    nlev = _card(2.0, "1", "law of the channel's noise: by the transconductance, or 3", choices=(1.0, 2.0, 3.0))
    gdsnoi = _card(1.0, "1", "factor of the channel's noise, NLEV = 3")
    tnom = _card(None, "degC", "temperature at which the parameters hold", -physics.ZERO_CELSIUS)

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the parameters at the transistor's temperature and size."""
        v = values
        temp, tnom = physics.temperatures(v, env)
        vt, dt, ratio = physics.thermal_voltage(temp), temp - tnom, temp / tnom
        size = v["area"] * v["m"]
        nvt = v["n"] * vt
        isat = v["is"] * np.exp((ratio - 1.0) * v["eg"] / nvt) * ratio ** np.nan_to_num(v["xti"])
        grading, none = np.full_like(temp, _GRADING), np.zeros_like(temp)
        law = {
            "straight": none == 1.0, "since": tnom, "c_slope": none, "pot_slope": none, "owner": "a JFET",
        }  # fmt: skip
        (cs, pot), (cd, _) = (depletion_at(v[c], v["pb"], grading, temp, tnom, **law) for c in ("cgs", "cgd"))
        threshold = v["vto"] + np.where(np.isnan(v["vtotc"]), -v["tcv"], v["vtotc"]) * dt
        mobility = np.where(np.isnan(v["betatce"]), ratio ** v["bex"], 1.01 ** (np.nan_to_num(v["betatce"]) * dt))

        def conductance(r: np.ndarray) -> np.ndarray:
            return np.where(r > 0.0, size / np.where(r > 0.0, r, 1.0), 0.0)

        room = v["pb"] - v["vto"]
        return {
            **v,
            "beta0": v["beta"] * mobility * size,
            "threshold": threshold,
            "tail": np.where(v["b"] == 1.0, 0.0, (1.0 - v["b"]) / np.where(room == 0.0, 1.0, room)),
            "gd": conductance(v["rd"]),
            "gs": conductance(v["rs"]),
            "isat": isat * size,
            "nvt": nvt,
            "vt": vt,
            "vcrit": critical_voltage(vt, isat),
            "cs": cs * size,
            "cd": cd * size,
            "pot": pot,
            "edge": v["fc"] * pot,
            **continuation("", v["fc"], grading, pot),
            "start": np.where(v["off"] != 0.0, 0.0, _START),
            "thermal": 4.0 * physics.BOLTZMANN * temp,
        }

    @classmethod
    def collapse(cls, values: Values) -> Collapse:
        """Without end resistances the inner nodes are the terminals."""
        return {"di": ("d", values["rd"] == 0.0), "si": ("s", values["rs"] == 0.0)}

    def _channel(self, vg: Any, vd: Any) -> Any:
        """Return the channel's current for ``vd`` >= 0, ``vg`` from the gate to the lower end."""
        over = vg - self.threshold
        linear = vd * (vd * (self.tail * vd - self.b) + over * (2 * self.b + 3 * self.tail * (over - vd)))
        saturated = over**2 * (self.b + self.tail * over)
        return where(over <= 0, 0, self.beta0 * (1 + self.lambda_ * vd) * where(over >= vd, linear, saturated))

    def equations(self) -> Equations:
        """Return currents and charges, in the voltages of an n-channel transistor."""
        s = self.polarity
        args = (self.vt, self.vcrit, self.threshold)
        vgs = self.limited("vgs", s * (self.g - self.si), "gate", *args, start=self.start)
        vgd = self.limited("vgd", s * (self.g - self.di), "gate", *args, start=self.start)
        forward = vgs >= vgd
        channel = where(forward, self._channel(vgs, vgs - vgd), -self._channel(vgd, vgd - vgs))
        channel = self.let("channel", channel)
        gmin = self.m * self.gmin
        igs = self.let("igs", diffusion(vgs, self.nvt, self.isat) + gmin * vgs)
        igd = self.let("igd", diffusion(vgd, self.nvt, self.isat) + gmin * vgd)
        k = (self.k1, self.k2, self.k3)
        qgs = self.let("qgs", depletion(vgs, self.cs, self.pot, _GRADING, self.edge, k))
        qgd = self.let("qgd", depletion(vgd, self.cd, self.pot, _GRADING, self.edge, k))
        rd, rs = self.gd * (self.d - self.di), self.gs * (self.s - self.si)
        self._shown = (vgs, vgd, channel, igs, igd, qgs, qgd)
        return Equations(
            f={
                "d": rd,
                "s": rs,
                "di": s * (channel - igd) - rd,
                "si": -s * (channel + igs) - rs,
                "g": s * (igs + igd),
            },
            q={"di": -s * qgd, "si": -s * qgs, "g": s * (qgs + qgd)},
        )

    def noise(self) -> tuple[Noise, ...]:
        """Return thermal noise of RD and RS and of the channel, 8/3 kT gm or that of NLEV = 3, and flicker noise."""
        vgs, vgd, channel, _, igd = self._shown[:5]
        gm = self.slope(channel, vgs) + self.slope(channel, vgd)
        over = vgs - self.threshold
        along = where(over > vgs - vgd, 1 - (vgs - vgd) / over, 0)
        physical = where(over <= 0, 0, self.beta0 * over * (1 + along + along**2) / (1 + along) * self.gdsnoi)
        density = where(equals(self.nlev, 3), physical, magnitude(gm))
        flicker = self.kf * self.m * (magnitude(channel - igd) / self.m) ** self.af
        return (
            Noise("rd", "d", "di", self.thermal * self.gd),
            Noise("rs", "s", "si", self.thermal * self.gs),
            Noise("id", "di", "si", self.thermal * 2 / 3 * density),
            Noise("1overf", "di", "si", flicker, 1),
        )

    def readings(self) -> Equations:
        """Return what ngspice shows, in the voltages of an n-channel transistor: currents into the inner terminals,
        voltages between these, slopes."""
        vgs, vgd, channel, igs, igd, qgs, qgd = self._shown
        return Equations(
            f={
                "vgs": vgs, "vgd": vgd, "ig": igs + igd, "id": channel - igd, "is": -channel - igs, "igd": igd,
                "gm": self.slope(channel, vgs) + self.slope(channel, vgd), "gds": -self.slope(channel, vgd),
                "ggs": self.slope(igs, vgs), "ggd": self.slope(igd, vgd), "qgs": qgs, "qgd": qgd,
            },
            q={"ig": qgs + qgd, "id": -qgd, "is": -qgs, "igd": qgd},
        )  # fmt: skip


EXPORT = Jfet
