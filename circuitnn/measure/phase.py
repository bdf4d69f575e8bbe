"""Phase, frequency and amplitude of an oscillation in time: from its crossings, or by demodulation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import AnalysisError, UsageError
from circuitnn.measure.sampling import ALIAS, Wave, resample, wave_of

Values = NDArray[Any]
#: Swing below which a waveform rests: this part of its largest value.
_REST = 1e-6
_FEWEST = 4  # crossings


@dataclass(frozen=True, slots=True)
class Demodulated:
    """What a band around a carrier does.

    Parameters
    ----------
    time : ndarray, shape (samples,)
        Seconds.
    amplitude : ndarray, shape (samples,)
        Of the sinusoid, in the waveform's unit.
    phase : ndarray, shape (samples,)
        Unwrapped, rad: the waveform is ``amplitude * cos(phase)``.
    rate : float
        Samples a second.
    """

    time: NDArray[np.float64]
    amplitude: NDArray[np.float64]
    phase: NDArray[np.float64]
    rate: float

    @property
    def frequency(self) -> NDArray[np.float64]:
        """Frequency at each time, Hz, shape (samples,)."""
        return np.asarray(np.gradient(self.phase) * self.rate / (2.0 * np.pi))


@dataclass(frozen=True)
class Oscillation:
    """What a waveform does in the long run.

    Parameters
    ----------
    oscillates : bool
        Whether it swings and goes on to swing.
    frequency : float
        Mean over whole periods, Hz; 0 at rest.
    jitter : float
        Standard deviation of a period, s.
    amplitude : float
        Half the swing, in the waveform's unit.
    mean : float
        Over whole periods.
    rms : float
        Root of the mean square without the mean.
    harmonics : ndarray, shape (harmonics,)
        Amplitudes of the fundamental and its multiples.
    unit : str
    """

    oscillates: bool
    frequency: float
    jitter: float
    amplitude: float
    mean: float
    rms: float
    harmonics: NDArray[np.float64]
    unit: str

    def power(self, load: float = 50.0) -> float:
        """Return the power of what swings into a resistance (ohm), W: v^2 / load, or i^2 load."""
        return self.rms**2 * (load if self.unit == "A" else 1.0 / load)


def crossings(wave: Wave, level: float | None = None, hysteresis: float = 0.25) -> NDArray[np.float64]:
    """Return the times at which a real waveform rises through a level, s.

    Parameters
    ----------
    wave : Wave
    level : float, optional
        Half between the lowest and the highest value when absent.
    hysteresis : float
        Part of the swing that the waveform must fall below the level before a further rise counts, so that
        what rides on it does not.

    Examples
    --------
    >>> t = np.linspace(0.0, 3.0, 3001)
    >>> crossings(Wave(t, -np.cos(2 * np.pi * t))).round(6).tolist()
    [0.25, 1.25, 2.25]
    """
    low, high = float(wave.values.min()), float(wave.values.max())
    middle = 0.5 * (low + high) if level is None else level
    below = wave.values < middle - hysteresis * (high - low)
    rises = np.flatnonzero((wave.values[:-1] < middle) & (wave.values[1:] >= middle))
    # How often it was that low until each rise: a rise counts when there was such a point since the one before.
    seen = np.cumsum(below)[rises]
    kept = rises[np.diff(seen, prepend=0) > 0]
    a, b = wave.values[kept], wave.values[kept + 1]
    return np.asarray(wave.time[kept] + (middle - a) / (b - a) * (wave.time[kept + 1] - wave.time[kept]))


def phase_of(wave: Wave) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return times (s) and phases (rad) of an oscillation.

    A real waveform tells its phase where it rises through its middle, 2 pi a period, whatever its shape; of a complex
    amplitude it is the angle, counted upwards in the sense in which it turns.

    Raises
    ------
    AnalysisError
        When there are fewer than four periods.

    Examples
    --------
    >>> t = np.linspace(0.0, 9.0, 3001)
    >>> times, phases = phase_of(Wave(t, np.sin(2 * np.pi * t)))
    >>> bool(np.allclose(np.diff(phases) / np.diff(times), 2 * np.pi))
    True
    """
    if np.iscomplexobj(wave.values):
        angle = np.unwrap(np.angle(wave.values))
        if abs(angle[-1] - angle[0]) < 2.0 * np.pi * _FEWEST:
            raise AnalysisError(f"{wave.name} does not turn four times in {wave.time[-1] - wave.time[0]:g} s")
        return wave.time, np.asarray(angle if angle[-1] > angle[0] else -angle)
    times = crossings(wave)
    if len(times) < _FEWEST:
        raise AnalysisError(
            f"{wave.name} rises {len(times)} times through its middle in {wave.time[-1] - wave.time[0]:g} s",
            expected="four periods at least",
        )
    return times, 2.0 * np.pi * np.arange(len(times), dtype=np.float64)


def oscillation(
    source: Any,
    name: str | None = None,
    *,
    start: float | None = None,
    stop: float | None = None,
    harmonics: int = 5,
    swing: float | None = None,
    unit: str = "V",
) -> Oscillation:
    """Return frequency, amplitude and harmonics of a waveform that has settled.

    It oscillates when it rises through its middle four times at least, its swing in the last quarter is no less than
    0.9 of that in the second quarter (it does not die away), and more than ``swing``.

    Parameters
    ----------
    source : Result, or (time, values)
        Real.
    name : str, optional
        A vector or expression of the result.
    start, stop : float, optional
        The stretch that is looked at, s; without what comes before the oscillation has settled.
    harmonics : int
        How many, the fundamental included.
    swing : float, optional
        Largest less lowest value up to which the waveform is at rest; 1e-6 of its largest value when absent.
    unit : str
        Of arrays.

    Examples
    --------
    >>> t = np.linspace(0.0, 1.0, 20001)
    >>> o = oscillation((t, 1.0 + 2.0 * np.sin(2 * np.pi * 30.5 * t) + 0.1 * np.sin(2 * np.pi * 61.0 * t)))
    >>> o.oscillates, round(o.frequency, 6), round(o.mean, 4), o.harmonics[:3].round(4).tolist()
    (True, 30.5, 1.0, [2.0, 0.1, 0.0])
    """
    wave = wave_of(source, name, start, stop, unit)
    if np.iscomplexobj(wave.values):
        raise UsageError("the oscillation of a complex waveform", expected="a real one, such as its real part")
    if not 1 <= harmonics <= 1000:
        raise UsageError(f"{harmonics} harmonics", expected="1 .. 1000")
    time, values = wave.time, wave.values
    whole = float(np.ptp(values))
    least = _REST * float(np.abs(values).max()) if swing is None else swing
    times = crossings(wave) if whole > least else np.zeros(0)
    quarter = (time - time[0]) / (time[-1] - time[0])
    early, late = values[(quarter >= 0.25) & (quarter < 0.5)], values[quarter >= 0.75]
    lasts = len(early) > 1 and len(late) > 1 and float(np.ptp(late)) > max(0.9 * float(np.ptp(early)), least)
    if len(times) < _FEWEST or not lasts:
        rest = float(np.trapezoid(values, time) / (time[-1] - time[0]))
        return Oscillation(False, 0.0, 0.0, 0.0, rest, 0.0, np.zeros(harmonics), wave.unit)
    periods = np.diff(times)
    frequency = 1.0 / float(periods.mean())
    # Integrals over whole periods of straight lines between the points.
    inside = (time > times[0]) & (time < times[-1])
    t = np.concatenate([times[:1], time[inside], times[-1:]])
    v = np.interp(t, time, values)
    length = t[-1] - t[0]
    mean = float(np.trapezoid(v, t) / length)
    rms = float(np.sqrt(np.trapezoid((v - mean) ** 2, t) / length))
    turned = 2.0 * np.pi * frequency * (t - t[0])
    found = [
        abs(np.trapezoid((v - mean) * np.exp(-1j * k * turned), t)) * 2.0 / length for k in range(1, harmonics + 1)
    ]
    return Oscillation(
        True, frequency, float(periods.std()), 0.5 * float(np.ptp(v)), mean, rms, np.array(found), wave.unit
    )


def demodulate(
    source: Any,
    name: str | None = None,
    *,
    frequency: float | None = None,
    bandwidth: float | None = None,
    start: float | None = None,
    stop: float | None = None,
    rate: float | None = None,
    alias: float = ALIAS,
    unit: str = "V",
) -> Demodulated:
    """Return amplitude, phase and frequency in time of what lies in a band: Hilbert transform, or IQ demodulation.

    Parameters
    ----------
    source : Result, or (time, values)
        Real.
    name : str, optional
    frequency, bandwidth : float, optional
        Middle and full width of the band, Hz (IQ demodulation, flat over its inner half and falling as a cosine to
        its edges); everything above zero when absent, which is Hilbert's transform and serves a single
        modulated tone.
    start, stop, rate, alias, unit
        As of `circuitnn.measure.spectrum.spectrum`.

    Notes
    -----
    The ends are wrong for some 5 / bandwidth: the waveform goes on there as if it began anew. They are cut off.

    Examples
    --------
    >>> t = np.arange(20000) / 1e5
    >>> wave = (1.0 + 0.1 * np.sin(40.0 * t)) * np.cos(2 * np.pi * 5e3 * t)
    >>> seen = demodulate((t, wave), frequency=5e3, bandwidth=2e3)
    >>> bool(np.abs(seen.amplitude - 1.0 - 0.1 * np.sin(40.0 * seen.time)).max() < 2e-3)
    True
    """
    samples = resample(wave_of(source, name, start, stop, unit), rate, alias=alias)
    if np.iscomplexobj(samples.values):
        raise UsageError("a complex waveform is demodulated already", expected="a real one")
    if (frequency is None) != (bandwidth is None):
        raise UsageError("a band has a middle and a width", expected="frequency and bandwidth, or neither")
    count = len(samples.values)
    line = np.fft.fftfreq(count, 1.0 / samples.rate)
    trimmed = count // 50
    if frequency is None or bandwidth is None:
        taper = np.where(line > 0.0, 2.0, 0.0)
    else:
        if not 0.0 < 0.5 * bandwidth <= frequency or frequency + 0.5 * bandwidth > 0.5 * samples.rate:
            raise UsageError(
                f"a band of {bandwidth:g} Hz around {frequency:g} Hz", expected=f"within 0 .. {0.5 * samples.rate:g} Hz"
            )
        away = np.abs(line - frequency) / (0.5 * bandwidth)
        taper = 2.0 * np.where(away <= 0.5, 1.0, 0.5 + 0.5 * np.cos(np.pi * (2.0 * away - 1.0))) * (away < 1.0)
        trimmed = int(5.0 * samples.rate / bandwidth)
    if count - 2 * trimmed < 8:
        raise AnalysisError(f"{count / samples.rate:g} s are too short for the band", hint="a wider band, or longer")
    analytic = np.fft.ifft(np.fft.fft(samples.values - samples.values.mean()) * taper)[trimmed : count - trimmed]
    if not np.abs(analytic).max() > 0.0:
        raise AnalysisError(f"{samples.name} has nothing in the band")
    time = samples.time[trimmed : count - trimmed]
    return Demodulated(time, np.abs(analytic), np.unwrap(np.angle(analytic)), samples.rate)
