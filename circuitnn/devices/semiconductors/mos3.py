"""MOSFET level 3 (Vladimirescu and Liu, UCB/ERL M80/7, 1980; Dang, IEEE J. Solid-State Circuits 14, 358, 1979), as
SPICE3 has it."""

from __future__ import annotations

import math
from typing import Any, ClassVar, NamedTuple

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Values
from circuitnn.devices.mosfet import INTRINSIC, SILICON, NoisyMosfet, model
from circuitnn.devices.symbolic import exp, sqrt, where

#: Fit of a junction's lateral depletion against its depth (Dang 1979).
_EDGE = (0.0631353, 0.8013292, -0.01110777)
_FEEDBACK = 8.15e-22


class _Gate(NamedTuple):
    threshold: Any
    on: Any
    slope: Any
    body: Any


class Mos3(NoisyMosfet):
    """Semi-empirical: short and narrow channels, static feedback, mobility that falls with the gate voltage, velocity
    saturation, channel-length modulation, weak inversion with nfs."""

    levels: ClassVar[tuple[int, ...]] = (3,)
    derived: ClassVar[tuple[str, ...]] = (
        *NoisyMosfet.derived, "beta", "depth", "part", "lateral", "narrow", "feedback", "fast", "drift", "stretch",
        "length",
    )  # fmt: skip

    tox = model(1e-7, "m", "oxide thickness", exclusive=True)
    mjsw = model(0.33, "1", "grading coefficient of the rim")
    kp = model(None, "A/V^2", "transconductance parameter")
    xl = model(0.0, "m", "length adjustment of the mask", None)
    wd = model(0.0, "m", "narrowing of the channel at either side", None)
    xw = model(0.0, "m", "width adjustment of the mask", None)
    delvto = model(0.0, "V", "adjustment of the threshold voltage", None)
    vmax = model(0.0, "m/s", "saturation velocity; none when 0")
    xj = model(0.0, "m", "junction depth")
    nfs = model(0.0, "1/cm^2", "fast surface state density")
    eta = model(0.0, "1", "static feedback: how the drain lowers the threshold")
    delta = model(0.0, "1", "width effect on the threshold", None)
    theta = model(0.0, "1/V", "mobility modulation by the gate", None)
    kappa = model(0.2, "1", "saturation field factor")
    aliases: ClassVar[dict[str, str]] = {**NoisyMosfet.aliases, "delvt0": "delvto", "input_delta": "delta"}

    @classmethod
    def _channel_size(cls, v: Values) -> tuple[np.ndarray, np.ndarray]:
        return v["l"] - 2.0 * v["ld"] + v["xl"], v["w"] - 2.0 * v["wd"] + v["xw"]

    @classmethod
    def _intrinsic(cls, tnom: np.ndarray, gapnom: np.ndarray) -> np.ndarray:
        ratio = tnom / 300.0
        return INTRINSIC * ratio * np.sqrt(ratio) * np.exp(0.5 * gapnom * (1.0 / 300.0 - 1.0 / tnom) / _PER_KELVIN)

    @classmethod
    def _own(cls, p: Values, length: np.ndarray, width: np.ndarray, ratio: np.ndarray) -> Values:
        oxide, xj = p["oxide"], p["xj"]
        law = ratio * np.sqrt(ratio)
        kp = np.where(np.isnan(p["kp"]), p["uo"] * 1e-4 * oxide, p["kp"])
        junction = (xj > 0.0) & (p["alpha"] > 0.0)
        depth = np.where(junction, xj, 1.0)
        vbi = p["vbi"] + p["polarity"] * p["delvto"]
        return {
            "vbi": vbi,
            "vgs0": np.where(p["off"] == 0.0, vbi + p["gamma"] * np.sqrt(p["phit"]), 0.0),
            "beta": kp / law * p["m"] * width / length,
            "depth": np.where(junction, np.sqrt(p["alpha"]) / depth, 0.0),
            "part": np.where(junction, xj / length, 0.0),
            "lateral": np.where(junction, p["ld"] / depth, 0.0),
            "narrow": p["delta"] * 0.5 * np.pi * SILICON / oxide / width,
            "feedback": p["eta"] * _FEEDBACK / (oxide * length**3),
            "fast": np.where(p["nfs"] > 0.0, 1.0 + physics.CHARGE * p["nfs"] * 1e4 / oxide, 0.0),
            # the saturation field's voltage over the channel at full mobility
            "drift": p["vmax"] * length / (p["uo"] / law * 1e-4),
            "stretch": p["kappa"] * p["alpha"],
            "length": length,
        }

    def _gate(self, vd: Any, vb: Any) -> _Gate:
        """Threshold, the voltage where strong inversion begins, the slope of weak inversion, and the body factor."""
        root = where(vb <= 0, sqrt(self.phit - vb), self.rootphi / (1 + vb / (2 * self.phit)))
        wide = self.depth * root
        edge = _EDGE[0] + _EDGE[1] * wide + _EDGE[2] * wide**2 + self.lateral
        corner = sqrt(1 - (wide / (1 + wide)) ** 2)
        short = where(self.part <= 0, 1, 1 - self.part * (edge * corner - self.lateral))
        body = self.gamma * short
        charge = body * root + self.narrow * root**2
        threshold = self.vbi - self.feedback * vd + charge
        slope = where(self.fast <= 0, 0, self.vt * (self.fast + charge / (2 * root**2)))
        return _Gate(threshold, threshold + slope, slope, 1 + body / (4 * root) + self.narrow)

    def _reverse(self, x: Any, saturation: Any) -> Any:
        return -saturation * (1 + (3 / (x * math.e)) ** 3)

    def _threshold(self, vd: Any, vb: Any) -> Any:
        return self._gate(vd, vb).on

    def _channel(self, vg: Any, vd: Any, vb: Any) -> tuple[Any, Any, Any]:
        gate = _Gate(*(self.let(name, value) for name, value in self._gate_lets(vd, vb)))
        over = self.let("over", vg - gate.on)
        above = self.let("above", where(over > 0, vg, gate.on) - gate.threshold)
        mobility = self.let("mobility", 1 + self.theta * above)  # what it is divided by
        pinch = self.let("pinch", above / gate.body)
        fast = self.drift * mobility
        vdsat = self.let("vdsat", where(self.drift <= 0, pinch, pinch + fast - sqrt(pinch**2 + fast**2)))
        linear = vd <= vdsat
        vx = self.let("vx", where(linear, vd, vdsat))
        slow = self.let("slow", where(self.drift <= 0, 1, 1 + vx / fast))
        plain = self.let("plain", self.beta / mobility * (above - gate.body * vx / 2) * vx / slow)
        beyond = vd - vdsat
        steep = plain * (1 - 1 / slow) / fast
        field = plain / self.length / where(steep > 1e-12, steep, 1e-12) * self.stretch / 2
        shortening = where(
            self.stretch <= 0,
            0,
            self.drift <= 0,
            where(
                linear,
                sqrt(self.stretch * vdsat / 8) * (vd / vdsat) ** 4,
                sqrt(self.stretch * (beyond + vdsat / 8)),
            ),
            linear,
            0,
            sqrt(field**2 + self.stretch * beyond) - field,
        )
        part = self.let("shortening", shortening / self.length)
        whole = self.let("whole", where(part > 0.5, 4 * part, 1 / (1 - part)))
        weak = self.let("weak", where(self.fast <= 0, 1, over < 0, exp(over / gate.slope), 1))
        off = where(self.fast <= 0, over, 1) <= 0
        return where(off, 0, plain * whole * weak), over, where(off, 0, vdsat)

    def _gate_lets(self, vd: Any, vb: Any) -> list[tuple[str, Any]]:
        found = self._gate(vd, vb)
        return [(f"gate_{name}", value) for name, value in found._asdict().items()]


_PER_KELVIN = physics.BOLTZMANN / physics.CHARGE

EXPORT = Mos3
