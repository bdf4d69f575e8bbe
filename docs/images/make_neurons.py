"""Make the pictures of docs/neurons.md: run the decks of netlists/neurons and draw what they show.

Run as ``python docs/images/make_neurons.py`` from the root of the repository; it takes some seconds.
"""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import matplotlib as mpl
import numpy as np
from PIL import Image

import circuitnn as cn

HERE = Path(__file__).resolve().parent
DECKS = HERE.parents[1] / "netlists" / "neurons"


def run(name: str, **params: Any) -> Any:
    """Run a deck with other values of its .param names; return its transient."""
    if not params:
        return cn.load(DECKS / f"{name}.cir").run().tran
    text = (DECKS / f"{name}.cir").read_text(encoding="utf-8")  # of decks without .include
    for key, value in params.items():
        text = re.sub(rf"(?m)^(\.param.*?\b{key}=)\S+", rf"\g<1>{value}", text)
    return cn.parse(text).run().tran


def rate(tran: Any, node: str, level: float, start: float) -> float:
    """Return the mean rate of spikes after ``start``, Hz; 0 for fewer than two."""
    t, v = tran.time, tran[node]
    up = t[1:][(v[:-1] < level) & (v[1:] >= level) & (t[1:] > start)]
    return 1.0 / float(np.diff(up).mean()) if len(up) > 1 else 0.0


def write(figure: Any, name: str) -> None:
    """Write the picture with a palette of 64 colours, which keeps it small."""
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=100)
    Image.open(drawn).convert("RGB").quantize(64).save(HERE / f"{name}.png", optimize=True)


def finish(figure: Any, name: str) -> None:
    """Strip the axes of what says nothing and write the picture."""
    for ax in figure.axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.margins(x=0)
    figure.tight_layout()
    write(figure, name)


def s_curves(plt: Any) -> None:
    """Static curves, swept by a current."""
    figure, axes = plt.subplots(1, 4, figsize=(9.5, 2.6))
    models = (
        ("nbo2", 0.8e-3, "Mott, NbO2"),
        ("vo2", 1.6e-3, "Mott, VO2"),
        ("nbox", 0.8e-3, "NbOx"),
        ("ovonic", 150e-6, "ovonic"),
    )
    for ax, (model, largest, title) in zip(axes, models, strict=True):
        step = largest / 8000
        swept = cn.parse(f"curve\ni1 0 a 0\nn1 a 0 {model}\n.dc i1 0 {largest} {step}\n.end").run().dc
        current = np.linspace(0.0, largest, len(swept["v(a)"]))
        ax.plot(swept["v(a)"][1:], current[1:] * 1e6)
        ax.set(title=title, xlabel="voltage (V)", yscale="log", ylim=(0.3, largest * 1e6))
        ax.set_xlim(0, 1.08 * swept["v(a)"].max())
    axes[0].set_ylabel("current (µA)")
    for ax in axes:
        ax.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    write(figure, "switch_curves")


def neuristor(plt: Any) -> None:
    """Threshold, equal spikes and the refractory time; the rate against the current."""
    tran = run("neuristor")
    figure, axes = plt.subplots(2, 1, figsize=(8, 3.6), sharex=True, height_ratios=(1, 2.4))
    b, m = 260e-9, 1e9
    times, amps = [0.0], [0.0]
    for start, part in ((10, 0.9), (60, 1.05), (110, 1.5), (160, 2.0), (210, 1.5), (220, 1.5)):
        times += [start, start, start + 3, start + 3]
        amps += [0.0, 106 * part, 106 * part, 0.0]
        axes[0].text(start + 1.5, 106 * part + 8, f"{part:g}", ha="center", fontsize=8)
    axes[0].plot([*times, b * m], [*amps, 0.0], color="tab:gray")
    axes[0].set(ylabel="input (µA)", ylim=(0, 270))
    axes[1].plot(tran.time * m, tran["v(a)"], color="tab:blue", alpha=0.6, label="first channel, v(a)")
    axes[1].plot(tran.time * m, tran["v(b)"], color="tab:red", label="output, v(b)")
    axes[1].set(xlabel="time (ns)", ylabel="voltage (V)", xlim=(0, b * m), ylim=(-1.05, 1.25))
    axes[1].legend(frameon=False, ncols=2, fontsize=8, loc="upper left")
    finish(figure, "neuristor")

    figure, axes = plt.subplots(1, 2, figsize=(8, 2.8), width_ratios=(1.6, 1))
    tran = run("neuristor_rate")
    axes[0].plot(tran.time * m, tran["v(b)"], color="tab:red")
    axes[0].set(xlabel="time (ns)", ylabel="v(b) (V)", xlim=(0, 250), title="40 µA")
    currents = np.array([5, 10, 15, 20, 30, 40, 60, 80, 100, 150, 200])
    rates = [rate(run("neuristor_rate", drive=f"{i}u"), "v(b)", 0.4, 50e-9) / 1e6 for i in currents]
    axes[1].plot(currents, rates, "o-", color="tab:red", markersize=4, clip_on=False)
    axes[1].set(xlabel="input current (µA)", ylabel="spikes (MHz)", ylim=(0, None))
    finish(figure, "neuristor_rate")


def oscillators(plt: Any) -> None:
    """The four relaxation oscillators."""
    figure, axes = plt.subplots(2, 2, figsize=(8, 4.2))
    decks = (
        ("nbo2_oscillator", 1e9, "ns", 1.2),
        ("vo2_oscillator", 1e6, "µs", 0.5),
        ("nbox_oscillator", 1e9, "ns", 0.9),
        ("ovonic_oscillator", 1e6, "µs", 0.6),
    )
    for ax, (name, scale, unit, level) in zip(axes.flat, decks, strict=True):
        tran = run(name)
        found = rate(tran, "v(a)", level, tran.time[-1] / 3)
        ax.plot(tran.time * scale, tran["v(a)"])
        ax.set(xlabel=f"time ({unit})", ylabel="v(a) (V)", title=f"{name}, {found / 1e6:.4g} MHz", ylim=(0, None))
        ax.set_xlim(0, tran.time[-1] * scale)
    finish(figure, "oscillators")


def coupled(plt: Any) -> None:
    """Two VO2 oscillators, alone and coupled."""
    figure, axes = plt.subplots(2, 1, figsize=(8, 3.8), sharex=True)
    for ax, cc, title in ((axes[0], "1f", "alone"), (axes[1], "20p", "coupled by 20 pF")):
        tran = run("vo2_coupled", cc=cc)
        found = [rate(tran, node, 0.3, 20e-6) / 1e6 for node in ("v(a)", "v(b)")]
        for node in ("v(a)", "v(b)"):
            ax.plot(tran.time * 1e6, tran[node], label=node, linewidth=1)
        ax.set(ylabel="voltage (V)", title=f"{title}: {found[0]:.3f} and {found[1]:.3f} MHz", xlim=(30, 45))
    axes[1].set_xlabel("time (µs)")
    finish(figure, "vo2_coupled")


def thermal(plt: Any) -> None:
    """Voltage and temperature of the thermal neuristor, and the loop of its resistance."""
    tran = run("vo2_neuristor")
    figure, axes = plt.subplots(1, 2, figsize=(8, 3.0), width_ratios=(1.6, 1))
    us = tran.time * 1e6
    axes[0].plot(us, tran["v(a)"], color="tab:blue")
    axes[0].set(xlabel="time (µs)", ylabel="v(a) (V)", ylim=(0, 9))
    axes[0].yaxis.label.set_color("tab:blue")
    twin = axes[0].twinx()
    twin.plot(us, tran["@n1[t]"], color="tab:red", linewidth=1)
    twin.set_ylabel("temperature (K)", color="tab:red")
    twin.set_ylim(300, 390)
    current = (12.0 - tran["v(a)"]) / 12e3 - 145.34619293e-12 * np.gradient(tran["v(a)"], tran.time)
    late = (tran.time > 5e-6) & (tran["v(a)"] > 0.5)
    axes[1].plot(tran["@n1[t]"][late], tran["v(a)"][late] / current[late] / 1e3, color="tab:purple", linewidth=1)
    axes[1].set(xlabel="temperature (K)", ylabel="resistance (kΩ)", yscale="log", ylim=(1, 100))
    figure.tight_layout()
    for ax in axes:
        ax.spines[["top"]].set_visible(False)
        ax.margins(x=0)
    write(figure, "vo2_neuristor")


def cells(plt: Any) -> None:
    """Integrate-and-fire neurons: one element and transistors, exact and stochastic."""
    figure, axes = plt.subplots(2, 2, figsize=(8, 4.4))
    for row, name in enumerate(("lif", "lif_stochastic")):
        tran = run(name)
        axes[row, 0].plot(tran.time * 1e3, tran["v(m)"] * 1e3, color="tab:blue", linewidth=1)
        v = tran["v(o)"]
        for spike in tran.time[1:][(v[:-1] < 0.5) & (v[1:] >= 0.5)] * 1e3:
            axes[row, 0].plot([spike, spike], [16, 20], color="tab:red", linewidth=1.2)
        axes[row, 0].set(ylabel="v(m) (mV)", title=name, ylim=(0, 21), xlim=(0, 300 if row == 0 else 1000))
    for row, name in enumerate(("cmos_axon_hillock", "cmos_axon_stochastic")):
        tran = run(name)
        axes[row, 1].plot(tran.time * 1e3, tran["v(mem)"], color="tab:blue", linewidth=1, label="v(mem)")
        axes[row, 1].plot(tran.time * 1e3, tran["v(out)"], color="tab:red", linewidth=1, label="v(out)", alpha=0.7)
        axes[row, 1].set(ylabel="voltage (V)", title=name, xlim=(0, 3))
    for ax in axes.flat:
        ax.set_xlabel("time (ms)")
    finish(figure, "integrate_and_fire")


def main() -> None:
    """Write the pictures beside this file."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    plt.rcParams.update({"font.size": 9, "axes.titlesize": 9})
    for draw in (s_curves, neuristor, oscillators, coupled, thermal, cells):
        draw(plt)
        plt.close("all")


if __name__ == "__main__":
    main()
