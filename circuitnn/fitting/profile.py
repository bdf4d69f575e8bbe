"""Profile likelihood: how far a parameter can go while the others make up for it."""

from __future__ import annotations

import math
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import AnalysisError
from circuitnn.fitting.scaling import Free

Vector = NDArray[np.float64]
#: Part of the way to an end to which it is found; the profile's own noise, of simulations, is not smaller.
_FINE = 3e-3
_MOST_WIDENINGS = 30


class Problem(Protocol):
    """Residuals of all parameters, and their slopes along some."""

    def residuals(self, u: Vector) -> Vector:
        """Return the weighed residuals."""

    def jacobian(self, u: Vector, along: list[int] | None = None) -> Vector:
        """Return their slopes."""


class Profile:
    """The sum of squares, least over all other parameters, as a function of one.

    Parameters
    ----------
    problem : Problem
    free : list of Free
    best : ndarray
        The fit.
    residuals : ndarray
        There.

    Notes
    -----
    Where errors are normal and independent, (S(u) - S_min) / s^2 with s^2 = S_min / (n - p) follows F(1, n - p) for
    the true value of the parameter to first order in the curvature of the model, whatever the other parameters are;
    the interval is where it is below the quantile, which is Student's squared (Bates and Watts, Nonlinear Regression
    Analysis and Its Applications, 1988, chapter 6). It is the linear one for a linear model.
    """

    def __init__(self, problem: Problem, free: list[Free], best: Vector, residuals: Vector) -> None:
        self._problem, self._free, self._best = problem, free, best
        self._least = float(residuals @ residuals)
        self._freedom = len(residuals) - len(free)

    def interval(self, name: str, confidence: float, error: float) -> tuple[float, float]:
        """Return the interval of a parameter; it ends at the parameter's bounds where they still fit.

        Raises
        ------
        AnalysisError
            When better fits than the best lie on the way.
        """
        from scipy.stats import t as student

        place = [one.name for one in self._free].index(name)
        one = self._free[place]
        limit = float(student.ppf(0.5 + 0.5 * confidence, self._freedom))
        slope = abs(one.slope(one.value(float(self._best[place]))))
        step = limit * error / slope if math.isfinite(error) and error > 0.0 else 0.1
        low, high = one.box()
        if math.isfinite(high - low):
            step = min(step, 0.125 * (high - low))  # the others are followed in small steps
        ends = [one.value(self._end(place, sign * step, limit)) for sign in (-1.0, 1.0)]
        return min(ends), max(ends)

    def _end(self, place: int, step: float, limit: float) -> float:
        """Return u where the profile reaches the limit, or the bound if it comes first."""
        from scipy.optimize import brentq

        low, high = self._free[place].box()
        known = {float(self._best[place]): (np.delete(self._best, place), -limit)}
        inner = float(self._best[place])
        for _ in range(_MOST_WIDENINGS):
            outer = min(max(float(self._best[place]) + step, low), high)
            if outer == inner:
                return outer
            if self._excess(place, outer, limit, known) > 0.0:
                width = abs(outer - float(self._best[place]))
                found = brentq(lambda u: self._excess(place, u, limit, known), inner, outer, xtol=_FINE * width)
                return float(found)
            inner, step = outer, 2.0 * step
        return inner

    def _excess(self, place: int, u: float, limit: float, known: dict[float, tuple[Vector, float]]) -> float:
        """Return the root of the growth of the squares in units of s, less the limit; nearly linear in u."""
        from scipy.optimize import least_squares

        if u in known:  # asked again it might come out a little better, and the end be lost
            return known[u][1]
        others = [k for k in range(len(self._free)) if k != place]
        boxes = np.array([self._free[k].box() for k in others]).reshape(len(others), 2)

        def whole(x: Vector) -> Vector:
            return np.insert(x, place, u)

        end = begin = known[min(known, key=lambda other: abs(other - u))][0]
        if others:
            found = least_squares(
                lambda x: self._problem.residuals(whole(x)), begin, lambda x: self._problem.jacobian(whole(x), others),
                bounds=(boxes[:, 0], boxes[:, 1]), x_scale="jac", xtol=1e-6, ftol=1e-6, gtol=1e-10, max_nfev=50,
            )  # fmt: skip
            squares, end = 2.0 * float(found.cost), found.x
        else:
            left = self._problem.residuals(whole(begin))
            squares = float(left @ left)
        growth = (squares - self._least) * self._freedom / max(self._least, 1e-300)
        if growth < -0.1 * limit**2:
            raise AnalysisError(
                f"a better fit lies at {self._free[place].name} = {self._free[place].value(u):.6g}",
                hint="fit again from there, or with more starts",
                names=(self._free[place].name,),
            )
        known[u] = (end, math.sqrt(max(growth, 0.0)) - limit)
        return known[u][1]
