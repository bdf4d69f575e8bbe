"""Linear ion drift (Strukov et al., Nature 453, 80, 2008) with the windows of Joglekar, Biolek and Prodromakis."""

from __future__ import annotations

from typing import Any, ClassVar

from circuitnn.devices.declare import Environment, Memristor, Param, State, Values, require
from circuitnn.devices.symbolic import clip, equals, power, where

_KNOWM = "Joglekar and Wolf, Eur. J. Phys. 30, 661 (2009), as in public SPICE models"


class LinearDrift(Memristor):
    """v = (ron x + roff (1 - x)) i, dx/dt = eta (mu ron / d^2) i f(x).

    Windows f: 0 none (the drift stops at the ends), 1 Joglekar 1 - (2x - 1)^(2p), 2 Biolek 1 - (x - step(-i))^(2p),
    3 Prodromakis j (1 - ((x - 1/2)^2 + 3/4)^p).
    """

    model_types: ClassVar[tuple[str, ...]] = ("linear_drift", "memristor", "hp")

    ron = Param(100.0, "ohm", low=0.0, exclusive=True, doc="resistance with x = 1", source=_KNOWM)
    roff = Param(16e3, "ohm", low=0.0, exclusive=True, doc="resistance with x = 0", source=_KNOWM)
    d = Param(10e-9, "m", low=0.0, exclusive=True, doc="thickness of the film", source=_KNOWM)
    mu = Param(1e-14, "m^2/(V s)", low=0.0, doc="mobility of the dopants", source=_KNOWM)
    eta = Param(1.0, "1", choices=(1.0, -1.0), doc="polarity")
    window = Param(0.0, "1", choices=(0.0, 1.0, 2.0, 3.0), doc="0 none, 1 Joglekar, 2 Biolek, 3 Prodromakis")
    power = Param(1.0, "1", low=0.0, exclusive=True, doc="exponent p of the window", name="p")
    j = Param(1.0, "1", low=0.0, doc="height of the Prodromakis window")
    x0 = Param(0.3, "1", low=0.0, high=1.0, doc="initial state")
    x = State("x0", "1", low=0.0, high=1.0, doc="doped part of the film")

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Check the exponent: below 1 the first two windows have an infinite slope inside the film or at its ends."""
        smooth = (values["p"] >= 1.0) | (values["window"] == 0.0) | (values["window"] == 3.0)
        require(smooth, "the window's exponent p is below 1", expected="p of at least 1 for the windows 1 and 2")
        return values

    def current(self, v: Any) -> Any:
        """Return the current."""
        x = clip(self.x, 0, 1)  # an iterate of Newton's method beyond a bound must not meet zero resistance
        return v / (self.ron * x + self.roff * (1 - x))

    def rates(self, v: Any) -> dict[str, Any]:
        """Return the drift of the doped front."""
        i = self.current(v)
        drift = self.eta * self.mu * self.ron / self.d**2 * i
        away = where(self.eta * i >= 0, self.x, self.x - 1)
        window = where(
            equals(self.window, 1),
            1 - power((2 * self.x - 1) ** 2, self.power),
            equals(self.window, 2),
            1 - power(away**2, self.power),
            equals(self.window, 3),
            self.j * (1 - power((self.x - 0.5) ** 2 + 0.75, self.power)),
            1.0,
        )
        return {"x": drift * window}


EXPORT = LinearDrift
