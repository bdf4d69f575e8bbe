"""A PyTorch module as a graph, by ``torch.export``: what its ``forward`` does, in modules or functions, is recorded."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from circuitnn.errors import CircuitnnError, MappingError
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.importers import torch_shaping  # noqa: F401 - its operators register themselves
from circuitnn.mapping.importers.builder import Builder, UnsupportedError, Value
from circuitnn.mapping.importers.torch_operators import OPERATORS, Call

_REAL = "real tensors that hold numbers"


class TorchModule:
    """Reads an ``nn.Module``; torch is imported when there is one, so it is there already."""

    def matches(self, network: Any) -> bool:
        """Return whether it is a module of torch."""
        return any(c.__module__ == "torch.nn.modules.module" and c.__name__ == "Module" for c in type(network).__mro__)

    def read(self, network: Any, *, input_shape: Sequence[int] | None = None, folded: bool = True) -> Graph:
        """Return the network, as it acts on a single sample, in evaluation mode and double precision.

        Its ``forward`` runs once, on tensors without numbers. What depends on numbers, such as ``if x.sum() > 0``,
        cannot be recorded.

        Parameters
        ----------
        network : torch.nn.Module
            It takes one tensor, whose first axis is that of samples.
        input_shape : tuple of int, optional
            Shape of a sample, without that axis. Not needed where the first layer is ``nn.Linear``.
        folded : bool
            Whether batch normalisation, constants and activations are joined with matrices (see ``fold``).

        Raises
        ------
        MappingError
            When it cannot be recorded, or operators have no counterpart (all of them are named).
        """
        shape = _input_shape(network) if input_shape is None else tuple(int(n) for n in input_shape)
        if not shape or min(shape) < 1:
            raise MappingError(f"samples have the shape {shape}", expected="at least 1 along each axis")
        with _evaluating(network):
            program = _exported(network, shape)
        reader = _Reader(program, (1, *shape))
        value = reader.run()
        return reader.build.graph(value, folded)


def _input_shape(module: Any) -> tuple[int, ...]:
    first = next((m for m in module.modules() if any(True for _ in m.parameters(recurse=False))), None)
    if first is not None and type(first).__name__ == "Linear" and hasattr(first, "in_features"):
        return (int(first.in_features),)
    raise MappingError(
        f"the shape of what {type(module).__name__} takes is not known",
        expected="the shape of a sample",
        hint="input_shape=(channels, height, width), without the axis of samples",
    )


@contextmanager
def _evaluating(module: Any) -> Iterator[None]:
    """Put a module into evaluation mode, and each of its parts back as it was."""
    modes = [(part, part.training) for part in module.modules()]
    module.eval()
    try:
        yield
    finally:
        for part, mode in modes:
            part.training = mode


def _exported(module: Any, shape: tuple[int, ...]) -> Any:
    import torch

    kind = next((p.dtype for p in module.parameters() if p.is_floating_point()), torch.get_default_dtype())
    device = next((p.device for p in module.parameters()), torch.device("cpu"))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of weights that recurrent layers keep twice
            return torch.export.export(module, (torch.zeros(1, *shape, dtype=kind, device=device),))
    except Exception as error:  # whatever forward raises, and whatever export does
        reason = str(error).strip().split("\n")[0]
        raise MappingError(
            f"{type(module).__name__} cannot be recorded for samples of shape {shape}: {reason}",
            expected="a forward(x) of one tensor (samples, ...) without branches that depend on its numbers",
            hint="check input_shape, or export the module to ONNX",
        ) from error


class _Reader:
    def __init__(self, program: Any, shape: tuple[int, ...]) -> None:
        self._program = program
        self.build = Builder(shape, 0)
        self._values: dict[Any, Any] = {}
        self._unsupported: list[str] = []

    def run(self) -> Value:
        """Return the value of the output, having built all that it needs."""
        program = self._program
        signature = program.graph_signature
        tensors = {**program.state_dict, **program.constants}
        held = {
            **signature.inputs_to_parameters,
            **signature.inputs_to_buffers,
            **signature.inputs_to_lifted_tensor_constants,
        }
        wanted = _needed(program.graph)
        output: Any = None
        for node in program.graph.nodes:
            if node.op == "placeholder":
                if node.name in held and node in wanted:
                    self._values[node] = _widened(tensors[held[node.name]], held[node.name])
                elif node.name in signature.user_inputs:
                    self._values[node] = self.build.input
            elif node.op == "output":
                outputs = node.args[0]
                if len(signature.user_outputs) != 1:
                    raise MappingError(f"the module gives {len(signature.user_outputs)} outputs", expected="one tensor")
                output = self._values[outputs[-1]]
            elif node in wanted:
                self._apply(node)
        if self._unsupported:
            raise MappingError(
                f"operators that cannot be mapped: {', '.join(self._unsupported)}",
                expected=" ".join(sorted(OPERATORS)),
                names=self._unsupported,
            )
        if not isinstance(output, Value):
            raise MappingError("the module's output does not depend on its input", expected="an output that does")
        return output

    def _apply(self, node: Any) -> None:
        kind = _kind(node)
        name = _name(node)
        label = f"{name} ({kind})"
        args, kwargs = self._replaced(node.args), self._replaced(node.kwargs)
        found: Any = None
        try:
            if kind == "getitem":
                found = args[0][args[1]] if args[0] is not None else None
                if found is None and args[0] is not None:
                    raise UnsupportedError(f"output {args[1]} of {_name(node.args[0])}")
            elif _lost(args) or _lost(kwargs):
                _operator(kind)
            elif not _holds_value(args) and not _holds_value(kwargs):
                found = self._evaluated(node, args, kwargs)
            else:
                found = _operator(kind)(Call(self.build, name, kind, args, kwargs))
        except UnsupportedError as error:
            self._unsupported.append(f"{label}: {error}" if str(error) else label)
        except CircuitnnError:
            raise
        except (ValueError, TypeError, KeyError, IndexError, ArithmeticError, RuntimeError, AttributeError) as error:
            raise MappingError(
                f"{label} is not as expected: {error}", expected="an operator of PyTorch 2.1 or later", names=[name]
            ) from error
        self._values[node] = _Lost() if found is None else found

    def _evaluated(self, node: Any, args: Any, kwargs: Any) -> Any:
        """Return what an operator makes of weights alone, such as those of weight normalisation."""
        import torch

        if node.target is torch.ops.aten.detach_.default:
            return args[0]
        with torch.no_grad():
            found = node.target(*args, **kwargs)
        return _widened(found, node.name) if isinstance(found, torch.Tensor) else found

    def _replaced(self, args: Any) -> Any:
        """Return arguments with their values in place of the operators that give them."""
        if isinstance(args, list | tuple):
            return type(args)(self._replaced(a) for a in args)
        if isinstance(args, dict):
            return {key: self._replaced(a) for key, a in args.items()}
        return self._values.get(args, args) if hasattr(args, "op") else args


class _Lost:
    """What an operator gives that has no counterpart."""

    def __getitem__(self, k: int) -> _Lost:
        return self


def _needed(graph: Any) -> set[Any]:
    """Return the operators on which the output depends."""
    found: set[Any] = set()
    for node in reversed(list(graph.nodes)):
        if node.op == "output" or node in found:
            found.add(node)
            found.update(node.all_input_nodes)
    return found


def _kind(node: Any) -> str:
    """Return the name of an operator without its overload: ``conv2d`` of ``aten.conv2d.default``."""
    found = getattr(node.target, "overloadpacket", node.target)
    return str(getattr(found, "__name__", found)).removesuffix("_") or str(found)


def _name(node: Any) -> str:
    """Return the module's path where the operator is all that it does, else with the operator's own name."""
    stack = list(node.meta.get("nn_module_stack", {}).values())
    path, kind = stack[-1] if stack else ("", "")
    kind = kind if isinstance(kind, str) else f"{kind.__module__}.{kind.__qualname__}"
    if path and kind.startswith(("torch.nn.modules.", "torch.nn.utils.parametrize.")):
        return str(path)
    return f"{path}.{node.name}" if path else str(node.name)


def _operator(kind: str) -> Any:
    if kind not in OPERATORS:
        raise UnsupportedError("")
    return OPERATORS[kind]


def _holds(args: Any, kind: type) -> bool:
    if isinstance(args, dict):
        return any(_holds(a, kind) for a in args.values())
    return any(_holds(a, kind) for a in args) if isinstance(args, list | tuple) else isinstance(args, kind)


def _holds_value(args: Any) -> bool:
    return _holds(args, Value)


def _lost(args: Any) -> bool:
    return _holds(args, _Lost)


def _widened(tensor: Any, name: str) -> Any:
    """Return a tensor in double precision on the CPU; raise MappingError when it holds no real numbers."""
    if tensor.is_complex():
        raise MappingError(f"{name} has complex numbers", expected=_REAL, names=[name])
    try:
        plain = tensor.detach().cpu()
        if plain.is_floating_point():
            plain = plain.double()
        np.asarray(plain)
        return plain
    except (RuntimeError, TypeError) as error:  # tensors on no device, sparse ones
        raise MappingError(f"the numbers of {name} cannot be read: {error}", expected=_REAL, names=[name]) from error


EXPORT = TorchModule()
