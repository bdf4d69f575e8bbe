"""Who goes with whom: order parameter, mean frequencies over a window, and locking to tones."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import UsageError, nearest
from circuitnn.oscillators.run import Array, Run


def phases(run: Run, near: ArrayLike = 0.0) -> Array:
    """Return the phases of the recorded points against a frequency, without jumps, (t, n), rad.

    Parameters
    ----------
    run : Run
        Of `PhaseOscillators`, or of amplitudes: there the phase is minus the argument.
    near : float or array (n,), Hz
        What is returned is the phase minus 2 pi near t. Of amplitudes it must be so near to the oscillators'
        frequencies that these lose or gain less than half a turn from point to point.

    Raises
    ------
    UsageError
        For a run that has neither ``phase`` nor ``c``.

    Examples
    --------
    >>> from circuitnn.oscillators.phase_oscillators import PhaseOscillators
    >>> run = PhaseOscillators(f0=1e9, frame=1e9).run(10e-9, 1e-9, start=0.5)
    >>> bool(abs(phases(run, near=1e9) - 0.5).max() < 1e-12)
    True
    """
    turns = np.multiply.outer(run.time, np.broadcast_to(np.asarray(near, dtype=np.float64), (_count(run),)))
    if "phase" in run.arrays:
        return np.asarray(run["phase"] - 2.0 * np.pi * turns)
    turned = run["c"] * np.exp(2j * np.pi * (turns - np.round(turns)))
    return -np.unwrap(np.angle(turned), axis=0)


def _count(run: Run) -> int:
    for name in ("phase", "c"):
        if name in run.arrays:
            return int(run.arrays[name].shape[1])
    raise UsageError("the run has no phases", expected="an array 'phase' or 'c'", hint=nearest("phase", run.arrays))


def order_parameter(run: Run) -> NDArray[np.complex128]:
    """Return the mean of exp(i phase) over the oscillators at each point, (t,); 1 in size when all agree.

    Parameters
    ----------
    run : Run

    Notes
    -----
    Kuramoto (1975). An amplitude counts by its phase alone; one of zero does not count.

    Examples
    --------
    >>> from circuitnn.oscillators.phase_oscillators import PhaseOscillators
    >>> run = PhaseOscillators(4, f0=1e9).run(1e-9, 1e-10, start=[0.0, 0.0, 3.141592653589793, 0.0])
    >>> round(float(abs(order_parameter(run)[-1])), 9)
    0.5
    """
    _count(run)
    if "phase" in run.arrays:
        return np.asarray(np.exp(1j * run["phase"]).mean(axis=1))
    size = np.abs(run["c"])
    unit = np.divide(np.conj(run["c"]), size, out=np.zeros(size.shape, dtype=np.complex128), where=size > 0.0)
    return np.asarray(unit.mean(axis=1))


def _window(run: Run, window: tuple[float, float] | None) -> slice:
    start, stop = (run.time[len(run.time) // 2], run.time[-1]) if window is None else window
    slack = 1e-9 * abs(run.time[-1])
    first, last = np.searchsorted(run.time, [start - slack, stop + slack])
    if last - first < 2:
        raise UsageError(f"the window from {start:g} to {stop:g} s has fewer than two points",
                         expected=f"a part of {run.time[0]:g} to {run.time[-1]:g} s")  # fmt: skip
    return slice(int(first), int(last))


def mean_frequencies(run: Run, near: ArrayLike = 0.0, window: tuple[float, float] | None = None) -> Array:
    """Return the mean frequency of each oscillator between two times, Hz, (n,).

    Parameters
    ----------
    run : Run
    near : float or array (n,), Hz
        As in `phases`.
    window : (float, float), optional
        Seconds, both ends belong to it; the second half of the run when absent.

    Raises
    ------
    UsageError
        For a window with fewer than two points.

    Examples
    --------
    >>> from circuitnn.oscillators.auto_oscillators import AutoOscillators
    >>> pop = AutoOscillators(f0=300e6, shift=-60e6, damping=5e6, nonlinear_damping=2.0, current=2.0, frame=285e6)
    >>> round(float(mean_frequencies(pop.run(2e-6, 1e-9, start=0.5), near=285e6)[0]) / 1e6, 6)
    285.0
    """
    part = _window(run, window)
    found = phases(run, near)[part]
    time = run.time[part]
    return np.asarray(near + (found[-1] - found[0]) / (2.0 * np.pi * (time[-1] - time[0])))


def locked(
    run: Run, tones: ArrayLike, tolerance: float | None = None, window: tuple[float, float] | None = None
) -> NDArray[Any]:
    """Return for each oscillator the number of the tone whose frequency it has, (n,); -1 where it has none.

    Parameters
    ----------
    run : Run
    tones : array (k,), Hz
        Must lie nearer to the frequencies of amplitudes than half the rate of recorded points.
    tolerance : float, optional
        Hz: a mean frequency that is off by less is that of the tone. When absent, what half a turn in the window makes.
    window : (float, float), optional
        As in `mean_frequencies`; long enough that a slip of the phase falls into it.

    Examples
    --------
    Half ranges of 1 MHz about two tones; the third oscillator is 1.4 MHz away from both:

    >>> import numpy as np
    >>> from circuitnn.oscillators.phase_oscillators import PhaseOscillators
    >>> pop = PhaseOscillators(3, f0=[99.5e6, 102.9e6, 101.2e6], frame=100e6)
    >>> drive = [*pop.tone(2e6 * np.pi, 99.8e6), *pop.tone(2e6 * np.pi, 102.6e6)]
    >>> locked(pop.run(40e-6, 10e-9, start=0.0, drive=drive), [99.8e6, 102.6e6])
    array([ 0,  1, -1])
    """
    rates = np.atleast_1d(np.asarray(tones, dtype=np.float64))
    part = _window(run, window)
    if tolerance is None:
        tolerance = 0.5 / float(run.time[part][-1] - run.time[part][0])
    off = np.array([np.abs(mean_frequencies(run, rate, window) - rate) for rate in rates])
    best = off.argmin(axis=0)
    return np.where(off[best, np.arange(off.shape[1])] < tolerance, best, -1)
