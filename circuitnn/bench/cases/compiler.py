"""Compiled networks on 128 x 128 tiles with wires.

MNIST's 10,000 test images go through 784-128-10 and LeNet-5; the parts ``resnet18`` and ``mobilenet`` compile networks
of random weights and less width than published, on images of 64 by 64. The baseline of those is the same network in
double precision without a circuit: what the converters and tiles add to the products themselves.
"""

from __future__ import annotations

import time
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from circuitnn.bench.networks import mobilenet, resnet18
from circuitnn.bench.runner import Case, Part, Row, median_time, median_times
from circuitnn.demos.mnist import NETWORKS, mnist_images, mnist_network
from circuitnn.mapping.compile import compile_crossbar
from circuitnn.mapping.importing import to_graph
from circuitnn.mapping.layout import Layout

_TILE, _R_WIRE = (128, 128), 1.0
#: Seconds that 10,000 images may take after compilation; nothing is asked of convolutions.
_LIMITS = {"mlp": 10.0}


def _mnist(name: str, rounds: int) -> list[Row]:
    """Return how long all images take, transfer matrices of the tiles at hand, and what comes before."""
    x, y = mnist_images()
    images = x.reshape(-1, *NETWORKS[name])
    began = time.perf_counter()
    layout = compile_crossbar(mnist_network(name), _TILE, r_wire=_R_WIRE)
    compiled = time.perf_counter() - began
    began = time.perf_counter()
    layout(images[:1])
    first = time.perf_counter() - began
    taken = median_time(lambda: layout.evaluate(images, y), rounds)
    found = layout.evaluate(images, y)
    beside: dict[str, float | str] = {
        "compilation": compiled,
        "first image, transfer matrices included": first,
        "accuracy, %": 100.0 * found.accuracy,
        "without wires, %": 100.0 * found.ideal_accuracy,
        "tiles": float(layout.report().tiles),
    }
    limit = _LIMITS.get(name)
    goal = None if limit is None else 1.0
    return [Row(f"{name}: 10,000 images in the circuit", taken, "s", baseline=limit, goal=goal, details=beside)]


def _large(name: str, size: int, width: int, rounds: int) -> list[Row]:
    """Return how long an image takes behind converters of 8 bits, and what comes before and after."""
    images = np.random.default_rng(1).random((2, 3, size, size))
    network = to_graph(_LARGE[name](size, width))
    began = time.perf_counter()
    layout = compile_crossbar(network, _TILE, r_wire=_R_WIRE, dac_bits=8, adc_bits=8, calibration=images)
    compiled = time.perf_counter() - began
    taken, ideal = median_times([lambda: layout(images[:1]), lambda: layout.graph(images[:1])], rounds)
    with TemporaryDirectory() as folder:
        path = Path(folder, "layout.h5")
        began = time.perf_counter()
        layout.save(path)
        saved = time.perf_counter()
        Layout.load(path)
        loaded = time.perf_counter()
    beside: dict[str, float | str] = {
        "compilation, calibration included": compiled,
        "save": saved - began,
        "load": loaded - saved,
        "tiles": float(layout.report().tiles),
    }
    what = f"{name} of width {width}, an image of {size} x {size} in the circuit"
    return [Row(what, taken, "s", baseline=ideal, details=beside)]


_LARGE = {"resnet18": resnet18, "mobilenet": mobilenet}
_PARTS: dict[str, Part] = {name: partial(_mnist, name) for name in NETWORKS}
_PARTS |= {name: partial(_large, name, 64, 32) for name in _LARGE}

#: Needs the extra ``onnx``; the first parts ``mnist.npz`` (see ``mnist_images``), too.
EXPORT = Case(_PARTS)
