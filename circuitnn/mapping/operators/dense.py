"""Dense layers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import MappingError
from circuitnn.mapping.operators.activations import ACTIVATIONS, activation_range, check_activation
from circuitnn.mapping.operators.node import Interval, Multiply, Node, Shape, bias_of, numbers, product_bounds

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class Dense(Node):
    """``activation(x @ weights + bias)`` along the last axis.

    Parameters
    ----------
    weights : array_like, shape (inputs, outputs)
    bias : array_like, shape (outputs,), optional
        Zero when None.
    activation : str
        ``linear``, ``relu``, ``sigmoid``, ``tanh`` or ``softmax``.
    name, inputs
        See ``Node``.

    Raises
    ------
    MappingError
        When weights or bias are no finite real numbers or do not fit together, or the activation is unknown.

    Examples
    --------
    >>> Dense([[1.0], [2.0]], [0.5], "relu")([[1.0, -3.0], [1.0, 1.0]]).tolist()
    [[0.0], [3.5]]
    """

    weights: Array
    bias: Array
    activation: str = "linear"

    def __init__(
        self,
        weights: ArrayLike,
        bias: ArrayLike | None = None,
        activation: str = "linear",
        name: str = "layer",
        inputs: tuple[str, ...] = (),
    ) -> None:
        w = numbers(weights, f"the weights of {name}", name)
        if w.ndim != 2 or w.size == 0:
            raise MappingError(
                f"the weights of {name} have shape {w.shape}",
                expected="(inputs, outputs), both at least 1",
                names=[name],
            )
        b = bias_of(bias, w.shape[1], w.shape, name)
        check_activation(activation, name)
        for field, value in (("weights", w), ("bias", b), ("activation", activation), ("name", name)):
            object.__setattr__(self, field, value)
        object.__setattr__(self, "inputs", tuple(inputs))

    @property
    def fan_in(self) -> int:
        """Number of inputs."""
        return self.weights.shape[0]

    @property
    def fan_out(self) -> int:
        """Number of outputs."""
        return self.weights.shape[1]

    @property
    def matrices(self) -> Mapping[str, Array]:
        """Its weights."""
        return {"": self.weights}

    def __call__(self, x: ArrayLike) -> Array:
        """Return the layer's outputs, shape (..., outputs)."""
        return self.activate(np.asarray(x, dtype=np.float64) @ self.weights)

    def activate(self, products: Array) -> Array:
        """Return the outputs from ``x @ weights``: bias and activation, done in digital logic."""
        return np.asarray(ACTIVATIONS[self.activation](products + self.bias))

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape with the last axis replaced."""
        (shape,) = shapes
        if not shape or shape[-1] != self.fan_in:
            raise self.refuse(f"takes {self.fan_in} inputs, not samples of shape {shape}", f"(..., {self.fan_in})")
        return (*shape[:-1], self.fan_out)

    def reads(self, *shapes: Shape) -> Mapping[str, int]:
        """Return one read a vector."""
        return {"": int(np.prod(shapes[0][:-1], dtype=np.int64))}

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return the outputs."""
        (x,) = values
        products = multiply("", x.reshape(-1, self.fan_in))
        return self.activate(products).reshape(*x.shape[:-1], self.fan_out)

    def bounds(self, *intervals: Interval) -> Interval:
        """Return the interval of the outputs."""
        return activation_range(self.activation, *product_bounds(self.weights, self.bias, intervals[0]))


EXPORT = (Dense,)
