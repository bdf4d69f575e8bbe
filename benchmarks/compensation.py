"""Cells that make up for wires: what is left of the error, at what gain, in how many transfer matrices and seconds.

    python benchmarks/compensation.py

Differential pairs of random normal weights, 1 to 100 uS, on square tiles; the first table of docs/compensation.md.
"""

from __future__ import annotations

import time

import numpy as np

from circuitnn.mapping.compensation.wires import compensate
from circuitnn.mapping.encodings.differential import Differential

WINDOW = (1e-6, 1e-4)


def main() -> None:
    coding = Differential()
    for size in (64, 128, 256):
        for r in (0.5, 2.0, 5.0):
            weights = np.random.default_rng(0).standard_normal((size, size // 2))
            cells = coding.conductances(weights, float(np.abs(weights).max()), *WINDOW)
            readout = coding.analogue(size // 2)
            for options in ({}, {"tolerance": 1e-6}, {"gain": 1.0}):
                start = time.perf_counter()
                done = compensate(cells, readout, r, r, window=WINDOW, **options)
                seconds = time.perf_counter() - start
                print(
                    f"{size} x {size}, {r:g} ohm, {options}: error {100 * done.before:.1f} %, scaled "
                    f"{100 * done.before_scaled:.1f} %, left {100 * done.error:.2g} %, gain {done.gain:.2f}, "
                    f"{done.steps} transfer matrices, {seconds:.2f} s",
                    flush=True,
                )


if __name__ == "__main__":
    main()
