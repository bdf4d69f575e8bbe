"""Feedback alignment, direct feedback alignment and backpropagation of 784-800-800-10 on MNIST (docs/learning.md).

    python benchmarks/learning_feedback.py [--rules ...] [--epochs 20] [--seeds 1] [--set synapses=...]

Prints test accuracy after each epoch, the angles of what goes back to the gradient, and what an example takes.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from circuitnn.demos.mnist import mnist_images
from circuitnn.learning.trainer import Trainer

RULES = ("backpropagation", "feedback_alignment", "direct_feedback_alignment")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", nargs="+", default=RULES)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--hidden", type=int, nargs="+", default=[800, 800])
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    given = parser.parse_args()
    options = {"rate": 0.2, "decay": 0.93, "batch": 64} | dict(pair.split("=", 1) for pair in given.set)
    (x, y), test = mnist_images("train"), mnist_images()
    x, test = x.astype(np.float32), (test[0].astype(np.float32), test[1])
    for rule in given.rules:
        for seed in range(given.seeds):
            trainer = Trainer(rule, network=(784, *given.hidden, 10), epochs=given.epochs, seed=seed, **options)
            angles = []

            def told(row, rule=rule, seed=seed, angles=angles, trainer=trainer):
                angles.append(trainer.rule.angles(x[:1000], np.eye(10)[y[:1000]]))
                shown = " ".join(f"{angle:.0f}" for angle in angles[-1])
                print(
                    f"{rule} seed {seed} epoch {row.epoch}: {100 * row.score:.2f} %, {row.took:.1f} s, {shown} deg",
                    flush=True,
                )

            began = time.perf_counter()
            trainer.fit(x, y, validation=test, told=told)
            scores = [100 * row.score for row in trainer.history]
            took = time.perf_counter() - began
            print(f"{rule} seed {seed}: last {scores[-1]:.2f} %, best {max(scores):.2f} %, {took:.0f} s")
            print(trainer.rule.cost.table(trainer.history[-1].examples), flush=True)


if __name__ == "__main__":
    main()
