"""The points of ``.step``, ``.corner`` and ``.mc`` across processes, and kept as they end, so that work can go on."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from circuitnn.errors import CircuitnnError, UsageError
from circuitnn.netlist.netlist import parse
from circuitnn.results.results import Results
from circuitnn.results.stream import RawStream
from circuitnn.runs.pool import Job, Progress, require_workers
from circuitnn.runs.session import Gathered, Requests, analyses_of, run_analyses
from circuitnn.runs.step import Steps, Target
from circuitnn.runs.store import Store

if TYPE_CHECKING:
    from circuitnn.netlist.netlist import Netlist


@dataclass
class Point:
    """What one point gave; with an error what it computed until then."""

    index: int
    results: Results
    error: CircuitnnError | None = None


@dataclass
class PointTask:
    """The points of a deck, which travels as text."""

    text: str
    name: str
    _steps: Steps | None = field(default=None, repr=False)
    _points: list[dict[Target, float]] = field(default_factory=list, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "_steps": None, "_points": []}  # made anew in another process

    def __call__(self, index: int) -> Point:
        """Run the deck at a point."""
        results = Results()
        steps = self._ready()
        try:
            flat, circuit = steps.at(self._points[index], None)
            try:
                requests = Requests(flat)
                run_analyses(circuit, analyses_of(flat.wanted()), results, requests=requests)
                results.warnings += requests.left_over(results)
            finally:
                results.warnings[:0] = circuit.warnings
                circuit.release()
        except CircuitnnError as error:
            vars(error).pop("result", None)
            return Point(index, results, error)
        return Point(index, results)

    def harmonics(self, index: int, results: Results) -> None:
        """Add what ``.four`` cards ask to results from a file, which has no place for it."""
        requests = Requests(self._ready().at(self._points[index], None)[0])
        said = list(results.warnings)
        for result in results.values():
            requests.analyse(result, results)
        results.warnings = said

    def require_importable(self) -> None:
        """A deck travels as text."""

    def _ready(self) -> Steps:
        if self._steps is None:
            netlist = parse(self.text, self.name)
            self._steps = Steps(netlist, netlist.expand())
            self._points = list(self._steps.points())
        return self._steps


class PointStore(Store):
    """A folder that holds the results of finished points, an HDF5 file each."""

    def load(self) -> dict[int, Results]:
        """Return the results by the point's number.

        Raises
        ------
        FileError
            When a file is damaged.
        """
        return {int(path.stem.partition("-")[2]): Results.load(path) for path in self.path.glob("point-*.h5")}

    def add(self, points: Iterable[Point]) -> None:
        """Write the results of points that succeeded, each whole or not at all."""
        for point in points:
            if point.error is None:
                point.results.save(self.path / f"point-{point.index:07d}.h5")


def run_points(
    netlist: Netlist,
    workers: int | None = None,
    store: str | os.PathLike[str] | None = None,
    progress: Progress | None = None,
    stream: str | os.PathLike[str] | None = None,
    cluster: str | None = None,
) -> Results:
    """Run a deck at its points across processes; a point that fails leaves the others their results.

    Raises
    ------
    UsageError
        For a deck without points or with a script, processes that cannot be, a store of another deck.
    CircuitnnError
        Of the first point that fails, with the results of all others as ``result``.
    """
    require_workers(workers, cluster)
    flat = netlist.expand()
    steps = Steps(netlist, flat)
    if flat.script or not steps:
        raise UsageError(
            "there are no points for other processes",
            expected="a deck with .step, .corner or .mc, and without a script",
            names=("workers", "cluster", "store"),
        )
    points = list(steps.points())
    task = PointTask(netlist.to_text(), str(netlist.path or "<text>"))
    done: dict[int, Point] = {}
    kept = None
    if store is not None:
        kept = PointStore(store, {"deck at its points": hashlib.sha256(task.text.encode()).hexdigest()})
        done = {index: Point(index, results) for index, results in kept.load().items()}
        if any(card.name == "four" for card in flat.requests):
            for index, point in done.items():
                task.harmonics(index, point.results)
    try:
        Job(task, [k for k in range(len(points)) if k not in done], done, kept, progress, len(points)).run(
            workers, cluster
        )
    except (CircuitnnError, KeyboardInterrupt) as error:
        vars(error)["result"] = _gathered(steps, points, done, stream)
        raise
    results = _gathered(steps, points, done, stream)
    failed = next((done[k].error for k in range(len(points)) if done[k].error is not None), None)
    if failed is not None:
        vars(failed)["result"] = results
        raise failed
    return results


def _gathered(
    steps: Steps, points: list[dict[Target, float]], done: dict[int, Point], path: str | os.PathLike[str] | None
) -> Results:
    """Return what is done in the order of the points; it is also written to a raw file."""
    results = Results()
    gathered = Gathered(steps, results)
    for index in sorted(done):
        if done[index].results:
            gathered.add(points[index], done[index].results)
    if path is not None and results:
        with RawStream(path) as stream:
            for result in results.values():
                stream.step = result.step
                stream.add(result)
    return results
