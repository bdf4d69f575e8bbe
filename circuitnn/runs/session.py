"""A deck being run: its circuit, the results so far, and what its cards ask of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, cast

import numpy as np

from circuitnn.analyses.analysis import Analysis
from circuitnn.circuit.circuit import Circuit
from circuitnn.errors import AnalysisError, CircuitError, CircuitnnError, Place, UsageError
from circuitnn.measure.fourier import Fourier, fourier
from circuitnn.measure.reading import measure_of
from circuitnn.netlist.flat import AnalysisCard, FlatNetlist
from circuitnn.registry import catalog
from circuitnn.results.result import Result
from circuitnn.results.results import Results
from circuitnn.results.stream import RawStream
from circuitnn.runs.control.interpreter import Interpreter, replace_totals
from circuitnn.runs.step import Steps, Target

if TYPE_CHECKING:
    from circuitnn.netlist.netlist import Netlist

Progress = Callable[[float], None]


def analyses_of(cards: Iterable[AnalysisCard]) -> list[tuple[Analysis, Place | None]]:
    """Return the analyses that cards ask for, and where; raise NetlistError for the first that is malformed."""
    return [(catalog("analyses").get(card.name).from_card(card), card.place) for card in cards]


class Requests:
    """The ``.measure`` and ``.four`` cards of a deck, read before anything runs.

    Parameters
    ----------
    flat : FlatNetlist

    Raises
    ------
    NetlistError
        For a malformed card, or two measures of one name.
    """

    def __init__(self, flat: FlatNetlist) -> None:
        self.measures = [measure_of(card) for card in flat.requests if card.name == "measure"]
        self.fourier = [Fourier.from_card(card) for card in flat.requests if card.name == "four"]
        self._settings = {
            name: int(value)
            for option, name in (("nfreqs", "harmonics"), ("fourgridsize", "grid"), ("polydegree", "degree"))
            if isinstance(value := flat.options.get(option), float)
        }

    def fulfil(self, result: Result, results: Results, *, harmonics: bool = True) -> None:
        """Add what the cards ask of one result, ``.four`` where wanted; what cannot be had is a warning."""
        known = {name: value for name, value in results.measures.items() if isinstance(value, float)}
        mine = [measure for measure in self.measures if measure.analysis == result.kind]
        for measure in [*(m for m in mine if m.function != "param"), *(m for m in mine if m.function == "param")]:
            known.pop(measure.name, None)
            results.measures.pop(measure.name, None)
            try:
                known[measure.name] = results.measures[measure.name] = measure.evaluate(result, known)
            except AnalysisError as error:
                results.warnings.append(located(error))
        if harmonics:
            self.analyse(result, results)

    def analyse(self, result: Result, results: Results) -> None:
        """Add what the ``.four`` cards ask of a transient; what cannot be had is a warning."""
        for card in self.fourier if result.kind == "tran" else ():
            for vector in card.vectors:
                try:
                    found = fourier(result, vector, card.frequency, **self._settings)
                except CircuitnnError as error:
                    error.place = error.place or card.place
                    results.warnings.append(located(error))
                else:
                    results.harmonics.setdefault(result.name, []).append(found)

    def left_over(self, results: Results) -> list[str]:
        """Return warnings for measures of analyses that were not run."""
        kinds = {result.kind for result in results.values()}
        return [
            _said(m.place, f"the measure {m.name!r} asks for a .{m.analysis} analysis, and none was run")
            for m in self.measures
            if m.analysis not in kinds
        ]


def located(error: CircuitnnError) -> str:
    """Return an error as a warning of one line."""
    return _said(error.place, error.message + (f" ({error.hint})" if error.hint else ""))


def _said(place: Place | None, message: str) -> str:
    return f"{place}: {message}" if place else message


def run_cards(circuit: Circuit, cards: Iterable[AnalysisCard], progress: Progress | None = None) -> Results:
    """Run analyses on a circuit in order; an error, or an interrupt, carries what was computed as ``result``.

    Raises
    ------
    CircuitnnError
        Before anything runs for a malformed card; else the first failure, its ``result`` a ``Results``.
    """
    results = Results()
    analyses = analyses_of(cards)
    try:
        run_analyses(circuit, analyses, results, progress=progress)
    finally:
        results.warnings.extend(circuit.warnings)
    return results


def run_analyses(
    circuit: Circuit,
    analyses: Sequence[tuple[Analysis, Place | None]],
    results: Results,
    *,
    requests: Requests | None = None,
    stream: RawStream | None = None,
    progress: Progress | None = None,
) -> None:
    """Run analyses and add their results, also to a stream; what a failed or interrupted one computed is added too."""
    for analysis, place in analyses:
        streams = stream is not None and analysis.streams
        try:
            system = circuit.system()
            try:
                asked = replace(cast(Any, analysis), stream=stream) if streams else analysis
                result = asked.run(system, progress)
            except (CircuitError, UsageError) as error:
                error.place = error.place or place
                raise
        except (CircuitnnError, KeyboardInterrupt) as error:
            partial = getattr(error, "result", None)
            if isinstance(partial, Result):
                results.add(partial)
                if stream is not None and not streams:
                    stream.add(partial)
            vars(error)["result"] = results
            raise
        added = results[results.add(result)]
        if stream is not None and not streams:
            stream.add(result)
        if requests is not None:
            requests.fulfil(added, results)


def run_deck(
    netlist: Netlist, progress: Progress | None = None, stream: str | os.PathLike[str] | None = None
) -> Results:
    """Run a netlist: its analyses in order at each point of ``.step``, ``.corner`` and ``.mc``, then what is measured.

    All results are also written to ``stream``, a ``.raw`` file, and the points of transients stay there.

    Raises
    ------
    CircuitnnError
        As `run_cards`.
    """
    if stream is None:
        return _run_deck(netlist, progress, None)
    with RawStream(stream) as opened:
        return _run_deck(netlist, progress, opened)


def _run_deck(netlist: Netlist, progress: Progress | None, stream: RawStream | None) -> Results:
    flat = netlist.expand()
    steps = Steps(netlist, flat)
    results = Results()
    if flat.script and _run_script(netlist, flat, results, progress, stream):
        return results
    if steps:
        _run_steps(steps, results, progress, stream)
        return results
    requests, analyses = Requests(flat), analyses_of(flat.analyses)
    circuit = Circuit.from_flat(flat)
    try:
        run_analyses(circuit, analyses, results, requests=requests, stream=stream, progress=progress)
        results.warnings += requests.left_over(results)
    finally:
        results.warnings[:0] = circuit.warnings
        circuit.release()
    return results


def _run_script(
    netlist: Netlist, flat: FlatNetlist, results: Results, progress: Progress | None, stream: RawStream | None
) -> bool:
    """Run the ``.control`` script; return whether it ran any analysis, so that those of the deck's cards are done."""
    try:
        Interpreter(netlist, flat, results, progress, stream).run()
    except (CircuitnnError, KeyboardInterrupt) as error:
        vars(error)["result"] = results
        raise
    if not results:
        return False
    results.warnings += Requests(flat).left_over(results)
    return True


def _run_steps(steps: Steps, results: Results, progress: Progress | None, stream: RawStream | None) -> None:
    """Run each point and gather: all results with their point, measures as arrays over the points."""
    circuit: Circuit | None = None
    points = list(steps.points())
    gathered = Gathered(steps, results)

    def part(index: int) -> Progress | None:
        return None if progress is None else lambda done: progress((index + done) / len(points))

    for index, point in enumerate(points):
        one = Results()
        if stream is not None:
            stream.step = coordinates_of(point)
        try:
            flat, circuit = steps.at(point, circuit)
            requests = Requests(flat)
            analyses = analyses_of(flat.wanted())
            run_analyses(circuit, analyses, one, requests=requests, stream=stream, progress=part(index))
            one.warnings += requests.left_over(one)
        except (CircuitnnError, KeyboardInterrupt) as error:
            if one:
                gathered.add(point, one, circuit.warnings if circuit else ())
            vars(error)["result"] = results
            raise
        gathered.add(point, one, circuit.warnings)


def coordinates_of(point: Mapping[Target, float]) -> dict[str, float]:
    """Return the values of a point by the names of what is stepped."""
    return {str(target): value for target, value in point.items()}


class Gathered:
    """The results of a deck's points as one: each result with its point, measures as arrays over the points.

    Parameters
    ----------
    steps : Steps
    results : Results
        What points are added to.
    """

    def __init__(self, steps: Steps, results: Results) -> None:
        self._results = results
        self._measured: list[dict[str, Any]] = []
        results.corners = steps.corners

    def add(self, point: Mapping[Target, float], one: Results, warnings: Iterable[str] = ()) -> None:
        """Add the results of one point and the warnings of its circuit."""
        results, measured = self._results, self._measured
        coordinates = coordinates_of(point)
        for result in one.values():
            result.step = coordinates
            name = results.add(replace_totals(result))
            if result.name in one.harmonics:
                results.harmonics[name] = one.harmonics[result.name]
        results.steps.append(coordinates)
        measured.append(one.measures)
        for key in dict.fromkeys(name for measures in measured for name in measures):
            values = [measures.get(key) for measures in measured]
            results.measures[key] = np.ma.masked_array(
                [0.0 if value is None else value for value in values], [value is None for value in values]
            )
        said = [*warnings, *one.warnings]
        results.warnings += [warning for warning in said if warning not in results.warnings]
