"""Arithmetic of several nodes, or of a node and constants, and joining along an axis."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import nearest
from circuitnn.mapping.operators.axes import aligned, axis_of, broadcast, unbounded
from circuitnn.mapping.operators.node import Interval, Multiply, Node, Shape, numbers

Array = NDArray[np.float64]

OPERATIONS: dict[str, Callable[[Array, Array], Array]] = {
    "add": np.add,
    "subtract": np.subtract,
    "multiply": np.multiply,
    "divide": np.divide,
    "maximum": np.maximum,
    "minimum": np.minimum,
}


def _check(node: Node, operation: str) -> None:
    if operation not in OPERATIONS:
        raise node.refuse(
            f"is the operation {operation!r}", " ".join(OPERATIONS), nearest(str(operation), OPERATIONS) or ""
        )


def combined_interval(node: Node, operation: str, a: Interval, b: Interval) -> Interval:
    """Return the interval of an operation on numbers of two intervals; raise MappingError where a divisor may be zero.

    Examples
    --------
    >>> combined_interval(Node(), "subtract", (0.0, 1.0), (-2.0, 3.0))
    (-3.0, 3.0)
    """
    if operation == "divide" and b[0] <= 0.0 <= b[1]:
        raise unbounded(node, f"divides by numbers from {b[0]:g} to {b[1]:g}")
    # At the corners: each of these is monotonic in both numbers, where the divisor keeps its sign.
    x, y = np.meshgrid(a, b)
    with np.errstate(over="ignore", invalid="ignore"):
        corners = OPERATIONS[operation](x, y)
    return float(corners.min()), float(corners.max())


@dataclass(frozen=True, eq=False, kw_only=True)
class Combine(Node):
    """``add``, ``subtract``, ``multiply``, ``divide``, ``maximum`` or ``minimum`` of nodes, from the left.

    Samples broadcast against each other as arrays do.

    Parameters
    ----------
    operation : str

    Examples
    --------
    >>> Combine(operation="add").shape((3, 4, 4), (3, 1, 1))
    (3, 4, 4)
    """

    operation: str = "add"
    arity = (2, None)

    def __post_init__(self) -> None:
        _check(self, self.operation)

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape to which the samples broadcast."""
        return broadcast(self, *shapes)

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return the result."""
        with np.errstate(divide="ignore"):
            return reduce(OPERATIONS[self.operation], aligned(values))

    def bounds(self, *intervals: Interval) -> Interval:
        """Return the interval of the result."""
        return reduce(lambda a, b: combined_interval(self, self.operation, a, b), intervals)


@dataclass(frozen=True, eq=False, kw_only=True)
class WithConstant(Node):
    """An operation of ``Combine`` on a node and constant numbers.

    Parameters
    ----------
    operation : str
    constant : array_like
        Broadcasts against a sample.
    reverse : bool
        Whether the constant stands on the left.

    Examples
    --------
    >>> WithConstant(operation="divide", constant=[1.0, 2.0], reverse=True).bounds((0.5, 4.0))
    (0.25, 4.0)
    """

    constant: Array
    operation: str = "add"
    reverse: bool = False

    def __post_init__(self) -> None:
        _check(self, self.operation)
        object.__setattr__(self, "constant", numbers(self.constant, f"the constant of {self.name}", self.name))
        if self.constant.size == 0:
            raise self.refuse("has no constant", "at least one number")

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape to which sample and constant broadcast."""
        return broadcast(self, shapes[0], self.constant.shape)

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return the result."""
        x, c = aligned((values[0], self.constant[None]))
        with np.errstate(divide="ignore"):
            return OPERATIONS[self.operation](*((c, x) if self.reverse else (x, c)))

    def bounds(self, *intervals: Interval) -> Interval:
        """Return the interval of the result."""
        constant = (float(self.constant.min()), float(self.constant.max()))
        return combined_interval(
            self, self.operation, *((constant, intervals[0]) if self.reverse else (intervals[0], constant))
        )


@dataclass(frozen=True, eq=False, kw_only=True)
class Concat(Node):
    """Samples of several nodes joined along an axis.

    Parameters
    ----------
    axis : int
        Of the sample.

    Examples
    --------
    >>> Concat().shape((3, 4), (2, 4))
    (5, 4)
    """

    axis: int = 0
    arity = (1, None)

    def shape(self, *shapes: Shape) -> Shape:
        """Return the joint shape."""
        first = shapes[0]
        axis = axis_of(self, self.axis, first)
        rest = {(len(s), *s[:axis], *s[axis + 1 :]) for s in shapes}
        if len(rest) > 1:
            raise self.refuse(
                f"joins samples of shapes {' and '.join(map(str, shapes))} along axis {axis}",
                "the same shape along all other axes",
            )
        return (*first[:axis], sum(s[axis] for s in shapes), *first[axis + 1 :])

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return the joined samples."""
        return np.concatenate(values, axis=self.axis + 1 if self.axis >= 0 else self.axis)

    def bounds(self, *intervals: Interval) -> Interval:
        """Return the interval that holds all of them."""
        return min(low for low, _ in intervals), max(high for _, high in intervals)


@dataclass(frozen=True, eq=False, kw_only=True)
class MatrixProduct(Node):
    """Matrix product of two nodes along their last two axes, in digital logic: neither is a stored matrix.

    Parameters
    ----------
    size : int
        Numbers in a product's sum.

    Examples
    --------
    >>> MatrixProduct(size=4).shape((8, 3, 4), (8, 4, 5))
    (8, 3, 5)
    """

    size: int = 1
    arity = (2, 2)

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of the product."""
        a, b = shapes
        if min(len(a), len(b)) < 2 or a[-1] != self.size or b[-2] != self.size:
            raise self.refuse(
                f"multiplies samples of shapes {a} and {b}", f"(..., n, {self.size}) and (..., {self.size}, m)"
            )
        return (*broadcast(self, a[:-2], b[:-2]), a[-2], b[-1])

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return the product."""
        a, b = aligned(values)
        return np.matmul(a, b)

    def bounds(self, *intervals: Interval) -> Interval:
        """Return the interval of the sums."""
        low, high = combined_interval(self, "multiply", *intervals)
        return self.size * low, self.size * high


EXPORT = (Combine, WithConstant, Concat, MatrixProduct)
