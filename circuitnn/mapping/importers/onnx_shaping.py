"""What the operators of ONNX that move numbers become."""

from __future__ import annotations

from math import floor, prod

import numpy as np

from circuitnn.mapping.importers.builder import MOST, UnsupportedError, Value
from circuitnn.mapping.importers.onnx_operators import Call, Outputs, operator


@operator("Reshape")
def _reshape(call: Call) -> Outputs:
    value = call.value()
    wanted = call.list_of("shape", 1) or []
    shape = [value.shape[k] if n == 0 and k < len(value.shape) else n for k, n in enumerate(wanted)]
    rest = prod(n for n in shape if n != -1)
    if shape.count(-1) == 1 and rest > 0:
        shape[shape.index(-1)] = prod(value.shape) // rest
    return [call.build.reshape(value, tuple(shape), call.name)]


@operator("Flatten")
def _flatten(call: Call) -> Outputs:
    value = call.value()
    axis = call.whole("axis", 1)
    axis = len(value.shape) if axis == len(value.shape) else value.axis(axis)
    return [call.build.reshape(value, (prod(value.shape[:axis]), prod(value.shape[axis:])), call.name)]


@operator("Transpose")
def _transpose(call: Call) -> Outputs:
    value = call.value()
    order = call.ints("perm")
    return [call.build.transpose(value, range(len(value.shape))[::-1] if order is None else order, call.name)]


@operator("Squeeze")
def _squeeze(call: Call) -> Outputs:
    value = call.value()
    axes = call.list_of("axes", 1)
    return [call.build.squeeze(value, axes or [a for a, n in enumerate(value.shape) if n == 1], call.name)]


@operator("Unsqueeze")
def _unsqueeze(call: Call) -> Outputs:
    return [call.build.unsqueeze(call.value(), call.list_of("axes", 1) or [], call.name)]


@operator("Concat")
def _concat(call: Call) -> Outputs:
    return [call.build.concat([call.value(k) for k in range(len(call))], call.whole("axis", 1), call.name)]


@operator("Split")
def _split(call: Call) -> Outputs:
    value = call.value()
    axis = value.axis(call.whole("axis", 0))
    count, length = len(call.outputs), value.shape[axis]
    each = -(-length // count)
    sizes = call.list_of("split", 1) or [min(each, length - k * each) for k in range(count)]
    if sum(sizes) != length or min(sizes) < 1:
        raise UnsupportedError(f"splits {length} into {sizes}")
    ends = np.cumsum([0, *sizes]).tolist()
    return [call.build.slice(value, axis, ends[k], ends[k + 1], 1, f"{call.name}, part {k + 1}") for k in range(count)]


@operator("Slice")
def _slice(call: Call) -> Outputs:
    value = call.value()
    starts, stops = call.list_of("starts", 1) or [], call.list_of("ends", 2) or []
    axes = call.list_of("axes", 3, range(len(starts))) or []
    steps = call.list_of("steps", 4, [1] * len(starts)) or []
    for axis, start, stop, step in zip(axes, starts, stops, steps, strict=True):
        # ONNX clamps as Python does, but for an end before the first index, which Python writes as None.
        beyond = step < 0 and stop < -value.shape[value.axis(axis)]
        value = call.build.slice(value, axis, start, None if beyond else stop, step, call.name)
    return [value]


@operator("Gather")
def _gather(call: Call) -> Outputs:
    value = call.value()
    indices = call.needed(1)
    axis = value.axis(call.whole("axis", 0))
    if indices.ndim == 0:
        return [call.build.select(value, int(indices), axis, call.name)]
    out = call.build.take(value, indices.reshape(-1).tolist(), axis, call.name)
    if indices.ndim == 1:
        return [out]
    shape = (*out.shape[:axis], *indices.shape, *out.shape[axis + 1 :])
    return [call.build.reshape(out, shape, f"{call.name}, shape")]


@operator("Pad")
def _pad(call: Call) -> Outputs:
    value = call.value()
    rank = len(value.shape)
    given = call.list_of("pads" if call.has("pads") else "paddings", 1) or []
    axes = [value.axis(int(a)) for a in np.ravel(call.numbers(3, range(rank)))]
    pads = [(0, 0)] * rank
    for k, axis in enumerate(axes):
        pads[axis] = (given[k], given[k + len(axes)])
    mode = call.text("mode", "constant")
    if mode not in ("constant", "edge", "reflect"):
        raise UnsupportedError(f"with mode {mode!r}")
    fill = call.real("value", 0.0) if call.has("value") else float(np.ravel(call.numbers(2, 0.0))[0])
    return [call.build.pad(value, pads, call.name, edges=mode, fill=fill)]


@operator("Expand")
def _expand(call: Call) -> Outputs:
    value = call.value()
    wanted = call.list_of("shape", 1) or []
    try:
        shape = np.broadcast_shapes(value.shape, tuple(wanted))
    except ValueError:
        raise UnsupportedError(f"expands shape {value.shape} to {wanted}") from None
    new = len(shape) - len(value.shape)
    out = call.build.unsqueeze(value, range(new), f"{call.name}, axes") if new else value
    return [_repeat(call, out, [n // m for n, m in zip(shape, out.shape, strict=True)])]


@operator("Tile")
def _tile(call: Call) -> Outputs:
    return [_repeat(call, call.value(), call.list_of("repeats", 1) or [])]


def _repeat(call: Call, value: Value, times: list[int]) -> Value:
    if len(times) != len(value.shape) or min(times, default=1) < 1 or prod(value.shape) * prod(times) > MOST:
        raise UnsupportedError(f"repeats shape {value.shape} {times} times")
    for axis, count in enumerate(times):
        if count > 1:
            value = call.build.take(value, list(range(value.shape[axis])) * count, axis, call.name)
    return value


@operator("Resize", "Upsample")
def _resize(call: Call) -> Outputs:
    value = call.value()
    shape = value.shape
    if call.text("mode", "nearest") != "nearest" or call.has("axes"):
        raise UnsupportedError(f"with mode {call.text('mode', 'nearest')!r}")
    old = call.kind == "Upsample" or call.opset < 11
    scales = np.ravel(np.array(call._attributes.get("scales", ()), float))
    if not scales.size:
        scales = np.ravel(np.asarray(call.numbers(1 if old else 2, ()), float))
    if scales.size:
        sizes = [floor(n * s) for n, s in zip(shape, scales, strict=True)]
    else:
        sizes = [int(n) for n in np.ravel(call.needed(3))]
        scales = np.array(sizes) / np.array(shape)
    if min(sizes) < 1 or prod(map(float, sizes)) > MOST:
        raise UnsupportedError(f"resizes shape {shape} to {sizes}")
    place = "asymmetric" if old else call.text("coordinate_transformation_mode", "half_pixel")
    rounding = "floor" if old else call.text("nearest_mode", "round_prefer_floor")
    for axis, (n, scale, size) in enumerate(zip(shape, scales, sizes, strict=True)):
        if size != n:
            at = _places(np.arange(size), place, float(scale), n, size)
            value = call.build.take(value, _rounded(at, rounding).clip(0, n - 1).tolist(), axis, call.name)
    return [value]


def _places(x: np.ndarray, kind: str, scale: float, n: int, size: int) -> np.ndarray:
    """Return where indices of a resized axis lie in the axis before."""
    if kind == "asymmetric":
        return x / scale
    if kind == "align_corners":
        return x * (n - 1) / (size - 1) if size > 1 else x * 0.0
    if kind == "half_pixel" or (kind == "pytorch_half_pixel" and size > 1):
        return (x + 0.5) / scale - 0.5
    if kind == "pytorch_half_pixel":
        return x * 0.0
    raise UnsupportedError(f"with coordinates {kind!r}")


def _rounded(at: np.ndarray, kind: str) -> np.ndarray:
    if kind == "floor":
        found = np.floor(at)
    elif kind == "ceil":
        found = np.ceil(at)
    elif kind == "round_prefer_floor":
        found = np.ceil(at - 0.5)
    elif kind == "round_prefer_ceil":
        found = np.floor(at + 0.5)
    else:
        raise UnsupportedError(f"rounds by {kind!r}")
    return found.astype(np.int64)


@operator("DepthToSpace", "SpaceToDepth")
def _depth_space(call: Call) -> Outputs:
    build, name = call.build, call.name
    value = call.value()
    block = call.whole("blocksize", 1)
    if len(value.shape) != 4 or block < 1:
        raise UnsupportedError(f"of an array of shape {value.shape}")
    n, c, h, w = value.shape
    if call.kind == "SpaceToDepth":
        parts = build.reshape(value, (n, c, h // block, block, w // block, block), f"{name}, blocks", 0)
        turned = build.transpose(parts, (0, 3, 5, 1, 2, 4), f"{name}, order")
        return [build.reshape(turned, (n, c * block**2, h // block, w // block), name, 0)]
    deep = c // block**2
    if call.text("mode", "DCR") == "DCR":
        parts = build.reshape(value, (n, block, block, deep, h, w), f"{name}, blocks", 0)
        turned = build.transpose(parts, (0, 3, 4, 1, 5, 2), f"{name}, order")
    else:
        parts = build.reshape(value, (n, deep, block, block, h, w), f"{name}, blocks", 0)
        turned = build.transpose(parts, (0, 1, 4, 2, 5, 3), f"{name}, order")
    return [build.reshape(turned, (n, deep, h * block, w * block), name, 0)]
