"""What every operator of a network shares: a name, the nodes that it reads, shapes, matrices, and how it runs.

An operator that multiplies by matrices gives them by key in ``matrices`` and computes through ``multiply(key, x)``,
which returns ``x @ matrices[key]``: exactly, or as the tiles of a crossbar find it. So the ideal network and the
circuit run the same code.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import MappingError

Array = NDArray[np.float64]
Shape = tuple[int, ...]
Interval = tuple[float, float]
Multiply = Callable[[str, Array], Array]


@dataclass(frozen=True, eq=False, kw_only=True)
class Node:
    """An operator of a network; frozen dataclasses derive from it, whose fields are arrays, numbers, names or tuples.

    Parameters
    ----------
    name : str
        Used in messages and reports; a graph's nodes have different ones.
    inputs : tuple of str
        Names of the nodes that it reads. Empty: the node before it, the network's input for the first.

    Attributes
    ----------
    arity : (int, int or None)
        Least and largest number of inputs.
    """

    name: str = "layer"
    inputs: tuple[str, ...] = ()
    arity: ClassVar[tuple[int, int | None]] = (1, 1)

    @property
    def kind(self) -> str:
        """Name of the operator."""
        return type(self).__name__

    @property
    def matrices(self) -> Mapping[str, Array]:
        """Matrices that it multiplies by, shape (inputs, outputs) each, by key."""
        return {}

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of a sample's output for samples of these shapes; raise MappingError for others."""
        raise NotImplementedError

    def reads(self, *shapes: Shape) -> Mapping[str, int]:
        """Return how often a sample of these shapes is multiplied by each matrix."""
        return dict.fromkeys(self.matrices, 1)

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return the outputs, shape (samples, ...), for inputs of shape (samples, ...) each.

        ``multiply`` takes a key of ``matrices`` and vectors, shape (vectors, inputs), sample after sample.
        """
        raise NotImplementedError

    def drives(self, *intervals: Interval) -> Mapping[str, Interval]:
        """Return the intervals in which the inputs of each matrix lie, for inputs in these intervals."""
        low, high = zip(*intervals, strict=True)
        return dict.fromkeys(self.matrices, (min(low), max(high)))

    def bounds(self, *intervals: Interval) -> Interval:
        """Return an interval that holds all outputs for inputs in these intervals."""
        raise NotImplementedError

    def refuse(self, what: str, expected: str, hint: str = "") -> MappingError:
        """Return the exception for a node that is wrong; ``what`` follows its name."""
        return MappingError(f"{self.name} {what}", expected=expected, hint=hint, names=[self.name])

    def stored(self) -> tuple[dict[str, Any], dict[str, Array]]:
        """Return its plain fields, as JSON takes them, and its arrays: what a file keeps."""
        plain, arrays = {}, {}
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, np.ndarray):
                arrays[field.name] = value
            else:
                plain[field.name] = value
        return plain, arrays


def numbers(values: ArrayLike, what: str, name: str) -> Array:
    """Return real, finite numbers as a read-only float64 array; raise MappingError when they are anything else."""
    try:
        array = np.asarray(values)
    except ValueError as error:
        raise MappingError(f"{what} are no array: {error}", expected="rows of equal length", names=[name]) from None
    if array.dtype.kind not in "biuf":
        raise MappingError(f"{what} have type {array.dtype}", expected="real numbers", names=[name])
    array = np.array(array, dtype=np.float64, order="C")
    if not np.isfinite(array).all():
        place = np.argwhere(~np.isfinite(array))[0].tolist()
        raise MappingError(f"{what}: number {place} is not finite", expected="finite numbers", names=[name])
    array.setflags(write=False)
    return array


def bias_of(bias: ArrayLike | None, outputs: int, weights: Shape, name: str) -> Array:
    """Return a bias of one number an output, zero when None; raise MappingError when it has another shape."""
    b = numbers(np.zeros(outputs) if bias is None else bias, f"the bias of {name}", name)
    if b.shape != (outputs,):
        raise MappingError(
            f"the bias of {name} has shape {b.shape}",
            expected=f"({outputs},), one number an output of its weights {weights}",
            names=[name],
        )
    return b


def product_bounds(weights: Array, bias: Array, interval: Interval) -> Interval:
    """Return the interval of ``x @ weights + bias`` for every input in an interval.

    Examples
    --------
    >>> product_bounds(np.array([[1.0], [-2.0]]), np.zeros(1), (0.0, 1.0))
    (-2.0, 1.0)
    """
    low, high = interval
    up, down = np.maximum(weights, 0.0).sum(axis=0), np.minimum(weights, 0.0).sum(axis=0)
    with np.errstate(over="ignore", invalid="ignore"):
        return float((low * up + high * down + bias).min()), float((high * up + low * down + bias).max())
