"""Binary networks on MNIST: weak RESETs, few-valued weights, bit errors, a model's pulse law (docs/learning_binary.md).

    python benchmarks/learning_binary.py weak_reset [--epochs 6] [--network 784-1024-1024-10] [--set decay=0.55]
    python benchmarks/learning_binary.py binary | xnor | quantised
    python benchmarks/learning_binary.py errors --epochs 8          a binary network with ever more of its bits wrong
    python benchmarks/learning_binary.py pulses                     JART VCM v1b under weak RESETs

Prints test accuracy after each epoch, wear of the devices, and what an example takes.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

import circuitnn as cn
from circuitnn.demos.mnist import mnist_images
from circuitnn.learning.binary_memory import flipped
from circuitnn.learning.trainer import Trainer


def train(rule: str, given: argparse.Namespace) -> tuple[Trainer, tuple[np.ndarray, np.ndarray]]:
    options = dict(pair.split("=", 1) for pair in given.set)
    (x, y), test = mnist_images("train"), mnist_images()
    network = tuple(int(n) for n in given.network.split("-"))
    trainer = Trainer(rule, network=network, epochs=given.epochs, seed=given.seed, **options)
    began = time.perf_counter()
    trainer.fit(
        x[: given.examples],
        y[: given.examples],
        validation=test,
        told=lambda row: print(f"{rule} epoch {row.epoch}: {100 * row.score:.2f} %, {row.took:.0f} s", flush=True),
    )
    print(f"{time.perf_counter() - began:.0f} s")
    print(trainer.rule.cost.table(trainer.history[-1].examples), flush=True)
    return trainer, test


def errors(given: argparse.Namespace) -> None:
    """Accuracy of a trained network of binary weights and neurons against the bit error rate of its cells."""
    given.set = ["activation=sign", *given.set]
    trainer, (x, y) = train("binary", given)
    good = [array.synapses.weights.copy() for array in trainer.rule.layers]
    for rate in (0.0, 1e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1):
        found = []
        for seed in range(5):
            rng = np.random.default_rng(seed)
            for array, w in zip(trainer.rule.layers, good, strict=True):
                array.change(flipped(w, rate, rng) - array.synapses.weights)
            found.append(100 * trainer.score(x, y))
        print(f"bit error rate {rate:g}: {np.mean(found):.2f} % +- {np.std(found):.2f}", flush=True)


def pulses(count: int = 20, width: float = 1e-6) -> None:
    """ln R of a HfO2 cell after pulses from its low resistance on, read at 0.1 V."""
    for volts in (1.4, 1.6, 1.8):
        points = [0.0, 0.1, 0.2 * width, 0.1]
        for n in range(count + 1):
            at = (0.2 + 2 * n) * width
            points += [at + 0.02 * width, volts, at + 1.02 * width, volts, at + 1.04 * width, 0.1, at + 2 * width, 0.1]
        circuit = cn.Circuit("weak RESET")
        circuit.V("1", "a", 0, dc=0.1, waveform=("pwl", *points))
        circuit.N("1", "a", 0, model="jart", n0=1.9e27)
        tran = circuit.tran(stop=points[-2])
        times = (0.2 + 2 * np.arange(count + 2) - 0.01) * width
        r = 0.1 / np.interp(times, tran.time, -tran["i(v1)"])
        print(f"{volts} V: {r[0]:.0f} ohm, then {r[1]:.0f} ohm; ln R from there", np.round(np.log(r[1:] / r[1]), 3))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("weak_reset", "binary", "xnor", "quantised", "errors", "pulses"))
    parser.add_argument("--epochs", type=int, default=6)
    parser.add_argument("--network", default="784-1024-1024-10")
    parser.add_argument("--examples", type=int, default=60000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--set", nargs="*", default=[], metavar="NAME=VALUE")
    given = parser.parse_args()
    if given.what == "pulses":
        pulses()
    elif given.what == "errors":
        errors(given)
    else:
        trainer, _ = train(given.what, given)
        if given.what == "weak_reset":
            print(trainer.rule.endurance)


if __name__ == "__main__":
    main()
