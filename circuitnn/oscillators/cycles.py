"""Limit cycles of one oscillator by its vector field: frequency, Floquet rate, and how pushes turn the phase.

This is preparation for networks, done once for each kind of oscillator. Vector fields are functions of many states at
once, (m, d) to (m, d); they may be those of populations (`circuitnn.oscillators.reduction`) or anybody's own.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from math import isfinite

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.integrate import solve_ivp

from circuitnn.errors import ConvergenceError, UsageError
from circuitnn.oscillators.run import Array

Field = Callable[[Array], Array]

_ROUNDS = 30
_TIGHT = 1e-11
#: Of differences that stand for derivatives, relative to the size of the cycle: the root of rounding would leave 1e-8.
_NUDGE = 1e-5
#: Multipliers err by less than this.
_SURE = 1e-8


@dataclass(frozen=True)
class Cycle:
    """One period of a limit cycle at even times, and its linear surroundings.

    Parameters
    ----------
    period : float
        Seconds.
    states, velocity : ndarray (k, d)
        At the times period i / k, and the derivatives there.
    projection : ndarray (k, d)
        The perturbation projection vector v: a push dx/dt += g adds v . g to the rate of the phase, rad/s
        (v . velocity is 2 pi / period). On a sphere it is tangent.
    multipliers : ndarray
        Floquet multipliers, the one that is 1 first; on a sphere those of tangents.
    sphere : bool
        The states are unit vectors.
    """

    period: float
    states: Array
    velocity: Array
    projection: Array
    multipliers: NDArray[np.complex128]
    sphere: bool

    @property
    def frequency(self) -> float:
        """Hz."""
        return 1.0 / self.period

    @property
    def rate(self) -> float:
        """Gamma_p, 1/s: the slowest deviation shrinks by exp(-2 Gamma_p t) (Slavin and Tiberkevich 2009).

        UsageError where a period leaves less of it than rounding.
        """
        if abs(self.multipliers[1]) < _SURE:
            raise UsageError("deviations are gone within a period", hint="they need no rate: phases alone do")
        return float(-np.log(np.abs(self.multipliers[1])) / (2.0 * self.period))

    def power(self, measure: Field) -> float:
        """Return the mean of a function of states, (k, d) to (k,), over the cycle."""
        return float(np.mean(measure(self.states)))

    def nu(self, measure: Field) -> float:
        """Return the nonlinearity of the frequency against a power: N p0 / Gamma_p where p0 is constant on the cycle.

        Parameters
        ----------
        measure : callable (k, d) to (k,)
            The power p of states, as ``|c|**2`` of amplitudes or (1 - m.z) / 2 of macrospins.

        Raises
        ------
        UsageError
            Where there is more than one direction across the cycle.

        Notes
        -----
        A push across the cycle that raises p by dp turns the phase, once settled, by nu dp / (2 p0): this is 2 p0 times
        the mean of v across over the mean of the derivative of p across.
        """
        along = self.velocity / np.linalg.norm(self.velocity, axis=1)[:, None]
        if self.sphere:
            across = np.cross(self.states, along)
        elif self.states.shape[1] == 2:
            across = np.stack([-along[:, 1], along[:, 0]], axis=1)
        else:
            raise UsageError(f"{self.states.shape[1]} numbers of state", expected="2, or unit vectors of 3")
        nudge = _NUDGE * _size(self.states)
        steep = (measure(self.states + nudge * across) - measure(self.states - nudge * across)) / (2.0 * nudge)
        return float(2.0 * self.power(measure) * np.mean((self.projection * across).sum(axis=1)) / np.mean(steep))

    def response(self, push: ArrayLike, harmonics: int = 0) -> Array:
        """Return the response Z(phase) to a scalar input as a Fourier series, (2 h + 1,), for `PhaseOscillators`.

        Parameters
        ----------
        push : array (k, d) or (d,)
            What one unit of the input adds to the derivatives at `states`.
        harmonics : int
            h, below a quarter of the number of states.

        Notes
        -----
        The phase is 0 at the first state. The series are the mean, cosines and sines.
        """
        if not 0 <= 4 * harmonics < len(self.states):
            raise UsageError(f"{harmonics} harmonics of {len(self.states)} states", expected="fewer than a quarter")
        series = np.fft.rfft((self.projection * np.asarray(push)).sum(axis=1)) / len(self.states)
        return np.concatenate(
            [series[:1].real, 2.0 * series[1 : harmonics + 1].real, -2.0 * series[1 : harmonics + 1].imag]
        )


def limit_cycle(
    field: Field, start: ArrayLike, *, settle: float = 0.0, longest: float, sphere: bool = False, points: int = 128
) -> Cycle:
    """Return the stable limit cycle that a state goes to.

    Parameters
    ----------
    field : callable (m, d) to (m, d)
        Derivatives of states, without time; on a sphere those must be tangent.
    start : array (d,)
        On the cycle or so near that Newton's method finds there, after `settle`.
    settle : float
        Seconds to follow the field before that.
    longest : float
        Seconds in which a period has passed for sure.
    sphere : bool
        States are unit vectors.
    points : int
        k, of the cycle.

    Returns
    -------
    Cycle

    Raises
    ------
    ConvergenceError
        When nothing turns within `longest`, when no cycle is found, or the one that is found is not stable.

    Examples
    --------
    Van der Pol's oscillator with mu = 1 has the period 6.663287:

    >>> import numpy as np
    >>> field = lambda y: np.stack([y[:, 1], (1.0 - y[:, 0] ** 2) * y[:, 1] - y[:, 0]], axis=1)
    >>> round(limit_cycle(field, [2.0, 0.0], settle=20.0, longest=20.0).period, 6)
    6.663287
    """
    if not (isfinite(settle) and settle >= 0.0 and isfinite(longest) and longest > 0.0):
        raise UsageError(f"{settle:g} s to settle and periods up to {longest:g} s", expected="0 or more, and above 0")

    def slope(_: float, y: Array) -> Array:
        return field(y[None, :])[0]

    y = np.array(start, dtype=np.float64)
    size = _size(y[None, :])
    if settle > 0.0:
        y = solve_ivp(slope, (0.0, settle), y, "DOP853", rtol=1e-9, atol=1e-10 * size).y[:, -1]
    if sphere:
        y /= np.linalg.norm(y)
    period = _first_period(slope, y, longest, size)
    for _ in range(_ROUNDS):
        end, matrix = _around(field, y, period, size, sphere)
        gone, first = end - y, slope(0.0, y)
        unit = first / np.linalg.norm(first)
        rows = [np.column_stack([matrix - np.eye(len(y)), slope(0.0, end) * period]), np.append(unit, 0.0)]
        if sphere:
            rows.append(np.append(y, 0.0))
        found = np.linalg.lstsq(np.vstack(rows), np.append(-gone, np.zeros(len(rows) - 1)), rcond=1e-10)[0]
        y, period = y + found[:-1], period * (1.0 + found[-1])
        if sphere:
            y /= np.linalg.norm(y)
        if not np.isfinite(y).all() or not 0.0 < period < 2.0 * longest:
            raise ConvergenceError("no limit cycle is found", hint="a longer settle, or a start that is nearer")
        if np.abs(found[:-1]).max() < 1e-9 * size and abs(found[-1]) < 1e-9:
            break
    else:
        raise ConvergenceError(
            f"the limit cycle is not found in {_ROUNDS} rounds", hint="a longer settle, or a start that is nearer"
        )
    if np.linalg.norm(slope(0.0, y)) * period < 1e-4 * size:
        raise ConvergenceError("the oscillation dies down to a state of rest", hint="more current, or another start")
    return _surroundings(field, y, period, size, sphere, points)


def _size(states: Array) -> float:
    return float(np.linalg.norm(states, axis=1).max()) or 1.0


def _first_period(slope: Callable[[float, Array], Array], y: Array, longest: float, size: float) -> float:
    """Return the time until the plane across the motion is passed the second time."""
    first = slope(0.0, y)

    def ahead(_: float, x: Array) -> float:
        return float(first @ (x - y))

    ahead.terminal = True  # type: ignore[attr-defined]
    passed, at = 0.0, y
    for direction in (-1.0, 1.0):
        ahead.direction = direction  # type: ignore[attr-defined]
        run = solve_ivp(slope, (0.0, longest), at, "DOP853", rtol=1e-7, atol=1e-8 * size, events=ahead)
        if run.status != 1:
            raise ConvergenceError(f"nothing turns within {longest:g} s", hint="a longer time, or another start")
        passed, at = passed + float(run.t_events[0][0]), run.y_events[0][0]
    return passed


def _shift(field: Field, x: Array, columns: Array, nudge: float, sphere: bool) -> tuple[Array, Array]:
    """Return the slope at x, (d,), and how it changes along columns (m, d) of any length, (m, d)."""
    m = len(columns)
    length = np.linalg.norm(columns, axis=1)
    steps = columns * (nudge / length)[:, None]
    states = np.concatenate([x[None, :], x + steps, x - steps])
    if sphere:
        states /= np.linalg.norm(states, axis=1)[:, None]
    slopes = field(states)
    return slopes[0], (slopes[1 : m + 1] - slopes[m + 1 :]) * (length / (2.0 * nudge))[:, None]


def _around(field: Field, y: Array, period: float, size: float, sphere: bool) -> tuple[Array, Array]:
    """Return where a period leads, (d,), and the derivative of that by the start, (d, d)."""
    d = len(y)

    def both(_: float, z: Array) -> Array:
        first, change = _shift(field, z[:d], z[d:].reshape(d, d).T, _NUDGE * size, sphere)
        return np.concatenate([first, change.T.ravel()])

    z = np.concatenate([y, np.eye(d).ravel()])
    atol = np.concatenate([np.full(d, _TIGHT * size), np.full(d * d, _TIGHT)])
    run = solve_ivp(both, (0.0, period), z, "DOP853", rtol=_TIGHT, atol=atol)
    if run.status != 0 or not np.isfinite(run.y[:, -1]).all():
        raise ConvergenceError("the states are no longer finite within a period", hint="a longer settle")
    return run.y[:d, -1], run.y[d:, -1].reshape(d, d)


def _surroundings(field: Field, y: Array, period: float, size: float, sphere: bool, points: int) -> Cycle:
    times = period * np.arange(points) / points
    basis = np.linalg.svd(y[None, :])[2][1:].T if sphere else np.eye(len(y))
    values, left = np.linalg.eig((basis.T @ _around(field, y, period, size, sphere)[1] @ basis).T)
    order = np.argsort(np.abs(values - 1.0))
    values = values[order].astype(np.complex128)
    if not np.abs(values[1:]).max() < 1.0 - _SURE:
        raise ConvergenceError("the limit cycle is not stable", hint="another start")
    there = solve_ivp(
        lambda _, x: field(x[None, :])[0],
        (0.0, period),
        y,
        "DOP853",
        rtol=_TIGHT,
        atol=_TIGHT * size,
        dense_output=True,
    ).sol
    first = basis @ left[:, order[0]].real
    first *= 2.0 * np.pi / period / (first @ field(y[None, :])[0])

    def back(before: float, v: Array) -> Array:
        # the adjoint equation, from the end backwards, where it is stable
        return _shift(field, there(period - before), np.eye(len(y)), _NUDGE * size, sphere)[1] @ v

    run = solve_ivp(back, (0.0, period), first, "DOP853", rtol=_TIGHT, atol=_TIGHT * np.linalg.norm(first),
                    t_eval=period - times[::-1])  # fmt: skip
    projection, states = run.y.T[::-1], there(times).T
    if sphere:
        states /= np.linalg.norm(states, axis=1)[:, None]
        projection = projection - (projection * states).sum(axis=1)[:, None] * states
    return Cycle(float(period), states, field(states), np.ascontiguousarray(projection), values, sphere)
