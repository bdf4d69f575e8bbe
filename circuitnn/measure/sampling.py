"""Waveforms at equal steps of time, from the uneven points of a transient, with a check of what the grid folds."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.interpolate import CubicHermiteSpline

from circuitnn.errors import AnalysisError, UsageError
from circuitnn.measure.expression import evaluate_on
from circuitnn.measure.units import unit_of
from circuitnn.results.result import Result

Values = NDArray[Any]
#: Amplitude above half the sampling rate, as a part of the whole, at which a grid is refused.
ALIAS = 1e-2
MOST_SAMPLES = 1 << 24
#: Steps that differ by less than this part are equal: they are then taken as they are.
_EVEN = 1e-6


@dataclass(frozen=True, slots=True)
class Wave:
    """A waveform as it was computed.

    Parameters
    ----------
    time : ndarray, shape (points,)
        Rising, s.
    values : ndarray, shape (points,)
        Real or complex.
    unit, name : str
    """

    time: Values
    values: Values
    unit: str = ""
    name: str = ""


@dataclass(frozen=True, slots=True)
class Samples:
    """A waveform at equal steps of time.

    Parameters
    ----------
    start, rate : float
        Time of the first sample, s, and samples a second.
    values : ndarray, shape (samples,)
    unit, name : str
    folded : float
        Amplitude (root of the mean square) that lies above half the rate and is folded below it, as a part of the
        whole without its mean.
    """

    start: float
    rate: float
    values: Values
    unit: str = ""
    name: str = ""
    folded: float = 0.0

    @property
    def time(self) -> Values:
        """Times of the samples, s."""
        return self.start + np.arange(len(self.values)) / self.rate


def wave_of(
    source: Any, name: str | None = None, start: float | None = None, stop: float | None = None, unit: str = "V"
) -> Wave:
    """Return a waveform of a transient, or of two arrays, between two times.

    Parameters
    ----------
    source : Result, or (time, values)
        Of a transient.
    name : str, optional
        A vector or an expression of the result.
    start, stop : float, optional
        What is taken, s; all when absent.
    unit : str
        Of the values, when these are given as an array.

    Raises
    ------
    UsageError
        For arrays that are no waveform, or a result without a name.
    AnalysisError
        When the result is no transient, the vector is unknown or has no number everywhere, or nothing is left.

    Examples
    --------
    >>> wave_of((np.arange(12.0), np.arange(12.0) ** 2), start=4.0).values[:3].tolist()
    [16.0, 25.0, 36.0]
    """
    if isinstance(source, Result):
        if source.kind != "tran":
            raise AnalysisError(f"{source.name} is no transient analysis", names=(source.name,))
        if name is None:
            raise UsageError("which vector?", expected='a name such as "v(out)"')
        time, values = source.axis, np.asarray(evaluate_on(source, name))
        unit = unit_of(source, name)
    else:
        try:
            time, values = (np.asarray(part) for part in source)
        except (TypeError, ValueError):
            raise UsageError("no waveform", expected="a Result and a vector's name, or (time, values)") from None
        time = time.astype(float)
    called = name or "the waveform"
    if time.ndim != 1 or values.shape != time.shape or values.dtype.kind not in "fiubc":
        raise UsageError(f"{called} is no waveform", expected="times and as many numbers")
    if not (np.isfinite(time).all() and np.isfinite(values).all()):
        raise AnalysisError(f"{called} is not finite everywhere")
    if (np.diff(time) < 0.0).any():
        raise UsageError(f"the times of {called} go back", expected="rising times")
    # Where a source jumps a transient may have two points at one time; the later one goes on from there.
    kept = np.append(np.diff(time) > 0.0, True)[: len(time)]
    first = -np.inf if start is None else start - 1e-9 * abs(start)
    last = np.inf if stop is None else stop + 1e-9 * abs(stop)
    kept &= (time >= first) & (time <= last)
    time, values = time[kept], values[kept]
    if len(time) < 8:
        raise AnalysisError(
            f"{called} has {len(time)} points between {start} and {stop} s", expected="8 points at least"
        )
    return Wave(time, values if np.iscomplexobj(values) else values.astype(float), unit, called)


def resample(wave: Wave, rate: float | None = None, *, alias: float = ALIAS, degree: int = 3) -> Samples:
    """Return a waveform at equal steps of time.

    Points that lie evenly are taken as they are. Between others straight lines (``degree`` 1) or cubic pieces whose
    slopes are those of the parabola through three neighbours (3) are drawn. What lies between ``rate / 2`` and ``rate``
    is measured on a grid of twice the rate: an amplitude of more than ``alias`` of the whole is an error, since it
    would appear at other frequencies.

    Parameters
    ----------
    wave : Wave
    rate : float, optional
        Samples a second; when absent, the lowest of the mean rate of the points times a power of two that passes.
    alias : float
        From 0 to 1; 1 lets everything pass.
    degree : {1, 3}

    Raises
    ------
    UsageError
        For a rate or degree that is none.
    AnalysisError
        When the grid would fold more than ``alias``, or would be too long.

    Examples
    --------
    >>> t = np.linspace(0.0, 1.0, 4001) ** 1.5
    >>> samples = resample(Wave(t, np.sin(2 * np.pi * 50.0 * t)))
    >>> bool(np.abs(samples.values - np.sin(2 * np.pi * 50.0 * samples.time)).max() < 1e-3)
    True
    """
    if degree not in (1, 3) or not 0.0 <= alias <= 1.0:
        raise UsageError(f"degree {degree} and alias {alias}", expected="a degree of 1 or 3, and alias from 0 to 1")
    span = float(wave.time[-1] - wave.time[0])
    steps = np.diff(wave.time)
    mean = (len(wave.time) - 1) / span
    if rate is None and np.abs(steps * mean - 1.0).max() < _EVEN:
        return Samples(float(wave.time[0]), mean, wave.values, wave.unit, wave.name)
    if rate is not None:
        if not (np.isfinite(rate) and rate * span >= 8.0):
            raise UsageError(f"a rate of {rate:g} Hz over {span:g} s", expected="8 samples at least")
        samples, folded = _on_grid(wave, rate, degree)
        if folded > alias:
            raise AnalysisError(
                f"at {rate:g} samples a second {100.0 * folded:.3g} % of the amplitude of {wave.name} lies above half "
                "the rate and would be folded below it",
                expected=f"at most {100.0 * alias:g} %",
                hint="a higher rate, or none to have it found, or alias= for what may be folded",
            )
        return Samples(float(wave.time[0]), rate, samples, wave.unit, wave.name, folded)
    rate, folded = mean, 1.0
    while 2.0 * rate * span < MOST_SAMPLES:
        samples, folded = _on_grid(wave, rate, degree)
        if folded <= alias:
            return Samples(float(wave.time[0]), rate, samples, wave.unit, wave.name, folded)
        rate *= 2.0
    raise AnalysisError(
        f"no grid of at most {MOST_SAMPLES} points holds {wave.name}: {100.0 * folded:.3g} % of its amplitude lies "
        "above half the rate",
        hint="take a shorter stretch, or alias= for what may be folded",
    )


def _on_grid(wave: Wave, rate: float, degree: int) -> tuple[Values, float]:
    """Return samples, and what part of the amplitude they fold."""
    span = wave.time[-1] - wave.time[0]
    count = int(span * rate * (1.0 + 1e-12)) + 1
    if count > MOST_SAMPLES:
        raise AnalysisError(f"{count} samples", expected=f"at most {MOST_SAMPLES}")
    fine = np.minimum(wave.time[0] + np.arange(2 * count - 1) * (0.5 / rate), wave.time[-1])
    if degree == 1:
        values = np.interp(fine, wave.time, wave.values)
    else:
        slopes = np.gradient(wave.values, wave.time, edge_order=2)
        values = CubicHermiteSpline(wave.time, wave.values, slopes)(fine)
    window = np.hanning(len(values))
    moving = (values - np.average(values, weights=window)) * window
    power = np.abs(np.fft.fft(moving)) ** 2
    whole = float(power.sum())
    frequency = np.abs(np.fft.fftfreq(len(values)))
    # Cycles a fine sample: half the rate is 1/4.
    return values[::2], float(np.sqrt(power[frequency > 0.25].sum() / whole)) if whole > 0.0 else 0.0
