"""An ONNX file or model of dense layers."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import FileError, MappingError, missing_extra
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.importers.importer import Chain

Array = NDArray[np.float64]
_ACTIVATIONS = {"Relu": "relu", "Sigmoid": "sigmoid", "Tanh": "tanh", "Softmax": "softmax"}
_KNOWN = ("Gemm", "MatMul", "Add", *_ACTIVATIONS, "Flatten", "Identity", "Constant")


class OnnxFile:
    """Reads a path or a ``ModelProto``: a chain of dense layers and activations (see ``_KNOWN``)."""

    def matches(self, network: Any) -> bool:
        """Return whether it is a path, or a model of the onnx library."""
        return isinstance(network, str | os.PathLike) or type(network).__name__ == "ModelProto"

    def read(self, network: Any) -> Graph:
        """Return the network.

        Raises
        ------
        FileError
            When the file is missing or no ONNX model.
        MappingError
            When operators are unknown (all of them are named) or do not form a chain.
        MissingExtraError
            When the onnx library is not installed.
        """
        if type(network).__name__ == "ModelProto":
            return _Reader(network, "").graph()
        return _Reader(_load(network), Path(network).parent).graph()


def _load(path: str | os.PathLike[str]) -> Any:
    try:
        import onnx
    except ImportError:
        raise missing_extra("onnx", "onnx", "reading ONNX files") from None
    try:
        data = Path(path).read_bytes()
    except (OSError, ValueError) as error:
        raise FileError(f"cannot read {str(path)!r}: {error}", expected="an ONNX file") from error
    try:
        model = onnx.load_model_from_string(data)
        empty = not model.graph.node
    except Exception as error:  # protobuf's own errors differ between its implementations
        raise FileError(f"{str(path)!r} is not an ONNX model: {error}", expected="an ONNX file") from error
    if empty:
        raise FileError(f"{str(path)!r} is not an ONNX model: it has no operators", expected="an ONNX file")
    return model


class _Reader:
    def __init__(self, model: Any, folder: str | Path) -> None:
        self._graph = model.graph
        self._folder = str(folder)  # of the files in which exporters keep large tensors
        self._constants: dict[str, Array] = {t.name: self._number(t, t.name) for t in self._graph.initializer}

    def graph(self) -> Graph:
        nodes = list(self._graph.node)
        names = [node.name or f"node {k} ({node.op_type})" for k, node in enumerate(nodes, 1)]
        unknown = [
            f"{name} ({node.op_type})" if node.name else name
            for name, node in zip(names, nodes, strict=True)
            if node.op_type not in _KNOWN or node.domain not in ("", "ai.onnx")
        ]
        if unknown:
            raise MappingError(
                f"operators that cannot be mapped: {', '.join(unknown)}", expected=" ".join(_KNOWN), names=unknown
            )
        inputs = [i.name for i in self._graph.input if i.name not in self._constants]
        outputs = [o.name for o in self._graph.output]
        if len(inputs) != 1 or len(outputs) != 1:
            raise MappingError(
                f"the model has inputs {inputs} and outputs {outputs}", expected="one input and one output"
            )
        self._at = inputs[0]
        chain = Chain()
        for name, node in zip(names, nodes, strict=True):
            if len(node.output) != 1:
                raise MappingError(f"{name} has {len(node.output)} outputs", expected="one output", names=[name])
            if node.op_type == "Constant":
                value = _attributes(node).get("value")
                if value is None:
                    raise MappingError(
                        f"the constant {name} is no tensor", expected="the attribute value", names=[name]
                    )
                self._constants[node.output[0]] = self._number(value, name)
            else:
                self._apply(chain, node, name)
                self._at = node.output[0]
        if self._at != outputs[0]:
            raise MappingError(
                f"the output {outputs[0]!r} is not that of the last operator",
                expected=repr(self._at),
                names=[outputs[0]],
            )
        return chain.graph()

    def _apply(self, chain: Chain, node: Any, name: str) -> None:
        kind, attributes = node.op_type, _attributes(node)
        if kind == "Add" and node.input[1:] == [self._at]:
            self._follows(node, name, 1)
            chain.bias(self._constant(node, 0, name), name)
            return
        self._follows(node, name, 0)
        if kind == "Gemm":
            weights = self._constant(node, 1, name)
            if attributes.get("transA", 0):
                raise MappingError(f"{name} transposes its input", expected="transA=0", names=[name])
            weights = _scalar(attributes, "alpha", name) * (weights.T if attributes.get("transB", 0) else weights)
            chain.dense(weights, None, name)
            if len(node.input) > 2 and node.input[2]:
                chain.bias(_scalar(attributes, "beta", name) * self._constant(node, 2, name), name)
        elif kind == "MatMul":
            chain.dense(self._constant(node, 1, name), None, name)
        elif kind == "Add":
            chain.bias(self._constant(node, 1, name), name)
        elif kind in _ACTIVATIONS:
            if kind == "Softmax" and attributes.get("axis", -1) not in (1, -1):
                raise MappingError(
                    f"{name} is a softmax along axis {attributes['axis']}", expected="axis=1", names=[name]
                )
            chain.activation(_ACTIVATIONS[kind], name)
        elif kind == "Flatten" and attributes.get("axis", 1) != 1:
            raise MappingError(f"{name} does not flatten whole samples", expected="axis=1", names=[name])

    def _follows(self, node: Any, name: str, position: int) -> None:
        if len(node.input) <= position or node.input[position] != self._at:
            found = node.input[position] if len(node.input) > position else "nothing"
            raise MappingError(
                f"{name} takes {found!r}, not the output {self._at!r} of the operator before",
                expected="a chain of operators, each input and matrix product in the order x @ weights",
                names=[name],
            )

    def _constant(self, node: Any, position: int, name: str) -> Array:
        wanted = node.input[position] if len(node.input) > position else ""
        if wanted not in self._constants:
            raise MappingError(
                f"{name} needs {wanted!r} as numbers in the model", expected="an initializer", names=[name]
            )
        return self._constants[wanted]

    def _number(self, tensor: Any, name: str) -> Array:
        from onnx import numpy_helper

        try:
            found = numpy_helper.to_array(tensor, self._folder)
            if found.shape == tuple(tensor.dims) and found.dtype.kind != "c":
                return np.asarray(found, dtype=np.float64)
            reason = f"it has the shape {list(tensor.dims)} and the type {found.dtype}"
        except Exception as error:  # damaged tensors raise as they please
            reason = str(error)
        raise MappingError(f"the tensor {name!r} cannot be read: {reason}", expected="real numbers", names=[name])


def _attributes(node: Any) -> dict[str, Any]:
    from onnx import helper

    return {a.name: helper.get_attribute_value(a) for a in node.attribute}


def _scalar(attributes: dict[str, Any], key: str, name: str) -> float:
    value = attributes.get(key, 1.0)
    if not isinstance(value, int | float):
        raise MappingError(f"{key} of {name} is {value!r}", expected="a number", names=[name])
    return float(value)


EXPORT = OnnxFile()
