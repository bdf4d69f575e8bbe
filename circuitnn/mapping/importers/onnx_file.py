"""An ONNX file or model as a graph."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import CircuitnnError, FileError, MappingError, missing_extra, nearest
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.importers import onnx_shaping  # noqa: F401 - its operators register themselves
from circuitnn.mapping.importers.builder import MOST, Builder, UnsupportedError, Value
from circuitnn.mapping.importers.onnx_operators import OPERATORS, Call, operator_of

Array = NDArray[Any]
_EXTERNAL = "unsupported"
# What is evaluated when the file is read, where all that it reads is known then. Random operators are not among these.
_CONSTANT = """
Abs Add And BatchNormalization Cast CastLike Ceil Clip Concat ConstantOfShape Cos DequantizeLinear Div Equal Erf
Exp Expand EyeLike Flatten Floor Gather GatherElements GatherND Gemm Greater GreaterOrEqual HardSigmoid Identity
Less LessOrEqual Log MatMul Max Mean Min Mod Mul Neg NonZero Not Or Pad Pow QuantizeLinear Range Reciprocal
ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum Relu Reshape Round ScatterElements ScatterND Shape Sigmoid Sign
Sin Size Slice Softmax Split Sqrt Squeeze Sub Sum Tanh Tile Transpose Trilu Unsqueeze Where Xor
"""


class OnnxFile:
    """Reads a path or a ``ModelProto``."""

    def matches(self, network: Any) -> bool:
        """Return whether it is a path, or a model of the onnx library."""
        return isinstance(network, str | os.PathLike) or type(network).__name__ == "ModelProto"

    def read(
        self,
        network: Any,
        *,
        input_shape: Sequence[int] | None = None,
        batched: bool = True,
        output: str | None = None,
        constants: Mapping[str, ArrayLike] | None = None,
        digital: str | Iterable[str] = (),
        folded: bool = True,
    ) -> Graph:
        """Return the network, as it acts on a single sample.

        Parameters
        ----------
        network : path or ModelProto
        input_shape : tuple of int, optional
            Shape of a sample, without the first axis, that of samples; needed where the model leaves axes open. Of the
            whole input where the model gives it but one axis, or it is not ``batched``.
        batched : bool
            Whether the first axis counts samples; False where it counts steps in time, for example.
        output : str, optional
            Name of the output that is wanted, where there are several; the first when None.
        constants : mapping of str to array_like, optional
            Numbers for inputs other than the one of samples, such as first states of a recurrent network.
        digital : str or iterable of str
            Names of operators that are to run digitally, as the reference implementation of ONNX computes them;
            ``"unsupported"``: all that have no counterpart here.
        folded : bool
            Whether batch normalisation, constants and activations are joined with matrices (see ``fold``).

        Raises
        ------
        FileError
            When the file is missing or no ONNX model.
        MappingError
            When operators have no counterpart (all of them are named), or shapes do not fit together.
        MissingExtraError
            When the onnx library is not installed.
        """
        model, folder = (network, "") if type(network).__name__ == "ModelProto" else _load(network)
        reader = _Reader(model, folder, digital)
        value = reader.run(input_shape, batched, constants or {}, output)
        return reader.build.graph(value, folded)


def _load(path: str | os.PathLike[str]) -> tuple[Any, str]:
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
    return model, str(Path(path).parent)


class _Reader:
    def __init__(self, model: Any, folder: str, digital: str | Iterable[str]) -> None:
        self._graph = model.graph
        self._folder = folder  # of the files in which exporters keep large tensors
        self._opset = next((int(o.version) for o in model.opset_import if o.domain in ("", "ai.onnx")), 1)
        self._digital = {digital} if isinstance(digital, str) else set(digital)
        self._values: dict[str, Value | Array | None] = {"": None}  # None too: what an unsupported operator gives
        self._unsupported: list[str] = []
        self._read: set[str] = set()  # values that the output needs

    def run(
        self, input_shape: Sequence[int] | None, batched: bool, constants: Mapping[str, ArrayLike], output: str | None
    ) -> Value:
        """Return the value of the output, having built all that it needs."""
        graph = self._graph
        for tensor in graph.initializer:
            self._values[tensor.name] = self._number(tensor, tensor.name)
        inputs = [i for i in graph.input if i.name not in self._values]
        for name, given in constants.items():
            if name not in [i.name for i in inputs]:
                raise MappingError(
                    f"there is no input {name!r}", expected=" ".join(i.name for i in inputs), names=[name]
                )
            self._values[name] = _widened(np.asarray(given))
        free = [i for i in inputs if i.name not in constants]
        if len(free) != 1:
            raise MappingError(
                f"the model has inputs {[i.name for i in free]}",
                expected="one input of samples",
                hint="give numbers for the others: constants={name: array}" if free else "",
                names=[i.name for i in free],
            )
        shape, batch = _input_shape(free[0], input_shape, batched)
        self.build = Builder(shape, batch)
        self._values[free[0].name] = self.build.input
        nodes = list(graph.node)
        names = [node.name or f"node {k} ({node.op_type})" for k, node in enumerate(nodes, 1)]
        self._check_digital(names)
        wanted = self._output(output)
        needed = _needed(nodes, wanted)
        self._read = {wanted, *(read for k in needed for read in nodes[k].input if read)}
        for k, (name, node) in enumerate(zip(names, nodes, strict=True)):
            if k in needed:
                self._apply(name, node)
        if self._unsupported:
            raise MappingError(
                f"operators that cannot be mapped: {', '.join(self._unsupported)}",
                expected=" ".join(sorted(OPERATORS)),
                hint='digital="unsupported" runs them digitally',
                names=self._unsupported,
            )
        found = self._values.get(wanted)
        if not isinstance(found, Value):
            raise MappingError(
                f"the output {wanted!r} does not depend on the input", expected="an output that does", names=[wanted]
            )
        return found

    def _output(self, output: str | None) -> str:
        names = [o.name for o in self._graph.output]
        if not names or (output is not None and output not in names):
            raise MappingError(
                f"the model has no output {output!r}" if names else "the model has no output",
                expected=" ".join(names) or "one",
                hint=nearest(str(output), names) or "",
            )
        return output or str(names[0])

    def _check_digital(self, names: Sequence[str]) -> None:
        for name in self._digital - {_EXTERNAL}:
            if name not in names:
                raise MappingError(
                    f"no operator has the name {name!r}", expected="names of operators", hint=nearest(name, names) or ""
                )

    def _apply(self, name: str, node: Any) -> None:
        """Find the values of an operator's outputs."""
        values = []
        for read in node.input:
            if read not in self._values:
                raise MappingError(f"{name} reads {read!r}, which nothing before it gives", names=[name])
            values.append(self._values[read])
        lost = any(read and value is None for read, value in zip(node.input, values, strict=True))
        label = f"{name} ({node.op_type})" if node.name else name
        found: Sequence[Value | Array | None] = [None] * len(node.output)
        try:
            if lost:  # an operator before it is unsupported: only what is known without its values can be told
                operator_of(node)
            else:
                found = self._outputs(name, node, values)
                for k, (out, given) in enumerate(zip(node.output, found, strict=False), 1):
                    if out in self._read and given is None:
                        raise UnsupportedError(f"its output {k}")
        except UnsupportedError as error:
            reason = str(error)
            self._unsupported.append(f"{label}: {reason}" if reason else label)
        except CircuitnnError:
            raise
        except (ValueError, TypeError, KeyError, IndexError, ArithmeticError, MemoryError, RuntimeError) as error:
            raise MappingError(
                f"{label} is wrong: {error}", expected="inputs and attributes as ONNX has them", names=[name]
            ) from error
        self._values.update(zip(node.output, found, strict=False))

    def _outputs(self, name: str, node: Any, values: Sequence[Value | Array | None]) -> Sequence[Value | Array | None]:
        standard = node.domain in ("", "ai.onnx")
        if standard and node.op_type == "Constant":
            return [self._constant(name, node)]
        if standard and node.op_type in ("Shape", "Size") and isinstance(values[0], Value):
            return [_shape(node, values[0].shape)]
        if not any(isinstance(v, Value) for v in values):
            return self._evaluate(name, node, values)
        if name in self._digital:
            return self._external(name, node, values)
        try:
            operator = operator_of(node)
            return operator(Call(self.build, name, node, values, self._opset))
        except UnsupportedError:
            if _EXTERNAL in self._digital:
                return self._external(name, node, values)
            raise

    def _constant(self, name: str, node: Any) -> Array:
        from onnx import helper

        for attribute in node.attribute:
            value = helper.get_attribute_value(attribute)
            if attribute.name == "value":
                return self._number(value, name)
            if attribute.name in ("value_float", "value_floats", "value_int", "value_ints"):
                return _widened(np.asarray(value))
        raise MappingError(f"the constant {name} is no tensor", expected="the attribute value", names=[name])

    def _number(self, tensor: Any, name: str) -> Array:
        from onnx import numpy_helper

        try:
            found = numpy_helper.to_array(tensor, self._folder)
            if found.shape == tuple(tensor.dims) and found.dtype.kind not in "cOUS":
                return _widened(found)
            reason = f"it has the shape {list(tensor.dims)} and the type {found.dtype}"
        except Exception as error:  # damaged tensors raise as they please
            reason = str(error)
        raise MappingError(f"the tensor {name!r} cannot be read: {reason}", expected="real numbers", names=[name])

    def _evaluate(self, name: str, node: Any, values: Sequence[Value | Array | None]) -> Sequence[Array | None]:
        """Return the outputs of an operator on constants, as the reference implementation of ONNX finds them."""
        if node.domain not in ("", "ai.onnx") or node.op_type not in _CONSTANT.split():
            raise UnsupportedError("on constants")
        arrays = [v for v in values if isinstance(v, np.ndarray)]
        if node.op_type == "Cast" and _casts_to_float(node) and arrays[0].dtype.kind == "f":
            return [arrays[0]]  # numbers stay in double precision
        if node.op_type == "DequantizeLinear":
            return [_dequantised(node, *arrays)]
        if _size(node.op_type, arrays) > MOST // 8:
            raise UnsupportedError("more numbers than a constant may have")
        found = self._one(node, values).run(None, {})
        return [_widened(np.asarray(v)) if isinstance(v, np.ndarray | np.generic) else None for v in found]

    def _model(self, node: Any, values: Sequence[Value | Array | None]) -> Any:
        """Return a model of one operator: constants as initializers, other inputs as x0, x1 ..., the first output y."""
        from onnx import helper, numpy_helper

        copy = type(node)()
        copy.CopyFrom(node)
        constants: list[Any] = []
        free: list[Any] = []
        names = [""] * len(values)
        for k, value in enumerate(values):
            if isinstance(value, Value):
                names[k] = f"x{len(free)}"
                free.append(helper.make_empty_tensor_value_info(names[k]))
            elif value is not None:
                names[k] = f"c{k}"
                constants.append(numpy_helper.from_array(np.array(value, order="C"), names[k]))
        del copy.input[:]
        copy.input.extend(names)
        outputs = [f"y{k}" if k else "y" for k in range(len(node.output))]
        del copy.output[:]
        copy.output.extend(outputs)
        infos = [helper.make_empty_tensor_value_info(out) for out in outputs]
        graph = helper.make_graph([copy], "operator", free, infos, constants)
        return helper.make_model(graph, opset_imports=[helper.make_opsetid("", self._opset)])

    def _one(self, node: Any, values: Sequence[Value | Array | None]) -> Any:
        from onnx.reference import ReferenceEvaluator

        try:
            return ReferenceEvaluator(self._model(node, values))
        except Exception as error:
            raise UnsupportedError(f"the reference implementation of ONNX has no such operator: {error}") from error

    def _external(self, name: str, node: Any, values: Sequence[Value | Array | None]) -> Sequence[Value | None]:
        """Return the first output of an operator that runs digitally."""
        from circuitnn.mapping.operators.external import external, is_plain

        if not is_plain(node):
            raise UnsupportedError("not an operator of ONNX itself, so it cannot run digitally")
        read = [v for v in values if isinstance(v, Value)]
        if self._read.intersection(node.output[1:]):
            raise UnsupportedError("only its first output can run digitally")
        trial = {f"x{k}": np.ones(v.shape) for k, v in enumerate(read)}
        model = self._model(node, values)
        del model.graph.output[1:]
        try:
            found = np.asarray(self._one(node, values).run(None, trial)[0], dtype=np.float64)
        except UnsupportedError:
            raise
        except Exception as error:  # what an operator refuses is its own affair
            raise UnsupportedError(f"it cannot run digitally: {error}") from error
        batch = next((v.batch for v in read if v.batch is not None), None)
        if batch is not None and (found.ndim <= batch or found.shape[batch] != 1):
            batch = None
        out = Value("", found.shape, batch)
        axes = tuple(-1 if v.batch is None else v.batch for v in (*read, out))
        made = external(self.build.name(name), model, axes, out.sample, tuple(v.node for v in read))
        return [self.build.place(made, read, batch), *[None] * (len(node.output) - 1)]


def _needed(nodes: Sequence[Any], output: str) -> set[int]:
    """Return the positions of the operators on which an output depends."""
    wanted, found = {output}, set()
    for k in range(len(nodes) - 1, -1, -1):
        if any(name and name in wanted for name in nodes[k].output):
            found.add(k)
            wanted.update(nodes[k].input)
    return found


def _input_shape(info: Any, given: Sequence[int] | None, batched: bool) -> tuple[tuple[int, ...], int | None]:
    """Return the shape of the whole input for one sample, and its axis of samples."""
    dims = [int(d.dim_value) if d.HasField("dim_value") else 0 for d in info.type.tensor_type.shape.dim]
    known = info.type.tensor_type.HasField("shape")
    rank = len(dims) if known else len(given or ()) + 1
    batch = 0 if batched and rank > 1 else None
    sample = dims[1:] if batch == 0 else dims
    if given is not None:
        shape = tuple(int(n) for n in given)
        fits = len(shape) == len(sample) and all(n in (m, 0) or m <= 0 for n, m in zip(shape, sample, strict=True))
        if min(shape, default=1) < 1 or (known and not fits):
            raise MappingError(
                f"the input {info.name!r} has the shape {dims} in the model, not {tuple(given)} a sample",
                expected=f"{len(sample)} numbers that agree with {tuple(sample)}, where 0 is open",
            )
        sample = list(shape)
    if (not known and given is None) or min(sample, default=1) < 1:
        raise MappingError(
            f"the model leaves the shape of its input {info.name!r} open: {dims}",
            expected="the shape of a sample",
            hint=f"input_shape=({', '.join(str(n) if n > 0 else '...' for n in sample)})",
            names=[info.name],
        )
    return ((1, *sample) if batch == 0 else tuple(sample)), batch


def _shape(node: Any, shape: tuple[int, ...]) -> Array:
    if node.op_type == "Size":
        return np.array(np.prod(shape, dtype=np.int64))
    ends = {a.name: int(a.i) for a in node.attribute}
    return np.array(shape, dtype=np.int64)[ends.get("start", 0) : ends.get("end", len(shape))]


def _widened(array: Array) -> Array:
    """Return floating-point numbers in double precision, whole numbers and truth values as they are."""
    return array if array.dtype.kind in "biu" else array.astype(np.float64)


def _dequantised(node: Any, numbers: Array, step: Array, zero: Array | None = None) -> Array:
    """Return ``(numbers - zero) * step``, with one step for all or one for each index of an axis."""
    attributes = {a.name: int(a.i) for a in node.attribute if a.name in ("axis", "block_size")}
    if attributes.get("block_size", 0) or step.ndim > 1:
        raise UnsupportedError("in blocks")
    axis = attributes.get("axis", 1) % max(1, numbers.ndim)
    along = (-1, *(1,) * (numbers.ndim - 1 - axis)) if step.ndim else ()
    shift = 0.0 if zero is None else zero.astype(np.float64).reshape(along)
    return (numbers.astype(np.float64) - shift) * step.reshape(along)


def _casts_to_float(node: Any) -> bool:
    from onnx import TensorProto

    kinds = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
    return any(a.name == "to" and a.i in kinds for a in node.attribute)


def _size(kind: str, arrays: Sequence[Array]) -> float:
    """Return about how many numbers an operator on constants makes, for those that can make many of few."""
    if kind in ("ConstantOfShape", "Expand", "Tile") and arrays:
        times = float(np.prod(arrays[-1].astype(float)))
        return max(times, times * arrays[0].size if kind == "Tile" else 0.0)
    if kind == "Range":
        start, stop, step = (float(a.reshape(-1)[0]) for a in arrays)
        return abs((stop - start) / step) if step else 0.0
    if kind == "Pad" and len(arrays) > 1:
        return float(np.prod(np.array(arrays[0].shape) + np.abs(arrays[1].astype(float)).sum()))
    if kind == "EyeLike":
        return 0.0
    if kind in ("MatMul", "Gemm"):
        return float(arrays[0].size) * arrays[1].size / max(arrays[0].shape[-1:], default=1) ** 2
    try:
        return float(np.prod(np.broadcast_shapes(*(a.shape for a in arrays)), dtype=float))
    except ValueError:
        return float(sum(a.size for a in arrays))


EXPORT = OnnxFile()
