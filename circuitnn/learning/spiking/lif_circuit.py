"""Layers of leaky integrate-and-fire neurons as a circuit for the general engine: rows, cells, capacitors, comparators."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuitnn.circuit.circuit import Circuit
from circuitnn.errors import UsageError
from circuitnn.learning.settings import number

Array = NDArray[np.float64]

#: Conductance of the largest weight, S; membrane capacitance, F; threshold and row pulse, V.
_G, _C, _THRESHOLD, _PULSE = 50e-6, 1e-12, 0.5, 0.2
#: Part of a step that an edge takes, and by which both sampling switches precede its end.
_EDGE, _SAMPLE = 1e-4, 0.01


def lif_circuit(weights: list[Array], spikes: Array, *, dt: float, tau_mem: float) -> Circuit:
    """Return the circuit of spiking layers without currents that last (alpha = 0), driven with one example's spikes.

    A row carries a pulse in the step of a spike. Its cells, a pair a weight, hold conductances in proportion to the
    positive and to the negative part; what the pair's lines carry at virtual ground is mirrored into the membrane, whose
    leak makes ``tau_mem``. Near the end of each step a comparator's decision is sampled and kept for the next one, in
    which a switch holds the membrane at 0 and the row of the next layer carries a pulse. The last layer has no
    comparators.

    Parameters
    ----------
    weights : list of ndarray, each (inputs, outputs)
        As in ``SurrogateGradient``: a spike raises a membrane by the weight, in units of the threshold.
    spikes : ndarray, shape (steps, inputs)
        1 where a row has a spike, else 0.
    dt, tau_mem : float, s

    Returns
    -------
    Circuit
        To be run from rest: ``tran(stop, uic=True)``. Membranes are the nodes ``u{layer}_{neuron}``, in units of 0.5 V, the state of step n at the time n dt; decisions
        ``s{layer}_{neuron}``, 1 V where the neuron fires.

    Raises
    ------
    UsageError
        If sizes do not fit.

    Examples
    --------
    >>> circuit = lif_circuit([np.array([[0.7]])], np.array([[1.0], [1.0], [0.0]]), dt=1e-3, tau_mem=10e-3)
    >>> tran = circuit.tran(stop=2e-3, uic=True)
    >>> round(float(tran["v(u0_0)"][-1]) / 0.5, 3), round(0.7 * float(np.exp(-0.1)) + 0.7, 3)
    (1.333, 1.333)
    """
    steps, rows = spikes.shape
    if rows != weights[0].shape[0] or any(a.shape[1] != b.shape[0] for a, b in zip(weights, weights[1:], strict=False)):
        raise UsageError(f"spikes of {rows} rows for weights {[w.shape for w in weights]}", expected="sizes that fit")
    number("dt", dt, 0.0, open_low=True)
    number("tau_mem", tau_mem, 0.0, open_low=True)
    circuit = Circuit("layers of integrate-and-fire neurons")
    circuit.add_text(
        ".model sampling sw(vt=0.5 vh=0 ron=1k roff=1e18)\n.model emptying sw(vt=0.5 vh=0 ron=1k roff=1e15)"
    )
    edge = _EDGE * dt
    # a decision is taken over from the membrane, then handed on
    for name, delay in (("take", 1.0 - _SAMPLE), ("hand", 1.0 - _SAMPLE / 2)):
        pulse = ("pulse", 0.0, 1.0, delay * dt, edge, edge, 0.4 * _SAMPLE * dt, dt)
        circuit.V(name, name, 0, dc=0.0, waveform=pulse)
    for i in range(rows):
        circuit.V(f"row{i}", f"r0_{i}", 0, dc=_PULSE * spikes[0, i], waveform=_row(spikes[:, i], dt, edge))
    for k, w in enumerate(weights):
        _layer(circuit, k, w, dt, tau_mem, fires=k < len(weights) - 1)
    return circuit


def _row(train: Array, dt: float, edge: float) -> tuple[str | float, ...]:
    points: list[float] = [0.0, _PULSE * train[0]]
    for n in range(1, len(train)):
        if train[n] != train[n - 1]:
            points += [n * dt, _PULSE * train[n - 1], n * dt + edge, _PULSE * train[n]]
    return ("pwl", *(float(p) for p in points), len(train) * dt, _PULSE * float(train[-1]))


def _layer(circuit: Circuit, k: int, w: Array, dt: float, tau_mem: float, *, fires: bool) -> None:
    largest = float(np.abs(w).max()) or 1.0
    # over a step, a current I raises the membrane by I R (1 - exp(-dt/tau)); R = tau / C
    leak = tau_mem / _C
    mirror = _THRESHOLD * largest / (_G * _PULSE * leak * -np.expm1(-dt / tau_mem))
    for j in range(w.shape[1]):
        for side, part in (("p", np.maximum(w[:, j], 0.0)), ("n", np.maximum(-w[:, j], 0.0))):
            circuit.V(f"{side}{k}_{j}", f"{side}{k}_{j}", 0, dc=0.0)
            for i in np.flatnonzero(part):
                circuit.R(f"{side}{k}_{i}_{j}", f"r{k}_{i}", f"{side}{k}_{j}", largest / (_G * float(part[i])))
        u, s = f"u{k}_{j}", f"s{k}_{j}"
        for side, sign in (("p", 1.0), ("n", -1.0)):
            circuit.F(f"{side}{k}_{j}", 0, u, f"v{side}{k}_{j}", sign * mirror)
        circuit.C(f"u{k}_{j}", u, 0, _C)
        circuit.R(f"u{k}_{j}", u, 0, leak)
        if not fires:
            continue
        circuit.B(f"c{k}_{j}", f"c{k}_{j}", 0, v=f"u(v({u})-{_THRESHOLD})")
        circuit.S(f"t{k}_{j}", f"c{k}_{j}", f"m{k}_{j}", "take", 0, "sampling")
        circuit.C(f"m{k}_{j}", f"m{k}_{j}", 0, 1e-15)
        circuit.E(f"m{k}_{j}", f"b{k}_{j}", 0, f"m{k}_{j}", 0, 1.0)
        circuit.S(f"h{k}_{j}", f"b{k}_{j}", s, "hand", 0, "sampling")
        circuit.C(f"s{k}_{j}", s, 0, 1e-15)
        circuit.S(f"e{k}_{j}", u, 0, s, 0, "emptying")
        circuit.E(f"r{k}_{j}", f"r{k + 1}_{j}", 0, s, 0, _PULSE)
