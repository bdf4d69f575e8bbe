"""Direct feedback alignment: the output's error reaches every layer at once through one random crossbar."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.learning.layered import Layered, restore_part
from circuitnn.learning.settings import number, one_of
from circuitnn.learning.synapses.ideal import Ideal

Array = NDArray[Any]


@dataclass(kw_only=True, eq=False)
class DirectFeedbackAlignment(Layered):
    """All hidden layers are driven by the output's error (Nokland, NIPS 2016, arXiv:1609.01596).

    The delta of layer ``l`` is ``(e @ B_l) * f'``. All ``B_l`` together are one wide crossbar: a word line an output, a
    pair of bit lines a hidden neuron, read once an example, so that all layers can be updated at the same time.

    Parameters
    ----------
    sent : {"error", "sign", "ternary", "target"}
        What drives the crossbar: the error itself; its sign; its sign where it is above ``threshold`` in magnitude; or
        the target instead of the error (direct random target projection; Frenkel, Lefebvre and Bol, Front. Neurosci.
        15, 629892 (2021)), negative for the class that is meant.
    threshold : float
        Below which a ternary error is 0.
    spread : float
        Entries of ``B`` are even in plus or minus this over the square root of the outputs.

    The other hyper-parameters are those of ``Layered``.

    Examples
    --------
    >>> rule = DirectFeedbackAlignment(network=(3, 5, 4, 2), seed=1)
    >>> rule.feedback_array.shape                                           # 2 error lines, 5 + 4 hidden neurons
    (2, 9)
    """

    sent: str = "error"
    threshold: float = 0.1
    spread: float = 1.0

    title = "the output's error to all layers through one random crossbar"
    source = "Nokland, NIPS 2016, arXiv:1609.01596"

    def build(self) -> None:
        """Make the layers, and the random crossbar."""
        one_of("sent", self.sent, ("error", "sign", "ternary", "target"))
        number("threshold", self.threshold, 0.0)
        bound = number("spread", self.spread, 0.0, open_low=True) / np.sqrt(self.network[-1])
        super().build()
        wide = self.rng.uniform(-bound, bound, (self.network[-1], sum(self.network[1:-1]))).astype(self.dtype)
        self.feedback_array = self.array(wide, Ideal())
        self._parts = np.cumsum(self.network[1:-1])[:-1]

    def error(self, a: Array, t: Array) -> Array:
        """Return the gradient at the outputs; keeps the targets, which may be sent instead."""
        self._targets = t.astype(self.dtype)
        return super().error(a, t)

    def deltas(self, activities: list[Array], error: Array) -> list[Array]:
        """Return errors of each layer: one read of the random crossbar, cut into layers."""
        if len(self.layers) == 1:
            return [error]
        wide = self.feedback_array.forward(self.driven(error))
        hidden = np.split(wide, self._parts, axis=1)
        return [h * self.slope(a) for h, a in zip(hidden, activities[1:-1], strict=True)] + [error]

    def driven(self, error: Array) -> Array:
        """Return what the word lines of the random crossbar are driven with, shape (batch, outputs)."""
        if self.sent == "sign":
            return np.sign(error)
        if self.sent == "ternary":
            return np.sign(error) * (np.abs(error) > self.threshold)
        return np.negative(self._targets) if self.sent == "target" else error

    def arrays(self) -> dict[str, Array]:
        """Return layers and random crossbar."""
        return super().arrays() | {f"feedback.{k}": v for k, v in self.feedback_array.arrays().items()}

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a stored state."""
        super().restore(arrays)
        restore_part(self.feedback_array, arrays, "feedback.")


EXPORT = DirectFeedbackAlignment
