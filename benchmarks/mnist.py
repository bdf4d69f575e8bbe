"""MNIST and the networks that ``train_mnist.py`` made, for the scripts of this folder."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
MODELS = ROOT / "circuitnn" / "data"

Array = NDArray[np.float64]
Labels = NDArray[np.int64]


@dataclass(frozen=True)
class Images:
    """Pixels from 0 to 1, shape (images, 784), and labels."""

    x_train: Array
    y_train: Labels
    x_test: Array
    y_test: Labels

    def training(self) -> tuple[Array, Labels]:
        """Return the 60,000 images of training."""
        return self.x_train, self.y_train

    def test(self, n: int | None = None) -> tuple[Array, Labels]:
        """Return the first n images of the test, all 10,000 when None."""
        return self.x_test[:n], self.y_test[:n]


def images() -> Images:
    """Return MNIST from ``mnist.npz`` in the folder CIRCUITNN_DATA, ``../shared/data`` when unset; exit without it."""
    path = Path(os.environ.get("CIRCUITNN_DATA", ROOT.parent / "shared" / "data")) / "mnist.npz"
    if not path.is_file():
        sys.exit(f"there is no {path}; set CIRCUITNN_DATA to the folder that holds mnist.npz")
    with np.load(path, allow_pickle=False) as data:
        return Images(
            data["x_train"].reshape(-1, 784) / 255.0,
            data["y_train"].astype(np.int64),
            data["x_test"].reshape(-1, 784) / 255.0,
            data["y_test"].astype(np.int64),
        )
