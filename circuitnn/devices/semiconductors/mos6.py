"""MOSFET level 6, the n-th power law (Sakurai and Newton, IEEE J. Solid-State Circuits 25, 584, 1990), as SPICE3 has
it."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from circuitnn.devices.declare import Values
from circuitnn.devices.mosfet import Mosfet, model
from circuitnn.devices.symbolic import power, where


class Mos6(Mosfet):
    """Saturation current kc (vgs - vth)^nc and saturation voltage kv (vgs - vth)^nv; bulk junctions with depletion
    charge; overlap capacitances; Meyer's capacitances when tox is given. It makes no noise, as in SPICE."""

    levels: ClassVar[tuple[int, ...]] = (6,)
    derived: ClassVar[tuple[str, ...]] = (*Mosfet.derived, "bend", "beta", "modulation")

    kv = model(2.0, "V^(1-nv)", "saturation voltage factor", exclusive=True)
    nv = model(0.5, "1", "saturation voltage exponent")
    kc = model(None, "A/V^nc", "saturation current factor")
    nc = model(1.0, "1", "saturation current exponent")
    gamma1 = model(0.0, "1", "linear body-effect parameter", None)
    sigma = model(0.0, "1", "static feedback: how the drain lowers the threshold", None)
    lambda_ = model(0.0, "1/V", "channel-length modulation; lambda0 goes before it", None, name="lambda")
    lambda0 = model(None, "1/V", "channel-length modulation", None)
    lambda1 = model(0.0, "1/V^2", "dependence of the channel-length modulation on the bulk", None)
    nvth = model(0.5, "1", "threshold voltage coefficient; read, without effect as in SPICE", None)
    psat = model(0.0, "1", "ps of the card; read, without effect as in SPICE", None)
    aliases: ClassVar[dict[str, str]] = {**Mosfet.aliases, "ps": "psat"}

    @classmethod
    def _own(cls, p: Values, length: np.ndarray, width: np.ndarray, ratio: np.ndarray) -> Values:
        from_process = np.where(p["oxide"] > 0.0, 0.5 * p["uo"] * 1e-4 * p["oxide"], 5e-5)
        kc = np.where(np.isnan(p["kc"]), from_process, p["kc"])
        return {
            "beta": kc / (ratio * np.sqrt(ratio)) * p["m"] * width / length,
            "modulation": np.where(np.isnan(p["lambda0"]), p["lambda"], p["lambda0"]),
        }

    @classmethod
    def _end(cls, v: Values, end: str) -> np.ndarray:
        squares = np.where(v[f"nr{end}"] == 0.0, 1.0, v[f"nr{end}"])
        return super()._end({**v, f"nr{end}": squares}, end)

    def _gmin(self) -> Any:
        return self.gmin * self.m

    def _threshold(self, vd: Any, vb: Any) -> Any:
        return self.vbi + self.gamma * self._root(vb) - self.gamma1 * vb - self.sigma * vd

    def _channel(self, vg: Any, vd: Any, vb: Any) -> tuple[Any, Any, Any]:
        over = self.let("over", vg - self._threshold(vd, vb))
        vdsat = self.let("vdsat", where(over <= 0, 0, self.kv * power(over, self.nv)))
        saturated = self.beta * power(over, self.nc) * (1 + (self.modulation - self.lambda1 * vb) * vd)
        part = vd / vdsat
        return where(over <= 0, 0, vd >= vdsat, saturated, saturated * part * (2 - part)), over, vdsat


EXPORT = Mos6
