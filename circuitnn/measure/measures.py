"""``.measure``: numbers taken from the waveforms of one analysis.

Between points a waveform is a straight line, and the ends of a window are interpolated. (ngspice 39 interpolates for
``rms`` and ``integ`` and takes the points inside for the others: it agrees within one step of the axis.)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import AnalysisError, CircuitnnError, Place
from circuitnn.measure.expression import evaluate_on, evaluate_vectors
from circuitnn.measure.functions import CONSTANTS
from circuitnn.netlist.expression import Expression
from circuitnn.results.result import Result

Values = NDArray[np.float64]

#: Points that are summed at a time.
_PART = 1 << 18

#: A count of crossings that means the last.
LAST = -1


class Unmeasurable(Exception):
    """The waveforms do not have what is asked for; the reason is its text."""


@dataclass(frozen=True, slots=True)
class Crossing:
    """An instant: ``at`` given, or the ``count``-th time that ``signal`` meets ``level``.

    ``edge`` is ``"rise"``, ``"fall"`` or ``"cross"`` (either); the count -1 is the last.
    """

    signal: Expression | None = None
    level: Expression | float = 0.0
    edge: str = "cross"
    count: int = 1
    delay: float = -np.inf
    stop: float = np.inf
    at: float | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """One ``.measure`` card.

        Parameters
        ----------
        analysis : str
            ``tran``, ``dc``, ``ac`` ...
        name : str
        function : str
            ``avg rms min max pp integ deriv min_at max_at find when trig param``.
        signal : Expression, optional
            What is measured; of ``param`` an expression in the names of other measures.
        first, second : Crossing, optional
            Where: of ``trig`` both ends, else the point.
        start, stop : float
            The window.
        place : Place, optional

        Examples
        --------
        >>> from circuitnn.results.result import Variable
    >>> from circuitnn.netlist.expression import Name
    >>> axis, a = Variable("time", "time"), Variable("v(a)", "voltage")
        >>> ramp = Result("tran1", "tran", "ramp", [axis, a], [[0, 0], [1, 2], [2, 4]])
        >>> Measure("tran", "x", "avg", Name("v(a)"), start=1.0, stop=1.5).evaluate(ramp)
        2.5
    """

    analysis: str
    name: str
    function: str
    signal: Expression | None = None
    first: Crossing | None = None
    second: Crossing | None = None
    start: float = -np.inf
    stop: float = np.inf
    place: Place | None = None

    def evaluate(
        self, result: Result, known: Mapping[str, float] | None = None, extra: Callable[[str], Any] | None = None
    ) -> float:
        """Return the measure's value.

        Parameters
        ----------
        result : Result
        known : mapping of str to float, optional
            Measures that ``param`` may use.
        extra : callable, optional
            Where vectors that the result lacks are looked up.

        Raises
        ------
        AnalysisError
            When it cannot be measured; the message says why.
        """
        try:
            value = _evaluate(self, result, known or {}, extra)
            if not np.isfinite(value):
                raise Unmeasurable("its value is not finite")
            return value
        except (Unmeasurable, CircuitnnError) as reason:
            said = reason.message if isinstance(reason, CircuitnnError) else str(reason)
            hint = reason.hint if isinstance(reason, CircuitnnError) else None
            raise AnalysisError(
                f"the measure {self.name!r} failed: {said}", place=self.place, names=(self.name,), hint=hint
            ) from None


# ---------------------------------------------------------------------- measuring
def _evaluate(m: Measure, result: Result, known: Mapping[str, float], extra: Callable[[str], Any] | None) -> float:
    def named(name: str) -> Any:
        if name in known:
            return known[name]
        if extra is None:
            return result[name]  # which says what there is
        return extra(name)

    def sampled(tree: Expression) -> Values:
        values = np.real(evaluate_on(result, tree, named)).astype(np.float64, copy=False)
        if values.ndim and values.shape != (len(result),):
            raise Unmeasurable(
                f"a vector of {values.size} points does not run along the {len(result)} of {result.name}"
            )
        return np.broadcast_to(values, (len(result),)) if values.ndim == 0 else values

    if m.function == "param":
        return _parameter(m, result, known)
    if not len(result):
        raise Unmeasurable(f"{result.name} has no points")
    if result.kind == "op":
        if m.signal is None:
            raise Unmeasurable("an operating point has no crossings")
        return float(sampled(m.signal)[0])
    axis, backwards = result.axis, False
    if len(axis) > 1 and axis[-1] < axis[0]:
        backwards = True

    def instant(crossing: Crossing, what: str) -> float:
        if crossing.at is not None:
            return crossing.at
        assert crossing.signal is not None
        level = crossing.level if isinstance(crossing.level, float) else sampled(crossing.level)
        return find_crossing(axis, sampled(crossing.signal) - level, crossing, what)

    if m.function == "trig":
        assert m.first is not None and m.second is not None
        begin = instant(m.first, "trig")
        return instant(m.second, "targ") - begin
    if m.function == "when":
        assert m.first is not None
        return instant(m.first, "when")
    assert m.signal is not None
    values = sampled(m.signal)
    if m.function in ("find", "deriv"):
        assert m.first is not None
        where = instant(m.first, "when")
        if m.function == "deriv":
            if len(axis) < 2:
                raise Unmeasurable("one point has no slope")
            values = np.gradient(values, axis, edge_order=2 if len(axis) > 2 else 1)
        return interpolate(axis, values, where)
    x, y = _window(axis, values, m.start, m.stop, backwards)
    return _over_window(m.function, x, y)


def _parameter(m: Measure, result: Result, known: Mapping[str, float]) -> float:
    assert m.signal is not None

    def named(name: str) -> float:
        if name in known or name in CONSTANTS:
            return known.get(name, CONSTANTS.get(name, 0.0))
        raise Unmeasurable(f"{name!r} is neither a measure that succeeded nor a parameter")

    value = np.real(evaluate_vectors(m.signal, named))
    if value.size != 1:
        raise Unmeasurable("its expression is no single number")
    return float(value.item())


def _over_window(function: str, x: Values, y: Values) -> float:
    if function == "max_at":
        return float(x[len(y) - 1 - int(np.argmax(y[::-1]))])
    if function == "min_at":
        return float(x[len(y) - 1 - int(np.argmin(y[::-1]))])
    if function in ("min", "max", "pp"):
        low, high = float(y.min()), float(y.max())
        return {"min": low, "max": high, "pp": high - low}[function]
    span = x[-1] - x[0]
    if function == "integ":
        return _area(x, y)
    if span == 0.0:
        raise Unmeasurable("its window has no width")
    if function == "avg":
        return _area(x, y) / float(span)
    return float(np.sqrt(_area(x, y**2) / span))


def _area(x: Values, y: Values) -> float:
    """Return the integral of straight lines, summed in parts so that long runs take no more memory."""
    parts = []
    for first in range(0, len(x) - 1, _PART):
        part = slice(first, first + _PART + 1)
        parts.append(0.5 * float(np.dot(np.diff(x[part]), y[part][1:] + y[part][:-1])))
    return sum(parts)


def _window(axis: Values, values: Values, start: float, stop: float, backwards: bool) -> tuple[Values, Values]:
    """Return the points between start and stop, the ends interpolated."""
    if start > stop:
        if np.isfinite(start) and np.isfinite(stop) and backwards:
            start, stop = stop, start
        else:
            raise Unmeasurable(f"its window ends at {stop:g} before it begins at {start:g}")
    if len(axis) > 1 and not (np.all(axis[1:] >= axis[:-1]) or np.all(axis[1:] <= axis[:-1])):
        inside = (axis >= start) & (axis <= stop)
        if not inside.any():
            raise Unmeasurable("no point lies in its window")
        return axis[inside], values[inside]
    x, y = (axis[::-1], values[::-1]) if backwards else (axis, values)
    low, high = max(start, float(x[0])), min(stop, float(x[-1]))
    if low > high:
        raise Unmeasurable(f"its window lies outside {x[0]:g} .. {x[-1]:g}")
    if low == x[0] < x[1:2] and high == x[-1] > x[-2:-1]:
        return axis, values  # all of it: a long run is not copied
    within = slice(np.searchsorted(x, low, "right"), np.searchsorted(x, high, "left"))
    ends = np.array([low, high]) if high > low else np.array([low])
    edge = np.interp(ends, x, y)
    x, y = np.concatenate([ends[:1], x[within], ends[1:]]), np.concatenate([edge[:1], y[within], edge[1:]])
    return (x[::-1], y[::-1]) if backwards else (x, y)


def interpolate(axis: Values, values: Values, where: float) -> float:
    """Return a waveform's value at a point of its axis, in the first stretch that holds it.

    Examples
    --------
    >>> interpolate(np.array([0.0, 1.0, 3.0]), np.array([0.0, 2.0, 0.0]), 2.0)
    1.0
    """
    if len(axis) == 1 and axis[0] == where:
        return float(values[0])
    before, after = axis[:-1], axis[1:]
    inside = ((before <= where) & (after >= where)) | ((before >= where) & (after <= where))
    if not inside.any():
        raise Unmeasurable(f"{where:g} lies outside {axis.min():g} .. {axis.max():g}")
    k = int(np.argmax(inside))
    if axis[k + 1] == axis[k]:
        return float(values[k + 1])
    return float(values[k] + (where - axis[k]) * (values[k + 1] - values[k]) / (axis[k + 1] - axis[k]))


def find_crossing(axis: Values, distance: Values, crossing: Crossing, what: str = "when") -> float:
    """Return where a waveform meets its level.

    A waveform that reaches its level from below rises through it; one that rests on it leaves by another crossing if
    it goes back to the other side. One that begins on its level and rises has crossed it, as in ngspice.

    Parameters
    ----------
    axis, distance : ndarray, shape (points,)
        Distance is the waveform less its level.
    crossing : Crossing
    what : str
        Its name in messages.

    Examples
    --------
    >>> time = np.array([0.0, 1.0, 2.0, 3.0])
    >>> find_crossing(time, np.array([-1.0, 1.0, -1.0, 1.0]), Crossing(edge="rise", count=2))
    2.5
    """
    chosen = (axis >= crossing.delay) & (axis <= crossing.stop)
    x, d = (axis, distance) if chosen.all() else (axis[chosen], distance[chosen])
    sign = np.sign(d).astype(np.int8)
    nonzero = np.flatnonzero(sign)
    if len(nonzero) == 0:
        raise Unmeasurable(
            f"the waveform of {what} never leaves its level" if len(x) else "no point lies in its window"
        )
    # On its level a waveform counts as on the side that it is going to, seen from where it came.
    last = np.maximum.accumulate(np.where(sign != 0, np.arange(len(sign)), -1))
    side = np.where(sign != 0, sign, np.where(last >= 0, -sign[np.maximum(last, 0)], -1))
    turned = np.flatnonzero(side[1:] != side[:-1])
    edges = side[turned + 1]
    if crossing.edge == "rise":
        turned = turned[edges > 0]
    elif crossing.edge == "fall":
        turned = turned[edges < 0]
    if len(turned) == 0 or crossing.count > len(turned):
        found = f"{len(turned)} of them" if len(turned) else "none"
        kind = {"rise": "rises", "fall": "falls"}.get(crossing.edge, "crossings")
        wanted = "the last of its" if crossing.count == LAST else f"number {crossing.count} of its"
        raise Unmeasurable(f"{what} asks for {wanted} {kind}, and there are {found}")
    k = int(turned[-1] if crossing.count == LAST else turned[crossing.count - 1])
    return float(x[k] - d[k] * (x[k + 1] - x[k]) / (d[k + 1] - d[k]))
