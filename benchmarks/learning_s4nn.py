"""S4NN, 784-400-10, on MNIST: the rule's defaults, or the constants of its authors' program.

CIRCUITNN_DATA=... python benchmarks/learning_s4nn.py [EPOCHS] [SEED] [authors] [validate] [NAME=NUMBER ...]

`validate` learns 50,000 of the training images and prints accuracies of the other 10,000 after each epoch: settings are
chosen by it. Without it all 60,000 are learnt, and the test images are looked at once, after the last epoch.
"""

import sys
import time

import numpy as np

from circuitnn.demos.mnist import mnist_images
from circuitnn.learning.rule import rule_of

AUTHORS = {
    "errors": "time", "rates": (0.2, 0.2), "low": (0.0, 0.0), "high": (5.0, 48.0), "saturation": 256.0, "decay": 0.93,
    "average": 0.0, "revive": 0.001,
}  # fmt: skip


def accuracies(rule, x, y) -> str:
    """One answer an image; a tie with the right output counted as right, as the authors do; where one fired."""
    out = rule.outputs(x)
    when = np.minimum(np.ceil(-out), rule.steps)
    right, fired = (out.argmax(axis=1) == y), when.min(axis=1) < rule.steps
    tied = np.where(fired, when[np.arange(len(y)), y] == when.min(axis=1), right).mean()
    return (
        f"{right.mean():.4f}, ties as right {tied:.4f}, an output fired in {fired.mean():.4f}"
        f" of which right {right[fired].mean():.4f}, median step {np.median(when.min(axis=1)):.0f}"
    )


def main() -> None:
    """Train, and print accuracies."""
    numbers = [int(word) for word in sys.argv[1:] if word.isdigit()]
    epochs, seed = (numbers + [6, 0][len(numbers) :])[:2]
    more = {name: float(value) for name, _, value in (word.partition("=") for word in sys.argv[1:]) if value}
    rule = rule_of("s4nn", seed=seed, **((AUTHORS if "authors" in sys.argv else {}) | more))
    x, y = mnist_images("train")
    if validate := "validate" in sys.argv:
        x, y, held_x, held_y = x[:50000], y[:50000], x[50000:], y[50000:]
    took = 0.0
    for epoch in range(epochs):
        order = rule.rng.permutation(len(x))
        start = time.process_time()
        rule.learn(x[order], np.eye(10)[y[order]])
        took += time.process_time() - start
        rule.end_epoch()
        if validate:
            print(f"epoch {epoch + 1} validation", accuracies(rule, held_x, held_y), flush=True)
    if not validate:
        print(f"seed {seed}, {epochs} epochs, test", accuracies(rule, *mnist_images("test")))
    print(f"{took / len(x) / epochs * 1e6:.0f} us of a core an example")
    print(rule.cost.table(len(x) * epochs))


if __name__ == "__main__":
    main()
