"""Make the picture of docs/rf_spectra.md from the circuits of that page.

Run as ``python docs/images/make_rf_spectra.py`` from the root of the repository; it takes some seconds.
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


def page() -> dict[str, Any]:
    """Run the code of the page and return its names."""
    text = (HERE.parent / "rf_spectra.md").read_text(encoding="utf-8")
    names: dict[str, Any] = {}
    for block in re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        exec(compile(block, "rf_spectra.md", "exec"), names)
    return names


def main() -> None:
    """Write rf_spectra.png beside this file."""
    mpl.use("Agg")
    import matplotlib.pyplot as plt

    names = page()
    figure, axes = plt.subplots(2, 2, figsize=(10.0, 7.0))
    names["run"].spectrum("v(a)", window="blackman-harris", start=20e-6).plot(ax=axes[0, 0])
    axes[0, 0].set_xlim(0.0, 60e6)
    # a tone 2.5 % above grows: first it pulls the oscillation and makes side lines, then it holds it
    tone = cn.parse(
        "pulled\nl1 a 0 1u\nc1 a 0 1n ic=1.1\nb1 a 0 i=3.16m*v(a)*(v(a)*v(a)-1)\n"
        "b2 0 a i=3.2m*time/400u*sin(2*3.141592653589793*5.15meg*time)\n.end"
    ).circuit()
    wave = tone.tran(stop=400e-6, step=8e-9, max_step=8e-9, uic=True)
    wave.spectrogram("v(a)", segment=40e-6, start=10e-6).plot(ax=axes[0, 1])
    axes[0, 1].set_ylim(4.6e6, 5.6e6)
    table = names["table"]
    axes[1, 0].plot(1e3 * table.axis, table["fundamental"], "o", label="found")
    fine = np.linspace(0.5e-3, 2.5e-3, 400)
    axes[1, 0].plot(1e3 * fine, np.sqrt(np.maximum(4 * (fine - 1e-3) / 3e-3, 0.0)), label="van der Pol")
    axes[1, 0].set(xlabel="current / mA", ylabel="amplitude / V", title="map against a current")
    axes[1, 0].legend(frameon=False)
    names["tongue"].plot(ax=axes[1, 1])
    axes[1, 1].set_title("locking range")
    figure.tight_layout()
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=90)
    Image.open(drawn).convert("RGB").quantize(64).save(HERE / "rf_spectra.png", optimize=True)


if __name__ == "__main__":
    main()
