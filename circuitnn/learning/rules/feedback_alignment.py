"""Feedback alignment: errors return through crossbars of random conductances that nothing ever updates."""

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
class FeedbackAlignment(Layered):
    """Errors go back layer by layer through fixed random matrices (Lillicrap et al., Nat. Commun. 7, 13276 (2016)).

    The delta of a layer is ``(delta above @ B.T) * f'``, where ``B`` has the shape of the weights above and stays what
    it was; no transposed read of the weights is needed. ``B`` is a crossbar of its own, as fabricated.

    Parameters
    ----------
    feedback : {"random", "sign"}
        ``"sign"`` takes the signs of the present weights instead (sign-symmetric feedback; Liao, Leibo and Poggio,
        AAAI 2016), which the hardware needs to copy at every update.
    spread : float
        Entries of ``B`` are even in plus or minus this over the square root of the inputs of that layer.

    The other hyper-parameters are those of ``Layered``.

    Examples
    --------
    >>> rule = FeedbackAlignment(network=(3, 5, 2), seed=1)
    >>> before = rule.feedback_arrays[0].weights.copy()
    >>> rule.learn(np.ones((1, 3)), np.array([[1.0, 0.0]]))
    >>> bool(np.array_equal(before, rule.feedback_arrays[0].weights))
    True
    """

    feedback: str = "random"
    spread: float = 1.0

    title = "errors through fixed random crossbars, layer by layer"
    source = "Lillicrap, Cownden, Tweed and Akerman, Nature Communications 7, 13276 (2016)"

    def build(self) -> None:
        """Make the layers, and a random crossbar beside each but the first."""
        one_of("feedback", self.feedback, ("random", "sign"))
        number("spread", self.spread, 0.0, open_low=True)
        super().build()
        bound = [self.spread / np.sqrt(n) for n in self.network[1:-1]]
        self.feedback_arrays = [
            self.array(self.rng.uniform(-b, b, (n, m)).astype(self.dtype), Ideal())
            for b, n, m in zip(bound, self.network[1:-1], self.network[2:], strict=True)
        ]

    def deltas(self, activities: list[Array], error: Array) -> list[Array]:
        """Return errors of each layer, sent down through the fixed crossbars."""
        found = [error]
        if self.feedback == "sign":
            for array, above in zip(self.feedback_arrays, self.layers[1:], strict=True):
                scale = float(np.abs(above.weights[:-1]).mean())
                array.change(scale * np.sign(above.weights[:-1]) - array.weights)
        for array, activity in zip(self.feedback_arrays[::-1], activities[-2:0:-1], strict=True):
            found.append(array.backward(found[-1]) * self.slope(activity))
        return found[::-1]

    def arrays(self) -> dict[str, Array]:
        """Return layers and random crossbars."""
        found = super().arrays()
        for k, array in enumerate(self.feedback_arrays):
            found |= {f"feedback{k}.{name}": value for name, value in array.arrays().items()}
        return found

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a stored state."""
        super().restore(arrays)
        for k, array in enumerate(self.feedback_arrays):
            restore_part(array, arrays, f"feedback{k}.")


EXPORT = FeedbackAlignment
