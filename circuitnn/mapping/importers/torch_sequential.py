"""A PyTorch ``nn.Sequential`` of dense layers; torch itself is never imported here."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from circuitnn.errors import MappingError
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.importers.importer import Chain

_ACTIVATIONS = {"ReLU": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Softmax": "softmax"}
_NOTHING = frozenset({"Identity", "Dropout", "Flatten"})  # at inference, and for vectors


class TorchSequential:
    """Reads ``nn.Sequential``, nested or not, or a single ``nn.Linear``."""

    def matches(self, network: Any) -> bool:
        """Return whether it is a module of torch."""
        return any(c.__module__ == "torch.nn.modules.module" and c.__name__ == "Module" for c in type(network).__mro__)

    def read(self, network: Any) -> Graph:
        """Return the network; raise MappingError naming every module that cannot be mapped."""
        modules = list(_flatten(network, ""))
        known = {"Linear", *_ACTIVATIONS, *_NOTHING}
        unknown = [f"{name or 'the network'} ({_kind(m)})" for name, m in modules if _kind(m) not in known]
        if unknown:
            raise MappingError(
                f"modules that cannot be mapped: {', '.join(unknown)}",
                expected="Sequential of " + ", ".join(sorted(known)),
                names=unknown,
            )
        chain = Chain()
        for name, module in modules:
            kind = _kind(module)
            if kind == "Linear":
                bias = None if module.bias is None else _array(module.bias)
                chain.dense(_array(module.weight).T, bias, name or "layer 1")
            elif kind in _ACTIVATIONS:
                if kind == "Softmax" and module.dim not in (None, 1, -1):
                    raise MappingError(f"{name} is a Softmax along axis {module.dim}", expected="dim=1", names=[name])
                chain.activation(_ACTIVATIONS[kind], name)
            elif kind == "Flatten" and (module.start_dim, module.end_dim) != (1, -1):
                raise MappingError(f"{name} does not flatten whole samples", expected="Flatten()", names=[name])
        return chain.graph()


def _kind(module: Any) -> str:
    """Return the name of a module of torch itself; a subclass may compute anything, so it is not taken for its base."""
    cls = type(module)
    return cls.__name__ if cls.__module__.startswith("torch.nn.modules.") else f"{cls.__module__}.{cls.__qualname__}"


def _flatten(module: Any, name: str) -> Iterator[tuple[str, Any]]:
    if _kind(module) == "Sequential":
        for child_name, child in module.named_children():
            yield from _flatten(child, f"{name}.{child_name}" if name else child_name)
    else:
        yield name, module


def _array(tensor: Any) -> Any:
    return tensor.detach().cpu().double().numpy()


EXPORT = TorchSequential()
