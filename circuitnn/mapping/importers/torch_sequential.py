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
        known = {"Sequential", "Linear", *_ACTIVATIONS, *_NOTHING}
        unknown = [f"{name or 'the network'} ({_kind(m)})" for name, m in modules if _kind(m) not in known]
        if unknown:
            raise MappingError(
                f"modules that cannot be mapped: {', '.join(unknown)}",
                expected="Sequential of " + ", ".join(sorted(known - {"Sequential"})),
                names=unknown,
            )
        chain = Chain()
        for name, module in modules:
            _require_unchanged(module, name or "the network")
            kind = _kind(module)
            if kind == "Linear":
                layer = name or "layer 1"
                bias = None if module.bias is None else _array(module.bias, layer)
                chain.dense(_array(module.weight, layer).T, bias, layer)
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
    """Yield a module and, where it is a Sequential, those in it, in the order in which they act."""
    yield name, module
    if _kind(module) == "Sequential":
        # A module that acts twice is named once: only the Sequential itself repeats it.
        names = {id(child): child_name for child_name, child in module.named_children()}
        for child in module:
            child_name = names[id(child)]
            yield from _flatten(child, f"{name}.{child_name}" if name else child_name)


def _require_unchanged(module: Any, name: str) -> None:
    """Raise MappingError where something other than the module's class decides what it computes."""
    if getattr(module, "_forward_hooks", None) or getattr(module, "_forward_pre_hooks", None):
        raise MappingError(
            f"{name} has forward hooks, which may change what it computes",
            expected="modules without hooks",
            hint="remove them: handle.remove(), or prune.remove and remove_weight_norm of torch.nn.utils",
            names=[name],
        )
    if "forward" in vars(module):
        raise MappingError(f"{name} has a forward of its own", expected="the forward of its class", names=[name])


def _array(tensor: Any, name: str) -> Any:
    expected = "real tensors that hold numbers"
    if tensor.is_complex():
        raise MappingError(f"{name} has complex numbers", expected=expected, names=[name])
    try:
        return tensor.detach().cpu().double().numpy()
    except (RuntimeError, TypeError) as error:  # tensors on no device, sparse ones
        raise MappingError(f"the numbers of {name} cannot be read: {error}", expected=expected, names=[name]) from error


EXPORT = TorchSequential()
