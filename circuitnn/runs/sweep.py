"""An analysis of a circuit built by hand, at many values of its numbers."""

from __future__ import annotations

import inspect
import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from circuitnn.errors import CircuitnnError, UsageError, nearest
from circuitnn.registry import catalog
from circuitnn.results.result import Result
from circuitnn.results.results import Results
from circuitnn.results.stream import RawStream
from circuitnn.units import parse_value

if TYPE_CHECKING:
    from circuitnn.circuit.circuit import Circuit

MAX_POINTS = 1_000_000


def run_sweep(
    circuit: Circuit, name: str, changes: Mapping[str, Iterable[Any]], args: Sequence[Any], keywords: Mapping[str, Any]
) -> Results:
    """Return the results of an analysis at each combination of values; see ``Circuit.sweep``."""
    analyses = catalog("analyses")
    if name not in analyses:
        raise UsageError(f"there is no analysis {name!r}", hint=nearest(name, analyses.names()))
    own = {*inspect.signature(analyses.get(name)).parameters, "progress"}
    swept = {**changes, **{key: value for key, value in keywords.items() if key not in own}}
    rest = {key: value for key, value in keywords.items() if key in own}
    values = {what: _numbers(what, given) for what, given in swept.items()}
    if not values or math.prod(map(len, values.values())) > MAX_POINTS:
        raise UsageError("a sweep of no or too many points", expected=f"1 .. {MAX_POINTS} combinations of values")
    if rest.get("stream") is not None:
        with RawStream(rest["stream"]) as stream:
            return _run(circuit, name, values, args, {**rest, "stream": stream})
    return _run(circuit, name, values, args, rest)


def _run(
    circuit: Circuit, name: str, values: Mapping[str, list[float]], args: Sequence[Any], rest: Mapping[str, Any]
) -> Results:
    stream = rest.get("stream")
    results, last = Results(), circuit
    for point in product(*values.values()):
        step = dict(zip(values, point, strict=True))
        if stream is not None:
            stream.step = step
        one = circuit.copy()
        one.adopt(last)
        try:
            one.alter(step)
            result = getattr(one, name)(*args, **rest)
        except (CircuitnnError, KeyboardInterrupt) as error:
            partial = getattr(error, "result", None)
            if isinstance(partial, Result):
                _add(results, partial, step)
            vars(error)["result"] = results
            raise
        _add(results, result, step)
        last = one
    return results


def _add(results: Results, result: Result, step: dict[str, float]) -> None:
    result.step = step
    results.add(result)
    results.steps.append(step)


def _numbers(what: str, given: Iterable[Any]) -> list[float]:
    values: Any = given
    if isinstance(given, str) or np.ndim(values) != 1:
        raise UsageError(f"{what} takes a list of values to sweep, not {given!r}", names=(what,))
    return [parse_value(value) for value in values]
