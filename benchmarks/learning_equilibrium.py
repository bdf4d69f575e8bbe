"""Deep resistive networks on MNIST by equilibrium propagation (Scellier, ICML 2024): 1568-100-10 and 1568-1024-10.

``CIRCUITNN_DATA`` names the folder of mnist.npz. Times are of the processor, of training alone.
"""

import argparse
import time

import numpy as np

from circuitnn.demos.mnist import mnist_images
from circuitnn.learning.rule import rule_of

#: Network, gain and epochs that were published; 3.46 % and 1.57 % test error.
POINTS = {"xs": ((784, 100, 10), 100.0, 10), "1h": ((784, 1024, 10), 480.0, 50)}
PORTION = 4000  # examples


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("point", choices=POINTS)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--epochs", type=int)
    parser.add_argument("--rates", type=float, nargs="+", default=[0.006], help="of each layer, or one for all")
    parser.add_argument("--decay", type=float, default=0.99)
    parser.add_argument("--precision", default="single")
    parser.add_argument("--threads", type=int, default=1)
    given = parser.parse_args()
    network, gain, epochs = POINTS[given.point]
    (x, digits), (x_test, d_test) = mnist_images("train"), mnist_images("test")
    x, t = x.astype(np.float32), np.eye(10, dtype=np.float32)[digits]
    for seed in given.seeds:
        made = {"network": network, "gain": gain, "seed": seed, "precision": given.precision, "threads": given.threads}
        rule = rule_of("equilibrium", rates=tuple(given.rates), decay=given.decay, **made)
        order = np.random.default_rng(seed + 100)
        taken = 0.0
        for epoch in range(given.epochs or epochs):
            chosen = order.permutation(len(x))
            for first in range(0, len(x), PORTION):
                some = chosen[first : first + PORTION]
                began = time.process_time()
                rule.learn(x[some], t[some])
                taken += time.process_time() - began
            rule.end_epoch()
            wrong = np.mean(rule.outputs(x_test).argmax(axis=1) != d_test)
            print(f"{given.point}, seed {seed}, epoch {epoch + 1}: {wrong:.2%} wrong, {taken:.1f} s", flush=True)
        print(rule.cost.table((given.epochs or epochs) * len(x)), flush=True)


if __name__ == "__main__":
    main()
