"""Functions of one value, number by number or along an axis, computed digitally."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf, ndtr

from circuitnn.errors import nearest
from circuitnn.mapping.operators.activations import sigmoid, softmax
from circuitnn.mapping.operators.axes import axis_of, broadcast, unbounded
from circuitnn.mapping.operators.node import Interval, Multiply, Node, Shape, numbers

Array = NDArray[np.float64]
_INF = float("inf")


def softplus(x: Array) -> Array:
    """Return ``log(1 + exp(x))``, without overflow."""
    return np.maximum(x, 0.0) + np.log1p(np.exp(-np.abs(x)))


def _leaky_relu(x: Array, slope: float) -> Array:
    return np.where(x >= 0.0, x, slope * x)


def _elu(x: Array, alpha: float) -> Array:
    return np.where(x > 0.0, x, alpha * np.expm1(np.minimum(x, 0.0)))


def _hard_sigmoid(x: Array, alpha: float, beta: float) -> Array:
    return np.clip(alpha * x + beta, 0.0, 1.0)


def _gelu_tanh(x: Array) -> Array:
    return 0.5 * x * (1.0 + np.tanh(np.sqrt(2.0 / np.pi) * (x + 0.044715 * x**3)))


@dataclass(frozen=True)
class _Unary:
    """A function, its parameters when none are given, and every inner point where it may turn."""

    of: Callable[..., Array]
    parameters: tuple[float, ...] = ()
    turns: tuple[float, ...] = ()
    domain: Interval = field(default=(-_INF, _INF))


# Where derivatives of x * sigmoid(x), x * Phi(x), its tanh approximation and x * tanh(softplus(x)) are zero.
FUNCTIONS: dict[str, _Unary] = {
    "relu": _Unary(lambda x: np.maximum(x, 0.0)),
    "sigmoid": _Unary(sigmoid),
    "tanh": _Unary(np.tanh),
    "leaky_relu": _Unary(_leaky_relu, (0.01,), (0.0,)),
    "elu": _Unary(_elu, (1.0,), (0.0,)),
    "selu": _Unary(lambda x, a, g: g * _elu(x, a), (1.6732632423543772, 1.0507009873554805), (0.0,)),
    "celu": _Unary(lambda x, a: np.maximum(x, 0.0) + np.minimum(a * np.expm1(np.minimum(x, 0.0) / a), 0.0), (1.0,)),
    "gelu": _Unary(lambda x: x * ndtr(x), turns=(-0.7517915246935645,)),
    "gelu_tanh": _Unary(_gelu_tanh, turns=(-0.7524614220710162,)),
    "silu": _Unary(lambda x: x * sigmoid(x), turns=(-1.2784645427610738,)),
    "mish": _Unary(lambda x: x * np.tanh(softplus(x)), turns=(-1.192431214515495,)),
    "hard_sigmoid": _Unary(_hard_sigmoid, (0.2, 0.5)),
    "hard_swish": _Unary(lambda x: x * _hard_sigmoid(x, 1.0 / 6.0, 0.5), turns=(-1.5,)),
    "softplus": _Unary(softplus),
    "softsign": _Unary(lambda x: x / (1.0 + np.abs(x))),
    "exp": _Unary(np.exp),
    "log": _Unary(np.log, domain=(0.0, _INF)),
    "sqrt": _Unary(np.sqrt, domain=(0.0, _INF)),
    "erf": _Unary(erf),
    "abs": _Unary(np.abs, turns=(0.0,)),
    "sign": _Unary(np.sign, turns=(0.0,)),
    "power": _Unary(lambda x, p: np.power(x, p), (2.0,), (0.0,)),
    "clip": _Unary(lambda x, low, high: np.asarray(np.clip(x, low, high)), (0.0, 6.0)),
    "floor": _Unary(np.floor),
    "ceil": _Unary(np.ceil),
    "round": _Unary(np.rint),
    "threshold": _Unary(lambda x, t, v: np.asarray(np.where(x > t, x, v)), (0.0, 0.0)),
}


@dataclass(frozen=True, eq=False, kw_only=True)
class Function(Node):
    """A function of every number.

    Parameters
    ----------
    function : str
        A key of ``FUNCTIONS``: ``relu``, ``gelu``, ``hard_swish`` ...
    parameters : tuple of float
        Those of the function where it has any: ``leaky_relu`` (slope), ``elu`` and ``celu`` (alpha), ``hard_sigmoid``
        (slope, offset), ``selu`` (alpha, gamma), ``power`` (exponent), ``clip`` (low, high), ``threshold`` (threshold,
        value below it).

    Raises
    ------
    MappingError
        When there is no such function, or it takes other parameters.

    Examples
    --------
    >>> Function(function="clip", parameters=(0.0, 1.0)).bounds((-2.0, 0.5))
    (0.0, 0.5)
    """

    function: str = "relu"
    parameters: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        if self.function not in FUNCTIONS:
            raise self.refuse(
                f"is the function {self.function!r}",
                " ".join(FUNCTIONS),
                nearest(str(self.function), FUNCTIONS) or "",
            )
        default = FUNCTIONS[self.function].parameters
        given = self.parameters or default
        if len(given) != len(default) or not np.isfinite(np.asarray(given, dtype=np.float64)).all():
            raise self.refuse(f"has parameters {self.parameters}", f"{len(default)} finite numbers")
        object.__setattr__(self, "parameters", tuple(float(p) for p in given))

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of the input."""
        return shapes[0]

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return the function of every number."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(FUNCTIONS[self.function].of(values[0], *self.parameters))

    def bounds(self, *intervals: Interval) -> Interval:
        """Return the interval of the function: its values at the ends and where it turns between them."""
        unary = FUNCTIONS[self.function]
        low, high = (min(max(end, unary.domain[0]), unary.domain[1]) for end in intervals[0])
        turns = self.parameters[:1] if self.function == "threshold" else unary.turns
        points = np.array([low, high, *(t for t in turns if low < t < high)])
        with np.errstate(all="ignore"):
            values = unary.of(points, *self.parameters)
        if self.function == "threshold" and low <= self.parameters[0]:
            values = np.append(values, [self.parameters[1], self.parameters[0]])
        if not np.isfinite(values).all():
            raise unbounded(self, f"is {self.function} of numbers from {low:g} to {high:g}")
        return float(values.min()), float(values.max())


@dataclass(frozen=True, eq=False, kw_only=True)
class Softmax(Node):
    """``exp(x)`` over its sum along an axis of the sample, or the logarithm of that.

    Parameters
    ----------
    axis : int
        Of the sample.
    log : bool
    """

    axis: int = -1
    log: bool = False

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of the input."""
        axis_of(self, self.axis, shapes[0])
        return shapes[0]

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return the softmax."""
        (x,) = values
        axis = axis_of(self, self.axis, x.shape[1:]) + 1
        if not self.log:
            return softmax(x, axis)
        shifted = x - x.max(axis=axis, keepdims=True)
        return np.asarray(shifted - np.log(np.exp(shifted).sum(axis=axis, keepdims=True)))

    def bounds(self, *intervals: Interval) -> Interval:
        """Return 0 to 1, or where the logarithm lies for no more than 2^32 numbers."""
        low, high = intervals[0]
        return (low - high - 32.0 * float(np.log(2.0)), 0.0) if self.log else (0.0, 1.0)


@dataclass(frozen=True, eq=False, kw_only=True)
class ParametricRelu(Node):
    """``x`` where it is positive and ``slope * x`` where it is not.

    Parameters
    ----------
    slope : array_like
        Broadcast against the sample.
    """

    slope: Array

    def __post_init__(self) -> None:
        object.__setattr__(self, "slope", numbers(self.slope, f"the slopes of {self.name}", self.name))

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of the input."""
        return broadcast(self, shapes[0], self.slope.shape, keep=True)

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return the outputs."""
        return np.where(values[0] > 0.0, values[0], self.slope * values[0])

    def bounds(self, *intervals: Interval) -> Interval:
        """Return the interval of the outputs."""
        low, high = intervals[0]
        ends = np.array([low, high, min(max(0.0, low), high)])
        found = np.where(ends > 0.0, ends, np.multiply.outer(self.slope.reshape(-1), ends))
        return float(found.min()), float(found.max())


EXPORT = (Function, Softmax, ParametricRelu)
