"""Many inputs in a process of their own, which may crash, hang or run out of memory without taking the caller along."""

from __future__ import annotations

import faulthandler
import json
import os
import random
import re
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from fuzz.mutate import NETLISTS

#: CPU seconds that one input may take, a simulation that is interrupted included.
MOST_SECONDS = 5
#: Wall seconds after which a process that does not answer even to signals is ended.
DEAD_SECONDS = 120
#: Commands of a script.
MOST_COMMANDS = 2000
#: Bytes of address space of the process.
MOST_MEMORY = 4 << 30


@dataclass
class Campaign:
    """What came of a number of inputs: how often each outcome, the first input of each, and what broke."""

    count: int = 0
    seconds: float = 0.0
    outcomes: Counter[str] = field(default_factory=Counter)
    first: dict[str, int] = field(default_factory=dict)
    broken: list[tuple[int, str]] = field(default_factory=list)

    def alike(self) -> dict[str, list[int]]:
        """Return what broke, inputs that broke in the same line of the program together."""
        first: dict[str, str] = {}
        found: dict[str, list[int]] = {}
        for index, what in self.broken:
            lines = re.findall(r'File "[^"]+", line \d+', what)
            key = first.setdefault(lines[-1] if lines else what[:60], what)
            found.setdefault(key, []).append(index)
        return found


@contextmanager
def netlists() -> Iterator[None]:
    """Work in a copy of ``netlists/``: scripts may write files."""
    home = Path.cwd()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copytree(NETLISTS, folder, dirs_exist_ok=True)
        os.chdir(folder)
        try:
            yield
        finally:
            os.chdir(home)


class Hang(BaseException):
    """An input that takes too long."""


def _hang(signum: int, frame: object) -> None:
    raise Hang


def rng_of(target: str, seed: int, index: int) -> random.Random:
    """Return the generator that makes input ``index`` of a target, whatever came before it."""
    return random.Random(f"{target} {seed} {index}")


def run(target: str, seed: int, first: int, count: int, jobs: int = 1) -> Campaign:
    """Run inputs ``first`` to ``first + count - 1`` of a target, in ``jobs`` processes at a time."""
    ends = [first + count * k // jobs for k in range(jobs + 1)]
    with ThreadPoolExecutor(jobs) as pool:
        parts = [*pool.map(lambda a, b: _run(target, seed, a, b - a), ends, ends[1:])]
    whole = parts[0]
    for part in parts[1:]:
        whole.count += part.count
        whole.seconds = max(whole.seconds, part.seconds)
        whole.outcomes += part.outcomes
        whole.first = part.first | whole.first
        whole.broken += part.broken
    return whole


def _run(target: str, seed: int, first: int, count: int) -> Campaign:
    """Run inputs each in turn; go on behind one that ends the process."""
    campaign = Campaign()
    begin, end = time.perf_counter(), first + count
    while first < end:
        with tempfile.TemporaryDirectory() as folder:
            shutil.copytree(NETLISTS, folder, dirs_exist_ok=True)
            status, report = Path(folder, "status.json"), Path(folder, "report.json")
            command = [
                sys.executable,
                "-m",
                "fuzz.campaign",
                target,
                str(seed),
                str(first),
                str(end),
                str(status),
                str(report),
            ]
            tests = str(Path(__file__).resolve().parents[1])
            path = os.pathsep.join(filter(None, [tests, os.environ.get("PYTHONPATH")]))
            done = subprocess.run(
                command, cwd=folder, env={**os.environ, "PYTHONPATH": path, "OMP_NUM_THREADS": "1"},
                capture_output=True, text=True, errors="replace", check=False,
            )  # fmt: skip
            found = json.loads(report.read_text()) if report.exists() else {}
            campaign.outcomes.update(found.get("outcomes", {}))
            for name, index in found.get("first", {}).items():
                campaign.first.setdefault(name, index)
            campaign.broken += [(index, what) for index, what in found.get("broken", [])]
            if done.returncode == 0:
                campaign.count += end - first
                break
            at = int(status.read_text() or first) if status.exists() else first
            campaign.broken.append((at, f"the process ended with {done.returncode}: {done.stderr[-3000:]}"))
            campaign.count += at + 1 - first
            first = at + 1
    campaign.seconds = time.perf_counter() - begin
    return campaign


def _child(target: str, seed: int, first: int, end: int, status: Path, report: Path) -> None:
    from fuzz.targets import Deck, judged

    from circuitnn.runs.control import interpreter

    interpreter.MAX_COMMANDS = MOST_COMMANDS  # loops that do not end are many here
    faulthandler.enable()
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    signal.signal(signal.SIGVTALRM, _hang)
    warnings.simplefilter("error")
    outcomes: Counter[str] = Counter()
    firsts: dict[str, int] = {}
    broken: list[tuple[int, str]] = []
    now = os.open(status, os.O_WRONLY | os.O_CREAT)
    home = Path.cwd()
    Deck("warm-up\nv1 a 0 1\nr1 a 0 1\n.op\n.tran 1n 2n\n").judged()  # imports take time that counts for no input
    try:
        for index in range(first, end):
            os.pwrite(now, f"{index:<12}".encode(), 0)
            faulthandler.dump_traceback_later(DEAD_SECONDS, exit=True)
            signal.setitimer(signal.ITIMER_VIRTUAL, MOST_SECONDS)
            try:
                name = judged(target, rng_of(target, seed, index), index)
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
            except (Exception, Hang):
                signal.setitimer(signal.ITIMER_VIRTUAL, 0)
                os.chdir(home)
                name = "broken"
                broken.append((index, traceback.format_exc(limit=-12)))
            outcomes[name] += 1
            firsts.setdefault(name, index)
            if index % 2000 == 1999:
                _report(report, outcomes, firsts, broken)
    finally:
        faulthandler.cancel_dump_traceback_later()
        _report(report, outcomes, firsts, broken)


def _report(path: Path, outcomes: Counter[str], firsts: dict[str, int], broken: list[tuple[int, str]]) -> None:
    path.write_text(json.dumps({"outcomes": outcomes, "first": firsts, "broken": broken}))


if __name__ == "__main__":
    target, *numbers, status, report = sys.argv[1:]
    _child(target, *map(int, numbers), Path(status), Path(report))
