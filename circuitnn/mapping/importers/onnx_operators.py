"""What each operator of ONNX becomes: arithmetic, functions, matrices, pooling, recurrent layers.

https://onnx.ai/onnx/operators states what each computes; older versions are those of the model's opset.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import reduce
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.mapping.importers.builder import Builder, UnsupportedError, Value
from circuitnn.mapping.operators.recurrent import DIRECTIONS, GRU, LSTM, RNN
from circuitnn.mapping.operators.scaling import LocalResponse

Array = NDArray[Any]
Given = Value | Array | None
Outputs = Sequence[Value | None]


class Call:
    """An operator with its inputs: values of the network, numbers, or None where it has none.

    Attributes
    ----------
    build : Builder
    name, kind : str
    opset : int
    """

    def __init__(
        self, build: Builder, name: str, node: Any, values: Sequence[Value | Array | None], opset: int
    ) -> None:
        from onnx import helper

        self.build = build
        self.name = name
        self.kind = str(node.op_type)
        self.opset = opset
        self.outputs = [bool(n) for n in node.output]
        self._values = values
        self._attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}

    def __len__(self) -> int:
        return len(self._values)

    def get(self, k: int) -> Value | Array | None:
        """Return an input, None where there is none."""
        return self._values[k] if k < len(self._values) else None

    def value(self, k: int = 0) -> Value:
        """Return an input that depends on the network's input; raise UnsupportedError when it is none."""
        found = self.get(k)
        if not isinstance(found, Value):
            raise UnsupportedError(f"input {k + 1} is {'absent' if found is None else 'constant'}")
        return found

    def numbers(self, k: int, default: Any = None) -> Any:
        """Return a constant input; raise UnsupportedError when it depends on the network's input."""
        found = self.get(k)
        if isinstance(found, Value):
            raise UnsupportedError(f"input {k + 1} is not constant")
        return default if found is None else found

    def needed(self, k: int) -> Array:
        """Return a constant input that must be there."""
        found = self.numbers(k)
        if found is None:
            raise UnsupportedError(f"input {k + 1} is absent")
        return np.asarray(found)

    def ints(self, key: str, default: Sequence[int] | None = None) -> list[int] | None:
        """Return an attribute of whole numbers."""
        found = self._attributes.get(key, default)
        return None if found is None else [int(n) for n in found]

    def whole(self, key: str, default: int) -> int:
        """Return an attribute that is a whole number."""
        return int(self._attributes.get(key, default))

    def real(self, key: str, default: float) -> float:
        """Return an attribute that is a number."""
        return float(self._attributes.get(key, default))

    def text(self, key: str, default: str) -> str:
        """Return an attribute that is a word."""
        found = self._attributes.get(key, default)
        return found.decode() if isinstance(found, bytes) else str(found)

    def has(self, key: str) -> bool:
        """Return whether an attribute is given."""
        return key in self._attributes

    def list_of(self, key: str, k: int, default: Sequence[int] | None = None) -> list[int] | None:
        """Return whole numbers that are an attribute in old opsets and an input in new ones."""
        if self.has(key):
            return self.ints(key)
        found = np.asarray(self.numbers(k, () if default is None else default))
        return [int(n) for n in found.reshape(-1)] if found.size or default is not None else None


Operator = Callable[[Call], Outputs]
OPERATORS: dict[str, Operator] = {}


def operator(*kinds: str) -> Callable[[Operator], Operator]:
    """Register what some kinds of operators become."""

    def add(function: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(kinds, function))
        return function

    return add


def operator_of(node: Any) -> Operator:
    """Return what an operator becomes; raise UnsupportedError when it has no counterpart."""
    found = OPERATORS.get(node.op_type) if node.domain in ("", "ai.onnx") else None
    if found is None:
        raise UnsupportedError("")
    return found


# Functions of every number

_PLAIN = {
    "Relu": "relu",
    "Sigmoid": "sigmoid",
    "Tanh": "tanh",
    "Mish": "mish",
    "HardSwish": "hard_swish",
    "Softplus": "softplus",
    "Softsign": "softsign",
    "Exp": "exp",
    "Log": "log",
    "Sqrt": "sqrt",
    "Erf": "erf",
    "Abs": "abs",
    "Sign": "sign",
    "Floor": "floor",
    "Ceil": "ceil",
    "Round": "round",
}
_WITH_ATTRIBUTES = {
    "LeakyRelu": ("leaky_relu", (("alpha", 0.01),)),
    "Elu": ("elu", (("alpha", 1.0),)),
    "Celu": ("celu", (("alpha", 1.0),)),
    "Selu": ("selu", (("alpha", 1.67326319217681884765625), ("gamma", 1.05070102214813232421875))),
    "HardSigmoid": ("hard_sigmoid", (("alpha", 0.2), ("beta", 0.5))),
}


@operator(*_PLAIN)
def _function(call: Call) -> Outputs:
    return [call.build.function(_PLAIN[call.kind], call.value(), call.name)]


@operator(*_WITH_ATTRIBUTES)
def _function_with_attributes(call: Call) -> Outputs:
    function, keys = _WITH_ATTRIBUTES[call.kind]
    return [call.build.function(function, call.value(), call.name, [call.real(*key) for key in keys])]


@operator("Gelu")
def _gelu(call: Call) -> Outputs:
    kind = "gelu_tanh" if call.text("approximate", "none") == "tanh" else "gelu"
    return [call.build.function(kind, call.value(), call.name)]


@operator("Swish")
def _swish(call: Call) -> Outputs:
    if call.real("alpha", 1.0) != 1.0:
        raise UnsupportedError("with alpha")
    return [call.build.function("silu", call.value(), call.name)]


@operator("ThresholdedRelu")
def _thresholded(call: Call) -> Outputs:
    return [call.build.function("threshold", call.value(), call.name, [call.real("alpha", 1.0), 0.0])]


@operator("Clip")
def _clip(call: Call) -> Outputs:
    ends = []
    for key, k, free in (("min", 1, -np.inf), ("max", 2, np.inf)):
        found = call.real(key, free) if call.has(key) else float(np.ravel(call.numbers(k, free))[0])
        ends.append(free if abs(found) >= np.finfo(np.float32).max else found)
    value = call.value()
    if ends == [0.0, np.inf]:
        return [call.build.function("relu", value, call.name)]
    for operation, end in (("maximum", ends[0]), ("minimum", ends[1])):
        if not np.isfinite(ends).all() and np.isfinite(end):
            return [call.build.combine(operation, value, np.array(end), call.name)]
    return [call.build.function("clip", value, call.name, ends) if np.isfinite(ends).all() else value]


@operator("PRelu")
def _prelu(call: Call) -> Outputs:
    return [call.build.parametric_relu(call.value(), call.needed(1), call.name)]


@operator("Neg", "Reciprocal")
def _against_one(call: Call) -> Outputs:
    operation, number = ("multiply", -1.0) if call.kind == "Neg" else ("divide", 1.0)
    return [call.build.combine(operation, np.array(number), call.value(), call.name)]


@operator("Identity", "Dropout")
def _nothing(call: Call) -> Outputs:
    return [call.value(), *[None] * (len(call.outputs) - 1)]


@operator("Cast", "CastLike")
def _cast(call: Call) -> Outputs:
    from onnx import TensorProto

    kinds = (TensorProto.FLOAT, TensorProto.DOUBLE, TensorProto.FLOAT16, TensorProto.BFLOAT16)
    if call.kind == "Cast" and call.whole("to", 0) not in kinds:
        raise UnsupportedError("to a type that is not floating-point")
    return [call.value()]


@operator("Softmax", "LogSoftmax")
def _softmax(call: Call) -> Outputs:
    value, log = call.value(), call.kind == "LogSoftmax"
    if call.opset >= 13:
        return [call.build.softmax(value, call.whole("axis", -1), call.name, log)]
    axis = value.axis(call.whole("axis", 1))  # until opset 12, over that axis and all behind it
    if prod(value.shape[axis + 1 :]) == 1:
        return [call.build.softmax(value, axis, call.name, log)]
    flat = call.build.reshape(value, (prod(value.shape[:axis]), prod(value.shape[axis:])), f"{call.name}, flat")
    return [call.build.reshape(call.build.softmax(flat, 1, call.name, log), value.shape, f"{call.name}, back")]


# Arithmetic

_ARITHMETIC = {
    "Add": "add",
    "Sub": "subtract",
    "Mul": "multiply",
    "Div": "divide",
    "Max": "maximum",
    "Min": "minimum",
    "Sum": "add",
    "Mean": "add",
}


@operator(*_ARITHMETIC)
def _arithmetic(call: Call) -> Outputs:
    operation = _ARITHMETIC[call.kind]
    values = [v for k in range(len(call)) if (v := call.get(k)) is not None]
    free = [v for v in values if isinstance(v, Value)]
    fixed = [v for v in values if not isinstance(v, Value)]
    total: Value | Array
    if len(values) == 2:
        if call.has("axis") and call.opset < 7 and not isinstance(values[1], Value):
            behind = free[0].axis(call.whole("axis", -1)) + values[1].ndim
            values[1] = values[1].reshape(*values[1].shape, *(1,) * (len(free[0].shape) - behind))
        total = call.build.combine(operation, values[0], values[1], call.name)
    else:
        total = reduce(lambda a, b: call.build.combine(operation, a, b, call.name), free[1:], free[0])
        total = reduce(lambda a, b: call.build.combine(operation, a, b, call.name), fixed, total)
    if call.kind == "Mean":
        total = call.build.combine("divide", total, np.array(float(len(values))), f"{call.name}, number")
    assert isinstance(total, Value)
    return [total]


@operator("Pow")
def _power(call: Call) -> Outputs:
    exponent = np.unique(call.needed(1))
    if exponent.size != 1:
        raise UnsupportedError("with several exponents")
    power = float(exponent[0])
    if power == 0.5:
        return [call.build.function("sqrt", call.value(), call.name)]
    return [call.build.function("power", call.value(), call.name, [power])]


@operator("QuantizeLinear", "DequantizeLinear")
def _quantise(call: Call) -> Outputs:
    """Steps of one size: ``clip(round(x / step) + zero)``, and back. Whole numbers are numbers like all others."""
    build, name, value = call.build, call.name, call.value()
    step, zero = call.needed(1), call.numbers(2)
    if step.size != 1 or (zero is not None and np.size(zero) != 1):
        raise UnsupportedError("with steps that differ")
    kind = np.dtype(np.uint8) if zero is None else zero.dtype
    offset = np.array(0.0 if zero is None else float(zero.reshape(-1)[0]))
    step = np.array(float(step.reshape(-1)[0]))
    if call.kind == "DequantizeLinear":
        return [build.combine("multiply", build.combine("subtract", value, offset, f"{name}, zero"), step, name)]
    if kind.kind not in "iu":
        raise UnsupportedError(f"to numbers of type {kind}")
    levels = build.function("round", build.combine("divide", value, step, f"{name}, step"), f"{name}, levels")
    shifted = build.combine("add", levels, offset, f"{name}, zero")
    return [build.function("clip", shifted, name, (float(np.iinfo(kind).min), float(np.iinfo(kind).max)))]


# Matrices


@operator("MatMul")
def _matmul(call: Call) -> Outputs:
    a, b = call.get(0), call.get(1)
    build, name = call.build, call.name
    if isinstance(a, Value) and isinstance(b, Value):
        return [build.product(a, b, name)]
    if isinstance(a, Value):
        weights = _matrix(call.needed(1), 1)
        if a.shape[-1:] != weights.shape[:1]:
            raise UnsupportedError(f"multiplies shapes {a.shape} and {call.needed(1).shape}")
        out = build.dense(a, weights, None, name)
        return [build.squeeze(out, (-1,), f"{name}, vector") if call.needed(1).ndim == 1 else out]
    value = call.value(1)
    weights = _matrix(call.needed(0), 0).T
    if len(value.shape) == 1:
        return [build.dense(value, weights, None, name)]
    order = [*range(len(value.shape) - 2), len(value.shape) - 1, len(value.shape) - 2]
    turned = build.transpose(value, order, f"{name}, transposed")
    if turned.shape[-1] != weights.shape[0]:
        raise UnsupportedError(f"multiplies shapes {call.needed(0).shape} and {value.shape}")
    out = build.transpose(build.dense(turned, weights, None, name), order, f"{name}, back")
    return [build.squeeze(out, (-2,), f"{name}, vector") if call.needed(0).ndim == 1 else out]


def _matrix(array: Array, lone: int) -> Array:
    """Return numbers as a matrix: a vector as a column (1) or a row (0), a stack of one as that one."""
    if array.ndim == 1:
        return array.reshape((-1, 1) if lone else (1, -1))
    if array.ndim > 2 and prod(array.shape[:-2]) != 1:
        raise UnsupportedError(f"multiplies by {prod(array.shape[:-2])} matrices")
    return array.reshape(array.shape[-2:])


@operator("Gemm")
def _gemm(call: Call) -> Outputs:
    build, name = call.build, call.name
    value = call.value()
    if len(value.shape) != 2:
        raise UnsupportedError(f"of an array of shape {value.shape}")
    if call.whole("transA", 0):
        value = build.transpose(value, (1, 0), f"{name}, transposed")
    weights = call.needed(1)
    if weights.ndim != 2:
        raise UnsupportedError(f"with weights of shape {weights.shape}")
    weights = call.real("alpha", 1.0) * (weights.T if call.whole("transB", 0) else weights)
    out = build.dense(value, weights, None, name)
    added = call.get(2)
    if added is None:
        return [out]
    beta = call.real("beta", 1.0)
    if isinstance(added, Value):
        if beta != 1.0:
            added = build.combine("multiply", added, np.array(beta), f"{name}, beta")
    else:
        added = beta * added
    return [build.combine("add", out, added, f"{name}, bias")]


@operator("Conv")
def _conv(call: Call) -> Outputs:
    weights = call.needed(1)
    axes = weights.ndim - 2
    fields = _window(call, weights.shape[2:])
    if axes < 1:
        raise UnsupportedError(f"with a kernel of shape {weights.shape}")
    return [
        call.build.conv(
            call.value(),
            weights,
            call.numbers(2),
            call.name,
            stride=fields["stride"],
            padding=fields["padding"],
            dilation=fields["dilation"],
            groups=call.whole("group", 1),
        )
    ]


@operator("ConvTranspose")
def _conv_transpose(call: Call) -> Outputs:
    weights = call.needed(1)
    kernel = weights.shape[2:]
    stride = tuple(call.ints("strides") or (1,) * len(kernel))
    dilation = tuple(call.ints("dilations") or (1,) * len(kernel))
    more = call.ints("output_padding") or [0] * len(kernel)
    auto = call.text("auto_pad", "NOTSET")
    wanted = call.ints("output_shape")
    size = call.value().shape[2:]
    if wanted is not None or auto.startswith("SAME"):
        out = (wanted or [n * s for n, s in zip(size, stride, strict=True)])[-len(kernel) :]
        padding = []
        for n, s, m, k, hole, o in zip(size, stride, more, kernel, dilation, out, strict=True):
            total = max(0, s * (n - 1) + m + (k - 1) * hole + 1 - o)
            small, large = total // 2, total - total // 2
            padding.append((small, large - m) if auto == "SAME_UPPER" else (large, small - m))
    else:
        pads = call.ints("pads") or [0] * 2 * len(kernel)
        pairs = zip(pads[: len(kernel)], pads[len(kernel) :], more, strict=True)
        padding = [(before, after - m) for before, after, m in pairs]
    return [
        call.build.conv_transpose(
            call.value(), weights, call.numbers(2), call.name, stride, padding, dilation, call.whole("group", 1)
        )
    ]


def _window(call: Call, kernel: Sequence[int]) -> dict[str, Any]:
    """Return stride, dilation and padding of a window that moves over an array (samples, channels) + size."""
    axes = len(kernel)
    stride = tuple(call.ints("strides") or (1,) * axes)
    dilation = tuple(call.ints("dilations") or (1,) * axes)
    auto = call.text("auto_pad", "NOTSET")
    size = call.value().shape[2:]
    if len(size) != axes or len(stride) != axes or len(dilation) != axes:
        raise UnsupportedError(f"a window of {axes} axes over an array of shape {call.value().shape}")
    if auto.startswith("SAME"):
        padding = []
        for n, k, step, hole in zip(size, kernel, stride, dilation, strict=True):
            total = max(0, (-(-n // step) - 1) * step + hole * (k - 1) + 1 - n)
            small, large = total // 2, total - total // 2
            padding.append((small, large) if auto == "SAME_UPPER" else (large, small))
    else:
        pads = [0] * 2 * axes if auto == "VALID" else call.ints("pads") or [0] * 2 * axes
        padding = list(zip(pads[:axes], pads[axes:], strict=True))
    return {"stride": stride, "dilation": dilation, "padding": tuple(padding)}


# Pooling and normalisation


@operator("MaxPool", "AveragePool")
def _pool(call: Call) -> Outputs:
    if any(call.outputs[1:]):
        raise UnsupportedError("with the positions of the largest")
    kernel = tuple(call.ints("kernel_shape") or ())
    return [
        call.build.pool(
            call.value(),
            call.name,
            kernel=kernel,
            mode="max" if call.kind == "MaxPool" else "average",
            ceil=bool(call.whole("ceil_mode", 0)),
            count_padding=bool(call.whole("count_include_pad", 0)),
            **_window(call, kernel),
        )
    ]


@operator("GlobalAveragePool", "GlobalMaxPool")
def _global_pool(call: Call) -> Outputs:
    value = call.value()
    mode = "mean" if call.kind == "GlobalAveragePool" else "max"
    return [call.build.reduce(value, mode, range(2, len(value.shape)), True, call.name)]


_REDUCTIONS = {"ReduceMean": "mean", "ReduceSum": "sum", "ReduceMax": "max", "ReduceMin": "min"}


@operator(*_REDUCTIONS, "ReduceSumSquare", "ReduceL1", "ReduceL2")
def _reduce(call: Call) -> Outputs:
    value = call.value()
    axes = call.list_of("axes", 1)
    keep = bool(call.whole("keepdims", 1))
    if not axes:
        if call.whole("noop_with_empty_axes", 0):
            return [value]
        axes = list(range(len(value.shape)))
        if value.batch is not None:
            raise UnsupportedError("joins all samples")
    before = {"ReduceSumSquare": "power", "ReduceL2": "power", "ReduceL1": "abs"}.get(call.kind)
    if before:
        value = call.build.function(before, value, f"{call.name}, terms")
    out = call.build.reduce(value, _REDUCTIONS.get(call.kind, "sum"), axes, keep, call.name)
    return [call.build.function("sqrt", out, f"{call.name}, root") if call.kind == "ReduceL2" else out]


@operator("BatchNormalization")
def _batch_norm(call: Call) -> Outputs:
    if call.whole("training_mode", 0):
        raise UnsupportedError("in training mode")
    gain, bias, mean, variance = (call.needed(k) for k in range(1, 5))
    scale = gain / np.sqrt(variance + call.real("epsilon", 1e-5))
    return [
        call.build.scale(call.value(), scale, bias - mean * scale, call.name),
        *[None] * (len(call.outputs) - 1),
    ]


@operator("InstanceNormalization")
def _instance_norm(call: Call) -> Outputs:
    value = call.value()
    axes = range(2, len(value.shape))
    out = call.build.normalise(value, axes, call.real("epsilon", 1e-5), call.name)
    return [call.build.scale(out, call.needed(1), call.needed(2), f"{call.name}, scale")]


@operator("GroupNormalization")
def _group_norm(call: Call) -> Outputs:
    value, build = call.value(), call.build
    groups = call.whole("num_groups", 1)
    parts = build.reshape(value, (value.shape[0], groups, prod(value.shape[1:]) // groups), f"{call.name}, groups", 0)
    out = build.normalise(parts, (2,), call.real("epsilon", 1e-5), call.name)
    out = build.reshape(out, value.shape, f"{call.name}, back", value.batch)
    channels = value.shape[1]
    gain, bias = (np.repeat(n, channels // n.size) for n in (call.needed(1), call.needed(2)))
    return [build.scale(out, gain, bias, f"{call.name}, scale")]


@operator("LayerNormalization", "RMSNormalization")
def _layer_norm(call: Call) -> Outputs:
    if any(call.outputs[1:]):
        raise UnsupportedError("with mean and deviation as outputs")
    value = call.value()
    axes = range(value.axis(call.whole("axis", -1)), len(value.shape))
    centred = call.kind == "LayerNormalization"
    out = call.build.normalise(value, axes, call.real("epsilon", 1e-5), call.name, centred)
    out = call.build.combine("multiply", out, call.needed(1), f"{call.name}, scale")
    bias = call.numbers(2)
    return [out if bias is None else call.build.combine("add", out, bias, f"{call.name}, offset")]


@operator("LRN")
def _local_response(call: Call) -> Outputs:
    value = call.build.form(call.value(), 0, call.name)
    return [
        call.build.put(
            LocalResponse,
            call.name,
            [value],
            0,
            size=call.whole("size", 1),
            alpha=call.real("alpha", 1e-4),
            beta=call.real("beta", 0.75),
            bias=call.real("bias", 1.0),
        )
    ]


# Recurrent layers

_RECURRENT = {"LSTM": (LSTM, 3), "GRU": (GRU, 2), "RNN": (RNN, 1)}


@operator(*_RECURRENT)
def _recurrent(call: Call) -> Outputs:
    cls, functions = _RECURRENT[call.kind]
    direction = call.text("direction", "forward")
    if direction not in DIRECTIONS:
        raise UnsupportedError(f"with direction {direction!r}")
    ways = len(DIRECTIONS[direction])
    _refuse_recurrent(call)
    fields: dict[str, Any] = {"direction": direction}
    standard = ["Sigmoid", "Tanh", "Tanh"][:functions] if functions > 1 else ["Tanh"]
    used = [
        a.decode() if isinstance(a, bytes) else str(a) for a in call._attributes.get("activations", standard * ways)
    ]
    if call.kind == "RNN" and used in (["Relu"] * ways, ["Tanh"] * ways):
        fields["activation"] = used[0].lower()
    elif used != standard * ways:
        raise UnsupportedError(f"with activations {' '.join(used)}")
    weights, states = (np.swapaxes(call.needed(k), 1, 2) for k in (1, 2))
    bias = call.numbers(3)
    if bias is not None:
        fields["bias"], fields["recurrent_bias"] = np.split(np.asarray(bias), 2, axis=1)
    if call.kind == "GRU":
        fields["reset_after"] = bool(call.whole("linear_before_reset", 0))
    for key, k in (("initial", 5), ("initial_cell", 6)):
        if call.numbers(k) is not None:
            fields[key] = call.needed(k)[:, 0]
    value, build, name = call.build.form(call.value(), 1, call.name), call.build, call.name
    steps = build.put(cls, name, [value], 2, weights, states, **fields)
    outputs: list[Value | None] = [steps]
    if len(call.outputs) > 1:
        outputs.append(build.last_states(steps, direction, name) if call.outputs[1] else None)
    return [*outputs, *[None] * (len(call.outputs) - len(outputs))]


def _refuse_recurrent(call: Call) -> None:
    if call.numbers(4) is not None and set(np.ravel(call.needed(4))) != {call.value().shape[0]}:
        raise UnsupportedError("with lengths of sequences")
    if call.get(7) is not None and np.any(call.needed(7)):
        raise UnsupportedError("with peepholes")
    for key in ("clip", "input_forget", "layout", "activation_alpha", "activation_beta"):
        if call._attributes.get(key):
            raise UnsupportedError(f"with {key}")
