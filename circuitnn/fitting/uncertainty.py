"""How well a fit knows its parameters: covariance, correlations, intervals, and which are not determined at all."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuitnn.fitting.scaling import Free

Matrix = NDArray[np.float64]
#: Singular values of the scaled slopes, against the largest one, below which a combination changes nothing: slopes are
#: known to about the simulation's tolerance.
_NOTHING = 1e-5
#: Part of such a combination from which a parameter is said to belong to it.
_BELONGS = 0.1
_CORRELATED = 0.99
#: Standard error, of a logarithm or in parts of the parameter's range, from which the data do not determine it.
_VAGUE = 1.0


@dataclass(frozen=True)
class Estimate:
    """A fitted parameter.

    Attributes
    ----------
    value : float
    error : float
        Standard error, in the value's unit; infinite when the measurement does not determine it.
    low, high : float
        Confidence interval.
    unit : str
    log : bool
        Fitted by its logarithm, in which the interval is symmetric.
    start : float
    at_bound : bool
    """

    value: float
    error: float
    low: float
    high: float
    unit: str
    log: bool
    start: float
    at_bound: bool


def uncertainties(
    free: list[Free], u: Matrix, jacobian: Matrix, residuals: Matrix, confidence: float
) -> tuple[dict[str, Estimate], Matrix, Matrix, list[str]]:
    """Return estimates by name, covariance and correlation in their order, and warnings.

    The covariance is that of the values; where a parameter is not determined its variance is infinite and its
    correlations are zero.
    """
    from scipy.stats import t as student

    count, width = jacobian.shape
    variance = float(residuals @ residuals) / (count - width)
    norms = np.linalg.norm(jacobian, axis=0)
    dead = norms <= 1e-9 * max(float(norms.max()), 1e-300)
    scaled = jacobian / np.where(dead, 1.0, norms)
    _, sizes, directions = np.linalg.svd(scaled, full_matrices=False)
    weak = sizes <= _NOTHING * max(float(sizes[0]), 1e-300)
    lost = dead | (np.abs(directions[weak]) > _BELONGS).any(axis=0)
    inverse = (directions[~weak].T / sizes[~weak] ** 2) @ directions[~weak]
    inner = variance * inverse / np.outer(np.where(dead, 1.0, norms), np.where(dead, 1.0, norms))
    inner[lost, :] = inner[:, lost] = 0.0
    values = np.array([one.value(float(x)) for one, x in zip(free, u, strict=True)])
    slopes = np.array([one.slope(float(value)) for one, value in zip(free, values, strict=True)])
    errors = np.sqrt(np.diag(inner))
    with np.errstate(invalid="ignore", divide="ignore"):
        correlation = np.where(np.outer(errors, errors) > 0.0, inner / np.outer(errors, errors), 0.0)
    np.fill_diagonal(correlation, 1.0)
    covariance = inner * np.outer(slopes, slopes)
    covariance[lost, lost] = math.inf
    quantile = float(student.ppf(0.5 + 0.5 * confidence, count - width))
    warnings = []
    estimates = {}
    for k, one in enumerate(free):
        spread = math.inf if lost[k] else quantile * float(errors[k])
        ends = [_value(one, float(u[k]) - spread), _value(one, float(u[k]) + spread)]
        box = one.box()
        at_bound = min(u[k] - box[0], box[1] - u[k]) < 1e-4
        error = math.inf if lost[k] else float(errors[k] * abs(slopes[k]))
        value = float(values[k])
        estimates[one.name] = Estimate(
            value, error, min(ends), max(ends), one.param.unit, one.log, one.start, bool(at_bound)
        )
        if lost[k]:
            warnings.append(f"{one.name} is not determined by these measurements")
        elif errors[k] > _VAGUE:
            warnings.append(f"{one.name} is hardly determined by these measurements: {value:.3g} +- {error:.2g}")
        if at_bound:
            warnings.append(f"{one.name} is at a bound, {value:.6g}; its standard error does not know of that")
    for a, b in np.argwhere(np.triu(np.abs(correlation) > _CORRELATED, 1)).tolist():
        warnings.append(
            f"{free[a].name} and {free[b].name} are determined together, correlation {correlation[a, b]:.4f}: "
            "their intervals, which take the model as linear, may be too narrow"
        )
    return estimates, covariance, correlation, warnings


def _value(one: Free, u: float) -> float:
    """Return a value without its bounds: an interval may reach beyond them."""
    if one.log:
        return one.unit * (math.exp(u) if u < 700.0 else math.inf) + 0.0
    return one.unit * u
