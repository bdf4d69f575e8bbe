"""Train the 64-32-10 network of the digits demonstration and write ``circuitnn/data/digits.npz``.

    python benchmarks/train_digits.py

Plain numpy: Adam on the cross-entropy of a relu/softmax network, pixels divided by 16. 36 images of each digit (360 of
1797) are held out; neither the training nor its stopping looks at them. Everything is seeded, so that the file can be
made again.
"""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.datasets import load_digits

Array = NDArray[np.float64]
HELD_OUT_PER_CLASS = 36
TARGET = Path(__file__).resolve().parents[1] / "circuitnn" / "data" / "digits.npz"


def softmax(z: Array) -> Array:
    e = np.exp(z - z.max(axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


def train(
    x: Array, y: NDArray[np.int64], hidden: int, *, epochs: int, batch: int, decay: float, seed: int
) -> list[Array]:
    """Return ``[W1, b1, W2, b2]`` of a relu/softmax network after Adam with a linearly falling rate.

    D. P. Kingma, J. Ba, "Adam: a method for stochastic optimization", ICLR (2015), algorithm 1.
    """
    rng = np.random.default_rng(seed)
    sizes = (x.shape[1], hidden, int(y.max()) + 1)
    parameters: list[Array] = []
    for fan_in, fan_out in pairwise(sizes):
        parameters += [rng.normal(0.0, np.sqrt(2.0 / fan_in), (fan_in, fan_out)), np.zeros(fan_out)]
    first = [np.zeros_like(p) for p in parameters]
    second = [np.zeros_like(p) for p in parameters]
    targets = np.eye(sizes[-1])[y]
    step, total = 0, epochs * -(-len(x) // batch)
    for _ in range(epochs):
        order = rng.permutation(len(x))
        for k in range(0, len(x), batch):
            pick = order[k : k + batch]
            w1, b1, w2, b2 = parameters
            h = np.maximum(x[pick] @ w1 + b1, 0.0)
            back = (softmax(h @ w2 + b2) - targets[pick]) / len(pick)
            inner = (back @ w2.T) * (h > 0.0)
            gradients = [x[pick].T @ inner + decay * w1, inner.sum(0), h.T @ back + decay * w2, back.sum(0)]
            step += 1
            rate = 3e-3 * (1.0 - (step - 1) / total)
            for p, m, s, g in zip(parameters, first, second, gradients, strict=True):
                m += 0.1 * (g - m)
                s += 0.001 * (g * g - s)
                p -= rate * (m / (1.0 - 0.9**step)) / (np.sqrt(s / (1.0 - 0.999**step)) + 1e-8)
    return parameters


def accuracy(parameters: list[Array], x: Array, y: NDArray[np.int64]) -> float:
    w1, b1, w2, b2 = parameters
    return float((np.argmax(np.maximum(x @ w1 + b1, 0.0) @ w2 + b2, axis=1) == y).mean())


def main() -> None:
    digits = load_digits()
    images, labels = digits.images.astype(np.uint8), digits.target.astype(np.int64)
    rng = np.random.default_rng(2024)
    held_out = np.sort(
        np.concatenate([rng.permutation(np.flatnonzero(labels == k))[:HELD_OUT_PER_CLASS] for k in range(10)])
    )
    x = images.reshape(len(images), 64) / 16.0
    kept = np.setdiff1d(np.arange(len(x)), held_out)
    w1, b1, w2, b2 = parameters = train(x[kept], labels[kept], 32, epochs=120, batch=32, decay=3e-4, seed=7)
    np.savez_compressed(
        TARGET,
        images=images,
        labels=labels.astype(np.uint8),
        held_out=held_out.astype(np.int16),
        w1=w1,
        b1=b1,
        w2=w2,
        b2=b2,
    )
    print(
        f"training {100 * accuracy(parameters, x[kept], labels[kept]):.2f} %, "
        f"held out {100 * accuracy(parameters, x[held_out], labels[held_out]):.2f} %, {TARGET.stat().st_size} bytes"
    )


if __name__ == "__main__":
    main()
