"""Digital potentiometers: a tap up or down, whatever the size of the change asked for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.learning.cost import Cost
from circuitnn.learning.rule import copy_into
from circuitnn.learning.settings import number, whole
from circuitnn.learning.synapses.synapse import SynapseKind, Synapses

Array = NDArray[Any]


@dataclass(frozen=True)
class Potentiometer(SynapseKind):
    """Variable resistors of equal taps, moved by one tap by the sign of a change (Dillavou et al. 2022).

    At tap k, from 1 to ``taps``, the resistance is ``k r_tap`` and the weight ``largest / k``.

    Parameters
    ----------
    taps : int
    r_tap : float, ohm
        The default makes 100 kohm of 128 taps.
    tap_seconds, tap_joules : float, s and J
        What a step of the counter takes; all step at once.

    Examples
    --------
    >>> one = Potentiometer().build(np.array([[0.1], [0.02]]), np.random.default_rng(0), signed=False)
    >>> one.change(np.array([[1e-9], [-1e-9]]))
    >>> (1.0 / one.weights).round(9).tolist()
    [[9.0], [51.0]]
    """

    taps: int = 128
    r_tap: float = 781.25
    tap_seconds: float = 1e-6
    tap_joules: float = 10e-12

    def __post_init__(self) -> None:
        super().__post_init__()
        whole("taps", self.taps, 2)
        number("r_tap", self.r_tap, 0.0, open_low=True)
        number("tap_seconds", self.tap_seconds, 0.0)
        number("tap_joules", self.tap_joules, 0.0)

    def build(
        self, weights: Array, rng: np.random.Generator, *, signed: bool = True, largest: float = 1.0
    ) -> Potentiometers:
        """Return synapses at the taps nearest to the weights; see ``SynapseKind.build``.

        Raises
        ------
        UsageError
            When weights take both signs: one resistor has none.
        """
        if signed:
            raise UsageError("a potentiometer holds no signed weight", expected="a rule of resistive networks")
        return Potentiometers(self, np.asarray(weights), number("largest", largest, 0.0, open_low=True))


class Potentiometers(Synapses):
    """Taps of an array of potentiometers."""

    def __init__(self, kind: Potentiometer, weights: Array, largest: float) -> None:
        self._kind, self._largest = kind, largest
        self.shape = weights.shape
        self.signed = False
        self.cost = Cost()
        lowest = largest / kind.taps
        self._taps = np.clip(np.rint(largest / np.maximum(weights, lowest)), 1, kind.taps).astype(np.int64)

    @property
    def weights(self) -> Array:
        """Weights, shape (inputs, outputs)."""
        return np.asarray(self._largest / self._taps)

    def cells(self) -> Array:
        """Return conductances, S."""
        return np.asarray(1.0 / (self._taps * self._kind.r_tap))

    def fold(self, currents: Array) -> Array:
        """Return products from currents per volt."""
        return np.asarray(currents * (self._kind.r_tap * self._largest))

    def spread(self, d: Array) -> Array:
        """Return volts of the bit lines for a transposed read."""
        return np.asarray(d * (self._kind.r_tap * self._largest))

    def change(self, dW: Array) -> None:
        """Step every tap by one: down for a larger weight, up for a smaller one; those at an end stay."""
        before = self._taps
        self._taps = np.clip(before - np.sign(dW).astype(np.int64), 1, self._kind.taps)
        steps = int(np.count_nonzero(self._taps != before))
        seconds = self._kind.tap_seconds if steps else 0.0
        self.cost.add("tap pulses", steps, seconds, steps * self._kind.tap_joules)

    def arrays(self) -> dict[str, Array]:
        """Return the taps."""
        return {"taps": self._taps}

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over stored taps."""
        copy_into(self._taps, arrays["taps"], "taps")
        if self._taps.min() < 1 or self._taps.max() > self._kind.taps:
            raise UsageError("stored taps that a potentiometer has not", expected=f"1 to {self._kind.taps}")


EXPORT = Potentiometer
