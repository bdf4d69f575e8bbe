"""Periodic solutions of a circuit by collocation: the discretised equations of one period, and Newton's method on them.

A period is cut into segments, at whose ends a switch turns or a source has a corner, and each segment into intervals.
In each interval x is a polynomial through the points of the three-stage Radau IIA rule (order 5, stiffly accurate,
L-stable; Hairer and Wanner, Solving Ordinary Differential Equations II, 1996, section IV.5), which satisfies
q' + f = B s at those points. The last interval leads to the first one. Unknown are all stages and the durations of the
segments; each duration has an equation: a switch's control meets its threshold, a corner lies where it lies, or the
phase of an oscillation is fixed by the value of one unknown at the start.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.mna.pointwise import Pointwise, Values
from circuitnn.mna.switches import Controls, Event

Real = NDArray[np.float64]

_ROOT = math.sqrt(6.0)
#: Nodes and coefficients of Radau IIA with three stages.
NODES = np.array([(4.0 - _ROOT) / 10.0, (4.0 + _ROOT) / 10.0, 1.0])
_A = np.array(
    [
        [(88.0 - 7.0 * _ROOT) / 360.0, (296.0 - 169.0 * _ROOT) / 1800.0, (-2.0 + 3.0 * _ROOT) / 225.0],
        [(296.0 + 169.0 * _ROOT) / 1800.0, (88.0 + 7.0 * _ROOT) / 360.0, (-2.0 - 3.0 * _ROOT) / 225.0],
        [(16.0 - _ROOT) / 36.0, (16.0 + _ROOT) / 36.0, 1.0 / 9.0],
    ]
)
WEIGHTS = _A[2]
STAGES = 3
#: Slopes at the nodes of the polynomial through an interval's start and nodes: by the nodes' values, by the start's.
SLOPES = np.linalg.inv(_A)
START_SLOPES = -SLOPES.sum(axis=1)
#: Newton's method: iterations, halvings of a step, and the largest next correction in units of `Problem.weight`.
_ITERATIONS, _HALVINGS, _SMALL = 40, 12, 0.05


@dataclass(frozen=True)
class Segment:
    """A stretch of the period without corners.

    Parameters
    ----------
    mesh : ndarray, shape (intervals + 1,)
        From 0 to 1.
    positions : list of ndarray, shape (switches, instances)
        Of each batch.
    event : Event, optional
        The switch that turns at the end.
    end : float, optional
        Time of the end, s from the start of the period, where that is given.
    """

    mesh: Real
    positions: list[Real]
    event: Event | None = None
    end: float | None = None

    @property
    def intervals(self) -> int:
        """Number of intervals."""
        return len(self.mesh) - 1


@dataclass(frozen=True)
class Problem:
    """What stays the same for all meshes.

    Parameters
    ----------
    equations : Pointwise
    controls : dict of int to Controls
        Of the batches that have switches.
    drive : callable
        Returns B s at times (P,), s, as (n, P).
    start : float
        Time at which the period begins, s.
    size, tolerance : ndarray, shape (n,)
        Largest magnitude of each unknown along the orbit, and its absolute tolerance.
    phase : (int, float), optional
        Unknown and its value at the start, of an oscillation without switches.
    moving : bool
        Whether the sources depend on the time.
    """

    equations: Pointwise
    controls: dict[int, Controls]
    drive: Callable[[Real], Real]
    start: float
    size: Real
    tolerance: Real
    phase: tuple[int, float] | None
    moving: bool

    @property
    def weight(self) -> Real:
        """What counts as one unit of a correction, (n,)."""
        return 1e-6 * self.size + 1e-3 * self.tolerance


@dataclass(frozen=True)
class Orbit:
    """A discretised period.

    Parameters
    ----------
    segments : list of Segment
    stages : ndarray, shape (intervals, 3, n)
    durations : ndarray, shape (segments,)
        s.
    """

    segments: list[Segment]
    stages: Real
    durations: Real
    iterations: int = 0
    lu: Any = field(default=None, repr=False)
    error: float = math.inf
    _values: list[Values] = field(default_factory=list, repr=False)

    @cached_property
    def period(self) -> float:
        """Of the whole, s."""
        return float(self.durations.sum())

    @cached_property
    def owner(self) -> NDArray[np.int64]:
        """Segment of each interval."""
        return np.repeat(np.arange(len(self.segments)), [s.intervals for s in self.segments])

    @cached_property
    def widths(self) -> Real:
        """Of the intervals, as parts of their segments."""
        return np.concatenate([np.diff(s.mesh) for s in self.segments])

    @cached_property
    def steps(self) -> Real:
        """Of the intervals, s."""
        return self.widths * self.durations[self.owner]

    @cached_property
    def begins(self) -> Real:
        """Starts of the intervals, s."""
        return np.concatenate([[0.0], np.cumsum(self.steps)[:-1]])

    @cached_property
    def times(self) -> Real:
        """Of the stages, (intervals, 3), s from the start of the period."""
        return self.begins[:, None] + self.steps[:, None] * NODES

    @cached_property
    def entries(self) -> Real:
        """Values at which the intervals begin, (intervals, n): the ends of those before."""
        return np.roll(self.stages[:, -1, :], 1, axis=0)

    def positions(self, batches: int) -> list[Real]:
        """Return the switches of each batch at all stages, (switches, instances, points)."""
        owner = np.repeat(self.owner, STAGES)
        return [np.stack([s.positions[k] for s in self.segments], axis=-1)[..., owner] for k in range(batches)]

    def values(self, equations: Pointwise, start: float) -> Values:
        """Return the equations at all stages, evaluated once."""
        if self._values:
            return self._values[0]
        n = self.stages.shape[2]
        flat = np.ascontiguousarray(self.stages.reshape(-1, n).T)
        self._values.append(
            equations.evaluate(flat, self.positions(len(equations.batches)), start + self.times.ravel())
        )
        return self._values[0]


class Discretised:
    """The discretised equations on one mesh.

    Parameters
    ----------
    problem : Problem
    segments : list of Segment
    """

    def __init__(self, problem: Problem, segments: list[Segment]) -> None:
        self.problem, self.segments = problem, segments
        plan = problem.equations.system.plan
        self.n, self.count = plan.n, sum(s.intervals for s in segments)
        self.size = self.count * STAGES * self.n
        rows, columns = plan.ai.astype(np.int64), np.repeat(np.arange(plan.n), np.diff(plan.ap))
        charged = problem.equations.charged
        # The columns of one interval: the rows of its own stages, and then of those of the next interval.
        row, column = [], []
        for k in range(STAGES):
            for i in range(2 * STAGES if k == STAGES - 1 else STAGES):
                chosen = slice(None) if i == k else charged
                row.append(i * self.n + rows[chosen])
                column.append(k * self.n + columns[chosen])
        order = np.lexsort((np.concatenate(row), np.concatenate(column)))
        own_rows, own_columns = np.concatenate(row)[order], np.concatenate(column)[order]
        per_column = np.bincount(own_columns, minlength=STAGES * self.n)
        first = np.arange(self.count)[:, None] * (STAGES * self.n)
        self._order = order
        self._indices = ((first + own_rows) % self.size).ravel()
        self._starts = np.concatenate([[0], np.cumsum(np.tile(per_column, self.count))])
        self._charged = charged

    # ------------------------------------------------------------------ equations
    def residual(self, orbit: Orbit) -> tuple[Real, Values]:
        """Return what the equations lack, (unknowns,), and the values behind it."""
        problem = self.problem
        values = orbit.values(problem.equations, problem.start)
        q = values.q.T.reshape(self.count, STAGES, self.n)
        rates = self.rates(q, orbit)
        drive = problem.drive(problem.start + orbit.times.ravel()).T.reshape(rates.shape)
        lack = rates + values.f.T.reshape(rates.shape) - drive
        return np.concatenate([lack.ravel(), self._conditions(orbit)]), values

    def rates(self, q: Real, orbit: Orbit) -> Real:
        """Return q' at the stages."""
        before = np.roll(q[:, -1, :], 1, axis=0)
        found: Real = np.einsum("ik,jkn->jin", SLOPES, q) + START_SLOPES[:, None] * before[:, None, :]
        return found / orbit.steps[:, None, None]

    def _conditions(self, orbit: Orbit) -> Real:
        found = np.zeros(len(self.segments))
        last, passed = -1, 0.0
        for k, segment in enumerate(self.segments):
            last += segment.intervals
            passed += orbit.durations[k]
            x = orbit.stages[last, -1]
            if segment.event is not None:
                e = segment.event
                margin = self.problem.controls[e.batch].margin(e.switch, x[:, None], e.position)
                found[k] = margin[e.instance, 0]
            elif segment.end is not None:
                found[k] = passed - segment.end
            else:
                assert self.problem.phase is not None
                unknown, value = self.problem.phase
                found[k] = x[unknown] - value
        return found

    # ------------------------------------------------------------------ Jacobian
    def matrix(self, orbit: Orbit, values: Values) -> Any:
        """Return the Jacobian, CSC; the last columns are those of the logarithms of the durations."""
        from scipy.sparse import csc_array

        g = values.g.T.reshape(self.count, STAGES, -1)
        c = values.c.T.reshape(self.count, STAGES, -1)
        charge = c[:, :, self._charged]
        steps = orbit.steps[:, None]
        parts = []
        for k in range(STAGES):
            for i in range(STAGES):
                over = SLOPES[i, k] / steps
                parts.append(g[:, k] + over * c[:, k] if i == k else over * charge[:, k])
        following = np.roll(steps, -1, axis=0)
        parts += [START_SLOPES[i] / following * charge[:, -1] for i in range(STAGES)]
        data = np.concatenate(parts, axis=1)[:, self._order].ravel()
        row, column, value = self.borders(orbit, values)
        inner = column < self.size  # equations of the durations, below the columns of the stages
        place = self._starts[column[inner] + 1]
        extra = np.bincount(column[inner], minlength=self.size)
        starts = self._starts + np.concatenate([[0], np.cumsum(extra)])
        by_column = np.lexsort((row[~inner], column[~inner]))
        ends = np.cumsum(np.bincount(column[~inner] - self.size, minlength=len(self.segments)))
        whole = self.size + len(self.segments)
        indices = np.concatenate([np.insert(self._indices, place, row[inner]), row[~inner][by_column]])
        data = np.concatenate([np.insert(data, place, value[inner]), value[~inner][by_column]])
        found = csc_array((data, indices.astype(np.int32), np.concatenate([starts, starts[-1] + ends])), (whole, whole))
        found.sort_indices()  # those of the last interval reach into the first
        return found

    def borders(self, orbit: Orbit, values: Values) -> tuple[NDArray[np.int64], NDArray[np.int64], Real]:
        """Return the entries of the durations' columns and of their equations' rows."""
        rows, columns, entries = [], [], []
        slopes = self.by_durations(orbit, values)
        for k in range(len(self.segments)):
            flat = (slopes[k] * orbit.durations[k]).ravel()
            where = np.flatnonzero(flat)
            rows.append(where)
            columns.append(np.full(len(where), self.size + k))
            entries.append(flat[where])
        last = -1
        for k, segment in enumerate(self.segments):
            last += segment.intervals
            if segment.end is not None:
                rows.append(np.full(k + 1, self.size + k))
                columns.append(self.size + np.arange(k + 1))
                entries.append(orbit.durations[: k + 1])
                continue
            slope = self.condition_slope(k, orbit.stages[last, -1])
            where = np.flatnonzero(slope)
            rows.append(np.full(len(where), self.size + k))
            columns.append((last * STAGES + STAGES - 1) * self.n + where)
            entries.append(slope[where])
        return np.concatenate(rows), np.concatenate(columns), np.concatenate(entries)

    def condition_slope(self, k: int, x: Real) -> Real:
        """Return the derivative of a segment's condition by the unknowns at its end, (n,)."""
        segment = self.segments[k]
        if segment.event is not None:
            return self.problem.controls[segment.event.batch].slope(segment.event, x)
        found = np.zeros(self.n)
        if segment.end is None:
            assert self.problem.phase is not None
            found[self.problem.phase[0]] = 1.0
        return found

    def by_durations(self, orbit: Orbit, values: Values) -> list[Real]:
        """Return the derivatives of the residual by each duration, (intervals, 3, n), per second."""
        rates = self.rates(values.q.T.reshape(self.count, STAGES, self.n), orbit)
        owner, found = orbit.owner, []
        turning = None
        if self.problem.moving and len(self.segments) > 1:
            times = self.problem.start + orbit.times.ravel()
            step = 1e-6 * orbit.steps.min()
            more, less = self.problem.drive(times + step), self.problem.drive(times - step)
            turning = ((more - less) / (2.0 * step)).T.reshape(rates.shape)
            first = np.concatenate([[0.0], np.cumsum(orbit.durations)[:-1]])
            part = (orbit.times - first[owner][:, None]) / orbit.durations[owner][:, None]
        for k in range(len(self.segments)):
            slope = np.zeros_like(rates)
            own = owner == k
            slope[own] = -rates[own] / orbit.durations[k]
            if turning is not None:
                slope[own] -= turning[own] * part[own][:, :, None]
                slope[owner > k] -= turning[owner > k]
            found.append(slope)
        return found

    # ------------------------------------------------------------------ Newton's method
    def solve(self, orbit: Orbit) -> tuple[Orbit, float]:
        """Return the orbit that Newton's method comes to, and the size of its next correction.

        Steps are damped so that the simplified step from the new point is shorter (Deuflhard, Newton Methods for
        Nonlinear Problems, 2004, section 3.3). An orbit without ``lu`` tells of a failure.
        """
        from scipy.sparse.linalg import splu

        weights = np.tile(self.problem.weight, self.count * STAGES)
        weights = np.concatenate([weights, np.full(len(self.segments), 1e-6)])
        lack, values = self.residual(orbit)
        size, damping = math.inf, 1.0
        for iteration in range(_ITERATIONS):
            matrix = self.matrix(orbit, values)
            largest = np.zeros(matrix.shape[0])
            np.maximum.at(largest, matrix.indices, np.abs(matrix.data))
            if not np.isfinite(largest).all() or not largest.all():
                return replace(orbit, iterations=iteration), math.inf
            matrix.data /= largest[matrix.indices]
            try:
                lu = splu(matrix, panel_size=1)
            except RuntimeError:  # exactly singular
                return replace(orbit, iterations=iteration), math.inf
            step = -lu.solve(lack / largest)
            size = _norm(step / weights)
            if not math.isfinite(size):
                return replace(orbit, iterations=iteration), math.inf
            damping = min(1.0, 4.0 * damping)
            for _ in range(_HALVINGS):
                trial = self._moved(orbit, damping * step)
                with np.errstate(over="ignore", invalid="ignore"):
                    lack, new = self.residual(trial)
                if np.isfinite(lack).all():
                    after = _norm(lu.solve(lack / largest) / weights)
                    if size <= 1.0 or after <= (1.0 - 0.25 * damping) * size:
                        break
                damping *= 0.5
            else:
                return replace(orbit, iterations=iteration), size
            orbit, values = trial, new
            if damping == 1.0 and min(size, after) <= _SMALL:
                done = replace(orbit, iterations=iteration + 1, lu=(lu, largest))
                return done, min(size, after)
        return replace(orbit, iterations=_ITERATIONS), size

    def _moved(self, orbit: Orbit, step: Real) -> Orbit:
        stages = orbit.stages + step[: self.size].reshape(orbit.stages.shape)
        # durations stay positive, and change by a factor of two at most
        durations = orbit.durations * np.exp(np.clip(step[self.size :], -0.7, 0.7))
        return Orbit(self.segments, stages, durations)

    def factors(self, orbit: Orbit) -> tuple[Any, Real, Values]:
        """Return the factors of the Jacobian at an orbit, the sizes that its rows were divided by, and the values."""
        from scipy.sparse.linalg import splu

        _, values = self.residual(orbit)
        matrix = self.matrix(orbit, values)
        largest = np.zeros(matrix.shape[0])
        np.maximum.at(largest, matrix.indices, np.abs(matrix.data))
        matrix.data /= largest[matrix.indices]
        return splu(matrix, panel_size=1), largest, values


def _norm(values: Real) -> float:
    """Root mean square and a part of the largest: one bad unknown in many is seen."""
    return float(max(np.sqrt(np.mean(values**2)), 0.1 * np.abs(values).max()))
