"""In-situ training of 1T1R crossbars (Li et al., Nature Communications 9, 2385 (2018)), and what it makes up for.

``mnist``: the published point, 64-54-10, 80,000 samples of MNIST in minibatches of 50, 11 % of the devices stuck.
``stuck``: the same in place, beside weights trained without devices and programmed into the same array.
``wires``: the same with line resistance, on the digits of 8 x 8 pixels that come with scikit-learn.

Images of MNIST are reduced to 8 x 8 pixels here: two pixels are cropped from each side, then 3 x 3 pixels averaged.
``CIRCUITNN_DATA`` names the folder of mnist.npz.
"""

import argparse
import time

import numpy as np

from circuitnn.demos.mnist import mnist_images
from circuitnn.learning.rules.in_situ import InSitu

RATE = 1.0


def reduced(part):
    """Return images, shape (images, 64), and digits."""
    images, digits = mnist_images(part)
    inner = images.reshape(-1, 28, 28)[:, 2:26, 2:26]
    return inner.reshape(-1, 8, 3, 8, 3).mean(axis=(2, 4)).reshape(-1, 64), digits


def trained(x, digits, samples, seed, **parameters):
    rule, order, left = InSitu(rate=RATE, seed=seed, **parameters), np.random.default_rng(seed + 100), samples
    while left:
        chosen = order.permutation(len(x))[:left]
        rule.learn(x[chosen], np.eye(10)[digits[chosen]])
        left -= len(chosen)
    return rule


def accuracy(rule, x, digits):
    with rule.cost.aside():
        return np.mean(rule.outputs(x).argmax(axis=1) == digits)


def programmed(exact, seed, **parameters):
    """Return the array with the weights of another network, each written once."""
    rule = InSitu(seed=seed, **parameters)
    for array, own in zip(rule.layers, exact.layers, strict=True):
        array.change(own.weights - array.weights)
    return rule


def shown(name, found):
    found = 100 * np.array(found)
    each = " ".join(f"{a:.2f}" for a in found)
    print(f"{name:<36}{found.mean():6.2f} +- {found.std():.2f} %   ({each})", flush=True)


def mnist(seeds):
    (x, d), test = reduced("train"), reduced("test")
    for stuck in ("stuck_low=0.11", "stuck_random=0.11", "stuck_low=0.055,stuck_high=0.055", "stuck_high=0.11", ""):
        start = time.process_time()
        rules = [trained(x, d, 80_000, s, synapses="gated" + (f":{stuck}" if stuck else "")) for s in seeds]
        shown(stuck or "none stuck", [accuracy(rule, *test) for rule in rules])
        print(f"{(time.process_time() - start) / len(seeds):.1f} s a run", flush=True)
        if stuck == "stuck_low=0.11":
            print(rules[0].cost.table(80_000), flush=True)
    shown("exact weights", [accuracy(trained(x, d, 80_000, s, synapses="ideal"), *test) for s in seeds])


def stuck(seeds):
    (x, d), test = reduced("train"), reduced("test")
    exact = [trained(x, d, 80_000, s, synapses="ideal") for s in seeds]
    for share in (0.0, 0.11, 0.2, 0.3, 0.5):
        for kind in ("low", "random"):
            devices = f"gated:stuck_{kind}={share}"
            here = [accuracy(trained(x, d, 80_000, s, synapses=devices), *test) for s in seeds]
            moved = [accuracy(programmed(e, s, synapses=devices), *test) for e, s in zip(exact, seeds, strict=True)]
            shown(f"{share:.0%} stuck {kind}, in place", here)
            shown(f"{share:.0%} stuck {kind}, programmed", moved)


def wires(seeds):
    from sklearn.datasets import load_digits

    data = load_digits()
    x, d = data.data / 16.0, data.target
    test, (x, d) = (x[::5], d[::5]), (np.delete(x, np.s_[::5], 0), np.delete(d, np.s_[::5]))
    exact = [trained(x, d, 20 * len(x), s, synapses="ideal") for s in seeds]
    shown("exact weights", [accuracy(e, *test) for e in exact])
    for devices in ("gated", "gated:stuck_low=0.11"):
        for r in (0.0, 1.0, 2.0, 5.0, 10.0):
            made = {"synapses": devices, "r_wire": r}
            here = [trained(x, d, 20 * len(x), s, **made) for s in seeds]
            moved = [programmed(e, s, **made) for e, s in zip(exact, seeds, strict=True)]
            shown(f"{devices[6:] or 'none stuck'}, {r:g} ohm, in place", [accuracy(h, *test) for h in here])
            shown(f"{devices[6:] or 'none stuck'}, {r:g} ohm, programmed", [accuracy(m, *test) for m in moved])


def main():
    parts = {"mnist": mnist, "stuck": stuck, "wires": wires}
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[*parts, []], default=list(parts))
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    given = parser.parse_args()
    for part in given.parts:
        print(part, flush=True)
        parts[part](given.seeds)


if __name__ == "__main__":
    main()
