"""Voltage-controlled switch that turns gradually, as PSpice's."""

from __future__ import annotations

from typing import Any, ClassVar

from circuitnn.devices.declare import Device, Environment, Equations, Noise, Param, Values
from circuitnn.devices.gradual import conductance, prepared


class GradualVSwitch(Device):
    """The logarithm of the resistance goes from roff at voff to ron at von by a cubic of v(cp) - v(cn), level at both
    ends (MicroSim, PSpice Reference Manual, 1998, "Voltage-Controlled Switch")."""

    letter = "s"
    model_types = ("vswitch",)
    terminals = ("p", "n", "cp", "cn")
    links = (("p", "n", "resistive"),)
    derived: ClassVar[tuple[str, ...]] = ("middle", "per_width", "mean", "ratio", "thermal")

    von = Param(1.0, "V", doc="closed beyond this voltage", on="model")
    voff = Param(0.0, "V", doc="open beyond this voltage", on="model")
    ron = Param(1.0, "ohm", low=0.0, exclusive=True, doc="closed", on="model")
    roff = Param(1e6, "ohm", low=0.0, exclusive=True, doc="open", on="model")

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the coefficients of the cubic."""
        return prepared(values, "von", "voff", env)

    def _conductance(self) -> Any:
        return conductance(self, self.cp - self.cn)

    def equations(self) -> Equations:
        """Return Ohm's law with the conductance at the controlling voltage."""
        i = self.let("conducts", self._conductance()) * (self.p - self.n)
        return Equations(f={"p": i, "n": -i})

    def noise(self) -> tuple[Noise, ...]:
        """Return the thermal noise of the conductance."""
        return (Noise("", "p", "n", self.thermal * self._conductance()),)


EXPORT = GradualVSwitch
