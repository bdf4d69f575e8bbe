"""TEAM: threshold adaptive memristor (Kvatinsky et al., IEEE TCAS-I 60, 211, 2013)."""

from __future__ import annotations

from typing import Any, ClassVar

from circuitnn.devices.declare import Memristor, Param, State
from circuitnn.devices.symbolic import clip, equals, exp, limexp, log, sqrt, where

_FIT = "fit to the Simmons tunnel barrier model (Kvatinsky 2013); i_on is given there by its magnitude"
_FIGURE = "Kvatinsky 2013, windows as in the Simmons tunnel barrier model (Pickett et al., J. Appl. Phys. 106, 074508)"
_ROUND = "round number"


class Team(Memristor):
    """dx/dt = k_off (i/i_off - 1)^alpha_off f_off above i_off > 0, k_on (i/i_on - 1)^alpha_on f_on below i_on < 0.

    Between the thresholds x rests, and no x is faster than ``v_sat``. v = (ron + (roff - ron) s) i with
    s = (x - x_on) / (x_off - x_on) for ``iv = 0``, v = ron exp(log(roff/ron) s) i for ``iv = 1``. Windows: 0 none (the
    state stops at its bounds), 1 f_off = exp(-exp((x - a_off) / w_c)), f_on = exp(-exp((a_on - x) / w_c)). Equations 14
    to 19 of the paper.
    """

    model_types: ClassVar[tuple[str, ...]] = ("team",)

    ron = Param(50.0, "ohm", low=0.0, exclusive=True, doc="resistance at x_on", source=_FIT)
    roff = Param(1e3, "ohm", low=0.0, exclusive=True, doc="resistance at x_off", source=_FIT)
    i_on = Param(-8.9e-6, "A", high=-1e-15, doc="threshold of SET, negative", source=_FIT)
    i_off = Param(115e-6, "A", low=1e-15, doc="threshold of RESET, positive", source=_FIT)
    k_on = Param(-4.68e-22, "m/s", high=0.0, doc="speed of SET, negative", source=_FIT)
    k_off = Param(1.46e-18, "m/s", low=0.0, doc="speed of RESET", source=_FIT)
    alpha_on = Param(10.0, "1", low=1.0, high=20.0, doc="exponent of SET", source=_FIT)
    alpha_off = Param(10.0, "1", low=1.0, high=20.0, doc="exponent of RESET", source=_FIT)
    v_sat = Param(1e3, "m/s", low=1e-3, doc="speed at which the state saturates, 1 nm in 1 ps")
    x_on = Param(0.0, "m", doc="state of least resistance", source=_ROUND)
    x_off = Param(3e-9, "m", doc="state of largest resistance", source=_ROUND)
    iv = Param(0.0, "1", choices=(0.0, 1.0), doc="voltage: 0 linear, 1 exponential in the state")
    window = Param(0.0, "1", choices=(0.0, 1.0), doc="0 none, 1 double exponential")
    a_on = Param(1.8e-9, "m", doc="place of the window of SET", source=_FIGURE)
    a_off = Param(1.2e-9, "m", doc="place of the window of RESET", source=_FIGURE)
    w_c = Param(107e-12, "m", low=0.0, exclusive=True, doc="width of the windows", source=_FIGURE)
    x0 = Param(1.5e-9, "m", doc="initial state", source=_ROUND)
    x = State("x0", "m", low="x_on", high="x_off", doc="width of the insulating region", scale=1e-9)

    def current(self, v: Any) -> Any:
        """Return the current."""
        s = clip((self.x - self.x_on) / (self.x_off - self.x_on), 0, 1)
        linear = v / (self.ron + (self.roff - self.ron) * s)
        return where(equals(self.iv, 0), linear, v / self.ron * exp(-log(self.roff / self.ron) * s))

    def rates(self, v: Any) -> dict[str, Any]:
        """Return the speed of the state."""
        i = self.let("i", self.current(v))
        double = equals(self.window, 1)
        f_off = where(double, exp(-limexp((self.x - self.a_off) / self.w_c)), 1.0)
        f_on = where(double, exp(-limexp((self.a_on - self.x) / self.w_c)), 1.0)
        # the cut at 1e6 thresholds keeps the power of any iterate finite
        speed = where(
            i > self.i_off,
            self.k_off * clip(i / self.i_off - 1, 0, 1e6) ** self.alpha_off * f_off,
            i < self.i_on,
            self.k_on * clip(i / self.i_on - 1, 0, 1e6) ** self.alpha_on * f_on,
            0.0,
        )
        # far beyond any device: the published fit reaches 1e9 m/s at -0.5 V, faster than any step can follow
        speed = self.let("speed", speed)
        return {"x": speed / sqrt(1 + (speed / self.v_sat) ** 2)}


EXPORT = Team
