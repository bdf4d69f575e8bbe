"""Axes of plots: units with engineering prefixes, scales, colours."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import numpy as np

_PREFIXES = {-15: "f", -12: "p", -9: "n", -6: "µ", -3: "m", 0: "", 3: "k", 6: "M", 9: "G", 12: "T"}
_SHOWN = {"ohm": "Ω", "degC": "°C", "V/sqrt(Hz)": "V/√Hz", "A/sqrt(Hz)": "A/√Hz"}
_PLAIN = ("dB", "deg", "degC", "rad", "")
_QUANTITY = {
    "V": "voltage", "A": "current", "W": "power", "s": "time", "Hz": "frequency", "ohm": "resistance",
    "S": "conductance", "degC": "temperature", "dB": "magnitude", "deg": "phase", "rad": "phase",
    "V/sqrt(Hz)": "noise density", "A/sqrt(Hz)": "noise density", "V/s": "slope", "A/s": "slope",
}  # fmt: skip
#: Okabe and Ito's colours, told apart by colour-blind readers too, in an order of contrast on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
DASHES = ("-", "--", ":", "-.")


def style() -> Any:
    """Return matplotlib's settings for a figure."""
    from cycler import cycler

    colours = [{"color": colour, "linestyle": dash} for dash in DASHES for colour in COLOURS]
    return {
        "axes.prop_cycle": cycler(color=[c["color"] for c in colours])
        + cycler(linestyle=[c["linestyle"] for c in colours]),
        "axes.grid": True,
        "axes.axisbelow": True,
        "axes.titlesize": "medium",
        "axes.linewidth": 0.8,
        "grid.color": "0.85",
        "grid.linewidth": 0.6,
        "lines.linewidth": 1.3,
        "legend.fontsize": "small",
        "legend.framealpha": 0.9,
        "legend.edgecolor": "0.8",
        "figure.constrained_layout.use": True,
        "pdf.fonttype": 42,  # letters stay letters
    }


def prefix_of(unit: str, values: Iterable[float]) -> tuple[float, str]:
    """Return the scale and the unit with its prefix in which values are well read.

    Examples
    --------
    >>> prefix_of("V", [0.0, 0.03]), prefix_of("ohm", [4.7e3]), prefix_of("dB", [1e-4])
    ((0.001, 'mV'), (1000.0, 'kΩ'), (1.0, 'dB'))
    """
    shown = _SHOWN.get(unit, unit)
    largest = max((abs(v) for v in values if math.isfinite(v)), default=0.0)
    if unit in _PLAIN or largest < 1e-16:
        return 1.0, shown
    power = 3 * math.floor(math.log10(largest * (1.0 + 1e-9)) / 3.0)
    power = min(max(power, -15), 12)
    return float(f"1e{power}"), _PREFIXES[power] + shown


def label_of(quantity: str, unit: str) -> str:
    """Return the text beside an axis."""
    return f"{quantity} ({unit})" if unit else quantity


def quantity_of(unit: str) -> str:
    """Return what a unit measures."""
    return _QUANTITY.get(unit, "")


def finish(axis: Any, quantity: str, unit: str, *, log: bool) -> None:
    """Give an axis of matplotlib its label and ticks; ``quantity`` is empty for what the unit measures."""
    from matplotlib.ticker import EngFormatter, FuncFormatter, NullFormatter

    quantity = quantity or quantity_of(unit) or "value"
    if log:
        axis.set_major_formatter(EngFormatter(sep="") if unit not in _PLAIN or unit == "" else FuncFormatter(_plain))
        axis.set_minor_formatter(NullFormatter())
        axis.set_label_text(label_of(quantity, _SHOWN.get(unit, unit)))
        return
    if unit == "deg":
        from matplotlib.ticker import MaxNLocator

        axis.set_major_locator(MaxNLocator(steps=[1, 1.5, 3, 4.5, 9, 10]))
    scale, shown = prefix_of(unit, axis.get_view_interval())
    axis.set_major_formatter(_scaled(scale))
    axis.set_label_text(label_of(quantity, shown))


def _plain(value: float, _: int | None) -> str:
    return f"{value:g}"


def _scaled(scale: float) -> Any:
    """Return a formatter of ticks in a unit with a prefix, all with as many decimals as they need."""
    from matplotlib.ticker import Formatter

    class Scaled(Formatter):
        def __call__(self, x: float, pos: int | None = None) -> str:
            return f"{x / scale:.6g}".replace("-", "\N{MINUS SIGN}")

        def format_ticks(self, values: list[float]) -> list[str]:
            scaled = np.asarray(values, dtype=float) / scale
            if len(scaled) < 2 or not 1e-4 < np.abs(scaled).max() < 1e6:
                return [self(value) for value in values]
            for decimals in range(10):
                if np.abs(scaled - np.round(scaled, decimals)).max() <= 1e-4 * np.diff(scaled).min():
                    break
            texts = [f"{round(x, decimals) + 0.0:.{decimals}f}" for x in scaled.tolist()]
            return [text.replace("-", "\N{MINUS SIGN}") for text in texts]

    return Scaled()
