"""Ferroelectric tunnel junction (Chanthbouala et al., Nat. Mater. 11, 860, 2012): domains that nucleate and grow."""

from __future__ import annotations

from typing import Any, ClassVar

from circuitnn.devices.declare import Memristor, Param, State
from circuitnn.devices.ferroelectrics.merz import merz
from circuitnn.devices.symbolic import clip, log, sqrt, where

_PAPER = "Chanthbouala et al., Nat. Mater. 11, 860 (2012)"
_RATIO = f"{_PAPER}; its abstract says more than two orders of magnitude, the value is recalled"
_SPEED = f"round number: switches in 10 ns at 4 V, the speed that the abstract of {_PAPER} states"


class Ftj(Memristor):
    """i = (s/r_on + (1 - s)/r_off) v (1 + (v/vb)^2); positive voltages raise the part s of domains that point up.

    Domains nucleate at the rate 1/tn and grow in two dimensions, s(t) = 1 - exp(-t/tn - (t/tp)^2) at a constant
    voltage (Ishibashi and Takagi); without the time, ds/dt = (1 - s) sqrt(1/tn^2 - 4 ln(1 - s)/tp^2). Both times
    follow Merz's law, tn = tn0 exp(vn/|v|). The current is Brinkman's for a symmetric barrier, to the third order;
    the displacement current is left out.
    """

    model_types: ClassVar[tuple[str, ...]] = ("ftj",)

    r_on = Param(160e3, "ohm", low=0.0, exclusive=True, doc="resistance with s = 1 at low voltage", source=_RATIO)
    r_off = Param(46e6, "ohm", low=0.0, exclusive=True, doc="resistance with s = 0 at low voltage", source=_RATIO)
    vb = Param(1.0, "V", low=1e-3, doc="voltage that doubles the conductance", source="round number")
    tn0 = Param(1e-11, "s", low=0.0, exclusive=True, doc="nucleation time at high voltage", source=_SPEED)
    vn = Param(28.0, "V", low=0.0, exclusive=True, doc="activation voltage of nucleation", source=_SPEED)
    tp0 = Param(1e-11, "s", low=0.0, exclusive=True, doc="growth time at high voltage", source=_SPEED)
    vp = Param(28.0, "V", low=0.0, exclusive=True, doc="activation voltage of growth", source=_SPEED)
    s0 = Param(0.0, "1", low=0.0, high=1.0, doc="initial state")
    s = State("s0", "1", low=0.0, high=1.0, doc="part of domains in the conducting direction")

    def current(self, v: Any) -> Any:
        """Return the current."""
        s = clip(self.s, 0, 1)
        return (s / self.r_on + (1 - s) / self.r_off) * v * (1 + (v / self.vb) ** 2)

    def rates(self, v: Any) -> dict[str, Any]:
        """Return how fast domains turn."""

        def turning(v: Any, left: Any) -> Any:
            left = clip(left, 1e-12, 1)  # the logarithm stays finite where none is left
            nucleation, growth = merz(v, self.tn0, self.vn), merz(v, self.tp0, self.vp)
            # no domain turns at voltages where the rates are no numbers any more
            return where(nucleation > 0, left * sqrt(nucleation**2 - 4 * growth**2 * log(left)), 0)

        return {"s": turning(v, 1 - self.s) - turning(-v, self.s)}


EXPORT = Ftj
