"""Mixed precision: digital memory adds the gradient up, devices take pulses when a step's worth has gathered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas

from circuitnn.errors import UsageError
from circuitnn.learning.arrays import SynapseArray
from circuitnn.learning.rule import copy_into
from circuitnn.learning.rules.backpropagation import Backpropagation
from circuitnn.learning.settings import number, whole
from circuitnn.learning.synapses.pulsed import PulsedSynapses
from circuitnn.learning.synapses.synapse import SynapseKind, Synapses

Array = NDArray[Any]


class Accumulated(SynapseArray):
    """An array whose changes wait in digital memory until they are worth pulses.

    Parameters
    ----------
    synapses : Synapses
    threshold : float
        Units of weight.
    every : int
        Updates between looks at the memory.
    **wires
        Of ``SynapseArray``.
    """

    def __init__(self, synapses: Synapses, threshold: float, every: int, **wires: Any) -> None:
        super().__init__(synapses, **wires)
        self.waiting = np.zeros(self.shape, np.float32)
        self._threshold, self._every, self._updates = threshold, every, 0

    def update(self, x: Array, d: Array) -> None:
        """Add ``x.T @ d`` to the memory; when it is time, pulse what exceeds the threshold."""
        left, right = (np.ascontiguousarray(a, np.float32).T for a in (d, x))
        blas.sgemm(1.0, left, right, beta=1.0, c=self.waiting.T, trans_b=True, overwrite_c=True)
        self._updates += 1
        if self._updates % self._every:
            return
        whole_steps = np.trunc(self.waiting / np.float32(self._threshold))
        if whole_steps.any():
            whole_steps *= np.float32(self._threshold)
            self.waiting -= whole_steps
            self.change(whole_steps)

    def arrays(self) -> dict[str, Array]:
        """Return the whole state, what waits included."""
        return super().arrays() | {"waiting": self.waiting, "updates": np.array([self._updates])}

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a stored state."""
        super().restore(arrays)
        copy_into(self.waiting, arrays["waiting"], "waiting changes")
        self._updates = int(arrays["updates"][0])


@dataclass(kw_only=True, eq=False)
class MixedPrecision(Backpropagation):
    """Reads on devices, gradients in digital memory (Nandakumar et al., Front. Neurosci. 14, 406 (2020)).

    ``chi += -rate * gradient``; where ``chi`` reaches the threshold, ``floor(|chi| / threshold)`` pulses of its sign go
    to the device, unverified, and ``chi`` keeps the rest. The digital memory and its work are not counted.

    Parameters
    ----------
    threshold : float
        Units of weight; 0: the mean step of the devices.
    every : int
        Updates between looks at the memory.

    The other hyper-parameters are those of ``Layered``.

    Examples
    --------
    >>> rule = MixedPrecision(network=(3, 4, 2), batch=1, rate=1e-4)
    >>> rule.learn(np.ones((5, 3)), np.tile([1.0, 0.0], (5, 1)))
    >>> rule.cost.count("pulses"), bool(rule.layers[0].waiting.any())
    (0.0, True)
    """

    batch: int = 1
    synapses: str | SynapseKind = "pulsed:law=soft"
    threshold: float = 0.0
    every: int = 1

    title = "mixed precision: digital accumulation, pulses by whole steps"
    source = "Nandakumar et al., Frontiers in Neuroscience 14, 406 (2020)"

    def build(self) -> None:
        """Make arrays with memories."""
        number("threshold", self.threshold, 0.0)
        whole("every", self.every)
        super().build()

    def array(self, weights: Array, kind: SynapseKind | None = None) -> SynapseArray:
        """Return an array with its memory."""
        held = (kind or self.kind).build(weights, self.rng, largest=self.largest)
        threshold = self.threshold
        if not threshold:
            if not isinstance(held, PulsedSynapses):
                raise UsageError("synapses that have no steps", expected="a threshold", names=["threshold"])
            threshold = held.step
        wires = {"r_word": self.r_wire, "r_bit": self.r_wire, "cost": self.cost}
        return Accumulated(held, threshold, self.every, **wires)


EXPORT = MixedPrecision
