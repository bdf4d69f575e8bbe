"""Tables and figure of docs/programming.md: ``python docs/images/make_programming.py`` (about three minutes)."""

import time
from dataclasses import replace
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np

import circuitnn as cn
from circuitnn.demos.digits import load_digits
from circuitnn.mapping.programming.drift import TIMES, over_time
from circuitnn.mapping.programming.plan import PLANS
from circuitnn.mapping.programming.report import ProgrammingReport
from circuitnn.mapping.programming.write_verify import program
from circuitnn.units import format_si

PLAN = PLANS["hfo2"]


def targets(n):
    """Half of the cells at the least conductance, as in differential pairs; the others up to the largest."""
    return 1e-6 + 99e-6 * np.clip(np.random.default_rng(1).normal(0.0, 0.3, (n, n)), 0.0, 1.0)


def row(n, plan, fidelity="fast", r=1.0):
    start = time.perf_counter()
    xb = cn.Crossbar(cn.Cells("hfo2", (n, n)), r, r)
    report = ProgrammingReport((program(xb, targets(n), plan, fidelity=fidelity),))
    seconds = time.perf_counter() - start
    energy, pulses = report.energy, report.pulses
    print(
        f"| {n} x {n} | {plan.scheme} | {fidelity} | {pulses.mean():.1f} | {pulses.max()} "
        f"| {format_si(report.time, 's', 3)} | {format_si(energy.total, 'J', 3)} "
        f"| {100 * (energy.half_selected + energy.unselected) / energy.total:.0f} % | {format_si(report.rms, 'S', 3)} "
        f"| {len(report.failures)} | {seconds:.1f} s |",
        flush=True,
    )
    return report


def main():
    print("| tile | scheme | fidelity | pulses | most | time | energy | not selected | rms error | out | computed in |")
    print("|---|---|---|---|---|---|---|---|---|---|---|")
    third = replace(PLAN, scheme="V/3")
    for n, plan, fidelity in ((6, PLAN, "exact"), (6, PLAN, "fast"), (6, third, "exact"), (6, third, "fast")):
        row(n, plan, fidelity)
    for n in (32, 64):
        row(n, PLAN)
    row(64, replace(PLAN, verify=replace(PLAN.verify, corrected=False)))
    full = row(128, PLAN)
    row(128, replace(PLAN, tolerance=0.5e-6))

    digits = load_digits()
    layout = cn.compile(digits.network, tile=(64, 64), device="hfo2", r_wire=1.0)
    done, report = layout.program()
    x, y = digits.x_test, digits.y_test
    before, after = (100 * each.evaluate(x, y).accuracy for each in (layout, done))
    print(f"\nas compiled {before:.1f} %, programmed {after:.1f} %")
    print(report)
    drift = cn.nonidealities.Drift(fit="nandakumar2019")
    rows = over_time(done, x, y, drift, seed=1)
    print(
        "\n| after | as it is | one gain a matrix | one an output | programmed again | pulses a cell | energy | out |"
    )
    print("|---|---|---|---|---|---|---|---|")
    for name, later in zip(TIMES, rows, strict=True):
        shares = (later.left, later.global_gain, later.output_gain, later.programmed)
        print(
            f"| {name} | " + " | ".join(f"{100 * share:.1f} %" for share in shares)
            + f" | {later.report.pulses.mean():.1f} | {format_si(later.report.energy.total, 'J', 3)} "
            f"| {len(later.report.failures)} |"
        )  # fmt: skip

    figure, axes = plt.subplots(1, 3, figsize=(12, 3.4), constrained_layout=True)
    counts, edges = full.histogram(27)
    axes[0].stairs(counts, edges, fill=True)
    axes[0].set(xlabel="pulses", ylabel="cells", title="128 x 128 cells, V/2")
    tile = full.tiles[0]
    axes[1].plot(1e6 * tile.target.ravel(), 1e6 * tile.error.ravel(), ".", markersize=1)
    axes[1].set(xlabel="target (uS)", ylabel="error (uS)", title="What is left")
    seconds = [later.seconds for later in rows]
    for name, label, style in (
        ("left", "as it is", "o-"), ("global_gain", "one gain a matrix", "o-"), ("output_gain", "one an output", "x:"),
        ("programmed", "programmed again", "o-"),
    ):  # fmt: skip
        shares = [100 * getattr(later, name) for later in rows]
        axes[2].semilogx(seconds, shares, style, markersize=4, label=label)
    axes[2].set(xlabel="seconds after programming", ylabel="accuracy (%)", title="Digits, with drift")
    axes[2].legend()
    figure.savefig(Path(__file__).with_name("programming.png"), dpi=110)


if __name__ == "__main__":
    main()
