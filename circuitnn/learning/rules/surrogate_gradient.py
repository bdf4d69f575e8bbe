"""Spiking networks trained off line by surrogate gradients, and run on crossbars with capacitors and comparators."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.learning.arrays import SynapseArray
from circuitnn.learning.latent import UPDATE_BITS
from circuitnn.learning.layered import restore_part
from circuitnn.learning.rule import Rule, copy_into
from circuitnn.learning.settings import number, whole
from circuitnn.learning.spiking._surrogate import Layer, spikes
from circuitnn.learning.synapses.synapse import SynapseKind, synapses_of
from circuitnn.mapping.cost.technology import Technology
from circuitnn.mapping.operators.activations import softmax

Array = NDArray[Any]

#: Adam's constants (Kingma and Ba, ICLR 2015), and examples that outputs are computed of at a time.
_FIRST, _SECOND, _SMALL, _CHUNK = 0.9, 0.999, 1e-8, 512


@dataclass(kw_only=True, eq=False)
class SurrogateGradient(Rule):
    """Backpropagation through time with a slope put in place of the spike's (Neftci, Mostafa and Zenke, 2019).

    Hidden neurons are leaky integrate-and-fire: in steps of ``dt``, with spikes s and the current i of a crossbar's
    column, u[n + 1] = (beta u[n] + i[n]) (1 - s[n]), i[n] = alpha i[n - 1] + W x[n], s[n] = [u[n] >= 1], beta =
    exp(-dt/tau_mem), alpha = exp(-dt/tau_syn) (equations 4 to 6 there; 0 for ``tau_syn`` = 0). Backwards ds/du = 1 /
    (1 + k |u - 1|)^2; the reset passes no gradient (Zenke and Vogels, Neural Computation 33, 899 (2021)). Outputs are
    the largest values that membranes without threshold reach; the loss is the cross entropy of their softmax.

    In the circuit, row pulses make the currents, each column charges a capacitor with a leak of the time constant
    ``tau_mem``, behind another of ``tau_syn`` if that is not 0; a clocked comparator fires and a switch empties the
    membrane. ``spiking.lif_circuit`` builds it for the general engine. Training is off line, in a digital memory whose
    updates ``cost`` counts; the arrays are programmed at the end of an epoch, and before outputs are computed, a
    change a cell. Training with torch instead needs nothing here but its weights: ``load_weights``.

    An example's numbers from 0 to 1 become one spike each, the earlier the larger: in step (1 - x) ``latest``
    (steps - 1), and none below ``least``.

    Parameters
    ----------
    steps : int
    dt, tau_mem, tau_syn : float, s
    sharpness : float
        k of the surrogate slope.
    latest : float
        Part of the time in which inputs spike.
    least : float
        Input below which there is no spike.
    initial : float
        Deviation of initial weights times the square root of the inputs, over 1 - beta.
    rate, decay : float
        Of Adam (Kingma and Ba, ICLR 2015), and its factor after an epoch.
    synapses : str or SynapseKind
    largest : float
        Weight that the whole range of a device stands for.
    r_wire : float, ohm
        Resistance of a segment of the lines of all arrays.

    Examples
    --------
    >>> rule = SurrogateGradient(network=(3, 20, 3), batch=3, steps=12, rate=0.02, seed=2)
    >>> x = np.array([[1.0, 0.5, 0.0], [0.0, 1.0, 0.5], [0.5, 0.0, 1.0]])
    >>> for _ in range(60):
    ...     rule.learn(x, np.eye(3))
    >>> rule.outputs(x).argmax(axis=1).tolist()
    [0, 1, 2]
    """

    network: tuple[int, ...] = (784, 300, 10)
    batch: int = 100
    steps: int = 25
    dt: float = 1e-3
    tau_mem: float = 10e-3
    tau_syn: float = 5e-3
    sharpness: float = 10.0
    latest: float = 0.6
    least: float = 0.1
    initial: float = 5.0
    rate: float = 0.004
    decay: float = 0.7
    synapses: str | SynapseKind = "ideal"
    largest: float = 1.0
    r_wire: float = 0.0

    title = "spiking networks by backpropagation through time with surrogate slopes"
    source = "Neftci, Mostafa and Zenke, IEEE Signal Processing Magazine 36(6), 51 (2019)"

    def build(self) -> None:
        """Make weights, and the arrays that are to hold them."""
        self.steps = whole("steps", self.steps, 2)
        for name in ("dt", "tau_mem", "sharpness", "initial", "rate", "decay", "largest"):
            number(name, getattr(self, name), 0.0, open_low=True)
        number("decay", self.decay, 0.0, 1.0)
        for name in ("tau_syn", "r_wire"):
            number(name, getattr(self, name), 0.0)
        for name in ("latest", "least"):
            number(name, getattr(self, name), 0.0, 1.0)
        self.beta = float(np.exp(-self.dt / self.tau_mem))
        self.alpha = float(np.exp(-self.dt / self.tau_syn)) if self.tau_syn else 0.0
        scale = self.initial * (1.0 - self.beta)
        self.weights = [
            self.rng.normal(0.0, scale / np.sqrt(n), (n, m))
            for n, m in zip(self.network[:-1], self.network[1:], strict=True)
        ]
        kind = synapses_of(self.synapses)
        self.layers = [
            SynapseArray(
                kind.build(w, self.rng, largest=self.largest), r_word=self.r_wire, r_bit=self.r_wire, cost=self.cost
            )
            for w in self.weights
        ]
        self.moments = [np.zeros_like(w) for w in self.weights], [np.zeros_like(w) for w in self.weights]
        # updates; 1 where arrays hold other weights than wanted
        self._counts = np.zeros(2, np.int64)
        self.pace = 1.0

    def coded(self, x: Array) -> tuple[Array, Array, Array]:
        """Return an example's spikes as a list for the kernels: starts by example and step, neurons, values."""
        time = np.rint((1.0 - np.clip(x, 0.0, 1.0)) * self.latest * (self.steps - 1)).astype(np.int64)
        example, neuron = np.nonzero(x >= max(self.least, 1e-12))
        row = example * self.steps + time[example, neuron]
        order = np.argsort(row, kind="stable")
        start = np.searchsorted(row[order], np.arange(len(x) * self.steps + 1)).astype(np.int64)
        neurons, values = neuron[order].astype(np.intc), np.ones(len(row))
        return (start, neurons, values) if len(row) else (start, np.zeros(1, np.intc), np.zeros(1))

    def forward(self, weights: list[Array], x: Array, *, smooth: bool = False) -> list[Layer]:
        """Return the layers with membranes ``u`` and spikes ``s`` of a batch; ``smooth``: spikes with slope."""
        found: list[Layer] = []
        events = self.coded(x)
        for k, w in enumerate(weights):
            fires = k < len(weights) - 1
            layer = Layer(w, events, self.steps, self.alpha, self.beta, 1.0, self.sharpness, fires, smooth)
            if fires:
                events = spikes(layer.s)
            found.append(layer)
        return found

    def gradients(self, x: Array, t: Array, *, smooth: bool = False) -> list[Array]:
        """Return the gradients of the mean loss, one an array, (inputs, outputs); see the class for what is replaced.

        With ``smooth``, spikes have values 1/2 + (u - 1) / (1 + k |u - 1|), and the gradients are those of that network
        but for the steps at which its membranes are reset.
        """
        layers = self.forward(self.weights, x, smooth=smooth)
        u = layers[-1].u
        # of equal values the last: before the first spikes all are 0, and nothing leads to the first step
        at = self.steps - 1 - u[:, ::-1].argmax(axis=1)[:, None]
        peak = np.take_along_axis(u, at, axis=1)
        du = np.zeros_like(u)
        np.put_along_axis(du, at, (softmax(peak) - t[:, None]) / len(x), axis=1)
        gradient, slope = layers[-1].backward(None, du)
        found = [gradient]
        for layer, w in zip(layers[-2::-1], self.weights[:0:-1], strict=True):
            gradient, slope = layer.backward(slope @ w.T, None)
            found.append(gradient)
        return found[::-1]

    def learn(self, x: Array, t: Array) -> None:
        """Move the weights by Adam, batch by batch; the arrays follow when outputs are asked for."""
        for first in range(0, len(x), self.batch):
            found = self.gradients(x[first : first + self.batch], t[first : first + self.batch])
            self._counts += 1, 0
            n = int(self._counts[0])
            rate = self.rate * self.pace * np.sqrt(1.0 - _SECOND**n) / (1.0 - _FIRST**n)
            for w, g, one, two in zip(self.weights, found, *self.moments, strict=True):
                one += (1.0 - _FIRST) * (g - one)
                two += (1.0 - _SECOND) * (g * g - two)
                w -= rate * one / (np.sqrt(two) + _SMALL)
            self._counts[1] = 1
            count = sum(w.size for w in self.weights)
            self.cost.add("digital updates", count, 0.0, count * UPDATE_BITS * Technology().buffer_energy)

    def load_weights(self, weights: list[Array]) -> None:
        """Take over weights, (inputs, outputs) an array, that were trained elsewhere, and program the arrays.

        Of ``torch.nn.Linear`` that is ``layer.weight.detach().numpy().T``, for inputs and neurons as here.
        """
        for mine, given in zip(self.weights, weights, strict=True):
            copy_into(mine, np.asarray(given, np.float64), "weights given")
        self._counts[1] = 1
        self.program()

    def program(self) -> None:
        """Bring the arrays to the trained weights, by one pulse a cell."""
        if self._counts[1]:
            for array, w in zip(self.layers, self.weights, strict=True):
                array.change(w - array.synapses.weights)
            self._counts[1] = 0

    def held(self) -> list[Array]:
        """Return the weights as the columns feel them: what the devices hold, through the wires."""
        if not self.r_wire:
            return [np.ascontiguousarray(array.synapses.weights, np.float64) for array in self.layers]
        with self.cost.aside():
            return [np.ascontiguousarray(array.forward(np.eye(array.shape[0]))) for array in self.layers]

    def outputs(self, x: Array) -> Array:
        """Return the largest membranes, shape (samples, outputs), with the weights that the arrays hold."""
        self.program()
        weights, found = self.held(), []
        for first in range(0, len(x), _CHUNK):
            part = x[first : first + _CHUNK]
            layers = self.forward(weights, part)
            sent = np.count_nonzero(part >= self.least) + sum(float(layer.s.sum()) for layer in layers[:-1])
            self.cost.add("row spikes", sent, len(part) * self.steps * self.dt)
            found.append(layers[-1].u.max(axis=1))
        return np.concatenate(found) if found else np.zeros((0, self.network[-1]))

    def end_epoch(self) -> None:
        """Let the rate decay, and program the arrays."""
        self.pace *= self.decay
        self.program()

    def arrays(self) -> dict[str, Array]:
        """Return weights, moments, and what the arrays hold."""
        found = super().arrays() | {"pace": np.array([self.pace]), "counts": self._counts.copy()}
        for k, array in enumerate(self.layers):
            found |= {f"layer{k}.{name}": value for name, value in array.arrays().items()}
        return found | {name: value.copy() for name, value in self._digital()}

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a stored state."""
        super().restore(arrays)
        self.pace = float(arrays["pace"][0])
        copy_into(self._counts, arrays["counts"], "counts")
        for name, value in self._digital():
            copy_into(value, arrays[name], name)
        for k, array in enumerate(self.layers):
            restore_part(array, arrays, f"layer{k}.")

    def _digital(self) -> list[tuple[str, Array]]:
        named = [("weights", self.weights), ("first", self.moments[0]), ("second", self.moments[1])]
        return [(f"{name}{k}", value) for name, values in named for k, value in enumerate(values)]


EXPORT = SurrogateGradient
