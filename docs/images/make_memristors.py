"""Make the pictures of docs/memristors.md: run the decks of netlists/memristors, and steps of voltage.

Run as ``python docs/images/make_memristors.py`` from the root of the repository; it takes some seconds.
"""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from PIL import Image

import circuitnn as cn

HERE = Path(__file__).resolve().parent
DECKS = HERE.parents[1] / "netlists" / "memristors"
#: Deck, unit of current and its factor, whether the axis of current is logarithmic, kind of model.
LOOPS = (
    ("linear_drift", "mA", 1e3, False, "drift of ions"),
    ("team", "mA", 1e3, False, "thresholds of current"),
    ("vteam", "µA", 1e6, False, "thresholds of voltage"),
    ("yakopcic", "mA", 1e3, False, "sinh and thresholds"),
    ("simmons", "A", 1.0, True, "tunnel barrier"),
    ("stanford", "A", 1.0, True, "gap of a filament"),
    ("jart", "A", 1.0, True, "Schottky barrier"),
    ("bocquet", "A", 1.0, True, "radius, bipolar"),
    ("bocquet_unipolar", "A", 1.0, True, "radius, unipolar"),
    ("pcm_levels", "A", 1.0, True, "glass and crystal"),
)
#: Label, model and its state at the beginning, state, half way of it, voltages of SET and their sign.
STEPS = (
    ("hfo2 (vteam)", "hfo2 w=3n", "w", 1.5e-9, (0.65, 2.6), -1),
    ("asu_rram (stanford)", "asu_rram gap=1.7n", "gap", 0.9e-9, (1.0, 2.0), 1),
    ("stanford_rram", "stanford_rram gap=1.7n", "gap", 0.95e-9, (1.4, 2.2), 1),
    ("jart_v1b", "jart_v1b n_disc=8e23", "n_disc", 1e27, (0.4, 1.3), -1),
    ("bocquet", "bocquet r=2n", "r", 11e-9, (0.3, 1.4), 1),
    ("tio2_simmons, 1 kΩ", "tio2_simmons w=1.9n", "w", 1.55e-9, (0.9, 1.55), -1),
)


def write(figure: Any, name: str) -> None:
    """Write the picture with a palette of 64 colours, which keeps it small."""
    for ax in figure.axes:
        ax.spines[["top", "right"]].set_visible(False)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=100)
    Image.open(drawn).convert("RGB").quantize(64).save(HERE / f"{name}.png", optimize=True)


def loops(plt: Any) -> None:
    """Current against the voltage of the device, time as colour from dark to bright."""
    figure, axes = plt.subplots(2, 5, figsize=(10.5, 4.6), layout="constrained")
    for ax, (deck, unit, scale, log, kind) in zip(axes.flat, LOOPS, strict=True):
        tran = cn.load(DECKS / f"{deck}.cir").run().tran
        v, i = tran["v(a)"], -tran["i(v1)"] * scale
        part = np.linspace(0.0, 1.0, 9)
        for k in range(8):
            chosen = (tran.time >= part[k] * tran.time[-1]) & (tran.time <= part[k + 1] * tran.time[-1])
            ax.plot(v[chosen], np.abs(i[chosen]) if log else i[chosen], color=plt.cm.viridis(k / 8.5), linewidth=1.2)
        if log:
            ax.set_yscale("log")
            ax.set_ylim(max(np.abs(i).max() * 1e-6, 1e-10), np.abs(i).max() * 2)
        ax.set_title(f"{deck}\n{kind}")
        ax.set_ylabel(f"|i| ({unit})" if log else f"i ({unit})")
    for ax in axes[1]:
        ax.set_xlabel("voltage (V)")
    write(figure, "memristors")


def switching_time(model: str, state: str, half: float, volts: float, series: float = 1.0) -> float:
    """Return the time in which a step of voltage takes a state half way, s; NaN beyond 1e5 s."""
    stop = 1e-10
    while stop <= 1e5:
        deck = f"step\nv1 s 0 pwl(0 0 1p {volts})\nr1 s a {series}\nn1 a 0 {model}\n.tran {stop / 100} {stop}\n.end"
        tran = cn.parse(deck).run().tran
        x = tran[f"@n1[{state}]"]
        passed = np.flatnonzero((x >= half) != (x[0] >= half))
        if len(passed):
            k = passed[0]
            part = (half - x[k - 1]) / (x[k] - x[k - 1])
            return float(tran.time[k - 1] + part * (tran.time[k] - tran.time[k - 1]))
        stop *= 10
    return float("nan")


def kinetics(plt: Any) -> None:
    """Time to switch half way against the voltage."""
    figure, ax = plt.subplots(figsize=(6.5, 3.8), layout="constrained")
    for label, model, state, half, (low, high), sign in STEPS:
        volts = np.linspace(low, high, 15)
        series = 1e3 if "simmons" in model else 1.0  # without it this SET runs away
        times = [switching_time(model, state, half, sign * v, series) for v in volts]
        ax.semilogy(volts, times, "o-", markersize=3, linewidth=1, label=label)
    ax.set(xlabel="step of voltage, magnitude (V)", ylabel="time to SET half way (s)", ylim=(1e-11, 1e5))
    ax.legend(frameon=False, fontsize=8)
    write(figure, "set_times")


def main() -> None:
    """Write the pictures beside this file."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"font.size": 9, "axes.titlesize": 9})
    for draw in (loops, kinetics):
        draw(plt)
        plt.close("all")


if __name__ == "__main__":
    main()
