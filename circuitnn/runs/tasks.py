"""One run of a Monte Carlo analysis, of a deck or of a function: what a process does with a number."""

from __future__ import annotations

import hashlib
import inspect
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from circuitnn.errors import CircuitnnError, UsageError
from circuitnn.netlist.flat import MonteCarlo
from circuitnn.netlist.netlist import parse
from circuitnn.results.result import Result
from circuitnn.results.results import Results
from circuitnn.results.samples import Record, Waves
from circuitnn.runs.session import Requests, analyses_of, run_analyses
from circuitnn.runs.step import RUN, Steps, Target

#: Numbers of a run's waveforms above which the vectors must be chosen.
_MOST_NUMBERS = 20_000_000


@dataclass(frozen=True)
class Run:
    """What a function is told of its run.

    Attributes
    ----------
    index : int
        From 0.
    seed : int
        Of this run's own, for ``circuit.set_options(seed=...)`` and whatever else takes a seed.
    rng : numpy.random.Generator
        Of this run's own.
    """

    index: int
    seed: int
    rng: np.random.Generator

    @classmethod
    def of(cls, seed: int, index: int) -> Run:
        """Return a run: what it draws follows from the seed and its number alone."""
        drawn, inner = np.random.SeedSequence(seed, spawn_key=(index,)).spawn(2)
        return cls(index, int(inner.generate_state(1)[0]), np.random.default_rng(drawn))


@dataclass
class DeckTask:
    """Runs of a deck, which travels as text."""

    text: str
    name: str
    seed: int
    vectors: tuple[str, ...] | None
    points: int
    _steps: Steps | None = field(default=None, repr=False)
    _points: list[dict[Target, float]] = field(default_factory=list, repr=False)

    def __call__(self, index: int) -> Record:
        """Run the deck with the numbers drawn for one run, at one of its points; these change fastest."""
        if self._steps is None:
            netlist = parse(self.text, self.name)
            flat = netlist.expand()
            kinds = flat.monte_carlo.kinds if flat.monte_carlo else ()
            self._steps = Steps(netlist, replace(flat, monte_carlo=MonteCarlo(1, self.seed, kinds)))
            self._points = list(self._steps.points())
        run, place = divmod(index, len(self._points))
        results = Results()
        try:
            flat, circuit = self._steps.at({**self._points[place], RUN: float(run)}, None)
            try:
                run_analyses(circuit, analyses_of(flat.wanted()), results, requests=Requests(flat))
            finally:
                circuit.release()
        except CircuitnnError as error:
            return Record(index, str(error).partition("\n")[0])
        return record_of(index, results, self.vectors, self.points)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_steps": None, "_points": []}  # made anew in another process

    def require_importable(self) -> None:
        """A deck travels as text."""

    def about(self) -> dict[str, Any]:
        """Return what the runs depend on."""
        deck = hashlib.sha256(self.text.encode()).hexdigest()
        vectors = None if self.vectors is None else list(self.vectors)
        return {"deck": deck, "seed": self.seed, "vectors": vectors, "points": self.points}


@dataclass
class FunctionTask:
    """Runs of a function."""

    function: Callable[[Run], Any]
    seed: int
    vectors: tuple[str, ...] | None
    points: int

    def __call__(self, index: int) -> Record:
        """Call the function; whatever it raises is this run's failure."""
        try:
            return record_of(index, self.function(Run.of(self.seed, index)), self.vectors, self.points)
        except UsageError:
            raise  # what it returns is no result: no run will do better
        except Exception as error:
            first = str(error).partition("\n")[0]
            return Record(index, f"{type(error).__name__}: {first}")

    def about(self) -> dict[str, Any]:
        """Return what the runs depend on."""
        name = f"{self.function.__module__}.{self.function.__qualname__}"
        try:
            text = inspect.getsource(self.function)
        except (OSError, TypeError):
            text = ""
        vectors = None if self.vectors is None else list(self.vectors)
        source = hashlib.sha256(text.encode()).hexdigest()
        return {"function": name, "source": source, "seed": self.seed, "vectors": vectors, "points": self.points}

    def require_importable(self) -> None:
        """Raise UsageError when another process could not find the function."""
        module = sys.modules.get(getattr(self.function, "__module__", ""))
        at: Any = module
        for part in getattr(self.function, "__qualname__", "<>").split("."):
            at = getattr(at, part, None)
        name = getattr(self.function, "__qualname__", repr(self.function))
        interactive = module is sys.modules["__main__"] and getattr(module, "__file__", None) is None
        if at is not self.function or interactive:
            raise UsageError(
                f"{name} cannot be found by other processes",
                expected="a function at the top level of a module",
                hint="move it into a file, or take workers=1",
            )


def record_of(index: int, given: Any, vectors: Sequence[str] | None, points: int) -> Record:
    """Return what a run gave: a number, numbers by name, a result, or the results of a deck.

    Raises
    ------
    UsageError
        When it is something else.
    AnalysisError
        When a vector is not there.
    """
    if isinstance(given, Result):
        given = Results([given])
    if isinstance(given, Results):
        return _of_results(index, given, vectors, points)
    if isinstance(given, Mapping):
        record = Record(index)
        for name, value in given.items():
            array = np.asarray(value)
            if array.ndim == 1 and array.dtype.kind in "fiub":
                axis = np.arange(float(len(array)))
                record.waves[str(name)] = Waves(
                    "index", "", axis, (str(name).lower(),), ("",), array[None].astype(float)
                )
            elif array.ndim == 0 and array.dtype.kind in "fiub":
                record.measures[str(name)] = float(array)
            else:
                raise _no_result(f"{name!r}: {type(value).__name__}")
        return _finite(record)
    if np.ndim(given) == 0 and np.asarray(given).dtype.kind in "fiub":
        return _finite(Record(index, measures={"value": float(given)}))
    raise _no_result(type(given).__name__)


def _no_result(what: str) -> UsageError:
    expected = "a number, a dict of numbers and one-dimensional arrays, a Result or Results"
    return UsageError(f"the function returned {what}", expected=expected)


def _finite(record: Record) -> Record:
    """Return a record, as failed where it has numbers that are none."""
    bad = [name for name, value in record.measures.items() if not np.isfinite(value)]
    bad += [name for name, wave in record.waves.items() if not np.isfinite(wave.values).all()]
    return Record(record.index, f"{', '.join(bad)} is not finite") if bad else record


def _of_results(index: int, results: Results, vectors: Sequence[str] | None, points: int) -> Record:
    measures = {name: float(value) for name, value in results.measures.items() if np.ndim(value) == 0}
    record = Record(index, "", measures, {}, [str(warning) for warning in results.warnings])
    for name, result in results.items():
        if not result.has_axis:
            for key in result.keys() if vectors is None else [key for key in vectors if key in result]:
                value = result[key]
                record.measures.setdefault(key, float(abs(value) if np.iscomplexobj(value) else value))
            continue
        chosen = result.keys()[1:] if vectors is None else [key for key in vectors if _has(result, key)]
        if not chosen:
            continue
        axis = result.axis
        grid = np.linspace(axis[0], axis[-1], points) if result.kind == "tran" else axis
        if len(chosen) * len(grid) > _MOST_NUMBERS:
            raise UsageError(
                f"{name} has {len(chosen)} vectors of {len(grid)} points a run",
                expected=f"at most {_MOST_NUMBERS:g} numbers",
                hint="choose vectors, or .save those that matter",
            )
        columns = [np.broadcast_to(result.evaluate(key), len(axis)) for key in chosen]
        values = [np.interp(grid, axis, column) if result.kind == "tran" else column for column in columns]
        units = {variable.name.lower(): variable.unit for variable in result.variables}
        first = result.variables[0]
        record.waves[name] = Waves(
            first.name,
            first.unit,
            grid,
            tuple(key.lower() for key in chosen),
            tuple(units.get(key.lower(), "") for key in chosen),
            np.array(values),
        )
    return record


def _has(result: Result, key: str) -> bool:
    """Whether an expression can be evaluated on a result; others of the deck may have what it names."""
    try:
        result.evaluate(key)
    except CircuitnnError:
        return False
    return True
