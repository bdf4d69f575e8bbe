"""Pictures of many runs: bands of percentiles of waveforms, histograms of numbers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from circuitnn.errors import UsageError
from circuitnn.results.axes import COLOURS, finish, style
from circuitnn.results.family import SampleFamily
from circuitnn.results.samples import Samples

_MOST_PANELS = 8


def plot_samples(
    samples: Samples | SampleFamily,
    *names: str,
    q: Sequence[float] = (5.0, 25.0, 50.0, 75.0, 95.0),
    bins: int | Sequence[float] | str = "auto",
    limits: dict[str, tuple[float | None, float | None]] | None = None,
    ax: Any = None,
) -> Any:
    """Draw a panel for each name.

    Parameters
    ----------
    samples : Samples or SampleFamily
        Of a family each member has its colour.
    *names : str
        Vectors and measures; without any all measures, or all vectors where there are none, at most eight.
    q : sequence of float
        Percentiles of vectors, ascending: those at equal distance from the ends bound a band, the middle one of an odd
        number is a line.
    bins : int, sequence of float or str
        Of histograms, as for ``numpy.histogram``.
    limits : dict of str to (low, high), optional
        Drawn as lines; see ``Samples.yield_of``.
    ax : matplotlib Axes, or a sequence of them, optional
        Where to draw; made when absent.

    Returns
    -------
    matplotlib Axes, or an array of them

    Raises
    ------
    UsageError
        When there is nothing to draw, percentiles do not ascend, or axes are too few.
    AnalysisError
        For unknown names.
    """
    members = {"": samples} if isinstance(samples, Samples) else dict(samples)
    if not members:
        raise UsageError("there are no samples to draw")
    one = next(iter(members.values()))
    chosen = list(names) or list(one.measures)[:_MOST_PANELS] or one.names()[:_MOST_PANELS]
    if not chosen:
        raise UsageError("the runs have neither measures nor vectors to draw", hint="add .measure or .print cards")
    ends = np.asarray(q, dtype=float)
    if ends.ndim != 1 or not len(ends) or (np.diff(ends) <= 0.0).any():
        raise UsageError(f"percentiles {q!r}", expected="numbers that ascend, such as 5, 50, 95")
    for name in chosen:
        for member in members.values():
            member.find(name)
    import matplotlib.pyplot as plt

    with plt.rc_context(style()):
        if ax is None:
            size = (6.4, 0.9 + 2.7 * len(chosen))
            axes = np.atleast_1d(plt.subplots(len(chosen), 1, figsize=size, squeeze=False)[1][:, 0])
        else:
            axes = np.atleast_1d(np.asarray(ax, dtype=object))
        if len(axes) < len(chosen):
            raise UsageError(f"{len(axes)} axes for {len(chosen)} panels")
        for panel, name in zip(axes, chosen, strict=False):
            waves, _ = one.find(name)
            for k, (label, member) in enumerate(members.items()):
                colour = COLOURS[k % len(COLOURS)]
                if waves is None:
                    _histogram(panel, member, name, bins, label, colour)
                else:
                    _band(panel, member, name, ends, label, colour)
            for limit in (limits or {}).get(name, ()):
                if limit is not None:
                    line = panel.axvline if waves is None else panel.axhline
                    line(limit, color="0.2", linestyle="--", linewidth=1.0)
        axes[0].set_title(samples.title)
    return axes if len(axes) > 1 else axes[0]


def _band(ax: Any, samples: Samples, name: str, q: np.ndarray, point: str, colour: str) -> None:
    waves, k = samples.find(name)
    assert waves is not None
    bands = samples.percentiles(name, q)
    pairs = len(q) // 2
    for j in range(pairs):
        label = None if point else f"{q[j]:g} .. {q[-1 - j]:g} %"
        fade = 0.18 + 0.3 * j / max(pairs - 1, 1)
        ax.fill_between(waves.axis, bands[j], bands[-1 - j], color=colour, alpha=fade, linewidth=0.0, label=label)
    if len(q) % 2:
        label = point or ("median" if q[pairs] == 50.0 else f"{q[pairs]:g} %")
        ax.plot(waves.axis, bands[pairs], color=colour, label=label)
    if waves.axis_unit == "Hz" and waves.axis[0] > 0.0 and waves.axis[-1] > 10.0 * waves.axis[0]:
        ax.set_xscale("log")
    ax.margins(x=0.0)
    finish(ax.xaxis, waves.axis_name, waves.axis_unit, log=ax.get_xscale() == "log")
    finish(ax.yaxis, f"|{name}|" if np.iscomplexobj(waves.values) else name, waves.units[k], log=False)
    ax.legend(title=f"{len(samples.sound(name))} runs")


def _histogram(ax: Any, samples: Samples, name: str, bins: Any, point: str, colour: str) -> None:
    counts, edges = samples.histogram(name, bins)
    ax.stairs(counts, edges, fill=True, color=colour, alpha=0.5)
    low, middle, high = samples.percentiles(name)
    ax.axvline(middle, color=colour, label=point or "median")
    ax.axvspan(low, high, color=colour, alpha=0.12, linewidth=0.0, label=None if point else "5 .. 95 %", zorder=0)
    ax.ticklabel_format(axis="x", scilimits=(-2, 4))
    ax.set_xlabel(name)
    ax.set_ylabel("runs")
    ax.legend(title=f"{len(samples.sound(name))} runs")
