"""ResNet-18 or MobileNet at full size through the compiler: processor time, memory and errors, stage by stage.

    OPENBLAS_NUM_THREADS=1 python benchmarks/large_network.py --network resnet18 --tile 128

Needs onnx and onnxruntime. Weights are random; images of 224 x 224 are, too.
"""

from __future__ import annotations

import argparse
import os
import resource
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np

import circuitnn as cn
from circuitnn.bench.networks import mobilenet, resnet18


@contextmanager
def stage(name: str) -> Iterator[None]:
    wall, own = time.perf_counter(), time.process_time()
    yield
    wall, own = time.perf_counter() - wall, time.process_time() - own
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{name:36s} {wall:8.2f} s  processor {own:7.2f} s  peak {peak:5.2f} GB", flush=True)


def gap(found: np.ndarray, expected: np.ndarray) -> str:
    return f"  apart {np.abs(found - expected).max() / np.abs(expected).max():.2g} of the largest output"


def main() -> None:
    import onnxruntime

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--network", choices=["resnet18", "mobilenet"], default="resnet18")
    parser.add_argument("--tile", type=int, default=128)
    options = parser.parse_args()
    tile = options.tile, options.tile
    model = {"resnet18": resnet18, "mobilenet": mobilenet}[options.network]()
    x = np.random.default_rng(1).random((2, 3, 224, 224)).astype(np.float32)
    session = onnxruntime.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    (single,) = session.run(None, {"x": x})
    del session
    with stage("to_graph"):
        graph = cn.to_graph(model)
    del model
    with stage("two images, no circuit"):
        exact = graph(x)
    print(gap(exact, single), "from onnxruntime")

    with stage("compile, ideal wires"):
        layout = cn.compile(graph, tile=tile)
    layout(x[:1])
    with stage("two images, ideal wires"):
        found = layout(x)
    print(gap(found, exact))
    with stage("cost()"):
        layout.cost(dac_bits=8, adc_bits=8)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "net.h5")
        with stage("save"):
            layout.save(path)
        print(f"  {os.path.getsize(path) / 1e9:.2f} GB")
        with stage("load"):
            del layout
            cn.Layout.load(path)

    with stage("compile, 1 ohm, 8 bits, calibrated"):
        layout = cn.compile(graph, tile=tile, r_wire=1.0, dac_bits=8, adc_bits=8, calibration=x)
    with stage("two images, 1 ohm, 8 bits"):
        found = layout(x)
    print(gap(found, exact), f"classes {found.argmax(axis=1)}, ideal {exact.argmax(axis=1)}")


if __name__ == "__main__":
    main()
