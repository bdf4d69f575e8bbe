"""What acts on oscillators from outside in time, added to their constant parameters: sines and sampled waveforms."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import UsageError, nearest

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Sine:
    """amplitude sin(2 pi frequency t + phase), added to an input of the oscillators.

    Parameters
    ----------
    amplitude : float or array
        In the unit of the input: a number or (n,); for an input that is a vector (3,) or (n, 3).
    frequency : float or array (n,)
        Hz, 0 or more.
    phase : float or array (n,)
        Radians.
    on : str
        The input, one of ``Population.inputs``.

    Examples
    --------
    >>> Sine(50e-6, 3e9).on
    'current'
    """

    amplitude: ArrayLike
    frequency: ArrayLike
    phase: ArrayLike = 0.0
    on: str = "current"


@dataclass(frozen=True)
class Samples:
    """A waveform given by its values at even times, added to an input of the oscillators.

    Parameters
    ----------
    values : array
        In the unit of the input: (k,) for all oscillators alike or (k, n); for an input that is a vector (k, 3) or
        (k, n, 3). Before the first and after the last sample these two hold.
    spacing : float
        Between samples, s.
    on : str
        The input, one of ``Population.inputs``.
    start : float
        Time of the first sample, s.
    hold : bool
        Each value holds until the next sample; otherwise straight lines go from one to the next.

    Examples
    --------
    >>> Samples([0.0, 1e-3, 0.0], 10e-9, hold=True).spacing
    1e-08
    """

    values: ArrayLike
    spacing: float
    on: str = "current"
    start: float = 0.0
    hold: bool = False


Drive = Sine | Samples


@dataclass(frozen=True)
class Channel:
    """One component of a drive, as kernels read it.

    Parameters
    ----------
    input : int
        Number of the component: inputs in the order of ``Population.inputs``, vectors as three.
    gain, frequency, turns : ndarray (n,)
        Amplitude; frequency in Hz and phase in turns of a sine. Of samples the gain is 1.
    samples : ndarray (k, 1) or (k, n), or None
        None for a sine.
    spacing, start : float
        Of the samples, s.
    hold : bool
    """

    input: int
    gain: Array
    frequency: Array
    turns: Array
    samples: Array | None = None
    spacing: float = 1.0
    start: float = 0.0
    hold: bool = False

    def at(self, time: float) -> Array:
        """Return its values at a time, (n,)."""
        if self.samples is None:
            turns = self.frequency * time + self.turns
            return np.asarray(self.gain * np.sin(2.0 * np.pi * (turns - np.round(turns))))
        place = min(max((time - self.start) / self.spacing, 0.0), len(self.samples) - 1.0)
        below = min(int(place), max(len(self.samples) - 2, 0))
        part = place - below
        if self.hold:
            return self.gain * self.samples[int(place)]
        above = min(below + 1, len(self.samples) - 1)
        return np.asarray(self.gain * (self.samples[below] + part * (self.samples[above] - self.samples[below])))


def _finite(what: str, values: ArrayLike) -> Array:
    array = np.asarray(values, dtype=np.float64)
    if not np.isfinite(array).all():
        raise UsageError(f"{what} of a drive is not finite", expected="finite numbers")
    return array


def _spread(what: str, values: ArrayLike, shape: tuple[int, ...]) -> Array:
    array = _finite(what, values)
    try:
        return np.ascontiguousarray(np.broadcast_to(array, shape))
    except ValueError:
        raise UsageError(f"{what} of a drive has the shape {array.shape}", expected=f"one that fits {shape}") from None


def channels(
    drives: Drive | tuple[Drive, ...] | list[Drive], inputs: Mapping[str, tuple[int, str]], n: int
) -> list[Channel]:
    """Return the components of drives.

    Parameters
    ----------
    drives : Sine, Samples or a sequence of them
    inputs : mapping of str to (int, str)
        Inputs of a population: number of components and unit.
    n : int
        Oscillators.

    Raises
    ------
    UsageError
        For an input that there is not, numbers that are not finite, and shapes that do not fit.

    Examples
    --------
    >>> one = channels(Sine(2.0, 1e9), {"current": (1, "A")}, 3)[0]
    >>> one.at(0.25e-9)
    array([2., 2., 2.])
    """
    found: list[Channel] = []
    first = dict(zip(inputs, np.cumsum([0, *(count for count, _ in inputs.values())]), strict=False))
    for drive in (drives,) if isinstance(drives, Sine | Samples) else tuple(drives):
        if not isinstance(drive, Sine | Samples):
            raise UsageError(f"{drive!r} is no drive", expected="Sine or Samples")
        if drive.on not in inputs:
            raise UsageError(
                f"a drive acts on {drive.on!r}", expected=", ".join(inputs), hint=nearest(drive.on, inputs)
            )
        parts = inputs[drive.on][0]
        components = _sine(drive, parts, n) if isinstance(drive, Sine) else _samples(drive, parts, n)
        found += [Channel(int(first[drive.on]) + k, **component) for k, component in components]
    return found


def _sine(drive: Sine, parts: int, n: int) -> list[tuple[int, dict[str, Any]]]:
    gain = _spread("the amplitude", drive.amplitude, (n,) if parts == 1 else (n, parts)).reshape(n, parts)
    frequency = _spread("the frequency", drive.frequency, (n,))
    turns = _spread("the phase", drive.phase, (n,)) / (2.0 * np.pi)
    if (frequency < 0.0).any():
        raise UsageError("the frequency of a drive is negative", expected="0 Hz or more")
    return [
        (k, {"gain": np.ascontiguousarray(gain[:, k]), "frequency": frequency, "turns": turns})
        for k in range(parts)
        if gain[:, k].any()
    ]


def _samples(drive: Samples, parts: int, n: int) -> list[tuple[int, dict[str, Any]]]:
    values = _finite("a sample", drive.values)
    vector = () if parts == 1 else (parts,)
    shape = values.shape[1:]
    if values.ndim == 0 or len(values) == 0 or shape not in (vector, (n, *vector)):
        expected = " or ".join(str(("k", *tail)).replace("'", "") for tail in (vector, (n, *vector)))
        raise UsageError(f"samples on {drive.on!r} have the shape {values.shape}", expected=expected)
    if not (drive.spacing > 0.0 and np.isfinite(drive.spacing) and np.isfinite(drive.start)):
        raise UsageError(f"samples {drive.spacing:g} s apart", expected="a spacing above 0 and a finite start")
    values = values.reshape(len(values), -1, parts)
    common = {"gain": np.ones(n), "frequency": np.zeros(n), "turns": np.zeros(n), "spacing": float(drive.spacing)}
    common |= {"start": float(drive.start), "hold": bool(drive.hold)}
    return [
        (k, common | {"samples": np.ascontiguousarray(values[:, :, k])}) for k in range(parts) if values[:, :, k].any()
    ]
