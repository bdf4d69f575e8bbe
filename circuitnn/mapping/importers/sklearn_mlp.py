"""A fitted ``MLPClassifier`` or ``MLPRegressor`` of scikit-learn."""

from __future__ import annotations

from typing import Any

from circuitnn.errors import MappingError
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.operators.dense import Dense

_KINDS = {"identity": "linear", "logistic": "sigmoid", "relu": "relu", "tanh": "tanh", "softmax": "softmax"}


class SklearnMLP:
    """Reads a multi-layer perceptron; output k is the class ``classes_[k]``, a single output is ``classes_[1]``."""

    def matches(self, network: Any) -> bool:
        """Return whether it is a multi-layer perceptron of scikit-learn."""
        return any(c.__module__.startswith("sklearn.neural_network.") for c in type(network).__mro__) and hasattr(
            network, "hidden_layer_sizes"
        )

    def read(self, network: Any) -> Graph:
        """Return the network; raise MappingError when it is not fitted or has an unknown activation."""
        if not hasattr(network, "coefs_"):
            raise MappingError(f"the {type(network).__name__} is not fitted", hint="call its fit(x, y) first")
        unknown = {network.activation, network.out_activation_} - _KINDS.keys()
        if unknown:
            raise MappingError(f"unknown activations {', '.join(sorted(unknown))}", expected=" ".join(_KINDS))
        last = len(network.coefs_) - 1
        return Graph(
            [
                Dense(w, b, _KINDS[network.out_activation_ if k == last else network.activation], f"layer {k + 1}")
                for k, (w, b) in enumerate(zip(network.coefs_, network.intercepts_, strict=True))
            ]
        )


EXPORT = SklearnMLP()
