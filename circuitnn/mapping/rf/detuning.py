"""Wanted weights as detunings: least squares over all resonators and tones of a chain, so that crosstalk is undone."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from circuitnn.mapping.rf.resonators import Resonators, head_to_tail

Array = NDArray[np.float64]
ITERATIONS = 60
#: Resonators stay within this many half line widths of their tone, or of half its distance to the next if that is less.
REACH = 3.0


class Tuned(NamedTuple):
    """Frequencies of chains (chains, resonators), Hz, and residual weights (chains, inputs), V/W."""

    resonances: Array
    residual: Array


def alone(resonators: Resonators, tones: Array, wanted: Array, per_input: int) -> Array:
    """Return the frequencies of a chain that would give the weights were there no crosstalk.

    A resonator at f_r = f/(1 + a y) weighs its tone with s K 2 y/(1 + y^2); the branch |y| <= 1 is taken. Two of them,
    one of each sign, take y and -y and share the weight.

    Examples
    --------
    >>> r, tones = Resonators(), np.array([1e8])
    >>> f = alone(r, tones, np.array([0.8 * r.sensitivity]), 1)
    >>> round(float(r.line(tones, f)[0]) / r.sensitivity, 9)
    0.8
    """
    share = np.repeat(wanted / (per_input * resonators.sensitivity), per_input)
    u = np.clip(head_to_tail(len(share)) * share, -0.98, 0.98)
    y = u / (1.0 + np.sqrt(1.0 - u * u))
    return np.asarray(np.repeat(tones, per_input) / (1.0 + resonators.damping * y))


def tune(resonators: Resonators, tones: Array, wanted: Array, per_input: int, tolerance: float) -> Tuned:
    """Return frequencies whose effective weights, crosstalk included, are those wanted as nearly as can be.

    Levenberg's method, chain by chain, on detunings in half line widths: as many unknowns as weights, or twice as many
    with pairs, of which the shortest step is taken. It starts from ``alone``.

    Parameters
    ----------
    resonators : Resonators
    tones : ndarray, shape (inputs,), Hz
    wanted : ndarray, shape (chains, inputs), V/W
    per_input : int
        Resonators a tone in each chain: 1 or 2.
    tolerance : float, V/W
        A chain is done when no weight is further off.
    """
    centres = np.repeat(tones, per_input)
    unit = resonators.damping * centres
    found = np.empty((len(wanted), len(centres)))
    residual = np.empty_like(wanted)
    for chain, goal in enumerate(wanted):
        f = alone(resonators, tones, goal, per_input)
        error = goal - resonators.weights(tones, f[None])[0]
        damping = 1e-3
        for _ in range(ITERATIONS):
            if np.abs(error).max() <= tolerance:
                break
            slopes = resonators.jacobian(tones, f) * unit / resonators.sensitivity
            # The dual form of (J'J + l I) d = J'e costs a system of as many unknowns as weights.
            system = slopes @ slopes.T
            while damping < 1e6:
                step = slopes.T @ np.linalg.solve(system + damping * np.eye(len(goal)), error / resonators.sensitivity)
                trial = f + unit * np.clip(step, -0.5, 0.5)
                trial = np.clip(trial, centres - REACH * unit, centres + REACH * unit)
                off = goal - resonators.weights(tones, trial[None])[0]
                if off @ off < error @ error:
                    f, error, damping = trial, off, max(0.2 * damping, 1e-12)
                    break
                damping *= 5.0
            else:
                break
        found[chain], residual[chain] = f, error
    return Tuned(found, residual)
