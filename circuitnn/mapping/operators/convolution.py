"""Convolutions as products of matrices: along one axis or several, grouped, depthwise, dilated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import product
from math import prod

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import MappingError
from circuitnn.mapping.operators.activations import ACTIVATIONS, activation_range, check_activation
from circuitnn.mapping.operators.node import Interval, Multiply, Node, Shape, bias_of, numbers, product_bounds

Array = NDArray[np.float64]

UNROLLINGS = ("im2col", "kernel")


@dataclass(frozen=True, eq=False, kw_only=True)
class Conv(Node):
    """Cross-correlation of samples of shape (channels,) + size, with bias and activation.

    Parameters
    ----------
    weights : array_like, shape (outputs, channels / groups) + kernel
    bias : array_like, shape (outputs,), optional
    activation : str
    stride, dilation : tuple of int
        One an axis; all 1 when not given.
    padding : tuple of (int, int)
        Zeros before and after, one pair an axis; none when not given.
    groups : int
        Groups of channels that do not mix; as many as channels: depthwise.
    unrolling : str
        ``"im2col"``: a matrix holds the whole kernel, (channels * kernel, outputs), and each output position is one
        read of one vector. ``"kernel"``: one matrix (channels, outputs) a kernel position; every input pixel is read
        as it is, by all of them, and partial sums are added digitally, which needs no buffer of patches.
    merged : int
        Groups that share a matrix, block after block along its diagonal.
    name, inputs
        See ``Node``.

    Raises
    ------
    MappingError
        When numbers or shapes are wrong.

    Examples
    --------
    >>> edges = Conv([[[[1.0, -1.0]]]], padding=((0, 0), (1, 0)))
    >>> edges.shape((1, 2, 3)), edges.matrices[""].tolist()
    ((1, 2, 3), [[1.0], [-1.0]])
    """

    weights: Array
    bias: Array
    activation: str = "linear"
    stride: tuple[int, ...] = ()
    padding: tuple[tuple[int, int], ...] = ()
    dilation: tuple[int, ...] = ()
    groups: int = 1
    unrolling: str = "im2col"
    merged: int = 1

    def __init__(
        self,
        weights: ArrayLike,
        bias: ArrayLike | None = None,
        activation: str = "linear",
        stride: tuple[int, ...] = (),
        padding: tuple[tuple[int, int], ...] = (),
        dilation: tuple[int, ...] = (),
        groups: int = 1,
        unrolling: str = "im2col",
        merged: int = 1,
        name: str = "layer",
        inputs: tuple[str, ...] = (),
    ) -> None:
        w = numbers(weights, f"the weights of {name}", name)
        axes = w.ndim - 2
        if axes < 1 or w.size == 0:
            raise MappingError(
                f"the weights of {name} have shape {w.shape}",
                expected="(outputs, channels / groups, *kernel), all at least 1",
                names=[name],
            )
        steps, holes = (tuple(int(n) for n in given) or (1,) * axes for given in (stride, dilation))
        zeros = tuple((int(a), int(b)) for a, b in padding) or ((0, 0),) * axes
        if not len(steps) == len(holes) == len(zeros) == axes or min(*steps, *holes) < 1 or min(map(min, zeros)) < 0:
            raise MappingError(
                f"{name} has stride {stride}, dilation {dilation} and padding {padding}",
                expected=f"one of each for {axes} ax{'is' if axes == 1 else 'es'}",
                names=[name],
            )
        if groups < 1 or w.shape[0] % groups or not 1 <= merged <= groups:
            raise MappingError(
                f"{name} has {w.shape[0]} outputs in {groups} groups, {merged} of them in a matrix",
                expected="groups that divide the outputs",
                names=[name],
            )
        if unrolling not in UNROLLINGS:
            raise MappingError(f"{name} is unrolled by {unrolling!r}", expected=" or ".join(UNROLLINGS), names=[name])
        check_activation(activation, name)
        values = {
            "weights": w,
            "bias": bias_of(bias, w.shape[0], w.shape, name),
            "activation": activation,
            "stride": steps,
            "padding": zeros,
            "dilation": holes,
            "groups": int(groups),
            "unrolling": unrolling,
            "merged": int(merged),
            "name": name,
            "inputs": tuple(inputs),
        }
        for field, value in values.items():
            object.__setattr__(self, field, value)

    @property
    def channels(self) -> int:
        """Channels of the input."""
        return self.weights.shape[1] * self.groups

    @property
    def kernel(self) -> Shape:
        """Size of the kernel."""
        return self.weights.shape[2:]

    def _merged(self) -> Iterator[range]:
        """Yield the groups of each matrix."""
        for start in range(0, self.groups, self.merged):
            yield range(start, min(start + self.merged, self.groups))

    @cached_property
    def _blocks(self) -> dict[str, tuple[slice, slice, tuple[int, ...] | None, Array]]:
        """Each matrix: channels, outputs, kernel position (None: all of them), numbers."""
        found = {}
        wide, deep = self.weights.shape[0] // self.groups, self.weights.shape[1]
        for n, groups in enumerate(self._merged(), 1):
            ins = slice(groups[0] * deep, (groups[-1] + 1) * deep)
            outs = slice(groups[0] * wide, (groups[-1] + 1) * wide)
            if self.unrolling == "im2col":
                positions: list[tuple[int, ...] | None] = [None]
            else:
                positions = list(product(*map(range, self.kernel)))
            for position in positions:
                # As (outputs, rows) of every group: rows are channels, each with its kernel positions.
                chosen = self.weights[outs]
                if position is not None:
                    for index in reversed(position):
                        chosen = chosen[..., index]
                flat = chosen.reshape(chosen.shape[0], -1)
                rows = flat.shape[1]
                matrix = np.zeros((rows * len(groups), flat.shape[0]))
                for k in range(len(groups)):
                    own = slice(k * wide, (k + 1) * wide)
                    matrix[k * rows : (k + 1) * rows, own] = flat[own].T
                group = f"group {n}" if self.merged < self.groups else ""  # one matrix alone needs no key
                key = group if position is None else f"{group} at {'.'.join(map(str, position))}".strip()
                found[key] = (ins, outs, position, matrix)
        return found

    @property
    def matrices(self) -> Mapping[str, Array]:
        """The kernel as matrices."""
        return {key: block[-1] for key, block in self._blocks.items()}

    def _positions(self, shape: Shape) -> Shape:
        return tuple(
            (n + sum(zeros) - hole * (k - 1) - 1) // step + 1
            for n, k, step, zeros, hole in zip(
                shape[1:], self.kernel, self.stride, self.padding, self.dilation, strict=True
            )
        )

    def shape(self, *shapes: Shape) -> Shape:
        """Return (outputs,) + positions."""
        (shape,) = shapes
        if len(shape) != len(self.kernel) + 1 or shape[0] != self.channels:
            raise self.refuse(
                f"takes {self.channels} channels, not samples of shape {shape}",
                f"({self.channels}, {', '.join('n' * len(self.kernel))})",
            )
        positions = self._positions(shape)
        if min(positions) < 1:
            raise self.refuse(f"has a kernel larger than samples of shape {shape}", "a size of at least the kernel's")
        return (self.weights.shape[0], *positions)

    def reads(self, *shapes: Shape) -> Mapping[str, int]:
        """Return one read an output position."""
        return dict.fromkeys(self.matrices, prod(self._positions(shapes[0])))

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return the outputs."""
        (x,) = values
        n, positions = len(x), self._positions(x.shape[1:])
        padded = np.pad(x, ((0, 0), (0, 0), *self.padding)) if any(map(any, self.padding)) else x
        total = np.zeros((n, prod(positions), self.weights.shape[0]))
        for key, (ins, outs, position, matrix) in self._blocks.items():
            if position is None:
                patches = self._patches(padded[:, ins], positions)
            else:
                seen = (
                    slice(p * hole, p * hole + step * (count - 1) + 1, step)
                    for p, hole, step, count in zip(position, self.dilation, self.stride, positions, strict=True)
                )
                patches = np.moveaxis(padded[(slice(None), ins, *seen)], 1, -1)
            vectors = np.ascontiguousarray(patches).reshape(-1, matrix.shape[0])
            total[:, :, outs] += multiply(key, vectors).reshape(n, -1, matrix.shape[1])
        out = np.moveaxis(total.reshape(n, *positions, -1) + self.bias, -1, 1)
        if self.activation == "softmax":  # along channels
            return np.moveaxis(ACTIVATIONS["softmax"](np.moveaxis(out, 1, -1)), -1, 1)
        return np.ascontiguousarray(ACTIVATIONS[self.activation](out))

    def _patches(self, x: Array, positions: Shape) -> Array:
        """Return the view (samples, *positions, channels, *kernel) of what each output position sees."""
        outer, inner = (
            tuple(s * d for s, d in zip(x.strides[2:], factors, strict=True))
            for factors in (self.stride, self.dilation)
        )
        return np.lib.stride_tricks.as_strided(
            x,
            (len(x), *positions, x.shape[1], *self.kernel),
            (x.strides[0], *outer, x.strides[1], *inner),
            writeable=False,
        )

    def drives(self, *intervals: Interval) -> Mapping[str, Interval]:
        """Return the interval of the inputs, with zero where they are padded."""
        low, high = intervals[0]
        if any(map(any, self.padding)):
            low, high = min(low, 0.0), max(high, 0.0)
        return dict.fromkeys(self.matrices, (low, high))

    def bounds(self, *intervals: Interval) -> Interval:
        """Return the interval of the outputs."""
        drive = next(iter(self.drives(*intervals).values()))
        flat = self.weights.reshape(self.weights.shape[0], -1).T
        return activation_range(self.activation, *product_bounds(flat, self.bias, drive))


EXPORT = (Conv,)
