"""Memristors behind transistors whose gate voltage during SET says how conductive they become (Li et al. 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.learning.cost import Cost
from circuitnn.learning.rule import copy_into, generator_state, set_generator_state
from circuitnn.learning.settings import number
from circuitnn.learning.synapses.synapse import SynapseKind, Synapses, line_volts, products

Array = NDArray[Any]


@dataclass(frozen=True)
class Gated(SynapseKind):
    """1T1R cells that two pulses set, blindly, to what a table of gate voltages says.

    A SET pulse forms the filament until the transistor limits the current, so that it leaves the conductance
    ``G = g_low + slope (V_gate - gate_min)``, whatever it was below that; one that is to fall gets a RESET pulse first.
    Software keeps ``V_gate`` of every cell and adds to it what a conductance is to change by; nothing is verified. A
    weight is a pair of cells, and each takes half of a change.

    Parameters
    ----------
    gate_min, gate_max : float, V
        Limits of the table.
    slope : float, S/V
        Of the conductance over the gate voltage. The group's published program takes 98 uS/V
        (github.com/zhongruiwang/memristorCNN, ``backend/xbar_v5.m``, as are ``v_set``, ``v_reset`` and ``gate_reset``).
    g_low : float, S
        Conductance at ``gate_min``.
    noise : float, S
        Standard deviation of the conductance that a SET leaves, anew at every pulse. An assumption.
    slope_spread : float
        Relative standard deviation of ``slope`` from device to device. An assumption.
    gate_spread : float, V
        Standard deviation of ``gate_min`` from device to device. An assumption.
    stuck_low, stuck_high, stuck_random : float
        Shares of devices that no pulse moves: at ``g_low``, at the highest conductance, anywhere between.
    v_set, v_reset : float, V
        Amplitudes of the pulses.
    set_time, reset_time : float, s
        Their widths. Assumptions: the publication's were set by its measuring equipment.

    Notes
    -----
    Costs: a pulse takes ``v^2 G t``, with G after SET and before RESET; word lines are written one after the other.

    C. Li et al., "Efficient and self-adaptive in-situ learning in multilayer memristor neural networks", Nature
    Communications 9, 2385 (2018).

    Examples
    --------
    >>> kind = Gated(noise=0.0, slope_spread=0.0, gate_spread=0.0)
    >>> held = kind.build(np.array([[0.5, -0.25]]), np.random.default_rng(0))
    >>> held.change(np.array([[-0.125, 0.0]]))
    >>> held.weights.round(9).tolist(), held.gate[0, 0].round(6).tolist()
    ([[0.375, -0.25]], [1.2875, 0.9125])
    >>> held.cost.count("set pulses"), held.cost.count("reset pulses")
    (6.0, 5.0)
    """

    gate_min: float = 0.6
    gate_max: float = 1.6
    slope: float = 98e-6
    g_low: float = 2e-6
    noise: float = 1e-6
    slope_spread: float = 0.05
    gate_spread: float = 0.02
    stuck_low: float = 0.0
    stuck_high: float = 0.0
    stuck_random: float = 0.0
    v_set: float = 2.5
    v_reset: float = 1.7
    set_time: float = 100e-9
    reset_time: float = 100e-9

    def __post_init__(self) -> None:
        super().__post_init__()
        number("gate_min", self.gate_min)
        number("gate_max", self.gate_max, self.gate_min, open_low=True)
        number("slope", self.slope, 0.0, open_low=True)
        for name in ("g_low", "noise", "slope_spread", "gate_spread", "v_set", "v_reset", "set_time", "reset_time"):
            number(name, getattr(self, name), 0.0)
        for name in ("stuck_low", "stuck_high", "stuck_random"):
            number(name, getattr(self, name), 0.0, 1.0)
        if self.stuck_low + self.stuck_high + self.stuck_random > 1.0:
            raise UsageError("more devices are stuck than there are", expected="shares with a sum of at most 1")

    def build(
        self, weights: Array, rng: np.random.Generator, *, signed: bool = True, largest: float = 1.0
    ) -> GatedSynapses:
        """Return synapses; see ``SynapseKind.build``. Every device is RESET, then SET to its weight."""
        return GatedSynapses(self, weights, rng, signed, number("largest", largest, 0.0, open_low=True))


class GatedSynapses(Synapses):
    """A table of gate voltages, the devices that they have written, and which of those are stuck.

    Attributes
    ----------
    gate : ndarray, shape (inputs, outputs, 2) or (inputs, outputs, 1), V
        The table.
    conductance : ndarray, the same shape, S
    stuck : ndarray of bool, the same shape
    """

    def __init__(self, kind: Gated, weights: Array, rng: np.random.Generator, signed: bool, largest: float) -> None:
        self.kind, self.signed, self.rng, self.cost = kind, signed, rng, Cost()
        self.shape = weights.shape
        self._dtype = weights.dtype
        self._span = kind.gate_max - kind.gate_min
        self._scale = kind.slope * self._span / largest  # S a unit of weight
        if not signed and np.any(weights < 0.0):
            raise UsageError("negative weights for synapses of one conductance", expected="weights of at least 0")
        shape = (*self.shape, 2 if signed else 1)
        self._slope = kind.slope * np.maximum(1.0 + kind.slope_spread * rng.standard_normal(shape), 0.0)
        self._shift = kind.gate_spread * rng.standard_normal(shape)
        lot, between = rng.random(shape), kind.g_low + kind.slope * self._span * rng.random(shape)
        low, high = kind.stuck_low, kind.stuck_low + kind.stuck_high
        self.stuck = lot < high + kind.stuck_random
        self.conductance = np.where(lot < low, kind.g_low, np.where(lot < high, self._g_high, between))
        self.gate = np.full(shape, kind.gate_min)
        sign = np.array([0.5, -0.5]) if signed else np.array([1.0])
        start = kind.gate_min + (0.5 * self._span if signed else 0.0)
        self._write(start + self._volts(weights[..., None].astype(np.float64) * sign), np.full(shape, True))

    @property
    def _g_high(self) -> float:
        return self.kind.g_low + self.kind.slope * self._span

    def _volts(self, weights: Array) -> Array:
        return np.asarray(weights * (self._scale / self.kind.slope))

    @property
    def weights(self) -> Array:
        """Weights as a read finds them, shape (inputs, outputs)."""
        g = self.conductance
        plain = g[..., 0] - g[..., 1] if self.signed else g[..., 0] - self.kind.g_low
        return np.asarray(plain / self._scale, self._dtype)

    def cells(self) -> Array:
        """Return conductances, S: pairs (G+, G-) side by side, or one a weight."""
        return self.conductance.reshape(self.shape[0], -1).copy()

    def fold(self, currents: Array) -> Array:
        """Return products from currents per volt; those of single conductances keep the offset of ``g_low``."""
        return products(currents, self._scale, signed=self.signed)

    def spread(self, d: Array) -> Array:
        """Return volts of the bit lines for a transposed read."""
        return line_volts(d, self._scale, signed=self.signed)

    def change(self, dW: Array) -> None:
        """Move the table by half of ``dW`` each way, and write the cells of which it moved."""
        sign = np.array([0.5, -0.5]) if self.signed else np.array([1.0])
        volts = self._volts(np.asarray(dW, np.float64)[..., None] * sign)
        self._write(self.gate + volts, volts < 0.0)

    def _write(self, gate: Array, lower: Array) -> None:
        """Give each device whose gate voltage changes a SET pulse, after a RESET pulse where it is to get ``lower``."""
        kind = self.kind
        gate = np.clip(gate, kind.gate_min, kind.gate_max)
        written = lower | (gate != self.gate)
        self.gate = gate
        meant = kind.g_low + self._slope * (gate - kind.gate_min - self._shift)
        meant = np.maximum(meant + kind.noise * self.rng.standard_normal(gate.shape), 0.0)
        before = self.conductance
        after = np.where(lower, meant, np.maximum(before, meant))
        self.conductance = np.where(written & ~self.stuck, after, before)
        self._count("set pulses", written, self.conductance, kind.v_set, kind.set_time)
        self._count("reset pulses", lower, before, kind.v_reset, kind.reset_time)

    def _count(self, name: str, pulsed: Array, conductance: Array, volts: float, seconds: float) -> None:
        rows = int(np.count_nonzero(pulsed.any(axis=(1, 2))))
        joules = volts * volts * seconds * float(np.sum(conductance, where=pulsed))
        self.cost.add(name, int(np.count_nonzero(pulsed)), rows * seconds, joules)

    def arrays(self) -> dict[str, Array]:
        """Return the table, conductances, devices and the state of random numbers."""
        found = {"gate": self.gate, "conductance": self.conductance, "stuck": self.stuck}
        return found | {"slope": self._slope, "shift": self._shift, "rng": generator_state(self.rng)}

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a stored state."""
        for name, target in (
            ("gate", self.gate),
            ("conductance", self.conductance),
            ("stuck", self.stuck),
            ("slope", self._slope),
            ("shift", self._shift),
        ):
            copy_into(target, arrays[name], name)
        if np.any(self.conductance < 0.0):
            raise UsageError("a stored conductance is negative")
        set_generator_state(self.rng, arrays["rng"])


EXPORT = Gated
