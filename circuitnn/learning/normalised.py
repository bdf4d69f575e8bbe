"""Feed-forward layers whose sums are normalised over a batch before the neurons, as networks of few-valued weights need."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from circuitnn.learning import straight_through
from circuitnn.learning.layered import ACTIVATIONS, Layered
from circuitnn.learning.rule import copy_into
from circuitnn.learning.settings import number

Array = NDArray[Any]

#: Added to a variance, and the part of a batch's statistics that goes into the running ones (Ioffe and Szegedy, ICML 2015).
_EPSILON, _RUNNING = 1e-4, 0.1

#: Activation, and its slope from what goes in and what comes out.
NEURONS: dict[str, tuple[Callable[[Array], Array], Callable[[Array, Array], Array]]] = {
    name: (f, lambda a, h, slope=slope: slope(h)) for name, (f, slope) in ACTIVATIONS.items()
} | {
    "sign": (straight_through.sign, lambda a, h: straight_through.sign_slope(a)),
    "identity": (lambda a: a, lambda a, h: np.ones_like(a)),
}


@dataclass
class Seen:
    """What a layer saw of one batch.

    Attributes
    ----------
    inputs : ndarray, shape (batch, inputs)
        Activities that came in.
    driven : ndarray, shape (batch, inputs)
        What the word lines carried.
    factor : ndarray, shape (batch, 1) or (1, 1)
        What one of them stands for.
    normal : ndarray, shape (batch, outputs)
        Normalised sums.
    deviation : ndarray, shape (outputs,)
    raised : ndarray, shape (batch, outputs)
        gamma normal + beta, the input of the neurons.
    activity : ndarray, shape (batch, outputs)
    """

    inputs: Array
    driven: Array
    factor: Array
    normal: Array
    deviation: Array
    raised: Array
    activity: Array


@dataclass
class Gradients:
    """Of the mean loss of a batch, one entry a layer: by the weights gain W, by gamma and by beta."""

    weights: list[Array] = field(default_factory=list)
    gamma: list[Array] = field(default_factory=list)
    beta: list[Array] = field(default_factory=list)


@dataclass(kw_only=True, eq=False)
class Normalised(Layered):
    """Layers ``h <- f(gamma z + beta)``, z the sums ``gain (u @ W)`` less their mean over a batch, over their deviation.

    Batch normalisation (Ioffe and Szegedy, ICML 2015, arXiv:1502.03167) is what makes networks of binary weights
    trainable (Courbariaux et al., NIPS 2016). gamma, beta and the running statistics are numbers of the digital side, one
    a neuron; behind a sign they come down to one threshold of the sum. After training outputs use running statistics.

    Parameters
    ----------
    activation : {"relu", "tanh", "sigmoid", "sign", "identity"}
        Of hidden neurons; with the sign, the slope of clip(a, -1, 1) stands for its own.

    The other hyper-parameters are those of ``Layered``.
    """

    batch: int = 100
    activation: str = "relu"

    activations: ClassVar[tuple[str, ...]] = tuple(NEURONS)

    def build(self) -> None:
        """Make arrays without biases, and the numbers of each neuron."""
        super().build()
        self.gamma = [np.ones(n, self.dtype) for n in self.network[1:]]
        self.beta = [np.zeros(n, self.dtype) for n in self.network[1:]]
        self.mean = [np.zeros(n, self.dtype) for n in self.network[1:]]
        self.variance = [np.ones(n, self.dtype) for n in self.network[1:]]

    @abstractmethod
    def initial(self, inputs: int, outputs: int) -> Array:
        """Return what the arrays hold at first, shape (inputs, outputs)."""

    @abstractmethod
    def apply(self, gradients: Gradients) -> None:
        """Learn from the gradients of a batch."""

    def driven(self, layer: int, h: Array) -> tuple[Array, Array]:
        """Return what a layer's word lines carry for activities ``h``, and what one stands for, (batch, 1) or (1, 1)."""
        return h, np.ones((1, 1), self.dtype)

    def through(self, layer: int, h: Array, d: Array) -> Array:
        """Return dC/dh from dC/d(driven): what ``driven`` did, backwards."""
        return d

    def gain(self, layer: int) -> Array:
        """Return what one unit of a layer's synapses stands for, shape (outputs,) or (1,): gains at the bit lines."""
        return np.ones(1, self.dtype)

    def passed(self, x: Array, *, running: bool = False) -> list[Seen]:
        """Return what every layer sees of a batch; ``running``: normalised by the running statistics."""
        found: list[Seen] = []
        h = x.astype(self.dtype)
        for k, array in enumerate(self.layers):
            u, factor = self.driven(k, h)
            sums = array.forward(u) * factor * self.gain(k)
            mean, variance = (self.mean[k], self.variance[k]) if running else (sums.mean(axis=0), sums.var(axis=0))
            if not running:
                self.mean[k] += self.dtype(_RUNNING) * (mean - self.mean[k])
                self.variance[k] += self.dtype(_RUNNING) * (variance - self.variance[k])
            deviation = np.sqrt(variance + self.dtype(_EPSILON))
            normal = (sums - mean) / deviation
            raised = self.gamma[k] * normal + self.beta[k]
            last = k == len(self.layers) - 1
            activity = raised if last else NEURONS[self.activation][0](raised)
            found.append(Seen(h, u, factor, normal, deviation, raised, activity))
            h = activity
        return found

    def gradients(self, x: Array, t: Array) -> Gradients:
        """Return the gradients of the mean loss of a batch, slopes of few-valued functions replaced."""
        seen = self.passed(x)
        found = Gradients()
        d = self.error(seen[-1].activity, t) / self.dtype(len(x))
        for k in range(len(self.layers) - 1, -1, -1):
            one = seen[k]
            if k < len(self.layers) - 1:
                d = d * NEURONS[self.activation][1](one.raised, one.activity)
            found.gamma.insert(0, (d * one.normal).sum(axis=0))
            found.beta.insert(0, d.sum(axis=0))
            dz = d * self.gamma[k]
            # backwards through mean and deviation of the batch (Ioffe and Szegedy 2015, section 3)
            sums = (dz - dz.mean(axis=0) - one.normal * (dz * one.normal).mean(axis=0)) / one.deviation
            sums *= one.factor
            found.weights.insert(0, one.driven.T @ sums)
            if k:
                d = self.through(k, one.inputs, self.layers[k].backward(sums * self.gain(k)))
        return found

    def step(self, x: Array, t: Array) -> None:
        """Learn one batch; a single example cannot be normalised and is passed over."""
        if len(x) > 1:
            self.apply(self.gradients(x, t))

    def deltas(self, activities: list[Array], error: Array) -> list[Array]:
        """Not used: errors pass the normalisation on their way."""
        raise NotImplementedError

    def outputs(self, x: Array) -> Array:
        """Return the last layer's outputs, shape (samples, outputs)."""
        return self.passed(x, running=True)[-1].activity

    def arrays(self) -> dict[str, Array]:
        """Return devices and the numbers of all neurons."""
        found = super().arrays()
        for name, values in self._numbers().items():
            found |= {f"{name}{k}": value.copy() for k, value in enumerate(values)}
        return found

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a stored state."""
        super().restore(arrays)
        for name, values in self._numbers().items():
            for k, value in enumerate(values):
                copy_into(value, arrays[f"{name}{k}"], f"{name} of layer {k}")

    def _numbers(self) -> dict[str, list[Array]]:
        return {"gamma": self.gamma, "beta": self.beta, "mean": self.mean, "variance": self.variance}
