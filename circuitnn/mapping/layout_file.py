"""Layouts as HDF5 files that any HDF5 tool reads.

    attributes         format = "circuitnn-layout", version, device, g_min, g_max (S), r_word, r_bit (ohm),
                       nonidealities (JSON), seed (-1: none), temp (K), tile_rows, tile_cols, dac_bits, adc_bits
                       (0: exact), read_voltage (V), periphery (JSON: coding, sense, seed), input_shape, nodes,
                       matrices
    nodeN/             the network: attributes kind and fields (JSON); a dataset an array, such as weights and bias
    matrixN/           attributes label (its node's name and its key there), encoding (JSON), scale (1/S), x_limit,
                       signed, tiles, cells (JSON: null, a device or a model card); datasets gain and offset
    matrixN/tileK/     datasets G and target (S; one under both names where they are the same), inputs and outputs
                       (which of the matrix its lines serve); attribute adc_limit (A)

The first 512 bytes, which HDF5 leaves to the user, hold the SHA-256 sum of the rest, so that damage is found before the
HDF5 library meets it.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar.checks import conductances, resistance
from circuitnn.errors import CircuitnnError, FileError, LayoutError
from circuitnn.mapping.conductance import conductance_range
from circuitnn.mapping.datasets import item, stored
from circuitnn.mapping.encodings.encoding import Encoding, encoding_of
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.layout import Layout
from circuitnn.mapping.matrix import MappedMatrix
from circuitnn.mapping.operators.node import Node
from circuitnn.mapping.periphery import Periphery, Sense
from circuitnn.mapping.tiles import Indices, Place, Tile, check_tile
from circuitnn.netlist.flat import Model
from circuitnn.nonidealities.chain import Chain, check_effects, check_seed
from circuitnn.nonidealities.nonideality import from_dict
from circuitnn.registry import catalog
from circuitnn.results.atomic import replacing
from circuitnn.results.regular import require_regular

Array = NDArray[np.float64]
FORMAT = "circuitnn-layout"
VERSION = 3
_HEAD = 512
_MAGIC = b"circuitnn-layout sha256 "


def write_layout(layout: Layout, path: str | os.PathLike[str]) -> None:
    """Write a layout, whole or not at all; raise FileError when that fails."""
    import h5py

    # In memory first: on a full disk the HDF5 library crashes when it closes its file.
    whole = BytesIO()
    with h5py.File(whole, "w", userblock_size=_HEAD, libver="latest") as file:
        _write(layout, file)
    image = whole.getbuffer()
    digest = hashlib.sha256(image[_HEAD:]).hexdigest()
    image[:_HEAD] = (_MAGIC + digest.encode() + b"\n").ljust(_HEAD, b"\0")
    with replacing(path) as temporary, temporary.open("wb") as stream:
        stream.write(image)


def _write(layout: Layout, file: Any) -> None:
    p = layout.periphery
    file.attrs.update(
        {
            "format": FORMAT,
            "version": VERSION,
            "device": layout.device,
            "g_min": layout.g_min,
            "g_max": layout.g_max,
            "r_word": layout.r_word,
            "r_bit": layout.r_bit,
            "nonidealities": json.dumps([effect.to_dict() for effect in layout.effects.effects]),
            "seed": -1 if layout.effects.seed is None else layout.effects.seed,
            "temp": layout.effects.temp,
            "tile_rows": layout.tile[0],
            "tile_cols": layout.tile[1],
            "dac_bits": p.dac_bits or 0,
            "adc_bits": p.adc_bits or 0,
            "read_voltage": p.read_voltage,
            "periphery": json.dumps({"coding": p.coding, "sense": asdict(p.sense), "seed": p.seed}),
            "input_shape": layout.graph.input_shape,
            "nodes": len(layout.graph.nodes),
            "matrices": len(layout.matrices),
        }
    )
    for n, node in enumerate(layout.graph.nodes, 1):
        group = file.create_group(f"node{n}")
        plain, arrays = node.stored()
        group.attrs.update({"kind": node.kind, "fields": json.dumps(plain)})
        for name, array in arrays.items():
            group[name] = array
    for n, matrix in enumerate(layout.matrices, 1):
        group = file.create_group(f"matrix{n}")
        group.attrs.update(
            {
                "label": matrix.label,
                "encoding": json.dumps(matrix.encoding.to_dict()),
                "scale": matrix.scale,
                "x_limit": matrix.x_limit,
                "signed": int(matrix.signed),
                "tiles": len(matrix.tiles),
                "cells": json.dumps(_described(matrix.cells)),
            }
        )
        group["gain"], group["offset"] = matrix.gain, matrix.offset
        for k, tile in enumerate(matrix.tiles, 1):
            inner = group.create_group(f"tile{k}")
            inner["G"] = tile.G
            # Cells that are what was aimed at are stored once: both names then mean the same dataset.
            inner["target"] = inner["G"] if tile.target is tile.G else tile.target
            inner["inputs"], inner["outputs"] = tile.place.inputs, tile.place.outputs
            inner.attrs["adc_limit"] = tile.adc_limit


def read_layout(path: str | os.PathLike[str]) -> Layout:
    """Read a layout.

    Raises
    ------
    FileError
        When there is no such file, or it cannot be read.
    LayoutError
        When it is damaged, something else, or of an unknown version.
    """
    import h5py

    try:
        require_regular(path, "a layout in HDF5")
        with Path(path).open("rb") as stream:
            head = stream.read(_HEAD)
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
    except (OSError, ValueError, TypeError) as error:
        raise FileError(f"cannot read {str(path)!r}: {error}", expected="a layout in HDF5") from error
    if not head.startswith(_MAGIC):
        raise LayoutError(f"{str(path)!r} is not a layout", expected="a file that Layout.save wrote")
    if head[len(_MAGIC) :].rstrip(b"\0").rstrip(b"\n") != digest.encode():
        raise LayoutError(f"{str(path)!r} is damaged: its contents do not match its checksum", hint="compile it again")
    try:
        with h5py.File(path, "r") as file:
            return _read(file, Path(path).stat().st_size)
    except LayoutError as error:
        raise LayoutError(f"{str(path)!r}: {error.message}", expected=error.expected, hint=error.hint) from error
    except CircuitnnError as error:
        raise LayoutError(f"{str(path)!r}: {error.message}", expected=error.expected, names=error.names) from error
    except (
        OSError,
        RuntimeError,
        KeyError,
        ValueError,
        TypeError,
        AttributeError,
        ArithmeticError,
        MemoryError,
    ) as error:
        raise LayoutError(
            f"{str(path)!r} is not a complete layout: {error}",
            expected="the groups, datasets and attributes that Layout.save writes",
            hint="compile it again",
        ) from error


def _read(file: Any, size: int) -> Layout:
    attrs = file.attrs
    if attrs.get("format") != FORMAT:
        raise LayoutError("it is not a layout", expected=f"the attribute format = {FORMAT!r}")
    if attrs["version"] != VERSION:
        raise LayoutError(f"it is of version {attrs['version']}", expected=f"version {VERSION}")
    _, g_min, g_max = conductance_range((attrs["g_min"], attrs["g_max"]))
    wires = resistance("r_word", attrs["r_word"]), resistance("r_bit", attrs["r_bit"])
    periphery = _read_periphery(attrs)
    effects = _read_effects(attrs, (g_min, g_max))
    nodes = [_read_node(item(file, f"node{n}"), size) for n in range(1, int(attrs["nodes"]) + 1)]
    graph = Graph(nodes, [int(n) for n in attrs["input_shape"]])
    weights = graph.matrices
    tile = int(attrs["tile_rows"]), int(attrs["tile_cols"])
    matrices = tuple(
        _read_matrix(item(file, f"matrix{n}"), weights, tile, wires, effects, size)
        for n in range(1, int(attrs["matrices"]) + 1)
    )
    if not matrices or len({matrix.label for matrix in matrices}) < len(matrices):
        raise LayoutError("two matrices have the same label, or there is none", expected="different labels")
    layout = Layout(graph, matrices, periphery, tile, str(attrs["device"]), g_min, g_max, *wires, effects)
    return layout.with_periphery(periphery)


def _read_periphery(attrs: Any) -> Periphery:
    more = json.loads(attrs["periphery"])
    if not isinstance(more, dict) or {*more} != {"coding", "sense", "seed"} or not isinstance(more["sense"], dict):
        raise LayoutError("its periphery is no object", expected='{"coding": ..., "sense": {...}, "seed": ...}')
    dac, adc = (int(attrs[name]) or None for name in ("dac_bits", "adc_bits"))
    return Periphery(dac, adc, float(attrs["read_voltage"]), more["coding"], Sense(**more["sense"]), more["seed"])


def _read_node(group: Any, size: int) -> Node:
    kinds = {kind.__name__: kind for family in catalog("mapping.operators").all().values() for kind in family}
    kind = str(group.attrs["kind"])
    if kind not in kinds:
        raise LayoutError(f"{group.name} is of the unknown kind {kind!r}", expected=" ".join(sorted(kinds)))
    plain = json.loads(group.attrs["fields"])
    if not isinstance(plain, dict):
        raise LayoutError(f"the fields of {group.name} are no object", expected='{"name": ..., ...}')
    arrays = {name: stored(item(group, name), size) for name in group}
    node: Node = kinds[kind](**{name: _tuples(value) for name, value in plain.items()}, **arrays)
    return node


def _tuples(value: Any) -> Any:
    """Return lists, as JSON has them, as the tuples that nodes have."""
    return tuple(_tuples(one) for one in value) if isinstance(value, list) else value


def _read_effects(attrs: Any, window: tuple[float, float]) -> Chain:
    described = json.loads(attrs["nonidealities"])
    if not isinstance(described, list) or not all(isinstance(one, dict) for one in described):
        raise LayoutError("its nonidealities are no list of effects", expected='[{"kind": "levels", "count": 16}, ...]')
    effects = check_effects([from_dict(one) for one in described])
    seed, temp = int(attrs["seed"]), _positive(attrs, "temp")
    return Chain(effects, check_seed(effects, None if seed < 0 else seed), window=window, temp=temp)


def _read_matrix(
    group: Any,
    weights: dict[str, Array],
    tile: tuple[int, int],
    wires: tuple[float, float],
    effects: Chain,
    size: int,
) -> MappedMatrix:
    attrs = group.attrs
    label = str(attrs["label"])
    if label not in weights:
        raise LayoutError(f"{group.name} is {label!r}, which the network lacks", expected=", ".join(weights))
    matrix = weights[label]
    encoding = encoding_of(json.loads(attrs["encoding"]))
    check_tile(tile, encoding)
    tiles = tuple(
        _read_tile(item(group, f"tile{k}"), matrix.shape, tile, encoding, size)
        for k in range(1, int(attrs["tiles"]) + 1)
    )
    scale, limit = _positive(attrs, "scale"), _positive(attrs, "x_limit")
    gain, offset = (stored(item(group, name), size) for name in ("gain", "offset"))
    for name, array in (("gain", gain), ("offset", offset)):
        if array.shape != matrix.shape[1:] or not np.isfinite(array).all():
            raise LayoutError(f"the {name} of {label} is no finite number an output", expected=str(matrix.shape[1:]))
    _check_cover(tiles, matrix, label)
    return MappedMatrix(
        label,
        matrix,
        tiles,
        encoding,
        scale,
        limit,
        bool(attrs["signed"]),
        *wires,
        gain,
        offset,
        effects,
        _device(attrs),
    )


def _check_cover(tiles: tuple[Tile, ...], weights: Array, label: str) -> None:
    """Raise LayoutError where a weight is on no tile, or on several; zeros need none."""
    held = np.zeros(weights.shape, dtype=np.int32)
    for tile in tiles:
        held[np.ix_(tile.place.inputs, tile.place.outputs)] += 1
    wrong = (held > 1) | ((held == 0) & (weights != 0.0))
    if not tiles or wrong.any():
        place = np.argwhere(wrong)[0].tolist() if tiles else [0, 0]
        raise LayoutError(f"weight {place} of {label} is on {held[tuple(place)]} tiles", expected="one tile")


def _described(cells: str | Model | None) -> Any:
    return {"name": cells.name, "type": cells.type, "params": cells.params} if isinstance(cells, Model) else cells


def _device(attrs: Any) -> str | Model | None:
    cells = json.loads(attrs["cells"])
    if isinstance(cells, dict):
        return Model(str(cells["name"]), str(cells["type"]), {str(k): float(v) for k, v in cells["params"].items()})
    if cells is not None and not isinstance(cells, str):
        raise LayoutError(f"the cells are {cells!r}", expected="the name of a device, a model card or null")
    return cells


def _read_tile(group: Any, matrix: tuple[int, ...], tile: tuple[int, int], encoding: Encoding, size: int) -> Tile:
    inputs = _indices(item(group, "inputs"), matrix[0], size)
    outputs = _indices(item(group, "outputs"), matrix[1], size)
    shape = len(inputs), encoding.lines(len(outputs))
    cells = {name: item(group, name) for name in ("G", "target")}
    found = {dataset.shape for dataset in cells.values()}
    if found != {shape} or shape[0] > tile[0] or shape[1] > tile[1]:
        raise LayoutError(
            f"{group.name} has cells of shape {' and '.join(map(str, found))} for {len(inputs)} inputs and "
            f"{len(outputs)} outputs",
            expected=f"{shape}, at most {tile}",
        )
    g = conductances(stored(cells["G"], size))
    target = g if cells["target"] == cells["G"] else conductances(stored(cells["target"], size))
    return Tile(Place(inputs, outputs), target, g, _positive(group.attrs, "adc_limit"))


def _indices(dataset: Any, count: int, size: int) -> Indices:
    indices = stored(dataset, size, np.dtype(np.int64))
    known = indices.ndim == 1 and indices.size > 0 and indices.min() >= 0 and indices.max() < count
    if not known or len(np.unique(indices)) < len(indices):
        raise LayoutError(
            f"{dataset.name} are no lines of the matrix", expected=f"different ones from 0 to {count - 1}"
        )
    return indices


def _positive(attrs: Any, name: str) -> float:
    value = float(attrs[name])
    if not 0.0 < value < np.inf:
        raise LayoutError(f"{name} is {value:g}", expected="a finite number greater than 0")
    return value
