"""MOSFET level 1 (Shichman and Hodges, IEEE J. Solid-State Circuits 3, 285, 1968), as SPICE3 has it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from circuitnn.devices.declare import Values
from circuitnn.devices.mosfet import NoisyMosfet, model
from circuitnn.devices.symbolic import where


class Mos1(NoisyMosfet):
    """Drain current in three regions with body effect and channel-length modulation; bulk junctions with depletion
    charge; overlap capacitances; Meyer's capacitances when tox is given."""

    levels: ClassVar[tuple[int, ...]] = (1,)
    derived: ClassVar[tuple[str, ...]] = (*NoisyMosfet.derived, "bend", "beta")

    kp = model(None, "A/V^2", "transconductance parameter")
    lambda_ = model(0.0, "1/V", "channel-length modulation", name="lambda")

    @classmethod
    def _own(cls, p: Values, length: np.ndarray, width: np.ndarray, ratio: np.ndarray) -> Values:
        from_process = np.where(p["oxide"] > 0.0, p["uo"] * 1e-4 * p["oxide"], 2e-5)
        kp = np.where(np.isnan(p["kp"]), from_process, p["kp"])
        return {"beta": kp / (ratio * np.sqrt(ratio)) * p["m"] * width / length}

    def _threshold(self, vd: Any, vb: Any) -> Any:
        return self.vbi + self.gamma * self._root(vb)

    def _channel(self, vg: Any, vd: Any, vb: Any) -> tuple[Any, Any, Any]:
        over = self.let("over", vg - self._threshold(vd, vb))
        gain = self.beta * (1 + self.lambda_ * vd)
        current = where(over <= 0, 0, over <= vd, gain * over**2 / 2, gain * vd * (over - vd / 2))
        return current, over, over


EXPORT = Mos1
