"""Tiki-Taka: gradients gather on a fast array about its symmetry points, and pass line by line to a slow one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.learning.arrays import SynapseArray
from circuitnn.learning.layered import restore_part
from circuitnn.learning.rule import copy_into
from circuitnn.learning.rules.backpropagation import Backpropagation
from circuitnn.learning.settings import number, whole
from circuitnn.learning.synapses.pulsed import PulsedSynapses
from circuitnn.learning.synapses.synapse import SynapseKind, Synapses, synapses_of

Array = NDArray[Any]


class FastSlow(SynapseArray):
    """A slow array and the fast one that its updates go to; what is read is the slow one, and ``gamma`` times the fast.

    Parameters
    ----------
    slow : Synapses
    fast : SynapseArray
        Of the same shape; its weights start at 0.
    gamma, transfer : float
    every : int
    buffer : bool
        As of ``TikiTaka``.
    **wires
        Of ``SynapseArray``.
    """

    def __init__(
        self, slow: Synapses, fast: SynapseArray, gamma: float, transfer: float, every: int, buffer: bool, **wires: Any
    ) -> None:
        super().__init__(slow, **wires)
        self.fast = fast
        self._gamma, self._transfer, self._every = gamma, transfer, every
        self._updates = 0
        self._buffer = np.zeros(self.shape, np.float32) if buffer else None

    @property
    def weights(self) -> Array:
        """Weights of both, shape (inputs, outputs)."""
        slow = super().weights
        return slow + self._gamma * self.fast.weights if self._gamma else slow

    def forward(self, x: Array) -> Array:
        """Return ``x @ W``."""
        found = super().forward(x)
        return found + self._gamma * self.fast.forward(x) if self._gamma else found

    def backward(self, d: Array) -> Array:
        """Return ``d @ W.T``."""
        found = super().backward(d)
        return found + self._gamma * self.fast.backward(d) if self._gamma else found

    def update(self, x: Array, d: Array) -> None:
        """Update the fast array; when it is time, read one of its word lines and pass that to the slow array."""
        self.fast.update(x, d)
        self._updates += 1
        if self._updates % self._every == 0:
            self._pass_on(self._updates // self._every % self.shape[0])

    def _pass_on(self, line: int) -> None:
        driven = np.zeros((1, self.shape[0]), np.float32)
        driven[0, line] = 1.0
        read = self._transfer * self.fast.forward(driven)
        if self._buffer is not None:
            # a pulse where a step's worth has gathered
            step = self.synapses.step  # type: ignore[attr-defined]
            self._buffer[line] += read[0]
            read = step * np.sign(np.trunc(self._buffer[line : line + 1] / step))
            self._buffer[line] -= read[0]
        if read.any():
            super().update(driven, read)

    def arrays(self) -> dict[str, Array]:
        """Return the whole state of both arrays."""
        found = super().arrays() | {"updates": np.array([self._updates])}
        if self._buffer is not None:
            found["buffer"] = self._buffer
        return found | {f"fast.{name}": value for name, value in self.fast.arrays().items()}

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a stored state."""
        super().restore(arrays)
        restore_part(self.fast, arrays, "fast.")
        self._updates = int(arrays["updates"][0])
        if self._buffer is not None:
            copy_into(self._buffer, arrays["buffer"], "the buffer")


@dataclass(kw_only=True, eq=False)
class TikiTaka(Backpropagation):
    """Backpropagation for devices whose steps up and down differ (Gokmen and Haensch, Front. Neurosci. 14, 103 (2020)).

    Random steps drive such a device to its symmetry point, whatever the gradient says; plain pulsed descent stops where
    that drift and the gradient cancel. Here the fast array takes the gradient's pulses, and its references stand at the
    symmetry points, so that the drift brings it to zero, which is a low-pass of the gradient. Every so many updates one
    word line of it is read and what comes out is pulsed into the slow array, which holds the weights.

    Parameters
    ----------
    fast : str or SynapseKind, optional
        Devices of the fast arrays; those of ``synapses`` where none are given.
    gamma : float
        Part of the fast array in what is read.
    every : int
        Updates between transfers of a line.
    transfer : float
        Part of the fast array's weights that a transfer adds to the slow array.
    shift : bool
        Program the references of the fast array to the symmetry points; without it the method has nothing to stand on.
    buffer : bool
        Add transfers up in digital memory, and pulse the slow array by one step where a whole one has gathered (version
        2: Gokmen, Front. Artif. Intell. 4, 699148 (2021)).

    The other hyper-parameters are those of ``Layered``.

    Examples
    --------
    >>> rule = TikiTaka(network=(3, 4, 2), synapses="pulsed:law=soft", batch=1)
    >>> rule.learn(np.ones((5, 3)), np.tile([1.0, 0.0], (5, 1)))
    >>> bool(rule.layers[0].fast.weights.any())
    True
    """

    batch: int = 1
    synapses: str | SynapseKind = "pulsed:law=soft"
    fast: str | SynapseKind | None = None
    gamma: float = 0.0
    every: int = 1
    transfer: float = 0.1
    shift: bool = True
    buffer: bool = False

    title = "Tiki-Taka: gradients on a fast array, weights on a slow one"
    source = "Gokmen and Haensch, Frontiers in Neuroscience 14, 103 (2020)"

    def build(self) -> None:
        """Make pairs of arrays."""
        number("gamma", self.gamma, 0.0)
        number("transfer", self.transfer, 0.0, open_low=True)
        whole("every", self.every)
        self.fast_kind = synapses_of(self.synapses if self.fast is None else self.fast)
        super().build()

    def array(self, weights: Array, kind: SynapseKind | None = None) -> SynapseArray:
        """Return a pair of arrays, whose fast one holds zeros."""
        slow = (kind or self.kind).build(weights, self.rng, largest=self.largest)
        fast = super().array(np.zeros_like(weights), self.fast_kind)
        if self.shift:
            if not isinstance(fast.synapses, PulsedSynapses):
                raise UsageError(
                    "the fast array has no references to shift",
                    expected="pulsed devices",
                    hint="shift=False",
                    names=["fast"],
                )
            fast.synapses.shift_to_symmetry()
        if self.buffer and not isinstance(slow, PulsedSynapses):
            raise UsageError(
                "a buffer before synapses that have no steps", expected="pulsed devices", names=["synapses"]
            )
        wires = {"r_word": self.r_wire, "r_bit": self.r_wire, "cost": self.cost}
        return FastSlow(slow, fast, self.gamma, self.transfer, self.every, self.buffer, **wires)


EXPORT = TikiTaka
