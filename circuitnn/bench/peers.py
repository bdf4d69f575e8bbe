"""Running a peer, or ourselves, as a child process whose time and peak memory are measured."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from circuitnn.errors import AnalysisError

# Linux counts the memory of the process that starts another into the other's peak: a small one stands in between.
_LAUNCHER = """
import resource, subprocess, sys, time
began = time.perf_counter()
status = subprocess.call(sys.argv[2:])
seconds = time.perf_counter() - began
with open(sys.argv[1], "w") as file:
    file.write(f"{seconds} {resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss}")
sys.exit(status if status >= 0 else 128 - status)
"""


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
    with tempfile.TemporaryDirectory() as folder:
        taken = Path(folder) / "taken"
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(taken), *command]
        # Bytes that are no text must not end a benchmark.
        process = subprocess.run(
            launcher, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=cwd, check=False
        )
        output = process.stdout.decode("utf-8", "replace")
        if process.returncode != 0:
            raise AnalysisError(f"{command[0]} ended with status {process.returncode}: {output[-500:]}")
        seconds, kilobytes = taken.read_text(encoding="ascii").split()
    return Child(float(seconds), float(kilobytes) / 1024.0, output)


def ngspice() -> str | None:
    """Return the path of ngspice, or None when it is not installed."""
    return shutil.which("ngspice")


def run_ngspice(deck: str) -> Child:
    """Run a deck through ngspice in batch mode, its raw file thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "deck.cir"
        path.write_text(deck, encoding="utf-8")
        return run_child(["ngspice", "-b", "-r", "out.raw", str(path)], cwd=Path(folder))
