"""Linear inductor."""

from __future__ import annotations

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Device, Environment, Equations, Param, Values, require


class Inductor(Device):
    """v = d(L i)/dt, L = L0 (1 + tc1 dT + tc2 dT^2), with the branch current i as an unknown."""

    letter = "l"
    model_types = ("l", "ind")
    branches = ("i",)
    links = (("p", "n", "inductive"),)
    positional = "inductance"
    derived = ("effective",)

    inductance = Param(None, "H", doc="inductance at tnom", on="instance")
    ic = Param(None, "A", doc="initial current, used with uic", on="instance")
    m = Param(1.0, "1", low=0.0, exclusive=True, doc="number in parallel", on="instance")
    scale = Param(1.0, "1", low=0.0, exclusive=True, doc="factor of the inductance", on="instance")
    temp = Param(None, "degC", low=-physics.ZERO_CELSIUS, doc="own temperature", on="instance")
    dtemp = Param(0.0, "K", doc="difference to the circuit's temperature", on="instance")
    tc1 = Param(0.0, "1/K", doc="linear temperature coefficient")
    tc2 = Param(0.0, "1/K^2", doc="quadratic temperature coefficient")
    ind = Param(None, "H", doc="default inductance", on="model")
    tnom = Param(None, "degC", low=-physics.ZERO_CELSIUS, doc="temperature at which the values hold", on="model")

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the inductance of all in parallel at the element's temperature."""
        given = np.where(np.isnan(values["inductance"]), values["ind"], values["inductance"])
        require(np.isfinite(given), "an inductor has no inductance", expected="a value, or a model with ind")
        temp, tnom = physics.temperatures(values, env)
        dt = temp - tnom
        factor = values["scale"] * (1.0 + values["tc1"] * dt + values["tc2"] * dt * dt)
        return {**values, "effective": given * factor / values["m"]}

    def equations(self) -> Equations:
        """Return the branch: v(p) - v(n) - d(L i)/dt = 0."""
        return Equations(f={"p": self.i, "n": -self.i, "i": self.p - self.n}, q={"i": -self.effective * self.i})


EXPORT = Inductor
