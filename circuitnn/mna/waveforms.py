"""Time functions of independent sources: from a waveform's arguments to what ``csrc/cn_source.h`` takes.

Defaults are those that ngspice 39 shows; most depend on the transient's step and stop time. Random waveforms are drawn
here, before a run, from a seed and the source's name: the same at any number of threads, and whatever else the circuit
holds.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import CircuitError, nearest
from circuitnn.netlist.flat import Element, Waveform

#: Samples of one random source in one run.
MAX_SAMPLES = 50_000_000
_DC, _PULSE, _SIN, _EXP, _PWL, _SFFM, _AM, _NOISE, _STEPS = range(9)

Drive = tuple[int, float, bool, "tuple[float, ...] | NDArray[np.float64]"]
_Arguments = tuple[int, "tuple[float, ...] | NDArray[np.float64]"]


def drive_of(element: Element, step: float, stop: float, seed: int = 0) -> Drive:
    """Return the engine's kind, dc value, whether that is given, and arguments of an independent source.

    Parameters
    ----------
    element : Element
        A V or I.
    step, stop : float
        Of the transient, s; ``stop`` = 0 asks for what operating points need alone.
    seed : int
        Of random waveforms.

    Raises
    ------
    CircuitError
        For arguments that make no waveform.

    Examples
    --------
    >>> e = Element("v1", ("a", "0"), waveform=Waveform("pulse", (0.0, 5.0, 1e-9)))
    >>> drive_of(e, step=1e-10, stop=1e-6)
    (1, 0.0, False, (0.0, 5.0, 1e-09, 1e-10, 1e-10, 1e-06, 1e-06, 0.0))
    """
    dc = element.params.get("dc")
    if element.waveform is None:
        return _DC, dc or 0.0, dc is not None, ()
    shape = _SHAPES.get(element.waveform.kind)
    if shape is None:
        raise CircuitError(
            f"{element.name} has the unknown waveform {element.waveform.kind!r}",
            place=element.place,
            expected=", ".join(_SHAPES),
            hint=nearest(element.waveform.kind, _SHAPES),
        )
    made = _Shape(element, element.waveform, step, stop, seed)
    kind, args = shape(made)
    return kind, dc or 0.0, dc is not None, args


class _Shape:
    """The arguments of one waveform, and the run that it is for."""

    def __init__(self, element: Element, waveform: Waveform, step: float, stop: float, seed: int) -> None:
        self.element, self.waveform, self.args = element, waveform, waveform.args
        self.step, self.stop, self.seed = step, stop, seed
        #: The lowest frequency that SPICE knows of, a default.
        self.whole = 1.0 / stop if stop > 0.0 else 1.0

    def count(self, low: int, high: int, usage: str) -> None:
        self.expect(low <= len(self.args) <= high, f"{self.waveform.kind.upper()} takes {usage}")

    def expect(self, holds: bool, message: str) -> None:
        if not holds:
            raise CircuitError(f"{self.element.name}: {message}", place=self.element.place, names=(self.element.name,))

    def given(self, k: int, default: float = 0.0) -> float:
        return self.args[k] if len(self.args) > k else default

    def positive(self, k: int, default: float) -> float:
        """Argument ``k``, for which zero stands for the default too."""
        return self.given(k) or default

    @property
    def offset(self) -> float:
        return self.element.params.get("dc", 0.0)

    def generator(self) -> np.random.Generator:
        return np.random.default_rng([self.seed, zlib.crc32(self.element.name.encode())])

    def samples(self, spacing: float) -> int:
        """How many points lie between 0 and the stop time, both included."""
        wanted = self.stop / spacing + 2.0
        self.expect(
            wanted <= MAX_SAMPLES, f"a run of {self.stop:g} s has {wanted:.3g} random values {spacing:g} s apart"
        )
        return math.ceil(wanted)


def _pulse(s: _Shape) -> _Arguments:
    s.count(1, 8, "V1 V2 TD TR TF PW PER NP")
    stop = s.stop or 1.0
    args = (
        s.args[0], s.given(1, s.args[0]), s.given(2), s.positive(3, s.step), s.positive(4, s.step),
        s.positive(5, stop), s.positive(6, stop), max(s.given(7), 0.0),
    )  # fmt: skip
    s.expect(min(args[3:7]) > 0.0, "PULSE times must be positive")
    return _PULSE, args


def _sin(s: _Shape) -> _Arguments:
    s.count(2, 6, "VO VA FREQ TD THETA PHASE")
    phase = math.radians(s.given(5))
    return _SIN, (s.args[0], s.args[1], s.positive(2, s.whole), s.given(3), s.given(4), phase)


def _exp(s: _Shape) -> _Arguments:
    s.count(2, 6, "V1 V2 TD1 TAU1 TD2 TAU2")
    rise = s.positive(2, s.step)
    args = (s.args[0], s.args[1], rise, s.positive(3, s.step), s.positive(4, rise + s.step), s.positive(5, s.step))
    s.expect(args[3] > 0.0 and args[5] > 0.0, "EXP time constants must be positive")
    return _EXP, args


def _pwl(s: _Shape) -> _Arguments:
    times = s.args[0::2]
    s.expect(len(s.args) >= 2 and len(s.args) % 2 == 0, "PWL needs pairs of a time and a value")
    s.expect(all(b >= a for a, b in pairwise(times)), "PWL times must not go back")
    repeat = math.nan if s.waveform.repeat is None or s.waveform.repeat < 0.0 else s.waveform.repeat
    if not math.isnan(repeat):
        s.expect(
            repeat in times and repeat < times[-1], f"PWL begins again at {repeat:g} s, which is none of its times"
        )
    return _PWL, (s.waveform.delay, repeat, *s.args)


def _sffm(s: _Shape) -> _Arguments:
    s.count(2, 7, "VO VA FC MDI FS PHASEC PHASES")
    phases = math.radians(s.given(5)), math.radians(s.given(6))
    return _SFFM, (s.args[0], s.args[1], s.positive(2, s.whole), s.given(3), s.positive(4, s.whole), *phases)


def _am(s: _Shape) -> _Arguments:
    s.count(2, 7, "VA VO MF FC TD PHASEC PHASES")
    # ngspice 39 reads the sixth argument and does nothing with it; the seventh shifts carrier and signal alike.
    return _AM, (s.args[0], s.args[1], s.positive(2, s.whole), s.given(3), s.given(4), math.radians(s.given(6)))


def _colored(rng: np.random.Generator, count: int, exponent: float, deviation: float) -> NDArray[np.float64]:
    """Noise whose power falls as 1/f^exponent (Kasdin, Proc. IEEE 83, 802, 1995, eq. 116), shape (count,)."""
    k = np.arange(1.0, count)
    response = np.concatenate([[1.0], np.cumprod((k - 1.0 + exponent / 2.0) / k)])
    from scipy.signal import fftconvolve  # a second of imports, in each process that runs circuits

    return np.asarray(fftconvolve(response, deviation * rng.standard_normal(count))[:count])


def _trnoise(s: _Shape) -> _Arguments:
    s.count(1, 7, "NA NT NALPHA NAMP RTSAM RTSCAPT RTSEMT")
    deviation, spacing, exponent, flicker, amplitude, capture, emission = (s.given(k) for k in range(7))
    s.expect(spacing >= 0.0, "the spacing of TRNOISE is negative")
    s.expect(0.0 <= exponent <= 2.0, "the exponent NALPHA of TRNOISE lies outside 0 .. 2")
    s.expect(amplitude == 0.0 or (capture > 0.0 and emission > 0.0), "TRNOISE's RTSCAPT and RTSEMT must be positive")
    values, turns = np.zeros(0), np.zeros(0)
    rng = s.generator()
    if spacing > 0.0 and s.stop > 0.0 and (deviation != 0.0 or flicker != 0.0):
        values = deviation * rng.standard_normal(s.samples(spacing))
        if flicker != 0.0 and exponent != 0.0:
            values += _colored(rng, len(values), exponent, flicker)
        values[0] = 0.0
    if amplitude != 0.0 and s.stop > 0.0:
        turns = _telegraph(s, rng, capture, emission)
    head = np.array([s.offset, spacing, float(len(values))])
    return _NOISE, np.concatenate([head, values, [amplitude], turns])


def _telegraph(s: _Shape, rng: np.random.Generator, capture: float, emission: float) -> NDArray[np.float64]:
    """Times at which a telegraph signal turns: it rises after ``capture`` and falls after ``emission`` on average."""
    times, last = [np.zeros(0)], 0.0
    pairs = s.samples(capture + emission)
    while last < s.stop:
        waits = np.stack([rng.exponential(capture, pairs), rng.exponential(emission, pairs)], axis=1)
        times.append(last + np.cumsum(waits))
        last = float(times[-1][-1])
    every = np.concatenate(times)
    return every[: int(np.searchsorted(every, s.stop)) + 1]


def _trrandom(s: _Shape) -> _Arguments:
    s.count(2, 5, "TYPE TS TD PARAM1 PARAM2")
    kind, spacing, delay, first, second = s.args[0], s.args[1], s.given(2), s.given(3, 1.0), s.given(4)
    s.expect(
        kind in (1.0, 2.0, 3.0, 4.0), "the type of TRRANDOM is none of 1 (uniform), 2, 3 (exponential), 4 (Poisson)"
    )
    s.expect(spacing > 0.0, "the spacing of TRRANDOM is not positive")
    s.expect(kind != 4.0 or first >= 0.0, "the mean of TRRANDOM's Poisson numbers is negative")
    rng, count = s.generator(), s.samples(spacing) if s.stop > 0.0 else 1
    if kind == 1.0:
        values = rng.uniform(-first, first, count) if first >= 0.0 else -rng.uniform(first, -first, count)
    elif kind == 2.0:
        values = first * rng.standard_normal(count)
    elif kind == 3.0:
        values = first * rng.standard_exponential(count)
    else:
        values = rng.poisson(first, count).astype(float)
    return _STEPS, np.concatenate([[s.offset + second, spacing, delay], s.offset + second + values])


_SHAPES: dict[str, Callable[[_Shape], _Arguments]] = {
    "pulse": _pulse, "sin": _sin, "exp": _exp, "pwl": _pwl, "sffm": _sffm, "am": _am, "trnoise": _trnoise,
    "trrandom": _trrandom,
}  # fmt: skip
