"""Decks against ngspice: whole time, time of the run, peak memory."""

from __future__ import annotations

import statistics
import sys
import tempfile
from pathlib import Path

from circuitnn.bench import decks, peers
from circuitnn.bench.runner import Row, median_time
from circuitnn.netlist.netlist import parse

_ROUNDS = 3
_CHILD = "import sys, circuitnn; circuitnn.load(sys.argv[1]).run()"


def compare(name: str, ours: str, theirs: str, rounds: int = _ROUNDS) -> list[Row]:
    """Return rows for one pair of decks: text to results in this process, and whole processes."""
    inside = median_time(lambda: parse(ours).run(), rounds)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deck.cir"
        path.write_text(ours, encoding="utf-8")
        child = peers.run_child([sys.executable, "-c", _CHILD, str(path)])
    if peers.ngspice() is None:
        return [Row(f"{name}: text to results", inside, "s"), Row(f"{name}: peak memory", child.megabytes, "MB")]
    peer = [peers.run_ngspice(theirs) for _ in range(rounds)]
    seconds = statistics.median(p.seconds for p in peer)
    return [
        Row(f"{name}: text to results", inside, "s", baseline=seconds, goal=1.0),
        Row(f"{name}: whole process", child.seconds, "s", baseline=seconds),
        Row(f"{name}: peak memory", child.megabytes, "MB", baseline=peer[0].megabytes),
    ]


def run() -> list[Row]:
    """Return the rows of all decks; the ratio is ngspice's figure over ours."""
    rows = compare("RC ladder, 1000 sections", decks.rc_ladder(), decks.rc_ladder())
    rows += compare("crossbar 64x64 .op", decks.crossbar(), decks.crossbar(), rounds=1)
    rows += compare("51-stage ring, uic", decks.ring(), decks.ring())
    rows += compare("memristor under a sine", decks.memristor(True), decks.memristor(False))
    return rows


EXPORT = run
