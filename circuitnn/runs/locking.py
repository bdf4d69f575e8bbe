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


def require_source(circuit: Circuit, name: str) -> str:
    """Return the name of a source in lower case; raise UsageError when it is none, or has a waveform."""
    low = name.lower()
    if low not in circuit.elements or low[0] not in "vi":
        raise UsageError(f"there is no source {name!r}", expected="a voltage or current source", names=(name,))
    if circuit.elements[low].waveform is not None:
        raise UsageError(f"{name} has a waveform already", expected="a dc source", names=(name,))
    return low


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
        self._source = require_source(circuit, source)
        self._circuit, self._output, self._step = circuit, output, step
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
        Trials that it took; none by the projection vector.
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


def beat_frequency(
    run: Injected, frequency: float, amplitude: float, *, free: float, harmonic: int = 1, subharmonic: int = 1
) -> float | None:
    """Return how often a second an oscillator slips against a tone: 0 when it is held, None when it may be either.

    Parameters
    ----------
    run : callable
        See `locking_range`; for a circuit an `InjectedCircuit`.
    frequency, amplitude : float
        Of the tone, Hz and the unit of its source; off ``free * harmonic / subharmonic``.
    free : float
        Frequency without a tone, Hz.
    harmonic, subharmonic : int

    Examples
    --------
    Adler's equation has the solution tan(phase / 2) = w / d + b / d tan(b t / 2), b^2 = d^2 - w^2:

    >>> def adler(frequency, amplitude, duration):
    ...     t, d, w = np.linspace(0.0, duration, 20001), 2 * np.pi * (100.0 - frequency), np.pi * amplitude
    ...     b = np.sqrt(complex(d * d - w * w))
    ...     half = np.arctan((w + b * np.tan(0.5 * b * t)).real / d)  # modulo pi, phases modulo 2 pi
    ...     return t, np.exp(1j * (2 * half + 2 * np.pi * frequency * t))
    >>> round(beat_frequency(adler, 99.0, 1.0, free=100.0), 3)  # sqrt(1 - 0.5^2)
    0.866
    """
    ratio = harmonic / subharmonic
    detuning = abs(frequency / ratio - free)
    if not (detuning > 0.0 and frequency > 0.0 and amplitude > 0.0 and free > 0.0):
        raise UsageError(
            f"a tone of {amplitude:g} at {frequency:g} Hz for an oscillator of {free:g} Hz",
            expected="numbers above zero, and a tone beside the frequency that it would hold",
        )
    duration = max(_WINDOW / detuning, 40.0 / free)
    for _ in range(3):
        times, phases = phase_of(wave_of(run(frequency, amplitude, duration)))
        slip = phases - 2.0 * np.pi * frequency / ratio * times
        since = slip[-1] - slip
        first = np.searchsorted(times, times[0] + 0.1 * (times[-1] - times[0]))
        whole = int(abs(since[first]) / (2.0 * np.pi))
        if whole:
            # The last time that it was so many whole turns away: beats begin and end at the same phase.
            k = int(np.flatnonzero(np.abs(since) >= 2.0 * np.pi * whole)[-1])
            a, b = abs(since[k]), abs(since[k + 1])
            part = (a - 2.0 * np.pi * whole) / (a - b)
            return whole / float(times[-1] - times[k] - part * (times[k + 1] - times[k]))
        late = slip[times > times[-1] - 0.25 * (times[-1] - times[0])]
        if np.ptp(late) < _STILL:
            return 0.0
        duration *= 2.0
    return None


class _Search:
    def __init__(self, run: Injected, free: float, orders: tuple[int, int], tolerance: float, least: float) -> None:
        self.run, self.free, self.tolerance, self.least, self.trials = run, free, tolerance, least, 0
        self.harmonic, self.subharmonic = orders

    def beat(self, detuning: float, amplitude: float) -> float | None:
        self.trials += 1
        ratio = self.harmonic / self.subharmonic
        return beat_frequency(
            self.run, (self.free + detuning) * ratio, amplitude, free=self.free, harmonic=self.harmonic,
            subharmonic=self.subharmonic,
        )  # fmt: skip

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
            trial = max(
                trial, self.least
            )  # a beat like the detuning sends the guess to nothing, and durations to infinity
            beat = self.beat(side * trial, amplitude)
            if beat is None:
                return trial, 2.0 * self.tolerance * trial
            if beat == 0.0:
                inner = trial
            else:
                outer = trial
                slipping.append((trial, beat))
            if outer <= self.least:
                raise AnalysisError(
                    f"a tone of {amplitude:g} does not hold the oscillator at a detuning of {outer:g} Hz",
                    hint="a larger amplitude, or a smaller least=",
                )
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
    least: float = 1e-4,
    tolerance: float = 0.02,
    periods: float = 100.0,
    method: str = "runs",
) -> LockingRange:
    """Return the range of frequencies in which a tone holds an oscillator, for each of its amplitudes.

    Each trial runs the oscillator from its free state with the tone and follows its phase against the tone's. It slips
    when it turns by whole turns after the first tenth, and is held when it stands still in the last quarter (0.05 rad);
    a trial that is neither is run twice and four times as long. The beat of a slipping oscillator tells where the edge
    is without going there: beat^2 = detuning^2 - half width^2 (Adler 1946), and a straight line in these squares near
    any edge at which two phases meet. The edge is confirmed by a run inside, ``tolerance`` of the half width
    away, in which the oscillator is held.

    ``method="ppv"`` needs no runs with a tone: to first order in its amplitude A the phase, as a time, gains the mean
    of the perturbation projection vector p times the tone (Demir, Mehrotra and Roychowdhury, IEEE Trans. Circuits
    Syst. I 47, 655, 2000), at most A abs(P) / 2 with P the complex amplitude of p at the tone: half width = tone's
    frequency A abs(P) / 2, alike to both sides.

    Parameters
    ----------
    target : Circuit or callable
        A circuit, with ``source``, ``output``, ``step`` and ``settle``; or anything that can be run with a tone: a
        callable from (frequency, amplitude, duration) to (time, values); complex values turn as exp(i phase) or
        exp(-i phase).
    amplitudes : float or sequence of float
        Of the tone, in the unit of the source.
    source, output : str
        Of a circuit; see `InjectedCircuit`.
    step, settle : float
        Largest time step and how long the oscillation takes to become steady, s.
    uic : bool
        Whether the circuit begins from given initial conditions.
    free : float, optional
        Frequency without a tone, Hz; measured over ``periods`` when absent.
    harmonic, subharmonic : int
        The tone lies near ``free * harmonic / subharmonic``.
    span, least : float
        Largest and smallest detuning that is tried, as a part of the free frequency: a trial takes ten cycles of it.
    tolerance : float
        As a part of the half width.
    periods : float
        Of the free oscillation, over which its frequency is measured.
    method : {"runs", "ppv"}
        ``"ppv"`` is for circuits, ``subharmonic`` 1, and tones so weak that the answer is a small part of the
        frequency. Its errors are those of the orbit; what is of second order in the tone is not known.

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
    A tank of quality 10 with a cubic active element swings by 2 sqrt(1/3) V; a current of 0.3 mA holds it within
    f0 sqrt(L / C) 0.3 mA / (2 amplitude), 20.5 kHz:

    >>> import circuitnn as cn
    >>> c = cn.Circuit("van der Pol")
    >>> c.L("1", "a", 0, "1u"); c.C("1", "a", 0, "1n", ic=1.1); c.I("1", 0, "a", dc=0.0)
    >>> c.B("1", "a", 0, i="3.16e-3*v(a)*(v(a)*v(a)-1)")
    >>> found = cn.locking_range(c, 3e-4, source="i1", output="v(a)", step=8e-9, settle=2e-5, span=0.03)
    >>> bool(abs(found.half_width[0] - 20.5e3) < 0.6e3), found.runs < 10
    (True, True)
    """
    levels = np.atleast_1d(np.asarray(amplitudes, dtype=float))
    if levels.ndim != 1 or not len(levels) or not (np.isfinite(levels).all() and (levels > 0.0).all()):
        raise UsageError(f"amplitudes {amplitudes!r}", expected="numbers above zero")
    if not (
        0.0 < least < span < 1.0 and 0.0 < tolerance < 0.5 and harmonic >= 1 and subharmonic >= 1 and periods >= 10.0
    ):
        raise UsageError(
            f"span {span:g}, least {least:g}, tolerance {tolerance:g}, harmonic {harmonic}, subharmonic {subharmonic}, periods {periods:g}",  # noqa: E501
            expected="least below span below 1, tolerance below 0.5, whole numbers from 1, 10 periods at least",
        )
    if method not in ("runs", "ppv") or (method == "ppv" and (subharmonic != 1 or not isinstance(target, Circuit))):
        raise UsageError(
            f"method {method!r} of {type(target).__name__} at {harmonic}:{subharmonic}",
            expected="runs; or ppv of a circuit, whose subharmonic is 1",
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
        free = _free(run, periods / _free(run, rough))
    if isinstance(target, Circuit) and source is not None and method == "ppv":
        return _projected(target, source, levels, free, harmonic, uic)
    search = _Search(run, free, (harmonic, subharmonic), tolerance, least * free)
    edges = np.array([[search.edge(float(level), side, span * free) for side in (-1.0, 1.0)] for level in levels])
    scale = harmonic / subharmonic
    return LockingRange(
        levels, (free - edges[:, 0, 0]) * scale, (free + edges[:, 1, 0]) * scale, edges[:, 0, 1] * scale,
        edges[:, 1, 1] * scale, free, harmonic, subharmonic, search.trials,
    )  # fmt: skip


def _free(run: Injected, duration: float) -> float:
    times, phases = phase_of(wave_of(run(1.0 / duration, 0.0, duration)))
    return float((phases[-1] - phases[0]) / (times[-1] - times[0]) / (2.0 * np.pi))


def _projected(
    circuit: Circuit, source: str, levels: NDArray[np.float64], free: float, harmonic: int, uic: bool
) -> LockingRange:
    """Return the range from the projection vector of the free oscillation."""
    orbit = circuit.pss(frequency=free, uic=uic)
    name = require_source(circuit, source)

    def at(vector: str) -> Any:
        return orbit.ppv.get(vector, np.zeros(len(orbit.time)))

    plus, minus = circuit.elements[name].nodes[:2]
    # A positive current of a source leaves the circuit at its first node and enters at the second.
    projection = at(f"v({minus})") - at(f"v({plus})") if name[0] == "i" else at(f"i({name})")
    turned = np.exp(-2j * np.pi * harmonic * orbit.time / orbit.period)
    part = 2.0 / orbit.period * abs(np.sum(orbit.weights * projection * turned))
    tone = orbit.frequency * harmonic
    half = 0.5 * tone * part * levels
    error = half * orbit.statistics["error"]
    return LockingRange(levels, tone - half, tone + half, error, error, orbit.frequency, harmonic, 1, 0)
