"""S4NN: the first spike decides, and errors in time go back; event-driven, one example after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.learning.rule import Rule, copy_into, part
from circuitnn.learning.settings import number, whole
from circuitnn.learning.spiking._first import FirstSpikes
from circuitnn.learning.synapses.ideal import IdealSynapses
from circuitnn.learning.synapses.synapse import SynapseKind, Synapses, synapses_of

Array = NDArray[Any]
PART = 100  # examples from one look at the weights for their mean to the next


@dataclass(kw_only=True, eq=False)
class S4NN(Rule):
    """Temporal backpropagation with at most one spike a neuron (Kheradpisheh and Masquelier, 2020).

    The brighter a pixel, the earlier its row of the crossbar gets its one pulse of fixed charge: at the step
    ``floor((1 - x) steps)`` of a clock, and never at ``x = 0`` (eq. 1). Columns charge capacitors without a leak. The
    step after a neuron's potential is first above its threshold it fires, and drives a row of the next array. The
    first output to fire is the answer.

    Errors in charge, which are ours: at the end of the step in which the first output crosses (the last, if none does)
    the right output's potential is to be above the largest other one by ``lead``. The error is what it lacks, over
    ``lead`` and at most 1, for the rival, and minus that for the right one; where the lead is met nothing is learnt. At
    a common slope a difference in charge is one in time, but it is resolved where many outputs cross in one step.

    Errors in time, which are the authors', are differences of firing times ``t``, over ``steps``: the right output
    should have fired when the first did, any other that fired within ``margin`` steps of that at the end of the margin;
    if none fired, the right one ``margin`` steps before the end (eqs. 8 to 10). They have norm 1 in each layer.

    With either, ``delta_i = sum_k w_ik delta_k [t_i < t_k]`` and ``dw_ij = -rate delta_j [t_i < t_j]`` (eqs. 13 to 16),
    where for errors in charge ``t_k`` is the step of the first output. In the circuit the example is played once more:
    the rows of inputs that have fired are held, and each column gets its pulse when its neuron fires, so that one step
    of the clock is one rank-one update.

    Parameters
    ----------
    network : tuple of int
        At most 8 layers of weights.
    batch : int
        1: each example is learnt by itself.
    seed : int
    steps : int
        Of the clock in an example.
    threshold : float
        Of all neurons, in units of weights.
    errors : str
        ``"charge"`` or ``"time"``.
    lead : float
        Of the right output in errors in charge, units of weights.
    rouse : float
        Of errors in charge: where no output crosses, the right one's error gets minus this times what it lacks to its
        threshold, over ``lead`` and at most 1. Without it the outputs fall silent, and potentials at the end decide.
    gentle : float
        Of errors in charge, units of weights: a hidden error counts by this over the charge of the step in which its
        neuron crosses, at most fully, since a crossing moves by minus one over that charge. 0: all count fully.
    margin : float
        Of errors in time: steps by which wrong outputs are to come after the first.
    saturation : float
        Of errors in time: steps; an output's error counts for no more than this. It keeps a right output that was
        silent from taking all of the errors' norm, of which a wrong one that fired first has only ``margin`` steps. The
        authors have none.
    rates : tuple of float
        Learning rates, from the first layer's to the last's. The authors' program has 0.2 for both, for errors in time.
    decay : float
        Factor of the rates after each epoch.
    average : float
        Examples over which weights are averaged for ``outputs``, or a quarter of those learnt so far where that is
        less. The mean is kept in digital memory, from a look at the weights every 100 examples. 0: the weights
        themselves.
    low, high : tuple of float
        Initial weights are even between these, one of each a layer. The authors have 0 to 5 and 0 to 48.
    penalty : float
        Weights shrink by this times the rate an example, done at the end of an epoch.
    revive : float
        Hidden neurons that fired in less than this fraction of an epoch's examples start anew at its end. 0: none.
    synapses : str or SynapseKind
        Devices, as in ``"pulsed:steps=1200"``.
    largest : float
        Weight that the whole range of a device stands for.
    tick : float, s
        A step of the clock.
    v_pulse : float, V
        Of a pulse on a row.

    Notes
    -----
    The constants of the authors' program: ``errors="time", rates=(0.2, 0.2), low=(0.0, 0.0), high=(5.0, 48.0),
    saturation=256.0, average=0.0``.

    Joules are those of pulses on rows in the forward pass, ``v_pulse^2 G tick`` with the mean conductance of the
    array; those of programming are counted by the devices, and are nothing for ideal ones.

    Examples
    --------
    >>> rule = S4NN(network=(2, 2, 2), steps=16, threshold=2.0, average=0.0)
    >>> for held in rule.layers:
    ...     held.change(np.array([[3.0, -1.0], [-1.0, 4.0]]) - held.weights)
    >>> rule.outputs(np.array([[1.0, 0.5], [0.5, 1.0]])).round(3).tolist()  # step 1: 2/3 of 3, 1/2 of 4
    [[-1.667, -9.75], [-17.5, -1.5]]
    """

    network: tuple[int, ...] = (784, 400, 10)
    steps: int = 256
    threshold: float = 100.0
    errors: str = "charge"
    lead: float = 20.0
    rouse: float = 0.03
    gentle: float = 20.0
    margin: float = 3.0
    saturation: float = 20.0
    rates: tuple[float, ...] = (0.05, 0.1)
    decay: float = 0.95
    average: float = 50e3
    low: tuple[float, ...] = (-4.0, -2.0)
    high: tuple[float, ...] = (6.0, 4.0)
    penalty: float = 1e-6
    revive: float = 0.0
    synapses: str | SynapseKind = "ideal"
    largest: float = 20.0
    tick: float = 10e-9
    v_pulse: float = 0.2

    title = "one spike a neuron, errors in time"
    source = "Kheradpisheh and Masquelier, International Journal of Neural Systems 30, 2050027 (2020)"

    def build(self) -> None:
        """Make the synapses and the kernel that works on their weights."""
        if self.batch != 1:
            raise UsageError(f"batch is {self.batch}", expected="1: each example is learnt by itself", names=["batch"])
        layers = len(self.network) - 1
        if layers > 8:
            raise UsageError(f"{layers} layers of weights", expected="at most 8", names=["network"])
        whole("steps", self.steps, 2)
        number("threshold", self.threshold, 0.0, open_low=True)
        if self.errors not in ("charge", "time"):
            raise UsageError(f"errors is {self.errors!r}", expected="charge or time", names=["errors"])
        number("lead", self.lead, 0.0, open_low=True)
        number("rouse", self.rouse, 0.0)
        number("gentle", self.gentle, 0.0)
        number("average", self.average, 0.0)
        number("margin", self.margin, 0.0, self.steps)
        number("saturation", self.saturation, 0.0, open_low=True)
        number("decay", self.decay, 0.0, 1.0, open_low=True)
        number("penalty", self.penalty, 0.0)
        number("revive", self.revive, 0.0, 1.0)
        for name in ("largest", "tick", "v_pulse"):
            number(name, getattr(self, name), 0.0, open_low=True)
        for name in ("rates", "low", "high"):
            given = getattr(self, name)
            if len(given) != layers:
                raise UsageError(f"{name} has {len(given)} numbers", expected=f"{layers}, one a layer", names=[name])
            for value in given:
                number(name, value, 0.0 if name == "rates" else -np.inf)
        kind = synapses_of(self.synapses)
        self.layers: list[Synapses] = []
        for inputs, outputs, low, high in zip(self.network[:-1], self.network[1:], self.low, self.high, strict=True):
            held = kind.build(self.rng.uniform(low, high, (inputs, outputs)), self.rng, largest=self.largest)
            held.cost = self.cost
            self.layers.append(held)
        # ideal weights are changed where they are; of others the kernel sees what a read finds
        self.in_place = all(isinstance(held, IdealSynapses) for held in self.layers)
        self.seen = [
            held.weights if self.in_place else np.array(held.weights, np.float64, order="C") for held in self.layers
        ]
        lead = self.lead if self.errors == "charge" else 0.0
        self.kernel = FirstSpikes(
            self.seen, self.threshold, self.steps, self.margin, self.saturation, lead, self.rouse, self.gentle
        )
        self.mean = [w.copy() for w in self.seen] if self.average else self.seen
        self.reader = FirstSpikes(self.mean, self.threshold, self.steps, self.margin, self.saturation)
        # by which rates have decayed; examples learnt since the last epoch's end, and in all
        self.pace, self.examples, self.learnt = 1.0, 0, 0

    def times(self, x: Array) -> NDArray[np.int32]:
        """Return the steps at which inputs fire, shape (samples, inputs); ``steps`` means never.

        Raises
        ------
        UsageError
            When an input is not between 0 and 1, or their number is not the network's.
        """
        if x.ndim != 2 or x.shape[1] != self.network[0]:
            raise UsageError(f"inputs of shape {x.shape}", expected=f"(samples, {self.network[0]})")
        if not (np.all(x >= 0.0) and np.all(x <= 1.0)):
            raise UsageError("inputs outside 0 to 1", expected="numbers from 0 to 1", hint="scale the features")
        # 1e-9: pixels are quotients of whole numbers, of which 1 - x may fall just below one
        return np.ascontiguousarray(np.floor((1.0 - x) * self.steps + 1e-9).astype(np.int32))

    def learn(self, x: Array, t: Array) -> None:
        """Learn examples one by one; targets are 1 for the class and 0 for the others."""
        times, labels = self.times(x), np.ascontiguousarray(t.argmax(axis=1).astype(np.int32))
        if t.shape != (len(x), self.network[-1]):
            raise UsageError(f"targets of shape {t.shape}", expected=f"({len(x)}, {self.network[-1]})")
        before = [self.kernel.events(k) for k in range(len(self.layers))]
        rates = [rate * self.pace for rate in self.rates]
        done = 0
        while done < len(x):  # in parts whose ends do not depend on how examples come
            part = slice(done, done + PART - self.learnt % PART)
            if self.in_place:
                self.kernel.learn(times[part], labels[part], rates)
            else:
                for one, label in zip(times[part], labels[part], strict=True):
                    self._replay(one, int(label), rates)
            self.learnt += len(times[part])
            done += len(times[part])
            if self.average and self.learnt % PART == 0:
                self._mean()
        self.examples += len(x)
        self._count(before, len(x))

    def _mean(self) -> None:
        """Move the mean towards the weights: it forgets by ``average`` examples, or by a quarter of those so far."""
        self._look()
        gain = min(1.0, PART / min(self.average, self.learnt / 4.0))
        for mean, seen in zip(self.mean, self.seen, strict=True):
            mean += gain * (seen - mean)
            self.cost.add("weights read for the mean", seen.size)

    def _replay(self, times: Array, label: int, rates: list[float]) -> None:
        """Learn one example by pulses: at each step, the columns that fire then meet the rows that fired before."""
        self._look()
        when, errors = self.kernel.example(times, label)
        for k, (held, rate) in enumerate(zip(self.layers, rates, strict=True)):
            before = times if k == 0 else when[k - 1]
            until = self.kernel.until(k)
            steps = np.unique(until[errors[k] != 0.0])
            if len(steps):
                rows = (before[None, :] < steps[:, None]).astype(float)
                held.update(rows, np.where(until[None, :] == steps[:, None], -rate * errors[k], 0.0))
            self.kernel.fired(k)[:] += when[k] < self.steps

    def _look(self) -> None:
        """Read weights that are not the kernel's own."""
        if not self.in_place:
            for seen, held in zip(self.seen, self.layers, strict=True):
                seen[...] = held.weights

    def _count(self, before: list[tuple[int, int]], examples: int) -> None:
        """Add the work of examples."""
        for k, (held, (read, changed)) in enumerate(zip(self.layers, before, strict=True)):
            now = self.kernel.events(k)
            rows = now[0] - read
            joules = rows * self.v_pulse**2 * self.tick * float(held.cells().sum()) / held.shape[0]
            self.cost.add("row pulses", rows, 0.0, joules)
            self.cost.add("synaptic operations", rows * held.shape[1])
            if self.in_place:
                self.cost.add("ideal pulses", (now[1] - changed) * held.shape[1])
        self.cost.add("runs", 2 * examples, 2 * examples * self.steps * self.tick)

    def outputs(self, x: Array) -> Array:
        """Return minus the time, in steps, at which each output crosses its threshold, shape (samples, outputs).

        The charge of a step flows evenly in it, so that crossings have a closed form and ties are broken. Outputs that
        never cross come last, in the order of their potentials.
        """
        times = self.times(x)
        self._look()
        return -self.reader.crossings(times)

    def end_epoch(self) -> None:
        """Shrink the weights, give hidden neurons that hardly fire a new start, let the rates decay."""
        for k, held in enumerate(self.layers):
            w = held.weights
            dW = ((1.0 - self.rates[k] * self.pace * self.penalty) ** self.examples - 1.0) * w
            dead = self.kernel.fired(k) < self.revive * self.examples
            if k < len(self.layers) - 1 and dead.any():
                new = self.rng.uniform(self.low[k], self.high[k], (held.shape[0], int(dead.sum())))
                dW[:, dead] = new - w[:, dead]
            held.change(dW)
            self.kernel.fired(k)[:] = 0
        self.pace *= self.decay
        self.examples = 0

    def arrays(self) -> dict[str, Array]:
        """Return weights, counts of spikes, and how far the rates have decayed."""
        found = super().arrays() | {"pace": np.array([self.pace]), "examples": np.array([self.examples, self.learnt])}
        for k, held in enumerate(self.layers):
            found |= {f"layer{k}.{name}": value for name, value in held.arrays().items()}
            found[f"fired{k}"] = self.kernel.fired(k).copy()
            if self.average:
                found[f"mean{k}"] = self.mean[k].copy()
        return found

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a stored state."""
        super().restore(arrays)
        self.pace = float(arrays["pace"][0])
        self.examples, self.learnt = (int(count) for count in arrays["examples"])
        for k, held in enumerate(self.layers):
            prefix = f"layer{k}."
            held.restore(part(arrays, prefix))
            copy_into(self.kernel.fired(k), arrays[f"fired{k}"], f"fired{k}")
            if self.average:
                copy_into(self.mean[k], arrays[f"mean{k}"], f"mean{k}")


EXPORT = S4NN
