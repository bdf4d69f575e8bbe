"""Compiled networks: MNIST's 10,000 test images through 784-128-10 and LeNet-5 on 128 x 128 tiles with wires."""

from __future__ import annotations

import time
from functools import partial

from circuitnn.bench.runner import Case, Row, median_time
from circuitnn.demos.mnist import NETWORKS, mnist_images, mnist_network
from circuitnn.mapping.compile import compile_crossbar

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


#: Needs ``mnist.npz`` (see ``mnist_images``) and the extra ``onnx``.
EXPORT = Case({name: partial(_mnist, name) for name in NETWORKS})
