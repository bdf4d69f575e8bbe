"""Makes the figure and the table of docs/compensation.md: MNIST on wires, with all that makes up for them.

Needs ``mnist.npz`` in the folder CIRCUITNN_DATA (default ``../shared/data``). Without arguments all tiles, else those
of the given sizes; takes some minutes.
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

WIRES = (1.0, 2.0, 5.0)
SIZES = tuple(map(int, sys.argv[1:])) or (64, 128, 256)
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
for size in SIZES:
    for r in WIRES:
        plain = cn.compile(network, tile=(size, size), device="hfo2", r_wire=r)
        permuted = plain.permute(typical)[0]
        layouts = [plain, permuted, plain.calibrate(few)[0], permuted.calibrate(few)[0]]
        layouts += [layout.compensate(typical)[0] for layout in (plain, permuted)]
        shown = []
        for name, layout in zip(NAMES, layouts, strict=True):
            accuracy = layout.evaluate(x_test, y_test).accuracy
            spread = layout.with_nonidealities(SPREAD, seed=1).evaluate(x_test, y_test).accuracy
            gain = plain.matrices[0].scale / layout.matrices[0].scale
            found[size, r, name] = accuracy, error(layout), gain, spread
            shown.append(f"{100 * accuracy:.2f} ({100 * error(layout):.2g}, {gain:.2f}, {100 * spread:.2f})")
        print(f"| {size} | {r:g} | " + " | ".join(shown) + " |", flush=True)

figure, axes = plt.subplots(1, len(SIZES), figsize=(3.2 * len(SIZES), 3.2), layout="constrained", squeeze=False)
for axis, size in zip(axes[0], SIZES, strict=True):
    for name in NAMES:
        axis.semilogy(WIRES, [found[size, r, name][1] for r in WIRES], "o-", label=name)
    axis.set(title=f"tiles of {size} x {size}", xlabel="ohm a segment", ylabel="error of the first layer")
axes[0][-1].legend(fontsize=7)
figure.savefig(Path(__file__).with_name("compensation.png"), dpi=110)
