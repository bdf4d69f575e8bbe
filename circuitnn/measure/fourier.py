"""Fourier analysis of the last period of a transient, as SPICE's ``.four`` does it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import AnalysisError, NetlistError, Place, UsageError
from circuitnn.measure.expression import evaluate_on, split_expressions
from circuitnn.netlist.flat import AnalysisCard
from circuitnn.results.result import Result
from circuitnn.units import parse_value

USAGE = ".four FREQUENCY VECTOR ..."
_MOST_HARMONICS = 100_000
_MOST_GRID = 10_000_000


@dataclass(frozen=True, slots=True)
class Harmonics:
    """Harmonics of one vector.

    Parameters
    ----------
    name : str
        The vector or expression.
    frequency, magnitude, phase : ndarray, shape (harmonics,)
        Hz, unit of the vector, degrees; a harmonic is ``magnitude * sin(2 pi f t + phase)`` from the period's start,
        and number 0 is the mean.
    thd : float
        Total harmonic distortion, percent: root of the sum of squares of harmonics 2 and up over the first.
    """

    name: str
    frequency: NDArray[np.floating]
    magnitude: NDArray[np.floating]
    phase: NDArray[np.floating]
    thd: float

    @property
    def normalised_magnitude(self) -> NDArray[np.floating]:
        """Magnitudes over that of the first harmonic; 0 for the mean."""
        out = self.magnitude / self.magnitude[1]
        out[0] = 0.0
        return out

    @property
    def normalised_phase(self) -> NDArray[np.floating]:
        """Phases less that of the first harmonic, degrees; 0 for the mean."""
        out = self.phase - self.phase[1]
        out[0] = 0.0
        return out


def fourier(
    result: Result, name: str, frequency: float, *, harmonics: int = 10, grid: int = 200, degree: int = 1
) -> Harmonics:
    """Return the harmonics of a vector over the last period of a transient.

    Parameters
    ----------
    result : Result
        Of a transient that lasts a period at least.
    name : str
        A vector or an expression.
    frequency : float
        Of the fundamental, Hz.
    harmonics : int
        How many, the mean included (ngspice's ``nfreqs``).
    grid : int
        Even samples that the period is interpolated to (``fourgridsize``).
    degree : int
        Of the interpolating polynomials (``polydegree``): 1 lines, 2 parabolas ..., 0 takes the points as they are.

    Raises
    ------
    UsageError
        For a frequency, count or degree that is none.
    AnalysisError
        When the transient is too short, or the vector does not exist, or its first harmonic is zero.

    Examples
    --------
    >>> from circuitnn.results.result import Variable
    >>> t = np.linspace(0, 1, 2001)
    >>> wave = 3 * np.sin(2 * np.pi * t) + 0.3 * np.sin(6 * np.pi * t)
    >>> r = Result("tran1", "tran", "t", [Variable("time", "time"), Variable("v(a)", "voltage")], np.c_[t, wave])
    >>> h = fourier(r, "v(a)", 1.0)
    >>> round(float(h.magnitude[1]), 4), round(h.thd, 3)
    (3.0, 10.0)
    """
    if result.kind != "tran":
        raise AnalysisError(f"{result.name} is no transient analysis: it has no harmonics", names=(result.name,))
    if not (np.isfinite(frequency) and frequency > 0.0):
        raise UsageError(f"the fundamental is {frequency:g} Hz", expected="a frequency above zero")
    if not 2 <= harmonics <= _MOST_HARMONICS or not 2 <= grid <= _MOST_GRID or not 0 <= degree <= 10:
        raise UsageError(
            f"{harmonics} harmonics on a grid of {grid} points with degree {degree}",
            expected="at least 2 harmonics, 2 points and a degree of 0 .. 10",
        )
    wave = np.asarray(np.real(evaluate_on(result, name)), dtype=float)
    time = result.axis
    if wave.shape != time.shape:
        raise AnalysisError(f"{name} is no waveform", names=(name,))
    if degree:
        period = 1.0 / frequency
        first, last = (float(time[0]), float(time[-1])) if len(time) else (0.0, 0.0)
        # Ends are sums of steps: a transient of exactly one period may be short of it by rounding.
        if last - first < period * (1.0 - 1e-9):
            raise AnalysisError(
                f"{result.name} lasts {last - first:g} s, less than a period of {frequency:g} Hz",
                names=(name,),
                hint="make .tran longer",
            )
        points = max(first, last - period) + min(period, last - first) / grid * np.arange(grid)
        wave = _sample(time, wave, points, degree)
    count = len(wave)
    angle = 2.0 * np.pi * np.arange(count) / count
    sines, cosines = np.empty(harmonics), np.empty(harmonics)
    for k in range(harmonics):
        turned = k * angle
        sines[k] = 2.0 / count * (wave @ np.sin(turned))
        cosines[k] = 2.0 / count * (wave @ np.cos(turned))
    magnitude, phase = np.hypot(sines, cosines), np.degrees(np.arctan2(cosines, sines))
    magnitude[0], phase[0] = wave.mean(), 0.0
    if magnitude[1] == 0.0:
        raise AnalysisError(f"{name} has no harmonic at {frequency:g} Hz", names=(name,))
    thd = 100.0 * float(np.sqrt(np.sum((magnitude[2:] / magnitude[1]) ** 2)))
    return Harmonics(name, frequency * np.arange(harmonics), magnitude, phase, thd)


def _sample(time: NDArray[np.floating], wave: NDArray[np.floating], points: NDArray[np.floating], degree: int) -> Any:
    """Return the polynomials through ``degree + 1`` neighbouring points, by Neville's scheme."""
    if degree == 1 or len(time) <= degree:
        return np.interp(points, time, wave)
    keep = np.concatenate([[True], np.diff(time) > 0.0])
    time, wave = time[keep], wave[keep]
    first = np.clip(np.searchsorted(time, points) - (degree + 1) // 2, 0, len(time) - degree - 1)
    index = first[:, None] + np.arange(degree + 1)
    x, p = time[index], wave[index]
    for order in range(1, degree + 1):
        left, right = x[:, : degree + 1 - order], x[:, order:]
        p = ((points[:, None] - left) * p[:, 1:] - (points[:, None] - right) * p[:, :-1]) / (right - left)
    return p[:, 0]


@dataclass(frozen=True, slots=True)
class Fourier:
    """One ``.four`` card: the fundamental in Hz, and vectors."""

    frequency: float
    vectors: tuple[str, ...]
    place: Place | None = None

    @classmethod
    def from_card(cls, card: AnalysisCard) -> Self:
        """Read ``.four 1k v(out) v(in)``."""
        words = [word for text in card.words for word in split_expressions(str(text))]
        try:
            frequency = parse_value(words[0]) if words else 0.0
        except (UsageError, ValueError):
            frequency = 0.0
        if not frequency > 0.0 or len(words) < 2:
            what = "without a vector" if frequency > 0.0 else "without a frequency above zero"
            raise NetlistError(f".four {what}", place=card.place, expected=USAGE)
        return cls(frequency, tuple(words[1:]), card.place)
