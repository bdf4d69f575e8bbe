"""Resistor with temperature coefficients, by value or by geometry."""

from __future__ import annotations

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Device, Environment, Equations, Noise, Param, Values, require
from circuitnn.devices.symbolic import magnitude


class Resistor(Device):
    """i = v / R, R = R0 (1 + tc1 dT + tc2 dT^2) or R0 1.01^(tce dT), dT = T - tnom.

    Without a value, R0 = rsh (l - 2 short) / (w - 2 narrow).
    """

    letter = "r"
    model_types = ("r", "res")
    links = (("p", "n", "resistive"),)
    positional = "resistance"
    derived = ("conductance", "thermal", "flicker")

    resistance = Param(None, "ohm", doc="resistance at tnom; may be negative, not zero", on="instance")
    tc1 = Param(0.0, "1/K", doc="linear temperature coefficient")
    tc2 = Param(0.0, "1/K^2", doc="quadratic temperature coefficient")
    tce = Param(None, "percent/K", doc="exponential temperature coefficient, in place of TC1 and TC2")
    m = Param(1.0, "1", low=0.0, exclusive=True, doc="number in parallel", on="instance")
    scale = Param(1.0, "1", low=0.0, exclusive=True, doc="factor of the resistance", on="instance")
    temp = Param(None, "degC", low=-physics.ZERO_CELSIUS, doc="own temperature", on="instance")
    dtemp = Param(0.0, "K", doc="difference to the circuit's temperature", on="instance")
    l = Param(None, "m", low=0.0, doc="length")
    w = Param(None, "m", low=0.0, doc="width")
    rsh = Param(None, "ohm", low=0.0, doc="sheet resistance", on="model")
    defw = Param(10e-6, "m", low=0.0, doc="default width", on="model")
    narrow = Param(0.0, "m", doc="narrowing by etching at either side", on="model")
    short = Param(0.0, "m", doc="shortening by etching at either end", on="model")
    noisy = Param(1.0, "1", choices=(0.0, 1.0), doc="0: makes no noise", on="instance")
    kf = Param(0.0, "1", low=0.0, doc="flicker-noise coefficient; noise only", on="model")
    af = Param(1.0, "1", low=0.0, doc="flicker-noise exponent of the current; noise only", on="model")
    ef = Param(1.0, "1", low=0.0, doc="flicker-noise exponent of the frequency; noise only", on="model")
    lf = Param(1.0, "1", doc="flicker-noise exponent of the length; noise only", on="model")
    wf = Param(1.0, "1", doc="flicker-noise exponent of the width; noise only", on="model")
    tnom = Param(None, "degC", low=-physics.ZERO_CELSIUS, doc="temperature at which the values hold", on="model")
    r = Param(None, "ohm", doc="default resistance", on="model")

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the conductance at the element's temperature."""
        given = values["resistance"]
        given = np.where(np.isnan(given), values["r"], given)
        width = np.where(np.isnan(values["w"]), values["defw"], values["w"]) - 2.0 * values["narrow"]
        length = values["l"] - 2.0 * values["short"]
        with np.errstate(divide="ignore", invalid="ignore"):
            geometric = np.where(width > 0.0, values["rsh"] * length / width, np.nan)
            area = length ** values["lf"] * width ** values["wf"]
        resistance = np.where(np.isnan(given), geometric, given)
        require(
            np.isfinite(resistance),
            "a resistor has no resistance",
            expected="a value, or l and a model with rsh, and a width above twice narrow",
        )
        temp, tnom = physics.temperatures(values, env)
        dt = temp - tnom
        law = np.where(
            np.isnan(values["tce"]), 1.0 + values["tc1"] * dt + values["tc2"] * dt * dt, 1.01 ** (values["tce"] * dt)
        )
        total = resistance * values["scale"] * law
        require(
            total != 0.0,
            "a resistance is zero",
            expected="another value",
            hint="use a voltage source of 0 V for a short circuit",
        )
        return {
            **values,
            "conductance": values["m"] / total,
            "thermal": 4.0 * physics.BOLTZMANN * temp * np.abs(values["m"] / total) * values["noisy"],
            "flicker": values["kf"] * values["m"] / np.where(np.isnan(area), 1.0, area) * values["noisy"],
        }

    def equations(self) -> Equations:
        """Return Ohm's law."""
        i = self.conductance * (self.p - self.n)
        return Equations(f={"p": i, "n": -i})

    def noise(self) -> tuple[Noise, ...]:
        """Return Johnson's noise 4kT/R and flicker noise KF |i|^AF / (l^LF w^WF f^EF)."""
        i = self.conductance * (self.p - self.n) / self.m
        return (
            Noise("thermal", "p", "n", self.thermal),
            Noise("1overf", "p", "n", self.flicker * magnitude(i) ** self.af, self.ef),
        )


EXPORT = Resistor
