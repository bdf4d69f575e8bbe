"""Make the picture of docs/spintronic_oscillators.md: run the decks of netlists/spintronics and draw what they show.

Run as ``python docs/images/make_spintronic_oscillators.py`` from the root of the repository; it takes some seconds.
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np

import circuitnn as cn

mpl.use("Agg")
import matplotlib.pyplot as plt

HERE = Path(__file__).resolve().parent
DECKS = HERE.parents[1] / "netlists" / "spintronics"


def phase(tran, element):
    """Return the phase of an oscillator, rad."""
    return np.unwrap(np.arctan2(tran[f"@{element}[y]"], tran[f"@{element}[x]"]))


def rectified(tone: float) -> float:
    """Return the mean voltage of one diode under a tone, V."""
    c = cn.Circuit("line")
    c.I("1", 0, "a", waveform=("sin", 0.0, 2e-5, tone))
    c.N("1", "a", 0, model="spin_diode", torque_f=1e11)
    run = c.tran(stop=120.0 / tone, max_step=1.0 / tone / 200)
    grid = np.linspace(100.0 / tone, 120.0 / tone, 8001)[:-1]
    return float(np.mean(np.interp(grid, run.time, run["v(a)"])))


def main() -> None:
    """Write the picture."""
    figure, (first, second, third) = plt.subplots(1, 3, figsize=(11, 3.2), layout="constrained")
    one = cn.load(DECKS / "vortex_oscillator.cir").run().tran
    shown = one.time < 60e-9
    first.plot(1e9 * one.time[shown], 1e3 * one["v(out)"][shown], lw=0.8)
    first.set(xlabel="time (ns)", ylabel="voltage at 50 ohm (mV)", title="vortex oscillator")
    text = (DECKS / "vortices_in_series.cir").read_text()
    for force, label in (("3e9", "coupled"), ("1e7", "a hundredth of it")):
        two = cn.parse(text.replace("force_x=3e9", f"force_x={force}")).run().tran
        second.plot(1e6 * two.time, (phase(two, "n2") - phase(two, "n1")) / (2 * np.pi), label=label)
    second.set(xlabel="time (us)", ylabel="phase difference (turns)", title="two in series, 1 % apart")
    second.legend()
    tones = np.linspace(94e6, 106e6, 25)
    w, e = 2e8 * np.pi, 2 * np.pi * np.linspace(94e6, 106e6, 400)
    theory = 1e3 * (2e-5) ** 2 / 8 * 1e11 * (e - w) / ((0.01 * w) ** 2 + (e - w) ** 2)
    third.plot(1e-6 * e / (2 * np.pi), 1e6 * theory, lw=0.8, label="linear theory")
    third.plot(1e-6 * tones, [1e6 * rectified(f) for f in tones], ".", label="circuit")
    third.set(xlabel="tone (MHz)", ylabel="dc voltage (uV)", title="spin diode")
    third.legend()
    figure.savefig(HERE / "spintronic_oscillators.png", dpi=90)


if __name__ == "__main__":
    main()
