"""Linear capacitor."""

from __future__ import annotations

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Device, Environment, Equations, Param, Values, require


class Capacitor(Device):
    """q = C v, C = C0 (1 + tc1 dT + tc2 dT^2); without a value C0 = cj l w + 2 cjsw (l + w)."""

    letter = "c"
    model_types = ("c", "cap")
    links = (("p", "n", "capacitive"),)
    positional = "capacitance"
    derived = ("effective",)

    capacitance = Param(None, "F", doc="capacitance at tnom", on="instance")
    ic = Param(None, "V", doc="initial voltage, used with uic", on="instance")
    m = Param(1.0, "1", low=0.0, exclusive=True, doc="number in parallel", on="instance")
    scale = Param(1.0, "1", low=0.0, doc="factor of the capacitance", on="instance")
    temp = Param(None, "degC", low=-physics.ZERO_CELSIUS, doc="own temperature", on="instance")
    dtemp = Param(0.0, "K", doc="difference to the circuit's temperature", on="instance")
    tc1 = Param(0.0, "1/K", doc="linear temperature coefficient")
    tc2 = Param(0.0, "1/K^2", doc="quadratic temperature coefficient")
    l = Param(None, "m", low=0.0, doc="length", on="instance")
    w = Param(None, "m", low=0.0, doc="width", on="instance")
    defw = Param(10e-6, "m", low=0.0, doc="default width", on="model")
    narrow = Param(0.0, "m", doc="narrowing by side etching", on="model")
    short = Param(0.0, "m", doc="shortening by side etching", on="model")
    cap = Param(None, "F", doc="default capacitance", on="model")
    cj = Param(None, "F/m^2", low=0.0, doc="capacitance of the area", on="model")
    cjsw = Param(0.0, "F/m", low=0.0, doc="capacitance of the rim", on="model")
    tnom = Param(None, "degC", low=-physics.ZERO_CELSIUS, doc="temperature at which the values hold", on="model")

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the capacitance at the element's temperature."""
        given = np.where(np.isnan(values["capacitance"]), values["cap"], values["capacitance"])
        length = values["l"] - values["short"]
        width = np.where(np.isnan(values["w"]), values["defw"], values["w"]) - values["narrow"]
        geometric = values["cj"] * length * width + 2.0 * values["cjsw"] * (length + width)
        capacitance = np.where(np.isnan(given), geometric, given)
        require(
            np.isfinite(capacitance),
            "a capacitor has no capacitance",
            expected="a value, or l and a model with cj",
        )
        temp, tnom = physics.temperatures(values, env)
        dt = temp - tnom
        factor = values["m"] * values["scale"] * (1.0 + values["tc1"] * dt + values["tc2"] * dt * dt)
        return {**values, "effective": capacitance * factor}

    def equations(self) -> Equations:
        """Return the charge."""
        q = self.effective * (self.p - self.n)
        return Equations(q={"p": q, "n": -q})


EXPORT = Capacitor
