"""A spiking network by surrogate gradients on MNIST, one spike a pixel (docs/learning_binary.md).

    python benchmarks/learning_surrogate.py [--epochs 6] [--network 784-300-10] [--set rate=0.004]

Prints test accuracy after each epoch, spikes an example, and what an example takes.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from circuitnn.demos.mnist import mnist_images
from circuitnn.learning.trainer import Trainer


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--network", default="784-300-10")
    parser.add_argument("--examples", type=int, default=60000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    given = parser.parse_args()
    options = dict(pair.split("=", 1) for pair in given.set)
    (x, y), test = mnist_images("train"), mnist_images()
    network = tuple(int(n) for n in given.network.split("-"))
    trainer = Trainer("surrogate_gradient", network=network, epochs=given.epochs, seed=given.seed, **options)
    began = time.perf_counter()
    trainer.fit(
        x[: given.examples],
        y[: given.examples],
        validation=test,
        told=lambda row: print(f"epoch {row.epoch}: {100 * row.score:.2f} %, {row.took:.0f} s", flush=True),
    )
    print(f"{time.perf_counter() - began:.0f} s")
    rule, some = trainer.rule, test[0][:1000]
    layers = rule.forward(rule.held(), some)
    print(f"spikes an example: {np.count_nonzero(some >= rule.least) / len(some):.0f} of pixels", end="")
    print("".join(f", {layer.s.sum() / len(some):.0f} of hidden neurons" for layer in layers[:-1]))
    print(rule.cost.table(trainer.history[-1].examples), flush=True)


if __name__ == "__main__":
    main()
