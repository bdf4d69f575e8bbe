"""What an inference takes: MNIST's 784-128-10, trained, and the autoencoder that MLPerf Tiny measures, beside machines.

    python benchmarks/network_cost.py

Needs ``mnist.npz`` in the folder CIRCUITNN_DATA (default ``../shared/data``). Prints what docs/cost.md shows.
"""

from __future__ import annotations

import os
import sys
import time
from itertools import pairwise
from pathlib import Path

import numpy as np
from train_digits import train

import circuitnn as cn
from circuitnn.mapping.cost.of_layout import works_of
from circuitnn.mapping.cost.references import AUTOENCODER
from circuitnn.mapping.cost.report import cost
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.operators.convolution import Conv

# Of MLPerf Tiny's ResNet-8: channels, outputs, kernel, side of the output; strides are taken by a smaller input.
RESNET8 = (
    *((3, 16, 3, 32), (16, 16, 3, 32), (16, 16, 3, 32), (16, 32, 3, 16), (32, 32, 3, 16), (16, 32, 1, 16)),
    *((32, 64, 3, 8), (64, 64, 3, 8), (32, 64, 1, 8), (64, 10, 1, 1)),
)
CONVERTERS = {"dac_bits": 8, "adc_bits": 8}


def main() -> int:
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    path = Path(os.environ.get("CIRCUITNN_DATA", default)) / "mnist.npz"
    if not path.is_file():
        print(f"there is no {path}; set CIRCUITNN_DATA to the folder that holds mnist.npz", file=sys.stderr)
        return 1
    with np.load(path, allow_pickle=False) as data:
        x, y = data["x_train"].reshape(-1, 784) / 255.0, data["y_train"].astype(np.int64)
        x_test, y_test = data["x_test"].reshape(-1, 784) / 255.0, data["y_test"].astype(np.int64)
    w1, b1, w2, b2 = train(x, y, 128, epochs=8, batch=128, decay=1e-5, seed=7)
    network = [(w1, b1, "relu"), (w2, b2, "softmax")]
    layout = cn.compile(network, tile=(128, 128), r_wire=1.0, calibration=x[:1000], **CONVERTERS)
    print(f"784-128-10, 1 ohm a segment: {100 * layout.evaluate(x_test, y_test).accuracy:.2f} % of MNIST's test images")
    start = time.perf_counter()
    found = layout.cost(x_test)
    print(f"cost in {time.perf_counter() - start:.1f} s\n\n{found}\n\n{found.compared()}\n")

    print("arrays of layer 1, nJ an inference: cells, wires, lines; share of the formula without wires")
    some = x_test[:1000]
    formula = layout.cost(some, wires=False).matrices[0].energy.array
    for ohms in (0.0, 1.0, 5.0, 20.0):
        e = layout.with_wires(ohms).cost(some).matrices[0].energy
        parts = "  ".join(f"{1e9 * part:.3g}" for part in (e.cells, e.wires, e.charge))
        print(f"  {ohms:>4g} ohm  {parts}  {100 * e.array / formula:.1f} %")
    print("reads solved, and energy of all arrays, nJ")
    for count in (8, 64, 500):
        total = sum(one.energy.array for one in layout.cost(some, most_reads=count).matrices)
        print(f"  {count:>4}  {1e9 * total:.4g}")

    rng = np.random.default_rng(0)
    autoencoder(rng)
    resnet8(rng)
    return 0


def autoencoder(rng: np.random.Generator) -> None:
    layers = [(rng.normal(size=(a, b)) / np.sqrt(a), None, "relu") for a, b in pairwise(AUTOENCODER)]
    random = cn.compile(layers, tile=(128, 128), r_wire=1.0, **CONVERTERS)
    print(f"\nautoencoder of MLPerf Tiny, random weights\n{random.cost(rng.uniform(0.0, 1.0, (100, 640)))}")


def resnet8(rng: np.random.Generator) -> None:
    """Convolutions and classifier of MLPerf Tiny's ResNet-8, each on inputs of its own; no pooling, no additions."""
    works = []
    for n, (channels, outputs, kernel, side) in enumerate(RESNET8, 1):
        weights = rng.normal(size=(outputs, channels, kernel, kernel)) / np.sqrt(channels * kernel**2)
        before, after = (kernel - 1) // 2, kernel // 2
        layer = Conv(weights, activation="relu", padding=((before, after),) * 2, name=f"layer {n}")
        shape = (channels, side, side)
        compiled = cn.compile(Graph([layer], shape), tile=(128, 128), r_wire=1.0, **CONVERTERS)
        works += works_of(compiled, rng.uniform(0.0, 1.0, (1, *shape)))
    found = cost(works)
    print(f"\nResNet-8 of MLPerf Tiny, random weights, {found.macs} MACs\n{found}")
    most = {one.label: min(64, one.reads) for one in found.matrices}
    fast = cost(works, replicas=most)
    print("without and with up to 64 replicas:")
    for one in (found, fast):
        print(f"  {one.inferences_per_second:.3g}/s, {1e6 * one.area:.3g} mm2, {1e6 * one.energy:.3g} uJ")


if __name__ == "__main__":
    sys.exit(main())
