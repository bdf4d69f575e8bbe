"""Feed-forward layers of synapse arrays with digital neurons between them; rules say what goes back."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from circuitnn.learning.arrays import SynapseArray
from circuitnn.learning.rule import Rule, part
from circuitnn.learning.settings import float_type, number, one_of
from circuitnn.learning.synapses.synapse import SynapseKind, synapses_of
from circuitnn.mapping.operators.activations import softmax

Array = NDArray[Any]

#: Activation and its derivative as a function of the activity.
ACTIVATIONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array], Array]]] = {
    "tanh": (np.tanh, lambda h: 1.0 - h * h),
    "relu": (lambda a: np.maximum(a, 0.0), lambda h: (h > 0.0).astype(h.dtype)),
    "sigmoid": (lambda a: 0.5 * (1.0 + np.tanh(0.5 * a)), lambda h: h * (1.0 - h)),
}


@dataclass(kw_only=True, eq=False)
class Layered(Rule):
    """Layers ``h <- f(h @ W)`` of crossbars, trained by rank-one updates from what each array sees on its two sides.

    Each array has one more word line than inputs, driven with 1: its cells are the biases.

    Parameters
    ----------
    network : tuple of int
    batch : int
        Examples whose updates are summed.
    seed : int
    rate : float
        Learning rate of the mean gradient of a batch.
    decay : float
        Factor of the rate after each epoch.
    activation : {"tanh", "relu", "sigmoid"}
        Of hidden neurons.
    loss : {"cross_entropy", "squared"}
        With softmax outputs, or with linear ones; its gradient at the output is ``y - t`` in both cases.
    synapses : str or SynapseKind
        Devices, as in ``"pulsed:steps=1200"``.
    largest : float
        Weight that the whole range of a device stands for.
    r_wire : float, ohm
        Resistance of a segment of the lines of all arrays.
    precision : {"single", "double"}
        Of weights and activities.
    start : float
        Initial weights are even in plus or minus this over the square root of the inputs; biases are 0. Rules that send
        errors back through random conductances align the better the less there is of initial weights.
    """

    batch: int = 32
    rate: float = 0.1
    decay: float = 1.0
    activation: str = "tanh"
    loss: str = "cross_entropy"
    synapses: str | SynapseKind = "ideal"
    largest: float = 1.0
    r_wire: float = 0.0
    precision: str = "single"
    start: float = 1.0

    #: Activations of which a rule has one.
    activations: ClassVar[tuple[str, ...]] = tuple(ACTIVATIONS)

    def build(self) -> None:
        """Make arrays with random weights."""
        number("rate", self.rate, 0.0, open_low=True)
        number("decay", self.decay, 0.0, 1.0, open_low=True)
        number("r_wire", self.r_wire, 0.0)
        number("start", self.start, 0.0)
        number("largest", self.largest, 0.0, open_low=True)
        one_of("activation", self.activation, self.activations)
        one_of("loss", self.loss, ("cross_entropy", "squared"))
        self.dtype = float_type(self.precision)
        self.kind = synapses_of(self.synapses)
        self.pace = 1.0  # by which the rate has decayed
        self.layers = [
            self.array(self.initial(inputs, outputs))
            for inputs, outputs in zip(self.network[:-1], self.network[1:], strict=True)
        ]

    def initial(self, inputs: int, outputs: int) -> Array:
        """Return initial weights, shape (inputs + 1, outputs), the last row of which are biases."""
        weights = self.rng.uniform(-self.start, self.start, (inputs + 1, outputs)) / np.sqrt(inputs)
        weights[-1] = 0.0
        return weights.astype(self.dtype)

    def array(self, weights: Array, kind: SynapseKind | None = None) -> SynapseArray:
        """Return an array of synapses, of the rule's kind or the one given, whose work is added to the rule's."""
        held = (kind or self.kind).build(weights, self.rng, largest=self.largest)
        return SynapseArray(held, r_word=self.r_wire, r_bit=self.r_wire, cost=self.cost)

    def activities(self, x: Array) -> list[Array]:
        """Return the inputs of every array, their last column ones, and the outputs of the last array."""
        f = ACTIVATIONS[self.activation][0]
        found = [with_ones(x.astype(self.dtype))]
        for array in self.layers[:-1]:
            found.append(with_ones(f(array.forward(found[-1]))))
        return [*found, self.layers[-1].forward(found[-1])]

    def error(self, a: Array, t: Array) -> Array:
        """Return the gradient of the loss, shape (batch, outputs), at the last array's outputs."""
        return (softmax(a) if self.loss == "cross_entropy" else a) - t.astype(self.dtype)

    @abstractmethod
    def deltas(self, activities: list[Array], error: Array) -> list[Array]:
        """Return what each layer takes for the gradient at its neurons, shape (batch, outputs of the layer) each."""

    def transposed(self, activities: list[Array], error: Array) -> list[Array]:
        """Return the gradient at each layer's neurons, read back through the arrays that it went forward through."""
        found = [error]
        for array, activity in zip(self.layers[:0:-1], activities[-2:0:-1], strict=True):
            found.append(array.backward(found[-1])[:, :-1] * self.slope(activity))
        return found[::-1]

    def slope(self, activity: Array) -> Array:
        """Return the activation's derivative from inputs of an array, without its ones."""
        return ACTIVATIONS[self.activation][1](activity[:, :-1])

    def learn(self, x: Array, t: Array) -> None:
        """Read forwards, send errors back, update all arrays, batch by batch."""
        for first in range(0, len(x), self.batch):
            self.step(x[first : first + self.batch], t[first : first + self.batch])

    def step(self, x: Array, t: Array) -> None:
        """Learn one batch."""
        activities = self.activities(x)
        deltas = self.deltas(activities, self.error(activities[-1], t))
        scale = self.dtype(-self.rate * self.pace / len(x))
        for array, inputs, delta in zip(self.layers, activities, deltas, strict=False):
            array.update(inputs, scale * delta)

    def angles(self, x: Array, t: Array) -> list[float]:
        """Return the angle, in degrees, between each hidden layer's deltas and those of backpropagation.

        It is 0 for backpropagation itself, near 90 where what goes back has nothing to do with the gradient. The reads
        are not counted.
        """
        with self.cost.aside():
            activities = self.activities(x)
            error = self.error(activities[-1], t)
            true = self.transposed(activities, error)
            pairs = zip(self.deltas(activities, error)[:-1], true[:-1], strict=True)
            return [_angle(mine, other) for mine, other in pairs]

    def outputs(self, x: Array) -> Array:
        """Return the last array's outputs, shape (samples, outputs); reading them costs what training's reads cost."""
        return self.activities(x)[-1]

    def as_layers(self) -> list[tuple[Array, Array, str]]:
        """Return ``(weights, bias, activation)`` of each layer, what ``cn.compile`` takes for a network.

        Examples
        --------
        >>> from circuitnn.learning.rule import rule_of
        >>> [(w.shape, b.shape, f) for w, b, f in rule_of("backpropagation", network="4-3-2").as_layers()]
        [((4, 3), (3,), 'tanh'), ((3, 2), (2,), 'softmax')]
        """
        names = [self.activation] * (len(self.layers) - 1)
        names.append("softmax" if self.loss == "cross_entropy" else "linear")
        held = [array.weights.astype(np.float64) for array in self.layers]
        return [(w[:-1], w[-1], name) for w, name in zip(held, names, strict=True)]

    def end_epoch(self) -> None:
        """Let the rate decay."""
        self.pace *= self.decay

    def arrays(self) -> dict[str, Array]:
        """Return weights and devices of all layers, and the rate's decay."""
        found = super().arrays() | {"pace": np.array([self.pace])}
        for k, array in enumerate(self.layers):
            found |= {f"layer{k}.{name}": value for name, value in array.arrays().items()}
        return found

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a stored state."""
        super().restore(arrays)
        self.pace = float(arrays["pace"][0])
        for k, array in enumerate(self.layers):
            restore_part(array, arrays, f"layer{k}.")


def _angle(a: Array, b: Array) -> float:
    product = float(np.vdot(a, b)) / max(float(np.linalg.norm(a)) * float(np.linalg.norm(b)), 1e-300)
    return float(np.degrees(np.arccos(np.clip(product, -1.0, 1.0))))


def restore_part(array: SynapseArray, arrays: dict[str, Array], prefix: str) -> None:
    """Restore one array of synapses from the entries whose names begin with ``prefix``."""
    array.restore(part(arrays, prefix))


def with_ones(x: Array) -> Array:
    """Return ``x``, shape (batch, n), with a column of ones behind it: the line that biases hang on."""
    full = np.ones((len(x), x.shape[1] + 1), x.dtype)
    full[:, :-1] = x
    return full
