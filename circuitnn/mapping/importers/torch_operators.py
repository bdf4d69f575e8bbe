"""What operators of PyTorch (ATen) become: functions, arithmetic, matrices, pooling, normalising, recurrent layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.mapping.importers.builder import Builder, UnsupportedError, Value
from circuitnn.mapping.operators.recurrent import GRU, LSTM, RNN
from circuitnn.mapping.operators.scaling import LocalResponse

Array = NDArray[Any]


class Call:
    """An operator with its arguments, by position or by name as its schema has them."""

    def __init__(self, build: Builder, name: str, kind: str, args: Sequence[Any], kwargs: dict[str, Any]) -> None:
        self.build, self.name, self.kind = build, name, kind
        self._args, self._kwargs = args, kwargs

    def get(self, k: int, key: str, default: Any = None) -> Any:
        """Return an argument."""
        return self._args[k] if k < len(self._args) else self._kwargs.get(key, default)

    def value(self, k: int = 0, key: str = "input") -> Value:
        """Return an argument that depends on the network's input; raise UnsupportedError when it does not."""
        found = self.get(k, key)
        if not isinstance(found, Value):
            raise UnsupportedError(f"its {key} is constant")
        return found

    def numbers(self, k: int, key: str) -> Array | None:
        """Return a constant argument as an array; raise UnsupportedError when it depends on the network's input."""
        found = self.get(k, key)
        if isinstance(found, Value):
            raise UnsupportedError(f"its {key} is not constant")
        return None if found is None else np.asarray(found)

    def needed(self, k: int, key: str) -> Array:
        """Return a constant argument that must be there."""
        found = self.numbers(k, key)
        if found is None:
            raise UnsupportedError(f"without {key}")
        return found

    def pair(self, k: int, key: str, axes: int, default: Any) -> tuple[int, ...]:
        """Return whole numbers, one an axis, of which one may stand for all."""
        found = self.get(k, key, default)
        given = tuple(found) if isinstance(found, list | tuple) else (found,)
        given = given or (default,)
        return tuple(int(n) for n in (given * axes if len(given) == 1 else given))


Operator = Callable[[Call], Any]
OPERATORS: dict[str, Operator] = {}


def operator(*kinds: str) -> Callable[[Operator], Operator]:
    """Register what some kinds of operators become."""

    def add(function: Operator) -> Operator:
        OPERATORS.update(dict.fromkeys(kinds, function))
        return function

    return add


# Functions of every number

_SAME = ("relu", "sigmoid", "tanh", "selu", "silu", "mish", "softsign", "exp", "log", "sqrt", "erf", "abs", "sign")
_PLAIN = {**{kind: kind for kind in (*_SAME, "floor", "ceil", "round")}, "hardswish": "hard_swish"}
_WITH_NUMBERS: dict[str, tuple[str, tuple[tuple[str, float], ...]]] = {
    "leaky_relu": ("leaky_relu", (("negative_slope", 0.01),)),
    "elu": ("elu", (("alpha", 1.0),)),
    "celu": ("celu", (("alpha", 1.0),)),
    "hardtanh": ("clip", (("min_val", -1.0), ("max_val", 1.0))),
    "threshold": ("threshold", (("threshold", 0.0), ("value", 0.0))),
}


@operator(*_PLAIN)
def _function(call: Call) -> Value:
    return call.build.function(_PLAIN[call.kind], call.value(), call.name)


@operator(*_WITH_NUMBERS)
def _function_with_numbers(call: Call) -> Value:
    function, keys = _WITH_NUMBERS[call.kind]
    numbers = [float(call.get(k, *key)) for k, key in enumerate(keys, 1)]
    return call.build.function(function, call.value(), call.name, numbers)


@operator("relu6", "hardsigmoid", "gelu", "softplus")
def _special(call: Call) -> Value:
    value, build = call.value(), call.build
    if call.kind == "relu6":
        return build.function("clip", value, call.name, (0.0, 6.0))
    if call.kind == "hardsigmoid":
        return build.function("hard_sigmoid", value, call.name, (1.0 / 6.0, 0.5))
    if call.kind == "gelu":
        approximate = call.get(1, "approximate", "none")
        return build.function("gelu" if approximate == "none" else "gelu_tanh", value, call.name)
    beta = float(call.get(1, "beta", 1.0))
    if beta == 1.0:
        return build.function("softplus", value, call.name)
    inner = build.combine("multiply", value, np.array(beta), f"{call.name}, beta")
    return build.combine("divide", build.function("softplus", inner, call.name), np.array(beta), f"{call.name}, back")


@operator("clamp", "clamp_min", "clamp_max")
def _clamp(call: Call) -> Value:
    value = call.value()
    low = call.get(1, "min") if call.kind != "clamp_max" else None
    high = call.get(2 if call.kind == "clamp" else 1, "max") if call.kind != "clamp_min" else None
    if low is not None and high is not None:
        return call.build.function("clip", value, call.name, (float(low), float(high)))
    if low == 0 and high is None:
        return call.build.function("relu", value, call.name)
    for operation, end in (("maximum", low), ("minimum", high)):
        if end is not None:
            value = call.build.combine(operation, value, np.array(float(end)), call.name)
    return value


@operator("prelu")
def _prelu(call: Call) -> Value:
    value = call.value()
    slope = call.needed(1, "weight")
    return call.build.parametric_relu(value, slope.reshape(-1, *(1,) * max(0, len(value.shape) - 2)), call.name)


@operator("neg", "reciprocal", "rsqrt", "square")
def _of_one(call: Call) -> Value:
    value, build = call.value(), call.build
    if call.kind == "square":
        return build.function("power", value, call.name)
    if call.kind == "neg":
        return build.combine("multiply", value, np.array(-1.0), call.name)
    if call.kind == "rsqrt":
        value = build.function("sqrt", value, f"{call.name}, root")
    return build.combine("divide", np.array(1.0), value, call.name)


@operator("dropout", "feature_dropout", "alpha_dropout", "clone", "contiguous", "detach", "alias", "to", "_to_copy")
def _nothing(call: Call) -> Value:
    if call.kind.endswith("dropout") and call.get(2, "train", False):
        raise UnsupportedError("in training mode")
    return call.value()


@operator("softmax", "_softmax", "log_softmax", "_log_softmax")
def _softmax(call: Call) -> Value:
    return call.build.softmax(call.value(), int(call.get(1, "dim")), call.name, log="log" in call.kind)


# Arithmetic

_ARITHMETIC = {
    "add": "add",
    "sub": "subtract",
    "rsub": "subtract",
    "mul": "multiply",
    "div": "divide",
    "maximum": "maximum",
    "minimum": "minimum",
}


@operator(*_ARITHMETIC)
def _arithmetic(call: Call) -> Value:
    a, b = (v if isinstance(v, Value) else np.asarray(v) for v in (call.get(0, "input"), call.get(1, "other")))
    if call.get(2, "rounding_mode") is not None and call.kind == "div":
        raise UnsupportedError("with rounding")
    alpha = call.get(2, "alpha", 1) if call.kind in ("add", "sub", "rsub") else 1
    if alpha != 1:
        number = np.array(float(alpha))
        b = (
            call.build.combine("multiply", b, number, f"{call.name}, alpha")
            if isinstance(b, Value)
            else np.asarray(b * alpha)
        )
    if call.kind == "rsub":
        a, b = b, a
    return call.build.combine(_ARITHMETIC[call.kind], a, b, call.name)


@operator("pow")
def _power(call: Call) -> Value:
    power = call.get(1, "exponent")
    if not isinstance(power, int | float):
        raise UnsupportedError("with several exponents")
    if power == 0.5:
        return call.build.function("sqrt", call.value(), call.name)
    return call.build.function("power", call.value(), call.name, [float(power)])


# Matrices


@operator("linear")
def _linear(call: Call) -> Value:
    return call.build.dense(call.value(), call.needed(1, "weight").T, call.numbers(2, "bias"), call.name)


@operator("matmul", "mm", "bmm")
def _matmul(call: Call) -> Value:
    a, b = call.get(0, "input"), call.get(1, "mat2")
    build, name = call.build, call.name
    if isinstance(a, Value) and isinstance(b, Value):
        return build.product(a, b, name)
    weights = np.asarray(b if isinstance(a, Value) else a)
    if weights.ndim != 2:
        raise UnsupportedError(f"multiplies by numbers of shape {weights.shape}")
    if isinstance(a, Value):
        return build.dense(a, weights, None, name)
    value = call.value(1, "mat2")
    order = [*range(len(value.shape) - 2), -1, -2]
    turned = build.transpose(value, order, f"{name}, transposed")
    return build.transpose(build.dense(turned, weights.T, None, name), order, f"{name}, back")


@operator("scaled_dot_product_attention")
def _attention(call: Call) -> Value:
    build, name = call.build, call.name
    query, key, value = (call.value(k, word) for k, word in enumerate(("query", "key", "value")))
    if call.get(3, "attn_mask") is not None or call.get(5, "is_causal", False) or call.get(4, "dropout_p", 0.0):
        raise UnsupportedError("with a mask or dropout")
    scale = call.get(6, "scale")
    turned = build.transpose(key, [*range(len(key.shape) - 2), -1, -2], f"{name}, keys")
    scores = build.product(query, turned, f"{name}, scores")
    factor = query.shape[-1] ** -0.5 if scale is None else float(scale)
    weights = build.softmax(
        build.combine("multiply", scores, np.array(factor), f"{name}, scale"), -1, f"{name}, weights"
    )
    return build.product(weights, value, name)


@operator("addmm")
def _addmm(call: Call) -> Value:
    if call.get(3, "beta", 1) != 1 or call.get(4, "alpha", 1) != 1:
        raise UnsupportedError("with factors")
    return call.build.dense(call.value(1, "mat1"), call.needed(2, "mat2"), call.needed(0, "input"), call.name)


@operator("conv1d", "conv2d", "conv3d")
def _conv(call: Call) -> Value:
    weights = call.needed(1, "weight")
    axes = weights.ndim - 2
    stride, hole = call.pair(3, "stride", axes, 1), call.pair(5, "dilation", axes, 1)
    given = call.get(4, "padding", 0)
    if given == "same":
        total = [d * (k - 1) for d, k in zip(hole, weights.shape[2:], strict=True)]
        padding = tuple((n // 2, n - n // 2) for n in total)
    elif given == "valid":
        padding = ((0, 0),) * axes
    else:
        padding = tuple((n, n) for n in call.pair(4, "padding", axes, 0))
    return call.build.conv(
        call.value(),
        weights,
        call.numbers(2, "bias"),
        call.name,
        stride=stride,
        padding=padding,
        dilation=hole,
        groups=int(call.get(6, "groups", 1)),
    )


@operator("conv_transpose1d", "conv_transpose2d", "conv_transpose3d")
def _conv_transpose(call: Call) -> Value:
    weights = call.needed(1, "weight")
    axes = weights.ndim - 2
    more = call.pair(5, "output_padding", axes, 0)
    padding = [(n, n - m) for n, m in zip(call.pair(4, "padding", axes, 0), more, strict=True)]
    return call.build.conv_transpose(
        call.value(),
        weights,
        call.numbers(2, "bias"),
        call.name,
        call.pair(3, "stride", axes, 1),
        padding,
        call.pair(7, "dilation", axes, 1),
        int(call.get(6, "groups", 1)),
    )


# Pooling and normalisation


@operator("max_pool1d", "max_pool2d", "max_pool3d")
def _max_pool(call: Call) -> Value:
    axes = int(call.kind[-2])
    kernel = call.pair(1, "kernel_size", axes, 1)
    return call.build.pool(
        call.value(),
        call.name,
        kernel=kernel,
        stride=call.pair(2, "stride", axes, 1) if call.get(2, "stride") else kernel,
        padding=tuple((n, n) for n in call.pair(3, "padding", axes, 0)),
        dilation=call.pair(4, "dilation", axes, 1),
        ceil=bool(call.get(5, "ceil_mode", False)),
    )


@operator("avg_pool1d", "avg_pool2d", "avg_pool3d")
def _average_pool(call: Call) -> Value:
    axes = int(call.kind[-2])
    if call.get(6, "divisor_override") is not None:
        raise UnsupportedError("with a divisor of its own")
    kernel = call.pair(1, "kernel_size", axes, 1)
    return call.build.pool(
        call.value(),
        call.name,
        mode="average",
        kernel=kernel,
        stride=call.pair(2, "stride", axes, 1) if call.get(2, "stride") else kernel,
        padding=tuple((n, n) for n in call.pair(3, "padding", axes, 0)),
        ceil=bool(call.get(4, "ceil_mode", False)),
        count_padding=bool(call.get(5, "count_include_pad", True)),
    )


@operator(*(f"adaptive_{mode}_pool{n}d" for mode in ("avg", "max") for n in (1, 2, 3)))
def _adaptive(call: Call) -> Any:
    axes = int(call.kind[-2])
    value = call.value()
    size = call.pair(1, "output_size", axes, 1)
    mode = "average" if "avg" in call.kind else "max"
    if set(size) == {1}:
        found = call.build.reduce(value, mode[:3] if mode == "max" else "mean", range(-axes, 0), True, call.name)
    else:
        inner = value.shape[-axes:]
        if any(n % m for n, m in zip(inner, size, strict=True)):
            raise UnsupportedError(f"divides {inner} into {size} windows of different sizes")
        kernel = tuple(n // m for n, m in zip(inner, size, strict=True))
        found = call.build.pool(value, call.name, mode=mode, kernel=kernel, stride=kernel)
    return [found, None] if mode == "max" else found


@operator("batch_norm")
def _batch_norm(call: Call) -> Value:
    if call.get(5, "training", False):
        raise UnsupportedError("in training mode")
    mean, variance = call.needed(3, "running_mean"), call.needed(4, "running_var")
    gain, bias = call.numbers(1, "weight"), call.numbers(2, "bias")
    scale = (1.0 if gain is None else gain) / np.sqrt(variance + float(call.get(7, "eps", 1e-5)))
    return call.build.scale(call.value(), scale, (0.0 if bias is None else bias) - mean * scale, call.name)


def _scaled(call: Call, value: Value, gain: Array | None, bias: Array | None) -> Value:
    for operation, numbers, what in (("multiply", gain, "scale"), ("add", bias, "offset")):
        if numbers is not None:
            value = call.build.combine(operation, value, numbers, f"{call.name}, {what}")
    return value


@operator("layer_norm", "rms_norm")
def _layer_norm(call: Call) -> Value:
    value = call.value()
    axes = range(len(value.shape) - len(call.get(1, "normalized_shape")), len(value.shape))
    centred = call.kind == "layer_norm"
    epsilon = call.get(4 if centred else 3, "eps", 1e-5)
    epsilon = float(np.finfo(np.float32).eps) if epsilon is None else float(epsilon)
    out = call.build.normalise(value, axes, epsilon, call.name, centred)
    return _scaled(call, out, call.numbers(2, "weight"), call.numbers(3, "bias") if centred else None)


@operator("group_norm", "instance_norm")
def _group_norm(call: Call) -> Value:
    value, build = call.value(), call.build
    shape = value.shape
    if call.kind == "instance_norm":
        if not call.get(5, "use_input_stats", True):
            raise UnsupportedError("with kept statistics")
        groups, gain, bias = shape[1], call.numbers(1, "weight"), call.numbers(2, "bias")
        epsilon = float(call.get(7, "eps", 1e-5))
    else:
        groups, gain, bias = int(call.get(1, "num_groups")), call.numbers(2, "weight"), call.numbers(3, "bias")
        epsilon = float(call.get(4, "eps", 1e-5))
    parts = build.reshape(value, (shape[0], groups, prod(shape[1:]) // groups), f"{call.name}, groups", 0)
    out = build.normalise(parts, (2,), epsilon, call.name)
    out = build.reshape(out, shape, f"{call.name}, back", 0)
    along = (-1, *(1,) * (len(shape) - 2))
    return _scaled(call, out, *(None if n is None else n.reshape(along) for n in (gain, bias)))


@operator("mean", "sum", "amax", "amin")
def _reduce(call: Call) -> Value:
    value = call.value()
    axes = call.get(1, "dim")
    if axes is None or axes == []:
        raise UnsupportedError("joins all samples")
    mode = {"amax": "max", "amin": "min"}.get(call.kind, call.kind)
    axes = [axes] if isinstance(axes, int) else axes
    return call.build.reduce(value, mode, axes, bool(call.get(2, "keepdim", False)), call.name)


# Recurrent layers: gates of torch are i, f, g, o and r, z, n


@operator("lstm", "gru", "rnn_tanh", "rnn_relu")
def _recurrent(call: Call) -> list[Value | None]:
    build, name = call.build, call.name
    value = call.value()
    first = call.get(1, "hx")
    states = [np.asarray(s) for s in (first if call.kind == "lstm" else [first])]
    if any(isinstance(s, Value) for s in (first if call.kind == "lstm" else [first])):
        raise UnsupportedError("with a first state that is not constant")
    params = [np.asarray(p) for p in call.get(2, "params")]
    biases, layers, bidirectional = (bool(call.get(3, "has_biases")), int(call.get(4, "num_layers")), call.get(7, "b"))
    if call.get(6, "train", False) and call.get(5, "dropout", 0.0):
        raise UnsupportedError("in training mode")
    turned = bool(call.get(8, "batch_first", False))
    if turned:
        value = build.transpose(value, (1, 0, *range(2, len(value.shape))), f"{name}, steps first")
    ways = 2 if bidirectional else 1
    direction = "bidirectional" if bidirectional else "forward"
    each = len(params) // (layers * ways)
    if each != (4 if biases else 2):
        raise UnsupportedError("with projections")
    ends = []
    for layer in range(layers):
        label = name if layers == 1 else f"{name}, layer {layer}"
        own = [params[(layer * ways + way) * each : (layer * ways + way + 1) * each] for way in range(ways)]
        w, r = (np.stack([_gates(p[k], call.kind).T for p in own]) for k in (0, 1))
        fields: dict[str, Any] = {"direction": direction}
        if biases:
            for k, key in ((2, "bias"), (3, "recurrent_bias")):
                fields[key] = np.stack([_gates(p[k], call.kind) for p in own])
        for key, state in zip(("initial", "initial_cell"), states, strict=False):
            fields[key] = state[layer * ways : (layer + 1) * ways, 0]
        if call.kind.startswith("rnn"):
            fields["activation"] = call.kind[4:]
        value = build.form(value, 1, label)
        cls = LSTM if call.kind == "lstm" else GRU if call.kind == "gru" else RNN
        steps = build.put(cls, label, [value], 2, w, r, **fields)
        ends.append(build.last_states(steps, direction, label))
        merged = build.transpose(steps, (0, 2, 1, 3), f"{label}, order")
        value = build.reshape(merged, (*merged.shape[:2], prod(merged.shape[2:])), f"{label}, joined", 1)
    if turned:
        value = build.transpose(value, (1, 0, 2), f"{name}, samples first")
    end = ends[0] if len(ends) == 1 else build.concat(ends, 0, f"{name}, last states")
    return [value, end, None] if call.kind == "lstm" else [value, end]


def _gates(array: Array, kind: str) -> Array:
    """Return rows of gates in the order of this package."""
    if kind == "lstm":
        i, f, g, o = np.split(array, 4)
        return np.concatenate([i, o, f, g])
    if kind == "gru":
        r, z, n = np.split(array, 3)
        return np.concatenate([z, r, n])
    return array


@operator("local_response_norm")
def _local_response(call: Call) -> Value:
    value = call.build.form(call.value(), 0, call.name)
    size, alpha, beta = call.get(1, "size"), call.get(2, "alpha", 1e-4), call.get(3, "beta", 0.75)
    k = call.get(4, "k", 1.0)
    return call.build.put(LocalResponse, call.name, [value], 0, size=int(size), alpha=alpha, beta=beta, bias=k)
