"""Accuracy of the shipped digits network under each non-ideality: the table of docs/nonidealities.md.

    python benchmarks/digits_nonidealities.py [SEEDS]

A 64-32-10 network on tiles of 64 x 32, hfo2 cells of 1 uS to 100 uS, 360 images that its training did not see.
"""

from __future__ import annotations

import sys
import time

import numpy as np

import circuitnn as cn
from circuitnn.demos.digits import TILE, load_digits

ni = cn.nonidealities
DAY = 86400.0
RETENTION = ni.Retention(tau=3e8, time=1e8, temp_ref=300.15, spread=0.05)
CASES = [
    ("none", 0.0, []),
    ("variability of G, 10 %", 0.0, [ni.Variability("g", 0.1)]),
    ("variability of G, 30 %", 0.0, [ni.Variability("g", 0.3)]),
    ("variability of G, 30 %, correlated over 5 cells", 0.0, [ni.Variability("g", 0.3, length=5)]),
    ("window of 5 uS to 50 uS", 0.0, [ni.Window(5e-6, 50e-6)]),
    ("16 levels", 0.0, [ni.Levels(16)]),
    ("4 levels", 0.0, [ni.Levels(4)]),
    ("programming error, RRAM after 1 s", 0.0, [ni.ProgrammingError("wan2022_1s")]),
    ("programming error, RRAM after 2 days", 0.0, [ni.ProgrammingError("wan2022_2d")]),
    ("programming error, PCM", 0.0, [ni.ProgrammingError("nandakumar2019")]),
    ("drift, PCM, a day", 0.0, [ni.Drift(fit="nandakumar2019", time=DAY)]),
    ("drift, PCM, a year", 0.0, [ni.Drift(fit="nandakumar2019", time=365 * DAY)]),
    ("retention loss, t = tau / 3, ln G spread by 0.2", 0.0, [RETENTION]),
    ("stuck on 1 %, off 1 %", 0.0, [ni.Stuck(on=0.01, off=0.01)]),
    ("stuck on 5 %, off 5 %", 0.0, [ni.Stuck(on=0.05, off=0.05)]),
    ("2 % of word lines broken", 0.0, [ni.Stuck(rows=0.02)]),
    ("endurance: half of the cells' lives", 0.0, [ni.Endurance(life=1e6, cycles=5e5)]),
    ("read noise 5 %", 0.0, [ni.ReadNoise(0.05)]),
    ("read noise 5 %, wires of 1 ohm", 1.0, [ni.ReadNoise(0.05)]),
    ("telegraph noise, median 20 %", 0.0, [ni.TelegraphNoise(0.2, tau_max=1e-4)]),
    ("1/f noise, k = 1e-3", 0.0, [ni.FlickerNoise(k=1e-3)]),
    ("thermal and shot noise, 100 MHz at 0.2 V", 0.0, [ni.ThermalNoise(1e8, 0.2), ni.ShotNoise(1.0, 1e8, 0.2)]),
    ("read disturb, tau = 10 ms at 0.2 V", 0.0, [ni.ReadDisturb(tau=1e-2 * np.sinh(4.0), v_read=0.2, t_read=1e-5)]),
    (
        "16 levels, PCM programming error and drift of a day, stuck 1 % each, read noise 2 %, wires of 1 ohm",
        1.0,
        [
            ni.Levels(16), ni.ProgrammingError("nandakumar2019"), ni.Drift(fit="nandakumar2019", time=DAY),
            ni.Stuck(on=0.01, off=0.01), ni.ReadNoise(0.02),
        ],
    ),
]  # fmt: skip


def main() -> int:
    seeds = range(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
    digits = load_digits()
    print("| non-idealities | accuracy, % |\n| --- | --- |")
    for label, r_wire, effects in CASES:
        start = time.perf_counter()
        ideal = cn.compile(digits.network, tile=TILE, r_wire=r_wire)
        found = [
            100.0 * ideal.with_nonidealities(effects, seed).evaluate(digits.x_test, digits.y_test).accuracy
            for seed in (seeds if any(effect.random for effect in effects) else [0])
        ]
        spread = f" ± {np.std(found, ddof=1):.2f}" if len(found) > 1 else ""
        print(f"| {label} | {np.mean(found):.2f}{spread} |", flush=True)
        print(f"{time.perf_counter() - start:.1f} s", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
