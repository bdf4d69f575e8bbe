"""Running another program, or ourselves, as a child process whose times and peak memory are measured."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from circuitnn.errors import AnalysisError

Array = np.ndarray[Any, np.dtype[np.float64]]

# Linux counts the memory of the process that starts another into the other's peak: a small one stands in between.
_LAUNCHER = """
import resource, subprocess, sys, time
began = time.perf_counter()
try:
    status = subprocess.call(sys.argv[3:], timeout=float(sys.argv[2]))
except subprocess.TimeoutExpired:
    status = 124
seconds = time.perf_counter() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    file.write(f"{seconds} {used.ru_utime + used.ru_stime} {used.ru_maxrss}")
sys.exit(status if status >= 0 else 128 - status)
"""
_TIMED_OUT = 124


class TimeLimitError(AnalysisError):
    """A child process ran into its limit of time."""


@dataclass(frozen=True)
class Child:
    """What a child process took: wall seconds, processor seconds, peak resident memory in MB, and what it printed."""

    seconds: float
    cpu: float
    megabytes: float
    output: str


@dataclass(frozen=True)
class PeerRun:
    """One run of a deck in another simulator.

    Parameters
    ----------
    child : Child
    counts : mapping of str to int
        ``points``, ``rejected`` and ``iterations``, as far as the program tells.
    vectors : mapping of str to ndarray
        What was asked for, by its name in the deck, and ``time`` in a transient.
    """

    child: Child
    counts: Mapping[str, int] = field(default_factory=dict)
    vectors: Mapping[str, Array] = field(default_factory=dict)


class Peer(ABC):
    """Another simulator."""

    name: str

    @abstractmethod
    def there(self) -> bool:
        """Return whether it is installed."""

    @abstractmethod
    def run(self, deck: str, save: Sequence[str] = (), limit: float = 1e6) -> PeerRun:
        """Run a SPICE deck with one analysis; raise AnalysisError when it fails.

        Parameters
        ----------
        deck : str
        save : sequence of str, optional
            Vectors to return; without any no result is written to disk, so that the time is that of the simulation.
        limit : float
            Wall seconds after which it is stopped, with TimeLimitError.
        """

    @abstractmethod
    def empty(self) -> PeerRun:
        """Run a deck with nothing in it: what starting the program takes."""


def run_child(command: Sequence[str], cwd: Path | None = None, limit: float = 1e6) -> Child:
    """Run a command to its end; raise AnalysisError with the tail of its output when it fails.

    Examples
    --------
    >>> run_child(["echo", "hello"]).output.strip()
    'hello'
    """
    with tempfile.TemporaryDirectory() as folder:
        taken = Path(folder) / "taken"
        launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(taken), str(limit), *command]
        # A child that imports this package from the folder of a checkout would find sources that are not built.
        where = cwd or folder
        # Bytes that are no text must not end a benchmark.
        process = subprocess.run(
            launcher, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL, cwd=where, check=False
        )
        output = process.stdout.decode("utf-8", "replace")
        if process.returncode == _TIMED_OUT:
            raise TimeLimitError(f"{command[0]} was stopped after {limit:g} s")
        if process.returncode != 0:
            raise AnalysisError(f"{command[0]} ended with status {process.returncode}: {output[-500:]}")
        seconds, cpu, kilobytes = taken.read_text(encoding="ascii").split()
    return Child(float(seconds), float(cpu), float(kilobytes) / 1024.0, output)
