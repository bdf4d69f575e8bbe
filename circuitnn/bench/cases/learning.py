"""Learning in the circuit: equilibrium propagation in networks of resistors and diodes.

Scellier (ICML 2024) trains 1568-100-10 for 10 epochs of MNIST and 1568-1024-10 for 50; both run here on some of its
images. The same network with exponential diodes is solved for 2,000 images at once, and for one of them by ngspice, of
which the analysis counts and not the reading of the deck. The same with wires in every crossbar, conductances fixed;
and rules on pulsed devices beside aihwkit, where that is installed.
"""

from __future__ import annotations

import time
from functools import partial

import numpy as np

from circuitnn.bench.learning_pulsed import pulsed
from circuitnn.bench.ngspice import Ngspice
from circuitnn.bench.runner import Case, Part, Row, median_time, median_times
from circuitnn.demos.mnist import mnist_images
from circuitnn.learning.resistive.netlist import resistive_circuit
from circuitnn.learning.resistive.network import ResistiveNetwork
from circuitnn.learning.resistive.relaxation import Relaxation
from circuitnn.learning.resistive.wires import WiredRelaxation
from circuitnn.learning.rule import rule_of
from circuitnn.results.memory import core_count

_ALL = 60_000  # examples of an epoch
_TOLERANCE = 1e-6  # V of the last sweep; what is then left is 1e-8 V, below the digits that ngspice prints


def _training(
    hidden: int, gain: float, threads: int, epochs: int, most: float, examples: int, rounds: int
) -> list[Row]:
    """Return how long an example takes in training, beside what it may take: seconds `most` for all epochs."""
    x, digits = mnist_images("train")
    x, t = x[:examples].astype(np.float32), np.eye(10, dtype=np.float32)[digits[:examples]]
    rule = rule_of("equilibrium", network=(784, hidden, 10), gain=gain, threads=threads)
    taken = median_time(lambda: rule.learn(x, t), rounds) / examples
    return [
        Row(
            f"equilibrium propagation, 1568-{hidden}-10, {threads} thread{'s' * (threads > 1)}: an example",
            taken,
            "s",
            baseline=most / (epochs * _ALL),
            goal=1.0,
            details={f"{epochs} epochs of {_ALL:,}, extrapolated": taken * epochs * _ALL},
        )
    ]


def _solve(rounds: int) -> list[Row]:
    """Return how long a solution of a network with exponential diodes takes in a batch, against ngspice's."""
    x, _ = mnist_images("test")
    x = x[:2000]
    network = ResistiveNetwork(sizes=(784, 100, 10), gain=1.0, diodes="exponential")
    network.randomise(np.random.default_rng(0))
    cores = core_count()
    solver = Relaxation(network, threads=cores)
    taken = median_time(lambda: solver.solve(x, tolerance=_TOLERANCE), rounds) / len(x)
    baseline = None
    details: dict[str, float | str] = {}
    peer = Ngspice()
    if peer.there():
        deck = resistive_circuit(network, x[0]).to_netlist().removesuffix(".end\n") + ".op\n.end\n"
        nodes = [[f"v(h1_{j})" for j in range(100)], [f"v(o{k})" for k in range(10)]]
        run = peer.run(deck, [name for layer in nodes for name in layer])
        read = peer.read(deck).child.seconds
        baseline = run.child.seconds - read
        details["ngspice reads the deck"] = read
        mine = solver.solve(x[:1], tolerance=_TOLERANCE)
        differences = [
            np.abs(np.ravel([run.vectors[name] for name in names]) - v[0]).max()
            for names, v in zip(nodes, mine, strict=True)
        ]
        details["largest difference of a node's voltage, V"] = float(max(differences))
    what = f"1568-100-10 with exponential diodes: a solution, of 2,000 in a batch, {cores} threads"
    return [Row(what, taken, "s", baseline=baseline, goal=200_000.0, details=details)]


def _wired(rounds: int) -> list[Row]:
    """Return how long a solution takes with wires of 1 ohm in every crossbar, beside one without."""
    x, _ = mnist_images("test")
    x = x[:256]
    # cells up to 10 uS: 0.1 of the network's units of 1e-4 S, so that 1 ohm is 1e-4 of them
    network = ResistiveNetwork(sizes=(784, 100, 10), gain=100.0, diodes="exponential", g_max=0.1)
    network.randomise(np.random.default_rng(0))
    wired = WiredRelaxation(network, r_word=1e-4, r_bit=1e-4)
    plain = Relaxation(network)
    began = time.perf_counter()
    wired.solve(x[:1])
    reduced = time.perf_counter() - began
    taken, baseline = median_times([lambda: wired.solve(x), lambda: plain.solve(x, tolerance=_TOLERANCE)], rounds)
    details: dict[str, float | str] = {"reduction of both crossbars, once for a set of conductances": reduced}
    # under 20 times as long: a twentieth of the speed
    what = "1568-100-10 with wires of 1 ohm: a solution, of 256 in a batch"
    return [Row(what, taken / len(x), "s", baseline=baseline / len(x), goal=0.05, details=details)]


_PARTS: dict[str, Part] = {
    # 60 us an example; the rewrite of the published code that the reference names takes 110
    "equilibrium": partial(_training, 100, 100.0, 1, 10, 36.0, 20_000),
    "equilibrium1024": partial(_training, 1024, 480.0, 2, 50, 900.0, 4_000),
    "resistive": _solve,
    "wires": _wired,
    "pulses": pulsed,
}

#: Needs ``mnist.npz`` (see ``mnist_images``).
EXPORT = Case(_PARTS, {"ngspice": Ngspice().there})
