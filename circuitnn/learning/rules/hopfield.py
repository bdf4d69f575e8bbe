"""Equilibrium propagation in layered Hopfield networks: two settlings, and pulses of what differs between them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.learning.arrays import SynapseArray
from circuitnn.learning.layered import restore_part, with_ones
from circuitnn.learning.rule import Rule, copy_into
from circuitnn.learning.settings import by_layers, float_type, number, one_of, whole
from circuitnn.learning.synapses.synapse import SynapseKind, synapses_of

Array = NDArray[Any]

NUDGING = ("one-sided", "centred", "random-sign")
_CHUNK = 2000  # examples that outputs() settles at once


def activation(a: Array) -> Array:
    """Overwrite potentials with activities ``1/(1 + exp(-4 (a - 1/2)))``, whose slope is ``4 s (1 - s)``; return them.

    Examples
    --------
    >>> activation(np.array([0.5, 1.0])).round(4).tolist()
    [0.5, 0.8808]
    """
    a *= 2.0
    a -= 1.0
    np.tanh(a, out=a)
    a += 1.0
    a *= 0.5
    return a


def step(
    arrays: list[SynapseArray],
    drive: Array,
    states: list[Array],
    turn: int,
    nudge: float = 0.0,
    t: Array | None = None,
) -> list[Array]:
    """Return the next states: every second layer takes ``s <- f(dPhi/ds)``, the outputs drawn towards their targets.

    ``Phi(s) = sum_l s_l W_l s_(l+1) + b_l s_(l+1)``; a nudge adds ``nudge (t - s)`` to the activities of the outputs
    (Ernoult et al. 2019, section 3 and their code). Layers take turns, since neighbours that move together can swing
    between two states for ever; a layer moved alone goes to the maximum of ``Phi(s) - sum F(s)``, ``F' = f^-1``, with
    the other layers held, so that this grows in every step.

    Parameters
    ----------
    arrays : list of SynapseArray, shapes (inputs + 1, outputs)
        A matrix each; the last row is the bias.
    drive : ndarray, shape (samples, first hidden layer)
        What the inputs and biases give to the first layer; it stays while the network settles.
    states : list of ndarray, shape (samples, units)
        Activities of all layers but the inputs.
    turn : int
        Even: outputs, the last layer but two, ... move; odd: the layers between them.
    nudge : float
    t : ndarray, shape (samples, outputs), optional
        Targets; needed when ``nudge`` is not 0.
    """
    after = list(states)
    last = len(states) - 1
    for layer in range((last + turn) % 2, last + 1, 2):
        a = drive.copy() if layer == 0 else arrays[layer].forward(with_ones(states[layer - 1]))
        if layer < last:
            a += arrays[layer + 1].backward(states[layer + 1])[:, :-1]
        activation(a)
        if layer == last and nudge:
            a += nudge * (t - states[last])
        after[layer] = a
    return after


def free_states(arrays: list[SynapseArray], x: Array, steps: int) -> tuple[Array, list[Array]]:
    """Return what the inputs give to the first layer, and the states of all layers after free steps from 0.

    The last of these steps moves the outputs.
    """
    drive = arrays[0].forward(with_ones(x))
    states = [np.zeros((len(x), array.shape[1]), x.dtype) for array in arrays]
    for turn in reversed(range(steps)):
        states = step(arrays, drive, states, turn)
    return drive, states


def pulse(arrays: list[SynapseArray], x: Array, upper: list[Array], lower: list[Array], factors: list[float]) -> None:
    """Change every matrix by ``factor (dPhi/dW(upper) - dPhi/dW(lower))``: two rank-one updates an example.

    Parameters
    ----------
    arrays : list of SynapseArray
    x : ndarray, shape (samples, inputs)
    upper, lower : list of ndarray, shape (samples, units)
        Activities of all layers but the inputs, in two phases or at two instants.
    factors : list of float
        A matrix each.
    """
    for layer, (array, factor) in enumerate(zip(arrays, factors, strict=True)):
        scale = upper[layer].dtype.type(factor)
        if layer == 0:
            array.update(with_ones(x), scale * (upper[0] - lower[0]))
            continue
        rows = np.vstack([with_ones(upper[layer - 1]), with_ones(lower[layer - 1])])
        array.update(rows, scale * np.vstack([upper[layer], -lower[layer]]))


@dataclass(kw_only=True, eq=False)
class Hopfield(Rule):
    r"""Equilibrium propagation in a layered Hopfield network.

    The activities of a settled network make an energy stationary. Nudged by a small ``beta`` towards the targets it
    settles anew, and the gradient of the loss is the difference of what two ends of a synapse show (Scellier and Bengio
    2017; in discrete time Ernoult et al. 2019):

    .. math:: \Delta W_l = \frac{\eta_l}{\beta} \left[ s_l^\top s_{l+1} \big|_\beta - s_l^\top s_{l+1} \big|_0 \right]

    The nudge acts on activities behind the neuron, as in the published code. With this neuron, whose slope is
    ``4 s (1 - s)``, the loss is therefore a quarter of the binary cross-entropy.

    In the circuit a matrix is one crossbar. Rows are driven with the activities of the lower layer and read at the
    columns, columns with those of the upper layer and read at the rows: while the layers take turns, every crossbar but
    the first is read forwards in one step and back in the next. The first, whose inputs stand still, is read once an
    example. Neurons keep their activities of the free phase until the nudged one is over; then two rank-one updates
    follow.

    Parameters
    ----------
    rates : tuple of float
        Learning rates, a matrix each from the inputs on; one stands for all. They, ``beta``, ``batch`` and the numbers
        of steps are those of the published network of one hidden layer.
    beta : float
        Strength of the nudge.
    nudging : {"one-sided", "centred", "random-sign"}
        ``beta`` against free; ``beta`` against ``-beta``, with an error of second order; or ``beta`` of a random sign,
        drawn for every minibatch, against free: its error of first order averages out (Laborieux et al. 2021).
    free_steps, nudged_steps : int
        In each of them every second layer moves. (The published network moves all layers in every step: until it swings
        these are two networks like this one, a step apart.)
    decay : float
        Factor of all rates after each epoch.
    synapses : SynapseKind or str
    largest : float
        Weight that the whole range of a device stands for.
    r_wire : float, ohm
        Resistance of a segment of the lines of all arrays.
    precision : {"single", "double"}

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> x = (rng.random((400, 4)) < 0.5).astype(float)
    >>> t = np.eye(2)[x[:, 0].astype(int)]
    >>> rule = Hopfield(network=(4, 8, 2), rates=(0.5,))
    >>> for _ in range(3):
    ...     rule.learn(x, t)
    >>> float((rule.outputs(x).argmax(1) == t.argmax(1)).mean())
    1.0
    """

    network: tuple[int, ...] = (784, 512, 10)
    batch: int = 20
    rates: tuple[float, ...] = (0.08, 0.04)
    beta: float = 0.1
    nudging: str = "one-sided"
    free_steps: int = 40
    nudged_steps: int = 15
    decay: float = 1.0
    synapses: SynapseKind | str = "ideal"
    largest: float = 1.0
    r_wire: float = 0.0
    precision: str = "single"

    title: ClassVar[str] = "equilibrium propagation in a layered Hopfield network"
    source: ClassVar[str] = "Scellier and Bengio 2017; Ernoult et al. 2019"

    def build(self) -> None:
        """Check the hyper-parameters and make a crossbar of each matrix, biases in its last row."""
        if len(self.network) < 3:
            raise UsageError(f"network is {self.network!r}", expected="a hidden layer or more", names=["network"])
        self._rates = np.array(by_layers("rates", self.rates, len(self.network) - 1))
        number("decay", self.decay, 0.0, 1.0, open_low=True)
        number("beta", self.beta, 0.0, open_low=True)
        one_of("nudging", self.nudging, NUDGING)
        whole("free_steps", self.free_steps)
        whole("nudged_steps", self.nudged_steps)
        number("largest", self.largest, 0.0, open_low=True)
        number("r_wire", self.r_wire, 0.0)
        self.dtype = float_type(self.precision)
        kind = synapses_of(self.synapses)
        self._arrays: list[SynapseArray] = []
        for inputs, outputs in pairwise(self.network):
            bound = 1.0 / np.sqrt(inputs)
            first = self.rng.uniform(-bound, bound, (inputs + 1, outputs)).astype(self.dtype)
            held = kind.build(first, self.rng, largest=self.largest)
            self._arrays.append(SynapseArray(held, r_word=self.r_wire, r_bit=self.r_wire, cost=self.cost))

    def learn(self, x: Array, t: Array) -> None:
        """Learn examples in their order, ``batch`` at a time."""
        x, t = np.asarray(x, self.dtype), np.asarray(t, self.dtype)
        for start in range(0, len(x), self.batch):
            self._learn_batch(x[start : start + self.batch], t[start : start + self.batch])

    def outputs(self, x: Array) -> Array:
        """Return the activities of the outputs of the free network, shape (samples, outputs)."""
        x = np.asarray(x, self.dtype)
        parts = [self._free(x[i : i + _CHUNK])[1][-1] for i in range(0, len(x), _CHUNK)]
        return np.concatenate(parts) if parts else np.empty((0, self.network[-1]), self.dtype)

    def end_epoch(self) -> None:
        """Let the rates decay."""
        self._rates *= self.decay

    def arrays(self) -> dict[str, Array]:
        """Return weights, rates, random state and cost."""
        held = {f"array{i}.{k}": a for i, one in enumerate(self._arrays) for k, a in one.arrays().items()}
        return {**super().arrays(), "rates": self._rates, **held}

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a stored state."""
        super().restore(arrays)
        copy_into(self._rates, arrays["rates"], "rates")
        for i, one in enumerate(self._arrays):
            restore_part(one, arrays, f"array{i}.")

    def _free(self, x: Array) -> tuple[Array, list[Array]]:
        return free_states(self._arrays, x, self.free_steps)

    def _nudged(self, drive: Array, states: list[Array], beta: float, t: Array) -> list[Array]:
        for turn in range(self.nudged_steps):
            states = step(self._arrays, drive, states, turn, beta, t)
        return states

    def _sign(self) -> float:
        return -1.0 if self.nudging == "random-sign" and self.rng.random() < 0.5 else 1.0

    def _learn_batch(self, x: Array, t: Array) -> None:
        drive, free = self._free(x)
        beta = self.beta * self._sign()
        upper = self._nudged(drive, free, beta, t)
        centred = self.nudging == "centred"
        lower = self._nudged(drive, free, -beta, t) if centred else free
        distance = (2.0 if centred else 1.0) * beta * len(x)
        pulse(self._arrays, x, upper, lower, [rate / distance for rate in self._rates])


EXPORT = Hopfield
