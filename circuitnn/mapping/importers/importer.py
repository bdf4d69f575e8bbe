"""What every importer shares: its form, and the joining of operators to dense layers."""

from __future__ import annotations

from itertools import count
from typing import Any, Protocol

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import MappingError
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.operators.dense import Dense


class Importer(Protocol):
    """A network format."""

    def matches(self, network: Any) -> bool:
        """Return whether the object is of this format; must not import the format's library for it."""

    def read(self, network: Any) -> Graph:
        """Return the network; raise MappingError naming all that cannot be mapped."""


class Chain:
    """Builds a graph from operators in the order in which they act.

    Examples
    --------
    >>> chain = Chain()
    >>> chain.dense([[1.0, 2.0]], None, "fc")
    >>> chain.activation("relu", "act")
    >>> [(d.name, d.activation) for d in chain.graph().dense_layers()]
    [('fc', 'relu')]
    """

    def __init__(self) -> None:
        self._layers: list[Dense] = []
        self._open = False  # whether the last layer can still take an activation

    def dense(self, weights: ArrayLike, bias: ArrayLike | None, name: str) -> None:
        """Add a matrix of shape (inputs, outputs) and a bias."""
        used = {layer.name for layer in self._layers}  # a module that acts twice is two nodes
        unique = next(tried for k in count(1) if (tried := name if k == 1 else f"{name} ({k})") not in used)
        self._layers.append(Dense(weights, bias, "linear", unique))
        self._open = True

    def bias(self, values: NDArray[np.float64], name: str) -> None:
        """Add to the last layer's bias."""
        last = self._last("an addition", name)
        try:
            total = last.bias + values
        except ValueError:
            total = np.empty(0)
        if total.size != last.fan_out:
            raise MappingError(
                f"{name} adds numbers of shape {np.shape(values)} to the outputs of {last.name}",
                expected=f"({last.fan_out},), one number an output",
                names=[name, last.name],
            )
        self._layers[-1] = Dense(last.weights, total.reshape(-1), "linear", last.name)

    def activation(self, kind: str, name: str) -> None:
        """Set the last layer's activation."""
        last = self._last("an activation", name)
        self._layers[-1] = Dense(last.weights, last.bias, kind, last.name)
        self._open = False

    def _last(self, what: str, name: str) -> Dense:
        if not self._open:
            raise MappingError(
                f"{name} is {what} that does not follow directly on weights",
                expected="weights, then a bias, then at most one activation",
                names=[name],
            )
        return self._layers[-1]

    def graph(self) -> Graph:
        """Return the network."""
        return Graph(self._layers)
