"""Boltzmann machine of spiking neurons on MNIST: 20,000 examples on ideal cells, or 100 digits on pairs of PCM cells.

CIRCUITNN_DATA=... python benchmarks/learning_boltzmann.py mnist [SEED [EXAMPLES]]
CIRCUITNN_DATA=... python benchmarks/learning_boltzmann.py hundred [EPOCHS]
"""

import sys
import time

import numpy as np

from circuitnn.demos.mnist import mnist_images
from circuitnn.learning.rule import Rule, rule_of


def right(rule: Rule, x: np.ndarray, y: np.ndarray, by: tuple[str, ...] = ("spikes", "energy")) -> str:
    """Return the share of right answers by the read-outs."""
    found = []
    for rule.readout in by:
        found.append(f"{rule.readout} {(rule.outputs(x).argmax(axis=1) == y).mean():.4f}")
    return ", ".join(found)


def mnist(seed: int = 0, examples: int = 20_000) -> None:
    """Neftci et al. 2014: 784 + 40 visible and 500 hidden neurons, 91.9 % of the test images."""
    x, y = mnist_images("train")
    order = np.random.default_rng(seed).permutation(len(x))[:examples]
    start = time.time()
    rule = rule_of(
        "boltzmann", seed=seed, rate=0.05, decay=0.7, phase=0.07, burn_in=0.014, window=16e-3, low=1e-5, high=0.98
    )
    for part in np.array_split(order, 8):
        rule.learn(np.round(x[part]), np.eye(10)[y[part]])  # black and white, as their program trains with
        rule.end_epoch()  # 2,500 examples are an epoch here
        print(f"{time.time() - start:.0f} s", flush=True)
    print(rule.cost.table(examples))
    x, y = mnist_images("test")
    print("10,000 images:", right(rule, x, y, ("energy",)), flush=True)
    x, y = x[:2000], y[:2000]
    print("first 2,000:", right(rule, x, y), flush=True)
    print("black and white:", right(rule, np.round(x), y), f"{time.time() - start:.0f} s")


def hundred(epochs: int = 15) -> None:
    """Ishii et al. 2019: training accuracy on 100 digits, 92 % on the chip of 6T2R cells."""
    x, y = (part[:100] for part in mnist_images("train"))
    rule, start = rule_of("boltzmann", synapses="pcm_pair:g_step=0.25u", decay=0.9), time.time()
    for epoch in range(epochs):
        order = rule.rng.permutation(100)
        rule.learn(x[order], np.eye(10)[y[order]])
        rule.end_epoch()
        print(epoch, right(rule, x, y), f"{time.time() - start:.0f} s", flush=True)
    print(rule.cost.table(100 * epochs))


def main() -> None:
    """Run what the command line names."""
    if sys.argv[1:2] == ["hundred"]:
        hundred(*map(int, sys.argv[2:]))
    else:
        mnist(*map(int, sys.argv[2:]))


if __name__ == "__main__":
    main()
