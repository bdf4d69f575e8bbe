"""What many runs of one circuit gave: numbers and waveforms of each, and what is typical of them."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import AnalysisError, UsageError, nearest

_MOST_WARNINGS = 20


@dataclass(frozen=True, eq=False)
class Waves:
    """Waveforms of one result on its axis.

    Parameters
    ----------
    axis_name, axis_unit : str
    axis : ndarray, shape (points,)
    names, units : tuple of str
    values : ndarray, shape (vectors, points), or (runs, vectors, points) with runs that failed masked
    """

    axis_name: str
    axis_unit: str
    axis: NDArray[np.float64]
    names: tuple[str, ...]
    units: tuple[str, ...]
    values: NDArray[Any]

    def fits(self, other: Waves) -> bool:
        """Whether two runs gave the same vectors at the same points."""
        return self.names == other.names and np.array_equal(self.axis, other.axis)


@dataclass
class Record:
    """What one run gave; ``error`` is empty where it succeeded."""

    index: int
    error: str = ""
    measures: dict[str, float] = field(default_factory=dict)
    waves: dict[str, Waves] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Yield:
    """The part of all runs that keep the limits, with the 95 % interval of Wilson's score for the true one."""

    passed: int
    runs: int
    fraction: float
    low: float
    high: float


class Samples:
    """The runs of a Monte Carlo analysis.

    Parameters
    ----------
    records : iterable of Record
        In any order; a run whose waveforms lie on another axis than those of the first good one counts as failed.
    title : str
    seed : int
    asked : int, optional
        How many runs there should be in the end; those recorded when absent.

    Attributes
    ----------
    runs : ndarray of int, shape (runs,)
        Numbers of the finished runs, ascending; rows of all arrays follow it.
    measures : dict of str to masked array, shape (runs,)
        Numbers by name; masked where a run failed or has no such number.
    waves : dict of str to Waves
        Waveforms by the name of their result (``tran1``), values of shape (runs, vectors, points).
    errors : dict of int to str
        Why runs failed.
    warnings : tuple of str

    Raises
    ------
    AnalysisError
        When all runs failed.

    Examples
    --------
    >>> samples = Samples([Record(k, measures={"gain": g}) for k, g in enumerate([1.0, 2.0, 3.0, 4.0])])
    >>> samples.percentiles("gain", (0, 50, 100)).tolist()
    [1.0, 2.5, 4.0]
    >>> samples.yield_of({"gain": (1.5, None)}).fraction
    0.75
    """

    def __init__(self, records: Iterable[Record], title: str = "", seed: int = 0, asked: int | None = None) -> None:
        ordered = sorted(records, key=lambda record: record.index)
        self.title, self.seed = title, seed
        self.asked = len(ordered) if asked is None else asked
        first = next((record for record in ordered if not record.error), None)
        if ordered and first is None:
            raise AnalysisError(
                f"all {len(ordered)} runs failed; the first says: {ordered[0].error}",
                hint="run the deck without the variation first",
            )
        self.errors = {record.index: record.error for record in ordered if record.error}
        good: list[Record | None] = []
        for record in ordered:
            sound = not record.error and first is not None
            if sound and first is not None and not _alike(record, first):
                self.errors[record.index] = f"its waveforms are not at the points of run {first.index}"
                sound = False
            good.append(record if sound else None)
        self.runs = np.array([record.index for record in ordered], dtype=np.int64)
        names = dict.fromkeys(name for record in good if record for name in record.measures)
        self.measures = {
            name: _column([record.measures.get(name) if record else None for record in good]) for name in names
        }
        self.waves = {name: _stacked(name, wave, good) for name, wave in (first.waves if first else {}).items()}
        said = dict.fromkeys(warning for record in ordered for warning in record.warnings)
        self.warnings = tuple(said)[:_MOST_WARNINGS]

    def __len__(self) -> int:
        return len(self.runs)

    def __repr__(self) -> str:
        failed = f", {len(self.errors)} failed" if self.errors else ""
        return f"<Samples: {len(self)} of {self.asked} runs{failed}>"

    def names(self) -> list[str]:
        """Return all names: measures, then vectors."""
        return [*self.measures, *dict.fromkeys(name for waves in self.waves.values() for name in waves.names)]

    def find(self, name: str) -> tuple[Waves | None, int]:
        """Return where a vector is: its waves and its place among them; no waves for a measure.

        Raises
        ------
        AnalysisError
            When there is neither.
        """
        if name in self.measures:
            return None, 0
        head, dot, rest = name.partition(".")
        for result, waves in self.waves.items():
            wanted = rest if dot and head == result else name
            if wanted.lower() in waves.names:
                return waves, waves.names.index(wanted.lower())
        raise AnalysisError(
            f"there is no measure or vector {name!r}",
            names=(name,),
            hint=nearest(name, self.names()) or f"there are {', '.join(self.names()[:8])}",
        )

    def __getitem__(self, name: str) -> Any:
        """Return a measure, a masked array (runs,), or a vector's waveforms (runs, points).

        ``tran2.v(out)`` is the vector of one of several results. What is complex stays so.
        """
        waves, k = self.find(name)
        return self.measures[name] if waves is None else waves.values[:, k]

    def unit(self, name: str) -> str:
        """Return the SI unit of a vector, or an empty text."""
        waves, k = self.find(name)
        return "" if waves is None else waves.units[k]

    def sound(self, name: str) -> NDArray[np.float64]:
        """Return the rows of a measure or vector that are known; magnitudes of what is complex.

        Raises
        ------
        AnalysisError
            When there is none.
        """
        found = self[name]
        mask = np.ma.getmaskarray(found)
        rows = np.asarray(found)[~(mask if mask.ndim == 1 else mask.any(axis=1))]
        if not len(rows):
            raise AnalysisError(f"no run has a value of {name}", names=(name,))
        return np.abs(rows) if np.iscomplexobj(rows) else rows

    def mean(self, name: str) -> Any:
        """Return the mean over the runs."""
        return self.sound(name).mean(axis=0)

    def std(self, name: str) -> Any:
        """Return the standard deviation over the runs, that of a sample: with n - 1."""
        rows = self.sound(name)
        if len(rows) < 2:
            raise AnalysisError(f"one run has no standard deviation of {name}", names=(name,))
        return rows.std(axis=0, ddof=1)

    def percentiles(self, name: str, q: ArrayLike = (5.0, 50.0, 95.0)) -> NDArray[np.float64]:
        """Return percentiles over the runs, shape (len(q),) of a measure, (len(q), points) of a vector.

        Raises
        ------
        UsageError
            For percentiles outside 0 .. 100.
        """
        wanted = np.atleast_1d(np.asarray(q, dtype=float))
        if wanted.ndim != 1 or not ((wanted >= 0.0) & (wanted <= 100.0)).all():
            raise UsageError(f"percentiles {q!r}", expected="numbers from 0 to 100")
        return np.percentile(self.sound(name), wanted, axis=0)

    def histogram(self, name: str, bins: int | Sequence[float] | str = "auto") -> tuple[NDArray[Any], NDArray[Any]]:
        """Return counts and edges of a measure's histogram, as ``numpy.histogram`` does."""
        waves, _ = self.find(name)
        if waves is not None:
            raise UsageError(f"{name} is a waveform, not a number", expected="a measure", names=(name,))
        return np.histogram(self.sound(name), bins)

    def yield_of(self, limits: Mapping[str, tuple[float | None, float | None]]) -> Yield:
        """Return how many of the finished runs keep all limits.

        Parameters
        ----------
        limits : mapping of str to (low, high)
            Of measures; None leaves an end open. A run that failed or has no such number does not pass.

        Examples
        --------
        >>> Samples([Record(0, measures={"a": 1.0}), Record(1, "failed")]).yield_of({"a": (0.0, 2.0)}).passed
        1
        """
        passing = np.ones(len(self), dtype=bool)
        for name, (low, high) in limits.items():
            waves, _ = self.find(name)
            if waves is not None:
                raise UsageError(f"{name} is a waveform", expected="limits of measures", names=(name,))
            column = self.measures[name]
            values = np.asarray(column.filled(np.nan))
            passing &= ~np.isnan(values)
            passing &= (low is None) | (values >= (-np.inf if low is None else low))
            passing &= (high is None) | (values <= (np.inf if high is None else high))
        count, passed = len(self), int(passing.sum())
        if not count:
            raise AnalysisError("no run has finished")
        share, z = passed / count, 1.959963984540054
        middle = (share + z * z / (2 * count)) / (1 + z * z / count)
        half = z / (1 + z * z / count) * math.sqrt(share * (1 - share) / count + z * z / (4 * count * count))
        return Yield(passed, count, share, max(0.0, middle - half), min(1.0, middle + half))

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the runs to a file; it appears whole or not at all.

        Parameters
        ----------
        path : path-like
            ``.h5``/``.hdf5`` for all of them; ``.csv`` for the measures alone, a row a run.

        Raises
        ------
        UsageError
            When the suffix is another, or there are no measures for a CSV file.
        FileError
            When the file cannot be written.

        Examples
        --------
        >>> import tempfile, pathlib
        >>> samples = Samples([Record(0, measures={"gain": 2.0}), Record(1, "failed")], "amplifier", seed=4)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     samples.save(pathlib.Path(folder, "a.h5"))
        ...     again = Samples.load(pathlib.Path(folder, "a.h5"))
        >>> again.seed, again.errors, again["gain"].tolist()
        (4, {1: 'failed'}, [2.0, None])
        """
        from circuitnn.results.samples_file import write_samples

        write_samples(path, self)

    @staticmethod
    def load(path: str | os.PathLike[str]) -> Samples:
        """Read what ``save`` wrote; a CSV file gives the measures and errors.

        Raises
        ------
        UsageError
            When the suffix is another.
        FileError
            When the file is missing, damaged or foreign.
        """
        from circuitnn.results.samples_file import read_samples

        return read_samples(path, Samples)

    def plot(self, *names: str, **options: Any) -> Any:
        """Draw bands of vectors and histograms of measures; see `circuitnn.results.bands.plot_samples`."""
        from circuitnn.results.bands import plot_samples

        return plot_samples(self, *names, **options)


def _alike(record: Record, first: Record) -> bool:
    return record.waves.keys() == first.waves.keys() and all(
        wave.fits(first.waves[name]) for name, wave in record.waves.items()
    )


def _column(values: list[float | None]) -> Any:
    missing = [value is None for value in values]
    return np.ma.masked_array([0.0 if value is None else value for value in values], missing)


def _stacked(name: str, wave: Waves, records: list[Record | None]) -> Waves:
    blank = np.zeros_like(wave.values)
    stack = np.ma.masked_array([blank if record is None else record.waves[name].values for record in records])
    for k, record in enumerate(records):
        if record is None:
            stack[k] = np.ma.masked
    return Waves(wave.axis_name, wave.axis_unit, wave.axis, wave.names, wave.units, stack)
