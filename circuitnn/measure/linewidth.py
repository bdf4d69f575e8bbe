"""Linewidth of a noisy oscillation: from how its phase wanders, and from the shape of its line."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from circuitnn.errors import AnalysisError, UsageError
from circuitnn.measure.phase import phase_of
from circuitnn.measure.sampling import Wave
from circuitnn.measure.spectrum import Spectrum

Values = NDArray[Any]
_FEWEST_BLOCKS = 4


@dataclass(frozen=True, slots=True)
class Diffusion:
    """Phase that wanders as a random walk: its variance grows by ``2 constant lag``.

    Parameters
    ----------
    constant, constant_error : float
        Diffusion constant, rad^2/s, and its standard error.
    frequency : float
        Mean, Hz.
    lag : float
        Over which increments were taken, s.
    blocks : int
        Independent stretches from whose scatter the error comes.
    """

    constant: float
    constant_error: float
    frequency: float
    lag: float
    blocks: int

    @property
    def linewidth(self) -> float:
        """Full width at half maximum of the line, Hz: Lorentzian, constant / pi."""
        return self.constant / np.pi

    @property
    def linewidth_error(self) -> float:
        """Standard error of the linewidth, Hz."""
        return self.constant_error / np.pi

    def phase_noise(self, offset: Any) -> Any:
        """Return the phase noise L at offsets from the carrier (Hz), dBc/Hz.

        That of the Lorentzian line: 10 log10(constant / (constant^2 + (2 pi offset)^2) * 2).

        Examples
        --------
        >>> round(float(Diffusion(np.pi * 1e3, 0.0, 1e9, 1e-6, 10).phase_noise(1e6)), 2)
        -97.98
        """
        line = 2.0 * self.constant / (self.constant**2 + (2.0 * np.pi * np.asarray(offset)) ** 2)
        return 10.0 * np.log10(line)


def diffusion_of(
    runs: Sequence[tuple[Any, Any]] | tuple[Any, Any], lag: float | None = None, *, blocks: int = 20
) -> Diffusion:
    """Return how fast the phase of an oscillation wanders, from one long run or many.

    Increments of the phase over ``lag`` have a variance of 2 D lag and a part that does not grow, from amplitude
    noise and from how crossings are found; the latter is taken off by increments over an eighth of the lag. A line that
    wanders so is Lorentzian with a full width of D / pi Hz (Demir, Mehrotra and Roychowdhury 2000, with c of theirs
    from D = (2 pi f)^2 c / 2).

    Parameters
    ----------
    runs : (time, phase), or a sequence of them
        Seconds and unwrapped radians, as `circuitnn.measure.phase.phase_of` or `demodulate` give them.
    lag : float, optional
        Seconds, longer than the amplitude takes to relax; a hundredth of all runs' length, or of a block when that is
        shorter, when absent.
    blocks : int
        Stretches that one long run is cut into, of which each gives an estimate of its own; many runs are one block
        each.

    Raises
    ------
    UsageError
        For a lag that does not fit into a block.
    AnalysisError
        When the variance does not grow.

    Examples
    --------
    >>> steps = np.random.default_rng(0).normal(0.0, 0.1, 100_000)
    >>> t = np.arange(100_000) * 1e-3
    >>> d = diffusion_of((t, 2 * np.pi * 50.0 * t + np.cumsum(steps)))
    >>> bool(abs(d.constant - 5.0) < 3.0 * d.constant_error), bool(d.constant_error < 1.0)
    (True, True)
    """
    many = [runs] if isinstance(runs, tuple) and len(runs) == 2 and np.ndim(runs[0]) == 1 else list(runs)
    pieces: list[tuple[Values, Values, float, float]] = []
    each = 1 if len(many) > 1 else blocks
    if each * len(many) < _FEWEST_BLOCKS:
        raise UsageError(f"{each * len(many)} blocks", expected=f"{_FEWEST_BLOCKS} at least, for an error bar")
    for time, phase in many:
        time, phase = np.asarray(time, float), np.asarray(phase, float)
        if time.ndim != 1 or time.shape != phase.shape or len(time) < 16:
            raise UsageError("a run is times and as many phases", expected="16 points at least")
        edges = np.linspace(time[0], time[-1], each + 1)
        pieces += [(time, phase, a, b) for a, b in pairwise(edges.tolist())]
    whole = sum(float(time[-1] - time[0]) for time, _ in many)
    turned = sum(float(phase[-1] - phase[0]) for _, phase in many)
    shortest = min(b - a for *_, a, b in pieces)
    chosen = min(0.01 * whole, 0.2 * shortest) if lag is None else lag
    if not 0.0 < chosen <= 0.5 * shortest:
        raise UsageError(f"a lag of {chosen:g} s", expected=f"up to {0.5 * shortest:g} s, half a block")
    slope = turned / whole
    found = np.array([_constant(*piece, slope, chosen) for piece in pieces])
    # The mean slope is that of the increments themselves: it takes lag / whole of the variance with it.
    found /= 1.0 - chosen / whole
    constant, error = float(found.mean()), float(found.std(ddof=1) / np.sqrt(len(found)))
    if not constant > 0.0:
        raise AnalysisError(
            f"the phase does not wander further over {chosen:g} s than over an eighth of it",
            hint="a longer lag, or longer runs",
        )
    return Diffusion(constant, error, slope / (2.0 * np.pi), chosen, len(found))


def _constant(time: Values, phase: Values, low: float, high: float, slope: float, lag: float) -> float:
    """Return the diffusion constant of one stretch."""
    step = lag / 64.0
    grid = low + step * np.arange(int((high - low) / step * (1.0 + 1e-12)) + 1)
    rest = np.interp(np.minimum(grid, high), time, phase) - slope * grid
    long_, short = rest[64:] - rest[:-64], rest[8:] - rest[:-8]
    return float((np.mean(long_**2) - np.mean(short**2)) / (2.0 * 56.0 * step))


def phase_diffusion(waves: Wave | Sequence[Wave], lag: float | None = None, *, blocks: int = 20) -> Diffusion:
    """Return how fast the phase of noisy waveforms wanders; see `diffusion_of`.

    Parameters
    ----------
    waves : Wave or sequence of Wave
        Settled, of one long stochastic run or of many with unlike seeds (`circuitnn.measure.sampling.wave_of`).
    lag, blocks
        As of `diffusion_of`.
    """
    given = [waves] if isinstance(waves, Wave) else list(waves)
    phases = [phase_of(wave) for wave in given]
    return diffusion_of(phases[0] if len(phases) == 1 else phases, lag, blocks=blocks)


@dataclass(frozen=True, slots=True)
class Line:
    """A Lorentzian line over a floor.

    Parameters
    ----------
    frequency, frequency_error : float
        Middle, Hz, and its standard error.
    linewidth, linewidth_error : float
        Full width at half maximum, Hz.
    power : float
        Mean square under the line.
    floor : float
        Density beside it.
    """

    frequency: float
    frequency_error: float
    linewidth: float
    linewidth_error: float
    power: float
    floor: float


def lorentzian(spectrum: Spectrum, low: float | None = None, high: float | None = None) -> Line:
    """Fit a Lorentzian line and a floor to a spectrum of averaged powers.

    Averages of periodograms scatter in proportion to their mean (gamma distribution): the likeliest parameters are
    those for which the sum of ln S + P / S is least (Whittle), and their errors follow from how sharp that minimum is.

    Parameters
    ----------
    spectrum : Spectrum
        Made with ``segment=``, several of which fit into the waveform and each of which is longer than some
        3 / linewidth.
    low, high : float, optional
        The band of the fit, Hz; 30 bins on either side of the strongest bin, or as many widths, when absent.

    Raises
    ------
    AnalysisError
        When the line is no wider than what the window makes of a sinusoid, or the fit fails.
    """
    power, frequency = spectrum.density, spectrum.frequency
    start = 3 if frequency[0] >= 0.0 else 0
    top = start + int(power[start:].argmax())
    above = power > 0.5 * power[top]
    wide = 1
    while above[max(top - wide, 0)] or above[min(top + wide, len(above) - 1)]:
        wide += 1
        if wide > len(power):
            break
    reach = max(30, 20 * wide) * spectrum.resolution
    first = frequency[top] - reach if low is None else low
    last = frequency[top] + reach if high is None else high
    inside = (frequency >= first) & (frequency <= last) & (np.abs(frequency) >= 3 * spectrum.resolution)
    f, p = frequency[inside], power[inside]
    if len(f) < 8:
        raise UsageError(f"{len(f)} bins between {first:g} and {last:g} Hz", expected="8 at least")
    unit, scale = spectrum.resolution, float(p.max())

    def model(x: Values) -> Values:
        middle, width, height, floor = x[0], np.exp(x[1]), np.exp(x[2]), np.exp(x[3])
        return np.asarray(height / (1.0 + ((f - frequency[top]) / unit - middle) ** 2 / (0.5 * width) ** 2) + floor)

    def cost(x: Values) -> float:
        s = model(x)
        return float(np.sum(np.log(s) + p / scale / s))

    guess = np.array([0.0, np.log(2.0 * wide), 0.0, np.log(max(float(np.percentile(p, 10)) / scale, 1e-9))])
    bounds = [(-reach / unit, reach / unit), (-5.0, 15.0), (-10.0, 10.0), (-40.0, 5.0)]
    fitted = minimize(cost, guess, method="L-BFGS-B", bounds=bounds)
    fitted = minimize(cost, fitted.x, method="Nelder-Mead", options={"xatol": 1e-6, "fatol": 1e-9, "maxiter": 4000})
    width = float(np.exp(fitted.x[1])) * unit
    if not np.isfinite(fitted.fun):
        raise AnalysisError("no line could be fitted")
    if width < 1.5 * spectrum.enbw:
        raise AnalysisError(
            f"the line of {width:g} Hz is no wider than what the window makes of a sinusoid ({spectrum.enbw:g} Hz)",
            hint="a longer segment",
        )
    # Expected information of independent bins, each an average; overlapped stretches count as 0.947 of each, half.
    slopes = np.array([(model(fitted.x + d) - model(fitted.x - d)) / 2e-5 for d in 1e-5 * np.eye(4)]) / model(fitted.x)
    bins = spectrum.enbw / unit
    information = slopes @ slopes.T * _independent(spectrum) / bins
    errors = np.sqrt(np.diag(np.linalg.pinv(information)))
    height = float(np.exp(fitted.x[2])) * scale
    return Line(
        float(frequency[top] + fitted.x[0] * unit), float(errors[0]) * unit, width, width * float(errors[1]),
        0.5 * np.pi * width * height, float(np.exp(fitted.x[3])) * scale,
    )  # fmt: skip


def _independent(spectrum: Spectrum) -> float:
    """Return how many independent stretches the averages amount to: of Hann windows that overlap by half 0.947."""
    return 0.947 * spectrum.averages if spectrum.averages > 1 else 1.0
