"""Small-signal frequency response about the operating point."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from circuitnn.analyses.analysis import FREQUENCY, Analysis, Progress, columns, statistics, sweep_frequencies
from circuitnn.errors import AnalysisError, SingularMatrixError
from circuitnn.mna.smallsignal import SmallSignal
from circuitnn.mna.system import System
from circuitnn.netlist.flat import AnalysisCard
from circuitnn.results.memory import require_memory
from circuitnn.results.result import Result


@dataclass(frozen=True)
class Ac(Analysis):
    """AC analysis: solve (G + j 2 pi f C) x = b at each frequency, G and C being the Jacobians at the operating point.

    Parameters
    ----------
    start, stop : float
        First and last frequency, Hz.
    points : int
        Points a decade or octave, or in all when linear. Of decades, the last one is at ``stop`` (as in ngspice).
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
        if len(card.words) != 4:
            raise cls.miscounted(card, "4")
        spacing, points, start, stop = cls.sweep(card, 0)
        return cls(start, stop, points, spacing)

    def validate(self) -> None:
        """Raise UsageError when there are no such frequencies."""
        sweep_frequencies(self.spacing, self.points, self.start, self.stop, stretch=True)

    def run(self, system: System, progress: Progress | None = None) -> Result:
        """Return complex node voltages and branch currents, one row a frequency."""
        frequencies = sweep_frequencies(self.spacing, self.points, self.start, self.stop, stretch=True)
        system.engine.reset_report()
        linear, drive = SmallSignal(system), system.ac_drive()
        chosen, variables = columns(system)
        require_memory("the sweep", len(frequencies), len(chosen) + 1, 16)
        rows = np.empty((len(frequencies), len(chosen) + 1), complex)
        for k, f in enumerate(frequencies):
            try:
                x = linear.solve(f, drive)
            except SingularMatrixError as error:
                error.result = Result(
                    "ac1", "ac", system.circuit.title, [FREQUENCY, *variables], rows[:k].copy(), statistics(system)
                )
                raise
            rows[k, 0] = f
            rows[k, 1:] = x[chosen]
            if progress is not None:
                progress((k + 1) / len(frequencies))
        if not np.isfinite(rows).all():
            raise AnalysisError("the frequency response is not finite", hint="look for a resonance without loss")
        return Result(
            "ac1", "ac", system.circuit.title, [FREQUENCY, *variables], rows, statistics(system, points=len(rows))
        )


EXPORT = Ac
