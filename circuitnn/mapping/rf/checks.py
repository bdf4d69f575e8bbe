"""Numbers and frequencies that a user gives to radio-frequency layers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import UsageError

Array = NDArray[np.float64]


def number(name: str, value: Any) -> float:
    """Return a finite float; raise UsageError with the name when it is anything else."""
    try:
        result = float(value)
    except (TypeError, ValueError, OverflowError):
        raise UsageError(f"{name} is {value!r}", expected="a finite number") from None
    if not np.isfinite(result):
        raise UsageError(f"{name} is {result:g}", expected="a finite number")
    return result


def positive(name: str, value: Any) -> float:
    """Return a finite float above zero; raise UsageError with the name when it is anything else."""
    result = number(name, value)
    if result <= 0.0:
        raise UsageError(f"{name} is {result:g}", expected="a number greater than 0")
    return result


def whole(name: str, value: Any, least: int = 1) -> int:
    """Return an integer of at least ``least``; raise UsageError with the name when it is anything else."""
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or value < least:
        raise UsageError(f"{name} is {value!r}", expected=f"an integer, at least {least}")
    return int(value)


def frequencies(name: str, values: ArrayLike, ndim: int) -> Array:
    """Return an array of finite, positive frequencies that cannot be changed; raise UsageError otherwise."""
    try:
        array = np.array(values, dtype=np.float64, order="C")
    except (TypeError, ValueError) as error:
        raise UsageError(f"{name} are no array: {error}", expected=f"frequencies in Hz, {ndim} axes") from None
    if array.ndim != ndim or array.size == 0:
        raise UsageError(f"{name} have shape {array.shape}", expected=f"{ndim} axes, none empty")
    if not (np.isfinite(array).all() and (array > 0.0).all()):
        raise UsageError(f"{name} are not all positive and finite", expected="frequencies in Hz")
    array.setflags(write=False)
    return array
