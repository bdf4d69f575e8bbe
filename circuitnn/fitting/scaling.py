"""Parameters as the solver sees them, and residuals as they are weighed."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.declare import Device, Param
from circuitnn.errors import UsageError, nearest

#: Ratio of the bounds from which a parameter is fitted by its logarithm, and by what it may change without bounds.
_DECADES, _FAR = 100.0, 1e6
SCALES = ("linear", "log", "relative")


@dataclass(frozen=True)
class Free:
    """One fitted parameter: value = unit u, or unit exp(u) where the range spans decades.

    Attributes
    ----------
    name : str
    param : Param
    start, low, high : float
        Of the value.
    log : bool
    unit : float
        Carries the sign of a logarithmic one.
    """

    name: str
    param: Param
    start: float
    low: float
    high: float
    log: bool
    unit: float

    def value(self, u: float) -> float:
        """Return the parameter's value, within its bounds whatever rounding does."""
        value = self.unit * math.exp(u) if self.log else self.unit * u
        return min(max(value, self.low), self.high)

    def inner(self, value: float) -> float:
        """Return u of a value."""
        return math.log(value / self.unit) if self.log else value / self.unit

    def box(self) -> tuple[float, float]:
        """Return the bounds of u."""
        ends = [x if math.isinf(x) else self.inner(x) for x in (self.low, self.high)]
        return min(ends), max(ends)

    def slope(self, value: float) -> float:
        """Return the change of the value with u."""
        return value if self.log else self.unit


def free_parameters(
    device: type[Device], base: Mapping[str, float], asked: Mapping[str, tuple[float, float] | None]
) -> list[Free]:
    """Return what is fitted, with start and bounds.

    Raises
    ------
    UsageError
        For unknown parameters, those that select something or have no value, and bounds that hold nothing.
    """
    if not asked:
        raise UsageError("no parameter to fit", expected="parameters=[...], names of the device's")
    found = []
    for name, bounds in asked.items():
        param = device.params.get(name)
        if param is None or param.on in ("instance", "system"):
            known = [key for key, other in device.params.items() if other.on in ("both", "model") and not other.choices]
            raise UsageError(
                f"{device.name} has no model parameter {name!r}",
                names=(name,),
                hint=nearest(name, known) or f"it has {', '.join(known)}",
            )
        if param.choices or param.integer:
            raise UsageError(f"{name} selects something and cannot be fitted", names=(name,), hint="give it in a Model")
        start = base.get(name, param.default)
        if start is None:
            raise UsageError(
                f"{name} of {device.name} has no default", names=(name,), expected="start={...} or a Model"
            )
        found.append(_free(name, param, float(start), bounds))
    return found


def _free(name: str, param: Param, start: float, bounds: tuple[float, float] | None) -> Free:
    least = -math.inf if param.low is None else param.low
    most = math.inf if param.high is None else param.high
    if param.exclusive and param.low is not None:
        least = math.nextafter(least, math.inf)
    if bounds is not None:
        if len(bounds) != 2 or not (math.isfinite(bounds[0]) and math.isfinite(bounds[1]) and bounds[0] < bounds[1]):
            raise UsageError(f"{name}: the bounds {bounds!r}", expected="(low, high), low < high", names=(name,))
        low, high = max(bounds[0], least), min(bounds[1], most)
        if low >= high:
            raise UsageError(
                f"{name}: the bounds {bounds[0]:g} .. {bounds[1]:g} lie outside the parameter's range",
                expected=f"between {least:g} and {most:g}",
                names=(name,),
            )
        near, far = sorted((abs(low), abs(high)))
        log = low * high > 0.0 and far / near >= _DECADES
        start = min(max(start, low), high)
    else:
        one_sided = start != 0.0 and (least >= 0.0 or most <= 0.0) and (math.isinf(least) or math.isinf(most))
        low, high, log = least, most, one_sided
        if one_sided:
            low, high = sorted((start / _FAR, start * _FAR))
            low, high = max(low, least), min(high, most)
    if not low <= start <= high:
        raise UsageError(f"{name} starts at {start:g}", expected=f"between {low:g} and {high:g}", names=(name,))
    if log:
        return Free(name, param, start, low, high, True, math.copysign(1.0, low + high) * math.sqrt(low * high))
    span = high - low
    unit = span if math.isfinite(span) else abs(start) or 1.0
    return Free(name, param, start, low, high, False, unit)


class Weighing:
    """Differences of currents as numbers of like size.

    Parameters
    ----------
    measured : ndarray
        Currents, A.
    scale : {"linear", "log", "relative"}
        Parts of the rms current; decades of asinh(i / floor); parts of the current.
    floor : float
        Part of the largest current, below which currents count little in the latter two.
    """

    def __init__(self, measured: NDArray[np.float64], scale: str, floor: float) -> None:
        if scale not in SCALES:
            raise UsageError(f"scale = {scale!r}", expected=", ".join(SCALES), hint=nearest(scale, SCALES))
        if not (math.isfinite(floor) and 0.0 < floor <= 1.0):
            raise UsageError(f"floor = {floor!r}", expected="a part of the largest current, 0 < floor <= 1")
        largest = float(np.abs(measured).max())
        if largest == 0.0:
            raise UsageError("all measured currents are zero")
        self._scale, self._floor = scale, floor * largest
        self._unit = float(np.sqrt(np.mean(measured**2)))
        self._measured = measured

    def residuals(self, current: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return simulated minus measured, weighed."""
        measured = self._measured
        if self._scale == "linear":
            return (current - measured) / self._unit
        if self._scale == "log":
            return (np.arcsinh(current / self._floor) - np.arcsinh(measured / self._floor)) / math.log(10.0)
        return (current - measured) / np.hypot(measured, self._floor)
