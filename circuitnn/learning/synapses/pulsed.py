"""Devices that take steps: rank-one updates by pulses on rows and columns; laws, spread and noise of the cells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar.stored import thread_count
from circuitnn.errors import ConvergenceError, UsageError
from circuitnn.learning.cost import Cost
from circuitnn.learning.rule import copy_into
from circuitnn.learning.settings import number, one_of, whole
from circuitnn.learning.synapses._pulses import Pulses
from circuitnn.learning.synapses.synapse import SynapseKind, Synapses, line_volts, products

Array = NDArray[Any]

UPDATES = ("stochastic", "deterministic", "sign")
LAWS = ("linear", "soft", "exponential")
PAIRS = ("reference", "opposed", "alternate")
_FRESH = 1024  # updates for which the mean conductance is good enough for energies of half-selected devices


@dataclass(frozen=True)
class Pulsed(SynapseKind):
    """Devices of a finite range that pulses move in steps; the defaults are the baseline of Gokmen and Vlasov.

    Parameters
    ----------
    steps : float
        Steps that cross the range: of the mean device, or, of soft bounds, with the size that they have in its middle.
    law : {"linear", "soft", "exponential"}
        How a step depends on the place m in the range, from -1 to 1: not at all; up (1 - m) and down (1 + m); or as
        ``nonlinearity`` says. Of devices with a reference, m is 0 where the weight is, whatever its bounds.
    nonlinearity : float
        Range over decay constant, n_max / A, of ``G(n) = B (1 - exp(-n / A)) + G_min`` and its mirror image downwards
        (NeuroSim; Chen, Peng and Yu, IEEE TCAD 37, 3067 (2018)): steps in proportion to 1 -+ m tanh(nonlinearity / 2).
    noise : float
        Standard deviation of a step from pulse to pulse, of its size.
    spread, bound_spread : float
        Standard deviations of step and bounds from device to device, of their mean.
    asymmetry : float
        Steps up are 1 + asymmetry times the mean, steps down 1 - asymmetry.
    asymmetry_spread : float
        Standard deviation of the asymmetry from device to device.
    stuck_low, stuck_high : float
        Parts of the devices that stay at the lower or at the upper end of the range.
    retention : float, s
        Time constant with which states relax to ``rest``; 0: they stay.
    rest : float
        Place in the range, from -1 to 1, to which they do.
    update : {"stochastic", "deterministic", "sign"}
        Coincidences of random trains; time times amplitude; one step along the sign.
    slots : int
        Of a random train, at most 32.
    manage : bool
        Make trains as short as the largest change allows, and let both drivers of it fire equally often.
    partial : bool
        Let deterministic pulses end with a part of a step, instead of rounding at random to whole ones.
    pair : {"reference", "opposed", "alternate"}
        What is taken off a signed weight's device: a reference that stays; a second device that takes the opposite
        steps; a second one that takes up-steps where the weight is to fall, as devices do that have no gradual reset.
    g_min, g_max : float, S
        Ends of the range.
    volts : float, V
        Of a pulse that moves a device; halves of it come from row and column.
    width : float, s
        Of a pulse.

    Notes
    -----
    Baseline (Gokmen and Vlasov, Frontiers in Neuroscience 10, 333 (2016)): steps of 0.001 in +-0.6, noise, spread and
    spread of bounds 30 %, asymmetry spread 2 %. Conductances and pulses are those of the ``hfo2`` card, 1 V for 50 ns.

    Energies are ``volts**2 * G * width`` for each step, with the device's conductance before it, and a quarter of that
    with the mean conductance for each pulse that a device sees from its row or its column alone.

    Examples
    --------
    >>> kind = Pulsed(steps=100, noise=0, spread=0, bound_spread=0, asymmetry_spread=0, update="sign")
    >>> w = kind.build(np.zeros((2, 3)), np.random.default_rng(0))
    >>> w.update(np.array([[1.0, 0.0]]), np.array([[0.3, 0.0, -0.1]]))
    >>> w.weights.astype(float).round(6).tolist(), w.cost.pulses
    ([[0.02, 0.0, -0.02], [0.0, 0.0, 0.0]], 2.0)
    """

    steps: float = 1200.0
    law: str = "linear"
    nonlinearity: float = 0.0
    noise: float = 0.3
    spread: float = 0.3
    bound_spread: float = 0.3
    asymmetry: float = 0.0
    asymmetry_spread: float = 0.02
    stuck_low: float = 0.0
    stuck_high: float = 0.0
    retention: float = 0.0
    rest: float = 0.0
    update: str = "stochastic"
    slots: int = 31
    manage: bool = True
    partial: bool = False
    pair: str = "reference"
    g_min: float = 1e-6
    g_max: float = 100e-6
    volts: float = 1.0
    width: float = 50e-9

    def __post_init__(self) -> None:
        super().__post_init__()
        number("steps", self.steps, 1.0)
        for name in ("noise", "spread", "bound_spread", "asymmetry_spread", "retention", "g_min", "nonlinearity"):
            number(name, getattr(self, name), 0.0)
        for name in ("volts", "width"):
            number(name, getattr(self, name), 0.0, open_low=True)
        number("g_max", self.g_max, self.g_min, open_low=True)
        number("asymmetry", self.asymmetry, -1.0, 1.0)
        number("rest", self.rest, -1.0, 1.0)
        number("stuck_low", self.stuck_low, 0.0, 1.0)
        number("stuck_high", self.stuck_high, 0.0, 1.0 - self.stuck_low)
        one_of("law", self.law, LAWS)
        one_of("update", self.update, UPDATES)
        one_of("pair", self.pair, PAIRS)
        if whole("slots", self.slots) > 32:
            raise UsageError(f"slots is {self.slots}", expected="at most 32", names=["slots"])
        if self.nonlinearity and self.law != "exponential":
            raise UsageError(
                f"nonlinearity of the law {self.law!r}", expected="law=exponential", names=["nonlinearity"]
            )

    @property
    def slope(self) -> float:
        """How much smaller a step is at the end of the range that it leads to than in the middle, from 0 to 1."""
        return {"linear": 0.0, "soft": 1.0, "exponential": math.tanh(0.5 * self.nonlinearity)}[self.law]

    @property
    def stride(self) -> float:
        """Step in the middle of the range, of the range."""
        nu = self.nonlinearity
        if self.law != "exponential" or nu == 0.0:
            return 1.0 / self.steps
        return 0.5 / math.tanh(0.5 * nu) * -math.expm1(-nu / self.steps)

    def build(
        self, weights: Array, rng: np.random.Generator, *, signed: bool = True, largest: float = 1.0
    ) -> PulsedSynapses:
        """Return synapses; see ``SynapseKind.build``. Devices hold weights outside their range as near as they can."""
        return PulsedSynapses(self, weights, rng, signed, largest)


class Steps(NamedTuple):
    """Steps over the range of a device, evenly from its lower to its upper end, instead of a law.

    Each has two rows, up and down, of as many nodes.

    Attributes
    ----------
    size : ndarray
        Of a step, of the mean device's.
    half : ndarray, optional
        Of what half a pulse does, of the range.
    joules : ndarray, optional
        Energy of a step, J.
    """

    size: Array
    half: Array | None = None
    joules: Array | None = None


class PulsedSynapses(Synapses):
    """Weights of devices that pulses move.

    Parameters
    ----------
    kind : Pulsed
    weights : ndarray, shape (inputs, outputs)
    rng : numpy.random.Generator
    signed : bool
    largest : float
    steps : Steps, optional
        Instead of the law of the kind.

    Attributes
    ----------
    step : float
        Change of a weight by a step of each of its devices in the middle of the range.
    """

    def __init__(
        self,
        kind: Pulsed,
        weights: Array,
        rng: np.random.Generator,
        signed: bool,
        largest: float,
        steps: Steps | None = None,
    ) -> None:
        largest = number("largest", largest, 0.0, open_low=True)
        given = np.array(weights, np.float32, order="C")
        if given.ndim != 2 or not given.size or not np.isfinite(given).all():
            raise UsageError(f"weights of shape {given.shape}", expected="finite numbers, (inputs, outputs)")
        if not signed and np.any(given < 0.0):
            raise UsageError("negative weights for synapses of one conductance", expected="weights of at least 0")
        self.shape = given.shape
        self.signed = signed
        self.cost = Cost()
        self._kind = kind
        self._paired = signed and kind.pair != "reference"
        low, high = (-largest, largest) if signed and not self._paired else (0.0, largest)
        self._scale = (kind.g_max - kind.g_min) / (high - low)
        self._offset = kind.g_min - low * self._scale
        stride = kind.stride * (high - low)
        self.step = 2.0 * stride if self._paired and kind.pair == "opposed" else stride
        wanted = [given]
        if self._paired:  # opposed steps need room on both sides
            rise = np.maximum(given, 0.0) if kind.pair == "alternate" else 0.5 * (largest + given)
            wanted = [rise, rise - given]
        self._devices = [
            self._device(rng, first, stride, (low, high), steps, falls=k == 1) for k, first in enumerate(wanted)
        ]
        self._states = [device["state"] for device in self._devices]
        self._rest: Array | None = None
        self._weights = self._states[0] - self._states[1] if self._paired else self._states[0]
        self._seed = int(rng.integers(0, 2**64, dtype=np.uint64))
        self._pulses = self._driver()
        ends = [np.float32(np.abs(device[end]).max()) for device in self._devices for end in ("low", "high")]
        self._most = np.float32(min(4.0 * float(max(ends)), 2.0**24 * self.step))
        self._mean, self._mean_at = 0.0, -1

    def _device(
        self,
        rng: np.random.Generator,
        state: Array,
        stride: float,
        ends: tuple[float, float],
        steps: Steps | None,
        falls: bool,
    ) -> dict[str, Any]:
        """Draw devices of a mean step and range, and let them hold states as near as they can."""
        kind, shape = self._kind, self.shape
        low, high = ends
        stuck = rng.random(shape) if kind.stuck_low or kind.stuck_high else None

        def single(values: Array) -> Array:
            return np.ascontiguousarray(values, np.float32)

        def spread(mean: float, deviation: float) -> Array:
            drawn = mean * (1.0 + deviation * rng.standard_normal(shape)) if deviation else np.full(shape, mean)
            return np.asarray(np.maximum(drawn * np.sign(mean), 0.0) * np.sign(mean))

        own = kind.spread or kind.bound_spread or kind.asymmetry_spread or stuck is not None
        mean = spread(stride, kind.spread)
        uneven = np.clip(kind.asymmetry + kind.asymmetry_spread * rng.standard_normal(shape), -1.0, 1.0)
        lows, highs = spread(low, kind.bound_spread), spread(high, kind.bound_spread)
        least = 1e-3 * (high - low)  # an end that spread took to the middle of the range
        lows, highs = np.minimum(lows, -least if low < 0.0 else low), np.maximum(highs, least)
        held = np.clip(state, lows, highs)
        up, down = mean * (1.0 + uneven), mean * (1.0 - uneven)
        if stuck is not None:
            at_low, at_high = stuck < kind.stuck_low, stuck >= 1.0 - kind.stuck_high
            held = np.where(at_low, lows, np.where(at_high, highs, held))
            moves = ~(at_low | at_high)
            up, down = up * moves, down * moves
        numbers = {"up": up, "down": down, "low": lows, "high": highs}
        return {
            "state": single(held),
            **{k: single(v if own else v[:1, :1]) for k, v in numbers.items()},
            "slopes": (-kind.slope, kind.slope),
            "about_zero": low < 0.0,
            "table": None if steps is None else single(steps.size),
            "half": None
            if steps is None or steps.half is None or not steps.half.any()
            else single(steps.half * (high - low)),
            "energy": None if steps is None or steps.joules is None else single(steps.joules),
            "noise": kind.noise,
            "falls": falls,
            "only_up": self._paired and kind.pair == "alternate",
        }

    def _driver(self) -> Pulses:
        kind = self._kind
        return Pulses(
            self._devices,
            None if self._weights is self._states[0] else self._weights,
            self._rest,
            kind.update,
            kind.slots,
            kind.manage,
            kind.partial,
            self.step,
            self._seed,
            thread_count(self._weights.size),
        )

    @property
    def weights(self) -> Array:
        """Weights as a read finds them, shape (inputs, outputs), float32."""
        return self._weights

    def cells(self) -> Array:
        """Return conductances, S: pairs side by side, a device and its reference or two devices; or one a weight."""
        mine = self._offset + self._scale * self._states[0].astype(np.float64)
        if not self.signed:
            return mine
        rest = self._states[1] if self._paired else np.zeros(self.shape) if self._rest is None else self._rest
        other = self._offset + self._scale * rest.astype(np.float64)
        return np.stack([mine, other], axis=2).reshape(self.shape[0], -1)

    def fold(self, currents: Array) -> Array:
        """Return products from currents per volt; of single conductances, with their offset."""
        return products(currents, self._scale, signed=self.signed)

    def spread(self, d: Array) -> Array:
        """Return volts of the bit lines for a transposed read."""
        return line_volts(d, self._scale, signed=self.signed)

    def update(self, x: Array, d: Array) -> None:
        """Change weights by ``x.T @ d``, sample after sample, with pulses on rows and columns.

        Raises
        ------
        ConvergenceError
            When a number is not finite.
        """
        x, d = (np.ascontiguousarray(a, np.float32) for a in (x, d))
        if not (math.isfinite(float(x.sum())) and math.isfinite(float(d.sum()))):
            raise ConvergenceError("an update with numbers that are not finite", hint="a lower rate")
        self._pulses.update(x, d)
        self._count(side_by_side=True)

    def change(self, dW: Array) -> None:
        """Change every weight by steps of its own, one device after the other."""
        dW = np.ascontiguousarray(dW, np.float32)
        if not math.isfinite(float(dW.sum())):
            raise ConvergenceError("a change with numbers that are not finite", hint="a lower rate")
        # no device needs more than its range; float32 does not count more steps than 2^24
        self._pulses.change(np.clip(dW, -self._most, self._most))
        self._count(side_by_side=False)

    def _count(self, side_by_side: bool) -> None:
        kind = self._kind
        steps, charge, half, slots, _ = self._pulses.taken()
        taken = sum(steps)
        if half and (self._mean_at < 0 or self._pulses.count >= self._mean_at + _FRESH):
            means = [float(state.mean(dtype=np.float64)) for state in self._states]
            self._mean, self._mean_at = self._offset + self._scale * sum(means) / len(means), self._pulses.count
        quantum = kind.volts**2 * kind.width
        joules = 0.25 * quantum * half * self._mean
        if self._devices[0]["energy"] is not None:
            joules += sum(charge)
        else:
            joules += quantum * (self._offset * taken + self._scale * sum(charge))
        # all steps up of a row and column come first, then all steps down
        seconds = 2.0 * slots * kind.width if side_by_side else taken * kind.width
        self.cost.add("pulses", taken, seconds, joules)

    def pass_time(self, seconds: float) -> None:
        """Let states relax towards the place of rest in their range; stuck devices stay."""
        number("seconds", seconds, 0.0)
        if not self._kind.retention:
            return
        part = -math.expm1(-seconds / self._kind.retention)
        for device in self._devices:
            low, high = device["low"], device["high"]
            moves = (device["up"] > 0.0) | (device["down"] > 0.0)
            device["state"] += part * moves * (0.5 * (low + high + self._kind.rest * (high - low)) - device["state"])
        self._read_out()

    def symmetry_points(self) -> Array:
        """Return the states at which steps up and down of each device are equally large, shape (inputs, outputs).

        Of a linear law, where it is nowhere or everywhere, the weight 0.
        """
        device, slope = self._devices[0], self._kind.slope
        up, down, low, high = (device[k].astype(np.float64) for k in ("up", "down", "low", "high"))
        if device["table"] is not None or not device["about_zero"]:
            # up (1 - slope m) = down (1 + slope m)
            both = slope * (up + down)
            m = np.clip(np.divide(up - down, both, out=np.zeros_like(both), where=both > 0.0), -1.0, 1.0)
            if device["table"] is not None:
                m = np.full_like(both, self._table_symmetry(device["table"]))
            return np.broadcast_to(0.5 * (low + high + m * (high - low)), self.shape).copy()
        # up (1 - slope w / high) = down (1 - slope w / low)
        both = slope * (up / high - down / low)
        found = np.divide(up - down, both, out=np.zeros_like(both), where=both > 0.0)
        return np.broadcast_to(np.clip(found, low, high), self.shape).copy()

    @staticmethod
    def _table_symmetry(table: Array) -> float:
        difference = table[0] - table[1]
        crossing = np.flatnonzero(np.signbit(difference[1:]) != np.signbit(difference[:-1]))
        if not len(crossing):
            return 0.0
        k = int(crossing[0])
        node = k + float(difference[k] / (difference[k] - difference[k + 1]))
        return 2.0 * node / (table.shape[1] - 1) - 1.0

    def shift_to_symmetry(self) -> None:
        """Program the references to the devices' symmetry points, which become the weights 0 (zero shifting).

        Devices are brought there too: what one finds after many alternating pulses (Kim et al., arXiv 1907.10228).

        Raises
        ------
        UsageError
            Without references.
        """
        if self._paired or not self.signed:
            raise UsageError("synapses without a reference have no zero to shift", expected="signed, pair=reference")
        self._rest = np.ascontiguousarray(self.symmetry_points(), np.float32)
        self._states[0][...] = np.clip(self._rest, self._devices[0]["low"], self._devices[0]["high"])
        self._weights = self._states[0] - self._rest
        count = self._pulses.count
        self._pulses = self._driver()
        self._pulses.count = count

    def _read_out(self) -> None:
        if self._weights is not self._states[0]:
            other = self._states[1] if self._rest is None else self._rest
            np.subtract(self._states[0], other, out=self._weights)

    def arrays(self) -> dict[str, Array]:
        """Return states, references and the count on which random numbers depend; devices follow from the seed."""
        found = {f"state{k}": state for k, state in enumerate(self._states)}
        if self._rest is not None:
            found["rest"] = self._rest
        if self._pulses.seen is not None:
            found |= {"seen": self._pulses.seen, "seen_samples": np.array([self._pulses.seen_samples])}
        return found | {
            "count": np.array([self._pulses.count], np.uint64),
            "seed": np.array([self._seed], np.uint64),
            "mean": np.array([self._mean, self._mean_at]),
        }

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over stored states of synapses that were built alike."""
        for k, state in enumerate(self._states):
            copy_into(state, arrays[f"state{k}"], "a state")
            low, high = (self._devices[k][end] for end in ("low", "high"))
            room = 1e-4 * (high - low)  # what rounding leaves
            if np.any(state < low - room) or np.any(state > high + room):
                raise UsageError("a stored state lies outside the range of its device")
        if ("rest" in arrays) != (self._rest is not None):
            raise UsageError(
                "references of the stored state were shifted, or are here", hint="it belongs to another rule"
            )
        if self._rest is not None:
            copy_into(self._rest, arrays["rest"], "references")
        if int(arrays["seed"][0]) != self._seed:
            raise UsageError("the stored state is of other devices", hint="build them from the same seed")
        self._read_out()
        self._pulses.count = int(arrays["count"][0])
        if self._pulses.seen is not None:
            copy_into(self._pulses.seen, arrays["seen"], "pulses seen")
            self._pulses.seen_samples = whole("pulses seen", int(arrays["seen_samples"][0]), 0, 2**30)
        self._mean = number("mean conductance", float(arrays["mean"][0]), 0.0)
        self._mean_at = whole("count at the last mean", int(arrays["mean"][1]), -1, 2**53)


EXPORT = Pulsed
