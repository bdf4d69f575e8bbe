"""Magnetic tunnel junction under a field line: a macrospin on which the current of another circuit acts."""

from __future__ import annotations

from typing import ClassVar

from circuitnn.devices.declare import Equations, Param
from circuitnn.devices.magnetic.llg import FreeLayer, Vector


class MacrospinLine(FreeLayer):
    """A macrospin (p, n), and a line (fp, fn) of resistance rl whose current adds a field (lx, ly, lz) i_line.

    For all else see ``macrospin``. A straight line of width w just above makes 1/(2 w) across itself.
    """

    model_types: ClassVar[tuple[str, ...]] = ("macrospin_line",)
    terminals = ("p", "n", "fp", "fn")
    links = (("p", "n", "resistive"), ("fp", "fn", "resistive"))

    rl = Param(10.0, "ohm", low=0.0, exclusive=True, doc="resistance of the line", source="a round number")
    lx = Param(0.0, "1/m", doc="field of the line's current, A/m per A along x")
    ly = Param(5e5, "1/m", doc="the same along y", source="a line 1 um wide")
    lz = Param(0.0, "1/m", doc="the same along z")

    def _other_field(self, p: Vector) -> Vector:
        i = (self.fp - self.fn) / self.rl
        return (self.lx * i, self.ly * i, self.lz * i)

    def equations(self) -> Equations:
        """Return those of the junction, and Ohm's law of the line."""
        own = super().equations()
        i = (self.fp - self.fn) / self.rl
        return Equations(f={**own.f, "fp": i, "fn": -i}, q=own.q)


EXPORT = MacrospinLine
