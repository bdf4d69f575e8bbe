"""ngspice as a peer: it reads our decks as they are."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path

from circuitnn.bench.peers import Peer, PeerRun, run_child
from circuitnn.errors import AnalysisError
from circuitnn.results.rawfile import read_raw

_COUNTS = {
    "points": r"No\. of Data Rows : (\d+)",
    "rejected": r"Rejected timepoints = (\d+)",
    "iterations": r"Total iterations = (\d+)",
}
# ngspice ends with status 0 whatever happened.
_FAILED = re.compile(r"aborted|not converge|^Error.*|singular matrix", re.MULTILINE)


class Ngspice(Peer):
    """ngspice in batch mode; vectors stay in its memory unless they are asked for."""

    name = "ngspice"

    def there(self) -> bool:
        """Return whether it is on PATH."""
        return shutil.which("ngspice") is not None

    def run(self, deck: str, save: Sequence[str] = (), limit: float = 1e6) -> PeerRun:
        """Run the analysis of a deck."""
        write = [f"write out.raw {' '.join(save)}"] if save else []
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            run = self._run(deck, ["run", "rusage everything", *write], folder, limit)
            if not save:
                return run
            (result,) = read_raw(folder / "out.raw").values()
            found = {vector: result[vector] for vector in save}
            if result.kind == "tran":
                found["time"] = result.time
        return PeerRun(run.child, run.counts, found)

    def read(self, deck: str, limit: float = 1e6) -> PeerRun:
        """Read a deck and build its circuit without running anything."""
        with tempfile.TemporaryDirectory() as name:
            return self._run(deck, [], Path(name), limit)

    def empty(self) -> PeerRun:
        """Run a deck with nothing in it: what starting the program takes."""
        return self.read("empty\n.end\n")

    def _run(self, deck: str, commands: list[str], folder: Path, limit: float) -> PeerRun:
        body = deck.removesuffix(".end\n")
        control = "\n".join([".control", *commands, "quit", ".endc", ".end", ""])
        (folder / "deck.cir").write_text(body + control, encoding="utf-8")
        child = run_child(["ngspice", "-b", "deck.cir"], folder, limit)
        failure = _FAILED.search(child.output)
        if failure:
            raise AnalysisError(f"ngspice failed: {failure[0]}")
        counts = {key: int(found[1]) for key, word in _COUNTS.items() if (found := re.search(word, child.output))}
        return PeerRun(child, counts)
