"""Small-signal transfer function at the operating point, with input and output resistance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from circuitnn.analyses.analysis import Analysis, Progress, statistics
from circuitnn.mna.smallsignal import SmallSignal, read_output
from circuitnn.mna.system import System
from circuitnn.netlist.flat import AnalysisCard
from circuitnn.results.result import Result, Variable

#: What SPICE calls an infinite resistance, ohm.
_INFINITE = 1e20


@dataclass(frozen=True)
class Tf(Analysis):
    """Transfer function: the slope of an output over a source, and the resistances that both see.

    The result holds ``transfer_function``, ``vin#input_impedance`` and ``output_impedance_at_v(out)`` (of a current
    ``v1#output_impedance``); 1e20 stands for an infinite resistance.

    Parameters
    ----------
    output : str
        ``v(out)``, ``v(out,ref)`` or ``i(v1)``.
    source : str
        An independent source.

    Examples
    --------
    >>> import circuitnn as cn
    >>> c = cn.Circuit("divider")
    >>> c.V("in", "a", 0, dc=2.0); c.R("1", "a", "b", "1k"); c.R("2", "b", 0, "3k")
    >>> tf = c.tf("v(b)", "vin")
    >>> {name: round(float(tf[name]), 9) for name in tf}
    {'transfer_function': 0.75, 'vin#input_impedance': 4000.0, 'output_impedance_at_v(b)': 750.0}
    """

    output: str
    source: str

    name: ClassVar[str] = "tf"
    usage: ClassVar[str] = ".tf V(OUT[,REF])|I(SOURCE) SOURCE"

    @classmethod
    def from_card(cls, card: AnalysisCard) -> Self:
        """Read ``.tf v(out) v1``."""
        if len(card.words) != 2:
            raise cls.miscounted(card, "2")
        return cls(str(card.words[0]).lower(), str(card.words[1]).lower())

    def check(self, system: System) -> None:
        """Raise CircuitError when the output or the source is not there."""
        read_output(system, self.output)
        system.source(self.source.lower())

    def run(self, system: System, progress: Progress | None = None) -> Result:
        """Return one point with the three numbers."""
        self.check(system)
        system.engine.reset_report()
        linear = SmallSignal(system)
        output, source = linear.output(self.output), self.source.lower()
        drive = linear.drive(source)
        response = linear.dc.solve(drive)
        # 1 A into the output's nodes gives its resistance; 1 V in series with its branch, minus its conductance.
        own = float(output.weights @ linear.dc.solve(output.weights))
        if system.source(source).letter == "v":
            resistance = _inverse(-float(response[system.plan.branch_index[source]]))
        else:
            resistance = float(drive @ response) / max(float(np.abs(drive).max()), 1.0) ** 2  # m of it in parallel
        ohms = output.kind == "voltage" and system.source(source).letter == "i"
        at = f"{output.branch}#output_impedance" if output.branch else f"output_impedance_at_{output.name}"
        names = [
            Variable("transfer_function", "impedance" if ohms else "notype"),
            Variable(f"{source}#input_impedance", "impedance"),
            Variable(at, "impedance"),
        ]
        values = [float(output.weights @ response), resistance, _inverse(-own) if output.branch else own]
        return Result("tf1", "tf", system.circuit.title, names, np.array([values]), statistics(system))


def _inverse(conductance: float) -> float:
    return 1.0 / conductance if abs(conductance) > 1.0 / _INFINITE else _INFINITE


EXPORT = Tf
