"""VTEAM: voltage threshold adaptive memristor (Kvatinsky et al., IEEE TCAS-II 62, 786, 2015)."""

from __future__ import annotations

from typing import Any, ClassVar

from circuitnn.devices.declare import Memristor, Param, State
from circuitnn.devices.symbolic import clip, equals, exp, limexp, log, where

_SIMMONS = "MemTorch's VTEAM defaults, a fit to the Simmons tunnel barrier model"


class Vteam(Memristor):
    """dw/dt = k_off (v/v_off - 1)^alpha_off f_off above v_off > 0, k_on (v/v_on - 1)^alpha_on f_on below v_on < 0.

    i = v / (ron + (roff - ron) s) with s = (w - w_on) / (w_off - w_on) for ``iv = 0``, or
    i = v exp(-log(roff/ron) s) / ron for ``iv = 1``. Windows: 0 none (the state stops at its bounds), 1 TEAM's
    f_off = exp(-exp((w - a_off) / w_c)), f_on = exp(-exp((a_on - w) / w_c)).
    """

    model_types: ClassVar[tuple[str, ...]] = ("vteam",)

    ron = Param(50.0, "ohm", low=0.0, exclusive=True, doc="resistance at w_on", source=_SIMMONS)
    roff = Param(1e3, "ohm", low=0.0, exclusive=True, doc="resistance at w_off", source=_SIMMONS)
    v_on = Param(-0.2, "V", high=-1e-9, doc="threshold of SET, negative", source=_SIMMONS)
    v_off = Param(0.02, "V", low=1e-9, doc="threshold of RESET, positive", source=_SIMMONS)
    k_on = Param(-10.0, "m/s", high=0.0, doc="speed of SET, negative", source=_SIMMONS)
    k_off = Param(5e-4, "m/s", low=0.0, doc="speed of RESET", source=_SIMMONS)
    alpha_on = Param(3.0, "1", low=1.0, high=20.0, doc="exponent of SET", source=_SIMMONS)
    alpha_off = Param(1.0, "1", low=1.0, high=20.0, doc="exponent of RESET", source=_SIMMONS)
    w_on = Param(0.0, "m", doc="state of least resistance", source=_SIMMONS)
    w_off = Param(3e-9, "m", doc="state of largest resistance", source=_SIMMONS)
    iv = Param(0.0, "1", choices=(0.0, 1.0), doc="current: 0 linear, 1 exponential in the state")
    window = Param(0.0, "1", choices=(0.0, 1.0), doc="0 none, 1 TEAM")
    a_on = Param(1.2e-9, "m", doc="place of the TEAM window of SET")
    a_off = Param(1.8e-9, "m", doc="place of the TEAM window of RESET")
    w_c = Param(107e-12, "m", low=0.0, exclusive=True, doc="width of the TEAM windows")
    w0 = Param(1.5e-9, "m", doc="initial state")
    w = State("w0", "m", low="w_on", high="w_off", doc="width of the insulating region", scale=1e-9)

    def current(self, v: Any) -> Any:
        """Return the current."""
        # an iterate of Newton's method beyond a bound must not meet zero resistance
        s = clip((self.w - self.w_on) / (self.w_off - self.w_on), 0, 1)
        linear = v / (self.ron + (self.roff - self.ron) * s)
        return where(equals(self.iv, 0), linear, v / self.ron * exp(-log(self.roff / self.ron) * s))

    def rates(self, v: Any) -> dict[str, Any]:
        """Return the speed of the state."""
        team = equals(self.window, 1)
        f_off = where(team, exp(-limexp((self.w - self.a_off) / self.w_c)), 1.0)
        f_on = where(team, exp(-limexp((self.a_on - self.w) / self.w_c)), 1.0)
        speed = where(
            v > self.v_off,
            self.k_off * (v / self.v_off - 1) ** self.alpha_off * f_off,
            v < self.v_on,
            self.k_on * (v / self.v_on - 1) ** self.alpha_on * f_on,
            0.0,
        )
        return {"w": speed}


EXPORT = Vteam
