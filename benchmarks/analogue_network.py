"""Trained networks as one analogue deck: classes and outputs against the fast models, here and in ngspice.

    python benchmarks/analogue_network.py

Needs scikit-learn (data sets and training) and ngspice.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits, load_iris
from sklearn.neural_network import MLPClassifier

import circuitnn as cn
from circuitnn.mapping.circuits.behaviour import analogue_outputs
from circuitnn.mapping.circuits.network import write_network
from circuitnn.mapping.circuits.opamps import MacroOpAmp, TwoStageOpAmp
from circuitnn.results.rawfile import read_raw


def data(name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return iris, or three digits of 4 x 4 pixels, scaled to 0 to 1."""
    if name == "iris 4-3-3":
        x, y = load_iris(return_X_y=True)
    else:
        x, y = load_digits(n_class=3, return_X_y=True)
        x = x.reshape(-1, 4, 2, 4, 2).mean(axis=(2, 4)).reshape(-1, 16)
    return (x - x.min(axis=0)) / np.maximum(np.ptp(x, axis=0), 1e-9), y


def main() -> int:
    if shutil.which("ngspice") is None:
        print("ngspice is not installed", file=sys.stderr)
        return 1
    print(f"{'network':<16}{'amplifiers':<13}{'samples':>8}{'same class':>12}{'off fast':>10}{'off model':>11}", end="")
    print(f"{'ngspice off ours':>18}{'ours':>9}{'ngspice':>9}")
    for name, hidden, every in (("iris 4-3-3", 3, 1), ("digits 16-8-3", 8, 8)):
        x, y = data(name)
        net = MLPClassifier((hidden,), solver="lbfgs", max_iter=300, random_state=0, alpha=0.01).fit(x, y)
        layout = cn.compile(net, tile=(8, 8), r_wire=1.0, calibration=x)
        samples = x[::every]
        fast = layout(samples)
        for title, amplifier in (
            ("macro 1e5", MacroOpAmp()),
            ("macro 1e3", MacroOpAmp(1e3)),
            ("CMOS", TwoStageOpAmp()),
        ):
            with tempfile.TemporaryDirectory() as folder:
                path = Path(folder) / "network.cir"
                deck = write_network(layout, path, samples, amplifier)
                start = time.perf_counter()
                raw = path.with_suffix(".raw")
                subprocess.run(["ngspice", "-b", "-r", raw, path], capture_output=True, check=True)
                theirs = time.perf_counter() - start
                found = deck.read(read_raw(raw))
            start = time.perf_counter()
            own = deck.run()
            ours = time.perf_counter() - start
            model = "-"
            if isinstance(amplifier, MacroOpAmp):
                model = f"{np.abs(analogue_outputs(layout, samples, amplifier) - found).max():.1e}"
            same = (found.argmax(axis=1) == fast.argmax(axis=1)).sum()
            print(f"{name:<16}{title:<13}{len(samples):>8}{f'{same}/{len(samples)}':>12}", end="")
            print(f"{np.abs(found - fast).max():>10.1e}{model:>11}{np.abs(found - own).max():>18.1e}", end="")
            print(f"{ours:>7.1f} s{theirs:>7.1f} s")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
