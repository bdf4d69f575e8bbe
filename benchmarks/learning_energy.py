"""What a training example of MNIST takes of the hardware, rule by rule (docs/learning.md).

    python benchmarks/learning_energy.py [--examples 500] [RULE ...]

Every rule trains a network of 784 inputs, 100 hidden nodes or neurons and 10 outputs on the first examples.
"""

from __future__ import annotations

import argparse
import time

import numpy as np

from circuitnn.demos.mnist import mnist_images
from circuitnn.learning.rule import rule_of
from circuitnn.registry import catalog
from circuitnn.units import format_si

#: Rules whose defaults do not fit; what is not listed runs as it is.
SETTINGS: dict[str, dict[str, object]] = {
    "in_situ": {"synapses": "gated:stuck_low=0.11"},
    "backpropagation": {"synapses": "pulsed"},
    "feedback_alignment": {"synapses": "pulsed"},
    "direct_feedback_alignment": {"synapses": "pulsed"},
    "wired_equilibrium": {"siemens": 1e-4, "g_max": 0.1, "batch": 16},
    "boltzmann": {"network": (784, 500, 10)},
    "coupled": {"network": (784, 10)},
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("rules", nargs="*")
    parser.add_argument("--examples", type=int, default=500)
    given = parser.parse_args()
    x, digits = mnist_images("train")
    x, t = x[: given.examples], np.eye(10)[digits[: given.examples]]
    print("| rule | energy | time of the hardware | pulses | the largest parts |\n| --- | --- | --- | --- | --- |")
    for name in given.rules or catalog("learning.rules").names():
        rule = rule_of(name, **{"network": (784, 100, 10), **SETTINGS.get(name, {})})
        began = time.perf_counter()
        rule.learn(x, t)
        rule.end_epoch()
        cost, n = rule.cost, given.examples
        parts = sorted(cost.kinds.items(), key=lambda part: -part[1].joules)[:3]
        shown = ", ".join(f"{kind} {format_si(w.joules / n, 'J', 3)}" for kind, w in parts if w.joules > 0)
        columns = [name, format_si(cost.joules / n, "J", 3), format_si(cost.seconds / n, "s", 3)]
        print(f"| {' | '.join(columns)} | {cost.pulses / n:.0f} | {shown} |", flush=True)
        if time.perf_counter() - began > 60.0:
            print(f"({name} took {time.perf_counter() - began:.0f} s)")


if __name__ == "__main__":
    main()
