"""MOSFET level 2 (Vladimirescu and Liu, UCB/ERL M80/7, 1980; Grove and Frohman-Bentchkowsky for short channels; Baum's
saturation voltage, IEEE Trans. Electron Devices 17, 481, 1970), as SPICE3 has it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Values
from circuitnn.devices.mosfet import SILICON, NoisyMosfet, model
from circuitnn.devices.symbolic import exp, power, quartic_root, sqrt, where


class Mos2(NoisyMosfet):
    """Bulk charge along the channel; short and narrow channels, mobility that falls with the field, velocity
    saturation, channel-length modulation, weak inversion with nfs."""

    levels: ClassVar[tuple[int, ...]] = (2,)
    derived: ClassVar[tuple[str, ...]] = (
        *NoisyMosfet.derived, "beta", "depth", "part", "shift", "narrow", "fast", "weakest", "drift", "punch",
        "modulation", "slow",
    )  # fmt: skip

    tox = model(1e-7, "m", "oxide thickness", exclusive=True)
    mjsw = model(0.33, "1", "grading coefficient of the rim")
    kp = model(None, "A/V^2", "transconductance parameter")
    lambda_ = model(0.0, "1/V", "channel-length modulation; from the process when 0", name="lambda")
    delta = model(0.0, "1", "width effect on the threshold", None)
    uexp = model(0.0, "1", "exponent of the mobility's fall", None)
    ucrit = model(1e4, "V/cm", "field above which the mobility falls")
    vmax = model(0.0, "m/s", "saturation velocity; none when 0")
    xj = model(0.0, "m", "junction depth")
    neff = model(1.0, "1", "total channel charge coefficient", exclusive=True)
    nfs = model(0.0, "1/cm^2", "fast surface state density")

    @classmethod
    def _own(cls, p: Values, length: np.ndarray, width: np.ndarray, ratio: np.ndarray) -> Values:
        oxide, xj = p["oxide"], p["xj"]
        kp = np.where(np.isnan(p["kp"]), p["uo"] * 1e-4 * oxide, p["kp"])
        depth = np.sqrt(p["alpha"])
        by_process = (p["lambda"] == 0.0) & (depth > 0.0)
        spread = depth / np.sqrt(p["neff"])
        return {
            "beta": kp / (ratio * np.sqrt(ratio)) * p["m"] * width / length,
            "depth": np.where(xj > 0.0, 2.0 * depth / np.where(xj > 0.0, xj, 1.0), 0.0),
            "part": 0.5 * xj / length,
            "narrow": 0.25 * p["delta"] * np.pi * SILICON / (oxide * width),
            "fast": np.where(p["nfs"] > 0.0, 1.0 + physics.CHARGE * p["nfs"] * 1e4 / oxide, 0.0),
            "weakest": p["ucrit"] * 100.0 * SILICON / oxide,
            # the saturation field's voltage over the channel at full mobility
            "drift": p["vmax"] * length / (p["uo"] * 1e-4),
            "punch": np.where(depth > 0.0, depth * np.sqrt(p["pot"]), 0.25e-6) / length,
            "shift": np.where(depth > 0.0, depth * np.sqrt(p["pot"]), 0.0) / length,
            "modulation": np.where(by_process, np.where(p["vmax"] > 0.0, spread, depth) / length, 0.0),
            "slow": p["vmax"] * spread / (2.0 * p["uo"] * 1e-4),
        }

    def _bulk_root(self, vb: Any) -> Any:
        return where(vb <= 0, sqrt(self.phit - vb), self.rootphi / (1 + vb / (2 * self.phit)))

    def _gate(self, vd: Any, vb: Any) -> tuple[Any, ...]:
        """Root of the bulk voltage, body factor, threshold without body charge, slope of weak inversion."""
        root, far = self._bulk_root(vb), self._bulk_root(vb - vd)
        near_depth, far_depth = (sqrt(1 + self.depth * r) for r in (root, far))
        body = self.gamma * where(self.depth <= 0, 1, 1 - self.part * (near_depth + far_depth - 2))
        flat = self.vbi + self.narrow * (self.phit - vb)

        def slope(v: Any, r: Any) -> Any:
            return where(v <= 0, -1 / (2 * r), -(r**2) / (2 * self.rootphi * self.phit))

        by_source, by_drain = slope(vb, root), slope(vb - vd, far)
        change = by_source / near_depth + by_drain / far_depth
        body_slope = where(self.depth <= 0, 0, -self.gamma * self.part * self.depth / 2 * change)
        weak = self.vt * (self.fast + self.narrow - body * by_source - body_slope * root)
        return root, body, flat, where(self.fast <= 0, 0, weak)

    def _threshold(self, vd: Any, vb: Any) -> Any:
        root, body, flat, weak = self._gate(vd, vb)
        return flat + body * root + weak

    def _channel(self, vg: Any, vd: Any, vb: Any) -> tuple[Any, Any, Any]:
        names = ("root", "body", "flat", "weak_slope")
        root, body, flat, weak = (self.let(n, x) for n, x in zip(names, self._gate(vd, vb), strict=True))
        over = self.let("over", vg - flat - body * root - weak)
        above = self.let("above", where(self.fast <= 0, vg, over > 0, vg, vg - over) - flat)
        mobility = self.let(
            "mobility", where(over <= self.weakest, 1, power(self.weakest / where(over > 0, over, 1), self.uexp))
        )
        eta, source = 1 + self.narrow, self.phit - vb
        width = self.let("width", above / eta)
        gamma = self.let("gamma", body / eta)
        total = self.let("total", width + source)
        pinched = width + gamma**2 / 2 * (1 - sqrt(1 + 4 * total / gamma**2))
        pinch = self.let("pinch", where(gamma <= 0, width, total <= 0, 0, pinched))
        baum = self._baum(root, gamma, source, total, mobility, pinch)
        # SPICE3 does not keep Baum's voltage from below zero: without nfs its transistor then drives a current at 0 V
        saturated = where(pinch <= 0, 0, baum <= 0, pinch, baum**2 - source)
        vdsat = self.let("vdsat", saturated)
        vx = self.let("vx", where(vd <= vdsat, vd, vdsat))
        stop = self.let("stop", self._bulk_root(vb - vx))
        charge = (above - eta * vx / 2) * vx - body * (stop**3 - root**3) / 1.5
        quarter = (vd - vdsat) / 4
        slow = self.slow / mobility
        beyond = where(vd > vdsat, vd - vdsat, 0)
        shortening = where(
            self.modulation <= 0,
            self.lambda_ * vd,
            self.drift <= 0,
            self.modulation * sqrt(quarter + sqrt(1 + quarter**2)),
            self.modulation * (sqrt(slow**2 + beyond) - slow),
        )
        part = self.let("shortening", shortening)
        deep = 1 + (part - 1 + self.shift) / self.punch
        left = self.let("left", where(1 - part < self.punch, self.punch / deep, 1 - part))
        weakly = self.let("weakly", where(self.fast <= 0, 1, over < 0, exp(over / weak), 1))
        off = where(self.fast <= 0, above, vdsat) <= 0
        return where(off, 0, self.beta * mobility / left * charge * weakly), over, where(off, 0, vdsat)

    def _baum(self, root: Any, gamma: Any, source: Any, total: Any, mobility: Any, pinch: Any) -> Any:
        """Root of the bulk voltage at which carriers reach their saturation velocity, before pinch-off."""
        drift = self.drift / mobility
        x = quartic_root(
            gamma / 0.75,
            -2 * (total + drift),
            -2 * gamma * drift,
            2 * total * (source + drift) - source**2 - 4 / 3 * gamma * root**3,
            sqrt(where(pinch + source > 0, pinch + source, 0)),
        )
        return self.let("baum", where(self.drift <= 0, 0, pinch <= 0, 0, x))


EXPORT = Mos2
