"""Pooling of neighbouring positions, channel by channel."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from math import prod

import numpy as np
from numpy.typing import NDArray

from circuitnn.mapping.operators.node import Interval, Multiply, Node, Shape

Array = NDArray[np.float64]
_MODES = ("max", "average", "sum")


@dataclass(frozen=True, eq=False, kw_only=True)
class Pool(Node):
    """Largest, mean or sum of the positions under a window, along every axis behind the channels.

    Parameters
    ----------
    mode : str
        ``"max"``, ``"average"`` or ``"sum"``.
    kernel : tuple of int
        Size of the window, one number an axis.
    stride, dilation : tuple of int
        All 1 when not given.
    padding : tuple of (int, int)
        Positions before and after that no input has: zero, but never the largest.
    ceil : bool
        Whether a window that begins inside, or in the padding before, but ends outside counts.
    count_padding : bool
        Whether padded positions count in a mean; those beyond the padding never do.

    Raises
    ------
    MappingError
        When numbers do not fit together, or a window of ``max`` sees padding alone.

    Examples
    --------
    >>> Pool(kernel=(3, 3), stride=(2, 2), padding=((1, 1), (1, 1))).shape((8, 112, 112))
    (8, 56, 56)
    """

    mode: str = "max"
    kernel: tuple[int, ...] = (2, 2)
    stride: tuple[int, ...] = ()
    padding: tuple[tuple[int, int], ...] = ()
    dilation: tuple[int, ...] = ()
    ceil: bool = False
    count_padding: bool = False

    def __post_init__(self) -> None:
        axes = len(self.kernel)
        for field in ("kernel", "stride", "dilation"):
            given = tuple(int(n) for n in getattr(self, field)) or (1,) * axes
            if len(given) != axes or min(given, default=0) < 1:
                raise self.refuse(f"has {field} {getattr(self, field)}", f"{axes} numbers of at least 1")
            object.__setattr__(self, field, given)
        zeros = tuple((int(a), int(b)) for a, b in self.padding) or ((0, 0),) * axes
        reach = [hole * (k - 1) for k, hole in zip(self.kernel, self.dilation, strict=True)]
        if len(zeros) != axes or any(
            min(pair) < 0 or max(pair) > most for pair, most in zip(zeros, reach, strict=True)
        ):
            raise self.refuse(f"has padding {self.padding}", f"{axes} pairs, less than the window {self.kernel}")
        object.__setattr__(self, "padding", zeros)
        if self.mode not in _MODES:
            raise self.refuse(f"pools by {self.mode!r}", " ".join(_MODES))

    def _counts(self, shape: Shape) -> list[int]:
        """Return the number of windows along each axis."""
        found = []
        for n, k, step, (before, after), hole in zip(
            shape[1:], self.kernel, self.stride, self.padding, self.dilation, strict=True
        ):
            room = n + before + after - hole * (k - 1) - 1
            count = (-(-room // step) if self.ceil else room // step) + 1
            if self.ceil and (count - 1) * step >= n + before:
                count -= 1  # that window would begin in the padding after, or beyond it
            found.append(count)
        return found

    def shape(self, *shapes: Shape) -> Shape:
        """Return (channels, *windows)."""
        (shape,) = shapes
        if len(shape) != len(self.kernel) + 1:
            raise self.refuse(f"has samples of shape {shape}", f"(channels, {', '.join('n' * len(self.kernel))})")
        counts = self._counts(shape)
        if min(counts) < 1:
            raise self.refuse(f"has a window {self.kernel} larger than samples of shape {shape}", "a smaller window")
        if self.mode == "max" and any((seen == 0).any() for seen in self._seen(shape, counts, padded=False)):
            raise self.refuse(f"has windows outside of samples of shape {shape}", "less padding")
        return (shape[0], *counts)

    def _seen(self, shape: Shape, counts: list[int], *, padded: bool) -> Iterator[Array]:
        """Yield how many positions each window has along each axis, with or without padding."""
        for n, count, k, step, (before, after), hole in zip(
            shape[1:], counts, self.kernel, self.stride, self.padding, self.dilation, strict=True
        ):
            places = np.arange(count)[:, None] * step + np.arange(k) * hole - before
            low, high = (-before, n + after) if padded else (0, n)
            yield ((places >= low) & (places < high)).sum(axis=1)

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return the pooled samples."""
        (x,) = values
        counts = self._counts(x.shape[1:])
        edges = []
        for n, count, k, step, (before, _), hole in zip(
            x.shape[2:], counts, self.kernel, self.stride, self.padding, self.dilation, strict=True
        ):
            edges.append((before, max(0, (count - 1) * step + hole * (k - 1) + 1 - n - before)))
        fill = -np.inf if self.mode == "max" else 0.0
        padded = np.pad(x, ((0, 0), (0, 0), *edges), constant_values=fill) if any(map(any, edges)) else x
        join = np.maximum if self.mode == "max" else np.add
        out = np.full((*x.shape[:2], *counts), fill)
        for position in product(*map(range, self.kernel)):
            seen = (
                slice(p * hole, p * hole + step * (count - 1) + 1, step)
                for p, hole, step, count in zip(position, self.dilation, self.stride, counts, strict=True)
            )
            join(out, padded[(slice(None), slice(None), *seen)], out=out)
        if self.mode != "average":
            return out
        number = np.array(1.0)
        for along in self._seen(x.shape[1:], counts, padded=self.count_padding):
            number = np.multiply.outer(number, along)
        return out / number

    def bounds(self, *intervals: Interval) -> Interval:
        """Return the interval of the outputs."""
        low, high = intervals[0]
        if any(map(any, self.padding)) and self.mode != "max":
            low, high = min(low, 0.0), max(high, 0.0)
        if self.mode == "sum":
            count = prod(self.kernel)
            # A window at the edge may hold fewer.
            return min(count * low, low), max(count * high, high)
        return low, high


EXPORT = (Pool,)
