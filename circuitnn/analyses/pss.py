"""Periodic steady state of driven circuits and of oscillators."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray

import circuitnn.mna._engine as _engine
from circuitnn.analyses.analysis import Analysis, Progress, columns, require_finite, statistics
from circuitnn.errors import AnalysisError, ConvergenceError, UsageError
from circuitnn.mna.floquet import diffusion, multipliers, projection
from circuitnn.mna.orbit import WEIGHTS, Orbit, Problem
from circuitnn.mna.periodic import Periodic, Stretch
from circuitnn.mna.smallsignal import node_index
from circuitnn.mna.system import System
from circuitnn.netlist.flat import AnalysisCard
from circuitnn.results.periodic import PeriodicResult
from circuitnn.results.result import Variable

Real = NDArray[np.float64]

#: Periods of the start when no ``tstab`` is given, and steps of it in a period.
_PERIODS, _STEPS = 10, 100
#: Longest period in crossings of a level, and by how much a state may differ from that a period before, of its range.
_CROSSINGS, _ALIKE, _USABLE = 8, 0.02, 0.5
#: How often the start is made longer when it does not repeat yet.
_LONGER = 5
#: Lengths of the starts that are tried in turn when Newton's method fails, as parts of the first one.
_LONGER_STARTS = (1.0, 4.0, 16.0)
#: Change of an amplitude's square that counts as drift, and by what factor an amplitude may be extrapolated.
_DRIFTS, _LEAP = 1e-3, 30.0
#: Part of its size that an orbit must move by to be one.
_MOVES = 1e-4


@dataclass(frozen=True)
class Pss(Analysis):
    """Periodic steady state.

    Where sources depend on the time, their period is given. Otherwise the circuit must oscillate by itself: a transient
    starts it, and the period is one of the unknowns.

    Parameters
    ----------
    frequency : float, optional
        Hz. Of the sources; of an oscillation about, to a factor of a few. An oscillation may do with ``tstab`` alone.
    tstab : float, optional
        Time that the circuit is given to come near, s; ten periods when absent.
    node : str, optional
        A node that oscillates; chosen by its swing when absent.
    tolerance : float
        Of the period and of the waveforms, as a part of themselves.
    uic : bool
        Start from the given initial conditions instead of an operating point.

    Raises
    ------
    ConvergenceError
        When nothing oscillates, or no periodic solution is found.
    AnalysisError
        When the sources do not repeat with the frequency, or the circuit remembers more than its unknowns tell
        (transmission lines, devices that jump at random).

    Examples
    --------
    >>> import circuitnn as cn
    >>> c = cn.parse("diode\\nv1 a 0 sin(0 5 1k)\\nd1 a b dm\\n.model dm d\\nr1 b 0 1k\\nc1 b 0 1u\\n.end").circuit()
    >>> pss = c.pss(frequency=1e3)
    >>> bool(1.0 < pss.harmonics("v(b)")[0].real < 4.0)
    True
    """

    frequency: float | None = None
    tstab: float | None = None
    node: str | None = None
    tolerance: float = 1e-6
    uic: bool = False

    name: ClassVar[str] = "pss"
    usage: ClassVar[str] = ".pss GFREQ TSTAB [OSCNOB [PSSPOINTS [HARMS [SCITER [STEADYCOEFF]]]]] [UIC]"

    @classmethod
    def from_card(cls, card: AnalysisCard) -> Self:
        """Read ngspice's ``.pss gfreq tstab oscnob psspoints harms sciter steadycoeff <uic>``.

        The number of points, harmonics and iterations is not needed here; they are checked to be numbers.
        """
        words = list(card.words)
        uic = bool(words) and str(words[-1]).lower() == "uic"
        words = words[: len(words) - uic]
        if not 1 <= len(words) <= 7:
            raise cls.miscounted(card, "1 to 7, and uic,")
        numbers = [cls.number(card, k) for k in range(len(words)) if k != 2]
        node = str(words[2]).lower() if len(words) > 2 else None
        if node is not None and node.startswith("v(") and node.endswith(")"):
            node = node[2:-1]
        tolerance = min(numbers[5], 1e-3) if len(numbers) > 5 else 1e-6
        tstab = numbers[1] if len(numbers) > 1 and numbers[1] > 0.0 else None
        return cls(frequency=numbers[0], tstab=tstab, node=node, tolerance=tolerance, uic=uic)

    def validate(self) -> None:
        """Raise UsageError for numbers that cannot be meant."""
        if self.frequency is None and self.tstab is None:
            raise UsageError("neither frequency nor tstab is given", expected="one of them")
        for what in ("frequency", "tstab"):
            if getattr(self, what) is not None:
                require_finite(what, getattr(self, what), positive=True)
        if not 1e-10 <= require_finite("tolerance", self.tolerance, positive=True) <= 1e-3:
            raise UsageError(f"tolerance = {self.tolerance:g}", expected="1e-10 to 1e-3")

    def check(self, system: System) -> None:
        """Raise CircuitError when there is no such node."""
        if self.node is not None:
            node_index(system, self.node.lower(), ".pss")

    def run(self, system: System, progress: Progress | None = None) -> PeriodicResult:
        """Return one period."""
        self.validate()
        self.check(system)
        system.engine.reset_report()
        problem, orbit = self.solve(system)
        return periodic_result(system, problem, orbit)

    def solve(self, system: System) -> tuple[Problem, Orbit]:
        """Return the discretised period."""
        moving = _moves(system)
        if moving and self.frequency is None:
            raise UsageError("the sources depend on the time", expected="frequency, that of their period")
        frequency = None if self.frequency is None else require_finite("frequency", self.frequency, positive=True)
        for longer in _LONGER_STARTS:
            periodic, stretch, corners = (self._driven if moving else self._free)(system, frequency, longer)
            problem, orbit = periodic.orbit(stretch, corners)
            try:
                problem, orbit = periodic.refine(problem, orbit)
            except ConvergenceError:
                if longer == _LONGER_STARTS[-1]:
                    raise
                continue
            if not moving:
                _require_motion(system, orbit, periodic.dynamic)
            break
        return problem, orbit

    # ------------------------------------------------------------------ starts
    def _driven(self, system: System, frequency: float | None, longer: float) -> tuple[Periodic, Stretch, list[float]]:
        assert frequency is not None
        period = 1.0 / frequency
        settle = _PERIODS * period if self.tstab is None else self.tstab
        start = math.ceil(settle * longer * frequency * (1.0 - 1e-9)) * period
        stop = start + period
        system.set_waveforms(step=period / _STEPS, stop=stop)
        _require_repeats(system, start, period)
        periodic = Periodic(system, True, self.tolerance)
        corners, at = [], start
        while (at := system.engine.next_corner(at)) < stop:
            corners.append(at - start)
        times, points = self._transient(system, stop, period / _STEPS)
        positions = periodic.positions_along(points)
        return periodic, Stretch(times, points, positions).cut(start, stop), corners

    def _free(self, system: System, frequency: float | None, longer: float) -> tuple[Periodic, Stretch, list[float]]:
        period = None if frequency is None else 1.0 / frequency
        if self.tstab is not None:
            stop = self.tstab if period is None else self.tstab + 4.0 * period
        else:
            assert period is not None
            stop = (_PERIODS + 4.0) * period
        step = stop / 2000.0 if period is None else period / _STEPS
        stop *= longer
        system.reset_waveforms()
        periodic = Periodic(system, False, self.tolerance)
        for _ in range(_LONGER):
            times, points = self._transient(system, stop, step)
            found = self._recurrence(system, periodic, times, points)
            if found is not None:
                positions = periodic.positions_along(points)
                stretch = Stretch(times, points, positions).cut(*found)
                if not any(np.ptp(p, axis=-1).any() for p in positions):
                    stretch = self._settled(system, stretch, times, points)
                return periodic, stretch, []
            stop *= 2.0
        raise ConvergenceError(
            f"no oscillation was found within {stop / 2.0:.4g} s",
            names=() if self.node is None else (self.node,),
            hint="start it by .ic and uic, and give a frequency that is right to a factor of a few",
        )

    def _transient(self, system: System, stop: float, step: float) -> tuple[Real, Real]:
        if self.uic:
            x, q = system.initial_conditions()
        else:
            x = np.append(system.operating_point(at_time_zero=True, use_ic=True), 0.0)
            q = system.engine.charges(x)
        status, points, counts, _ = system.transient(
            x,
            q,
            list(range(system.n)),
            start=0.0,
            stop=stop,
            record_from=0.0,
            max_step=step,
            first_step=1e-6 * step if self.uic else 0.1 * step,
            inconsistent=self.uic,
        )
        if status == _engine.CONTINUE:
            raise AnalysisError(
                f"the start of {stop:g} s fills the memory", hint="a shorter tstab, or a lower frequency"
            )
        if status != _engine.OK:
            system.fail(status, f"the start of the periodic state stopped at {counts['time']:.6g} s of {stop:g} s")
        keep = np.concatenate([np.diff(points[:, 0]) > 0.0, [True]])  # the last of several at one time
        return points[keep, 0], points[keep, 1:]

    def _recurrence(self, system: System, periodic: Periodic, times: Real, points: Real) -> tuple[float, float] | None:
        """Return the ends of the last period in a transient, None when its later half does not repeat."""
        late = times >= 0.5 * times[-1]
        t, x = times[late], points[late]
        span = np.ptp(x, axis=0)
        size = np.maximum(np.abs(points).max(axis=0), np.array(system.plan.tol) / _MOVES)
        active = periodic.dynamic & (span > _MOVES * size)
        if not active.any():
            return None
        if self.node is not None:
            signal = system.plan.node_index[self.node.lower()]
        else:
            signal = int(np.argmax(np.where(active, span / size, 0.0)))
        middle = 0.5 * (x[:, signal].max() + x[:, signal].min())
        below = x[:, signal] < middle
        j = np.flatnonzero(below[:-1] & ~below[1:])
        if len(j) < 3:
            return None
        part = (middle - x[j, signal]) / (x[j + 1, signal] - x[j, signal])
        when = t[j] + part * (t[j + 1] - t[j])
        states = (x[j] + part[:, None] * (x[j + 1] - x[j]))[:, active] / span[active]
        apart = [float(np.abs(states[-1] - states[-1 - p]).max()) for p in range(1, min(_CROSSINGS, len(j) - 1) + 1)]
        alike = [p for p, gap in enumerate(apart, 1) if gap < _ALIKE]
        p = alike[0] if alike else int(np.argmin(apart)) + 1
        return None if apart[p - 1] > _USABLE else (float(when[-1 - p]), float(when[-1]))

    def _settled(self, system: System, stretch: Stretch, times: Real, points: Real) -> Stretch:
        """Return the last period with the amplitude to which that of the last periods goes.

        Near its onset every oscillation obeys A' = a A - b A^3, so that 1/A^2 - 1/A_end^2 falls as an exponential
        (Stuart 1960; Kuznetsov, Elements of Applied Bifurcation Theory, section 3.4). Three periods tell A_end.
        """
        period, stop = stretch.period, float(stretch.times[-1])
        apart = int((stop - 0.5 * times[-1]) / period - 1.0) // 2
        if apart < 1:
            return stretch
        size = np.maximum(np.ptp(stretch.points, axis=0), np.array(system.plan.tol))
        inverse = []
        for k in (2, 1, 0):
            end = stop - k * apart * period
            own = stretch if k == 0 else Stretch(times, points, []).cut(end - period, end)
            y = own.points / size
            mean = np.trapezoid(y, own.times, axis=0) / period
            inverse.append(period / float(np.trapezoid((y - mean) ** 2, own.times, axis=0).sum()))
        first, second = inverse[1] - inverse[0], inverse[2] - inverse[1]
        if not (_DRIFTS * inverse[2] < abs(second) < abs(first) * (1.0 - 1e-3) and first * second > 0.0):
            return stretch
        end = inverse[2] + second * second / (first - second)
        if not inverse[2] / _LEAP**2 < end < inverse[2] * _LEAP**2:
            return stretch
        y = stretch.points
        mean = np.trapezoid(y, stretch.times, axis=0) / period
        return replace(stretch, points=mean + math.sqrt(inverse[2] / end) * (y - mean))


def _moves(system: System) -> bool:
    waves = [e.waveform for e in system.plan.sources]
    timed = any(getattr(batch.kernel, "timed", False) for batch in system.plan.batches)
    return timed or any(wave is not None for wave in waves)


def _require_repeats(system: System, start: float, period: float) -> None:
    """Raise AnalysisError when the sources do not repeat with the period."""
    # Times that are no simple part of a period.
    times = start + period * (np.arange(64) + 0.5 / math.e) / 64.0
    drives = [np.stack([system.engine.drive(float(t + shift)) for t in times]) for shift in (0.0, period)]
    size = np.abs(drives[0]).max(axis=0)
    gap = np.abs(drives[1] - drives[0]).max(axis=0)
    if (gap > 1e-6 * size).any():
        row = int(np.argmax(gap / np.maximum(size, 1e-300)))
        elements = [e.name for e in system.plan.sources if e.waveform is not None]
        raise AnalysisError(
            f"the sources do not repeat after {period:.6g} s: {system.names[row] if row < system.n else 'one'} differs",
            names=tuple(elements[:3]),
            expected="a frequency of which those of all sources are multiples",
        )


def _require_motion(system: System, orbit: Orbit, dynamic: NDArray[np.bool_]) -> None:
    span = np.ptp(orbit.stages, axis=(0, 1))
    size = np.maximum(np.abs(orbit.stages).max(axis=(0, 1)), np.array(system.plan.tol))
    if not (span > _MOVES * size)[dynamic].any():
        raise ConvergenceError(
            "the circuit came to rest: what was found is an operating point, not an oscillation",
            hint="a start nearer to the oscillation, by .ic and uic; or it does not oscillate",
        )


def periodic_result(system: System, problem: Problem, orbit: Orbit) -> PeriodicResult:
    """Return an orbit as a result."""
    chosen, variables = columns(system)
    stages = orbit.stages.reshape(-1, system.n)
    first = orbit.entries[:1]
    times = np.concatenate([[0.0], orbit.times.ravel()])
    data = np.column_stack([times, np.concatenate([first, stages])[:, chosen]])
    weights = np.concatenate([[0.0], (orbit.steps[:, None] * WEIGHTS).ravel()])
    found = multipliers(problem, orbit)
    counts: dict[str, Any] = {
        "intervals": len(orbit.stages),
        "newton": orbit.iterations,
        "switchings": sum(s.event is not None for s in orbit.segments),
        "error": orbit.error,
    }
    ppv, noise = None, []
    if not problem.moving:
        v, miss = projection(problem, orbit)
        flat = v.reshape(-1, system.n)
        ppv = {system.names[k]: np.concatenate([flat[-1:, k], flat[:, k]]) for k in range(system.n)}
        counts["projection_error"] = miss
        noise = [(d.element, d.source, d.amount, d.exponent) for d in diffusion(problem, orbit, v)]
    return PeriodicResult(
        system.circuit.title,
        [Variable("time", "time"), *variables],
        data,
        statistics(system, **counts),
        period=orbit.period,
        weights=weights,
        floquet=found,
        autonomous=not problem.moving,
        begins=problem.start if problem.moving else 0.0,
        ppv=ppv,
        noise=noise,
    )


EXPORT = Pss
