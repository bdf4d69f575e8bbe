"""Eligibility propagation: recurrent spiking networks whose synapses keep a trace until an error comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.learning.arrays import SynapseArray
from circuitnn.learning.layered import restore_part, with_ones
from circuitnn.learning.rule import Rule, copy_into
from circuitnn.learning.settings import float_type, number, one_of, whole
from circuitnn.learning.synapses.synapse import SynapseKind, synapses_of
from circuitnn.mapping.operators.activations import softmax

Array = NDArray[Any]

FEEDBACK = ("symmetric", "random", "adaptive")
LOSSES = ("cross_entropy", "squared")


class Spiking(NamedTuple):
    """What a batch of sequences left behind.

    Parameters
    ----------
    outputs : ndarray, shape (ticks, batch, outputs)
    spikes : ndarray, shape (ticks, batch, neurons)
        0 or 1.
    slopes : ndarray, shape (ticks, batch, neurons)
        Pseudo-derivatives of spikes by potentials.
    """

    outputs: Array
    spikes: Array
    slopes: Array


@dataclass(kw_only=True, eq=False)
class EProp(Rule):
    r"""Eligibility propagation in a recurrent network of leaky integrate-and-fire neurons.

    A sequence is an example's features in ``steps`` equal portions, each shown for ``ticks`` instants. Neurons follow,
    from instant to instant (Bellec et al. 2020, equations 6 to 11; v in units of the threshold),

    .. math::
        v^t = \alpha v^{t-1} + W_{in} x^t + W_{rec} z^{t-1} - z^{t-1}, \quad a^t = \rho a^{t-1} + z^{t-1}, \quad
        z^t = H(v^t - 1 - \beta a^t), \quad y^t = \kappa y^{t-1} + W_{out} z^t

    with a pseudo-derivative ``psi = gamma max(0, 1 - |v - 1 - beta a|)``. A synapse keeps two eligibilities, of
    potential and of adaptation, and multiplies their trace with the learning signal of its neuron:

    .. math::
        \epsilon_v^t = \alpha \epsilon_v^{t-1} + z_i^{t-1}, \quad
        \epsilon_a^t = \psi^{t-1} \epsilon_v^{t-1} + (\rho - \psi^{t-1} \beta) \epsilon_a^{t-1}, \quad
        e^t = \psi^t (\epsilon_v^t - \beta \epsilon_a^t), \quad
        \Delta W = -\eta \sum_t L^t F_\kappa(e^t), \quad L^t = B (y^t - t^t)

    This is the gradient but for what spikes do to other neurons later. In the circuit an eligibility is the charge of a
    capacitor at a synapse, filled by what came in times the neuron's surrogate; a third line a neuron, the learning
    signal, gates it into the charge that makes the pulses after a batch. Here the sums are taken in another order, from
    the last instant to the first: the same numbers without a trace a synapse (see Notes).

    Parameters
    ----------
    steps, ticks : int
        Portions of an example's features, and instants for which each is shown.
    answer : int
        Last instants in which outputs are compared with targets, and which ``outputs`` averages.
    rate : float
        Learning rate of the mean gradient of a batch.
    decay : float
        Factor of the rate after each epoch.
    feedback : {"symmetric", "random", "adaptive"}
        B: read through the output array backwards; fixed and random; or random and changed like the output array, both
        decaying by ``forget`` a batch, so that they become alike.
    adaptive : float
        Fraction of neurons whose thresholds rise with their spikes.
    membrane, adaptation, readout : float, instants
        Time constants of alpha, rho, and kappa.
    strength : float
        beta: by how much a spike raises the threshold.
    dampening : float
        gamma; 0.3 is published.
    forget : float
        Fraction by which outputs and feedback decay at each batch when feedback is adaptive.
    loss : {"cross_entropy", "squared"}
    synapses : SynapseKind or str
    largest : float
        Weight that the whole range of a device stands for.
    r_wire : float, ohm
        Resistance of a segment of the lines of all arrays.
    precision : {"single", "double"}

    Notes
    -----
    With ``G^t = L^t + kappa G^(t+1)``, ``lambda^t = (rho - beta psi^t) lambda^(t+1) - beta psi^t G^t`` and
    ``c^t = psi^t (G^t + lambda^(t+1))``, a value a neuron each, the update is the product ``sum_t c_j^t eps_v,i^t``.

    Examples
    --------
    The first of two values is asked for when both are gone:

    >>> rng = np.random.default_rng(0)
    >>> x = (rng.random((800, 4)) < 0.5) * np.array([1.0, 1.0, 0.0, 0.0])
    >>> t = np.eye(2)[x[:, 0].astype(int)]
    >>> rule = EProp(network=(4, 20, 2), steps=4, ticks=3, answer=3, batch=20, rate=0.05)
    >>> for _ in range(10):
    ...     rule.learn(x, t)
    >>> bool((rule.outputs(x).argmax(1) == t.argmax(1)).mean() > 0.95)
    True
    """

    network: tuple[int, ...] = (784, 100, 10)
    batch: int = 32
    steps: int = 28
    ticks: int = 1
    answer: int = 1
    rate: float = 0.02
    decay: float = 1.0
    feedback: str = "symmetric"
    adaptive: float = 0.5
    membrane: float = 20.0
    adaptation: float = 100.0
    readout: float = 20.0
    strength: float = 0.07
    dampening: float = 0.3
    forget: float = 1e-3
    loss: str = "cross_entropy"
    synapses: SynapseKind | str = "ideal"
    largest: float = 1.0
    r_wire: float = 0.0
    precision: str = "single"

    title: ClassVar[str] = "e-prop: recurrent spiking networks with eligibility traces"
    source: ClassVar[str] = "Bellec et al. 2020"

    def build(self) -> None:
        """Check the hyper-parameters and make arrays of inputs, recurrences and outputs."""
        if len(self.network) != 3:
            raise UsageError(f"network is {self.network!r}", expected="features, neurons, outputs", names=["network"])
        for name in ("steps", "ticks", "answer"):
            whole(name, getattr(self, name))
        features, neurons, outputs = self.network
        if features % self.steps or self.answer > self.steps * self.ticks:
            raise UsageError(
                f"{features} features in {self.steps} steps, the last {self.answer} instants of which are answers",
                expected="equal portions, and no more answers than steps x ticks",
                names=["steps", "answer"],
            )
        number("rate", self.rate, 0.0)
        number("decay", self.decay, 0.0, 1.0, open_low=True)
        number("adaptive", self.adaptive, 0.0, 1.0)
        one_of("feedback", self.feedback, FEEDBACK)
        one_of("loss", self.loss, LOSSES)
        for name in ("membrane", "adaptation", "readout", "largest"):
            number(name, getattr(self, name), 0.0, open_low=True)
        for name in ("strength", "dampening", "r_wire"):
            number(name, getattr(self, name), 0.0)
        number("forget", self.forget, 0.0, 1.0)
        self.dtype = float_type(self.precision)
        self._pace = np.ones(1)
        self._alpha, self._rho, self._kappa = (
            float(np.exp(-1.0 / time)) for time in (self.membrane, self.adaptation, self.readout)
        )
        self.beta: Array = np.zeros(neurons, self.dtype)
        self.beta[: round(self.adaptive * neurons)] = self.strength
        inputs = features // self.steps
        self.inward = self._array(inputs + 1, neurons)
        self.recurrent = self._array(neurons, neurons)
        self.outward = self._array(neurons + 1, outputs)
        self.back = self.outward if self.feedback == "symmetric" else self._array(neurons + 1, outputs)

    def _array(self, inputs: int, outputs: int) -> SynapseArray:
        weights = self.rng.standard_normal((inputs, outputs)) / np.sqrt(inputs)
        if inputs == outputs:
            np.fill_diagonal(weights, 0.0)
        held = synapses_of(self.synapses).build(weights.astype(self.dtype), self.rng, largest=self.largest)
        return SynapseArray(held, r_word=self.r_wire, r_bit=self.r_wire, cost=self.cost)

    def sequence(self, x: Array) -> Array:
        """Return what drives the input array, shape (ticks, batch, inputs + 1), of features, (batch, features)."""
        parts = np.asarray(x, self.dtype).reshape(len(x), self.steps, -1).transpose(1, 0, 2)
        return np.repeat(np.stack([with_ones(part) for part in parts]), self.ticks, axis=0)

    def run(self, driven: Array) -> Spiking:
        """Return outputs, spikes and their pseudo-derivatives of a batch of sequences, instant by instant."""
        count, batch, _ = driven.shape
        neurons, outputs = self.network[1:]
        v = np.zeros((batch, neurons), self.dtype)
        a, z = np.zeros_like(v), np.zeros_like(v)
        y = np.zeros((batch, outputs), self.dtype)
        found = Spiking(*(np.empty((count, batch, n), self.dtype) for n in (outputs, neurons, neurons)))
        for t in range(count):
            v *= self._alpha
            v -= z
            v += self.inward.forward(driven[t])
            v += self.recurrent.forward(z)
            a *= self._rho
            a += z
            above = v - (1.0 + self.beta * a)
            z = (above > 0.0).astype(self.dtype)
            y = self._kappa * y + self.outward.forward(with_ones(z))
            np.maximum(0.0, 1.0 - np.abs(above), out=found.slopes[t])
            found.outputs[t], found.spikes[t] = y, z
        found.slopes[...] *= self.dtype(self.dampening)
        return found

    def errors(self, outputs: Array, t: Array) -> Array:
        """Return the loss's gradient by outputs, shape (answer, batch, outputs), in the last instants."""
        last = outputs[-self.answer :]
        target = np.asarray(t, self.dtype)
        given: Array = softmax(last) if self.loss == "cross_entropy" else last
        return given - target

    def gradients(self, driven: Array, ran: Spiking, errors: Array, signals: Array) -> tuple[Array, Array, Array]:
        """Return e-prop's gradients of the input, recurrent and output weights, summed over the batch.

        Parameters
        ----------
        driven : ndarray, shape (ticks, batch, inputs + 1)
        ran : Spiking
        errors : ndarray, shape (answer, batch, outputs)
        signals : ndarray, shape (answer, batch, neurons)
            Learning signals of the last instants.
        """
        count, batch, neurons = ran.spikes.shape
        coefficients = np.empty_like(ran.spikes)
        outward = np.zeros(self.outward.shape, self.dtype)
        trace, later = np.zeros((batch, neurons), self.dtype), np.zeros((batch, neurons), self.dtype)
        output_trace = np.zeros(errors.shape[1:], self.dtype)
        first = count - self.answer
        for t in reversed(range(count)):
            psi = ran.slopes[t]
            trace *= self._kappa
            output_trace *= self._kappa
            if t >= first:
                trace += signals[t - first]
                output_trace += errors[t - first]
            outward += with_ones(ran.spikes[t]).T @ output_trace
            coefficients[t] = psi * (trace + later)
            later = (self._rho - self.beta * psi) * later - self.beta * psi * trace
        inward, recurrent = np.zeros(self.inward.shape, self.dtype), np.zeros(self.recurrent.shape, self.dtype)
        eligible_in, eligible = np.zeros_like(driven[0]), np.zeros((batch, neurons), self.dtype)
        for t in range(count):
            eligible_in *= self._alpha
            eligible_in += driven[t]
            eligible *= self._alpha
            if t:
                eligible += ran.spikes[t - 1]
            inward += eligible_in.T @ coefficients[t]
            recurrent += eligible.T @ coefficients[t]
        np.fill_diagonal(recurrent, 0.0)  # no neuron excites itself
        return inward, recurrent, outward

    def learn(self, x: Array, t: Array) -> None:
        """Learn examples in their order, ``batch`` at a time."""
        for start in range(0, len(x), self.batch):
            part = slice(start, start + self.batch)
            driven = self.sequence(x[part])
            ran = self.run(driven)
            errors = self.errors(ran.outputs, t[part])
            flat = self.back.backward(errors.reshape(-1, errors.shape[2]))[:, :-1]
            signals = flat.reshape(*errors.shape[:2], -1)
            inward, recurrent, outward = self.gradients(driven, ran, errors, signals)
            scale = self.dtype(-self.rate * self._pace[0] / driven.shape[1])
            self.inward.change(scale * inward)
            self.recurrent.change(scale * recurrent)
            if self.feedback == "adaptive":
                self.outward.change(scale * outward - self.dtype(self.forget) * self.outward.weights)
                self.back.change(scale * outward - self.dtype(self.forget) * self.back.weights)
            else:
                self.outward.change(scale * outward)

    def outputs(self, x: Array) -> Array:
        """Return the outputs averaged over the last ``answer`` instants, shape (samples, outputs)."""
        found = [np.empty((0, self.network[-1]), self.dtype)]
        for start in range(0, len(x), 1000):
            ran = self.run(self.sequence(x[start : start + 1000]))
            found.append(ran.outputs[-self.answer :].mean(axis=0))
        return np.concatenate(found)

    def end_epoch(self) -> None:
        """Let the rate decay."""
        self._pace *= self.decay

    def arrays(self) -> dict[str, Array]:
        """Return weights, the rate's decay, random state and cost."""
        held = {f"{name}.{k}": a for name, one in self._parts().items() for k, a in one.arrays().items()}
        return {**super().arrays(), "pace": self._pace, **held}

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a stored state."""
        super().restore(arrays)
        copy_into(self._pace, arrays["pace"], "pace")
        for name, one in self._parts().items():
            restore_part(one, arrays, f"{name}.")

    def _parts(self) -> dict[str, SynapseArray]:
        parts = {"inward": self.inward, "recurrent": self.recurrent, "outward": self.outward}
        return parts if self.back is self.outward else {**parts, "back": self.back}


EXPORT = EProp
