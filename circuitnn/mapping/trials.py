"""Accuracy over many devices: the same layout programmed again and again, with other random numbers."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import stats

from circuitnn.errors import UsageError
from circuitnn.mapping.evaluation import labels_of
from circuitnn.mapping.layout import Layout
from circuitnn.nonidealities.chain import check_effects
from circuitnn.nonidealities.nonideality import Nonideality
from circuitnn.runs.pool import Job, require_workers

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Trial:
    """One programming of the layout: its number, accuracy, and agreement with the ideal network."""

    index: int
    accuracy: float
    agreement: float


@dataclass(frozen=True)
class Trials:
    """Accuracies of a layout programmed many times; prints as a few lines.

    Attributes
    ----------
    runs : tuple of Trial
    samples : int
        Samples of the test, the same in every run.
    ideal_accuracy : float
        Of the network in double precision.
    """

    runs: tuple[Trial, ...]
    samples: int
    ideal_accuracy: float

    @property
    def accuracies(self) -> Array:
        """Accuracy of each run."""
        return np.array([run.accuracy for run in self.runs])

    @property
    def mean(self) -> float:
        """Mean accuracy."""
        return float(self.accuracies.mean())

    @property
    def std(self) -> float:
        """Standard deviation of the accuracy from chip to chip; 0 for one run."""
        return float(self.accuracies.std(ddof=1)) if len(self.runs) > 1 else 0.0

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the confidence interval of the mean over chips, by Student's t; the test's samples are held fixed."""
        if len(self.runs) < 2 or self.std == 0.0:
            return self.mean, self.mean
        half = float(stats.t.ppf(0.5 + level / 2.0, len(self.runs) - 1)) * self.std / len(self.runs) ** 0.5
        return max(0.0, self.mean - half), min(1.0, self.mean + half)

    def test_interval(self, level: float = 0.95) -> tuple[float, float]:
        """Return the confidence interval that the number of test samples leaves to the mean accuracy.

        Wilson's, J. Am. Stat. Assoc. 22 (1927) 209, for as many independent samples as the test has.
        """
        return wilson(self.mean, self.samples, level)

    def __str__(self) -> str:
        low, high = (100.0 * end for end in self.interval())
        least, most = (100.0 * end for end in self.test_interval())
        return "\n".join(
            [
                f"runs              {len(self.runs)}",
                f"accuracy          {100.0 * self.mean:.2f} %, deviation {100.0 * self.std:.2f} %, "
                f"worst {100.0 * self.accuracies.min():.2f} %",
                f"95 % over chips   {low:.2f} to {high:.2f} %",
                f"95 % over tests   {least:.2f} to {most:.2f} % ({self.samples} samples)",
                f"ideal network     {100.0 * self.ideal_accuracy:.2f} %",
            ]
        )


def wilson(share: float, samples: int, level: float = 0.95) -> tuple[float, float]:
    """Return Wilson's confidence interval of a share of independent samples.

    Examples
    --------
    >>> [round(end, 4) for end in wilson(0.5, 100)]
    [0.4038, 0.5962]
    """
    z = float(stats.norm.ppf(0.5 + level / 2.0))
    centre = (share + z * z / (2 * samples)) / (1 + z * z / samples)
    half = z / (1 + z * z / samples) * (share * (1 - share) / samples + z * z / (4 * samples * samples)) ** 0.5
    return max(0.0, centre - half), min(1.0, centre + half)


@dataclass(frozen=True, eq=False)
class _Programming:
    """Programs a layout with the random numbers of a run, and tests it."""

    layout: Layout
    effects: tuple[Nonideality, ...]
    seed: int
    temp: float | None
    x: Array
    y: NDArray[np.int64]

    def __call__(self, index: int) -> Trial:
        seed = int(np.random.SeedSequence(self.seed, spawn_key=(index,)).generate_state(1, np.uint32)[0])
        found = self.layout.with_nonidealities(self.effects, seed, self.temp).evaluate(self.x, self.y)
        return Trial(index, found.accuracy, found.agreement)

    def require_importable(self) -> None:
        """Effects and layouts are this package's own."""


def program_often(
    layout: Layout,
    x: ArrayLike,
    y: ArrayLike,
    nonidealities: Iterable[Nonideality] | Nonideality | None,
    runs: int,
    seed: int,
    temp: float | None = None,
    workers: int | None = None,
    cluster: str | None = None,
    progress: Callable[[float], None] | None = None,
) -> Trials:
    """Return the accuracies of a layout programmed many times; see ``Layout.monte_carlo``."""
    for name, value, low in (("runs", runs, 1), ("seed", seed, 0)):
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < low:
            raise UsageError(f"{name} = {value!r}", expected=f"a whole number from {low} on", names=(name,))
    require_workers(workers, cluster)
    effects = layout.effects.effects if nonidealities is None else check_effects(nonidealities)
    values = layout.graph.samples(x)
    labels = labels_of(y, len(values), layout.graph)
    ideal = layout.evaluate(values, labels).ideal_accuracy
    done: dict[int, Any] = {}
    task = _Programming(layout, effects, int(seed), temp, values, labels)
    Job(task, list(range(runs)), done, None, progress, runs).run(workers, cluster)
    return Trials(tuple(done[k] for k in range(runs)), len(labels), ideal)
