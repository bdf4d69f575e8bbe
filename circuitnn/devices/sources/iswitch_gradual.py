"""Current-controlled switch that turns gradually, as PSpice's."""

from __future__ import annotations

from typing import Any, ClassVar

from circuitnn.devices.declare import Device, Environment, Equations, Noise, Param, Values
from circuitnn.devices.gradual import conductance, prepared


class GradualISwitch(Device):
    """The logarithm of the resistance goes from roff at ioff to ron at ion by a cubic of the sensed branch current,
    level at both ends (MicroSim, PSpice Reference Manual, 1998, "Current-Controlled Switch")."""

    letter = "w"
    model_types = ("iswitch",)
    controls = ("sense",)
    links = (("p", "n", "resistive"),)
    derived: ClassVar[tuple[str, ...]] = ("middle", "per_width", "mean", "ratio", "thermal")

    ion = Param(1e-3, "A", doc="closed beyond this current", on="model")
    ioff = Param(0.0, "A", doc="open beyond this current", on="model")
    ron = Param(1.0, "ohm", low=0.0, exclusive=True, doc="closed", on="model")
    roff = Param(1e6, "ohm", low=0.0, exclusive=True, doc="open", on="model")

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the coefficients of the cubic."""
        return prepared(values, "ion", "ioff", env)

    def _conductance(self) -> Any:
        return conductance(self, self.sense)

    def equations(self) -> Equations:
        """Return Ohm's law with the conductance at the controlling current."""
        i = self.let("conducts", self._conductance()) * (self.p - self.n)
        return Equations(f={"p": i, "n": -i})

    def noise(self) -> tuple[Noise, ...]:
        """Return the thermal noise of the conductance."""
        return (Noise("", "p", "n", self.thermal * self._conductance()),)


EXPORT = GradualISwitch
