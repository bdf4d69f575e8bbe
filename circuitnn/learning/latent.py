"""Few-valued weights on the cells, and the real ones from which they are made in a digital memory beside them."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.learning.normalised import Gradients, Normalised
from circuitnn.learning.rule import copy_into
from circuitnn.mapping.cost.technology import Technology

Array = NDArray[Any]

#: Adam's constants (Kingma and Ba, ICLR 2015).
_FIRST, _SECOND, _SMALL = 0.9, 0.999, 1e-8
#: Accesses to the digital memory an update: a weight and two moments, read and written.
_ACCESSES = 6


@dataclass(kw_only=True, eq=False)
class Latent(Normalised):
    """Training of few-valued weights: real weights from -1 to 1 take the updates, cells hold what they round to.

    Forward and transposed reads go through the cells. Each update (Adam; Kingma and Ba, ICLR 2015, arXiv:1412.6980)
    reads and writes all real weights and both their moments in the digital memory, which ``cost`` counts as
    ``"digital updates"``: six accesses of 32 bits to a buffer each. Cells whose rounded value has changed are programmed
    one by one.

    Parameters
    ----------
    rate : float
        Of Adam, in units of real weights, for weights, gamma and beta alike.

    The other hyper-parameters are those of ``Normalised``.
    """

    rate: float = 0.003
    decay: float = 0.9

    def build(self) -> None:
        """Make real weights, even in +-1, and the cells."""
        self.real: list[Array] = []
        super().build()
        self.updates = 0
        self._held, self._gains = map(list, zip(*map(self.rounded, self.real), strict=True))
        trained = [*self.real, *self.gamma, *self.beta]
        self.moments = [np.zeros_like(w) for w in trained], [np.zeros_like(w) for w in trained]

    def initial(self, inputs: int, outputs: int) -> Array:
        """Return what the cells hold at first, shape (inputs, outputs)."""
        self.real.append(self.rng.uniform(-1.0, 1.0, (inputs, outputs)).astype(self.dtype))
        return self.rounded(self.real[-1])[0]

    @abstractmethod
    def rounded(self, real: Array) -> tuple[Array, Array]:
        """Return what cells hold for real weights, shape (inputs, outputs), and the gains of bit lines, (outputs,) or (1,)."""

    @abstractmethod
    def to_real(self, gradient: Array, real: Array, gain: Array) -> Array:
        """Return dC/d(real) from dC/d(gain cells), all of shape (inputs, outputs)."""

    def gain(self, layer: int) -> Array:
        """Return the gains of a layer's bit lines."""
        return self._gains[layer]

    def apply(self, gradients: Gradients) -> None:
        """Move real weights, gamma and beta, and program the cells that round to another value now."""
        weights = [
            self.to_real(g, w, gain) for g, w, gain in zip(gradients.weights, self.real, self._gains, strict=True)
        ]
        self.updates += 1
        rate = self.rate * self.pace * np.sqrt(1.0 - _SECOND**self.updates) / (1.0 - _FIRST**self.updates)
        trained = [*self.real, *self.gamma, *self.beta]
        found = [*weights, *gradients.gamma, *gradients.beta]
        for value, g, first, second in zip(trained, found, *self.moments, strict=True):
            first += self.dtype(1.0 - _FIRST) * (g - first)
            second += self.dtype(1.0 - _SECOND) * (g * g - second)
            value -= self.dtype(rate) * first / (np.sqrt(second) + self.dtype(_SMALL))
        count = sum(value.size for value in trained)
        self.cost.add("digital updates", count, 0.0, count * _ACCESSES * 32 * Technology().buffer_energy)
        for k, (real, array) in enumerate(zip(self.real, self.layers, strict=True)):
            np.clip(real, -1.0, 1.0, out=real)
            held, self._gains[k] = self.rounded(real)
            moved = held != self._held[k]
            if moved.any():
                array.change(np.where(moved, held - array.synapses.weights, self.dtype(0.0)))
            self._held[k] = held

    def arrays(self) -> dict[str, Array]:
        """Return devices, real weights, moments and the numbers of all neurons."""
        found = super().arrays() | {"updates": np.array([self.updates])}
        return found | {name: value.copy() for name, value in self._digital()}

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a stored state."""
        super().restore(arrays)
        self.updates = int(arrays["updates"][0])
        for name, value in self._digital():
            copy_into(value, arrays[name], name)
        self._held, self._gains = map(list, zip(*map(self.rounded, self.real), strict=True))

    def _digital(self) -> list[tuple[str, Array]]:
        named = [(f"real{k}", w) for k, w in enumerate(self.real)]
        return named + [(f"moment{i}.{k}", m) for i, ms in enumerate(self.moments) for k, m in enumerate(ms)]
