"""S4NN, 784-400-10, on MNIST, with its defaults or with the constants of its authors' program.

CIRCUITNN_DATA=... python benchmarks/learning_s4nn.py [EPOCHS] [authors]
"""

import sys
import time

import numpy as np

from circuitnn.demos.mnist import mnist_images
from circuitnn.learning.rule import rule_of

AUTHORS = {"rates": (0.2, 0.2), "low": (0.0, 0.0), "high": (5.0, 48.0), "saturation": 256.0, "decay": 0.93}


def main() -> None:
    """Train, and print accuracies after each epoch."""
    epochs = int(sys.argv[1]) if sys.argv[1:] else 12
    rule = rule_of("s4nn", **(AUTHORS if "authors" in sys.argv else {}))
    x, y = mnist_images("train")
    test, answers = mnist_images("test")
    start = learning = time.time()
    for epoch in range(epochs):
        order = rule.rng.permutation(len(x))
        learning = time.time()
        rule.learn(x[order], np.eye(10)[y[order]])
        took = time.time() - learning
        rule.end_epoch()
        out = rule.outputs(test)
        when = np.ceil(-out)  # as the authors count: a tie with the right output is right
        tied = (when[np.arange(len(test)), answers] == when.min(axis=1)).mean()
        right = (out.argmax(axis=1) == answers).mean()
        print(f"{epoch} test {right:.4f}, ties counted as right {tied:.4f}, {took / len(x) * 1e6:.0f} us an example,",
              f"{time.time() - start:.0f} s", flush=True)  # fmt: skip
    print(rule.cost.table(len(x) * epochs))


if __name__ == "__main__":
    main()
