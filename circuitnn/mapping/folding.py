"""Fewer nodes for the same function: constants and activations that follow or precede a matrix become part of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from circuitnn.mapping.graph import Graph
from circuitnn.mapping.operators.activations import ACTIVATIONS
from circuitnn.mapping.operators.combining import WithConstant
from circuitnn.mapping.operators.convolution import Conv
from circuitnn.mapping.operators.dense import Dense
from circuitnn.mapping.operators.functions import Function, Softmax
from circuitnn.mapping.operators.node import Node, Shape
from circuitnn.mapping.operators.scaling import Scale
from circuitnn.mapping.operators.shaping import Reshape, Transpose

Array = NDArray[np.float64]


def fold(graph: Graph) -> Graph:
    """Return a graph of the same outputs in which nodes are joined where one alone reads another.

    Batch normalisation, constant factors and constant sums, of one number or one a channel, become part of the
    convolution or dense layer before them, else of the one after, else of each other (Jacob et al., CVPR 2018, section
    3.2, fold batch normalisation so). An offset before a convolution stays where zeros are padded, which it does not
    shift. An activation becomes that of the layer before it. A node that takes another in keeps the name of the layer.

    Parameters
    ----------
    graph : Graph

    Examples
    --------
    >>> net = Graph([Dense([[2.0]], name="fc"), Scale(scale=[3.0], offset=[1.0], name="bn"), Function(name="relu")])
    >>> [(n.name, n.activation, n.weights.tolist(), n.bias.tolist()) for n in fold(net).nodes]
    [('fc', 'relu', [[6.0]], [1.0])]
    """
    readers = Counter(name for node in graph.nodes for name in node.inputs)
    readers[graph.nodes[-1].name] += 1  # whoever takes the output
    kept: dict[str, Node] = {}
    now: dict[str, str] = {}  # the node that gives what one that was taken in gave
    for given in graph.nodes:
        node = replace_inputs(given, tuple(now.get(name, name) for name in given.inputs))
        while len(node.inputs) == 1 and (before := kept.get(node.inputs[0])) is not None:
            if readers[before.name] != 1:
                break
            shape = graph.shapes[before.name]
            joined = _into_before(before, node, shape)
            if joined is not None:  # the node is taken in by the one before
                now[given.name] = before.name
                readers[before.name] = readers[given.name]
                del kept[before.name]
                node = joined
                break
            joined = _into_after(before, node, shape)
            if joined is None:
                break
            del kept[before.name]
            node = joined
        if isinstance(node, Transpose) and node.order == tuple(range(len(node.order))) and given is not graph.nodes[-1]:
            now[given.name] = now[node.name] = node.inputs[0]  # nothing is turned
            readers[node.inputs[0]] += readers[given.name] - 1
            continue
        kept[node.name] = node
    return Graph(list(kept.values()), graph.input_shape)


def replace_inputs(node: Node, inputs: tuple[str, ...]) -> Node:
    """Return a node that reads others."""
    return node if node.inputs == inputs else replace(node, inputs=inputs)


@dataclass(frozen=True)
class _Affine:
    """``x * scale + offset``, with one number for all or, where there is an axis, one for each of its indices."""

    scale: Array
    offset: Array
    axis: int | None

    def along(self, axis: int, shape: Shape) -> tuple[Array, Array] | None:
        """Return a scale and an offset for every index of an axis; None where they differ along another."""
        if self.axis not in (None, axis):
            return None
        return np.broadcast_to(self.scale, shape[axis]), np.broadcast_to(self.offset, shape[axis])


def _affine(node: Node, shape: Shape) -> _Affine | None:
    """Return what a node does to samples of a shape when it is a scale and an offset along one axis at most."""
    if isinstance(node, Scale):
        return _Affine(node.scale, node.offset, node.axis % len(shape))
    if not isinstance(node, WithConstant) or node.operation not in ("add", "subtract", "multiply", "divide"):
        return None
    constant = node.constant.reshape((1,) * (len(shape) - node.constant.ndim) + node.constant.shape)
    long = [a for a, n in enumerate(constant.shape) if n > 1]
    if constant.ndim != len(shape) or len(long) > 1 or any(constant.shape[a] != shape[a] for a in long):
        return None
    numbers, axis = (constant.reshape(-1), long[0]) if long else (constant.reshape(()), None)
    one, zero = np.ones_like(numbers), np.zeros_like(numbers)
    if node.operation == "multiply":
        return _Affine(numbers, zero, axis)
    if node.operation == "add":
        return _Affine(one, numbers, axis)
    if node.operation == "subtract":
        return _Affine(-one, numbers, axis) if node.reverse else _Affine(one, -numbers, axis)
    if node.reverse or not numbers.all():  # a constant over x, and divisions by zero, are no affine functions
        return None
    return _Affine(1.0 / numbers, zero, axis)


def _into_before(before: Node, node: Node, shape: Shape) -> Node | None:
    """Return ``before`` with the node in it, for samples of a shape between them; None where that cannot be."""
    if isinstance(before, Reshape) and isinstance(node, Reshape) and -1 not in node.to:
        return replace(before, to=node.to)
    if isinstance(before, Transpose) and isinstance(node, Transpose):
        return replace(before, order=tuple(before.order[axis] for axis in node.order))
    affine = _affine(node, shape)
    if isinstance(before, Dense | Conv):
        if before.activation != "linear":
            return None
        axis = len(shape) - 1 if isinstance(before, Dense) else 0
        if (name := _activation(node, axis, shape)) is not None:
            return replace(before, activation=name)
        found = affine.along(axis, shape) if affine is not None else None
        if found is None:
            return None
        scale, offset = found
        outer = scale if isinstance(before, Dense) else scale.reshape(-1, *(1,) * (before.weights.ndim - 1))
        return replace(before, weights=before.weights * outer, bias=before.bias * scale + offset)
    first = _affine(before, shape)
    if first is None or affine is None or not shape:
        return None
    axis = next((a for a in (first.axis, affine.axis) if a is not None), 0)
    one, two = first.along(axis, shape), affine.along(axis, shape)
    if one is None or two is None:
        return None
    return Scale(
        scale=one[0] * two[0], offset=one[1] * two[0] + two[1], axis=axis, name=before.name, inputs=before.inputs
    )


def _activation(node: Node, axis: int, shape: Shape) -> str | None:
    if isinstance(node, Function) and node.function in ACTIVATIONS:
        return node.function
    if isinstance(node, Softmax) and not node.log and node.axis % len(shape) == axis:
        return "softmax"
    return None


def _into_after(before: Node, node: Node, shape: Shape) -> Node | None:
    """Return the node with ``before``, a scale and an offset, in it; None where that cannot be."""
    affine = _affine(before, shape)
    if affine is None or not isinstance(node, Dense | Conv):
        return None
    found = affine.along(len(shape) - 1 if isinstance(node, Dense) else 0, shape)
    if found is None:
        return None
    scale, offset = found
    if isinstance(node, Dense):
        weights = node.weights * scale[:, None]
        return replace(node, weights=weights, bias=node.bias + offset @ node.weights, inputs=before.inputs)
    if offset.any() and any(map(any, node.padding)):
        return None
    deep = node.weights.shape[1]
    # Outputs of a group see its channels alone.
    group = np.arange(node.weights.shape[0]) // (node.weights.shape[0] // node.groups)
    seen = group[:, None] * deep + np.arange(deep)
    spread = (*seen.shape, *(1,) * len(node.kernel))
    added = (node.weights * offset[seen].reshape(spread)).reshape(len(seen), -1).sum(axis=1)
    weights = node.weights * scale[seen].reshape(spread)
    return replace(node, weights=weights, bias=node.bias + added, inputs=before.inputs)
