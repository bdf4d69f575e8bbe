"""Equilibrium propagation: free and nudged equilibria of a resistive network, and the voltages across its cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.learning.arrays import conversion_energy
from circuitnn.learning.resistive.network import ResistiveNetwork
from circuitnn.learning.resistive.relaxation import NUDGES, SIDES, Relaxation
from circuitnn.learning.rule import Rule, copy_into, part
from circuitnn.learning.settings import by_layers, number, one_of, whole
from circuitnn.learning.synapses.ideal import Ideal
from circuitnn.learning.synapses.synapse import SynapseKind, synapses_of
from circuitnn.mapping.cost.technology import Technology

Array = NDArray[Any]

_FRESH = 8192  # examples for which the power of some is good enough
_SAMPLE = 16  # these


@dataclass(kw_only=True, eq=False)
class Equilibrium(Rule):
    """Gradient descent by two equilibria of the network itself (Scellier 2024, arXiv 2402.11674; Kendall et al. 2020).

    Driven: the inputs as voltages of both signs; then, from the free equilibrium on, the outputs towards their targets.
    Measured: the voltage across every conductance. What follows: each changes by the difference of the squares of its
    two voltages, G <- clip(G - rate [(dV+)^2 - (dV-)^2] / (4 beta), g_min, g_max) where both nudges are done.

    The defaults are those published for 1568-100-10 (Scellier 2024: 3.46 % test error on MNIST after 10 epochs, gain
    100, beta 1, rates 0.006, batch 4, 4 sweeps). Conductances, voltages and currents are in units of ``siemens``,
    ``volts`` and their product.

    Parameters
    ----------
    network : tuple of int
        Features, hidden nodes of each layer, outputs; each feature is two sources.
    batch : int
        Examples over which a gradient is averaged.
    seed : int
    gain : float
        Voltage of an input of 1.
    beta : float
        Conductance of the nudge. An exact nudge with -beta needs more than that between each output and the layer below
        it, which small networks have not with the default.
    rates : tuple of float
        Learning rates of each layer's conductances, or one for all.
    bias_rates : tuple of float, optional
        Of the bias currents; the same as of conductances when not given.
    decay : float
        Factor of all rates after each epoch.
    sweeps : int
        Of each equilibrium; 0: 3 and one a hidden layer, as published.
    nudging : {"exact", "current", "cross-entropy"}
        A conductance to a source at the target; the current beta (t - o) of the free outputs;
        beta T (t - softmax(o / T)).
    temperature : float
        T of the cross-entropy: the voltage of an output that counts as 1.
    sides : {"centred", "plus", "minus", "random"}
        Nudges with +beta and -beta, or with one of them beside the free equilibrium.
    diodes : {"ideal", "exponential"}
    low, high : float
        Voltages of the sources to which the diodes lead.
    pairs : bool
        Two diodes at every hidden node.
    saturation, thermal : float
        Current and voltage of exponential diodes.
    amplification : float
        Of bidirectional amplifiers behind hidden nodes; 1: none.
    differential : bool
        Two nodes an output.
    g_min, g_max : float
        Bounds of conductances.
    largest : float
        Initial conductances are even in +-largest / sqrt(rows), negative ones cut off at g_min.
    synapses : str or SynapseKind
        Devices. "ideal" conductances are updated where they are solved; others take the gradient by pulses.
    precision : {"single", "double"}
    threads : int
        Results do not depend on it.
    siemens, volts : float
        What a conductance of 1 and a voltage of 1 stand for; they matter to energies only.

    Notes
    -----
    Costs: a settling takes ``Technology().read_time`` and dissipates the sum of G dV^2 of the free equilibrium for that
    long. That power is measured on 16 examples and anew every 8192. 8-bit converters drive inputs and targets and sense
    outputs, once an example. Pulses are counted by the synapses; what a cell needs to square its voltages is not.

    Examples
    --------
    >>> rule = Equilibrium(network=(2, 8, 2), gain=4.0, beta=0.05, rates=(0.02,), batch=4, seed=1)
    >>> x, t = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.eye(2)[[0, 1, 1, 0]]
    >>> for _ in range(500):
    ...     rule.learn(x, t)
    >>> rule.outputs(x).argmax(axis=1).tolist()
    [0, 1, 1, 0]
    """

    title = "equilibrium propagation in a network of resistors and diodes"
    source = "Scellier, ICML 2024, arXiv:2402.11674; Kendall et al. 2020, arXiv:2006.01981"

    batch: int = 4
    gain: float = 100.0
    beta: float = 1.0
    rates: tuple[float, ...] = (0.006,)
    bias_rates: tuple[float, ...] | None = None
    decay: float = 0.99
    sweeps: int = 0
    nudging: str = "exact"
    temperature: float = 1.0
    sides: str = "centred"
    diodes: str = "ideal"
    low: float = 0.0
    high: float = 0.0
    pairs: bool = False
    saturation: float = 1e-12
    thermal: float = 0.02585
    amplification: float = 1.0
    differential: bool = False
    g_min: float = 0.0
    g_max: float = float("inf")
    largest: float = 1.0
    synapses: str | SynapseKind = "ideal"
    precision: str = "single"
    threads: int = 1
    siemens: float = 1e-6
    volts: float = 2e-3

    def build(self) -> None:
        """Make the network with random conductances, and its synapses."""
        for name in ("beta", "largest", "siemens", "volts"):
            number(name, getattr(self, name), 0.0, open_low=True)
        number("decay", self.decay, 0.0, 1.0, open_low=True)
        one_of("nudging", self.nudging, NUDGES)
        one_of("sides", self.sides, SIDES)
        layers = len(self.network) - 1
        self.sweeps = whole("sweeps", self.sweeps, 0) or layers + 2
        self.rates = by_layers("rates", self.rates, layers)
        self.bias_rates = by_layers("bias_rates", self.bias_rates or self.rates, layers)
        self.kind = synapses_of(self.synapses)
        self.resistive = ResistiveNetwork(
            sizes=self.network,
            **{name: getattr(self, name) for name in _OF_NETWORK},
        )
        self.resistive.randomise(self.rng, self.largest)
        self.pace = 1.0  # by which rates have decayed
        self.minibatches = 0
        self._seen, self._watts = _FRESH, 0.0
        self.held = None
        if not isinstance(self.kind, Ideal):
            if not np.isfinite(self.g_max):
                raise UsageError("devices need a largest conductance", expected="a finite g_max", names=["g_max"])
            self.held = [
                self.kind.build(g, self.rng, signed=False, largest=self.g_max) for g in self.resistive.conductances
            ]
            for synapses in self.held:
                synapses.cost = self.cost
            self._read()
        self.relaxation = Relaxation(
            self.resistive,
            batch=self.batch,
            precision=self.precision,
            threads=whole("threads", self.threads, 1, 256),
            temperature=self.temperature,
        )

    def _read(self) -> None:
        """Take conductances from the synapses."""
        self.resistive.conductances = [
            np.maximum(np.asarray(synapses.weights, np.float64), 0.0) for synapses in self.held or ()
        ]

    def learn(self, x: Array, t: Array) -> None:
        """Settle freely and nudged, and update, batch by batch."""
        if not len(x):
            return
        rates = tuple(self.pace * rate for rate in self.rates)
        bias_rates = tuple(self.pace * rate for rate in self.bias_rates or ())
        if self.held is None:
            self.relaxation.train(
                x,
                t,
                self.beta,
                rates,
                bias_rates=bias_rates,
                sides=self.sides,
                nudging=self.nudging,
                sweeps=self.sweeps,
                seed=self.seed,
                minibatch=self.minibatches,
                store=False,
            )
            self.minibatches += -(-len(x) // self.batch)
        else:
            for first in range(0, len(x), self.batch):
                self._step(x[first : first + self.batch], t[first : first + self.batch], rates, bias_rates)
        self._count(x)

    def _step(self, x: Array, t: Array, rates: tuple[float, ...], bias_rates: tuple[float, ...]) -> None:
        """Learn one minibatch by pulses."""
        sides = self.sides
        if sides == "random":
            sides = SIDES[1 + int(self.rng.integers(2))]
        self.relaxation.load()
        phases = self.relaxation.phases(
            x, t, self.beta, sides=sides, nudging=self.nudging, sweeps=self.sweeps, tolerance=0.0
        )
        self._pulse(*self.relaxation.gradient(x, phases), rates, bias_rates)

    def _pulse(
        self,
        conductances: list[Array],
        currents: list[Array],
        rates: tuple[float, ...],
        bias_rates: tuple[float, ...],
    ) -> None:
        """Move devices and bias currents against their gradients."""
        for synapses, gradient, rate in zip(self.held or (), conductances, rates, strict=True):
            synapses.change(-rate * gradient)
        for current, gradient, rate in zip(self.resistive.currents, currents, bias_rates, strict=True):
            current -= rate * gradient
        self.minibatches += 1
        self._read()

    def _count(self, x: Array) -> None:
        """Add settlings of examples to the cost."""
        self._seen += len(x)
        if self._seen >= _FRESH:
            self._seen = 0
            self.synchronise()
            some = x[-_SAMPLE:]
            free = self.relaxation.solve(some, sweeps=self.sweeps, tolerance=0.0)
            self._watts = float(self.resistive.power(some, free).mean()) * self.siemens * self.volts**2
        settlings = len(x) * (3 if self.sides == "centred" else 2)
        seconds = settlings * Technology().read_time
        self.cost.add("settlings", settlings, seconds, seconds * self._watts)
        # inputs are held through all settlings; outputs are sensed, and targets or nudges driven
        ends = conversion_energy(self.network[0] + self.network[-1], self.network[-1])
        self.cost.add("conversions", len(x), 0.0, len(x) * ends)

    def synchronise(self) -> None:
        """Make network and solver the same: the solver is ahead when it updates, the network when synapses do."""
        if self.held is None:
            self.relaxation.store()
        else:
            self.relaxation.load()

    def outputs(self, x: Array) -> Array:
        """Return the outputs of the free equilibrium, shape (samples, outputs)."""
        if self.held is not None:
            self.relaxation.load()
        return self.resistive.outputs(self.relaxation.solve(x, sweeps=self.sweeps, tolerance=0.0)[-1])

    def end_epoch(self) -> None:
        """Let the rates decay."""
        self.pace *= self.decay

    def arrays(self) -> dict[str, Array]:
        """Return conductances or devices, bias currents and counters."""
        self.synchronise()
        found = super().arrays()
        found["counters"] = np.array([self.pace, self.minibatches, self._seen, self._watts])
        for k, current in enumerate(self.resistive.currents):
            found[f"currents{k}"] = current
        for k, g in enumerate(self.resistive.conductances):
            if self.held is None:
                found[f"conductances{k}"] = g
            else:
                found |= {f"layer{k}.{name}": value for name, value in self.held[k].arrays().items()}
        return found

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a stored state."""
        super().restore(arrays)
        self.pace, minibatches, seen, self._watts = map(float, arrays["counters"])
        self.minibatches, self._seen = (
            whole(f"{name} of the stored state", int(count), 0, 2**53)
            for name, count in (("minibatches", minibatches), ("examples", seen))
        )
        for k, current in enumerate(self.resistive.currents):
            copy_into(current, arrays[f"currents{k}"], f"currents{k}")
        for k, g in enumerate(self.resistive.conductances):
            if self.held is None:
                copy_into(g, arrays[f"conductances{k}"], f"conductances{k}")
            else:
                prefix = f"layer{k}."
                self.held[k].restore(part(arrays, prefix))
        if self.held is not None:
            self._read()
        self.relaxation.load()


_OF_NETWORK = (
    "gain",
    "diodes",
    "low",
    "high",
    "pairs",
    "saturation",
    "thermal",
    "amplification",
    "differential",
    "g_min",
    "g_max",
)

EXPORT = Equilibrium
