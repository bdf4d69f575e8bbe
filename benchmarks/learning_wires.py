"""Equilibrium propagation of 1568-100-10 on MNIST in crossbars with wires and memristors (docs/learning_circuits.md).

    python benchmarks/learning_wires.py [--images 5000] [--epochs 2] [--seeds 1] wires 10:0.1 10:1:224 ...
    python benchmarks/learning_wires.py ... devices ideal pulsed:steps=100 pulsed:steps=100,noise=0.3/accumulate=1 ...
    python benchmarks/learning_wires.py times

Wires: largest conductance in uS, ohm a segment, rows of a tile. Devices: synapses, then after / any of
``accumulate=N`` (changes add up until they are N steps), ``rate=F``, ``beta=F``, ``r=uS:ohm[:tile]``.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from circuitnn.demos.mnist import mnist_images
from circuitnn.learning.resistive.network import ResistiveNetwork
from circuitnn.learning.resistive.relaxation import Relaxation
from circuitnn.learning.resistive.wired_training import WiredTraining
from circuitnn.learning.resistive.wires import WiredRelaxation
from circuitnn.learning.synapses.synapse import synapses_of

LARGEST = 0.1  # conductance of the network that stands for the largest one of a cell
BATCH, RATE, DECAY, BETA = 16, 0.012, 0.85, 1.0


def made(seed):
    network = ResistiveNetwork(sizes=(784, 100, 10), gain=100.0, g_max=LARGEST)
    network.randomise(np.random.default_rng(seed))
    return network


def wires_of(text):
    """Return the wires of "uS:ohm[:tile]" in the network's units."""
    g_max, ohm, tile = [*text.split(":"), "0"][:3]
    r = float(ohm) * float(g_max) * 1e-6 / LARGEST
    return {"r_word": r, "r_bit": r, "tile": int(tile) or None}


class Cells:
    """One matrix of conductances: exact ones, or devices that take pulses, perhaps after changes have added up."""

    def __init__(self, kind, network, layer, rng, accumulate):
        self.network, self.layer, self.held, self.sum, self.steps = network, layer, None, None, accumulate
        G = network.conductances[layer]
        if kind != "ideal":
            self.held = synapses_of(kind).build(G, rng, signed=False, largest=LARGEST)
            self.read()
        if accumulate:
            self.sum = np.zeros(G.shape)

    def read(self):
        self.network.conductances[self.layer] = np.maximum(np.asarray(self.held.weights, np.float64), 0.0)

    def move(self, change):
        G = self.network.conductances[self.layer]
        if self.held is None:
            np.clip(G + change, 0.0, LARGEST, out=G)
            return
        if self.sum is not None:
            # whole steps go to the device when there are enough, the rest stays in a digital memory
            self.sum += change
            least = self.steps * self.held.step
            change = np.trunc(self.sum / least) * least
            self.sum -= change
        self.held.change(change)
        self.read()


def train(network, data, wires, epochs, kind="ideal", accumulate=0, rate=RATE, beta=BETA, seed=0):
    """Train in the circuit; return the pulses of an example."""
    x, t = data
    training = WiredTraining(network, **wires, allowed=2e-3)
    rng = np.random.default_rng(1000 + seed)
    cells = [Cells(kind, network, layer, rng, accumulate) for layer in range(2)]
    for epoch in range(epochs):
        now = rate * DECAY**epoch
        for k in range(0, len(x), BATCH):
            by_g, by_i, _ = training.gradient(x[k : k + BATCH], t[k : k + BATCH], beta)
            for one, gradient in zip(cells, by_g, strict=True):
                one.move(-now * gradient)
            for current, gradient in zip(network.currents, by_i, strict=True):
                current -= now * gradient
    return sum(one.held.cost.pulses for one in cells if one.held is not None) / (epochs * len(x))


def error(network, wires, test):
    outputs = WiredRelaxation(network, **wires, tolerance=1e-7).solve(test[0])[-1]
    return 100.0 * float((outputs.argmax(axis=1) != test[1]).mean())


def study_wires(given, data, test):
    for seed in range(given.seeds):
        plain = made(seed)
        train(plain, data, wires_of("1:0"), given.epochs)
        print(f"seed {seed}, no wires: {error(plain, wires_of('1:0'), test):.2f} %", flush=True)
        for text in given.cases:
            wires, network = wires_of(text), made(seed)
            began = time.process_time()
            lost = error(plain, wires, test)
            train(network, data, wires, given.epochs)
            own, took = error(network, wires, test), time.process_time() - began
            print(f"seed {seed}, {text}: deployed {lost:.2f} %, trained {own:.2f} %, {took:.0f} s", flush=True)


def study_devices(given, data, test):
    for text in given.cases:
        kind, *options = text.split("/")
        values = dict(option.split("=", 1) for option in options if "=" in option)
        rate, beta = RATE * float(values.get("rate", 1.0)), BETA * float(values.get("beta", 1.0))
        wires = wires_of(values.get("r", "1:0"))
        for seed in range(given.seeds):
            network = made(seed)
            pulses = train(network, data, wires, given.epochs, kind, int(values.get("accumulate", 0)), rate, beta, seed)
            print(
                f"{text} seed {seed}: {error(network, wires, test):.2f} %, {pulses:.0f} pulses an example", flush=True
            )


def study_times(_given, data, test):
    network, (x, t) = made(0), data
    for diodes in ("ideal", "exponential"):
        network.diodes = diodes
        wired = WiredRelaxation(network, **wires_of("10:1"))
        began = time.process_time()
        wired.ports(0), wired.ports(1)
        print(f"{diodes}: reduction {time.process_time() - began:.3f} s")
        for name, solver in (("wires", wired), ("no wires", Relaxation(network, batch=BATCH))):
            took = []
            for _ in range(5):
                began = time.process_time()
                solver.solve(test[0][:256])
                took.append((time.process_time() - began) / 256)
            print(f"{diodes}, {name}: {1e6 * min(took):.1f} us a solve")
    network.diodes = "ideal"
    training = WiredTraining(network, **wires_of("10:1"))
    training.gradient(x[:BATCH], t[:BATCH], BETA)
    for name, solver in (("quick", training), ("full", WiredRelaxation(network, **wires_of("10:1"), tolerance=1e-6))):
        began = time.process_time()
        solver.gradient(x[:BATCH], t[:BATCH], BETA)
        print(f"{name} gradient: {1e6 * (time.process_time() - began) / BATCH:.0f} us an example")


STUDIES = {"wires": study_wires, "devices": study_devices, "times": study_times}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=5000)
    parser.add_argument("--epochs", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("study", choices=STUDIES)
    parser.add_argument("cases", nargs="*")
    given = parser.parse_args()
    (x, digits), test = mnist_images("train"), mnist_images()
    data = x[: given.images], np.eye(10)[digits[: given.images]]
    STUDIES[given.study](given, data, test)


if __name__ == "__main__":
    main()
