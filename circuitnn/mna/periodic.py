"""Periodic steady states: from a stretch of a transient to an orbit on a mesh that is fine enough."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import ConvergenceError
from circuitnn.mna.meshes import difference, remeshed, spread
from circuitnn.mna.orbit import NODES, Discretised, Orbit, Problem, Segment
from circuitnn.mna.pointwise import Pointwise
from circuitnn.mna.switches import Controls, Event
from circuitnn.mna.system import System

Real = NDArray[np.float64]

#: Intervals of the first mesh, at least and at most how many more each next one has, and the most of all.
_FIRST, _GROWTH, _LEAP, _MOST = 24, 1.5, 4.0, 4000
#: Errors fall with the fifth power of the intervals where the equations are smooth; kinks of device models leave less.
_ORDER = 4
#: Turns of switches in one period that are followed.
_EVENTS = 400


@dataclass(frozen=True)
class Stretch:
    """About one period of a transient.

    Parameters
    ----------
    times : ndarray, shape (points,)
        s.
    points : ndarray, shape (points, n)
    positions : list of ndarray, shape (switches, instances, points)
        Of each batch.
    """

    times: Real
    points: Real
    positions: list[Real]

    @property
    def period(self) -> float:
        """Its length, s."""
        return float(self.times[-1] - self.times[0])

    def cut(self, start: float, stop: float) -> Stretch:
        """Return the part between two times, with interpolated points at its ends."""
        inside = (self.times > start) & (self.times < stop)
        times = np.concatenate([[start], self.times[inside], [stop]])
        points = np.stack([np.interp(times, self.times, column) for column in self.points.T], axis=1)
        place = np.clip(np.searchsorted(self.times, times, side="left"), 0, len(self.times) - 1)
        return Stretch(times, points, [p[..., place] for p in self.positions])

    def joined(self, split: float) -> Stretch:
        """Return a period that begins at ``split``: what lies before comes after the end."""
        first, second = self.cut(split, self.times[-1]), self.cut(self.times[0], split)
        times = np.concatenate([first.times, second.times[1:] + self.period])
        return Stretch(
            times,
            np.concatenate([first.points, second.points[1:]]),
            [np.concatenate([a, b[..., 1:]], axis=-1) for a, b in zip(first.positions, second.positions, strict=True)],
        )


class Periodic:
    """Finds periodic solutions of a system.

    Parameters
    ----------
    system : System
        With the waveforms of its sources set.
    moving : bool
        Whether sources or devices depend on the time, so that the period is given.
    tolerance : float
        Of the period and of what holds charge, as parts of themselves.
    """

    def __init__(self, system: System, moving: bool, tolerance: float) -> None:
        self.system, self.moving, self.tolerance = system, moving, tolerance
        self.equations = Pointwise(system)
        self.controls: dict[int, Controls] = {}
        for k, batch in enumerate(system.plan.batches):
            if self.equations.switches(k):
                device = system.circuit.device_of(system.circuit.elements[batch.names[0]])[0]
                self.controls[k] = Controls(batch, device)
        engine = system.engine
        constant = engine.drive(0.0)[:-1, None]
        self.dynamic = np.asarray(system.plan.dynamic, bool)

        def drive(times: Real) -> Real:
            if not moving:
                return np.broadcast_to(constant, (len(constant), len(times)))
            return np.stack([engine.drive(float(t))[:-1] for t in times], axis=1)

        self.drive: Callable[[Real], Real] = drive

    def positions_along(self, points: Real) -> list[Real]:
        """Return the switches of each batch along the points (P, n) of a whole transient."""
        found = []
        for k, batch in enumerate(self.system.plan.batches):
            if k in self.controls:
                start = batch.discrete_start
                start = np.zeros((self.equations.switches(k), batch.n)) if start is None else start
                found.append(self.controls[k].along(points.T, start))
            else:
                found.append(np.zeros((0, batch.n, len(points))))
        return found

    # ------------------------------------------------------------------ from a stretch to a discretised period
    def orbit(self, stretch: Stretch, corners: list[float]) -> tuple[Problem, Orbit]:
        """Return the problem and a first orbit for a stretch of one period; ``corners`` of sources, s from its start.

        An oscillation with switches begins where one turns, else where an unknown that holds charge passes the middle
        of its range most steeply.
        """
        size = np.maximum(np.abs(stretch.points).max(axis=0), np.array(self.system.plan.tol))
        phase = None
        if not self.moving:
            turns = self._turns(stretch)
            if turns:
                stretch = stretch.joined(turns[-1][0])
            else:
                when, phase = self._crossing(stretch)
                stretch = stretch.joined(when)
        cuts: list[tuple[float, Event | None]] = list(self._turns(stretch))
        if len(cuts) > _EVENTS:
            raise ConvergenceError(
                f"{len(cuts)} switches turn within one period", expected=f"at most {_EVENTS}", hint="a shorter period"
            )
        if not self.moving and cuts:
            last = self._closing(stretch)
            if last is not None:
                cuts.append((stretch.times[-1], last))
        start, period = float(stretch.times[0]), stretch.period
        cuts += [(start + corner, None) for corner in corners if 0.0 < corner < period * (1.0 - 1e-9)]
        if self.moving or not cuts:
            cuts.append((float(stretch.times[-1]), None))
        cuts.sort(key=lambda cut: cut[0])
        tolerance = np.array(self.system.plan.tol)
        problem = Problem(
            self.equations, self.controls, self.drive, start, size, tolerance, phase, self.moving
        )  # fmt: skip
        return problem, self._first(problem, stretch, cuts)

    def _turns(self, stretch: Stretch) -> list[tuple[float, Event]]:
        """Return when which switch turns within a stretch."""
        found = []
        for k, positions in enumerate(stretch.positions):
            for switch, instance, at in zip(*np.nonzero(np.diff(positions, axis=-1)), strict=True):
                event = Event(k, int(switch), int(instance), float(positions[switch, instance, at + 1]))
                found.append((float(stretch.times[at + 1]), event))
        return sorted(found, key=lambda turn: turn[0])

    def _closing(self, stretch: Stretch) -> Event | None:
        """Return the switch that turns between the end of a stretch and its start."""
        for k, positions in enumerate(stretch.positions):
            for switch, instance in zip(*np.nonzero(positions[..., 0] != positions[..., -1]), strict=True):
                return Event(k, int(switch), int(instance), float(positions[switch, instance, 0]))
        return None

    def _crossing(self, stretch: Stretch) -> tuple[float, tuple[int, float]]:
        """Return when an unknown with charge passes its middle most steeply, and that unknown and value."""
        x = stretch.points
        middle = 0.5 * (x.max(axis=0) + x.min(axis=0))
        span = np.maximum(np.ptp(x, axis=0), 1e-300)
        best = (-math.inf, 0.0, 0)
        for k in np.flatnonzero(self.dynamic & (span > 1e-3 * np.abs(x).max(axis=0))):
            below = x[:, k] < middle[k]
            for j in np.flatnonzero(below[:-1] & ~below[1:]):
                slope = (x[j + 1, k] - x[j, k]) / (stretch.times[j + 1] - stretch.times[j]) / span[k]
                if slope > best[0]:
                    part = (middle[k] - x[j, k]) / (x[j + 1, k] - x[j, k])
                    best = (slope, stretch.times[j] + part * (stretch.times[j + 1] - stretch.times[j]), int(k))
        if best[0] == -math.inf:
            raise ConvergenceError(
                "nothing that holds charge moves over the period", hint="is this an operating point?"
            )
        return best[1], (best[2], float(middle[best[2]]))

    def _first(self, problem: Problem, stretch: Stretch, cuts: list[tuple[float, Event | None]]) -> Orbit:
        """Return the stretch on a first mesh, with a segment up to each cut."""
        bounds = [float(stretch.times[0]), *(time for time, _ in cuts)]
        count = max(_FIRST, 4 * len(cuts))
        span = np.maximum(np.ptp(stretch.points, axis=0), 1e-3 * problem.size)
        segments, stages = [], []
        shortest = 1e-9 * stretch.period
        for (low, high), (_, event) in zip(pairwise(bounds), cuts, strict=True):
            high = max(high, low + shortest)
            own = stretch.cut(low, high)
            part = (own.times - low) / (high - low)
            length = np.abs(np.diff(own.points, axis=0) / span).max(axis=1)
            length = length / max(length.sum(), 1e-300)
            share = max(3, round(count * (0.5 * (high - low) / stretch.period + 0.5 * _travel(own, stretch, span))))
            mesh = spread(part, length / np.maximum(np.diff(part), 1e-300), share)
            inner = mesh[:-1, None] + np.diff(mesh)[:, None] * NODES
            values = np.stack([np.interp(inner.ravel(), part, column) for column in own.points.T], axis=1)
            middle = len(own.times) // 2
            segments.append(
                Segment(
                    mesh,
                    [p[..., middle] for p in own.positions],
                    event,
                    high - bounds[0] if self.moving and event is None else None,
                )
            )
            stages.append(values.reshape(share, 3, -1))
        durations = np.maximum(np.diff(bounds), shortest)
        return Orbit(segments, np.concatenate(stages), durations)

    # ------------------------------------------------------------------ refinement
    def refine(self, problem: Problem, orbit: Orbit) -> tuple[Problem, Orbit]:
        """Return the orbit on a mesh so fine that a finer one changes nothing beyond the tolerance.

        Raises
        ------
        ConvergenceError
            When Newton's method fails, or no mesh is fine enough.
        """
        count, before, total = orbit.stages.shape[0], None, 0
        failures = 0
        while True:
            found, size = Discretised(problem, orbit.segments).solve(orbit)
            total += found.iterations
            if found.lu is None:
                failures += 1
                count = round(2.0 * count)
                if failures > 2 or count > _MOST:
                    raise ConvergenceError(
                        f"no periodic solution was found: Newton's method stopped after {found.iterations} iterations "
                        f"on {orbit.stages.shape[0]} intervals, {size:.3g} tolerances from its next point",
                        hint="a longer tstab brings the start nearer to the orbit",
                    )
                orbit = remeshed(orbit, problem.size, count)
                continue
            swing = np.maximum(np.abs(found.stages).max(axis=(0, 1)), problem.tolerance)
            problem = replace(problem, size=swing)
            growth = _GROWTH
            if before is not None:
                period, values = difference(before, found, swing, self.dynamic)
                error = max(period, values) / ((len(found.stages) / len(before.stages)) ** _ORDER - 1.0)
                if error <= self.tolerance:
                    return problem, replace(found, iterations=total, error=error)
                growth = min(max((error / self.tolerance) ** (1.0 / _ORDER), _GROWTH), _LEAP)
            count = max(count, len(found.stages))
            if count * _GROWTH > _MOST:
                raise ConvergenceError(
                    f"the periodic solution still changes on {count} intervals", hint="a larger tolerance"
                )
            before = found
            count = min(math.ceil(count * growth), _MOST)
            orbit = remeshed(found, swing, count)


def _travel(part: Stretch, whole: Stretch, span: Real) -> float:
    """Return how much of the way of a whole stretch a part of it goes."""
    own, total = (float(np.abs(np.diff(s.points, axis=0) / span).max(axis=1).sum()) for s in (part, whole))
    return own / max(total, 1e-300)
