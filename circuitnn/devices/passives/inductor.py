"""Linear inductor."""

from __future__ import annotations

from circuitnn.devices.declare import Device, Environment, Equations, Param, Values


class Inductor(Device):
    """v = d(L i)/dt, with the branch current i as an unknown."""

    letter = "l"
    branches = ("i",)
    links = (("p", "n", "inductive"),)
    positional = "inductance"
    derived = ("effective",)

    inductance = Param(None, "H", doc="inductance", on="instance")
    ic = Param(None, "A", doc="initial current, used with uic", on="instance")
    m = Param(1.0, "1", low=0.0, exclusive=True, doc="number in parallel", on="instance")

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the inductance of all in parallel."""
        return {**values, "effective": values["inductance"] / values["m"]}

    def equations(self) -> Equations:
        """Return the branch: v(p) - v(n) - d(L i)/dt = 0."""
        return Equations(f={"p": self.i, "n": -self.i, "i": self.p - self.n}, q={"i": -self.effective * self.i})


EXPORT = Inductor
