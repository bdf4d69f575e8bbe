"""Decks here, in ngspice and in VACASK: time, points, iterations, memory and errors."""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import numpy as np

from circuitnn.bench import decks
from circuitnn.bench.ngspice import Ngspice
from circuitnn.bench.peers import Array, Peer, run_child
from circuitnn.bench.runner import Case, Part, Row
from circuitnn.bench.vacask import Vacask, compiled_vteam
from circuitnn.bench.versus import Observed, empty_cpu, installed, run_here, versus
from circuitnn.errors import AnalysisError

_NGSPICE, _VACASK = Ngspice(), Vacask()
_STAGE_PERIOD = 38.5e-12  # about the period of a ring over its number of stages, s
_LINES = 1_000_000

_PARSE = """
import sys, time, resource, circuitnn
text = open(sys.argv[1], encoding="utf-8").read()
circuitnn.parse("warm\\nr1 a 0 1\\n.op\\n").expand()
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
before, began = resident(), time.process_time()
flat = circuitnn.parse(text).expand()
taken = time.process_time() - began
print(taken, resident() - before, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before)
"""
_RUNS = """
import gc, resource, time, circuitnn
from circuitnn.bench.decks import mixed
def resident():
    gc.collect()  # what only waits for Python's collector has not grown
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * resource.getpagesize()
for k in range(10_000):
    if k == 1000:
        before, began = resident(), time.process_time()
    circuitnn.parse(mixed(k)).run()
taken = time.process_time() - began
print(resident() - before, taken)
"""


def _at_end(vectors: Mapping[str, Array], plus: str, minus: str | None = None) -> float:
    end = float(vectors[plus][-1])
    return end - float(vectors[minus][-1]) if minus else end


def _both(deck: str) -> dict[Peer, str]:
    return {_NGSPICE: deck, _VACASK: deck}


def period(time: Array, wave: Array) -> float:
    """Return the mean period of a wave over the later half of its rising crossings of the middle, s.

    Raises
    ------
    AnalysisError
        When it does not oscillate.

    Examples
    --------
    >>> t = np.linspace(0.0, 10.0, 1001)
    >>> round(period(t, np.sin(2.0 * np.pi * t)), 6)
    1.0
    """
    middle = 0.5 * (wave.max() + wave.min())
    k = np.flatnonzero((wave[:-1] < middle) & (wave[1:] >= middle))
    instants = time[k] + (middle - wave[k]) / (wave[k + 1] - wave[k]) * (time[k + 1] - time[k])
    late = instants[len(instants) // 2 :]
    if len(late) < 2:
        raise AnalysisError("the wave has no two periods")
    return float((late[-1] - late[0]) / (len(late) - 1))


def _start(rounds: int) -> list[Row]:
    """Return what is left out of all times: the import here, an empty deck in each peer."""

    def cpu(code: str) -> float:
        return float(np.median([run_child([sys.executable, "-c", code]).cpu for _ in range(rounds)]))

    details: dict[str, float | str] = {peer.name: empty_cpu(peer) for peer in installed([_NGSPICE, _VACASK])}
    imported = cpu("import circuitnn") - cpu("pass")
    once = "import circuitnn; circuitnn.parse('t\\nv1 a 0 1\\nr1 a 0 1\\n.op\\n').run()"
    rows = [
        Row("import, without that of Python; an empty deck of the peers", imported, "s", details=details),
        Row("import and the first run of a small deck, without the start of Python", cpu(once) - cpu("pass"), "s"),
    ]
    if _VACASK.there():
        rows.append(Row("compilation of VACASK's memristor, not in its times", compiled_vteam()[1].cpu, "s"))
    return rows


def _rc(rounds: int) -> list[Row]:
    observed = Observed(
        "last voltage", ["v(out)"], partial(_at_end, plus="v(out)"),
        lambda: _at_end(_here(decks.converged(decks.rc_pulses(refine=2)), "v(out)"), "v(out)"),
    )  # fmt: skip
    deck = decks.rc_pulses()
    return versus("RC, 10^6 forced steps", deck, _both(deck), rounds, {"best": 2.0}, observed)


def _here(deck: str, *vectors: str) -> dict[str, Array]:
    result = run_here(deck).result
    return {**{vector: result[vector] for vector in vectors}, "time": result.time}


def _bridge(rounds: int) -> list[Row]:
    of = partial(_at_end, plus="v(outp)", minus="v(outn)")
    observed = Observed(
        "last voltage", ["v(outp)", "v(outn)"], of,
        lambda: of(_here(decks.converged(decks.bridge(refine=2)), "v(outp)", "v(outn)")),
    )  # fmt: skip
    deck = decks.bridge()
    return versus("diode bridge, 10^6 steps, Gear 2", deck, _both(deck), rounds, {"best": 2.0}, observed)


def _multiplier(rounds: int) -> list[Row]:
    of = partial(_at_end, plus="v(20)")
    observed = Observed(
        "last voltage", ["v(20)"], of, lambda: of(_here(decks.converged(decks.multiplier(refine=2)), "v(20)"))
    )
    deck = decks.multiplier()
    return versus("voltage multiplier, 5x10^5 steps, Gear 2", deck, _both(deck), rounds, {"best": 2.0}, observed)


def _ring(stages: int, periods: int, rounds: int) -> list[Row]:
    name = f"{stages}-stage ring, {periods} periods"
    one = stages * _STAGE_PERIOD

    def of(vectors: Mapping[str, Array]) -> float:
        return period(vectors["time"], vectors["v(n0)"])

    fine = decks.converged(decks.ring(stages, 12 * one, refine=5))
    truth = of(_here(fine, "v(n0)"))
    deck = decks.ring(stages, periods * one)
    rows = versus(
        name,
        deck,
        _both(deck),
        rounds,
        {"best": 2.0},
        Observed("period", ["v(n0)"], of, lambda: truth, most=0.5),
    )
    details: dict[str, float | str] = {}
    if _NGSPICE.there():
        details[f"{_NGSPICE.name} at the same tolerance"] = 1e9 * of(_NGSPICE.run(fine, ["v(n0)"]).vectors)
    return [*rows, Row(f"{stages}-stage ring: converged period, reltol 1e-6, 2 ps", 1e9 * truth, "ns", details=details)]


def _ring_op(rounds: int) -> list[Row]:
    deck = decks.ring(51, analysis="op")
    rows = versus("51-stage ring, operating point", deck, _both(deck), rounds, {"best": 1.0})
    # fewer than 50
    return [
        Row(row.name, row.value, row.unit, 49.0, 1.0, row.details) if row.name.endswith("iterations") else row
        for row in rows
    ]


def _ladder(rounds: int) -> list[Row]:
    at = np.linspace(0.0, 400e-9, 201)[1:]

    def of(vectors: Mapping[str, Array]) -> Array:
        return np.interp(at, vectors["time"], vectors["v(n20)"])

    deck = decks.rc_ladder()
    truth = partial(_here, decks.converged(decks.rc_ladder(refine=10)), "v(n20)")
    observed = Observed("voltage of node 20 in time", ["v(n20)"], of, lambda: of(truth()))
    return versus("RC ladder, 1000 sections", deck, _both(deck), rounds, {"best": 2.0}, observed)


def _crossbar(size: int, rounds: int) -> list[Row]:
    deck = decks.crossbar(size)
    # ngspice 39 takes two minutes for 128 x 128, all of them in its factorisation
    peers: dict[Peer, str] = _both(deck) if size <= 64 else {_VACASK: deck}
    return versus(f"crossbar {size} x {size}, .op", deck, peers, rounds, {"best": 2.0})


def _memristors(cells: str, rounds: int) -> list[Row]:
    size = 32
    w, times, levels = decks.write_and_read(size, size)
    currents = [f"i(vo{j})" for j in range(size)]
    elements = decks.memristor_array(w, times, levels, cells="elements")

    def of(vectors: Mapping[str, Array]) -> Array:
        return np.array([vectors[name][-1] for name in currents])

    fine = decks.converged(decks.memristor_array(w, times, levels, max_step=0.1e-9, cells="elements"))
    observed = Observed("read currents", currents, of, lambda: of(_here(fine, *currents)))
    if cells == "elements":
        name, goals = "32 x 32 memristors, N elements", {"VACASK": 3.0}
        return versus(name, elements, {_VACASK: elements}, rounds, goals, observed)
    name, goals = "32 x 32 memristors, subcircuits of B sources", {"VACASK": 1.5, "ngspice": 15.0}
    deck = decks.memristor_array(w, times, levels, cells=cells)
    return versus(name, deck, {_NGSPICE: deck, _VACASK: elements}, rounds, goals, observed)


def _parse_lines(rounds: int) -> list[Row]:
    """Return what parsing and expanding a million plain lines takes; once, in a process of its own."""
    deck = decks.flat_lines(_LINES)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deck.cir"
        path.write_text(deck, encoding="utf-8")
        taken = [
            [float(word) for word in run_child([sys.executable, "-c", _PARSE, str(path)]).output.split()]
            for _ in range(min(rounds, 3))
        ]
    seconds, held, peak = np.median(taken, axis=0).tolist()
    baseline, details = None, {}
    if _NGSPICE.there():
        run = _NGSPICE.read(deck)
        baseline = run.child.cpu - empty_cpu(_NGSPICE)
        details["ngspice"] = 1e6 * run.child.megabytes / _LINES
    return [
        Row("10^6 plain lines: parse and expand", seconds, "s", baseline, 5.0),
        Row("10^6 plain lines: memory at most, beyond the text", peak / _LINES, "B/line", 1000.0, 1.0, details),
        Row("10^6 plain lines: memory afterwards", held / _LINES, "B/line"),
    ]


def _growth(rounds: int) -> list[Row]:
    """Return how much memory 9000 runs take after 1000; pages that the allocator keeps may come to a megabyte."""
    words = run_child([sys.executable, "-c", _RUNS]).output.split()
    if len(words) != 2:
        raise AnalysisError(f"the runs printed {' '.join(words)[:200]}")
    return [
        Row("10,000 runs of a small deck: growth after the first 1000", float(words[0]) / 1e6, "MB", 1.0, 1.0),
        Row("10,000 runs of a small deck: one run, op, ac and tran", 1e3 * float(words[1]) / 9000, "ms"),
    ]


_PARTS: dict[str, Part] = {
    "start": _start,
    "rc": _rc,
    "bridge": _bridge,
    "multiplier": _multiplier,
    "ring51": partial(_ring, 51, 200),
    "ring51short": partial(_ring, 51, 10),
    "ring101": partial(_ring, 101, 200),
    "ring51op": _ring_op,
    "ladder": _ladder,
    "crossbar64": partial(_crossbar, 64),
    "crossbar128": partial(_crossbar, 128),
    "crossbar256": partial(_crossbar, 256),
    "memristors": partial(_memristors, "subcircuits"),
    "memristorsn": partial(_memristors, "elements"),
    "lines": _parse_lines,
    "runs": _growth,
}

EXPORT = Case(_PARTS, {peer.name: peer.there for peer in (_NGSPICE, _VACASK)})
