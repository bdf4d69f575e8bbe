"""Noise: what the noise currents of all elements make of an output, over frequency and over the whole band."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from circuitnn.analyses.analysis import FREQUENCY, Analysis, Progress, statistics, sweep_frequencies
from circuitnn.errors import AnalysisError, SingularMatrixError, UsageError
from circuitnn.mna.smallsignal import NoiseSources, Output, SmallSignal, read_output
from circuitnn.mna.system import System
from circuitnn.netlist.flat import AnalysisCard
from circuitnn.results.result import Result, Variable

Real = NDArray[np.float64]

#: Squared gain below which ngspice takes the input for unconnected.
_LEAST_GAIN = 1e-20


@dataclass(frozen=True)
class Noise(Analysis):
    """Noise analysis: spectral densities at an output, referred to an input, and what they amount to over the band.

    The transfer of all noise currents to the output comes from one solution with the transposed matrix at each
    frequency (Rohrer, Nagel, Meyer and Weber, IEEE J. Solid-State Circuits 6, 204, 1971). The result holds
    ``onoise_spectrum`` and ``inoise_spectrum``, V or A per square root of hertz; its ``totals`` are ``onoise_total``
    and ``inoise_total``, V or A. With ``summary`` also what each element and source contributes: ``onoise_r1``,
    ``onoise_r1_thermal``, ``onoise_total_r1``, ...

    Parameters
    ----------
    output : str
        ``v(out)``, ``v(out,ref)`` or ``i(v1)``.
    source : str
        The independent source that noise is referred to.
    start, stop : float
        First and last frequency, Hz.
    points : int
        Points a decade or octave, or in all when linear.
    spacing : {"dec", "oct", "lin"}
    summary : int
        Show each so many frequencies, with the contributions; 0 shows every one without.

    Examples
    --------
    >>> import circuitnn as cn, numpy as np
    >>> c = cn.Circuit("kT/C")
    >>> c.V("in", "a", 0); c.R("1", "a", "b", "1k"); c.C("1", "b", 0, "1p")
    >>> noise = c.noise("v(b)", "vin", 1.0, 1e14, 50)
    >>> round(float(noise.totals["onoise_total"]) * 1e6, 2), round(float(np.sqrt(1.380649e-11 * 300.15)) * 1e6, 2)
    (64.37, 64.37)
    """

    output: str
    source: str
    start: float
    stop: float
    points: int = 10
    spacing: str = "dec"
    summary: int = 0

    name: ClassVar[str] = "noise"
    usage: ClassVar[str] = ".noise V(OUT[,REF]) SOURCE DEC|OCT|LIN POINTS FSTART FSTOP [POINTS_PER_SUMMARY]"

    @classmethod
    def from_card(cls, card: AnalysisCard) -> Self:
        """Read ``.noise v(out) v1 dec 10 1 1meg 1``."""
        if len(card.words) not in (6, 7):
            raise cls.miscounted(card, "6 or 7")
        spacing, points, start, stop = cls.sweep(card, 2)
        summary = int(cls.number(card, 6)) if len(card.words) == 7 else 0
        return cls(str(card.words[0]).lower(), str(card.words[1]).lower(), start, stop, points, spacing, summary)

    def validate(self) -> None:
        """Raise UsageError when there are no such frequencies, or for a summary of less than none."""
        sweep_frequencies(self.spacing, self.points, self.start, self.stop)
        if self.summary < 0:
            raise UsageError(f"summary = {self.summary} is negative", expected="0, or each so many frequencies")

    def check(self, system: System) -> None:
        """Raise CircuitError when the output or the source is not there."""
        read_output(system, self.output)
        system.source(self.source.lower())

    def run(self, system: System, progress: Progress | None = None) -> Result:
        """Return the densities by frequency; ``totals`` of the result are their integrals."""
        self.validate()
        frequencies = sweep_frequencies(self.spacing, self.points, self.start, self.stop)
        self.check(system)
        system.engine.reset_report()
        linear = SmallSignal(system)
        output = linear.output(self.output)
        sources = linear.noise_sources()
        self._say_what_is_missing(system, sources)
        if frequencies[0] == 0.0 and (sources.density[sources.exponent > 0.0] > 0.0).any():
            raise UsageError("flicker noise has no density at 0 Hz", expected="a first frequency above zero")
        drive = linear.drive(self.source.lower())
        labels = sources.labels()
        sums = _Sums(len(labels))
        rows: list[Real] = []

        def result(whole: bool) -> Result:
            return self._result(system, output, labels, rows, sums if whole else None)

        for k, f in enumerate(frequencies):
            try:
                adjoint = linear.adjoint(f, output.weights)
            except SingularMatrixError as error:
                error.result = result(whole=False)
                raise
            gain = max(float(np.abs(adjoint @ drive)) ** 2, _LEAST_GAIN)
            own = sources.contributions(adjoint, f)
            sums.add(f, own, gain)
            if self.summary == 0 or k % self.summary == 0:
                total = own.sum()
                parts = _by_element(labels, own) if self.summary else []
                with np.errstate(invalid="ignore"):  # refused below, by name
                    rows.append(np.sqrt(np.array([f * f, total, total / gain, *parts])))
            if progress is not None:
                progress((k + 1) / len(frequencies))
        if not np.isfinite(rows).all():
            densities = zip(sources.names, sources.density, strict=True)
            without = sorted({name for (name, _), density in densities if not density >= 0.0})
            raise AnalysisError(
                "the noise is not finite" + (f": {', '.join(without[:8])} have no density" if without else ""),
                names=without,
                hint="look for a resonance without loss",
            )
        return result(whole=True)

    def _say_what_is_missing(self, system: System, sources: NoiseSources) -> None:
        warnings = system.circuit.warnings
        for name in sources.silent:
            text = f"the noise of {name} is left out: it is not known for cells that are devices"
            if text not in warnings:
                warnings.append(text)

    def _result(
        self, system: System, output: Output, labels: list[tuple[str, str]], rows: list[Real], sums: _Sums | None
    ) -> Result:
        into = "current" if system.source(self.source.lower()).letter == "i" else "voltage"
        variables = [
            FREQUENCY,
            Variable("onoise_spectrum", f"{output.kind}-density"),
            Variable("inoise_spectrum", f"{into}-density"),
        ]
        names = _names(labels) if self.summary else []
        variables += [Variable(f"onoise_{name}", f"{output.kind}-density") for name in names]
        title, counts = system.circuit.title, statistics(system, points=len(rows), sources=len(labels))
        totals = None
        if sums is not None:
            columns = [Variable("onoise_total", output.kind), Variable("inoise_total", into)]
            values = [sums.output.sum(), sums.input.sum()]
            if self.summary:
                columns += [Variable(f"onoise_total_{name}", output.kind) for name in names]
                columns += [Variable(f"inoise_total_{name}", into) for name in names]
                values += _by_element(labels, sums.output) + _by_element(labels, sums.input)
            totals = Result("noise_total1", "noise_total", title, columns, np.sqrt([values]), counts)
        data = np.array(rows).reshape(len(rows), len(variables))
        return Result("noise1", "noise", title, variables, data, counts, totals=totals)


def _names(labels: list[tuple[str, str]]) -> list[str]:
    """Return the names of the contributions: an element, then its sources."""
    found: dict[str, None] = {}
    for element, source in labels:
        found.setdefault(element)
        if source:
            found.setdefault(f"{element}_{source}")
    return list(found)


def _by_element(labels: list[tuple[str, str]], values: Real) -> list[float]:
    """Return the contributions under their names: elements are the sums of their sources."""
    found: dict[str, float] = {}
    for (element, source), value in zip(labels, values.tolist(), strict=True):
        found[element] = found.get(element, 0.0) + value
        if source:
            found[f"{element}_{source}"] = found.get(f"{element}_{source}", 0.0) + value
    return list(found.values())


class _Sums:
    """Integrals over frequency of each contribution, at the output and referred to the input.

    Between two frequencies a density is taken for a power of the frequency, as ngspice does.
    """

    def __init__(self, count: int) -> None:
        self.output, self.input = np.zeros(count), np.zeros(count)
        self._last: tuple[float, Real, Real] | None = None

    def add(self, frequency: float, density: Real, gain: float) -> None:
        """Add the interval that ends at a frequency; ``gain`` is squared."""
        referred = density / gain
        if self._last is not None:
            before, of_output, of_input = self._last
            self.output += power_law_integral(before, frequency, of_output, density)
            self.input += power_law_integral(before, frequency, of_input, referred)
        self._last = frequency, density, referred


def power_law_integral(f0: float, f1: float, a: Real, b: Real) -> Real:
    """Return the integrals from f0 to f1 of densities that are a and b there and powers of the frequency between.

    Examples
    --------
    >>> power_law_integral(1.0, 10.0, np.array([2.0, 1.0]), np.array([2.0, 0.1])).round(9).tolist()
    [18.0, 2.302585093]
    """
    straight = 0.5 * (a + b) * (f1 - f0)
    if f0 <= 0.0 or f1 <= f0:
        return straight
    step = np.log(f1 / f0)
    usable = (a > 0.0) & (b > 0.0)
    slope = np.log(np.where(usable, b, 1.0) / np.where(usable, a, 1.0)) / step + 1.0
    # expm1 keeps its digits where the slope is near zero, which is where a density falls as 1/f
    power = a * f0 * np.where(np.abs(slope) < 1e-12, step, np.expm1(slope * step) / np.where(slope == 0.0, 1.0, slope))
    return np.where(usable, power, straight)


EXPORT = Noise
