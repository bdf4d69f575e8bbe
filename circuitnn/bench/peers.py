"""Running a peer, or ourselves, as a child process whose time and peak memory are measured."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from circuitnn.errors import AnalysisError


@dataclass(frozen=True)
class Child:
    """What a child process took: wall seconds, peak resident memory in MB, and what it printed."""

    seconds: float
    megabytes: float
    output: str


def run_child(command: list[str], cwd: Path | None = None) -> Child:
    """Run a command to its end; raise AnalysisError with the tail of its output when it fails.

    Examples
    --------
    >>> run_child(["echo", "hello"]).output.strip()
    'hello'
    """
    with tempfile.TemporaryFile("w+") as log:
        began = time.perf_counter()
        process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=cwd)
        # wait4 and not communicate: it gives this child's own peak memory.
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        log.seek(0)
        output = log.read()
    if process.returncode != 0:
        raise AnalysisError(f"{command[0]} ended with status {process.returncode}: {output[-500:]}")
    return Child(seconds, usage.ru_maxrss / 1024.0, output)


def ngspice() -> str | None:
    """Return the path of ngspice, or None when it is not installed."""
    return shutil.which("ngspice")


def run_ngspice(deck: str) -> Child:
    """Run a deck through ngspice in batch mode, its raw file thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deck.cir"
        path.write_text(deck, encoding="utf-8")
        return run_child(["ngspice", "-b", "-r", "out.raw", str(path)], cwd=Path(folder))
