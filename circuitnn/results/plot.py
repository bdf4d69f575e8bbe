"""Plots of results that a paper could print: over the axis, Bode, Nyquist, eyes, families of steps."""

from __future__ import annotations

import importlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.results.axes import DASHES, finish, style
from circuitnn.results.result import Result
from circuitnn.results.results import Results
from circuitnn.units import format_si

Values = NDArray[Any]
#: Points of a line above which only the extremes of each of so many stretches are drawn.
_MOST_POINTS, _STRETCHES = 40_000, 5_000
_MOST_TRACES = 20_000
_MOST_NAMES = 12  # of a legend inside the picture
_LOGS = ("x", "y", "xy", "none")


@dataclass(frozen=True)
class _Curve:
    """One vector of one result."""

    name: str
    unit: str
    result: Result
    values: Values
    colour: Any = None
    dash: Any = None
    label: str | None = None


def plot(
    results: Result | Sequence[Result],
    *vectors: str,
    nyquist: bool = False,
    eye: float | None = None,
    offset: float = 0.0,
    log: str | None = None,
    x_range: tuple[float, float] | None = None,
    y_range: tuple[float, float] | None = None,
    ax: Any = None,
) -> Any:
    """Plot vectors against the axis of their result.

    Parameters
    ----------
    results : Result or sequence of Result
        With an axis, so no operating point; several of one kind, of the steps of a deck, are a family of curves.
    *vectors : str
        Names and expressions, such as ``"v(a)-v(b)"``; all voltages when none are given (of noise the whole output's
        density). Those of unlike units have a panel each.
    nyquist : bool
        Imaginary against real part of complex vectors.
    eye : float, optional
        Eye diagram of a transient: all stretches of two such periods (s) on top of each other, the first one beginning
        at ``offset`` (s).
    log : {"x", "y", "xy", "none"}, optional
        Logarithmic axes; frequencies over more than a decade and noise when absent.
    x_range, y_range : (float, float), optional
        What is shown, SI units.
    ax : matplotlib Axes, or a sequence of them, optional
        Where to draw, a panel each; made when absent. A single one for ac takes the magnitude alone.

    Returns
    -------
    matplotlib Axes, or an array of them
        Complex vectors are drawn as decibels above and unwrapped degrees below.

    Raises
    ------
    UsageError
        When the result is a single point, or the options do not fit it.
    AnalysisError
        When a vector is unknown.
    """
    family = [results] if isinstance(results, Result) else list(results)
    _check(family, nyquist, eye, log, x_range, y_range)
    import matplotlib.pyplot as plt

    names = list(vectors) or _usual(family[0])
    if not names:
        raise UsageError(f"{family[0].name} has no voltages to plot", hint="name the vectors")
    with plt.rc_context(style()):
        curves = _curves(family, names)
        if nyquist:
            axes = _figure(ax, 1, square=True)
            _nyquist(axes[0], curves, x_range, y_range)
        elif eye is not None:
            panels = _by_unit(curves)
            axes = _figure(ax, len(panels))
            for one, panel in zip(axes, panels, strict=False):
                _eye(one, panel, eye, offset, y_range)
        else:
            axes = _along(ax, curves, log, x_range, y_range)
        axes[0].set_title(family[0].title)
        _legends(axes, family, names, drawn_on_given=ax is not None)
    return axes if len(axes) > 1 else axes[0]


def families(results: Results) -> list[list[Result]]:
    """Return what goes into one plot each: a result with an axis and points, or the results of all steps of one.

    Examples
    --------
    >>> op = Result("", "op", "t", [], [[]])
    >>> families(Results([op]))
    []
    """
    found: dict[tuple[str, ...], list[Result]] = {}
    for result in results.values():
        if result.has_axis and len(result):
            alone = () if result.step else (result.name,)
            found.setdefault((result.kind, *result.keys(), *result.step, *alone), []).append(result)
    return [*found.values()]


def _check(family: Sequence[Result], nyquist: bool, eye: float | None, log: str | None, *ranges: Any) -> None:
    if not family:
        raise UsageError("there is nothing to plot")
    first = family[0]
    if not first.has_axis:
        raise UsageError("a single point has no axis to plot against", hint="print result['v(node)'] instead")
    if any(one.kind != first.kind for one in family):
        raise UsageError("results of unlike analyses do not go into one plot", expected="results of one kind")
    if nyquist and eye is not None:
        raise UsageError("a plot is a Nyquist plot or an eye diagram", expected="nyquist or eye")
    if eye is not None and (first.kind != "tran" or not (np.isfinite(eye) and eye > 0.0)):
        raise UsageError(
            f"an eye of the period {eye:g} s of {first.name}", expected="a transient and a period above zero"
        )
    if log is not None and log not in _LOGS:
        raise UsageError(f"log = {log!r}", expected=", ".join(_LOGS))
    for given in ranges:
        if given is not None and not (len(given) == 2 and np.isfinite(given).all() and given[0] < given[1]):
            raise UsageError(f"the range {given!r} is none", expected="two numbers, the smaller one first")


def _usual(result: Result) -> list[str]:
    if result.kind == "noise":
        return ["onoise_spectrum"]
    kind = "notype" if result.kind == "sens" else "voltage"
    return [v.name for v in result.variables[1:] if v.kind == kind] or result.keys()[1:]


def _curves(family: Sequence[Result], names: Sequence[str]) -> list[_Curve]:
    import matplotlib as mpl

    # What computes on results lies a layer above: reached by name, so that imports keep pointing down.
    unit_of = importlib.import_module("circuitnn.measure.units").unit_of
    found = []
    shades = mpl.colormaps["viridis"](np.linspace(0.0, 0.85, len(family))) if len(family) > 1 else [None]
    for result, shade in zip(family, shades, strict=True):
        for k, name in enumerate(names):
            values = np.asarray(result[name] if name in result else result.evaluate(name))
            if values.shape != (len(result),):
                raise UsageError(f"{name} is no waveform of {len(result)} points", names=(name,))
            dash = DASHES[k % len(DASHES)] if shade is not None else None
            label = name if shade is None else _step(result) if k == 0 else None
            found.append(_Curve(name, unit_of(result, name), result, values, shade, dash, label))
    return found


def _step(result: Result) -> str:
    return ", ".join(f"{name} = {format_si(value, '').strip()}" for name, value in result.step.items()) or result.name


def _by_unit(curves: Sequence[_Curve]) -> list[list[_Curve]]:
    found: dict[str, list[_Curve]] = {}
    for curve in curves:
        found.setdefault(curve.unit, []).append(curve)
    return [*found.values()]


def _figure(given: Any, panels: int, *, square: bool = False) -> Any:
    """Return panels below each other, or those that were given."""
    if given is not None:
        return np.atleast_1d(np.asarray(given, dtype=object))
    import matplotlib.pyplot as plt

    size = (5.2, 5.0) if square else (6.4, max(4.0, 0.9 + 2.2 * panels))
    _, axes = plt.subplots(panels, 1, sharex=True, squeeze=False, figsize=size)
    return axes[:, 0]


# ---------------------------------------------------------------------- kinds of plots
def _along(given: Any, curves: Sequence[_Curve], log: str | None, x_range: Any, y_range: Any) -> Any:
    """Draw over the axis; complex vectors as magnitude and phase."""
    result = curves[0].result
    axis = result.variables[0]
    response = [curve for curve in curves if np.iscomplexobj(curve.values)]
    panels: list[tuple[str, list[_Curve]]] = []
    if response:
        with np.errstate(divide="ignore"):  # no signal at all is -inf dB, which matplotlib leaves out
            gain = [_with(c, 20.0 * np.log10(np.abs(c.values)), "dB") for c in response]
        panels += [("magnitude", gain), ("phase", [_with(c, _degrees(c.values), "deg") for c in response])]
    panels += [("", panel) for panel in _by_unit([c for c in curves if not np.iscomplexobj(c.values)])]
    axes = _figure(given, len(panels))
    x_log = "x" in log if log not in (None, "none") else log is None and _wide(axis.kind, curves)
    if x_log and x_range is not None and x_range[0] <= 0.0:
        raise UsageError(f"the range {x_range!r} on a logarithmic axis", expected="numbers above zero, or log='none'")
    for one, (quantity, panel) in zip(axes, panels if len(axes) > 1 else _merged(panels, bool(response)), strict=False):
        y_log = (log in ("y", "xy") and not quantity) or (log is None and result.kind == "noise" and _positive(panel))
        one.set_xscale("log" if x_log else "linear")
        one.set_yscale("log" if y_log else "linear")
        for curve in panel:
            _lines(one, curve, x_range)
        if y_range is not None and one is axes[0]:
            one.set_ylim(y_range)
        one.margins(x=0.0)
        names = ", ".join(dict.fromkeys(curve.name for curve in panel))
        units = {curve.unit for curve in panel}
        unit = units.pop() if len(units) == 1 else ""
        finish(one.yaxis, quantity or ("" if unit else names), unit, log=y_log)
    if x_range is not None:
        axes[-1].set_xlim(x_range)
    quantity = {"time": "time", "frequency": "frequency", "voltage": "voltage", "current": "current"}.get(
        axis.kind, axis.name
    )
    finish(axes[-1].xaxis, quantity, axis.unit, log=x_log)
    return axes


def _with(curve: _Curve, values: Values, unit: str) -> _Curve:
    return _Curve(curve.name, unit, curve.result, values, curve.colour, curve.dash, curve.label)


def _merged(panels: list[tuple[str, list[_Curve]]], response: bool) -> list[tuple[str, list[_Curve]]]:
    """Return what goes into a single panel: of a response the magnitude, else everything."""
    return panels[:1] if response or len(panels) == 1 else [("", [curve for _, panel in panels for curve in panel])]


def _degrees(values: Values) -> Values:
    return np.degrees(np.unwrap(np.angle(values)))


def _wide(kind: str, curves: Sequence[_Curve]) -> bool:
    """Whether an axis of frequencies spans more than a decade."""
    if kind != "frequency":
        return False
    axis = curves[0].result.axis
    return len(axis) > 1 and axis.min() > 0.0 and axis.max() > 10.0 * axis.min()


def _positive(panel: Sequence[_Curve]) -> bool:
    return all(len(curve.values) and curve.values.min() > 0.0 for curve in panel)


def _lines(ax: Any, curve: _Curve, x_range: Any) -> None:
    axis = curve.result.axis
    given = {key: value for key, value in (("color", curve.colour), ("linestyle", curve.dash)) if value is not None}
    for piece in _pieces(curve.result, axis):
        x, y = axis[piece], curve.values[piece]
        if x_range is not None:
            # One point more on either side, so that lines reach the frame.
            inside = np.flatnonzero((x >= x_range[0]) & (x <= x_range[1]))
            seen = slice(max(inside[0] - 1, 0), inside[-1] + 2) if len(inside) else slice(0, 0)
            x, y = x[seen], y[seen]
        x, y = _thinned(x, y)
        (line,) = ax.plot(x, y, label=curve.label if piece.start == 0 else None, **given)
        given = {"color": line.get_color(), "linestyle": line.get_linestyle()} if curve.colour is None else given


def _pieces(result: Result, axis: Values) -> list[slice]:
    """Return the runs of a nested dc sweep, so that no line is drawn back from one to the next."""
    if result.kind != "dc" or len(result) == 0:
        return [slice(0, len(result))]
    starts = [*np.flatnonzero(axis == axis[0]).tolist(), len(result)]
    return [slice(a, b) for a, b in pairwise(starts)]


def _thinned(x: Values, y: Values) -> tuple[Values, Values]:
    """Return a line with the ends and extremes of each stretch alone, which looks the same."""
    if len(x) <= _MOST_POINTS:
        return x, y
    width = -(-len(x) // _STRETCHES)
    whole = len(x) // width * width
    rows = y[:whole].reshape(-1, width)
    first = np.arange(0, whole, width)
    kept = np.concatenate([first, first + rows.argmin(axis=1), first + rows.argmax(axis=1), np.arange(whole, len(x))])
    kept = np.unique(np.append(kept, len(x) - 1))
    return x[kept], y[kept]


def _nyquist(ax: Any, curves: Sequence[_Curve], x_range: Any, y_range: Any) -> None:
    for curve in curves:
        if not np.iscomplexobj(curve.values):
            raise UsageError(f"{curve.name} is real: it has no Nyquist plot", names=(curve.name,))
        given = {} if curve.colour is None else {"color": curve.colour, "linestyle": curve.dash}
        (line,) = ax.plot(curve.values.real, curve.values.imag, label=curve.label, **given)
        _arrow(ax, curve.values, line.get_color())
    ax.axhline(0.0, color="0.4", linewidth=0.7, zorder=1)
    ax.axvline(0.0, color="0.4", linewidth=0.7, zorder=1)
    ax.set_aspect("equal", adjustable="datalim")
    if x_range is not None:
        ax.set_xlim(x_range)
    if y_range is not None:
        ax.set_ylim(y_range)
    low, high = ax.get_xlim()
    if low <= -1.0 <= high:
        ax.plot([-1.0], [0.0], "+", color="0.2", markersize=9, markeredgewidth=1.4)
    units = {curve.unit for curve in curves}
    unit = units.pop() if len(units) == 1 else ""
    finish(ax.xaxis, "real part", unit, log=False)
    finish(ax.yaxis, "imaginary part", unit, log=False)


def _arrow(ax: Any, values: Values, colour: Any) -> None:
    """Draw the direction of rising frequency half along the curve."""
    way = np.concatenate([[0.0], np.cumsum(np.abs(np.diff(values)))])
    if len(values) < 3 or not np.isfinite(way[-1]) or way[-1] == 0.0:
        return
    k = min(int(np.searchsorted(way, 0.5 * way[-1])), len(values) - 2)
    here, there = values[k], values[k + 1]
    if here != there:
        shape = {"arrowstyle": "-|>", "color": colour, "mutation_scale": 14}
        ax.annotate("", (there.real, there.imag), (here.real, here.imag), arrowprops=shape)


def _eye(ax: Any, curves: Sequence[_Curve], period: float, offset: float, y_range: Any) -> None:
    """Draw all stretches of two periods, one period apart, on top of each other."""
    from matplotlib.collections import LineCollection
    from matplotlib.colors import to_rgba

    for k, curve in enumerate(curves):
        axis = curve.result.axis
        last = axis[-1] - offset if len(axis) else 0.0
        first = max(0, int(np.ceil((axis[0] - offset) / period * (1.0 - 1e-9)))) if len(axis) else 0
        count = int(np.floor(last / period * (1.0 + 1e-9))) - 1 - first
        if not 0 < count <= _MOST_TRACES:
            raise UsageError(
                f"{curve.result.name} has {max(count, 0)} stretches of two periods of {period:g} s after {offset:g} s",
                expected=f"1 .. {_MOST_TRACES}",
            )
        traces = []
        for start in offset + period * np.arange(first, first + count):
            inside = slice(np.searchsorted(axis, start, "right"), np.searchsorted(axis, start + 2.0 * period, "left"))
            ends = np.array([start, start + 2.0 * period])
            edge = np.interp(ends, axis, curve.values)
            x = np.concatenate([ends[:1], axis[inside], ends[1:]]) - start
            traces.append(np.column_stack([x, np.concatenate([edge[:1], curve.values[inside], edge[1:]])]))
        colour = curve.colour if curve.colour is not None else _cycle(ax, k)
        fade = float(np.clip(4.0 / np.sqrt(len(traces)), 0.06, 0.8))
        lines = LineCollection(traces, colors=[to_rgba(colour, fade)], linewidths=0.9)
        ax.add_collection(lines)
        ax.plot([], [], color=colour, label=curve.label)
    ax.autoscale_view()
    ax.set_xlim(0.0, 2.0 * period)
    if y_range is not None:
        ax.set_ylim(y_range)
    finish(ax.xaxis, "time", "s", log=False)
    finish(ax.yaxis, "" if curves[0].unit else curves[0].name, curves[0].unit, log=False)


def _cycle(ax: Any, k: int) -> Any:
    from matplotlib import rcParams

    colours = rcParams["axes.prop_cycle"].by_key()["color"]
    return colours[k % len(colours)]


# ---------------------------------------------------------------------- legends
def _legends(axes: Any, family: Sequence[Result], names: Sequence[str], *, drawn_on_given: bool) -> None:
    """Say what the curves are: each panel its own, of a response or a family once."""
    if len(family) > 1:
        _family_legend(axes[0], family, names)
        return
    shown: set[tuple[str, ...]] = set()
    for ax in axes:
        handles, labels = ax.get_legend_handles_labels()
        if not labels or tuple(labels) in shown:
            continue
        shown.add(tuple(labels))
        if len(labels) > _MOST_NAMES and not drawn_on_given:
            columns = -(-len(labels) // 24)
            ax.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.01, 1.0), fontsize="x-small", ncols=columns)
        else:
            ax.legend(handles, labels)


def _family_legend(ax: Any, family: Sequence[Result], names: Sequence[str]) -> None:
    from matplotlib.lines import Line2D

    handles, labels = ax.get_legend_handles_labels()
    if len(labels) > _MOST_NAMES:  # the ends and some between them
        kept = np.unique(np.linspace(0, len(labels) - 1, 7).round().astype(int)).tolist()
        handles, labels = [handles[k] for k in kept], [labels[k] for k in kept]
    if len(names) > 1:
        dashes: list[Any] = [DASHES[k % len(DASHES)] for k in range(len(names))]
        handles += [Line2D([], [], color="0.3", linestyle=dash) for dash in dashes]
        labels += list(names)
    ax.legend(handles, labels, loc="upper left", bbox_to_anchor=(1.01, 1.0))
