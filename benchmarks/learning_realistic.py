"""Equilibrium propagation with exponential diodes and amplifiers at voltages of real circuits.

What comes of it is in docs/learning_realistic_voltages.md.

``point``: MNIST, 784 pairs of sources, 100 hidden nodes, 10 pairs of outputs, 10 epochs; the published figure for this
circuit is 3.43 % test error (Kendall et al. 2020, arXiv 2006.01981). Voltages and powers of the trained network.
``amplified``: the same with the amplifier before the diode: an input of 0.25 V does.
``ablation``: what each part of the setting is good for: the way from what is obvious, and each part left out.

``CIRCUITNN_DATA`` names the folder of mnist.npz.
"""

import argparse
import time

import numpy as np

from circuitnn.demos.mnist import mnist_images
from circuitnn.errors import CircuitnnError
from circuitnn.learning.rules.equilibrium import Equilibrium

UNIT = 5e-4  # S, of what is 1 in networks without units: initial conductances go up to UNIT / sqrt(rows)
PUBLISHED = 0.006 * UNIT**2  # S^2/V^2, the rates of Scellier 2024 for ideal diodes and targets of 1 V

#: 1N4148 to rails of 0.55 V, amplifiers of 4, cells of 1 to 100 uS, inputs of +-5 V.
POINT = {
    "network": (784, 100, 10),
    "gain": 5.0,
    "diodes": "exponential",
    "saturation": 2.52e-9,
    "thermal": 0.0453,
    "low": 0.55,
    "high": -0.55,
    "amplification": 4.0,
    "differential": True,
    "g_min": 1e-6,
    "g_max": 100e-6,
    "largest": UNIT,
    "nudging": "cross-entropy",
    "temperature": 0.04,
    "beta": 1e-4,
    "rates": (7.5e-7,),
    "bias_rates": (0.0,),
    "decay": 0.8,
    "batch": 4,
    "siemens": 1.0,
    "volts": 1.0,
}


def behind(amplification, **others):
    """Diodes behind the amplifier: at its input they look like ones of voltages and currents divided by A."""
    values = POINT | {"amplification": amplification} | others
    return values | {name: values[name] / amplification for name in ("low", "high", "thermal", "saturation")}


NAIVE = {
    "low": 0.0,
    "high": 0.0,
    "differential": False,
    "nudging": "current",
    "beta": UNIT,
    "rates": (PUBLISHED,),
}
SMALL = {"target": 0.2, "rates": (25 * PUBLISHED,)}
BIASED = {"low": 0.55, "high": -0.55}

#: Changes of POINT; ``target`` in volts multiplies the targets.
ABLATION = {
    "obvious: diodes to ground, targets of 1 V, published rates": NAIVE,
    "  and no factor A^2 in the first layer": NAIVE | {"rates": (PUBLISHED / 16, PUBLISHED)},
    "  and amplifiers of 40": NAIVE | {"amplification": 40.0},
    "  with targets of 0.2 V": NAIVE | {"target": 0.2},
    "  with targets of 0.2 V, rates / 0.2^2": NAIVE | SMALL,
    "  with biased diodes": NAIVE | BIASED,
    "  with biased diodes, targets of 0.2 V": NAIVE | BIASED | {"target": 0.2},
    "  with biased diodes, targets of 0.2 V, rates / 0.2^2": NAIVE | BIASED | SMALL,
    "    and pairs of outputs": NAIVE | BIASED | SMALL | {"differential": True},
    "      and 4 times the rates": NAIVE | BIASED | SMALL | {"differential": True, "rates": (100 * PUBLISHED,)},
    "      and cross-entropy: the point": {},
    "diodes to ground": {"low": 0.0, "high": 0.0},
    "no diodes": {"saturation": 1e-30},
    "one node an output": {"differential": False},
    "squared error, targets of 1 V, published rates": {
        "nudging": "current",
        "beta": UNIT,
        "rates": (PUBLISHED,),
    },
    "temperature of 1 V, same rates": {"temperature": 1.0},
    "temperature of 1 V, rates / 25": {"temperature": 1.0, "rates": (3e-8,)},
    "temperature of 0.2 V": {"temperature": 0.2},
    "no factor A^2 in the first layer": {"rates": (7.5e-7 / 16, 7.5e-7)},
    "published rates": {"rates": (PUBLISHED,)},
    "rates / 4": {"rates": (7.5e-7 / 4,)},
    "rates x 4": {"rates": (4 * 7.5e-7,)},
    "inputs of 1 V, all else as it was": {"gain": 1.0},
    "inputs of 1 V, temperature and rates scaled": {"gain": 1.0, "temperature": 0.008, "rates": (25 * 7.5e-7,)},
    "ideal diodes of silicon (10 fA, n = 1), rails of 0.67 V": {
        "saturation": 1e-14,
        "thermal": 0.02585,
        "low": 0.67,
        "high": -0.67,
    },
    "rails of 0.45 V": {"low": 0.45, "high": -0.45},
    "rails of 0.65 V": {"low": 0.65, "high": -0.65},
    "both diodes at every node (clip at 0.15 V)": {"pairs": True, "low": 0.4, "high": -0.4},
    "nudges of one random sign": {"sides": "random"},
    "beta x 10": {"beta": 1e-3},
    "beta x 100": {"beta": 1e-2},
    "batches of 16": {"batch": 16},
    "batches of 16, rates x 3": {"batch": 16, "rates": (3 * 7.5e-7,)},
    "conductances unbounded": {"g_min": 0.0, "g_max": 1.0},
    "least conductance 10 uS": {"g_min": 1e-5},
    "amplifier of 20 before the diode, inputs of 1 V": behind(20.0, gain=1.0),
    "amplifier of 100 before the diode to ground, inputs of 5 V": behind(
        100.0, low=0.0, high=0.0, temperature=1.0, rates=(7.5e-7 / 625,)
    ),
}


def trained(seed, epochs, target=1.0, **parameters):
    """Return the rule, test errors by epochs in %, and seconds of training an example."""
    rule = Equilibrium(seed=seed, **(POINT | parameters))
    (x, digits), (test, wanted) = mnist_images("train"), mnist_images("test")
    x, t = x.astype(np.float32), (target * np.eye(10)[digits]).astype(np.float32)
    errors, seconds = [], 0.0
    for _ in range(epochs):
        order = rule.rng.permutation(len(x))
        start = time.process_time()
        rule.learn(x[order], t[order])
        seconds += time.process_time() - start
        rule.end_epoch()
        errors.append(100.0 * float(np.mean(rule.outputs(test).argmax(axis=1) != wanted)))
    return rule, errors, seconds / (epochs * len(x))


def described(rule, placed_behind):
    """Print voltages and powers of 1,000 test examples of a network of one hidden layer."""
    rule.synchronise()
    made, x = rule.resistive, mnist_images("test")[0][:1000]
    hidden, outputs = rule.relaxation.solve(x, tolerance=1e-6)
    a = made.amplification
    for name, volts in (
        ("hidden node", hidden),
        ("behind its amplifier", a * hidden),
        ("output node", outputs),
        ("output", made.outputs(outputs)),
    ):
        print(f"  {name:<22}" + "".join(f"{v:9.4f}" for v in np.percentile(volts, [1, 10, 50, 90, 99])) + " V")
    lower = np.concatenate([made.gain * x, -made.gain * x], axis=1)
    powers = []
    for below, g, above in ((lower, made.conductances[0], hidden), (a * hidden, made.conductances[1], outputs)):
        powers.append(below**2 @ g.sum(axis=1) + above**2 @ g.sum(axis=0) - 2.0 * ((below @ g) * above).sum(axis=1))
    low = np.arange(hidden.shape[1]) < hidden.shape[1] // 2
    across = np.where(low, made.low - hidden, hidden - made.high)
    current = made.saturation * np.expm1(across / made.thermal)
    # behind the amplifier both the voltage and the current are A times what they look like at its input
    powers.append((current * across).sum(axis=1) * (a**2 if placed_behind else 1.0))
    peak = np.abs(current).max() * (a if placed_behind else 1.0)
    for name, watts in zip(("first layer's cells", "second layer's cells", "diodes"), powers, strict=True):
        print(f"  {name:<22}{watts.mean():10.3g} W ({np.percentile(watts, 99):.3g} W of one in a hundred)")
    print(f"  largest diode current {peak:.3g} A")
    for g in made.conductances:
        shares = np.mean(g <= 1.001 * made.g_min), np.mean(g >= 0.999 * made.g_max)
        least, largest = (100 * share for share in shares)
        print(f"  cells: median {1e6 * np.median(g):.2f} uS, {least:.0f} % least, {largest:.2f} % largest")


def point(seeds, epochs, parameters, placed_behind=False):
    for seed in range(seeds):
        rule, errors, seconds = trained(seed, epochs, **parameters)
        print(f"seed {seed}: {errors[-1]:.2f} % after {epochs} epochs, {1e6 * seconds:.0f} us an example")
        print("  " + " ".join(f"{e:.2f}" for e in errors), flush=True)
        if seed == 0:
            described(rule, placed_behind)


def ablation(seeds, epochs, only):
    for name, changes in ABLATION.items():
        if only not in name:
            continue
        try:
            found = [trained(seed, epochs, **changes)[1][-1] for seed in range(seeds)]
        except CircuitnnError as error:
            print(f"{name:<62} {error}", flush=True)
        else:
            print(f"{name:<62} " + " ".join(f"{e:6.2f}" for e in found) + " %", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("point", "amplified", "ablation"))
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--only", default="", help="rows of the ablation with this in their name")
    args = parser.parse_args()
    if args.what == "ablation":
        ablation(args.seeds, args.epochs, args.only)
    elif args.what == "point":
        point(args.seeds, args.epochs, {})
    else:
        # as with inputs of 5 V and an amplifier of 4, all voltages before the amplifier being a twentieth
        point(args.seeds, args.epochs, behind(80.0, gain=0.25), True)


if __name__ == "__main__":
    main()
