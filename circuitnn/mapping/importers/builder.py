"""Building a graph from operators on whole arrays, as ONNX and PyTorch have them, of which one axis counts samples.

A network is imported for a single sample. A ``Value`` has the shape of the whole array, in which the axis of samples
has length 1 and may be anywhere or, once it has been squeezed or merged with another, nowhere. Nodes of a graph work on
samples, so whatever only moves that axis costs no node.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.mapping.folding import fold
from circuitnn.mapping.graph import INPUT, Graph
from circuitnn.mapping.operators.combining import Combine, Concat, MatrixProduct, WithConstant
from circuitnn.mapping.operators.convolution import Conv
from circuitnn.mapping.operators.dense import Dense
from circuitnn.mapping.operators.functions import Function, ParametricRelu, Softmax
from circuitnn.mapping.operators.node import Node, Shape
from circuitnn.mapping.operators.pooling import Pool
from circuitnn.mapping.operators.recurrent import DIRECTIONS
from circuitnn.mapping.operators.reducing import Reduce
from circuitnn.mapping.operators.scaling import Normalise, Scale
from circuitnn.mapping.operators.shaping import Pad, Reshape, Slice, Spread, Take, Transpose

Array = NDArray[np.float64]
MOST = 2**31  # numbers in a sample; more is a mistake, or mischief, in a file


class UnsupportedError(Exception):
    """An operator, or a form of it, that has no counterpart; importers collect these."""


@dataclass(frozen=True)
class Value:
    """What a node gives: its name, the shape of the whole array for one sample, and the axis of samples in that."""

    node: str
    shape: Shape
    batch: int | None

    @property
    def sample(self) -> Shape:
        """Shape without the axis of samples."""
        return self.shape if self.batch is None else (*self.shape[: self.batch], *self.shape[self.batch + 1 :])

    def axis(self, axis: int) -> int:
        """Return an axis of the whole array, counted from its first; raise UnsupportedError when it is none."""
        if not -len(self.shape) <= axis < len(self.shape):
            raise UnsupportedError(f"axis {axis} of an array of shape {self.shape}")
        return axis % len(self.shape)

    def within(self, axis: int) -> int:
        """Return an axis as one of the sample; raise UnsupportedError when it is that of samples."""
        found = self.axis(axis)
        if found == self.batch:
            raise UnsupportedError(f"acts along axis {found}, that of samples")
        return found - (self.batch is not None and found > self.batch)


class Builder:
    """Collects the nodes of a graph.

    Parameters
    ----------
    input_shape : tuple of int
        Of the whole input, for one sample.
    batch : int or None
        Its axis of samples.

    Examples
    --------
    >>> build = Builder((1, 2), 0)
    >>> out = build.dense(build.input, np.ones((2, 3)), None, "fc")
    >>> build.graph(build.function("relu", out, "act")).nodes[0].activation
    'relu'
    """

    def __init__(self, input_shape: Shape, batch: int | None) -> None:
        self.input = Value(INPUT, tuple(input_shape), batch)
        self._nodes: dict[str, Node] = {}

    def name(self, wanted: str) -> str:
        """Return a name that no node has yet."""
        found, n = wanted, 1
        while found in self._nodes or found == INPUT:
            n += 1
            found = f"{wanted} ({n})"
        return found

    def put(
        self, kind: type[Node], name: str, values: Sequence[Value], batch: int | None, *args: Any, **fields: Any
    ) -> Value:
        """Add a node and return its value, whose axis of samples is to be at ``batch``."""
        fields["inputs"] = tuple(v.node for v in values)
        node = kind(*args, name=self.name(name), **fields)
        return self.place(node, values, batch)

    def place(self, node: Node, values: Sequence[Value], batch: int | None) -> Value:
        """Add a node that is made already and return its value."""
        shape = node.shape(*(v.sample for v in values))
        if prod(shape) > MOST:
            raise node.refuse(f"gives {prod(shape)} numbers a sample", f"at most {MOST}")
        self._nodes[node.name] = node
        return Value(node.name, shape if batch is None else (*shape[:batch], 1, *shape[batch:]), batch)

    def graph(self, output: Value, folded: bool = True) -> Graph:
        """Return the network, without nodes that the output does not need; ``folded`` as ``fold`` joins them."""
        wanted = {output.node}
        for node in reversed(self._nodes.values()):
            if node.name in wanted:
                wanted.update(node.inputs)
        nodes = [node for node in self._nodes.values() if node.name in wanted]
        if not nodes:  # the output is the input
            nodes = [Reshape(name="output", to=output.sample)]
        elif nodes[-1].name != output.node:
            nodes.append(nodes.pop(next(k for k, n in enumerate(nodes) if n.name == output.node)))
        graph = Graph(nodes, self.input.sample)
        return fold(graph) if folded else graph

    # Moving the axis of samples

    def form(self, value: Value, batch: int | None, name: str) -> Value:
        """Return a value of the same whole shape with its axis of samples elsewhere, where that has length 1."""
        if value.batch == batch:
            return value
        if batch is not None and value.shape[batch] != 1:
            raise UnsupportedError(f"needs samples along axis {batch} of an array of shape {value.shape}")
        moved = Value(value.node, value.shape, batch)
        if moved.sample == value.sample:
            return moved
        return self.put(Reshape, f"{name}, shape", [value], batch, to=moved.sample)

    def reshape(self, value: Value, shape: Shape, name: str, batch: int | None = None) -> Value:
        """Return the whole array in another shape; the axis of samples goes to ``batch``, or where it is likeliest."""
        if prod(shape) != prod(value.shape) or min(shape, default=1) < 1:
            raise UnsupportedError(f"turns shape {value.shape} to {shape}")
        if batch is None:
            ones = [a for a, n in enumerate(shape) if n == 1]
            before = prod(value.shape[: value.batch]) if value.batch is not None else 1
            fit = [a for a in ones if prod(shape[:a]) == before]
            batch = value.batch if value.batch in fit else next(iter(fit or ones), None)
        found = Value(value.node, shape, batch)
        if found.sample == value.sample:
            return found
        return self.put(Reshape, name, [value], batch, to=found.sample)

    def transpose(self, value: Value, order: Sequence[int], name: str) -> Value:
        """Return the whole array with its axes in another order."""
        order = [value.axis(a) for a in order]
        if sorted(order) != list(range(len(value.shape))):
            raise UnsupportedError(f"the order {order} of the axes of an array of shape {value.shape}")
        batch = None if value.batch is None else order.index(value.batch)
        inner = tuple(value.within(a) for a in order if a != value.batch)
        shape = tuple(value.shape[a] for a in order)
        if inner == tuple(range(len(inner))):
            return Value(value.node, shape, batch)
        return self.put(Transpose, name, [value], batch, order=inner)

    # Arithmetic

    def function(self, function: str, value: Value, name: str, parameters: Sequence[float] = ()) -> Value:
        """Apply a function of ``FUNCTIONS`` to every number."""
        return self.put(Function, name, [value], value.batch, function=function, parameters=tuple(parameters))

    def softmax(self, value: Value, axis: int, name: str, log: bool = False) -> Value:
        """Apply softmax along an axis of the whole array."""
        return self.put(Softmax, name, [value], value.batch, axis=value.within(axis), log=log)

    def combine(self, operation: str, a: Value | Array, b: Value | Array, name: str) -> Value:
        """Apply an operation of ``OPERATIONS`` to two arrays of which at most one is constant."""
        try:
            shape = np.broadcast_shapes(a.shape, b.shape)
        except ValueError:
            raise UnsupportedError(f"joins shapes {a.shape} and {b.shape}") from None
        values = [v for v in (a, b) if isinstance(v, Value)]
        # From the right, as shapes are aligned.
        wanted: int | None = next((v.batch - len(v.shape) for v in values if v.batch is not None), None)
        if wanted is not None and shape[wanted] != 1:
            wanted = None
        formed = [self._aligned(v, wanted, name) for v in (a, b)]
        batch = None if wanted is None else wanted + len(shape)
        left, right = formed
        if isinstance(left, Value) and isinstance(right, Value):
            return self.put(Combine, name, [left, right], batch, operation=operation)
        value, constant = (left, right) if isinstance(left, Value) else (right, left)
        assert isinstance(value, Value)
        return self.put(
            WithConstant, name, [value], batch, operation=operation, constant=constant, reverse=value is right
        )

    def _aligned(self, value: Value | Array, wanted: int | None, name: str) -> Value | Array:
        inside = wanted is not None and -wanted <= len(value.shape)
        if isinstance(value, Value):
            return self.form(value, wanted + len(value.shape) if inside and wanted is not None else None, name)
        return value.squeeze(wanted) if inside and wanted is not None else value

    def parametric_relu(self, value: Value, slope: Array, name: str) -> Value:
        """Multiply negative numbers by slopes that broadcast against the whole array."""
        aligned = self._aligned(slope, None if value.batch is None else value.batch - len(value.shape), name)
        return self.put(ParametricRelu, name, [value], value.batch, slope=aligned)

    def dense(self, value: Value, weights: Array, bias: Array | None, name: str) -> Value:
        """Multiply the last axis by a matrix (inputs, outputs)."""
        if value.batch == len(value.shape) - 1:
            value = self.form(value, None, name)
        return self.put(Dense, name, [value], value.batch, weights, bias)

    def product(self, a: Value, b: Value, name: str) -> Value:
        """Multiply two arrays as stacks of matrices."""
        for v in (a, b):
            if len(v.shape) < 2:
                raise UnsupportedError(f"multiplies an array of shape {v.shape}")
        # The axis of samples must count matrices, from the left where both have as many axes.
        rank = max(len(a.shape), len(b.shape))
        if rank > 2 and len(a.shape) == len(b.shape) and a.shape[0] == b.shape[0] == 1:
            left, right, batch = self.form(a, 0, name), self.form(b, 0, name), 0
            return self.put(MatrixProduct, name, [left, right], batch, size=a.shape[-1])
        left, right = self.form(a, None, name), self.form(b, None, name)
        return self.put(MatrixProduct, name, [left, right], None, size=a.shape[-1])

    def scale(self, value: Value, scale: Array, offset: Array, name: str, axis: int = 1) -> Value:
        """Scale and shift along an axis of the whole array."""
        return self.put(Scale, name, [value], value.batch, scale=scale, offset=offset, axis=value.within(axis))

    def normalise(self, value: Value, axes: Sequence[int], epsilon: float, name: str, centred: bool = True) -> Value:
        """Take away the mean and divide by the standard deviation along axes of the whole array."""
        inner = tuple(sorted(value.within(a) for a in axes))
        size = prod(value.sample[a] for a in inner)
        return self.put(Normalise, name, [value], value.batch, axes=inner, epsilon=epsilon, centred=centred, size=size)

    def reduce(self, value: Value, mode: str, axes: Sequence[int], keep: bool, name: str) -> Value:
        """Join the numbers along axes of the whole array."""
        whole = sorted(value.axis(a) for a in axes)
        if value.batch in whole:
            raise UnsupportedError(f"joins samples along axis {value.batch}")
        inner = tuple(value.within(a) for a in whole)
        batch = value.batch
        if batch is not None and not keep:
            batch -= sum(a < batch for a in whole)
        size = prod(value.sample[a] for a in inner)
        return self.put(Reduce, name, [value], batch, mode=mode, axes=inner, keep=keep, size=size)

    # Convolution and pooling

    def conv(self, value: Value, weights: Array, bias: Array | None, name: str, **fields: Any) -> Value:
        """Convolve an array (samples, channels) + size."""
        if self._in_time(value, weights.ndim):
            value = self.form(value, None, name)
            turned = self.transpose(value, (1, 0, *range(2, weights.ndim)), f"{name}, channels first")
            fields = {key: _longer(key, given) for key, given in fields.items()}
            out = self.put(Conv, name, [turned], None, weights[:, :, None], bias, **fields)
            return self.transpose(out, (1, 0, *range(2, weights.ndim)), f"{name}, steps first")
        return self.put(Conv, name, [self._channels(value, weights.ndim, name)], 0, weights, bias, **fields)

    def _in_time(self, value: Value, rank: int) -> bool:
        """Return whether the first axis counts steps in time, of which each is convolved by itself: another axis."""
        return len(value.shape) == rank and value.shape[0] > 1

    def _channels(self, value: Value, rank: int, name: str) -> Value:
        if len(value.shape) != rank:
            raise UnsupportedError(f"takes {rank} axes, not an array of shape {value.shape}")
        return self.form(value, 0, name)

    def conv_transpose(
        self,
        value: Value,
        weights: Array,
        bias: Array | None,
        name: str,
        stride: Shape,
        padding: Sequence[tuple[int, int]],
        dilation: Shape,
        groups: int,
    ) -> Value:
        """Convolve with zeros between the inputs and the kernel turned round.

        ``weights`` have the shape (channels, outputs / groups, *kernel); the padding cuts off outputs, and what it ends
        with may be negative (Dumoulin and Visin, arXiv:1603.07285, section 4).
        """
        value = self._channels(value, weights.ndim, name)
        if weights.shape[0] != value.shape[1] or weights.shape[0] % groups:
            raise UnsupportedError(f"weights of shape {weights.shape} for an array of shape {value.shape}")
        kernel = weights.shape[2:]
        turned = np.flip(weights, tuple(range(2, weights.ndim)))
        parts = [np.swapaxes(part, 0, 1) for part in np.split(turned, groups)]
        if max(stride) > 1:
            value = self.put(Spread, f"{name}, zeros", [value], 0, steps=(1, *stride))
        edges = tuple(
            (hole * (k - 1) - before, hole * (k - 1) - after)
            for k, hole, (before, after) in zip(kernel, dilation, padding, strict=True)
        )
        if min(map(min, edges)) < 0:
            value = self.put(Pad, f"{name}, edges", [value], 0, padding=((0, 0), *edges))
            edges = ((0, 0),) * len(kernel)
        return self.conv(
            value, np.concatenate(parts), bias, name, padding=edges, dilation=tuple(dilation), groups=groups
        )

    def pool(self, value: Value, name: str, **fields: Any) -> Value:
        """Pool an array (samples, channels) + size."""
        rank = len(fields["kernel"]) + 2
        if self._in_time(value, rank):
            value = self.form(value, None, name)
            turned = self.transpose(value, (1, 0, *range(2, rank)), f"{name}, channels first")
            out = self.put(Pool, name, [turned], None, **{key: _longer(key, given) for key, given in fields.items()})
            return self.transpose(out, (1, 0, *range(2, rank)), f"{name}, steps first")
        return self.put(Pool, name, [self._channels(value, rank, name)], 0, **fields)

    # Choosing and joining

    def concat(self, values: Sequence[Value], axis: int, name: str) -> Value:
        """Join along an axis of the whole arrays."""
        first = values[0]
        whole = first.axis(axis)
        if any(len(v.shape) != len(first.shape) for v in values):
            raise UnsupportedError(f"joins shapes {' and '.join(str(v.shape) for v in values)}")
        batch = first.batch if first.batch != whole else next((a for a, n in enumerate(first.shape) if n == 1), None)
        if batch == whole or any(v.shape[batch] != 1 for v in values if batch is not None):
            batch = None
        formed = [self.form(v, batch, name) for v in values]
        return self.put(Concat, name, formed, batch, axis=formed[0].within(axis))

    def slice(self, value: Value, axis: int, start: int | None, stop: int | None, step: int, name: str) -> Value:
        """Keep a slice of an axis of the whole array."""
        length = value.shape[value.axis(axis)]
        if step != 0 and range(*slice(start, stop, step).indices(length)) == range(length):
            return value
        return self.put(Slice, name, [value], value.batch, axis=value.within(axis), start=start, stop=stop, step=step)

    def take(self, value: Value, indices: Sequence[int], axis: int, name: str) -> Value:
        """Choose indices of an axis of the whole array."""
        whole = value.axis(axis)
        wanted = tuple(int(k) for k in indices)
        if wanted == tuple(range(value.shape[whole])):
            return value
        if whole == value.batch:
            value = self.form(value, None, name)
        return self.put(Take, name, [value], value.batch, indices=wanted, axis=value.within(whole))

    def select(self, value: Value, index: int, axis: int, name: str) -> Value:
        """Choose one index of an axis of the whole array, which goes."""
        whole = value.axis(axis)
        length = value.shape[whole]
        if not -length <= index < length:
            raise UnsupportedError(f"takes {index} along axis {whole} of an array of shape {value.shape}")
        if length > 1:
            index %= length
            value = self.put(
                Slice, f"{name}, index", [value], value.batch, axis=value.within(whole), start=index, stop=index + 1
            )
        return self.squeeze(value, (whole,), name)

    def squeeze(self, value: Value, axes: Sequence[int], name: str) -> Value:
        """Take away axes of length 1."""
        gone = {value.axis(a) for a in axes}
        if any(value.shape[a] != 1 for a in gone):
            raise UnsupportedError(f"squeezes axes {sorted(gone)} of an array of shape {value.shape}")
        shape = tuple(n for a, n in enumerate(value.shape) if a not in gone)
        if value.batch is None or value.batch in gone:
            value = self.form(value, None, name)
            return value if shape == value.shape else self.put(Reshape, name, [value], None, to=shape)
        return self.reshape(value, shape, name, value.batch - sum(a < value.batch for a in gone))

    def unsqueeze(self, value: Value, axes: Sequence[int], name: str) -> Value:
        """Put in axes of length 1, counted in the result."""
        rank = len(value.shape) + len(axes)
        if any(not -rank <= a < rank for a in axes) or len({a % rank for a in axes}) != len(axes):
            raise UnsupportedError(f"puts in axes {tuple(axes)} of an array of shape {value.shape}")
        new = {a % rank for a in axes}
        old = [a for a in range(rank) if a not in new]
        shape = [1] * rank
        for a, n in zip(old, value.shape, strict=True):
            shape[a] = n
        batch = min(new) if value.batch is None else old[value.batch]
        return self.reshape(value, tuple(shape), name, batch)

    def pad(
        self,
        value: Value,
        padding: Sequence[tuple[int, int]],
        name: str,
        edges: str = "constant",
        fill: float = 0.0,
    ) -> Value:
        """Pad the whole array, one pair an axis."""
        if not any(map(any, padding)):
            return value
        if value.batch is not None and any(padding[value.batch]):
            value = self.form(value, None, name)
        inner = tuple(tuple(map(int, pair)) for a, pair in enumerate(padding) if a != value.batch)
        return self.put(Pad, name, [value], value.batch, padding=inner, edges=edges, value=fill)

    def last_states(self, steps: Value, direction: str, name: str) -> Value:
        """Return the states (directions, samples, hidden) after the last step of each direction of (steps, ...)."""
        ends = []
        for way, label in enumerate(DIRECTIONS[direction]):
            one = steps if direction != "bidirectional" else self.slice(steps, 1, way, way + 1, 1, f"{name}, {label}")
            start = -1 if label == "forward" else 0
            last = self.slice(one, 0, start, None if start else 1, 1, f"{name}, {label} end")
            ends.append(self.squeeze(last, (0,), f"{name}, {label} state"))
        return ends[0] if len(ends) == 1 else self.concat(ends, 0, f"{name}, states")


def _longer(key: str, given: Any) -> Any:
    """Return a property of a window with an axis in front along which it has length 1."""
    if key == "padding":
        return ((0, 0), *given)
    return (1, *given) if key in ("kernel", "stride", "dilation") else given
