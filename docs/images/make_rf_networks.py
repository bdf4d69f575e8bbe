"""Make the picture of docs/rf_networks.md: a resonator's line, a chain's weights, and an oscillator's power.

Run as ``python docs/images/make_rf_networks.py`` from the root of the repository; it takes some seconds.
"""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib as mpl
import numpy as np
from PIL import Image

import circuitnn as cn
from circuitnn.mapping.rf.neurons import Neurons
from circuitnn.mapping.rf.resonators import Resonators

HERE = Path(__file__).resolve().parent


def main() -> None:
    """Draw and write the picture with a palette of 64 colours, which keeps it small."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    figure, (line, chain, neuron) = plt.subplots(1, 3, figsize=(9.5, 2.8))
    parts, neurons = Resonators(), Neurons()
    f = np.linspace(90e6, 110e6, 400)
    line.plot(f / 1e6, parts.line(f, np.array(100e6)) / 1e3)
    line.set(title="one resonator at 100 MHz", xlabel="tone (MHz)", ylabel="voltage (mV/µW)")

    wanted = np.random.default_rng(0).standard_normal((12, 1))
    layout = cn.compile([(wanted, None, "linear")], target="rf")
    layer = layout.layers[0]
    chain.plot(layer.wanted[0] / 1e3, "o", mfc="none", label="wanted")
    chain.plot(layout.effective()[0][0] / 1e3, "+", label="with all crosstalk")
    chain.set(title="weights of a chain", xlabel="input", ylabel="weight (mV/µW)")
    chain.legend(frameon=False, fontsize=8)

    i = np.linspace(0.0, 50e-6, 300)
    neuron.plot(i * 1e6, neurons.power(i) * 1e6)
    neuron.set(title="an oscillator", xlabel="current (µA)", ylabel="power (µW)")
    for ax in figure.axes:
        ax.spines[["top", "right"]].set_visible(False)
        ax.margins(x=0.03)
    figure.tight_layout()
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=100)
    Image.open(drawn).convert("RGB").quantize(64).save(HERE / "rf_networks.png", optimize=True)


if __name__ == "__main__":
    main()
