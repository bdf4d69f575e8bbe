"""Axes and broadcasting of samples, whose first axis numbers the samples."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import MappingError
from circuitnn.mapping.operators.node import Node, Shape

Array = NDArray[np.float64]


def axis_of(node: Node, axis: int, shape: Shape) -> int:
    """Return an axis of a sample, counted from its first; raise MappingError when there is no such axis.

    Examples
    --------
    >>> axis_of(Node(), -1, (3, 8, 8))
    2
    """
    if not isinstance(axis, int) or not -len(shape) <= axis < len(shape):
        raise node.refuse(f"acts along axis {axis} of samples of shape {shape}", f"one of {len(shape)} axes")
    return axis % len(shape)


def axes_of(node: Node, axes: Iterable[int], shape: Shape) -> Shape:
    """Return several axes of a sample in rising order; raise MappingError when one is absent or repeats."""
    found = sorted(axis_of(node, axis, shape) for axis in axes)
    if len(set(found)) != len(found):
        raise node.refuse(f"acts along the axes {tuple(axes)} of samples of shape {shape}", "each axis once")
    return tuple(found)


def broadcast(node: Node, *shapes: Shape, keep: bool = False) -> Shape:
    """Return the shape to which all broadcast; raise MappingError when there is none, or (``keep``) not the first.

    Examples
    --------
    >>> broadcast(Node(), (3, 8, 8), (3, 1, 1))
    (3, 8, 8)
    """
    try:
        found = np.broadcast_shapes(*shapes)
    except ValueError:
        found = None
    if found is None or (keep and found != shapes[0]):
        raise node.refuse(f"joins numbers of shapes {' and '.join(map(str, shapes))}", "shapes that broadcast")
    return tuple(found)


def aligned(values: Iterable[Array]) -> list[Array]:
    """Return samples of different ranks with axes of one number inserted behind their first, so that they broadcast."""
    arrays = list(values)
    rank = max(a.ndim for a in arrays)
    return [a.reshape(len(a), *(1,) * (rank - a.ndim), *a.shape[1:]) for a in arrays]


def unbounded(node: Node, why: str) -> MappingError:
    """Return the exception for a node whose outputs have no bound; ``why`` follows its name."""
    return node.refuse(f"{why}, so that its outputs have no bound", "typical inputs: calibration=samples")
