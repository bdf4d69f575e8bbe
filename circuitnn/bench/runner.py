"""What a benchmark case returns, and how cases are run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from circuitnn.errors import UsageError, nearest
from circuitnn.registry import catalog


@dataclass(frozen=True)
class Row:
    """One figure of a benchmark.

    Parameters
    ----------
    name : str
        What was measured.
    value : float
        Our figure.
    unit : str
    baseline : float, optional
        The peer's figure for the same, measured in the same run.
    goal : float, optional
        The ratio ``baseline / value`` that is asked for.
    details : mapping of str to float or str, optional
        What stands beside our figure, in its unit: each peer's, parts of ours; words where there is no number.
    """

    name: str
    value: float
    unit: str
    baseline: float | None = None
    goal: float | None = None
    details: Mapping[str, float | str] = field(default_factory=dict)

    @property
    def ratio(self) -> float | None:
        """How many times less than the baseline."""
        return None if self.baseline is None or self.value == 0.0 else self.baseline / self.value

    @property
    def holds(self) -> bool | None:
        """Whether the goal is met; None where there is none or no baseline."""
        return None if self.goal is None or self.ratio is None else self.ratio >= self.goal

    def as_dict(self) -> dict[str, Any]:
        """Return the row with its ratio, for ``--json``.

        Examples
        --------
        >>> Row("solve", 0.5, "s", baseline=1.0, goal=1.5).as_dict()["ratio"]
        2.0
        """
        return {
            "name": self.name,
            "value": self.value,
            "unit": self.unit,
            "baseline": self.baseline,
            "ratio": self.ratio,
            "goal": self.goal,
            "holds": self.holds,
            "details": dict(self.details),
        }


#: A part of a case: it takes the number of rounds of which medians are taken, and returns its rows.
Part = Callable[[int], list[Row]]


@dataclass(frozen=True)
class Case:
    """A benchmark: parts that can be run one by one, and the programs that it looks for.

    Parameters
    ----------
    parts : mapping of str to callable
        In the order in which they run.
    peers : mapping of str to callable, optional
        Names of other programs, and whether each is there; figures of those that are not are left out.
    """

    parts: Mapping[str, Part]
    peers: Mapping[str, Callable[[], bool]] = field(default_factory=dict)

    def absent(self) -> list[str]:
        """Return the names of the peers that are not installed."""
        return [name for name, there in self.peers.items() if not there()]


def median_times(calls: Sequence[Callable[[], object]], rounds: int) -> list[float]:
    """Return the median times of calls, s, each after one that nobody times; a round goes through all of them.

    Examples
    --------
    >>> max(median_times([lambda: None, lambda: None], 3)) < 1.0
    True
    """
    taken: list[list[float]] = [[] for _ in calls]
    for call in calls:
        call()
    for _ in range(rounds):
        for call, times in zip(calls, taken, strict=True):
            began = time.perf_counter()
            call()
            times.append(time.perf_counter() - began)
    return [statistics.median(times) for times in taken]


def median_time(call: Callable[[], object], rounds: int) -> float:
    """Return the median time of a call, s, after one that nobody times.

    Examples
    --------
    >>> median_time(lambda: None, 3) < 1.0
    True
    """
    return median_times([call], rounds)[0]


def case(name: str) -> Case:
    """Return the case of that name; raise UsageError with the nearest name when there is none.

    Examples
    --------
    >>> list(case("lu").parts)
    ['ladder', 'ring', 'crossbar64', 'crossbar128']
    """
    found: Case = catalog("bench.cases").get(name)
    return found


def run(
    name: str, only: Sequence[str] = (), rounds: int = 5, progress: Callable[[str], None] | None = None
) -> list[Row]:
    """Return the rows of a case.

    Parameters
    ----------
    name : str
    only : sequence of str, optional
        The parts to run; all when empty.
    rounds : int
        Of which medians are taken.
    progress : callable, optional
        It is given the name of each part before the part runs.

    Raises
    ------
    UsageError
        For a case or a part that does not exist.
    """
    parts = case(name).parts
    for part in only:
        if part not in parts:
            raise UsageError(
                f"the benchmark {name} has no part {part!r}",
                expected=", ".join(parts),
                hint=nearest(part, parts),
            )
    rows = []
    for part, measure in parts.items():
        if not only or part in only:
            if progress is not None:
                progress(part)
            rows += measure(rounds)
    return rows


def names() -> list[str]:
    """Return the names of all cases.

    Examples
    --------
    >>> names()
    ['compiler', 'crossbar', 'devices', 'learning', 'lu', 'oscillators', 'scale_out', 'spice']
    """
    return catalog("bench.cases").names()
