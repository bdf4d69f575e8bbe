"""Operating point: all time derivatives zero, states at their initial values."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

from circuitnn.analyses.analysis import Analysis, Progress, columns, statistics
from circuitnn.mna.system import System
from circuitnn.netlist.flat import AnalysisCard
from circuitnn.results.result import Result


@dataclass(frozen=True)
class Op(Analysis):
    """Operating point.

    Examples
    --------
    >>> import circuitnn as cn
    >>> c = cn.Circuit("diode")
    >>> c.V("1", "a", 0, dc=5.0); c.R("1", "a", "k", "1k"); c.D("1", "k", 0, model="dx"); c.model("dx", "d")
    >>> bool(0.6 < c.op()["v(k)"] < 0.8)
    True
    """

    name: ClassVar[str] = "op"
    usage: ClassVar[str] = ".op"

    @classmethod
    def from_card(cls, card: AnalysisCard) -> Self:
        """``.op`` takes no words."""
        if card.words:
            raise cls.refuse(card, f"unexpected {card.words[0]!r}")
        return cls()

    def run(self, system: System, progress: Progress | None = None) -> Result:
        """Return one point with every node voltage and branch current."""
        system.engine.reset_report()
        x = system.operating_point()
        chosen, variables = columns(system)
        return Result("op1", "op", system.circuit.title, variables, x[chosen][None, :], statistics(system))


EXPORT = Op
