"""Activation functions that follow a matrix directly, and the intervals to which they map intervals."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import MappingError, nearest

Array = NDArray[np.float64]
Interval = tuple[float, float]


def sigmoid(z: Array) -> Array:
    """Return ``1 / (1 + exp(-z))``, without overflow."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0.0, 1.0, e) / (1.0 + e)


def softmax(z: Array, axis: int = -1) -> Array:
    """Return ``exp(z)`` over its sum along an axis, without overflow."""
    e = np.exp(z - z.max(axis=axis, keepdims=True))
    return e / e.sum(axis=axis, keepdims=True)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda z: z,
    "relu": lambda z: np.maximum(z, 0.0),
    "sigmoid": sigmoid,
    "tanh": np.tanh,
    "softmax": softmax,
}
_RANGES: dict[str, Interval] = {"sigmoid": (0.0, 1.0), "tanh": (-1.0, 1.0), "softmax": (0.0, 1.0)}


def check_activation(activation: str, name: str) -> None:
    """Raise MappingError unless there is such an activation; ``name`` is that of the node."""
    if activation not in ACTIVATIONS:
        raise MappingError(
            f"unknown activation {activation!r} of {name}",
            expected=" ".join(ACTIVATIONS),
            hint=nearest(str(activation), ACTIVATIONS),
            names=[name],
        )


def activation_range(activation: str, low: float, high: float) -> Interval:
    """Return the interval of the outputs for inputs from ``low`` to ``high``: the whole range of those that saturate.

    Examples
    --------
    >>> activation_range("relu", -2.0, 3.0), activation_range("tanh", -2.0, 3.0)
    ((0.0, 3.0), (-1.0, 1.0))
    """
    if activation == "relu":
        return max(low, 0.0), max(high, 0.0)
    return _RANGES.get(activation, (low, high))
