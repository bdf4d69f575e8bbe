"""MNIST on crossbars: train 784-128-10, compile it on 128 x 128 tiles, compare accuracies on 10,000 test images.

    python benchmarks/mnist_crossbar.py

Needs ``mnist.npz`` in the folder CIRCUITNN_DATA (default ``../shared/data``).
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

import numpy as np
from train_digits import train

import circuitnn as cn


def main() -> int:
    default = Path(__file__).resolve().parents[2] / "shared" / "data"
    path = Path(os.environ.get("CIRCUITNN_DATA", default)) / "mnist.npz"
    if not path.is_file():
        print(f"there is no {path}; set CIRCUITNN_DATA to the folder that holds mnist.npz", file=sys.stderr)
        return 1
    with np.load(path, allow_pickle=False) as data:
        x, y = data["x_train"].reshape(-1, 784) / 255.0, data["y_train"].astype(np.int64)
        x_test, y_test = data["x_test"].reshape(-1, 784) / 255.0, data["y_test"].astype(np.int64)

    start = time.perf_counter()
    w1, b1, w2, b2 = train(x, y, 128, epochs=8, batch=128, decay=1e-5, seed=7)
    print(f"training: {time.perf_counter() - start:.1f} s")
    ideal = cn.compile([(w1, b1, "relu"), (w2, b2, "softmax")], tile=(128, 128), device="hfo2")
    print(ideal.report())
    for label, layout in (
        ("ideal wires", ideal),
        ("1 ohm a segment", ideal.with_wires(1.0)),
        ("2 ohm a segment", ideal.with_wires(2.0)),
    ):
        start = time.perf_counter()
        found = layout.evaluate(x_test, y_test)
        seconds = time.perf_counter() - start
        print(
            f"{label}: {100 * found.accuracy:.2f} % (double precision {100 * found.ideal_accuracy:.2f} %, "
            f"same class {100 * found.agreement:.2f} %), {seconds:.1f} s"
        )
    return 0


if __name__ == "__main__":
    sys.exit(main())
