"""Pairs of phase-change cells: partial SET pulses that saturate and scatter, and RESET pulses that start anew."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.learning.cost import Cost
from circuitnn.learning.rule import copy_into, generator_state, set_generator_state
from circuitnn.learning.settings import number, whole
from circuitnn.learning.synapses._pulses import Pulses
from circuitnn.learning.synapses.synapse import SynapseKind, Synapses, line_volts, products

Array = NDArray[Any]


@dataclass(frozen=True)
class PcmPair(SynapseKind):
    """Weights as differences of two PCM cells that pulses crystallise step by step, one cell for each direction.

    A partial SET pulse adds ``g_step (1 - G / g_max) (1 + noise N(0, 1))``; a RESET pulse amorphises the cell, which
    leaves no conductance. Nothing lowers a conductance by steps: a weight falls as ``G-`` rises.

    Parameters
    ----------
    g_max : float, S
        Conductance at which a cell saturates; 25 uS is that of the model of Nandakumar et al. (ICECS 2019).
    g_step : float, S
        Step of a cell after RESET.
    noise : float
        Relative standard deviation of a step, anew at every pulse.
    step_spread : float
        Relative standard deviation of ``g_step`` from device to device.
    full : float
        Share of ``g_max`` above which a cell counts as full.
    slots : int
        Slots of time for the pulses of an update, at most 32.
    v_set, v_reset : float, V
    set_time, reset_time : float, s
        Pulses, for costs. Assumptions, of the order of published cells.

    Notes
    -----
    ``g_step``, ``noise``, ``step_spread`` and ``full`` are assumptions: some forty pulses from RESET to full,
    with steps that scatter by most of their size, as those of published cells do.

    I. Boybat et al., "Neuromorphic computing with multi-memristive synapses", Nature Communications 9, 2514 (2018), for
    the cells; G. W. Burr et al., IEEE Trans. Electron Devices 62, 3498 (2015), for training with pairs of them.

    Examples
    --------
    >>> held = PcmPair(noise=0.0, step_spread=0.0).build(np.array([[0.5, -0.25]]), np.random.default_rng(0))
    >>> bool(np.abs(held.weights - [[0.5, -0.25]]).max() <= 0.02)
    True
    """

    g_max: float = 25e-6
    g_step: float = 1e-6
    noise: float = 0.7
    step_spread: float = 0.2
    full: float = 0.8
    slots: int = 31
    v_set: float = 1.0
    v_reset: float = 2.0
    set_time: float = 50e-9
    reset_time: float = 20e-9

    def __post_init__(self) -> None:
        super().__post_init__()
        number("g_max", self.g_max, 0.0, open_low=True)
        number("g_step", self.g_step, 1e-4 * self.g_max, self.g_max)  # programming takes a pulse a step
        number("full", self.full, 0.0, 1.0, open_low=True)
        for name in ("noise", "step_spread", "v_set", "v_reset", "set_time", "reset_time"):
            number(name, getattr(self, name), 0.0)
        if whole("slots", self.slots) > 32:
            raise UsageError(f"slots is {self.slots}", expected="at most 32", names=["slots"])

    def build(
        self, weights: Array, rng: np.random.Generator, *, signed: bool = True, largest: float = 1.0
    ) -> PcmPairSynapses:
        """Return synapses; see ``SynapseKind.build``. Weights are programmed by pulses and reads.

        Raises
        ------
        UsageError
            When asked for weights of one sign: a cell cannot be lowered by steps.
        """
        if not signed:
            raise UsageError("PCM cells come in pairs", expected="weights of both signs")
        held = PcmPairSynapses(self, weights.shape, rng, number("largest", largest, 0.0, open_low=True))
        held.program(weights)
        return held


class PcmPairSynapses(Synapses):
    """Conductances of two cells a weight, in units of weight.

    Attributes
    ----------
    state : ndarray of float32, shape (2, inputs, outputs)
        G+ and G-, units of weight.
    scale : float
        Siemens a unit of weight.
    """

    signed = True

    def __init__(self, kind: PcmPair, shape: tuple[int, ...], rng: np.random.Generator, largest: float) -> None:
        self.kind, self.rng, self.cost = kind, rng, Cost()
        self.shape = shape  # type: ignore[assignment]
        self.scale = kind.g_max / largest
        self._largest = largest
        spread = np.maximum(1.0 + kind.step_spread * rng.standard_normal((2, *shape)), 0.1)
        self._step = (kind.g_step / self.scale * spread).astype(np.float32)
        self.state = np.zeros((2, *shape), np.float32)
        self._weights = np.zeros(shape, np.float32)
        # the kernel's law is  up (1 - m)  with m from -1 at RESET to 1 at saturation
        ends = {"low": np.zeros(shape, np.float32), "high": np.full(shape, largest, np.float32)}
        devices = [
            {
                "state": self.state[k],
                "up": 0.5 * self._step[k],
                "down": np.zeros(shape, np.float32),
                **ends,
                "slopes": (-1.0, 0.0),
                "table": None,
                "half": None,
                "energy": None,
                "noise": kind.noise,
                "falls": k,
                "only_up": 1,
            }
            for k in range(2)
        ]
        seed = int(rng.integers(2**63))
        step = kind.g_step / self.scale
        self._pulses = Pulses(devices, self._weights, None, "stochastic", kind.slots, True, False, step, seed, 1)

    @property
    def weights(self) -> Array:
        """Weights as a read finds them, shape (inputs, outputs)."""
        return self._weights

    def cells(self) -> Array:
        """Return conductances, S: pairs (G+, G-) side by side."""
        return np.moveaxis(self.state, 0, 2).reshape(self.shape[0], -1) * self.scale

    def fold(self, currents: Array) -> Array:
        """Return products from currents per volt."""
        return products(currents, self.scale)

    def spread(self, d: Array) -> Array:
        """Return volts of the bit lines for a transposed read."""
        return line_volts(d, self.scale)

    def update(self, x: Array, d: Array) -> None:
        """Send trains of pulses, an example after the other; where two meet, one cell of two crystallises by a step.

        In expectation, weights of cells after RESET change by ``x.T @ d``; ``refresh`` is up to the caller.
        """
        self._pulses.update(np.ascontiguousarray(x, np.float32), np.ascontiguousarray(d, np.float32))
        steps, sums, *_ = self._pulses.taken()
        self._count_set(sum(steps), sum(sums))

    def change(self, dW: Array) -> None:
        """Program each weight to what it is and ``dW`` more, with a read after each pulse."""
        self.program(self._weights + dW)

    def refresh(self) -> None:
        """RESET pairs of which a cell is full, and program the same weights again."""
        self.program(self._weights, np.any(self.state > self.kind.full * self._largest, axis=0))

    def program(self, weights: Array, restart: Array | None = None) -> None:
        """Bring weights, shape (inputs, outputs), to targets: closed loop, cell by cell.

        A pair of which the cell that is to rise would be full, or one of ``restart``, gets RESET pulses first. Then SET
        pulses raise one cell, each followed by a read, until less than half a step is missing or the target is passed.
        """
        weights = np.array(weights, np.float32)
        missing = weights - self._weights
        rising = np.where(missing > 0.0, self.state[0], self.state[1])
        reset = (missing != 0.0) & (rising + np.abs(missing) > self.kind.full * self._largest)
        if restart is not None:
            reset |= restart
        self._reset(reset)
        missing = weights - (self.state[0] - self.state[1])
        rows, cols = np.nonzero(missing)
        cell = ((missing[rows, cols] < 0.0).astype(np.intp), rows, cols)
        wanted = np.abs(missing[rows, cols])
        for _ in range(4 * round(self.kind.g_max / self.kind.g_step)):
            step = self._step[cell] * (1.0 - self.state[cell] / self._largest)
            open_ = wanted > 0.5 * step
            open_ &= self.state[cell] < 0.99 * self._largest
            if not open_.any():
                break
            cell = (cell[0][open_], cell[1][open_], cell[2][open_])
            before = self.state[cell]
            rise = step[open_] * (1.0 + self.kind.noise * self.rng.standard_normal(len(before), np.float32))
            self.state[cell] = np.clip(before + rise, 0.0, self._largest)
            self._count_set(len(before), float(before.sum()))
            self.cost.add("programming reads", len(before))
            wanted = wanted[open_] - (self.state[cell] - before)
        np.subtract(self.state[0], self.state[1], out=self._weights)

    def _count_set(self, pulses: float, before: float) -> None:
        """Add SET pulses to cells whose conductances, in units of weight, were ``before`` in sum."""
        kind = self.kind
        self.cost.add("set pulses", pulses, 0.0, kind.v_set**2 * kind.set_time * before * self.scale)

    def _reset(self, pairs: Array) -> None:
        kind = self.kind
        joules = kind.v_reset**2 * kind.reset_time * self.scale * float(self.state[:, pairs].sum())
        self.state[:, pairs] = 0.0
        self.cost.add("reset pulses", 2 * int(np.count_nonzero(pairs)), 0.0, joules)

    def arrays(self) -> dict[str, Array]:
        """Return conductances, steps, and the states of random numbers."""
        count = np.array([self._pulses.count], np.uint64)
        return {"state": self.state, "step": self._step, "count": count, "rng": generator_state(self.rng)}

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a stored state of synapses that were built alike."""
        copy_into(self.state, arrays["state"], "state")
        if np.any(self.state < 0.0) or np.any(self.state > 1.0001 * self._largest):
            raise UsageError("a stored state lies outside the range of its device")
        np.subtract(self.state[0], self.state[1], out=self._weights)
        self._pulses.count = int(arrays["count"][0])
        set_generator_state(self.rng, arrays["rng"])


EXPORT = PcmPair
