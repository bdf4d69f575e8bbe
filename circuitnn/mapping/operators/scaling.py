"""Scale and offset of channels, and normalisation of samples by themselves."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod, sqrt

import numpy as np
from numpy.typing import NDArray

from circuitnn.mapping.operators.axes import axes_of, axis_of
from circuitnn.mapping.operators.node import Interval, Multiply, Node, Shape, numbers

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Scale(Node):
    """``x * scale + offset`` with a number of each for every index of an axis: batch normalisation at inference.

    Parameters
    ----------
    scale, offset : array_like, shape (n,)
    axis : int
        Of the sample.

    Examples
    --------
    >>> Scale(scale=[1.0, -2.0], offset=[0.0, 1.0]).bounds((0.0, 1.0))
    (-1.0, 1.0)
    """

    scale: Array
    offset: Array
    axis: int = 0

    def __post_init__(self) -> None:
        for field in ("scale", "offset"):
            given = numbers(getattr(self, field), f"the {field} of {self.name}", self.name)
            object.__setattr__(self, field, given)
        if self.scale.ndim != 1 or self.scale.shape != self.offset.shape or not self.scale.size:
            raise self.refuse(f"has scales {self.scale.shape} and offsets {self.offset.shape}", "(n,) for both")

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of the input."""
        (shape,) = shapes
        if shape[axis_of(self, self.axis, shape)] != self.scale.size:
            raise self.refuse(f"scales {self.scale.size} channels, not samples of shape {shape}", "one scale a channel")
        return shape

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return the scaled samples."""
        (x,) = values
        axis = axis_of(self, self.axis, x.shape[1:])
        along = (-1, *(1,) * (x.ndim - 2 - axis))
        return np.asarray(x * self.scale.reshape(along) + self.offset.reshape(along))

    def bounds(self, *intervals: Interval) -> Interval:
        """Return the interval of the outputs."""
        ends = np.multiply.outer(np.array(intervals[0]), self.scale) + self.offset
        return float(ends.min()), float(ends.max())


@dataclass(frozen=True, eq=False, kw_only=True)
class Normalise(Node):
    """``(x - mean) / sqrt(variance + epsilon)``, both of each sample along axes.

    The core of layer, instance and group normalisation (Ba, Kiros and Hinton, arXiv:1607.06450, eq. 4).

    Parameters
    ----------
    axes : tuple of int
        Of the sample; all of them when not given.
    epsilon : float
    centred : bool
        Whether the mean is taken away; without it, the root of the mean square divides (RMS normalisation).
    size : int
        Numbers that share a mean, for the bounds: no result is larger than ``sqrt(size)``. ``shape`` checks it.

    Examples
    --------
    >>> Normalise(size=4).bounds((-100.0, 100.0))
    (-2.0, 2.0)
    """

    axes: tuple[int, ...] = ()
    epsilon: float = 1e-5
    centred: bool = True
    size: int = 1

    def __post_init__(self) -> None:
        if not 0.0 <= self.epsilon < float("inf"):
            raise self.refuse(f"has epsilon {self.epsilon}", "a finite number of at least 0")

    def _axes(self, shape: Shape) -> Shape:
        return axes_of(self, self.axes or range(len(shape)), shape)

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of the input."""
        (shape,) = shapes
        if prod(shape[a] for a in self._axes(shape)) != self.size:
            raise self.refuse(f"joins {self.size} numbers of samples of shape {shape}", "the size of its axes")
        return shape

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return the normalised samples."""
        (x,) = values
        axes = tuple(a + 1 for a in self._axes(x.shape[1:]))
        centred = x - x.mean(axis=axes, keepdims=True) if self.centred else x
        with np.errstate(divide="ignore"):
            return np.asarray(centred / np.sqrt((centred**2).mean(axis=axes, keepdims=True) + self.epsilon))

    def bounds(self, *intervals: Interval) -> Interval:
        """Return the interval of the outputs: a number of n is at most sqrt(n) root mean squares."""
        most = sqrt(self.size)
        return -most, most


@dataclass(frozen=True, eq=False, kw_only=True)
class LocalResponse(Node):
    """``x / (bias + alpha / size * sum x^2)^beta``, summed over neighbouring channels.

    Local response normalisation of Krizhevsky, Sutskever and Hinton (NeurIPS 2012, section 3.3), with ``alpha`` divided
    by ``size`` as ONNX and PyTorch have it.

    Parameters
    ----------
    size : int
        Channels in the sum: ``(size - 1) // 2`` before, the rest from the channel itself on.
    alpha, beta, bias : float

    Examples
    --------
    >>> LocalResponse(size=1, alpha=1.0, beta=1.0).bounds((0.0, 2.0))
    (0.0, 2.0)
    """

    size: int = 5
    alpha: float = 1e-4
    beta: float = 0.75
    bias: float = 1.0

    def __post_init__(self) -> None:
        if self.size < 1 or self.alpha < 0.0 or self.beta < 0.0 or self.bias <= 0.0:
            raise self.refuse(
                f"has size {self.size}, alpha {self.alpha}, beta {self.beta} and bias {self.bias}", "positive numbers"
            )

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of the input."""
        if not shapes[0]:
            raise self.refuse("has samples of one number", "(channels, ...)")
        return shapes[0]

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return the normalised samples."""
        (x,) = values
        squares = np.zeros_like(x)
        channels = x.shape[1]
        for c in range(channels):
            squares[:, c] = (x[:, max(0, c - (self.size - 1) // 2) : c + self.size // 2 + 1] ** 2).sum(axis=1)
        return np.asarray(x / (self.bias + self.alpha / self.size * squares) ** self.beta)

    def bounds(self, *intervals: Interval) -> Interval:
        """Return the interval of the outputs: those of the inputs over the least divisor."""
        low, high = intervals[0]
        least = self.bias**self.beta
        return min(low, low / least, 0.0), max(high, high / least, 0.0)


EXPORT = (Scale, Normalise, LocalResponse)
