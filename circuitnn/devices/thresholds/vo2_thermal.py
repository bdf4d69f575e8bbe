"""Thermal VO2 neuristor: a resistance whose temperature has hysteresis (Qiu et al., Adv. Mater. 36, 2306818, 2024)."""

from __future__ import annotations

import math
from typing import Any, ClassVar

from circuitnn.devices.declare import Device, Equations, Param, State
from circuitnn.devices.symbolic import clip, exp, quantity, sin, tanh, where

_QIU = "fit in the public code of Zhang et al., arXiv 2312.12899 (collective_dynamics_neuristor, model.py)"


class Vo2Thermal(Device):
    """c_th dt/dt = v i - s_th (t - t_amb), i = v / R, R = r_ins exp(ea / t) g + r_met.

    g = 1/2 + 1/2 tanh(beta (s w / 2 + t_c - t - t_p)) with s = 1 while it warms, -1 while it cools. After a reversal
    at t_r the curve leaves the old branch and approaches the other one (de Almeida et al., Opt. Eng. 41, 2582, 2002):
    t_p = t_pr P((t - t_r) / t_pr), P(x) = (1 - sin(gamma x)) (1 + tanh(pi^2 - 2 pi x)) / 2; at the reversal t_pr is
    s w plus the old t_p, so that g does not jump. What a branch keeps of its reversal, (t_r, t_pr), are states: they
    rest on that branch, and on the other one follow what a reversal now would give.
    """

    model_types: ClassVar[tuple[str, ...]] = ("vo2_thermal",)
    links = (("p", "n", "resistive"),)
    passive = True

    r_ins = Param(5.35882879e-3, "ohm", low=0.0, exclusive=True, doc="insulator, at infinite temperature", source=_QIU)
    ea = Param(5220.47417, "K", low=0.0, doc="activation energy over Boltzmann's constant", source=_QIU)
    r_met = Param(1286.316459, "ohm", low=0.0, exclusive=True, doc="metal", source=_QIU)
    w = Param(7.19357064, "K", low=0.0, exclusive=True, doc="width of the hysteresis", source=_QIU)
    t_c = Param(332.805839, "K", low=0.0, doc="middle of the hysteresis", source=_QIU)
    beta = Param(0.252796285, "1/K", low=0.0, exclusive=True, doc="steepness of the transition", source=_QIU)
    gamma = Param(0.956269682, "1", low=0.0, doc="shape of the minor loops", source=_QIU)
    c_th = Param(49.62776831e-12, "J/K", low=0.0, exclusive=True, doc="heat capacity", source=_QIU)
    s_th = Param(0.20558726e-3, "W/K", low=0.0, exclusive=True, doc="thermal conductance to ambient", source=_QIU)
    t_amb = Param(325.0, "K", low=200.0, high=500.0, doc="ambient temperature", source=_QIU)
    t_low = Param(305.0, "K", low=100.0, doc="below it R is taken as here", source=_QIU)
    t_high = Param(370.0, "K", low=100.0, doc="above it R is taken as here", source=_QIU)
    tau_m = Param(1e-9, "s", low=0.0, exclusive=True, doc="time in which the memory follows; short beside c_th / s_th")
    turn = Param(1e5, "K/s", low=0.0, exclusive=True, doc="speed from which on a change of direction counts")
    t = State("t_amb", "K", doc="temperature", scale=300.0, settles=True)
    up_r = State("t_amb", "K", doc="temperature of the reversal that the warming branch starts from", scale=300.0)
    up_p = State(0.0, "K", doc="t_pr of the warming branch", scale=10.0)
    down_r = State("t_amb", "K", doc="temperature of the reversal that the cooling branch starts from", scale=300.0)
    down_p = State(0.0, "K", doc="t_pr of the cooling branch", scale=10.0)

    def _shift(self, t: Any, t_r: Any, t_pr: Any) -> Any:
        """Return t_p."""
        tiny = quantity(1e-6, "K")  # a branch without distance to the other one has no minor loop
        x = (t - t_r) / where(t_pr >= 0, t_pr + tiny, t_pr - tiny)
        near = clip(x, -10.0, 10.0)  # P is nothing beyond 3, and meant for x of 0 and above
        return t_pr * 0.5 * (1 - sin(self.gamma * near)) * (1 + tanh(math.pi**2 - 2 * math.pi * near))

    def _conductance(self, t: Any, sign: int, shift: Any) -> Any:
        g = 0.5 + 0.5 * tanh(self.beta * (sign * self.w / 2 + self.t_c - t - shift))
        return 1 / (self.r_ins * exp(self.ea / t) * g + self.r_met)

    def equations(self) -> Equations:
        """Return the current, the balance of heat and the memory of the reversals."""
        v = self.p - self.n
        t = clip(self.t, self.t_low, self.t_high)
        shift_up = self._shift(t, self.up_r, self.up_p)
        shift_down = self._shift(t, self.down_r, self.down_p)
        warm, cool = self._conductance(t, 1, shift_up), self._conductance(t, -1, shift_down)
        gained = v**2 / self.c_th
        lost = self.s_th * (self.t - self.t_amb) / self.c_th
        # both branches agree where one ends, so that the cooling one may say when for both
        cooling = self.discrete("cooling", lost - gained * cool, on=self.turn, off=-self.turn)
        g = warm + (cool - warm) * cooling
        i = v * g
        rows = self.state_rows(
            {
                "t": gained * g - lost,
                "up_r": cooling * (t - self.up_r) / self.tau_m,
                "up_p": cooling * (self.w + shift_down - self.up_p) / self.tau_m,
                "down_r": (1 - cooling) * (t - self.down_r) / self.tau_m,
                "down_p": (1 - cooling) * (shift_up - self.w - self.down_p) / self.tau_m,
            }
        )
        return Equations(f={"p": i, "n": -i, **rows.f}, q=rows.q)


EXPORT = Vo2Thermal
