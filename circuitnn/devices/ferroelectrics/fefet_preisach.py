"""Ferroelectric transistor with the loops within loops of a Preisach operator (Jiang et al., VLSI Technology 1997;
Ni et al., VLSI Technology 2018)."""

from __future__ import annotations

from typing import Any, ClassVar

from circuitnn.devices.declare import Equations, Param, State
from circuitnn.devices.ferroelectrics.gate import FerroelectricGate
from circuitnn.devices.symbolic import maximum, tanh

_ROUND = "round number: major loop closed by the 3 V of HfO2 cells"
#: Quantiles 0.1, 0.3, ... 0.9 of the normal distribution: five parts of one size.
_QUANTILES = (-1.2815515655446004, -0.5244005127080407, 0.0, 0.5244005127080407, 1.2815515655446004)


class FefetPreisach(FerroelectricGate):
    """The transistor of ``fefet`` with p = (1/5) sum_k tanh(r_k s_k / vw) over five parts of the ferroelectric of
    coercive voltages r_k = vc (1 + sigma z_k), z_k the quantiles 0.1 to 0.9 of the normal distribution.

    What a part remembers is its play r_k s_k, the voltage vf dragged along with r_k of clearance both ways:
    tau ds_k/dt = max(vf/r_k - 1 - s_k, 0) - max(s_k - 1 - vf/r_k, 0). Saturated, p runs on the branches
    (1/5) sum_k tanh((vf -+ r_k)/vw), the tanh of the papers cited. Sums of functions of plays are Preisach operators
    (Brokate and Sprekels, Hysteresis and Phase Transitions, 1996): loops close, minor loops between the same
    voltages are congruent, and larger extrema wipe out smaller ones, when vf is slow beside tau. Five plays in place of
    a continuum: after a reversal p rests until vf has turned by 2 r_k, then part by part. ``s0`` -1 .. 1 starts all
    parts, remanent from negative or positive saturation at its ends. The papers' own parameters could not be had.
    """

    model_types: ClassVar[tuple[str, ...]] = ("fefet_preisach",)

    vc = Param(1.2, "V", low=1e-3, doc="mean coercive voltage", source=_ROUND)
    sigma = Param(0.5, "1", low=0.0, high=0.75, doc="its relative spread over the parts", source=_ROUND)
    vw = Param(0.3, "V", low=1e-3, doc="voltage over which a branch of a part rises", source=_ROUND)
    tau = Param(1e-9, "s", low=0.0, exclusive=True, doc="time in which parts follow", source=_ROUND)
    s0 = Param(-1.0, "1", low=-1.0, high=1.0, doc="initial position of all plays in their clearance")
    s1 = State("s0", "1", doc="play of the softest part, over its coercive voltage")
    s2 = State("s0", "1", doc="play of the second part")
    s3 = State("s0", "1", doc="play of the middle part")
    s4 = State("s0", "1", doc="play of the fourth part")
    s5 = State("s0", "1", doc="play of the hardest part")

    def _parts(self) -> list[tuple[str, Any]]:
        """Return the play and the coercive voltage of each part."""
        return [(s, self.vc * (1 + self.sigma * z)) for s, z in zip(self.states, _QUANTILES, strict=True)]

    def _polarisation(self) -> Any:
        """Return p."""
        return sum(tanh(coercive * getattr(self, s) / self.vw) for s, coercive in self._parts()) / len(_QUANTILES)

    def equations(self) -> Equations:
        """Return currents, charges and the rows of the plays."""
        rates = {}
        for name, coercive in self._parts():
            s, pulled = getattr(self, name), self.field() / coercive
            rates[name] = (maximum(pulled - 1 - s, 0) - maximum(s - 1 - pulled, 0)) / self.tau
        return self.transistor(self.let("p", self._polarisation()), rates)

    def readings(self) -> Equations:
        """Return the polarisation."""
        return Equations(f={"p": self._polarisation()})


EXPORT = FefetPreisach
