"""Leaky integrate-and-fire neuron: membrane, threshold, reset and refractory time in one element."""

from __future__ import annotations

from typing import ClassVar

from circuitnn.devices.declare import Device, Environment, Equations, Param, State, Values, require
from circuitnn.devices.symbolic import clip, exp, where


class Lif(Device):
    """c dv/dt + (v - v_rest) / r = i with v = v(in) - v(ref), and at v = v_th a spike; r c = tau.

    From there the membrane is held at v_reset through r_reset, and the output gives v_spike behind r_out and c_out,
    until the clock ``z`` that the threshold has set to 1 has run down to 0, t_ref later.
    A constant current above (v_th - v_rest) / r fires at the rate 1 / (t_ref + tau ln((r i - v_reset) / (r i - v_th))),
    voltages counted from v_rest (Lapicque 1907; e.g. Gerstner et al., Neuronal Dynamics, 2014, section 1.3).
    The threshold is as sharp as 1e-4 of (v_th - v_reset), and the clock is set within 1e-3 t_ref.

    With ``rate`` above 0 the neuron is stochastic: in place of the threshold it fires at random, in a transient, at the
    rate ``rate`` exp((v - v_th) / spread) (escape noise; Gerstner et al., section 9.1).
    """

    model_types: ClassVar[tuple[str, ...]] = ("lif",)
    terminals = ("inp", "out", "ref")
    links = (("inp", "ref", "resistive"), ("out", "ref", "resistive"))

    _text = "textbook value"
    c = Param(2e-9, "F", low=0.0, exclusive=True, doc="capacitance of the membrane", source=_text)
    r = Param(10e6, "ohm", low=0.0, exclusive=True, doc="leak", source=_text)
    v_rest = Param(0.0, "V", doc="voltage to which the leak pulls", source=_text)
    v_th = Param(15e-3, "V", doc="threshold", source=_text)
    v_reset = Param(0.0, "V", doc="voltage after a spike, below the threshold", source=_text)
    t_ref = Param(2e-3, "s", low=0.0, exclusive=True, doc="refractory time", source=_text)
    r_reset = Param(1e3, "ohm", low=0.0, exclusive=True, doc="resistance of the reset; r_reset c is its time")
    v_spike = Param(1.0, "V", doc="voltage of the output during the refractory time")
    r_out = Param(1e3, "ohm", low=0.0, exclusive=True, doc="resistance of the output")
    c_out = Param(1e-9, "F", low=0.0, exclusive=True, doc="capacitance of the output; r_out c_out is its rise time")
    rate = Param(0.0, "1/s", low=0.0, doc="rate at which a stochastic neuron fires at v_th; 0: none is stochastic")
    spread = Param(1e-3, "V", low=0.0, exclusive=True, doc="voltage in which that rate grows by e")
    z = State(0.0, "1", doc="clock of the refractory time: 1 at a spike, 0 when it is over")

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Check that the reset ends below the threshold."""
        require(
            values["v_reset"] < values["v_th"], "v_reset of a neuron is not below v_th", expected="v_reset below v_th"
        )
        return values

    def equations(self) -> Equations:
        """Return the membrane, the output and the clock."""
        v = self.inp - self.ref
        # the clock does not know whether the neuron fires, so that a solution exists at the instants of either change
        above = clip((v - self.v_th) / (1e-4 * (self.v_th - self.v_reset)), 0, 1)
        firing = self.discrete("firing", self.z, on=1.0, off=0.0)
        hazard = self.rate * exp(clip((v - self.v_th) / self.spread, -100, 20))
        escape = self.jump("escape", up=(1 - firing) * hazard, down=where(self.z >= 1, 1e5 / self.t_ref, 0))
        setting = 1e4 * where(self.rate > 0, escape, above) * (1.001 - self.z)
        leak = (v - self.v_rest) / self.r + firing * (v - self.v_reset) / self.r_reset
        out = (self.out - self.ref - firing * self.v_spike) / self.r_out
        stored = self.c_out * (self.out - self.ref)
        rows = self.state_rows({"z": (setting - clip(1e3 * self.z + 1, 0, 1)) / self.t_ref})
        return Equations(
            f={"inp": leak, "out": out, "ref": -leak - out, **rows.f},
            q={"inp": self.c * v, "out": stored, "ref": -self.c * v - stored, **rows.q},
        )


EXPORT = Lif
