"""What a benchmark case returns, and how cases are run."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
    """

    name: str
    value: float
    unit: str
    baseline: float | None = None
    goal: float | None = None

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
        }


def median_time(call: Callable[[], object], rounds: int) -> float:
    """Return the median time of a call, s, after one that nobody times.

    Examples
    --------
    >>> median_time(lambda: None, 3) < 1.0
    True
    """
    call()
    taken = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        taken.append(time.perf_counter() - began)
    return statistics.median(taken)


def run(name: str) -> list[Row]:
    """Run the case of that name; raise UsageError with the nearest name when there is none."""
    case: Callable[[], list[Row]] = catalog("bench.cases").get(name)
    return case()


def names() -> list[str]:
    """Return the names of all cases.

    Examples
    --------
    >>> names()
    ['crossbar', 'lu', 'spice']
    """
    return catalog("bench.cases").names()
