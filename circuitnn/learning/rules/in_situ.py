"""Training in the crossbar of memristors behind transistors: two blind pulses a cell (Li et al. 2018)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from circuitnn.learning.layered import ACTIVATIONS, Layered
from circuitnn.learning.synapses.synapse import SynapseKind

Array = NDArray[Any]


@dataclass(kw_only=True, eq=False)
class InSitu(Layered):
    """Backpropagation in situ, as on the 1T1R array of Li et al., Nature Communications 9, 2385 (2018).

    Driven: word lines with activities, then bit lines with errors. Measured: currents at the other ends, of the cells
    as they are, stuck ones included. Pulses: for each cell whose conductance is to change, a SET pulse with its gate
    voltage from the table, before it a RESET pulse if it is to fall.

    The defaults are the publication's: 64 inputs (digits of 8 x 8 pixels), 54 hidden neurons with ``max(0, a)``,
    softmax outputs, no biases (64 x 54 + 54 x 10 pairs are 7992 cells), minibatches of 50, plain gradient descent, and
    11 % of the devices stuck. There the errors were sent back in software; here the transposed read is one of the
    array. Where stuck devices stand is not told; here they stand low.

    The hyper-parameters are those of ``Layered``.

    Examples
    --------
    >>> rule = InSitu(seed=1)
    >>> sum(array.synapses.cells().size for array in rule.layers)
    7992
    """

    network: tuple[int, ...] = (64, 54, 10)
    batch: int = 50
    rate: float = 0.3
    activation: str = "relu"
    synapses: str | SynapseKind = "gated:stuck_low=0.11"

    title = "1T1R cells trained in situ by gate-controlled pulses"
    source = "Li et al., Nature Communications 9, 2385 (2018)"

    def initial(self, inputs: int, outputs: int) -> Array:
        """Return initial weights, even in +-1 / sqrt(inputs), without a row of biases."""
        return super().initial(inputs, outputs)[:-1]

    def activities(self, x: Array) -> list[Array]:
        """Return the inputs of every array, and the outputs of the last one."""
        found = [x.astype(self.dtype)]
        for array in self.layers[:-1]:
            found.append(ACTIVATIONS[self.activation][0](array.forward(found[-1])))
        return [*found, self.layers[-1].forward(found[-1])]

    def deltas(self, activities: list[Array], error: Array) -> list[Array]:
        """Return errors of each layer, read back through the array above it."""
        found = [error]
        for array, activity in zip(self.layers[:0:-1], activities[-2:0:-1], strict=True):
            found.append(array.backward(found[-1]) * ACTIVATIONS[self.activation][1](activity))
        return found[::-1]


EXPORT = InSitu
