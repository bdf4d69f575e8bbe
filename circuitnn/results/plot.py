"""Plots of results with units on their axes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from circuitnn.errors import UsageError

if TYPE_CHECKING:
    from circuitnn.results.result import Result

_QUANTITY = {"voltage": "voltage", "current": "current", "time": "time", "frequency": "frequency"}


def plot(result: Result, *names: str, ax: Any = None) -> Any:
    """Plot columns against the axis.

    Parameters
    ----------
    result : Result
        One with an axis, so no operating point.
    *names : str
        As in ``result[name]``; all voltages when none are given (of noise, the whole output's density).
    ax : matplotlib Axes, or a pair of them for ac, optional
        Made when absent. A single one for ac takes the magnitude alone.

    Returns
    -------
    matplotlib Axes, or an array of two for ac
        Complex ac columns are drawn as decibels above and degrees below, over a logarithmic frequency.

    Raises
    ------
    UsageError
        When the result is a single point.
    AnalysisError
        When a name is unknown.
    """
    if not result.has_axis:
        raise UsageError("a single point has no axis to plot against", hint="print result['v(node)'] instead")
    import matplotlib.pyplot as plt

    chosen = list(names) or _usual(result)
    columns = {name: result[name] for name in chosen}
    bode = result.kind == "ac" and any(np.iscomplexobj(column) for column in columns.values())
    if ax is None:
        _, ax = plt.subplots(2, 1, sharex=True) if bode else plt.subplots()
    axes = np.atleast_1d(np.asarray(ax, dtype=object))
    for name, column in columns.items():
        if np.iscomplexobj(column):
            with np.errstate(divide="ignore"):  # no signal at all is -inf dB, which matplotlib leaves out
                axes[0].plot(result.axis, 20.0 * np.log10(np.abs(column)), label=name)
            if len(axes) > 1:
                axes[1].plot(result.axis, np.degrees(np.unwrap(np.angle(column))), label=name)
        else:
            for piece in _pieces(result):
                axes[0].plot(result.axis[piece], column[piece], label=name if piece.start == 0 else None)
    if bode:
        axes[0].set_ylabel("magnitude (dB)")
        if len(axes) > 1:
            axes[1].set_ylabel("phase (deg)")
    else:
        axes[0].set_ylabel(_label_of(result, chosen))
    if result.variables[0].kind == "frequency":
        for one in axes:
            one.set_xscale("log")
    axis = result.variables[0]
    quantity = _QUANTITY.get(axis.kind, axis.name)
    axes[-1].set_xlabel(f"{quantity} ({axis.unit})" if axis.unit else quantity)
    axes[0].set_title(result.title)
    axes[0].legend()
    return ax


def _usual(result: Result) -> list[str]:
    if result.kind == "noise":
        return ["onoise_spectrum"]
    kind = "notype" if result.kind == "sens" else "voltage"
    return [v.name for v in result.variables[1:] if v.kind == kind]


def _pieces(result: Result) -> list[slice]:
    """Return the runs of a nested dc sweep, so that no line is drawn back from one to the next."""
    if result.kind != "dc" or len(result) == 0:
        return [slice(0, len(result))]
    starts = [*np.flatnonzero(result.axis == result.axis[0]).tolist(), len(result)]
    return [slice(a, b) for a, b in pairwise(starts)]


def _label_of(result: Result, names: list[str]) -> str:
    """Return the common quantity and unit of the columns, or their names when they differ."""
    kinds = set()
    for name in names:
        plain = "".join(name.split()).lower()
        known = [v.kind for v in result.variables if v.name.lower() in (plain, f"v({plain})")]
        kinds.add(known[0] if known else {"v(": "voltage", "i(": "current"}.get(plain[:2], ""))
    units = {"voltage": "voltage (V)", "current": "current (A)"}
    return units.get(kinds.pop(), ", ".join(names)) if len(kinds) == 1 else ", ".join(names)
