"""What a crossbar accepts: real, finite numbers of the right shape, each refusal naming the place."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.crossbar.stored import Stored
from circuitnn.errors import CrossbarError

Array = NDArray[np.float64]


def real(what: str, values: ArrayLike) -> Array:
    """Return a float64 copy, or raise CrossbarError when the values are not real numbers."""
    return np.array(_real(what, values), dtype=np.float64, order="C")


def _real(what: str, values: ArrayLike) -> NDArray[Any]:
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise CrossbarError(f"the {what} are not an array: {error}", expected="rows of equal length") from None
    if array.dtype.kind not in "biuf":
        raise CrossbarError(f"the {what} are of type {array.dtype}", expected="real numbers")
    return array


def conductances(values: ArrayLike) -> Array:
    """Return a float64 copy of a matrix of conductances, each finite and not negative."""
    return stored_conductances(values).G


def stored_conductances(values: ArrayLike) -> Stored:
    """Return the same as the line solver reads it."""
    array = _real("conductances", values)
    if array.ndim != 2 or array.size == 0:
        raise CrossbarError(
            f"conductances of shape {array.shape}", expected="a matrix of (rows, cols), both at least 1"
        )
    if array.dtype != np.float64:
        array = array.astype(np.float64)
    try:
        stored = Stored(array)
    except MemoryError:
        raise CrossbarError(
            f"a crossbar of {array.shape[0]} x {array.shape[1]} does not fit in memory", hint="split it into tiles"
        ) from None
    if np.isnan(stored.mean):
        bad = np.argwhere(~(np.isfinite(array) & (array >= 0.0)))
        if len(bad):
            row, column = map(int, bad[0])
            raise CrossbarError(
                f"the conductance of cell ({row}, {column}) is {array[row, column]:g} S"
                + (f"; {len(bad)} cells are wrong" if len(bad) > 1 else ""),
                expected="a finite number of siemens, 0 for an open cell",
                names=[f"({row}, {column})"],
            )
        require_finite(np.asarray(stored.mean))
    return stored


def resistance(name: str, value: float) -> float:
    """Return a resistance in ohms, finite and not negative."""
    try:
        number = float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    # Below 1e-300 ohm the conductance overflows.
    if not (np.isfinite(number) and (number == 0.0 or number >= 1e-300)):
        raise CrossbarError(f"{name} is {value!r}", expected="ohms, finite and not negative", names=[name])
    return number


def accuracy(value: float) -> float:
    """Return a tolerance that a solution can be asked for."""
    number = resistance("tolerance", value)
    if not 1e-13 <= number <= 0.1:
        raise CrossbarError(f"tolerance is {value!r}", expected="a relative error between 1e-13 and 0.1")
    return number


def require_finite(values: Array) -> None:
    """Raise CrossbarError when a computed number is infinite or not a number."""
    with np.errstate(over="ignore", invalid="ignore"):
        plain = np.isfinite(values.sum())  # one pass, without an array of answers
    if not plain and not np.isfinite(values).all():
        raise CrossbarError(
            "the solution overflows double precision",
            hint="conductances, resistances or voltages lie too far apart; check their units (S, ohm, V)",
        )
