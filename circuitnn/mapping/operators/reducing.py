"""Means, sums and extremes along axes of a sample."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from circuitnn.mapping.operators.axes import axes_of
from circuitnn.mapping.operators.node import Interval, Multiply, Node, Shape

Array = NDArray[np.float64]
_MODES = {"mean": np.mean, "sum": np.sum, "max": np.max, "min": np.min}


@dataclass(frozen=True, eq=False, kw_only=True)
class Reduce(Node):
    """Mean, sum, largest or least number along axes.

    Parameters
    ----------
    mode : str
        ``"mean"``, ``"sum"``, ``"max"`` or ``"min"``.
    axes : tuple of int
        Of the sample; all of them when not given.
    keep : bool
        Whether the axes stay, with one number each.
    size : int
        Numbers that are joined to one, for the bounds of a sum; ``shape`` checks it.

    Examples
    --------
    >>> Reduce(axes=(1, 2), size=49).shape((512, 7, 7))
    (512,)
    """

    mode: str = "mean"
    axes: tuple[int, ...] = ()
    keep: bool = False
    size: int = 1

    def __post_init__(self) -> None:
        if self.mode not in _MODES:
            raise self.refuse(f"reduces by {self.mode!r}", " ".join(_MODES))
        object.__setattr__(self, "keep", bool(self.keep))

    def _axes(self, shape: Shape) -> Shape:
        return axes_of(self, self.axes or range(len(shape)), shape)

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape without the axes, or with one number along each."""
        (shape,) = shapes
        axes = self._axes(shape)
        if prod(shape[a] for a in axes) != self.size:
            raise self.refuse(f"joins {self.size} numbers of samples of shape {shape}", "the size of its axes")
        if self.keep:
            return tuple(1 if a in axes else n for a, n in enumerate(shape))
        return tuple(n for a, n in enumerate(shape) if a not in axes)

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return the reduced samples."""
        (x,) = values
        axes = tuple(a + 1 for a in self._axes(x.shape[1:]))
        return np.asarray(_MODES[self.mode](x, axis=axes, keepdims=self.keep))  # type: ignore[operator]

    def bounds(self, *intervals: Interval) -> Interval:
        """Return the interval of the outputs."""
        low, high = intervals[0]
        return (low * self.size, high * self.size) if self.mode == "sum" else (low, high)


EXPORT = (Reduce,)
