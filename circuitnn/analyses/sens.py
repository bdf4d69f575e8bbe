"""Sensitivities of an output to all parameters of all elements, at dc or over frequency."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from circuitnn.analyses.analysis import FREQUENCY, Analysis, Progress, statistics, sweep_frequencies
from circuitnn.errors import AnalysisError, SingularMatrixError, UsageError
from circuitnn.mna.derivatives import Point, Slopes
from circuitnn.mna.smallsignal import SmallSignal, read_output
from circuitnn.mna.system import System
from circuitnn.netlist.flat import AnalysisCard
from circuitnn.results.result import Result, Variable


@dataclass(frozen=True)
class Sens(Analysis):
    """Sensitivities d(output)/d(parameter), per unit of the parameter, by the adjoint network.

    One solution with the transposed matrix serves all parameters (Director and Rohrer, IEEE Trans. Circuit Theory 16,
    318, 1969); over frequency, a second one follows how the operating point moves with a parameter. Names are
    ``r1`` for the value itself, ``r1_scale`` for an instance parameter, ``d1:is`` for a model's parameter as far as it
    acts through that instance. Parameters that are zero or not given are left out.

    Parameters
    ----------
    output : str
        ``v(out)``, ``v(out,ref)`` or ``i(v1)``.
    start, stop : float, optional
        First and last frequency, Hz, of the sensitivities of the ac response; without them those at dc.
    points : int
        Points a decade or octave, or in all when linear.
    spacing : {"dec", "oct", "lin"}

    Examples
    --------
    >>> import circuitnn as cn
    >>> c = cn.Circuit("divider")
    >>> c.V("in", "a", 0, dc=4.0); c.R("1", "a", "b", "1k"); c.R("2", "b", 0, "3k")
    >>> sens = c.sens("v(b)")
    >>> {name: round(float(sens[name]), 9) for name in ("vin", "r1", "r2")}
    {'vin': 0.75, 'r1': -0.00075, 'r2': 0.00025}
    """

    output: str
    start: float | None = None
    stop: float | None = None
    points: int = 10
    spacing: str = "dec"

    name: ClassVar[str] = "sens"
    usage: ClassVar[str] = ".sens V(OUT[,REF])|I(SOURCE) [AC DEC|OCT|LIN POINTS FSTART FSTOP]"

    @classmethod
    def from_card(cls, card: AnalysisCard) -> Self:
        """Read ``.sens v(out)``, ``.sens v(out) ac dec 10 1 1meg``."""
        words = [str(word).lower() for word in card.words]
        if len(words) == 1 or (len(words) == 2 and words[1] == "dc"):
            return cls(words[0])
        if len(words) != 6:
            raise cls.miscounted(card, "1, 2 or 6")
        if words[1] != "ac":
            raise cls.refuse(card, f"{words[1]!r} is not ac", words[1])
        spacing, points, start, stop = cls.sweep(card, 2)
        return cls(words[0], start, stop, points, spacing)

    def validate(self) -> None:
        """Raise UsageError when there are no such frequencies."""
        if (self.start is None) != (self.stop is None):
            raise UsageError("sensitivities over frequency need both ends", expected="start and stop, or neither")
        if self.start is not None and self.stop is not None:
            sweep_frequencies(self.spacing, self.points, self.start, self.stop)

    def check(self, system: System) -> None:
        """Raise CircuitError when the output is not there."""
        read_output(system, self.output)

    def run(self, system: System, progress: Progress | None = None) -> Result:
        """Return one point, or one row a frequency, with a column for each parameter."""
        self.validate()
        self.check(system)
        system.engine.reset_report()
        linear = SmallSignal(system)
        point = Point(linear)
        slopes = list(point.slopes())
        title, weights = system.circuit.title, linear.output(self.output).weights
        if self.start is None or self.stop is None:
            row = _Row()
            adjoint = linear.dc.solve_transposed(weights)
            for one in slopes:
                row.add(one.names, _moved(one, adjoint))
            variables = [Variable(name, "notype") for name in row.values]
            data = np.array([list(row.values.values())]).reshape(1, len(variables))
            return Result("sens1", "sens", title, variables, _finite(data), statistics(system))
        frequencies = sweep_frequencies(self.spacing, self.points, self.start, self.stop)
        rows: list[list[complex]] = []
        names: list[str] = []

        def result() -> Result:
            variables = [FREQUENCY, *(Variable(name, "notype") for name in names)]
            data = np.array(rows, dtype=complex).reshape(len(rows), len(variables))
            return Result("sens1", "sens", title, variables, data, statistics(system, points=len(rows)))

        response = _Response(linear, point, slopes)
        for k, f in enumerate(frequencies):
            try:
                values = response.row(f, weights)
            except SingularMatrixError as error:
                error.result = result()
                raise
            names = list(values)
            rows.append([complex(f), *values.values()])
            if progress is not None:
                progress((k + 1) / len(frequencies))
        _finite(np.array(rows))
        return result()


class _Row:
    """Sensitivities by name; contributions to one name add up."""

    def __init__(self) -> None:
        self.values: dict[str, complex] = {}

    def add(self, names: list[str], values: NDArray[np.complex128]) -> None:
        for name, value in zip(names, values.tolist(), strict=True):
            self.values[name] = self.values.get(name, 0.0) + value


class _Response:
    """The sensitivities of an ac response: ``d(w x) = -y (dA x - db)`` with ``A^T y = w``.

    A changes with a parameter p at once, and with the operating point x0, which p moves: of the latter,
    ``g = d(y A x)/dx0`` is gathered from the second derivatives of the kernels, and ``J^T mu = g`` gives ``mu df/dp``.
    """

    def __init__(self, linear: SmallSignal, point: Point, slopes: list[Slopes]) -> None:
        self.linear, self.slopes = linear, slopes
        self.curvatures = point.curvatures()
        self.drive = linear.system.ac_drive()

    def row(self, frequency: float, weights: NDArray[np.float64]) -> dict[str, complex]:
        linear, n = self.linear, self.linear.plan.n
        jw = 2j * math.pi * frequency
        x = np.append(linear.solve(frequency, self.drive), 0.0)
        y = np.append(linear.adjoint(frequency, weights), 0.0)
        g = np.zeros(n + 1, complex)
        for batch, curves in self.curvatures:
            kernel, index = batch.kernel, batch.index
            f = y[index[kernel.jf_row]] * x[index[kernel.jf_col]]
            q = jw * y[index[kernel.jq_row]] * x[index[kernel.jq_col]]
            for k, jf, jq in curves:
                np.add.at(g, index[k], (f * jf).sum(axis=0) + (q * jq).sum(axis=0))
        _finite(g)  # a slope may itself have an infinite one, as that of sqrt(x) at 0
        mu = linear.dc.solve_transposed(g[:-1].real) + 1j * linear.dc.solve_transposed(g[:-1].imag)
        row = _Row()
        for one in self.slopes:
            kernel, index = one.kernel, one.index
            direct = (y[index[kernel.jf_row]] * x[index[kernel.jf_col]] * one.jf).sum(axis=0)
            direct = direct + jw * (y[index[kernel.jq_row]] * x[index[kernel.jq_col]] * one.jq).sum(axis=0)
            row.add(one.names, -direct - _moved(one, mu))
        self._drives(row, y[:-1])
        return row.values

    def _drives(self, row: _Row, y: NDArray[np.complex128]) -> None:
        """Sources by magnitude and phase (degrees) of their small signal, those at zero left out."""
        for element in self.linear.plan.sources:
            magnitude, degrees = element.params.get("acmag", 0.0), element.params.get("acphase", 0.0)
            if magnitude == 0.0:
                continue
            phase = math.radians(degrees)
            unit = complex(y @ self.linear.drive(element.name)) * complex(math.cos(phase), math.sin(phase))
            row.add([f"{element.name}_acmag"], np.array([unit]))
            if degrees != 0.0:
                row.add([f"{element.name}_acphase"], np.array([1j * math.radians(1.0) * magnitude * unit]))


def _moved(one: Slopes, adjoint: NDArray[np.complex128]) -> NDArray[np.complex128]:
    """Return ``-adjoint df/dp``: what the shift of the operating point makes."""
    padded = np.append(adjoint, 0.0)
    moved: NDArray[np.complex128] = -(padded[one.index] * one.f).sum(axis=0)
    return moved


def _finite(data: NDArray[np.complex128]) -> NDArray[np.complex128]:
    if not np.isfinite(data).all():
        raise AnalysisError("a sensitivity is not finite", hint="look for a parameter at the end of its range")
    return data


EXPORT = Sens
