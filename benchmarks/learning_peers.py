"""Training by pulses beside aihwkit: the same network, devices and rates in one run; times and statistics.

    python benchmarks/learning_peers.py [--images 2000] [--rounds 3] [--statistics]

Needs MNIST (see ``circuitnn.demos.mnist``) and aihwkit with torch, in one environment with circuitnn. Both use one
thread; times are those of the processor, so that other jobs do not count, and the best of the rounds, in turn.

The network is 784-256-128-10 of sigmoid layers and softmax (Gokmen and Vlasov 2016; Gokmen and Haensch 2020), batch 1,
reads are ideal in both, biases are cells. Devices are those authors' baseline: steps of 0.001 in +-0.6, 30 % spread of
steps and bounds, 30 % noise, 1 % spread of asymmetry, trains of up to 31 slots with update management.
"""

from __future__ import annotations

import argparse
import importlib
import os
import time
from typing import Any

import numpy as np

os.environ.setdefault("OMP_NUM_THREADS", "1")

from circuitnn.bench.learning_pulsed import CASES, LARGEST, Ours, Theirs, configuration
from circuitnn.demos.mnist import mnist_images
from circuitnn.learning.synapses.synapse import synapses_of


def speeds(images: int, rounds: int) -> None:
    """Print microseconds an example and accuracies."""
    x, y = mnist_images("train")
    test = mnist_images("test")
    print(f"{'':<24}{'aihwkit':>12}{'circuitnn':>12}{'ratio':>8}{'accuracy of both after the rounds':>36}")
    for name, (rule, synapses, device) in CASES.items():
        made: list[Any] = [Theirs(device), Ours(rule, synapses)]
        best = [np.inf, np.inf]
        for one in made:
            one.learn(x[-100:], y[-100:])
        for k in range(rounds):
            part = slice(k * images, (k + 1) * images)
            for i, one in enumerate(made):
                began = time.process_time()
                one.learn(x[part], y[part])
                best[i] = min(best[i], (time.process_time() - began) / images * 1e6)
        right = [one.right(*test) for one in made]
        print(
            f"{name:<24}{best[0]:>9.0f} us{best[1]:>9.0f} us{best[0] / best[1]:>8.1f}"
            f"{100 * right[0]:>28.1f} %{100 * right[1]:>6.1f} %",
            flush=True,
        )


def walks(shape: tuple[int, int] = (200, 100)) -> None:
    """Print mean and deviation of weights after the same 1000 pulses, 600 of them up, of both."""
    torch: Any = importlib.import_module("torch")
    nn: Any = importlib.import_module("aihwkit.nn")
    signs = np.random.default_rng(0).permutation(np.repeat([1.0, -1.0], [600, 400]))
    print(f"\n{'weights after 1000 pulses':<28}{'aihwkit':>26}{'circuitnn':>26}")
    for name in ("constant steps", "soft bounds"):
        _, synapses, device = CASES[name]
        layer = nn.AnalogLinear(shape[0], shape[1], bias=False, rpu_config=configuration(device))
        tile = next(layer.analog_tiles())
        tile.set_weights(torch.zeros(shape[1], shape[0]))
        tile.set_learning_rate(0.001)  # with inputs of 1 and management, a train of one sure slot
        ours = synapses_of(synapses).build(np.zeros(shape), np.random.default_rng(1), largest=LARGEST)
        for sign in signs:
            # aihwkit subtracts the gradient
            tile.update(torch.ones(1, shape[0]), torch.full((1, shape[1]), -float(sign)))
            ours.update(np.ones((1, shape[0])), np.full((1, shape[1]), 0.001 * sign))
        theirs = np.asarray(tile.get_weights()[0])
        described = [f"{w.mean():.4f} +- {w.std():.4f}" for w in (theirs, ours.weights)]
        print(f"{name:<28}{described[0]:>26}{described[1]:>26}", flush=True)


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--images", type=int, default=2000, help="examples of a round")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--statistics", action="store_true", help="only the comparison of pulses")
    given = parser.parse_args()
    if not given.statistics:
        speeds(given.images, given.rounds)
    walks()


if __name__ == "__main__":
    main()
