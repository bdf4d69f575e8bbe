"""Phase-change cells that hold weights, and capacitors that learn: transfer and polarity inversion (Ambrogio 2018)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.learning.cost import Cost
from circuitnn.learning.rule import copy_into, part
from circuitnn.learning.settings import number, whole
from circuitnn.learning.synapses._pulses import Pulses
from circuitnn.learning.synapses.pcm_pair import PcmPair
from circuitnn.learning.synapses.synapse import SynapseKind, Synapses

Array = NDArray[Any]


@dataclass(frozen=True)
class PcmCapacitor(SynapseKind):
    """Two PCM cells and a 3T1C cell a weight: ``W = F (G+ - G-) + p (g+ - g-)``, with p the polarity, 1 or -1.

    ``g+`` is a transistor whose gate is a capacitor, ``g-`` one that many cells share, which only leaks.
    Pulses on rows and columns move the cell's capacitor alone: a transistor adds a packet of charge, another takes one,
    and the two packets differ from cell to cell. ``transfer`` writes the whole weight to the PCM cells by closed-loop
    pulses, sets the capacitor to what they missed, and inverts the polarity: what asymmetric packets and leaks add to a
    weight between two transfers, they take away between the next two.

    Parameters
    ----------
    significance : float
        F; about 3 in the publication.
    g_max, g_step, noise, step_spread, full
        Of the PCM cells, see ``PcmPair``. ``F g_max`` is the largest weight.
    g_slope : float, S/V
        Of ``g+`` over the capacitor's voltage.
    centre, low, high : float, V
        Voltage after a transfer, 0.5 V in the publication, and its limits.
    v_step : float, V
        What a packet of charge changes the voltage by at the centre.
    curvature : float
        By which part a packet shrinks from the centre to the limit that it goes to.
    packet_spread, slope_spread : float
        Relative standard deviations, from cell to cell, of packets (each direction has its own) and of ``g_slope``.
    offset_spread : float, S
        Of ``g+ - g-`` at the centre.
    leak_to : float, V
    leak_time : float, s
        The voltage decays to ``leak_to``, 0.8 V in the publication, with this time constant.
    inversion : bool
        Whether a transfer inverts the polarity.
    capacitance : float, F
    supply : float, V
        A packet takes ``capacitance supply v_step``. Assumptions, as is ``slot_time``.
    slots : int
        Slots of time for the pulses of an update, at most 32.
    slot_time : float, s

    Notes
    -----
    From the captions of the publication's Extended Data Figs. 2, 9 and 10: transfers after 8000 examples, the
    capacitor at 0.5 V after a transfer, decay towards 0.8 V, targets that make up for the offset of the read
    transistors, the capacitor that corrects what PCM cells missed, hundreds to a thousand packets a cell between
    transfers, and which transistors vary. The sizes of spreads, slopes and packets, and ``leak_time``, are assumptions.

    S. Ambrogio et al., "Equivalent-accuracy accelerated neural-network training using analogue memory", Nature 558, 60
    (2018).

    Examples
    --------
    >>> held = PcmCapacitor().build(np.array([[0.5, -0.25]]), np.random.default_rng(0))
    >>> held.weights.round(2).tolist(), held.polarity
    ([[0.5, -0.25]], 1)
    >>> held.transfer()
    >>> held.weights.round(2).tolist(), held.polarity
    ([[0.5, -0.25]], -1)
    """

    significance: float = 3.0
    g_max: float = 25e-6
    g_step: float = 1e-6
    noise: float = 0.7
    step_spread: float = 0.2
    full: float = 0.8
    g_slope: float = 50e-6
    centre: float = 0.5
    low: float = 0.1
    high: float = 0.9
    v_step: float = 0.5e-3
    curvature: float = 0.2
    packet_spread: float = 0.2
    slope_spread: float = 0.1
    offset_spread: float = 2e-6
    leak_to: float = 0.8
    leak_time: float = 5e-3
    inversion: bool = True
    capacitance: float = 50e-15
    supply: float = 1.0
    slots: int = 31
    slot_time: float = 1e-9

    _pcm: PcmPair = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        number("significance", self.significance, 0.0, open_low=True)
        for name in ("g_slope", "v_step", "leak_time"):
            number(name, getattr(self, name), 0.0, open_low=True)
        for name in ("packet_spread", "slope_spread", "capacitance", "supply", "slot_time"):
            number(name, getattr(self, name), 0.0)
        number("curvature", self.curvature, 0.0, 1.0)
        number("leak_to", self.leak_to)
        number("low", self.low)
        number("centre", self.centre, self.low, open_low=True)
        number("high", self.high, self.centre, open_low=True)
        # five deviations: no read transistor conducts less than nothing
        number("offset_spread", self.offset_spread, 0.0, 0.4 * self.g_slope * (self.centre - self.low))
        if whole("slots", self.slots) > 32:
            raise UsageError(f"slots is {self.slots}", expected="at most 32", names=["slots"])
        pcm = PcmPair(self.g_max, self.g_step, self.noise, self.step_spread, self.full, self.slots)
        object.__setattr__(self, "_pcm", pcm)

    def build(
        self, weights: Array, rng: np.random.Generator, *, signed: bool = True, largest: float = 1.0
    ) -> PcmCapacitorSynapses:
        """Return synapses; see ``SynapseKind.build``. A first transfer writes the weights.

        Raises
        ------
        UsageError
            When asked for weights of one sign.
        """
        if not signed:
            raise UsageError("PCM cells come in pairs", expected="weights of both signs")
        return PcmCapacitorSynapses(self, self._pcm, weights, rng, number("largest", largest, 0.0, open_low=True))


class PcmCapacitorSynapses(Synapses):
    """PCM pairs, capacitors and their polarity.

    Attributes
    ----------
    pcm : PcmPairSynapses
        Their weights count F times.
    learned : ndarray of float32, shape (inputs, outputs)
        ``p (g+ - g-)`` less its value at the centre, in units of weight.
    polarity : int
    """

    signed = True

    def __init__(
        self, kind: PcmCapacitor, pcm: PcmPair, weights: Array, rng: np.random.Generator, largest: float
    ) -> None:
        self.kind, shape = kind, weights.shape
        self.shape = shape
        self.pcm = pcm.build(weights / kind.significance, rng, largest=largest / kind.significance)
        unit = kind.g_slope / self.pcm.scale  # weight a volt
        normal = rng.standard_normal

        def varied(value: float, spread: float) -> Array:
            return (value * np.maximum(1.0 + spread * normal(shape), 0.1)).astype(np.float32)

        self._gain = varied(unit, kind.slope_spread)
        self._offset = (kind.offset_spread / self.pcm.scale * normal(shape)).astype(np.float32)
        # of a weight that rises and of one that falls: inverting the polarity exchanges them
        self._up = varied(kind.v_step, kind.packet_spread) * self._gain
        self._down = varied(kind.v_step, kind.packet_spread) * self._gain
        self._low = self._gain * np.float32(kind.low - kind.centre)
        self._high = self._gain * np.float32(kind.high - kind.centre)
        self.learned = np.zeros(shape, np.float32)
        self._rest = np.zeros(shape, np.float32)  # what the weight is less than `learned`
        self._weights = np.array(weights, np.float32)
        device = {
            "state": self.learned,
            "up": self._up,
            "down": self._down,
            "low": self._low,
            "high": self._high,
            "slopes": (-kind.curvature, kind.curvature),
            "table": None,
            "half": None,
            "energy": None,
            "noise": 0.0,
            "falls": 0,
            "only_up": 0,
        }
        seed = int(rng.integers(2**63))
        step = kind.v_step * unit
        self._pulses = Pulses([device], self._weights, self._rest, "stochastic", kind.slots, True, False, step, seed, 1)
        self.polarity = 1
        self._drift = np.float32(0.0)  # of the shared reference since it was set to the centre, units of weight
        self._write(self._weights.copy())

    @property
    def cost(self) -> Cost:
        """Work, also that of the PCM cells."""
        return self.pcm.cost

    @cost.setter
    def cost(self, cost: Cost) -> None:
        self.pcm.cost = cost

    @property
    def weights(self) -> Array:
        """Weights as a read finds them, shape (inputs, outputs)."""
        return self._weights

    @property
    def voltage(self) -> Array:
        """Voltages of capacitors, V."""
        return np.asarray(self.kind.centre + self.polarity * self.learned / self._gain)

    def cells(self) -> Array:
        """Return conductances, S: G+, G-, g+ and g- side by side."""
        volatile = self.polarity * self.learned + self._offset
        levels = volatile * self.pcm.scale, np.full(self.shape, self.polarity * self._drift * self.pcm.scale)
        # read transistors conduct twice as much at the centre as the lowest voltage takes away
        at_centre = 2.0 * self.kind.g_slope * (self.kind.centre - self.kind.low)
        four = np.stack([*(self.pcm.state * self.pcm.scale), *(at_centre + level for level in levels)], axis=2)
        return four.reshape(self.shape[0], -1)

    def fold(self, currents: Array) -> Array:
        """Return products from currents per volt."""
        large = currents[..., ::4] - currents[..., 1::4]
        small = currents[..., 2::4] - currents[..., 3::4]
        return np.asarray((self.kind.significance * large + self.polarity * small) / self.pcm.scale)

    def spread(self, d: Array) -> Array:
        """Return volts of the bit lines for a transposed read."""
        large, small = self.kind.significance * d, self.polarity * d
        return np.stack([large, -large, small, -small], axis=-1).reshape(*d.shape[:-1], -1) / self.pcm.scale

    def update(self, x: Array, d: Array) -> None:
        """Send trains of pulses, an example after the other; where two meet, a packet of charge moves."""
        self._pulses.update(np.ascontiguousarray(x, np.float32), np.ascontiguousarray(d, np.float32))
        steps, _, _, slots, _ = self._pulses.taken()
        self._count(steps[0], slots * self.kind.slot_time)

    def change(self, dW: Array) -> None:
        """Move each capacitor by the whole number of packets nearest to ``dW``."""
        self._pack(self.learned + np.asarray(dW, np.float32))

    def transfer(self) -> None:
        """Write weights to PCM cells, let capacitors make up for what these miss, and invert the polarity."""
        if self.kind.inversion:
            self.polarity = -self.polarity
            self._up[...], self._down[...] = self._down.copy(), self._up.copy()
        self._write(self._weights.copy())

    def _write(self, weights: Array) -> None:
        offset = self.polarity * self._offset
        self.pcm.program((weights - offset) / self.kind.significance)
        np.negative(self.kind.significance * self.pcm.weights + offset, out=self._rest)
        self.learned[...] = 0.0
        self._drift = np.float32(0.0)
        self._pack(weights + self._rest)

    def _pack(self, learned: Array) -> None:
        """Bring capacitors as near to ``learned`` as whole packets do."""
        wanted = learned - self.learned
        packet = np.where(wanted > 0.0, self._up, self._down)
        packets = np.rint(wanted / packet)
        np.clip(self.learned + packets * packet, self._low, self._high, out=self.learned)
        np.subtract(self.learned, self._rest, out=self._weights)
        self._count(float(np.abs(packets).sum()), 0.0)

    def _count(self, packets: float, seconds: float) -> None:
        kind = self.kind
        self.cost.add("capacitor pulses", packets, seconds, packets * kind.capacitance * kind.supply * kind.v_step)

    def pass_time(self, seconds: float) -> None:
        """Let capacitors leak."""
        kind = self.kind
        gone = np.float32(-np.expm1(-seconds / kind.leak_time))
        goal = np.float32(self.polarity * (kind.leak_to - kind.centre))
        self.learned += (self._gain * goal - self.learned) * gone
        np.clip(self.learned, self._low, self._high, out=self.learned)
        unit = np.float32(kind.g_slope / self.pcm.scale)
        fall = (unit * goal - self._drift) * gone
        self._drift += fall
        self._rest += fall
        np.subtract(self.learned, self._rest, out=self._weights)

    def arrays(self) -> dict[str, Array]:
        """Return capacitors, their polarity and count of pulses, and the PCM cells' state."""
        found = {f"pcm.{name}": value for name, value in self.pcm.arrays().items()}
        found |= {"learned": self.learned, "rest": self._rest, "weights": self._weights}
        found |= {"polarity": np.array([self.polarity]), "drift": np.array([self._drift])}
        return found | {"count": np.array([self._pulses.count], np.uint64)}

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a stored state of synapses that were built alike."""
        self.pcm.restore(part(arrays, "pcm."))
        copy_into(self.learned, arrays["learned"], "learned")
        copy_into(self._rest, arrays["rest"], "rest")
        copy_into(self._weights, arrays["weights"], "weights")
        if int(arrays["polarity"][0]) != self.polarity:
            self.polarity = -self.polarity
            self._up[...], self._down[...] = self._down.copy(), self._up.copy()
        self._drift = arrays["drift"][0]
        self._pulses.count = int(arrays["count"][0])


EXPORT = PcmCapacitor
