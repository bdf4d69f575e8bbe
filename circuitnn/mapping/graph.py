"""A trained network as a chain of dense layers, in double precision: what a layout must compute."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import MappingError, UsageError, nearest

Array = NDArray[np.float64]


def _sigmoid(z: Array) -> Array:
    e = np.exp(-np.abs(z))  # never overflows
    return np.where(z >= 0.0, 1.0, e) / (1.0 + e)


def _softmax(z: Array) -> Array:
    e = np.exp(z - z.max(axis=-1, keepdims=True))
    return e / e.sum(axis=-1, keepdims=True)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
    "linear": lambda z: z,
    "relu": lambda z: np.maximum(z, 0.0),
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "softmax": _softmax,
}
UNSIGNED = frozenset({"relu", "sigmoid", "softmax"})  # activations that give no negative number


@dataclass(frozen=True, eq=False)
class Dense:
    """``activation(x @ weights + bias)``.

    Parameters
    ----------
    weights : array_like, shape (inputs, outputs)
    bias : array_like, shape (outputs,), optional
        Zero when None.
    activation : str
        ``linear``, ``relu``, ``sigmoid``, ``tanh`` or ``softmax``.
    name : str
        Used in messages and reports.

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
    name: str = "layer"

    def __init__(
        self, weights: ArrayLike, bias: ArrayLike | None = None, activation: str = "linear", name: str = "layer"
    ) -> None:
        w = _numbers(weights, f"the weights of {name}", name)
        if w.ndim != 2 or w.size == 0:
            raise MappingError(
                f"the weights of {name} have shape {w.shape}",
                expected="(inputs, outputs), both at least 1",
                names=[name],
            )
        b = np.zeros(w.shape[1]) if bias is None else _numbers(bias, f"the bias of {name}", name)
        if b.shape != (w.shape[1],):
            raise MappingError(
                f"the bias of {name} has shape {b.shape}",
                expected=f"({w.shape[1]},), one number an output of its weights {w.shape}",
                names=[name],
            )
        if activation not in ACTIVATIONS:
            raise MappingError(
                f"unknown activation {activation!r} of {name}",
                expected=" ".join(ACTIVATIONS),
                hint=nearest(str(activation), ACTIVATIONS),
                names=[name],
            )
        for array in (w, b):
            array.setflags(write=False)
        for field, value in (("weights", w), ("bias", b), ("activation", activation), ("name", name)):
            object.__setattr__(self, field, value)

    @property
    def inputs(self) -> int:
        """Number of inputs."""
        return self.weights.shape[0]

    @property
    def outputs(self) -> int:
        """Number of outputs."""
        return self.weights.shape[1]

    def __call__(self, x: ArrayLike) -> Array:
        """Return the layer's outputs, shape (..., outputs)."""
        return self.activate(np.asarray(x, dtype=np.float64) @ self.weights)

    def activate(self, products: Array) -> Array:
        """Return the outputs from ``x @ weights``: bias and activation, done in digital logic."""
        return np.asarray(ACTIVATIONS[self.activation](products + self.bias))


@dataclass(frozen=True, eq=False)
class Graph:
    """A chain of dense layers; calling it gives the network's outputs in double precision.

    Parameters
    ----------
    layers : sequence of Dense

    Raises
    ------
    MappingError
        When there is no layer, or a layer's inputs are not the outputs of the one before it.

    Examples
    --------
    >>> net = Graph([Dense([[2.0]], None, "relu"), Dense([[3.0, -1.0]], [0.0, 1.0])])
    >>> net([[1.0]]).tolist()
    [[6.0, -1.0]]
    """

    layers: tuple[Dense, ...]

    def __init__(self, layers: Sequence[Dense]) -> None:
        if not layers:
            raise MappingError("the network has no layer with weights", expected="at least one")
        for before, after in pairwise(layers):
            if before.outputs != after.inputs:
                raise MappingError(
                    f"{after.name} takes {after.inputs} inputs, but {before.name} has {before.outputs} outputs",
                    expected="weights of shape (inputs, outputs)",
                    names=[before.name, after.name],
                )
        object.__setattr__(self, "layers", tuple(layers))

    @property
    def inputs(self) -> int:
        """Number of inputs of the first layer."""
        return self.layers[0].inputs

    @property
    def outputs(self) -> int:
        """Number of outputs of the last layer."""
        return self.layers[-1].outputs

    def check_inputs(self, x: ArrayLike) -> Array:
        """Return ``x`` as float64, shape (..., inputs); raise UsageError when it is anything else."""
        try:
            array = np.asarray(x)
        except ValueError as error:
            raise UsageError(f"the inputs are no array: {error}", expected="rows of equal length") from None
        if array.dtype.kind not in "biuf" or array.ndim not in (1, 2) or array.shape[-1] != self.inputs:
            raise UsageError(
                f"inputs of shape {array.shape} and type {array.dtype}",
                expected=f"real numbers of shape ({self.inputs},) or (samples, {self.inputs})",
            )
        array = array.astype(np.float64)
        if not np.isfinite(array).all():
            place = np.argwhere(~np.isfinite(array))[0].tolist()
            raise UsageError(f"input {place} is not finite", expected="finite numbers")
        return array

    def __call__(self, x: ArrayLike) -> Array:
        """Return the outputs for ``x`` of shape (inputs,) or (samples, inputs)."""
        values = self.check_inputs(x)
        with np.errstate(over="ignore", invalid="ignore"):
            for layer in self.layers:
                values = layer(values)
                require_finite(values, layer.name)
        return values


def require_finite(values: Array, name: str) -> None:
    """Raise MappingError when a layer's outputs have overflowed."""
    if not np.isfinite(values).all():
        raise MappingError(
            f"the outputs of {name} overflow double precision", hint="scale the inputs or weights", names=[name]
        )


def _numbers(values: ArrayLike, what: str, name: str) -> Array:
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
    return array
