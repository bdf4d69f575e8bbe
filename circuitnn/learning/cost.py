"""What training takes of the hardware: how often, how long, how many joules, by kind of work."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.units import format_si


@dataclass
class Work:
    """Work of one kind.

    Attributes
    ----------
    count : float
        Reads, settlings, pulses, ...
    seconds : float
        Time of the hardware, when work that it can do at once is done at once.
    joules : float
    """

    count: float = 0.0
    seconds: float = 0.0
    joules: float = 0.0


class Cost:
    """Work of the hardware, added up by kind.

    Examples
    --------
    >>> cost = Cost()
    >>> cost.add("forward reads", 2, 200e-9, 3e-9)
    >>> cost.add("pulses", 1000, 1e-6, 5e-9)
    >>> cost.joules, cost.count("pulses")
    (8e-09, 1000.0)
    """

    def __init__(self) -> None:
        self._work: dict[str, Work] = {}

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Leave out the work that is done meanwhile: reads that test a network and do not train it."""
        kept = {name: Work(w.count, w.seconds, w.joules) for name, w in self._work.items()}
        try:
            yield
        finally:
            self._work = kept

    def add(self, kind: str, count: float, seconds: float = 0.0, joules: float = 0.0) -> None:
        """Add work of a kind."""
        work = self._work.setdefault(kind, Work())
        work.count += float(count)
        work.seconds += float(seconds)
        work.joules += float(joules)

    def count(self, kind: str) -> float:
        """Return how often work of a kind was done; 0 for a kind that never was."""
        return self._work[kind].count if kind in self._work else 0.0

    @property
    def kinds(self) -> dict[str, Work]:
        """Work by kind, in the order in which kinds first came up."""
        return dict(self._work)

    @property
    def pulses(self) -> float:
        """Programming pulses: of every kind whose name ends in ``pulses``."""
        return sum(w.count for name, w in self._work.items() if name.endswith("pulses"))

    @property
    def seconds(self) -> float:
        """All time of the hardware, s."""
        return sum(w.seconds for w in self._work.values())

    @property
    def joules(self) -> float:
        """All energy, J."""
        return sum(w.joules for w in self._work.values())

    def to_dict(self, examples: int | None = None) -> dict[str, dict[str, float]]:
        """Return ``{kind: {count, seconds, joules}}``, divided by a number of examples where one is given."""
        per = 1.0 / examples if examples else 1.0
        return {
            name: {"count": w.count * per, "seconds": w.seconds * per, "joules": w.joules * per}
            for name, w in self._work.items()
        }

    def table(self, examples: int) -> str:
        """Return a table of what an example takes."""
        rows = [f"{'an example takes':<24}{'count':>12}{'time':>12}{'energy':>12}"]
        rows += [
            f"{name:<24}{one['count']:>12.4g}{format_si(one['seconds'], 's'):>12}{format_si(one['joules'], 'J'):>12}"
            for name, one in self.to_dict(examples).items()
        ]
        whole = format_si(self.seconds / examples, "s"), format_si(self.joules / examples, "J")
        return "\n".join([*rows, f"{'all':<24}{'':>12}{whole[0]:>12}{whole[1]:>12}"])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """Return it as arrays for a checkpoint."""
        names = np.frombuffer(json.dumps(list(self._work)).encode(), np.uint8)
        values = np.array([(w.count, w.seconds, w.joules) for w in self._work.values()], np.float64).reshape(-1, 3)
        return {"cost.kinds": names, "cost.values": values}

    def restore(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Become what ``arrays`` gave."""
        names = json.loads(bytes(arrays["cost.kinds"]))
        self._work = {str(name): Work(*map(float, row)) for name, row in zip(names, arrays["cost.values"], strict=True)}
