"""What the operators of PyTorch (ATen) that move numbers become."""

from __future__ import annotations

from math import prod

import numpy as np

from circuitnn.mapping.importers.builder import UnsupportedError, Value
from circuitnn.mapping.importers.torch_operators import Call, operator


@operator("view", "reshape", "_unsafe_view")
def _reshape(call: Call) -> Value:
    value = call.value()
    shape = [int(n) for n in call.get(1, "shape", call.get(1, "size"))]
    if -1 in shape:
        rest = prod(n for n in shape if n != -1)
        shape[shape.index(-1)] = prod(value.shape) // rest
    return call.build.reshape(value, tuple(shape), call.name)


@operator("flatten")
def _flatten(call: Call) -> Value:
    value = call.value()
    start, stop = value.axis(call.get(1, "start_dim", 0)), value.axis(call.get(2, "end_dim", -1)) + 1
    shape = (*value.shape[:start], prod(value.shape[start:stop]), *value.shape[stop:])
    return call.build.reshape(value, shape, call.name)


@operator("unflatten")
def _unflatten(call: Call) -> Value:
    value = call.value()
    axis = value.axis(call.get(1, "dim"))
    sizes = list(call.get(2, "sizes"))
    if -1 in sizes:
        sizes[sizes.index(-1)] = value.shape[axis] // prod(n for n in sizes if n != -1)
    return call.build.reshape(value, (*value.shape[:axis], *sizes, *value.shape[axis + 1 :]), call.name)


@operator("permute")
def _permute(call: Call) -> Value:
    return call.build.transpose(call.value(), call.get(1, "dims"), call.name)


@operator("transpose", "t", "numpy_T")
def _transpose(call: Call) -> Value:
    value = call.value()
    order = list(range(len(value.shape)))
    a, b = (0, -1) if call.kind != "transpose" else (call.get(1, "dim0"), call.get(2, "dim1"))
    order[a], order[b] = order[b], order[a]
    return call.build.transpose(value, order, call.name)


@operator("squeeze", "unsqueeze")
def _squeeze(call: Call) -> Value:
    value = call.value()
    axes = call.get(1, "dim")
    axes = [axes] if isinstance(axes, int) else axes
    if call.kind == "unsqueeze":
        return call.build.unsqueeze(value, axes, call.name)
    ones = [a for a, n in enumerate(value.shape) if n == 1]
    chosen = ones if axes is None else [a for a in axes if value.axis(a) in ones]
    return call.build.squeeze(value, chosen, call.name)


@operator("cat", "concat")
def _concat(call: Call) -> Value:
    values = call.get(0, "tensors")
    if not all(isinstance(v, Value) for v in values):
        raise UnsupportedError("joins constants")
    return call.build.concat(values, int(call.get(1, "dim", 0)), call.name)


@operator("stack")
def _stack(call: Call) -> Value:
    values, axis = call.get(0, "tensors"), int(call.get(1, "dim", 0))
    if not all(isinstance(v, Value) for v in values):
        raise UnsupportedError("joins constants")
    whole = axis % (len(values[0].shape) + 1)
    return call.build.concat([call.build.unsqueeze(v, (whole,), call.name) for v in values], whole, call.name)


@operator("slice", "narrow")
def _slice(call: Call) -> Value:
    axis, start = int(call.get(1, "dim", 0)), call.get(2, "start")
    if call.kind == "narrow":
        stop, step = start + call.get(3, "length"), 1
    else:
        stop, step = call.get(3, "end"), call.get(4, "step", 1)
    return call.build.slice(call.value(), axis, start, stop, step, call.name)


@operator("select")
def _select(call: Call) -> Value:
    return call.build.select(call.value(), int(call.get(2, "index")), int(call.get(1, "dim")), call.name)


@operator("index_select")
def _index_select(call: Call) -> Value:
    indices = call.needed(2, "index").tolist()
    return call.build.take(call.value(), indices, int(call.get(1, "dim")), call.name)


@operator("flip")
def _flip(call: Call) -> Value:
    value = call.value()
    for axis in call.get(1, "dims"):
        value = call.build.slice(value, axis, None, None, -1, call.name)
    return value


@operator("split", "split_with_sizes", "chunk", "unbind")
def _split(call: Call) -> list[Value]:
    value = call.value()
    axis = value.axis(call.get(1, "dim", 0) if call.kind == "unbind" else call.get(2, "dim", 0))
    length = value.shape[axis]
    if call.kind == "unbind":
        return [call.build.select(value, k, axis, f"{call.name}, part {k}") for k in range(length)]
    given = call.get(1, "split_size")
    if isinstance(given, list | tuple):
        sizes = [int(n) for n in given]
    else:
        each = -(-length // given) if call.kind == "chunk" else int(given)
        sizes = [min(each, length - start) for start in range(0, length, each)]
    ends = np.cumsum([0, *sizes]).tolist()
    return [call.build.slice(value, axis, ends[k], ends[k + 1], 1, f"{call.name}, part {k}") for k in range(len(sizes))]


@operator("pad", "constant_pad_nd")
def _pad(call: Call) -> Value:
    value = call.value()
    given = [int(n) for n in call.get(1, "pad")]
    mode = "constant" if call.kind == "constant_pad_nd" else call.get(2, "mode", "constant")
    fill = call.get(2 if call.kind == "constant_pad_nd" else 3, "value", 0.0)
    if mode not in ("constant", "replicate", "reflect"):
        raise UnsupportedError(f"with mode {mode!r}")
    pads = [(0, 0)] * len(value.shape)
    for k in range(len(given) // 2):
        pads[-1 - k] = (given[2 * k], given[2 * k + 1])
    return call.build.pad(value, pads, call.name, "edge" if mode == "replicate" else mode, float(fill or 0.0))


@operator("expand")
def _expand(call: Call) -> Value:
    value = call.value()
    wanted = [int(n) for n in call.get(1, "size")]
    new = len(wanted) - len(value.shape)
    value = call.build.unsqueeze(value, range(new), call.name) if new else value
    for axis, n in enumerate(wanted):
        if n not in (-1, value.shape[axis]):
            value = call.build.take(value, [0] * n, axis, call.name)
    return value


@operator("upsample_nearest1d", "upsample_nearest2d", "upsample_nearest3d")
def _upsample(call: Call) -> Value:
    value = call.value()
    axes = int(call.kind[-2])
    size, scales = call.get(1, "output_size"), call.get(2, "scale_factors")
    for k in range(axes):
        axis = k + 2
        n = value.shape[axis]
        count = int(size[k]) if size is not None else int(n * scales[k])
        scale = count / n if scales is None or size is not None else float(scales[k])
        places = np.minimum(np.floor(np.arange(count) / scale), n - 1).astype(int)
        value = call.build.take(value, places.tolist(), axis, call.name)
    return value


@operator("pixel_shuffle")
def _pixel_shuffle(call: Call) -> Value:
    build, name, value = call.build, call.name, call.value()
    n, c, h, w = value.shape
    block = int(call.get(1, "upscale_factor"))
    parts = build.reshape(value, (n, c // block**2, block, block, h, w), f"{name}, blocks", 0)
    turned = build.transpose(parts, (0, 1, 4, 2, 5, 3), f"{name}, order")
    return build.reshape(turned, (n, c // block**2, h * block, w * block), name, 0)


@operator("channel_shuffle")
def _channel_shuffle(call: Call) -> Value:
    value, groups = call.value(), int(call.get(1, "groups"))
    order = np.arange(value.shape[1]).reshape(groups, -1).T.reshape(-1)
    return call.build.take(value, order.tolist(), 1, call.name)
