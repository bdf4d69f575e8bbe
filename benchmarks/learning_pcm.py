"""PCM pairs and 3T1C capacitors on MNIST (Ambrogio et al., Nature 558, 60 (2018)), floating point and ablations.

Network 528-250-125-10, images cropped to rows 2 to 25 and columns 3 to 24, an example at a time, the same rate, decay
and order of examples for all systems. ``CIRCUITNN_DATA`` names the folder of mnist.npz.
"""

import argparse
import time

import numpy as np

from circuitnn.demos.mnist import mnist_images
from circuitnn.learning.rule import rule_of

SYSTEMS = {
    "float": ("backpropagation", {}),
    "pcm+3t1c": ("pcm_3t1c", {}),
    "no inversion": ("pcm_3t1c", {"synapses": "pcm_capacitor:inversion=false"}),
    "no transfer": ("pcm_3t1c", {"transfer": 0}),
    "pcm alone": ("pcm_3t1c", {"synapses": "pcm_pair", "transfer": 1000}),
}


def cropped(part):
    """Return images of 24 rows of 22 pixels, (images, 528), and digits."""
    images, digits = mnist_images(part)
    return images.reshape(-1, 28, 28)[:, 2:26, 3:25].reshape(-1, 528), digits


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--systems", nargs="+", choices=SYSTEMS, default=list(SYSTEMS))
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--rate", type=float, default=0.01)
    parser.add_argument("--decay", type=float, default=0.75)
    given = parser.parse_args()
    (x, digits), (x_test, d_test) = cropped("train"), cropped("test")
    t = np.eye(10)[digits]
    for seed in given.seeds:
        for system in given.systems:
            name, parameters = SYSTEMS[system]
            made = {"network": (528, 250, 125, 10), "batch": 1, "activation": "relu", "seed": seed}
            rule = rule_of(name, rate=given.rate, decay=given.decay, **made, **parameters)
            order, start = np.random.default_rng(seed + 100), time.process_time()
            for epoch in range(given.epochs):
                chosen = order.permutation(len(x))
                rule.learn(x[chosen], t[chosen])
                rule.end_epoch()
                with rule.cost.aside():
                    right = np.mean(rule.outputs(x_test).argmax(axis=1) == d_test)
                seconds = time.process_time() - start
                print(f"{system}, seed {seed}, epoch {epoch + 1}: {right:.2%}, {seconds:.0f} s", flush=True)
            print(rule.cost.table(given.epochs * len(x)), flush=True)


if __name__ == "__main__":
    main()
