"""Injection locking: the range of frequencies in which a tone holds an oscillator, for each of its amplitudes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.circuit.circuit import Circuit
from circuitnn.errors import AnalysisError, UsageError
from circuitnn.measure.phase import phase_of
from circuitnn.measure.sampling import wave_of
from circuitnn.netlist.flat import Waveform

#: What can be run with a tone: from frequency (Hz), amplitude and duration (s) to times and real or complex values of
#: the settled oscillator, its tone beginning at the first time with phase 0 where times are 0.
Injected = Callable[[float, float, float], tuple[Any, Any]]
_MOST_TRIALS = 24
_WINDOW = 10.0  # length of a trial in cycles of its detuning
_STILL = 0.05  # rad that the phase of a held oscillator may move in the last quarter of a trial


class InjectedCircuit:
    """A circuit whose source carries a tone beside its dc value; begins each time as it runs without the tone.

    Parameters
    ----------
    circuit : Circuit
    source : str
        A voltage or current source without a waveform.
    output : str
        A vector or expression that swings.
    step : float
        Largest time step, s.
    settle : float
        Seconds until the oscillation is steady.
    uic : bool
        Whether to begin from the given initial conditions.
    """

    def __init__(
        self, circuit: Circuit, source: str, output: str, *, step: float, settle: float, uic: bool = True
    ) -> None:
        low = source.lower()
        if low not in circuit.elements or low[0] not in "vi":
            raise UsageError(f"there is no source {source!r}", expected="a voltage or current source", names=(source,))
        if circuit.elements[low].waveform is not None:
            raise UsageError(f"{source} has a waveform already", expected="a dc source", names=(source,))
        self._circuit, self._source, self._output, self._step = circuit, low, output, step
        self._rest = self._with(1.0 / settle, 0.0).tran(stop=settle, step=step, max_step=step, uic=uic).checkpoint

    def _with(self, frequency: float, amplitude: float) -> Circuit:
        one = self._circuit.copy()
        element = one.elements[self._source]
        shape = Waveform("sin", (float(element.params.get("dc", 0.0)), float(amplitude), float(frequency)))
        one.elements[self._source] = replace(element, waveform=shape)
        return one

    def __call__(self, frequency: float, amplitude: float, duration: float) -> tuple[Any, Any]:
        """Return times and the output under a tone."""
        stop = self._rest.time + duration
        run = self._with(frequency, amplitude).tran(stop=stop, step=self._step, max_step=self._step, resume=self._rest)
        return run.time, run.evaluate(self._output)


@dataclass(frozen=True)
class LockingRange:
    """Where a tone holds an oscillator: its Arnold tongue.

    Parameters
    ----------
    amplitude : ndarray, shape (amplitudes,)
        Of the tone.
    lower, upper : ndarray, shape (amplitudes,)
        Edges, Hz, of the tone's frequency.
    lower_error, upper_error : ndarray, shape (amplitudes,)
        Distance of an edge to where the oscillator was seen held or slipping, whichever is further and was needed, Hz.
    free : float
        Frequency without a tone, Hz.
    harmonic, subharmonic : int
        Held, the oscillator runs at ``subharmonic / harmonic`` times the frequency of the tone.
    runs : int
        Runs that it took.
    """

    amplitude: NDArray[np.float64]
    lower: NDArray[np.float64]
    upper: NDArray[np.float64]
    lower_error: NDArray[np.float64]
    upper_error: NDArray[np.float64]
    free: float
    harmonic: int
    subharmonic: int
    runs: int

    @property
    def half_width(self) -> NDArray[np.float64]:
        """Half of upper less lower edge, Hz."""
        return 0.5 * (self.upper - self.lower)

    def plot(self, *, ax: Any = None) -> Any:
        """Draw the tongue with matplotlib, frequency across and amplitude upwards; return the axes."""
        import matplotlib.pyplot as plt

        from circuitnn.results.axes import finish, style

        with plt.rc_context(style()):
            if ax is None:
                ax = plt.subplots(figsize=(5.6, 4.0))[1]
            ax.fill_betweenx(self.amplitude, self.lower, self.upper, alpha=0.3)
            ax.plot(self.lower, self.amplitude, "o-", color="C0")
            ax.plot(self.upper, self.amplitude, "o-", color="C0")
            ax.set_ylabel("amplitude of the tone")
            finish(ax.xaxis, "frequency of the tone", "Hz", log=False)
        return ax


class _Search:
    def __init__(self, run: Injected, free: float, ratio: float, tolerance: float) -> None:
        self.run, self.free, self.ratio, self.tolerance, self.runs = run, free, ratio, tolerance, 0

    def beat(self, detuning: float, amplitude: float) -> float | None:
        """Return the beat frequency of a slipping oscillator, 0 of one that is held, None of one that may be either."""
        tone = (self.free + detuning) * self.ratio
        duration = max(_WINDOW / abs(detuning), 40.0 / self.free)
        for _ in range(3):
            self.runs += 1
            times, phases = phase_of(wave_of(self.run(tone, amplitude, duration)))
            slip = phases - 2.0 * np.pi * tone / self.ratio * times
            since = slip[-1] - slip
            first = np.searchsorted(times, times[0] + 0.1 * (times[-1] - times[0]))
            whole = int(abs(since[first]) / (2.0 * np.pi))
            if whole:
                # The last time that it was so many whole turns away: beats begin and end at the same phase.
                away = np.flatnonzero(np.abs(since) >= 2.0 * np.pi * whole)[-1]
                return whole / float(times[-1] - times[away])
            late = slip[times > times[-1] - 0.25 * (times[-1] - times[0])]
            if np.ptp(late) < _STILL:
                return 0.0
            duration *= 2.0
        return None

    def edge(self, amplitude: float, side: float, span: float) -> tuple[float, float]:
        """Return the largest detuning on one side at which the tone holds, Hz, and its error."""
        inner, outer = 0.0, span
        beat = self.beat(side * outer, amplitude)
        if not beat:
            raise AnalysisError(
                f"a tone of {amplitude:g} still holds the oscillator at a detuning of {side * span:g} Hz",
                hint="a larger span, or a smaller amplitude",
            )
        slipping = [(outer, beat)]
        for _ in range(_MOST_TRIALS):
            guess = self._guess(slipping)
            if not inner < guess < outer:
                guess = 0.5 * (inner + outer) if inner else 0.3 * outer
            near = outer < 1.3 * guess
            if near and guess - inner < 1.5 * self.tolerance * guess:
                return guess, max(guess - inner, self.tolerance * guess)
            trial = (1.0 - self.tolerance) * guess if near else min(1.1 * guess, 0.5 * (guess + outer))
            beat = self.beat(side * trial, amplitude)
            if beat is None:
                return trial, 2.0 * self.tolerance * trial
            if beat == 0.0:
                inner = trial
            else:
                outer = trial
                slipping.append((trial, beat))
            if outer < 1e-9 * self.free:
                raise AnalysisError(f"a tone of {amplitude:g} does not hold the oscillator at any frequency")
        raise AnalysisError(
            f"the edge lies between detunings of {inner:g} and {outer:g} Hz, and was not found closer",
            hint="a larger tolerance",
        )

    @staticmethod
    def _guess(slipping: Sequence[tuple[float, float]]) -> float:
        """Return where the beat vanishes: its square falls in a straight line with that of the detuning."""
        (d, b) = slipping[-1]
        if len(slipping) == 1 or abs(slipping[-2][0] - d) < 0.02 * d:
            return float(np.sqrt(max(d * d - b * b, 0.0)))
        (e, c) = slipping[-2]
        slope = (c * c - b * b) / (e * e - d * d)
        return float(np.sqrt(max(d * d - b * b / slope, 0.0))) if slope > 0.0 else 0.0


def locking_range(
    target: Circuit | Injected,
    amplitudes: float | Sequence[float],
    *,
    source: str | None = None,
    output: str | None = None,
    step: float | None = None,
    settle: float | None = None,
    uic: bool = True,
    free: float | None = None,
    harmonic: int = 1,
    subharmonic: int = 1,
    span: float = 0.1,
    tolerance: float = 0.02,
    periods: float = 100.0,
) -> LockingRange:
    """Return the range of frequencies in which a tone holds an oscillator, for each of its amplitudes.

    Each trial runs the oscillator from its free state with the tone and follows its phase against the tone's. It slips
    when it turns by whole turns after the first tenth, and is held when it stands still in the last quarter (0.05 rad);
    a trial that is neither is run twice and four times as long. The beat of a slipping oscillator tells where the edge
    is without going there: beat^2 = detuning^2 - half width^2 (Adler 1946), and a straight line in these squares near
    any edge at which two phases meet. The edge is confirmed by a run inside, ``tolerance`` of the half width
    away, in which the oscillator is held.

    Parameters
    ----------
    target : Circuit or callable
        A circuit, with ``source``, ``output``, ``step`` and ``settle``; or anything that can be run with a tone: a
        callable from (frequency, amplitude, duration) to (time, values); complex values turn as exp(+-i phase).
    amplitudes : float or sequence of float
        Of the tone, in the unit of the source.
    source, output : str
        Of a circuit; see `InjectedCircuit`.
    step, settle : float
        Largest time step and how long the oscillation takes to become steady, s.
    uic : bool
        Whether the circuit begins from given initial conditions.
    free : float, optional
        Frequency without a tone, Hz; measured over ``periods / span`` periods or so when absent.
    harmonic, subharmonic : int
        The tone lies near ``free * harmonic / subharmonic``.
    span : float
        Largest detuning that is tried, as a part of the free frequency.
    tolerance : float
        As a part of the half width.
    periods : float
        Of the free oscillation, over which its frequency is measured.

    Returns
    -------
    LockingRange

    Raises
    ------
    UsageError
        For numbers that cannot be meant.
    AnalysisError
        When nothing oscillates, the tone holds the oscillator over the whole span, or no edge is found.

    Examples
    --------
    An oscillator that is nothing but Adler's equation, 100 Hz, half width 0.5 Hz for each unit of amplitude:

    >>> def adler(frequency, amplitude, duration):
    ...     t, h = np.linspace(0.0, duration, max(int(200 * duration), 4000), retstep=True)
    ...     phase, shift = np.zeros(len(t)), 2 * np.pi * (100.0 - frequency)
    ...     for k in range(len(t) - 1):  # the midpoint rule
    ...         middle = phase[k] + 0.5 * h * (shift - np.pi * amplitude * np.sin(phase[k]))
    ...         phase[k + 1] = phase[k] + h * (shift - np.pi * amplitude * np.sin(middle))
    ...     return t, np.exp(1j * (phase + 2 * np.pi * frequency * t))
    >>> found = locking_range(adler, 1.0, free=100.0, span=0.02)
    >>> bool(abs(found.half_width[0] - 0.5) < 0.01)
    True
    """
    levels = np.atleast_1d(np.asarray(amplitudes, dtype=float))
    if levels.ndim != 1 or not len(levels) or not (np.isfinite(levels).all() and (levels > 0.0).all()):
        raise UsageError(f"amplitudes {amplitudes!r}", expected="numbers above zero")
    if not (0.0 < span < 1.0 and 0.0 < tolerance < 0.5 and harmonic >= 1 and subharmonic >= 1 and periods >= 10.0):
        raise UsageError(
            f"span {span:g}, tolerance {tolerance:g}, harmonic {harmonic}, subharmonic {subharmonic}, periods {periods:g}",  # noqa: E501
            expected="span below 1, tolerance below 0.5, whole numbers from 1, 10 periods at least",
        )
    if isinstance(target, Circuit):
        if source is None or output is None or step is None or settle is None:
            raise UsageError("a circuit has no tone of its own", expected="source, output, step and settle")
        run: Injected = InjectedCircuit(target, source, output, step=step, settle=settle, uic=uic)
        rough = settle
    else:
        run, rough = target, 0.0
        if free is None:
            raise UsageError("how fast does it run alone?", expected="free=..., Hz")
    if free is None:
        frequency = _free(run, rough)
        free = _free(run, periods / frequency)
    search = _Search(run, free, harmonic / subharmonic, tolerance)
    edges = np.array([[search.edge(float(level), side, span * free) for side in (-1.0, 1.0)] for level in levels])
    scale = harmonic / subharmonic
    return LockingRange(
        levels, (free - edges[:, 0, 0]) * scale, (free + edges[:, 1, 0]) * scale, edges[:, 0, 1] * scale,
        edges[:, 1, 1] * scale, free, harmonic, subharmonic, search.runs,
    )  # fmt: skip


def _free(run: Injected, duration: float) -> float:
    times, phases = phase_of(wave_of(run(1.0 / duration, 0.0, duration)))
    return float((phases[-1] - phases[0]) / (times[-1] - times[0]) / (2.0 * np.pi))
