"""Operators that move numbers without changing them, or put others between."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from circuitnn.mapping.operators.axes import axis_of
from circuitnn.mapping.operators.node import Interval, Multiply, Node, Shape

Array = NDArray[np.float64]
_EDGES = ("constant", "edge", "reflect")


class _Move(Node):
    """An operator whose outputs are inputs."""

    def bounds(self, *intervals: Interval) -> Interval:
        """Return the interval of the inputs."""
        return intervals[0]


@dataclass(frozen=True, eq=False, kw_only=True)
class Reshape(_Move):
    """The same numbers in the same order in another shape.

    Parameters
    ----------
    to : tuple of int
        Shape of the sample. One of them may be -1: what is left.

    Examples
    --------
    >>> Reshape(to=(-1,)).shape((8, 4, 4))
    (128,)
    """

    to: tuple[int, ...] = (-1,)

    def shape(self, *shapes: Shape) -> Shape:
        """Return the new shape."""
        (shape,) = shapes
        open_axes, rest = self.to.count(-1), prod(n for n in self.to if n != -1)
        size = prod(shape)
        left = size // rest if rest else 0
        found = tuple(left if n == -1 else n for n in self.to)
        if open_axes > 1 or min(found, default=1) < 1 or prod(found) != size:
            raise self.refuse(f"turns samples of shape {shape} to {self.to}", f"a shape of {size} numbers")
        return found

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return the samples in the new shape."""
        (x,) = values
        return x.reshape(len(x), *self.shape(x.shape[1:]))


@dataclass(frozen=True, eq=False, kw_only=True)
class Transpose(_Move):
    """Axes in another order.

    Parameters
    ----------
    order : tuple of int
        For each axis of the output, that of the sample.

    Examples
    --------
    >>> Transpose(order=(2, 0, 1)).shape((8, 8, 3))
    (3, 8, 8)
    """

    order: tuple[int, ...] = (1, 0)

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape in that order."""
        (shape,) = shapes
        if sorted(self.order) != list(range(len(shape))):
            raise self.refuse(f"puts the axes of samples of shape {shape} in the order {self.order}", "each axis once")
        return tuple(shape[a] for a in self.order)

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return the samples with their axes in that order."""
        return np.ascontiguousarray(values[0].transpose(0, *(a + 1 for a in self.order)))


@dataclass(frozen=True, eq=False, kw_only=True)
class Slice(_Move):
    """Every ``step``-th index of an axis from ``start`` until ``stop``, as Python slices.

    Parameters
    ----------
    axis : int
        Of the sample.
    start, stop, step : int or None

    Examples
    --------
    >>> Slice(start=-1, step=-1).shape((5, 3))
    (5, 3)
    """

    axis: int = 0
    start: int | None = None
    stop: int | None = None
    step: int = 1

    def __post_init__(self) -> None:
        if self.step == 0:
            raise self.refuse("has a step of 0", "any other whole number")

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of what is kept."""
        (shape,) = shapes
        axis = axis_of(self, self.axis, shape)
        count = len(range(*slice(self.start, self.stop, self.step).indices(shape[axis])))
        if count < 1:
            raise self.refuse(
                f"keeps nothing of {self.start}:{self.stop}:{self.step} of samples of shape {shape}", "an index"
            )
        return (*shape[:axis], count, *shape[axis + 1 :])

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return what is kept."""
        (x,) = values
        axis = axis_of(self, self.axis, x.shape[1:]) + 1
        return x[(slice(None),) * axis + (slice(self.start, self.stop, self.step),)]


@dataclass(frozen=True, eq=False, kw_only=True)
class Take(_Move):
    """Chosen indices of an axis, in any order, any of them several times.

    Parameters
    ----------
    indices : tuple of int
        From 0, or from the end where negative.
    axis : int
        Of the sample.

    Examples
    --------
    >>> Take(indices=(0, 0, 1, 1), axis=1).shape((3, 2))
    (3, 4)
    """

    indices: tuple[int, ...] = (0,)
    axis: int = 0

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of what is chosen."""
        (shape,) = shapes
        axis = axis_of(self, self.axis, shape)
        wrong = [k for k in self.indices if not -shape[axis] <= k < shape[axis]]
        if wrong or not self.indices:
            raise self.refuse(
                f"takes {wrong[0] if wrong else 'nothing'} along axis {axis} of samples of shape {shape}",
                f"indices below {shape[axis]}",
            )
        return (*shape[:axis], len(self.indices), *shape[axis + 1 :])

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return what is chosen."""
        (x,) = values
        return np.take(x, self.indices, axis=axis_of(self, self.axis, x.shape[1:]) + 1)


@dataclass(frozen=True, eq=False, kw_only=True)
class Pad(Node):
    """Numbers added around a sample.

    Parameters
    ----------
    padding : tuple of (int, int)
        How many before and after, one pair an axis of the sample; negative: so many are cut off.
    edges : str
        ``"constant"``; ``"edge"``: the outermost number again; ``"reflect"``: mirrored about it.
    value : float
        The constant.

    Examples
    --------
    >>> Pad(padding=((0, 0), (1, 2))).shape((3, 8))
    (3, 11)
    """

    padding: tuple[tuple[int, int], ...] = ()
    edges: str = "constant"
    value: float = 0.0

    def __post_init__(self) -> None:
        if self.edges not in _EDGES:
            raise self.refuse(f"pads by {self.edges!r}", " ".join(_EDGES))
        if not np.isfinite(float(self.value)):
            raise self.refuse(f"pads by the number {self.value}", "a finite one")
        object.__setattr__(self, "value", float(self.value))

    def shape(self, *shapes: Shape) -> Shape:
        """Return the larger shape."""
        (shape,) = shapes
        if len(self.padding) != len(shape):
            raise self.refuse(f"pads samples of shape {shape} by {self.padding}", "a pair an axis")
        found = tuple(n + before + after for n, (before, after) in zip(shape, self.padding, strict=True))
        kept = [n + min(b, 0) + min(a, 0) for n, (b, a) in zip(shape, self.padding, strict=True)]
        short = self.edges == "reflect" and any(
            max(pair) >= n for n, pair in zip(kept, self.padding, strict=True) if max(pair) > 0
        )
        if min(found, default=1) < 1 or min(kept, default=1) < 1 or short:
            raise self.refuse(f"pads samples of shape {shape} by {self.padding} ({self.edges})", "larger samples")
        return found

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return the larger samples."""
        (x,) = values
        kept = tuple(slice(max(0, -b), n - max(0, -a)) for n, (b, a) in zip(x.shape[1:], self.padding, strict=True))
        added = ((0, 0), *((max(0, b), max(0, a)) for b, a in self.padding))
        inner = x[(slice(None), *kept)]
        if self.edges == "constant":
            return np.pad(inner, added, constant_values=self.value)
        return np.pad(inner, added, mode="edge" if self.edges == "edge" else "reflect")

    def bounds(self, *intervals: Interval) -> Interval:
        """Return the interval of the inputs, with the constant."""
        low, high = intervals[0]
        return (min(low, self.value), max(high, self.value)) if self.edges == "constant" else (low, high)


@dataclass(frozen=True, eq=False, kw_only=True)
class Spread(Node):
    """Zeros between the numbers of a sample: what makes a transposed convolution of a plain one.

    Parameters
    ----------
    steps : tuple of int
        Distance of neighbours in the output, one an axis of the sample.

    Examples
    --------
    >>> Spread(steps=(1, 2)).shape((3, 4))
    (3, 7)
    """

    steps: tuple[int, ...] = ()

    def shape(self, *shapes: Shape) -> Shape:
        """Return the larger shape."""
        (shape,) = shapes
        if len(self.steps) != len(shape) or min(self.steps, default=1) < 1:
            raise self.refuse(f"spreads samples of shape {shape} by {self.steps}", "a number of at least 1 an axis")
        return tuple((n - 1) * step + 1 for n, step in zip(shape, self.steps, strict=True))

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return the spread samples."""
        (x,) = values
        out = np.zeros((len(x), *self.shape(x.shape[1:])))
        out[(slice(None), *(slice(None, None, step) for step in self.steps))] = x
        return out

    def bounds(self, *intervals: Interval) -> Interval:
        """Return the interval of the inputs, with zero."""
        low, high = intervals[0]
        return min(low, 0.0), max(high, 0.0)


EXPORT = (Reshape, Transpose, Slice, Take, Pad, Spread)
