"""Small-signal frequency response about the operating point."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from circuitnn.analyses.analysis import Analysis, Progress, columns, require_finite, statistics
from circuitnn.errors import AnalysisError, SingularMatrixError, UsageError
from circuitnn.mna._lu import LU
from circuitnn.mna.system import System
from circuitnn.netlist.flat import AnalysisCard
from circuitnn.results.result import Result, Variable


@dataclass(frozen=True)
class Ac(Analysis):
    """AC analysis: solve (G + j 2 pi f C) x = b at each frequency, G and C being the Jacobians at the operating point.

    Parameters
    ----------
    start, stop : float
        First and last frequency, Hz.
    points : int
        Points a decade or octave, or in all when linear.
    spacing : {"dec", "oct", "lin"}

    Examples
    --------
    >>> import circuitnn as cn, numpy as np
    >>> c = cn.Circuit("low pass")
    >>> c.V("in", "a", 0, ac=1.0); c.R("1", "a", "b", "1k"); c.C("1", "b", 0, "1u")
    >>> corner = 1 / (2 * np.pi * 1e-3)
    >>> abs(c.ac(corner, corner, 1, "lin")["v(b)"]).round(6).tolist()
    [0.707107]
    """

    start: float
    stop: float
    points: int = 10
    spacing: str = "dec"

    name: ClassVar[str] = "ac"
    usage: ClassVar[str] = ".ac DEC|OCT|LIN POINTS FSTART FSTOP"

    @classmethod
    def from_card(cls, card: AnalysisCard) -> Self:
        """Read ``.ac dec 10 1 1meg``."""
        if len(card.words) != 4 or str(card.words[0]).lower() not in ("dec", "oct", "lin"):
            raise cls.refuse(card, "malformed")
        return cls(cls.number(card, 2), cls.number(card, 3), int(cls.number(card, 1)), str(card.words[0]).lower())

    def frequencies(self) -> np.ndarray:
        """Return the frequencies in Hz, as SPICE chooses them."""
        start = require_finite("start frequency", self.start)
        stop = require_finite("stop frequency", self.stop)
        if self.points < 1 or stop < start or start < 0.0 or (start == 0.0 and self.spacing != "lin"):
            raise UsageError(
                f"an ac sweep of {self.points} points from {start:g} Hz to {stop:g} Hz cannot be made",
                expected="points >= 1 and 0 < start <= stop",
            )
        if self.spacing == "lin":
            return np.linspace(start, stop, self.points) if self.points > 1 else np.array([start])
        if self.spacing not in ("dec", "oct"):
            raise UsageError(f"unknown spacing {self.spacing!r}", expected="dec, oct or lin")
        base = 10.0 if self.spacing == "dec" else 2.0
        count = math.floor(math.log(stop / start, base) * self.points * (1.0 + 1e-12) + 1e-6) + 1
        return start * base ** (np.arange(count) / self.points)

    def run(self, system: System, progress: Progress | None = None) -> Result:
        """Return complex node voltages and branch currents, one row a frequency."""
        frequencies = self.frequencies()
        system.engine.reset_report()
        conductance, capacitance = system.jacobians(system.operating_point())
        plan, drive = system.plan, system.ac_drive()
        chosen, variables = columns(system)
        rows = np.empty((len(frequencies), len(chosen) + 1), complex)
        lu = LU(plan.ap, plan.ai, plan.perm, complex=True)
        for k, f in enumerate(frequencies):
            try:
                matrix = conductance + 2j * math.pi * f * capacitance
                lu.refactor(matrix) if k else lu.factor(matrix)
            except SingularMatrixError as error:
                partial = Result(
                    "ac1", "ac", system.circuit.title, [_AXIS, *variables], rows[:k].copy(), statistics(system)
                )
                unknown = error.names[0] if error.names else None
                name = system.names[int(unknown)] if unknown is not None else "an unknown"
                raise SingularMatrixError(
                    f"at {f:g} Hz the equations do not determine {name}", names=(name,), result=partial
                ) from None
            rows[k, 0] = f
            rows[k, 1:] = lu.solve(drive)[chosen]
            if progress is not None:
                progress((k + 1) / len(frequencies))
        if not np.isfinite(rows).all():
            raise AnalysisError("the frequency response is not finite", hint="look for a resonance without loss")
        return Result(
            "ac1", "ac", system.circuit.title, [_AXIS, *variables], rows, statistics(system, points=len(rows))
        )


_AXIS = Variable("frequency", "frequency")

EXPORT = Ac
