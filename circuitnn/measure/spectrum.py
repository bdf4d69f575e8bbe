"""Spectra of waveforms through windows: amplitude, power and density from one estimate, and the tones in it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import signal

from circuitnn.errors import AnalysisError, UsageError, nearest
from circuitnn.measure.sampling import ALIAS, Samples, resample, wave_of

Values = NDArray[Any]
WINDOWS = {
    "boxcar": "boxcar",
    "hann": "hann",
    "hamming": "hamming",
    "blackman": "blackman",
    "blackman-harris": "blackmanharris",
    "flattop": "flattop",
}
_OFFSETS = 257  # of the table from which a tone's place between two bins is read


def window_of(window: str | tuple[str, float], count: int) -> NDArray[np.float64]:
    """Return the samples of a window, of largest value 1, periodic.

    Parameters
    ----------
    window : str or (str, float)
        ``boxcar``, ``hann``, ``hamming``, ``blackman``, ``blackman-harris``, ``flattop``, or ``("kaiser", beta)``.
    count : int

    Raises
    ------
    UsageError
        For a window that is not known.

    Examples
    --------
    >>> window_of("hann", 4).tolist()
    [0.0, 0.5, 1.0, 0.5]
    """
    if isinstance(window, tuple) and len(window) == 2 and window[0] == "kaiser" and 0.0 <= window[1] < 500.0:
        return np.asarray(signal.get_window(("kaiser", float(window[1])), count))
    if not isinstance(window, str) or window not in WINDOWS:
        raise UsageError(
            f"there is no window {window!r}",
            expected=f"{', '.join(WINDOWS)}, or ('kaiser', beta)",
            hint=nearest(str(window), WINDOWS),
        )
    return np.asarray(signal.get_window(WINDOWS[window], count))


@dataclass(frozen=True, slots=True)
class Tone:
    """A line of a spectrum.

    Parameters
    ----------
    frequency : float
        Hz.
    amplitude : float
        Of the sinusoid, its largest value, in the unit of the waveform.
    power : float
        Mean square of the sinusoid.
    dbm : float
        Power into the spectrum's load, dB above 1 mW.
    """

    frequency: float
    amplitude: float
    power: float
    dbm: float


@dataclass(frozen=True)
class Spectrum:
    """Spectrum of a waveform: one side for a real one, both sides for a complex one.

    Parameters
    ----------
    name, unit : str
        Of the waveform.
    frequency : ndarray, shape (bins,)
        Hz.
    power : ndarray, shape (bins,)
        Mean square that a sinusoid at the bin would have (scaling ``spectrum``), unit squared.
    enbw : float
        Equivalent noise bandwidth of a bin, Hz: what power is divided by to give the density.
    window : str or tuple
    shape : ndarray, shape (samples,)
        The window itself.
    rate : float
        Samples a second.
    averages : int
        Stretches whose powers were averaged.
    load : float
        Resistance that powers are stated for, ohm.
    folded : float
        What part of the amplitude the sampling folded; see `circuitnn.measure.sampling.Samples`.
    """

    name: str
    unit: str
    frequency: NDArray[np.float64]
    power: NDArray[np.float64]
    enbw: float
    window: str | tuple[str, float]
    shape: NDArray[np.float64] = field(repr=False)
    rate: float
    averages: int
    load: float
    folded: float

    @property
    def resolution(self) -> float:
        """Distance between bins, Hz."""
        return float(self.frequency[1] - self.frequency[0])

    @property
    def amplitude(self) -> NDArray[np.float64]:
        """Amplitude of the sinusoid at each bin, shape (bins,); of the mean the mean itself."""
        double = np.where(self._single(), 1.0, 2.0)
        return np.asarray(np.sqrt(double * self.power))

    @property
    def density(self) -> NDArray[np.float64]:
        """Power spectral density, unit squared a hertz, shape (bins,)."""
        return self.power / self.enbw

    @property
    def dbm(self) -> NDArray[np.float64]:
        """Power into the load, dB above 1 mW, shape (bins,); nothing at all is minus infinity."""
        with np.errstate(divide="ignore"):
            return np.asarray(10.0 * np.log10(self._watts(self.power) / 1e-3))

    def _watts(self, power: Any) -> Any:
        return power * self.load if self.unit == "A" else power / self.load

    def _single(self) -> NDArray[np.bool_]:
        """Whether a bin's power is not shared with one of negative frequency."""
        if self.frequency[0] < 0.0:
            return np.ones(len(self.frequency), bool)
        return (self.frequency == 0.0) | np.isclose(self.frequency, 0.5 * self.rate, rtol=1e-12)

    def total(self, low: float = 0.0, high: float = np.inf) -> float:
        """Return the mean square between two frequencies, bins counted whole, unit squared."""
        inside = (np.abs(self.frequency) >= low) & (np.abs(self.frequency) <= high)
        return float(self.density[inside].sum() * self.resolution)

    def peaks(self, count: int = 10, *, floor: float = 60.0) -> list[Tone]:
        """Return the strongest tones, strongest first.

        Frequency and power are those of the sinusoid that, through this window, gives the bins beside the highest one:
        exact for a tone far from others, and a better place than the bin's own.

        Parameters
        ----------
        count : int
        floor : float
            dB below the strongest at which no more is looked for.

        Examples
        --------
        >>> t = np.arange(4096) / 4096.0
        >>> tone = spectrum((t, 0.3 * np.sin(2 * np.pi * 100.37 * t))).peaks()[0]
        >>> round(tone.frequency, 3), round(tone.amplitude, 5), round(tone.dbm, 3)
        (100.37, 0.3, -0.458)
        """
        power = self.power.copy()
        if self.frequency[0] >= 0.0:
            power[: 1 + int(np.ceil(self._lobe()))] = 0.0  # the mean and what the window makes of it
        top = float(power.max())
        if top <= 0.0:
            return []
        places, _ = signal.find_peaks(
            power, height=top * 10.0 ** (-floor / 10.0), distance=max(1, int(np.ceil(self._lobe())))
        )
        order = places[np.argsort(power[places])[::-1]]
        offsets, ratio, gain = self._table()
        return [self._tone(int(place), offsets, ratio, gain) for place in order[:count]]

    def _tone(self, k: int, offsets: Values, ratio: Values, gain: Values) -> Tone:
        left, here, right = np.sqrt(self.power[k - 1 : k + 2])
        tiny = 1e-9 * here
        beside = np.log((right + tiny) / (left + tiny))
        offset = float(np.interp(beside, ratio, offsets))
        power = float(self.power[k] / np.interp(offset, offsets, gain) ** 2)
        double = 1.0 if self.frequency[0] < 0.0 else 2.0
        frequency = float(self.frequency[k]) + offset * self.resolution
        dbm = float(10.0 * np.log10(self._watts(power) / 1e-3))
        return Tone(frequency, float(np.sqrt(double * power)), power, dbm)

    def _lobe(self) -> float:
        """Return half the width of the window's main lobe, bins."""
        if isinstance(self.window, tuple):
            return float(np.sqrt(1.0 + (self.window[1] / np.pi) ** 2))
        return {"boxcar": 1.0, "hann": 2.0, "hamming": 2.0, "blackman": 3.0, "blackman-harris": 4.0, "flattop": 5.0}[
            self.window
        ]

    def _table(self) -> tuple[Values, Values, Values]:
        """Return places between -1/2 and 1/2 bin, the logarithm of right over left neighbour, and the gain there."""
        count = len(self.shape)
        # The window's transform from -3/2 to 3/2 bins, in steps of 1/256.
        span = 3 * (_OFFSETS - 1) + 1
        transform = np.abs(signal.zoom_fft(self.shape, [-1.5, 1.5], span, fs=count, endpoint=True)) / self.shape.sum()
        offsets = np.linspace(-0.5, 0.5, _OFFSETS)
        bin_ = _OFFSETS - 1
        at = np.arange(_OFFSETS)
        # A tone at +offset is seen by bin j at j - offset; transforms of windows are even.
        middle, right, left = transform[at + bin_], transform[at], transform[2 * bin_ + at]
        tiny = 1e-9 * middle
        return offsets, np.log((right + tiny) / (left + tiny)), middle

    def plot(self, *, scale: str = "dbm", floor: float = 120.0, ax: Any = None) -> Any:
        """Draw the spectrum with matplotlib and return its axes.

        Parameters
        ----------
        scale : {"dbm", "amplitude", "density"}
        floor : float
            dB below the strongest bin at which the picture ends.
        ax : matplotlib Axes, optional
        """
        from circuitnn.measure.spectral_plot import plot_spectrum

        return plot_spectrum(self, scale, floor, ax)


def spectrum(
    source: Any,
    name: str | None = None,
    *,
    window: str | tuple[str, float] = "hann",
    start: float | None = None,
    stop: float | None = None,
    rate: float | None = None,
    segment: float | None = None,
    load: float = 50.0,
    alias: float = ALIAS,
    degree: int = 3,
    unit: str = "V",
) -> Spectrum:
    """Return the spectrum of a waveform, its mean included.

    Parameters
    ----------
    source : Result, or (time, values)
        A transient, or arrays of times (s) and real or complex values.
    name : str, optional
        A vector or expression of the result.
    window : str or (str, float)
        See `window_of`. Hann serves most; ``flattop`` gives amplitudes of tones between bins to 0.1 %;
        ``blackman-harris`` shows what is 90 dB below its neighbour.
    start, stop : float, optional
        The stretch of time that is looked at, s.
    rate, alias, degree
        See `circuitnn.measure.sampling.resample`.
    segment : float, optional
        Length, s, of stretches that overlap by half and whose powers are averaged (Welch 1967), for noise; the whole is
        one stretch when absent.
    load : float
        Resistance for powers in dBm, ohm: of a voltage v^2 / load, of a current i^2 load.
    unit : str
        Of arrays: ``"V"`` or ``"A"``.

    Raises
    ------
    UsageError
        For a window, segment or load that is none.
    AnalysisError
        When the waveform is not there, or the grid would fold it; see `resample`.

    Notes
    -----
    Scalings are those of Heinzel, Rüdiger and Schilling (2002): of samples x and a window w,
    power = 2 abs(sum(w x exp(..)))^2 / sum(w)^2, and the noise bandwidth is rate sum(w^2) / sum(w)^2.

    Examples
    --------
    >>> t = np.arange(1000) / 1000.0
    >>> s = spectrum((t, 1.0 + 2.0 * np.cos(2 * np.pi * 50.0 * t)))
    >>> round(float(s.amplitude[0]), 9), round(float(s.amplitude[50]), 9), round(s.enbw, 9)
    (1.0, 2.0, 1.5)
    """
    if not (np.isfinite(load) and load > 0.0):
        raise UsageError(f"a load of {load:g} ohm", expected="a resistance above zero")
    samples = resample(wave_of(source, name, start, stop, unit), rate, alias=alias, degree=degree)
    count = len(samples.values) if segment is None else round(segment * samples.rate)
    if not 8 <= count <= len(samples.values):
        raise UsageError(
            f"a segment of {count} samples of {len(samples.values)}", expected="8 samples at least, and not beyond all"
        )
    shape = window_of(window, count)
    frames = np.lib.stride_tricks.sliding_window_view(samples.values, count)[:: max(count // 2, 1)]
    frequency, power = _powers(frames, shape, samples.rate)
    enbw = float(samples.rate * (shape @ shape) / shape.sum() ** 2)
    return Spectrum(
        samples.name, samples.unit, frequency, power.mean(axis=0), enbw, window, shape, samples.rate, len(frames), load,
        samples.folded,
    )  # fmt: skip


def _powers(frames: Values, shape: Values, rate: float) -> tuple[Values, Values]:
    """Return frequencies, and the mean square of a sinusoid at each for each stretch."""
    count = len(shape)
    scale = 1.0 / shape.sum()
    if np.iscomplexobj(frames):
        frequency = np.fft.fftshift(np.fft.fftfreq(count, 1.0 / rate))
        return frequency, np.fft.fftshift(np.abs(np.fft.fft(frames * shape) * scale) ** 2, axes=-1)
    frequency = np.fft.rfftfreq(count, 1.0 / rate)
    power = 2.0 * np.abs(np.fft.rfft(frames * shape) * scale) ** 2
    power[..., 0] *= 0.5
    if count % 2 == 0:
        power[..., -1] *= 0.5
    return frequency, power


@dataclass(frozen=True)
class Spectrogram:
    """Spectra of stretches one after the other.

    Parameters
    ----------
    name, unit : str
    time : ndarray, shape (frames,)
        Middles of the stretches, s.
    frequency : ndarray, shape (bins,)
        Hz.
    power : ndarray, shape (frames, bins)
        Mean square of a sinusoid, unit squared.
    enbw : float
        Hz.
    load : float
        Ohm.
    """

    name: str
    unit: str
    time: NDArray[np.float64]
    frequency: NDArray[np.float64]
    power: NDArray[np.float64]
    enbw: float
    load: float

    @property
    def dbm(self) -> NDArray[np.float64]:
        """Power into the load, dB above 1 mW, shape (frames, bins)."""
        watts = self.power * self.load if self.unit == "A" else self.power / self.load
        with np.errstate(divide="ignore"):
            return np.asarray(10.0 * np.log10(watts / 1e-3))

    def ridge(self) -> NDArray[np.float64]:
        """Return the frequency of the strongest tone at each time, shape (frames,), Hz.

        Between bins it is the top of the parabola through three logarithms, right to a twentieth of a bin. The lowest
        three bins, where a window leaves the mean, are passed over.
        """
        power = self.power + 1e-300
        k = np.clip(3 + power[:, 3:].argmax(axis=1), 1, power.shape[1] - 2)
        rows = np.arange(len(power))
        a, b, c = (np.log(power[rows, k + j]) for j in (-1, 0, 1))
        bend = a - 2.0 * b + c
        shift = np.where(bend < 0.0, 0.5 * (a - c) / np.where(bend < 0.0, bend, -1.0), 0.0)
        return np.asarray(self.frequency[k] + np.clip(shift, -0.5, 0.5) * (self.frequency[1] - self.frequency[0]))

    def plot(self, *, floor: float = 80.0, ax: Any = None) -> Any:
        """Draw power in dBm over time and frequency, down to ``floor`` dB below the strongest; return the axes."""
        from circuitnn.measure.spectral_plot import plot_spectrogram

        return plot_spectrogram(self, floor, ax)


def spectrogram(
    source: Any,
    name: str | None = None,
    *,
    segment: float | None = None,
    overlap: float = 0.75,
    window: str | tuple[str, float] = "hann",
    start: float | None = None,
    stop: float | None = None,
    rate: float | None = None,
    load: float = 50.0,
    alias: float = ALIAS,
    degree: int = 3,
    unit: str = "V",
) -> Spectrogram:
    """Return the spectra of stretches one after the other.

    Parameters
    ----------
    source, name, window, start, stop, rate, load, alias, degree, unit
        As of `spectrum`; the waveform is real.
    segment : float, optional
        Length of a stretch, s: frequencies closer than some 1 / segment are one. A sixteenth of the whole when absent.
    overlap : float
        Part of a stretch that the next one shares, 0 <= overlap < 1.

    Examples
    --------
    >>> t = np.arange(20000) / 1e4
    >>> picture = spectrogram((t, np.cos(2 * np.pi * (500.0 * t + 250.0 * t**2))), segment=0.05)
    >>> bool(np.abs(picture.ridge() - (500.0 + 500.0 * picture.time)).max() < 2.0)
    True
    """
    if not 0.0 <= overlap < 1.0 or not (np.isfinite(load) and load > 0.0):
        raise UsageError(f"overlap = {overlap:g}, load = {load:g}", expected="0 <= overlap < 1, and a load above zero")
    samples: Samples = resample(wave_of(source, name, start, stop, unit), rate, alias=alias, degree=degree)
    if np.iscomplexobj(samples.values):
        raise UsageError("a spectrogram of a complex waveform", expected="a real one")
    total = len(samples.values)
    count = total // 16 if segment is None else round(segment * samples.rate)
    if not 8 <= count <= total:
        raise AnalysisError(f"stretches of {count} samples of {total}", expected="8 samples at least, and not all")
    hop = max(1, round(count * (1.0 - overlap)))
    shape = window_of(window, count)
    frames = np.lib.stride_tricks.sliding_window_view(samples.values, count)[::hop]
    frequency, power = _powers(frames, shape, samples.rate)
    middles = np.asarray(samples.start + (np.arange(len(frames)) * hop + 0.5 * count) / samples.rate, np.float64)
    enbw = float(samples.rate * (shape @ shape) / shape.sum() ** 2)
    return Spectrogram(samples.name, samples.unit, middles, frequency, power, enbw, load)
