"""Layouts as HDF5 files that any HDF5 tool reads.

    attributes       format = "circuitnn-layout", version, device, g_min, g_max (S), r_wire (ohm), nonidealities
                     (JSON), seed (-1: none), temp (K), tile_rows, tile_cols, dac_bits, adc_bits (0: exact),
                     read_voltage (V), layers
    layerN/          attributes name, activation, scale (1/S), x_limit, signed, tiles; datasets weights, bias
    layerN/tileK     dataset of conductances (S); attributes row_start, row_stop, out_start, out_stop, adc_limit (A)

The first 512 bytes, which HDF5 leaves to the user, hold the SHA-256 sum of the rest, so that damage is found before the
HDF5 library meets it.
"""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar.checks import conductances, resistance
from circuitnn.errors import CircuitnnError, FileError, LayoutError
from circuitnn.mapping.conductance import conductance_range
from circuitnn.mapping.graph import Dense, Graph
from circuitnn.mapping.inference import MappedLayer
from circuitnn.mapping.layout import Layout
from circuitnn.mapping.periphery import Periphery
from circuitnn.mapping.tiles import Place, Tile, check_tile, split
from circuitnn.nonidealities.chain import Chain, check_effects, check_seed
from circuitnn.nonidealities.nonideality import from_dict
from circuitnn.results.atomic import replacing
from circuitnn.results.regular import require_regular

Array = NDArray[np.float64]
FORMAT = "circuitnn-layout"
VERSION = 2
_HEAD = 512
_MAGIC = b"circuitnn-layout sha256 "


def write_layout(layout: Layout, path: str | os.PathLike[str]) -> None:
    """Write a layout, whole or not at all; raise FileError when that fails."""
    import h5py

    # In memory first: on a full disk the HDF5 library crashes when it closes its file.
    with h5py.File("layout", "w", driver="core", backing_store=False, userblock_size=_HEAD, libver="latest") as file:
        _write(layout, file)
        file.flush()
        image = file.id.get_file_image()
    digest = hashlib.sha256(image).hexdigest()
    with replacing(path) as temporary, temporary.open("wb") as stream:
        stream.write((_MAGIC + digest.encode() + b"\n").ljust(_HEAD, b"\0"))
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
            "r_wire": layout.r_wire,
            "nonidealities": json.dumps([effect.to_dict() for effect in layout.effects.effects]),
            "seed": -1 if layout.effects.seed is None else layout.effects.seed,
            "temp": layout.effects.temp,
            "tile_rows": layout.tile[0],
            "tile_cols": layout.tile[1],
            "dac_bits": p.dac_bits or 0,
            "adc_bits": p.adc_bits or 0,
            "read_voltage": p.read_voltage,
            "layers": len(layout.layers),
        }
    )
    for n, layer in enumerate(layout.layers, 1):
        group = file.create_group(f"layer{n}")
        group["weights"], group["bias"] = layer.dense.weights, layer.dense.bias
        group.attrs.update(
            {
                "name": layer.dense.name,
                "activation": layer.dense.activation,
                "scale": layer.scale,
                "x_limit": layer.x_limit,
                "signed": int(layer.signed),
                "tiles": len(layer.tiles),
            }
        )
        for k, tile in enumerate(layer.tiles, 1):
            dataset = group.create_dataset(f"tile{k}", data=tile.G)
            dataset.attrs.update({**vars(tile.place), "adc_limit": tile.adc_limit})


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
    tile = check_tile((int(attrs["tile_rows"]), int(attrs["tile_cols"])))
    _, g_min, g_max = conductance_range((attrs["g_min"], attrs["g_max"]))
    wire = resistance("r_wire", attrs["r_wire"])
    periphery = Periphery(int(attrs["dac_bits"]) or None, int(attrs["adc_bits"]) or None, float(attrs["read_voltage"]))
    effects = _read_effects(attrs, (g_min, g_max))
    layers = tuple(
        _read_layer(file[f"layer{n}"], tile, wire, effects, size) for n in range(1, int(attrs["layers"]) + 1)
    )
    Graph([layer.dense for layer in layers])  # refuses layers that do not fit together
    return Layout(layers, periphery, tile, str(attrs["device"]), g_min, g_max, wire, effects)


def _read_effects(attrs: Any, window: tuple[float, float]) -> Chain:
    described = json.loads(attrs["nonidealities"])
    if not isinstance(described, list) or not all(isinstance(one, dict) for one in described):
        raise LayoutError("its nonidealities are no list of effects", expected='[{"kind": "levels", "count": 16}, ...]')
    effects = check_effects([from_dict(one) for one in described])
    seed, temp = int(attrs["seed"]), _positive(attrs, "temp")
    return Chain(effects, check_seed(effects, None if seed < 0 else seed), window=window, temp=temp)


def _read_layer(group: Any, tile: tuple[int, int], wire: float, effects: Chain, size: int) -> MappedLayer:
    attrs = group.attrs
    dense = Dense(
        _array(group["weights"], size), _array(group["bias"], size), str(attrs["activation"]), str(attrs["name"])
    )
    places = split(dense.inputs, dense.outputs, tile)
    if attrs["tiles"] != len(places):
        raise LayoutError(f"{dense.name} has {attrs['tiles']} tiles", expected=f"{len(places)} for its weights")
    tiles = tuple(_read_tile(group[f"tile{k}"], place, size) for k, place in enumerate(places, 1))
    scale, limit = _positive(attrs, "scale"), _positive(attrs, "x_limit")
    return MappedLayer(dense, tiles, scale, limit, bool(attrs["signed"]), wire, effects)


def _read_tile(dataset: Any, place: Place, size: int) -> Tile:
    found = Place(*(int(dataset.attrs[name]) for name in vars(place)))
    if found != place or dataset.shape != place.shape:
        raise LayoutError(
            f"{dataset.name} has shape {dataset.shape} and is at {found}", expected=f"shape {place.shape} at {place}"
        )
    return Tile(place, conductances(_array(dataset, size)), _positive(dataset.attrs, "adc_limit"))


def _array(dataset: Any, size: int) -> Array:
    # A few bytes can promise terabytes: what is stored as it is cannot be larger than its file.
    # Nor may a layout from a stranger have its numbers read from other files.
    elsewhere = dataset.external or dataset.is_virtual
    if dataset.dtype != np.float64 or dataset.chunks is not None or dataset.nbytes > size or elsewhere:
        raise LayoutError(
            f"{dataset.name} holds {dataset.dtype} of shape {dataset.shape}, not stored as they are",
            expected="64-bit floating-point numbers in the file itself",
        )
    return np.asarray(dataset[()], dtype=np.float64)


def _positive(attrs: Any, name: str) -> float:
    value = float(attrs[name])
    if not 0.0 < value < np.inf:
        raise LayoutError(f"{name} is {value:g}", expected="a finite number greater than 0")
    return value
