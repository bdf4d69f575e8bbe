"""Event-driven contrastive divergence: a Boltzmann machine of spiking neurons that learns from coincidences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.learning.rule import Rule, part
from circuitnn.learning.settings import number, one_of, whole
from circuitnn.learning.spiking._sampling import Sampler
from circuitnn.learning.spiking.neurons import NoisyNeuron
from circuitnn.learning.synapses.ideal import IdealSynapses
from circuitnn.learning.synapses.pcm_pair import PcmPairSynapses
from circuitnn.learning.synapses.synapse import SynapseKind, synapses_of

Array = NDArray[Any]


@dataclass(kw_only=True, eq=False)
class Boltzmann(Rule):
    """A restricted Boltzmann machine of noisy integrate-and-fire neurons (Neftci et al., Front. Neurosci. 2014).

    The visible layer is the pixels and ``copies`` neurons for each class; one crossbar joins it to the hidden layer and
    is read both ways: a visible spike is a pulse on a row, which charges the synaptic capacitors of the hidden neurons,
    and a hidden spike one on a column. An example drives the visible neurons with ``log(p / (1 - p))`` for ``phase``
    seconds and is then taken away for as long. Each pair of a visible and a hidden spike changes its cell by
    ``+- exp(-|dt| / window)``, with plus in the first phase and minus in the second, none within ``burn_in`` of its
    beginning (eqs. 8 and 9). In the mean that is ``rate (<v h>_data - <v h>_reconstruction)``: contrastive divergence.

    Parameters
    ----------
    network : tuple of int
        Pixels, hidden neurons, classes.
    batch : int
        1: each example is learnt by itself.
    seed : int
    rate : float
        Learning rate of contrastive divergence.
    decay : float
        Factor of the rate after each epoch.
    copies : int
        Label neurons a class.
    spread : float
        Standard deviation of the initial weights.
    low, high : float
        Bounds of the probabilities ``p`` that neurons are driven with.
    phase, burn_in, window : float, s
        With the authors' refractory time of 4 ms.
    step : float, s
        Of the simulation; the authors' is 0.05 ms.
    sigma : float, A s^0.5
        Noise of the neurons; see ``NoisyNeuron``.
    readout : {"spikes", "energy"}
        Outputs are the firing rates of the label neurons while the pixels are clamped; or minus the free energies of
        each class, computed from the weights.
    read_time : float, s
        For which an example is clamped to be classified by spikes, behind a burn-in.
    synapses : str or SynapseKind
        Devices. The last row and column, which always fire, are biases.
    largest : float
        Weight that the whole range of a device stands for.
    refresh : int
        Examples between two refreshes of pairs of phase-change cells, of which those with a full cell are reset and
        programmed to the same difference again; 0 for none.
    joules : float, J
        A synaptic operation: one spike that reads one cell. 5.39 pJ is the projection to 28 nm by Ishii et al., IEDM
        2019 (abstract), for their 6T2R cell of two phase-change memories and six transistors.

    Examples
    --------
    >>> rule = Boltzmann(network=(2, 3, 2), rate=0.5, readout="energy")
    >>> x, t = np.array([[1.0, 0.0], [0.0, 1.0]] * 40), np.array([[1.0, 0.0], [0.0, 1.0]] * 40)
    >>> rule.learn(x, t)
    >>> rule.outputs(x[:2]).argmax(axis=1).tolist()
    [0, 1]
    """

    network: tuple[int, ...] = (784, 500, 10)
    rate: float = 0.032
    decay: float = 1.0
    copies: int = 4
    spread: float = 0.1
    low: float = 1e-4
    high: float = 0.95
    phase: float = 0.05
    burn_in: float = 0.01
    window: float = 4e-3
    step: float = 0.2e-3
    sigma: float = 4.24e-11
    readout: str = "spikes"
    read_time: float = 0.2
    synapses: str | SynapseKind = "ideal"
    largest: float = 2.0
    refresh: int = 20
    joules: float = 5.39e-12

    title = "contrastive divergence of spiking neurons"
    source = "Neftci et al., Frontiers in Neuroscience 7, 272 (2014); Ishii et al., IEDM (2019)"

    def build(self) -> None:
        """Make the synapses and the kernel that works on their weights."""
        if len(self.network) != 3:
            raise UsageError(f"network {self.network}", expected="pixels, hidden neurons, classes", names=["network"])
        if self.batch != 1:
            raise UsageError(f"batch is {self.batch}", expected="1: each example is learnt by itself", names=["batch"])
        for name in ("rate", "phase", "window", "read_time", "largest"):
            number(name, getattr(self, name), 0.0, open_low=True)
        for name in ("spread", "joules", "burn_in"):
            number(name, getattr(self, name), 0.0)
        number("decay", self.decay, 0.0, 1.0, open_low=True)
        number("high", self.high, number("low", self.low, 0.0, 0.5, open_low=True), 1.0 - 1e-9)
        whole("copies", self.copies)
        whole("refresh", self.refresh, 0)
        one_of("readout", self.readout, ("spikes", "energy"))
        self.neuron = NoisyNeuron(step=self.step, sigma=self.sigma)
        if self.burn_in > self.phase - 2.0 * self.step:
            raise UsageError(f"burn_in is {self.burn_in:g} s", expected="less than the phase", names=["burn_in"])
        pixels, hidden, classes = self.network
        weights = self.rng.normal(0.0, self.spread, (pixels + self.copies * classes + 1, hidden + 1))
        weights[-1] = weights[:, -1] = 0.0
        kind = synapses_of(self.synapses)
        self.held = kind.build(weights.astype(np.float32), self.rng, largest=self.largest)
        self.held.cost = self.cost
        # ideal weights are changed where they are; of others the kernel sees what a read finds
        self.in_place = isinstance(self.held, IdealSynapses)
        self.seen = self.held.weights if self.in_place else np.array(self.held.weights, np.float32, order="C")
        self.logistic = self.neuron.logistic()
        self.kernel = self._sampler(self.phase, int(self.rng.integers(2**63)))
        self.pace, self.examples = 1.0, 0  # by which the rate has decayed; examples learnt by pulses

    def _sampler(self, phase: float, seed: int) -> Sampler:
        neuron, (unit, rest) = self.neuron, self.logistic
        steps = whole("steps of a phase", round(min(phase / self.step, 1e12)))
        return Sampler(
            self.seen, steps, round(self.burn_in / self.step), neuron.steps,
            keep=neuron.keep, decay=float(np.exp(-self.step / neuron.refractory)),
            window=float(np.exp(-self.step / self.window)), threshold=neuron.threshold, rest=rest, unit=unit,
            noise=neuron.noise, seed=seed,
        )  # fmt: skip

    @property
    def pair(self) -> float:
        """What a pair of spikes changes, per rate, so that in the mean it is the product of activities."""
        steps = round(self.phase / self.step) - round(self.burn_in / self.step)
        w = float(np.exp(-self.step / self.window))
        return self.neuron.steps**2 / steps * (1.0 - w) / (1.0 + w)

    def driven(self, x: Array, t: Array | None = None) -> NDArray[np.float32]:
        """Return what examples, without or with labels, add to the inputs of the visible layer, (samples, visible).

        Raises
        ------
        UsageError
            When an input is not between 0 and 1, or their number is not the network's.
        """
        if x.ndim != 2 or x.shape[1] != self.network[0]:
            raise UsageError(f"inputs of shape {x.shape}", expected=f"(samples, {self.network[0]})")
        if not (np.all(x >= 0.0) and np.all(x <= 1.0)):
            raise UsageError("inputs outside 0 to 1", expected="numbers from 0 to 1", hint="scale the features")
        found = np.zeros((len(x), self.network[0] + self.copies * self.network[2]), np.float32)
        found[:, : self.network[0]] = self._odds(x)
        if t is not None:
            found[:, self.network[0] :] = np.repeat(self._odds(t), self.copies, axis=1)
        return found

    def _odds(self, p: Array) -> Array:
        p = np.clip(p, self.low, self.high)
        return np.log(p / (1.0 - p))

    def learn(self, x: Array, t: Array) -> None:
        """Learn examples one by one; targets are 1 for the class and 0 for the others."""
        if t.shape != (len(x), self.network[2]):
            raise UsageError(f"targets of shape {t.shape}", expected=f"({len(x)}, {self.network[2]})")
        data, before = self.driven(x, t), self.kernel.operations
        rate = self.rate * self.pace * self.pair
        if self.in_place:
            self.kernel.learn(data, rate)
        else:
            for one in data:
                self._by_pulses(one, rate)
                self.examples += 1
                if isinstance(self.held, PcmPairSynapses) and self.refresh and self.examples % self.refresh == 0:
                    self.held.refresh()
        read = self.kernel.operations - before
        self.cost.add("synaptic operations", read, 0.0, read * self.joules)
        self.cost.add("phases", 2 * len(x), 2 * len(x) * self.phase)

    def _by_pulses(self, data: Array, rate: float) -> None:
        """Learn one example by updates of rank one: rows that spike meet the traces of the columns, step by step."""
        w = float(np.exp(-self.step / self.window))
        always = (1.0 + w) / (1.0 - w) / self.neuron.steps  # pairs of a spike with a line that always fires
        burn, steps = round(self.burn_in / self.step), round(self.phase / self.step)
        for sign, drive in ((rate, data), (-rate, None)):
            self._look()
            visible, hidden = self.kernel.run(steps, drive)
            busy = visible[burn:].any(axis=1)
            x = np.zeros((int(busy.sum()) + 1, self.seen.shape[0]), np.float32)
            d = np.full((len(x), self.seen.shape[1]), always, np.float32)
            x[:-1, :-1], d[:-1, :-1] = visible[burn:][busy], self.kernel.traces()[busy]
            x[-1, -1], d[-1, :-1], d[-1, -1] = 1.0, always * hidden[burn:].sum(axis=0), 0.0
            self.held.update(x, sign * d)

    def _look(self) -> None:
        """Read weights that are not the kernel's own."""
        if not self.in_place:
            self.seen[...] = self.held.weights
            self.kernel.turn()

    def outputs(self, x: Array) -> Array:
        """Return outputs, shape (samples, classes), as ``readout`` says.

        Spikes are sampled by neurons of their own, which start anew in each call: the same examples give the same.
        """
        data = self.driven(x)
        self._look()
        pixels, classes = self.network[0], self.network[2]
        if self.readout == "energy":
            return self._energies(x)
        sampler = self._sampler(self.read_time + self.burn_in, self.seed)
        counts = sampler.counts(data)[:, pixels:].reshape(len(x), classes, self.copies)
        return counts.sum(axis=2) / (self.copies * self.read_time)

    def _energies(self, x: Array) -> Array:
        """Return minus the free energies of the classes, up to what they have in common."""
        pixels, classes = self.network[0], self.network[2]
        p = np.clip(x, self.low, self.high)
        hidden = p @ self.seen[:pixels, :-1] + self.seen[-1, :-1]
        found = np.empty((len(x), classes))
        for k in range(classes):
            label = self.seen[pixels + k * self.copies : pixels + (k + 1) * self.copies].sum(axis=0)
            found[:, k] = np.logaddexp(0.0, hidden + label[:-1]).sum(axis=1) + label[-1]
        return found

    def end_epoch(self) -> None:
        """Let the rate decay."""
        self.pace *= self.decay

    def arrays(self) -> dict[str, Array]:
        """Return weights, where the neurons are, and how far the rate has decayed."""
        found = super().arrays() | {"pace": np.array([self.pace]), "examples": np.array([self.examples])}
        found |= {f"synapses.{name}": value for name, value in self.held.arrays().items()}
        return found | {f"neurons.{name}": value for name, value in self.kernel.state().items()}

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a stored state."""
        super().restore(arrays)
        self.pace, self.examples = float(arrays["pace"][0]), int(arrays["examples"][0])
        for prefix, take in (("synapses.", self.held.restore), ("neurons.", self.kernel.set_state)):
            take(part(arrays, prefix))


EXPORT = Boltzmann
