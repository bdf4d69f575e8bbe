"""A layer of neurons that fire once as a circuit: pulses of fixed charge on rows, columns that charge capacitors."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.circuit.circuit import Circuit

Array = NDArray[Any]


def spike_layer(
    weights: Array,
    times: Array,
    *,
    tick: float = 10e-9,
    v_pulse: float = 0.2,
    siemens: float = 1e-6,
    capacitance: float = 1e-12,
) -> Circuit:
    """Return a layer as a circuit, whose nodes ``v0``, ``v1``, ... are the potentials of its neurons.

    Row ``i`` gets a pulse of ``v_pulse`` in the step ``times[i]`` of the clock, whose edges last a thousandth of it. A
    positive weight is a conductance to the positive line of its column and a negative one to the negative line; both
    lines are held at ground, and the difference of their currents is mirrored into the neuron's capacitor.

    Parameters
    ----------
    weights : ndarray, shape (inputs, outputs)
    times : ndarray, shape (inputs,)
        Steps; a row whose step is above those simulated never gets its pulse.
    tick : float, s
    v_pulse : float, V
    siemens : float, S
        Conductance of the weight 1.
    capacitance : float, F

    Notes
    -----
    A weight of 1 adds ``v_pulse siemens tick / capacitance`` volts (see ``volts``).

    Examples
    --------
    >>> c = spike_layer(np.array([[1.0], [-0.5]]), np.array([0, 2]))
    >>> v = c.tran(stop=40e-9, max_step=1e-9)["v(v0)"]
    >>> round(float(v[-1] / volts()), 6)
    0.5
    """
    c = Circuit("neurons that fire once")
    edge = 1e-3 * tick
    for i, row in enumerate(weights):
        # from half an edge before the step to half an edge after it, so that the charge is v_pulse tick
        start = times[i] * tick + edge
        c.V(f"row{i}", f"x{i}", 0, 0.0, waveform=("pulse", 0.0, v_pulse, start, edge, edge, tick - edge))
        for j in np.flatnonzero(row):
            c.R(f"{i}_{j}", f"x{i}", f"{'p' if row[j] > 0.0 else 'n'}{j}", 1.0 / (abs(row[j]) * siemens))
    for k in range(weights.shape[1]):
        c.V(f"p{k}", f"p{k}", 0, 0.0)
        c.V(f"n{k}", f"n{k}", 0, 0.0)
        c.C(f"{k}", f"v{k}", 0, capacitance, ic=0.0)
        c.R(f"leak{k}", f"v{k}", 0, 1e15)  # a way to ground for the operating point
        c.F(f"p{k}", 0, f"v{k}", f"vp{k}", 1.0)
        c.F(f"n{k}", f"v{k}", 0, f"vn{k}", 1.0)
    return c


def volts(*, tick: float = 10e-9, v_pulse: float = 0.2, siemens: float = 1e-6, capacitance: float = 1e-12) -> float:
    """Return the volts that a weight of 1 adds to a capacitor of ``spike_layer``."""
    return v_pulse * siemens * tick / capacitance


def crossings(time: Array, potentials: Array, threshold: float) -> Array:
    """Return when each potential is first above a threshold, straight lines between points; infinity where it never is.

    Parameters
    ----------
    time : ndarray, shape (points,)
    potentials : ndarray, shape (points, neurons)
    threshold : float

    Examples
    --------
    >>> crossings(np.array([0.0, 1.0, 2.0]), np.array([[0.0, 0.0], [1.0, 0.0], [4.0, 1.0]]), 2.5).tolist()
    [1.5, inf]
    """
    found = np.full(potentials.shape[1], np.inf)
    for j in np.flatnonzero((potentials > threshold).any(axis=0)):
        k = int(np.argmax(potentials[:, j] > threshold))
        if k == 0:
            found[j] = time[0]
            continue
        low, high = potentials[k - 1, j], potentials[k, j]
        found[j] = time[k - 1] + (threshold - low) / (high - low) * (time[k] - time[k - 1])
    return found
