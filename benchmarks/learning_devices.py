"""What asymmetric devices do to training, and what recovers it: accuracies epoch by epoch, as a table and a figure.

    python benchmarks/learning_devices.py [--images 10000] [--epochs 5] [--seeds 1] [--png learning_devices.png]

Needs MNIST (see ``circuitnn.demos.mnist``) and, for the figure, matplotlib. The network is 784-256-128-10 of sigmoid
layers and softmax, batch 1, the setting of Gokmen and Haensch, Frontiers in Neuroscience 14, 103 (2020).
"""

from __future__ import annotations

import argparse
import time
from typing import Any

import numpy as np

from circuitnn.demos.mnist import mnist_images
from circuitnn.learning.rule import rule_of

UNEVEN = "pulsed:law=soft,steps=1200,asymmetry=0.3,asymmetry_spread=0.1"
#: Rule and its numbers, by what the figure calls them.
RUNS: dict[str, tuple[str, dict[str, Any]]] = {
    "backpropagation, ideal": ("backpropagation", {"synapses": "ideal"}),
    "backpropagation, linear steps": ("backpropagation", {"synapses": "pulsed"}),
    "backpropagation, uneven soft bounds": ("backpropagation", {"synapses": UNEVEN}),
    "Tiki-Taka, the same devices": ("tiki_taka", {"synapses": UNEVEN, "transfer": 0.1}),
    "mixed precision, the same devices": ("mixed_precision", {"synapses": UNEVEN, "every": 10}),
    "backpropagation, hfo2 pairs": ("backpropagation", {"synapses": "memristor:device=hfo2,g_max=50u"}),
}


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=10000)
    parser.add_argument("--epochs", type=int, default=5)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0.05)
    parser.add_argument("--png", default=None)
    given = parser.parse_args()
    x, y = mnist_images("train")
    x, t = x[: given.images], np.eye(10)[y[: given.images]]
    test, digits = mnist_images("test")
    found = {}
    for name, (rule, numbers) in RUNS.items():
        errors = np.empty((given.seeds, given.epochs))
        began = time.process_time()
        for seed in range(given.seeds):
            made = rule_of(
                rule,
                network=(784, 256, 128, 10),
                batch=1,
                rate=given.rate,
                decay=0.8,
                activation="sigmoid",
                seed=seed,
                **numbers,
            )
            for epoch in range(given.epochs):
                order = np.random.default_rng(100 * seed + epoch).permutation(len(x))
                made.learn(x[order], t[order])
                made.end_epoch()
                errors[seed, epoch] = 100.0 * np.mean(made.outputs(test).argmax(1) != digits)
        spent = (time.process_time() - began) / errors.size / len(x)
        found[name] = errors
        examples = given.epochs * len(x)
        curve = "  ".join(f"{e:5.2f}" for e in errors.mean(axis=0))
        joules = made.cost.joules / examples * 1e9
        print(f"{name:<38}{curve} % error", end=", ")
        print(f"{made.cost.pulses / examples:.0f} pulses, {joules:.3g} nJ, {spent * 1e6:.0f} us an example", flush=True)
    if given.png:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot as plt

        figure, axes = plt.subplots(figsize=(6, 4), layout="constrained")
        for name, errors in found.items():
            axes.plot(np.arange(1, given.epochs + 1), errors.mean(axis=0), "o-", label=name)
        axes.set(xlabel="epoch", ylabel="test error, %", yscale="log")
        axes.legend(fontsize=8)
        figure.savefig(given.png, dpi=130)


if __name__ == "__main__":
    main()
