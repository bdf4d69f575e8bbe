"""One deck here and in other simulators: times, counts and errors side by side."""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from circuitnn.bench.peers import Array, Child, Peer, PeerRun, TimeLimitError, run_child
from circuitnn.bench.runner import Row
from circuitnn.circuit.circuit import Circuit
from circuitnn.errors import AnalysisError, CircuitnnError
from circuitnn.netlist.netlist import parse
from circuitnn.results.result import Result

#: Seconds after which a program gets no further round on the same deck.
_ENOUGH = 30.0
#: A peer is stopped when it has taken this many times what the best before it took, and at least _ENOUGH.
_HOPELESS = 3.0
_CHILD = "import sys, circuitnn; circuitnn.load(sys.argv[1]).run()"
_WARM = "warm\nv1 a 0 1\nr1 a 0 1\nc1 a 0 1\n.op\n.tran 1 2\n.end\n"


@dataclass(frozen=True)
class Observed:
    """A number or an array that a run gives, with its true value.

    Parameters
    ----------
    name, unit : str
    vectors : sequence of str
        Columns that it is made of.
    of : callable
        From a mapping of the vectors, and ``time`` in a transient.
    truth : callable
        Gives the true value; it is called once.
    most : float, optional
        The largest relative error that is allowed, percent.
    """

    name: str
    vectors: Sequence[str]
    of: Callable[[Mapping[str, Array]], Array | float]
    truth: Callable[[], Array | float]
    most: float | None = None


@dataclass(frozen=True)
class Ours:
    """One run here: processor seconds of each stage, and its result."""

    stages: Mapping[str, float]
    result: Result

    @property
    def cpu(self) -> float:
        """Seconds from text to results."""
        return sum(self.stages.values())


def run_here(deck: str) -> Ours:
    """Run a deck with one analysis in this process, timed in processor seconds."""
    marks = [time.process_time()]
    netlist = parse(deck)
    marks.append(time.process_time())
    flat = netlist.expand()
    marks.append(time.process_time())
    circuit = Circuit.from_flat(flat)
    circuit.system()
    marks.append(time.process_time())
    (result,) = circuit.run_cards(flat.analyses).values()
    marks.append(time.process_time())
    stages = ("parse", "expand", "plan", "run")
    return Ours(dict(zip(stages, np.diff(marks).tolist(), strict=True)), result)


@cache
def empty_cpu(peer: Peer) -> float:
    """Return the processor seconds of a peer's empty deck, the median of five."""
    return statistics.median(peer.empty().child.cpu for _ in range(5))


def installed(peers: Sequence[Peer]) -> list[Peer]:
    """Return those that are there."""
    return [peer for peer in peers if peer.there()]


@cache
def _warm() -> None:
    parse(_WARM).run()  # what is imported when it is first needed


def versus(
    name: str,
    deck: str,
    peers: Mapping[Peer, str],
    rounds: int,
    goals: Mapping[str, float],
    observed: Observed | None = None,
) -> list[Row]:
    """Return the rows of one deck.

    Times are processor seconds, which other work on the machine disturbs little; every program runs in one thread. Ours
    is from text to results in this process. A peer's is its whole process less that of an empty deck. The rounds go
    through all programs in turn; a program that has had 30 s gets no further round.

    Parameters
    ----------
    name : str
    deck : str
        With one analysis.
    peers : mapping of peer to str
        Each with its own SPICE deck, most often the same.
    rounds : int
    goals : mapping of str to float
        How many times faster than a peer, by its name, or than the ``best`` of them.
    observed : Observed, optional
        What accuracy is judged by.
    """
    _warm()
    ours: list[Ours] = []
    theirs: dict[Peer, list[PeerRun]] = {peer: [] for peer in installed(list(peers))}
    words: dict[str, str] = {}
    for _ in range(rounds):
        if sum(run.cpu for run in ours) < _ENOUGH:
            ours.append(run_here(deck))
        for peer, runs in theirs.items():
            if peer.name not in words and sum(run.child.cpu for run in runs) < _ENOUGH:
                others = [
                    run.child.seconds for other, run_list in theirs.items() if other is not peer for run in run_list
                ]
                limit = max(_ENOUGH, _HOPELESS * min(others)) if others else 1e6
                try:
                    runs.append(peer.run(peers[peer], limit=limit))
                except TimeLimitError:
                    words[peer.name] = f"stopped after {limit:.3g}"
                except AnalysisError as error:
                    words[peer.name] = f"failed ({error.message[:60]})"
    taken = {
        peer: statistics.median(run.child.cpu for run in runs) - empty_cpu(peer)
        for peer, runs in theirs.items()
        if runs
    }
    here = statistics.median(run.cpu for run in ours)
    details: dict[str, float | str] = {peer.name: seconds for peer, seconds in taken.items()} | words
    rows = [
        *_times(name, here, taken, goals, details),
        _stages(name, ours),
        *_counts(name, ours[-1].result, {peer: runs[-1] for peer, runs in theirs.items() if runs}),
        _memory(name, deck, {peer: runs[-1] for peer, runs in theirs.items() if runs}),
    ]
    if observed is not None:
        rows.append(_error(name, ours[-1].result, {peer: peers[peer] for peer in taken}, observed))
    return rows


def _times(
    name: str,
    here: float,
    taken: Mapping[Peer, float],
    goals: Mapping[str, float],
    details: Mapping[str, float | str],
) -> list[Row]:
    baselines = {peer.name: seconds for peer, seconds in taken.items()}
    baselines["best"] = min(taken.values(), default=float("nan"))
    return [
        Row(
            f"{name}: time" if peer == "best" else f"{name}: time, against {peer}",
            here,
            "s",
            baselines[peer] if taken and peer in baselines else None,
            goal,
            details,
        )
        for peer, goal in goals.items()
    ]


def _stages(name: str, ours: list[Ours]) -> Row:
    stages = {key: statistics.median(run.stages[key] for run in ours) for key in ours[0].stages}
    return Row(f"{name}: of it in the analysis", stages.pop("run"), "s", details=stages)


def _counts(name: str, result: Result, theirs: Mapping[Peer, PeerRun]) -> list[Row]:
    counts = dict(result.statistics)
    counts["rejected"] = sum(value for key, value in counts.items() if key.startswith("rejected"))
    keys = ("points", "rejected", "iterations") if result.kind == "tran" else ("iterations",)
    return [
        Row(
            f"{name}: {key}",
            float(counts[key]),
            "",
            details={peer.name: float(run.counts[key]) for peer, run in theirs.items() if key in run.counts},
        )
        for key in keys
    ]


def _memory(name: str, deck: str, theirs: Mapping[Peer, PeerRun]) -> Row:
    child = whole_process(deck)
    details = {peer.name: run.child.megabytes for peer, run in theirs.items()}
    return Row(f"{name}: peak memory of the process", child.megabytes, "MB", details=details)


def whole_process(deck: str) -> Child:
    """Run a deck in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deck.cir"
        path.write_text(deck, encoding="utf-8")
        return run_child([sys.executable, "-c", _CHILD, str(path)])


def _error(name: str, result: Result, theirs: Mapping[Peer, str], observed: Observed) -> Row:
    truth = np.asarray(observed.truth())

    def percent(vectors: Mapping[str, Array]) -> float:
        return float(100.0 * np.abs(np.asarray(observed.of(vectors)) - truth).max() / np.abs(truth).max())

    mine = {vector: result[vector] for vector in observed.vectors}
    if result.kind == "tran":
        mine["time"] = result.time
    details: dict[str, float | str] = {}
    for peer, deck in theirs.items():
        try:
            details[peer.name] = percent(peer.run(deck, observed.vectors).vectors)
        except CircuitnnError as error:
            details[peer.name] = f"failed ({error.message[:60]})"
    baseline, goal = (observed.most, 1.0) if observed.most is not None else (None, None)
    return Row(f"{name}: error of the {observed.name}", percent(mine), "%", baseline, goal, details)
