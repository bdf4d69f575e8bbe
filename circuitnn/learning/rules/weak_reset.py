"""Learning of binary networks by weak RESET pulses: the analogue part is the memory's, the rest is digital."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.learning.normalised import Gradients, Normalised
from circuitnn.learning.sensed import SensedArray
from circuitnn.learning.settings import number
from circuitnn.learning.synapses.synapse import SynapseKind
from circuitnn.learning.synapses.weak_reset import WeakReset

Array = NDArray[Any]


@dataclass(kw_only=True, eq=False)
class WeakResetLearning(Normalised):
    """Hybrid analogue-digital learning on differential memories (Hirtzlin et al., IEDM 2019).

    The real weights that training of binary networks needs are not stored: they are ln(R_BLb / R_BL) of each pair, and
    only their signs are ever read. Driven: pairs with precharge pulses, row by row. Measured: which side of each sense
    amplifier falls first. Pulses: from the straight-through gradient g of a batch, one weak RESET on BLb where g < 0, on BL
    where g > 0, with the probability ``rate`` |g| / mean |g| of the layer, at most 1: ``rate`` is about the part of the
    pairs that get a pulse. The CMOS holds activities, gamma, beta and statistics of the neurons (four numbers each), and
    adds up the gradient of a batch; gamma and beta follow gradient descent.

    Parameters
    ----------
    rate : float
        Mean probability of a pulse on a pair, an update.
    neuron_rate : float
        Of gamma and beta, on the mean gradient.
    activation : {"sign"}
        Binary neurons.
    synapses : str or SynapseKind
        ``"weak_reset"`` with its numbers.

    The other hyper-parameters are those of ``Normalised``.

    Notes
    -----
    The publication's way from gradients to pulses is not public in detail; the probability is one that gives a gradient
    step in the mean whatever the size of a pulse.

    Examples
    --------
    >>> rule = WeakResetLearning(network=(2, 32, 2), batch=4, seed=1, rate=0.3)
    >>> x, t = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.eye(2)[[0, 1, 1, 0]]
    >>> for _ in range(100):
    ...     rule.learn(x, t)
    >>> rule.outputs(x).argmax(axis=1).tolist()
    [0, 1, 1, 0]
    """

    batch: int = 500
    rate: float = 0.3
    decay: float = 0.85
    neuron_rate: float = 0.1
    activation: str = "sign"
    synapses: str | SynapseKind = "weak_reset"

    title = "binary weights of two memories, moved by weak RESET pulses"
    source = "Hirtzlin et al., IEDM 2019"

    activations: ClassVar[tuple[str, ...]] = ("sign",)

    def build(self) -> None:
        """Make the pairs, and the numbers of each neuron."""
        number("neuron_rate", self.neuron_rate, 0.0)
        number("r_wire", self.r_wire, 0.0, 0.0)
        super().build()

    def initial(self, inputs: int, outputs: int) -> Array:
        """Return random signs, shape (inputs, outputs)."""
        return self.rng.choice(np.array([-1.0, 1.0], self.dtype), (inputs, outputs))

    def array(self, weights: Array, kind: SynapseKind | None = None) -> SensedArray:
        """Return pairs that sense amplifiers read."""
        kind = kind or self.kind
        if not isinstance(kind, WeakReset):
            raise UsageError(f"synapses are {self.synapses!r}", expected="weak_reset, which has a hidden weight")
        return SensedArray(kind.build(weights, self.rng), cost=self.cost)

    def apply(self, gradients: Gradients) -> None:
        """Pulse pairs, and move gamma and beta."""
        for array, g in zip(self.layers, gradients.weights, strict=True):
            mean = float(np.abs(g).mean(dtype=np.float64))
            if mean > 0.0:
                array.change(g * (-self.rate * self.pace * array.synapses.kind.step / mean))
        rate = self.dtype(self.neuron_rate)
        for value, g in zip([*self.gamma, *self.beta], [*gradients.gamma, *gradients.beta], strict=True):
            value -= rate * g

    @property
    def endurance(self) -> dict[str, float]:
        """Weak RESETs of a device and SETs of a pair, over all layers: the mean and the largest number."""
        pulses = np.concatenate([array.synapses.pulses.ravel() for array in self.layers])
        sets = np.concatenate([array.synapses.sets for array in self.layers])
        return {
            "mean pulses": float(pulses.mean()),
            "most pulses": float(pulses.max()),
            "mean SETs": float(sets.mean()),
            "most SETs": float(sets.max()),
        }


EXPORT = WeakResetLearning
