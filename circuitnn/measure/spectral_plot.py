"""Pictures of spectra and spectrograms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from circuitnn.errors import UsageError
from circuitnn.results.axes import finish, label_of, style

if TYPE_CHECKING:
    from circuitnn.measure.spectrum import Spectrogram, Spectrum


def plot_spectrum(spectrum: Spectrum, scale: str, floor: float, ax: Any) -> Any:
    """Draw a spectrum; see `Spectrum.plot`."""
    import matplotlib.pyplot as plt

    if scale not in ("dbm", "amplitude", "density") or not floor > 0.0:
        raise UsageError(f"scale = {scale!r}, floor = {floor:g}", expected="dbm, amplitude or density; a floor above 0")
    with plt.rc_context(style()):
        if ax is None:
            ax = plt.subplots(figsize=(6.4, 4.0))[1]
        values = getattr(spectrum, scale)
        shown = np.isfinite(values)
        ax.plot(spectrum.frequency[shown], values[shown], linewidth=1.0)
        top = float(values[shown].max())
        if scale == "dbm":
            ax.set_ylim(top - floor, top + 0.05 * floor)
            ax.set_ylabel(label_of("power", f"dBm into {spectrum.load:g} Ω"))
        else:
            part = 10.0 ** (-floor / (10.0 if scale == "density" else 20.0))
            ax.set_yscale("log")
            ax.set_ylim(top * part, 2.0 * top)
            unit = f"{spectrum.unit}²/Hz" if scale == "density" else spectrum.unit
            ax.set_ylabel(label_of("density" if scale == "density" else "amplitude", unit))
        ax.margins(x=0.0)
        ax.set_title(spectrum.name)
        finish(ax.xaxis, "frequency", "Hz", log=False)
    return ax


def plot_spectrogram(picture: Spectrogram, floor: float, ax: Any) -> Any:
    """Draw a spectrogram; see `Spectrogram.plot`."""
    import matplotlib.pyplot as plt

    with plt.rc_context(style()):
        if ax is None:
            ax = plt.subplots(figsize=(6.4, 4.0))[1]
        values = picture.dbm
        top = float(values.max())
        mesh = ax.pcolormesh(
            picture.time, picture.frequency, np.maximum(values, top - floor).T, shading="nearest", rasterized=True
        )
        ax.figure.colorbar(mesh, ax=ax, label=label_of("power", f"dBm into {picture.load:g} Ω"))
        ax.set_title(picture.name)
        ax.grid(False)
        finish(ax.xaxis, "time", "s", log=False)
        finish(ax.yaxis, "frequency", "Hz", log=False)
    return ax
