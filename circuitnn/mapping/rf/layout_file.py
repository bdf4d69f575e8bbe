"""RF layouts as HDF5 files: attributes ``format`` = "circuitnn-rf-layout", ``version`` and the constants of the parts;
``layerN`` with the dense layer, its hardware and its arrangement. Nothing in a file can run code.
"""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from circuitnn.errors import CircuitnnError, FileError, LayoutError
from circuitnn.mapping.datasets import item, stored
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.operators.dense import Dense
from circuitnn.mapping.rf.checks import number, positive
from circuitnn.mapping.rf.layout import RfLayout, RfMapped
from circuitnn.mapping.rf.network import RfLayer, RfNetwork
from circuitnn.mapping.rf.neurons import Neurons
from circuitnn.mapping.rf.placement import Trial
from circuitnn.mapping.rf.resonators import Resonators
from circuitnn.results.atomic import replacing
from circuitnn.results.regular import require_regular

FORMAT = "circuitnn-rf-layout"
VERSION = 1
_DENSE = ("weights", "bias")
_HARDWARE = ("tones", "resonances", "bias_voltage", "relative_power")
_NUMBERS = ("scale", "low", "step", "peak")


def write_rf_layout(layout: RfLayout, path: str | os.PathLike[str]) -> None:
    """Write a layout, whole or not at all; raise FileError when that fails."""
    import h5py

    with h5py.File("layout", "w", driver="core", backing_store=False, libver="latest") as file:
        file.attrs.update(
            {"format": FORMAT, "version": VERSION, "per_input": layout.per_input, "layers": len(layout.layers)}
        )
        file.create_group("resonators").attrs.update(asdict(layout.network.resonators))
        file.create_group("neurons").attrs.update(asdict(layout.network.neurons))
        for n, (layer, hardware) in enumerate(zip(layout.layers, layout.network.layers, strict=True), 1):
            group = file.create_group(f"layer{n}")
            group["weights"], group["bias"] = layer.dense.weights, layer.dense.bias
            group["tones"], group["resonances"] = hardware.tones, hardware.resonances
            group["bias_voltage"], group["relative_power"] = hardware.bias, hardware.relative_power
            group["order"] = layer.order.astype(np.float64)
            group.attrs.update({name: getattr(layer, name) for name in _NUMBERS})
            group.attrs.update({"name": layer.dense.name, "activation": layer.dense.activation})
            group.attrs["transconductance"] = hardware.transconductance
            for k, trial in enumerate((layer.taken, *layer.trials)):
                group.create_group(f"trial{k}").attrs.update(asdict(trial))
        file.flush()
        image = file.id.get_file_image()
    with replacing(path) as temporary, temporary.open("wb") as stream:
        stream.write(image)


def read_rf_layout(path: str | os.PathLike[str]) -> RfLayout:
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
        require_regular(path, "an RF layout in HDF5")
        size = Path(path).stat().st_size
    except (OSError, ValueError, TypeError) as error:
        raise FileError(f"cannot read {str(path)!r}: {error}", expected="an RF layout in HDF5") from error
    try:
        with h5py.File(path, "r") as file:
            return _read(file, size)
    except CircuitnnError as error:
        raise LayoutError(f"{str(path)!r}: {error.message}", expected=error.expected, names=error.names) from error
    except (OSError, RuntimeError, KeyError, ValueError, TypeError, AttributeError, ArithmeticError) as error:
        raise LayoutError(
            f"{str(path)!r} is not a complete RF layout: {error}", expected="a file that RfLayout.save wrote"
        ) from error


def _read(file: Any, size: int) -> RfLayout:
    attrs = file.attrs
    if attrs.get("format") != FORMAT or attrs["version"] != VERSION:
        raise LayoutError("it is no RF layout of this version", expected=f"{FORMAT!r}, version {VERSION}")
    mapped, hardware = [], []
    for n in range(1, int(attrs["layers"]) + 1):
        group = item(file, f"layer{n}")
        a = {name: stored(item(group, name), size) for name in (*_DENSE, *_HARDWARE, "order")}
        dense = Dense(a["weights"], a["bias"], str(group.attrs["activation"]), str(group.attrs["name"]))
        order = a["order"].astype(np.int64)
        if sorted(order.tolist()) != list(range(dense.fan_in)) or len(a["tones"]) != dense.fan_in:
            raise LayoutError(f"the tones of {dense.name} do not fit its inputs", expected="one tone an input")
        trials = [
            _trial(item(group, f"trial{k}").attrs) for k in range(sum(name.startswith("trial") for name in group))
        ]
        scale, low, step, peak = (number(name, group.attrs[name]) for name in _NUMBERS)
        positive("scale", scale), positive("step", step), positive("peak", peak)
        mapped.append(RfMapped(dense, order, trials[0], tuple(trials[1:]), scale, low, step, peak))
        hardware.append(
            RfLayer(
                a["tones"], a["resonances"], a["bias_voltage"], group.attrs["transconductance"], a["relative_power"]
            )
        )
        if hardware[-1].outputs != dense.fan_out:
            raise LayoutError(f"the chains of {dense.name} do not fit its outputs", expected="one chain an output")
    Graph([layer.dense for layer in mapped])  # refuses layers that do not fit together
    network = RfNetwork(hardware, Resonators(**item(file, "resonators").attrs), Neurons(**item(file, "neurons").attrs))
    return RfLayout(network, tuple(mapped), int(attrs["per_input"]))


def _trial(attrs: Any) -> Trial:
    numbers = {name: float(attrs[name]) for name in ("low", "high", "separation", "error_alone", "error")}
    return Trial(kind=str(attrs["kind"]), order=str(attrs["order"]), **numbers)
