"""Ovonic threshold switch: switches on above a field after a delay, and holds while a current flows."""

from __future__ import annotations

from typing import Any, ClassVar

from circuitnn.devices.declare import Memristor, Param, State
from circuitnn.devices.symbolic import clip, exp, limexp, magnitude, where

_OWN = "round number, typical of a GeSe-based selector; not a fit to one device"


class Ovonic(Memristor):
    """dx/dt = m (1 - x) / tau_on - (1 - m) x / tau_off, m = 1 / (1 + exp(-(|v| / vth + |i| / ih - 1) / width)).

    i = (1 - x) (vs / roff) sinh(v / vs) + x v / ron: hopping that grows with the field (Ielmini and Zhang, J. Appl.
    Phys. 102, 054517, 2007) beside the conducting filament x. Below saturation the delay falls exponentially with the
    voltage, by e each ``width vth`` (a law as observed; Karpov et al., Appl. Phys. Lett. 90, 123504, 2007).
    """

    model_types: ClassVar[tuple[str, ...]] = ("ovonic", "ots")

    roff = Param(20e6, "ohm", low=0.0, exclusive=True, doc="resistance off, at small voltages", source=_OWN)
    ron = Param(1e3, "ohm", low=0.0, exclusive=True, doc="resistance of the full filament", source=_OWN)
    vs = Param(0.25, "V", low=0.0, exclusive=True, doc="voltage in which the hopping current grows by e", source=_OWN)
    vth = Param(1.5, "V", low=0.0, exclusive=True, doc="voltage at which the filament begins to form", source=_OWN)
    ih = Param(50e-6, "A", low=0.0, exclusive=True, doc="current that keeps the filament", source=_OWN)
    width = Param(0.03, "1", low=1e-3, high=1.0, doc="softness of both thresholds", source=_OWN)
    tau_on = Param(20e-9, "s", low=0.0, exclusive=True, doc="time in which the filament forms", source=_OWN)
    tau_off = Param(10e-9, "s", low=0.0, exclusive=True, doc="time in which the filament dissolves", source=_OWN)
    x0 = Param(0.0, "1", low=0.0, high=1.0, doc="initial filament")
    x = State("x0", "1", low=0.0, high=1.0, doc="conducting part of the filament", settles=True)

    def current(self, v: Any) -> Any:
        """Return the current."""
        x = clip(self.x, 0, 1)
        hopping = 0.5 * (limexp(v / self.vs) - limexp(-v / self.vs)) * self.vs / self.roff
        return (1 - x) * hopping + x * v / self.ron

    def rates(self, v: Any) -> dict[str, Any]:
        """Return the growth of the filament."""
        drive = (magnitude(v) / self.vth + magnitude(self.current(v)) / self.ih - 1) / self.width
        grows = where(drive > 0, 1 / (1 + exp(-drive)), exp(drive) / (1 + exp(drive)))
        return {"x": grows * (1 - self.x) / self.tau_on - (1 - grows) * self.x / self.tau_off}


EXPORT = Ovonic
