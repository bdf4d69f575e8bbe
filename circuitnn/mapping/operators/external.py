"""Operators of ONNX without counterpart here, run digitally, as they stand, by the reference implementation of ONNX."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import missing_extra
from circuitnn.mapping.operators.axes import unbounded
from circuitnn.mapping.operators.node import Interval, Multiply, Node, Shape

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False, kw_only=True)
class External(Node):
    """A standard operator of ONNX, sample by sample, in double precision; nothing but those is ever run.

    Parameters
    ----------
    model : str
        Base64 of a ``ModelProto`` with the one operator: its inputs ``x0``, ``x1`` ... are those of the node, its
        output is ``y``, and its constants are initializers.
    operator : str
        Type of the operator, for reports.
    batch : tuple of int
        For each input and then the output, where the axis of samples is; -1 for one that has none.
    to : tuple of int
        Shape of a sample of the output.

    Raises
    ------
    MappingError
        When the model holds anything else: several operators, functions, subgraphs, or operators that are not of ONNX.
    MissingExtraError
        When it runs and the onnx library is not installed.
    """

    model: str
    operator: str
    batch: tuple[int, ...] = (0, 0)
    to: tuple[int, ...] = ()
    arity = (1, None)

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape that it was made for."""
        if len(shapes) + 1 != len(self.batch):
            raise self.refuse(f"reads {len(shapes)} values", f"{len(self.batch) - 1}")
        return tuple(self.to)

    def check(self) -> None:
        """Raise MappingError when it is anything but an operator that can be run."""
        assert self._evaluator is not None

    @cached_property
    def _evaluator(self) -> Any:
        try:
            import onnx
            from onnx.reference import ReferenceEvaluator
        except ImportError:
            raise missing_extra("onnx", "onnx", f"running {self.name} ({self.operator})") from None
        try:
            model = onnx.load_model_from_string(base64.b64decode(self.model, validate=True))
        except Exception as error:  # protobuf's own errors differ between its implementations
            raise self.refuse(f"holds no ONNX operator: {error}", "a model of one operator") from error
        graph = model.graph
        plain = len(graph.node) == 1 and not model.functions and not graph.sparse_initializer
        if not plain or not is_plain(graph.node[0]) or any(t.external_data for t in graph.initializer):
            raise self.refuse("is more than one operator of ONNX", "a model of one standard operator")
        try:
            return ReferenceEvaluator(model)
        except Exception as error:  # unknown operators, versions and attributes raise as they please
            raise self.refuse(f"cannot be run by the reference implementation of ONNX: {error}", "ONNX") from error

    def run(self, multiply: Multiply, *values: Array) -> Array:
        """Return the outputs."""
        evaluator = self._evaluator
        out = np.empty((len(values[0]), *self.to))
        for k in range(len(values[0])):
            feeds = {
                f"x{n}": value[k] if axis < 0 else np.expand_dims(value[k], axis)
                for n, (value, axis) in enumerate(zip(values, self.batch[:-1], strict=True))
            }
            try:
                found = np.asarray(evaluator.run(None, feeds)[0], dtype=np.float64)
            except Exception as error:  # what an operator refuses is its own affair
                raise self.refuse(f"({self.operator}) cannot be run: {error}", "values that it takes") from error
            if self.batch[-1] >= 0 and found.ndim > self.batch[-1] and found.shape[self.batch[-1]] == 1:
                found = found.squeeze(self.batch[-1])
            if found.shape != tuple(self.to):
                raise self.refuse(f"({self.operator}) gives samples of shape {found.shape}", str(tuple(self.to)))
            out[k] = found
        return out

    def bounds(self, *intervals: Interval) -> Interval:
        """Raise MappingError: nothing is known of the operator."""
        raise unbounded(self, f"is the operator {self.operator}, of which nothing is known")


def is_plain(operator: Any) -> bool:
    """Return whether an operator is one of ONNX itself, without subgraphs and without numbers in other files."""
    return operator.domain in ("", "ai.onnx") and not any(
        a.HasField("g") or a.graphs or a.t.external_data or any(t.external_data for t in a.tensors)
        for a in operator.attribute
    )


def external(name: str, model: Any, batch: tuple[int, ...], to: Shape, inputs: tuple[str, ...]) -> External:
    """Return the node for a model of one operator (see ``External``); raise MappingError when it is more than that."""
    node = External(
        name=name,
        model=base64.b64encode(model.SerializeToString()).decode(),
        operator=model.graph.node[0].op_type,
        batch=batch,
        to=to,
        inputs=inputs,
    )
    node.check()
    return node


EXPORT = (External,)
