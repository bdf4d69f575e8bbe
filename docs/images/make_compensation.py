"""Makes the figure and the table of docs/compensation.md: MNIST on wires, with all that makes up for them.

Needs ``mnist.npz`` in the folder CIRCUITNN_DATA (default ``../shared/data``); takes some minutes.
"""

import os
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "benchmarks"))

from train_digits import train  # noqa: E402

import circuitnn as cn  # noqa: E402

WIRES = {128: (1.0, 2.0, 5.0), 256: (1.0,)}  # ohm a segment, by the lines of a tile
NAMES = ("wires", "permuted", "calibrated", "permuted, calibrated", "compensated", "permuted, compensated")
SPREAD = cn.nonidealities.ProgrammingError(fit="wan2022_1s")

with np.load(Path(os.environ.get("CIRCUITNN_DATA", ROOT.parent / "shared" / "data")) / "mnist.npz") as data:
    x, y = data["x_train"].reshape(-1, 784) / 255.0, data["y_train"].astype(np.int64)
    x_test, y_test = data["x_test"].reshape(-1, 784) / 255.0, data["y_test"].astype(np.int64)
w1, b1, w2, b2 = train(x, y, 128, epochs=8, batch=128, decay=1e-5, seed=7)
network = [(w1, b1, "relu"), (w2, b2, "softmax")]
typical, few = x[:200], x[:32]


def error(layout: cn.Layout) -> float:
    """Relative error of the first layer's products for test images."""
    first = layout.matrices[0]
    wanted = x_test @ first.weights
    return float(np.linalg.norm(x_test @ first.effective + first.offset - wanted) / np.linalg.norm(wanted))


found = {}
for size, resistances in WIRES.items():
    for r in resistances:
        plain = cn.compile(network, tile=(size, size), device="hfo2", r_wire=r)
        permuted = plain.permute(typical)[0]
        layouts = [plain, permuted, plain.calibrate(few)[0], permuted.calibrate(few)[0]]
        layouts += [layout.compensate(typical)[0] for layout in (plain, permuted)]
        shown = []
        for name, layout in zip(NAMES, layouts, strict=True):
            accuracy = layout.evaluate(x_test, y_test).accuracy
            chips = [layout.with_nonidealities(SPREAD, seed=seed) for seed in range(5)]
            spread = np.mean([chip.evaluate(x_test, y_test).accuracy for chip in chips])
            gain = plain.matrices[0].scale / layout.matrices[0].scale
            found[size, r, name] = accuracy, error(layout), gain, spread
            shown.append(f"{100 * accuracy:.2f} ({100 * error(layout):.2g}, {gain:.2f}, {100 * spread:.2f})")
        print(f"| {size} | {r:g} | " + " | ".join(shown) + " |", flush=True)

plain = cn.compile(network, tile=(128, 128), device="hfo2", r_wire=5.0)
rng = np.random.default_rng(0)
for count in (1, 2, 4, 8, 16, 32, 64, 256):  # samples that calibrate, five draws each
    draws = [plain.calibrate(x[rng.choice(len(x), count, replace=False)])[0] for _ in range(5)]
    accuracies = [layout.evaluate(x_test, y_test).accuracy for layout in draws]
    print(f"| {count} | {100 * np.mean([error(d) for d in draws]):.2f} | {100 * np.mean(accuracies):.2f} |")

figure, axis = plt.subplots(figsize=(6.4, 3.2), layout="constrained")
for name in NAMES:
    axis.semilogy(WIRES[128], [found[128, r, name][1] for r in WIRES[128]], "o-", label=name)
axis.set(title="tiles of 128 x 128", xlabel="ohm a segment", ylabel="error of the first layer")
figure.legend(loc="outside right center", fontsize=8)
figure.savefig(Path(__file__).with_name("compensation.png"), dpi=110)
