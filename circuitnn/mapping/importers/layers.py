"""A network as a list of ``(weights, bias, activation)``."""

from __future__ import annotations

from typing import Any

from circuitnn.errors import MappingError
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.operators.dense import Dense


class Layers:
    """Reads a list or tuple of ``(weights, bias, activation)``; the bias may be None."""

    def matches(self, network: Any) -> bool:
        """Return whether it is a list or tuple."""
        return isinstance(network, list | tuple)

    def read(self, network: Any) -> Graph:
        """Return the network; raise MappingError naming the layer that is wrong.

        Examples
        --------
        >>> Layers().read([([[1.0]], None, "tanh")]).nodes[0].name
        'layer 1'
        """
        dense = []
        for k, layer in enumerate(network, 1):
            if isinstance(layer, Dense):
                dense.append(layer)
                continue
            if not isinstance(layer, list | tuple) or len(layer) != 3 or not isinstance(layer[2], str):
                raise MappingError(
                    f"layer {k} is not (weights, bias, activation)",
                    expected="weights of shape (inputs, outputs), a bias or None, and the name of an activation",
                    names=[f"layer {k}"],
                )
            dense.append(Dense(layer[0], layer[1], layer[2], f"layer {k}"))
        return Graph(dense)


EXPORT = Layers()
