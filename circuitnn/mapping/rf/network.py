"""A network of resonator chains and oscillators: inference and exact gradients of the fast model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import UsageError
from circuitnn.mapping.rf.checks import frequencies, positive
from circuitnn.mapping.rf.neurons import Neurons
from circuitnn.mapping.rf.resonators import Resonators

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class RfLayer:
    """Chains of resonators, one an output, that all listen to the same tones.

    The voltage of chain j is ``powers @ W[j] + bias[j]``, with W from ``Resonators.weights``. In a layer that is not
    the last it is turned into the current of an oscillator by a transconductance.

    Parameters
    ----------
    tones : array_like, shape (inputs,), Hz
    resonances : array_like, shape (outputs, resonators), Hz
    bias : array_like, shape (outputs,), V
    transconductance : float, S
        Current into the oscillator for a volt; no matter in the last layer.
    relative_power : array_like, shape (outputs,), optional
        Factor on each oscillator's power, 1 where oscillators are as they should be.
    """

    tones: Array
    resonances: Array
    bias: Array
    transconductance: float
    relative_power: Array

    def __init__(
        self,
        tones: ArrayLike,
        resonances: ArrayLike,
        bias: ArrayLike,
        transconductance: float = 1e-3,
        relative_power: ArrayLike | None = None,
    ) -> None:
        f = frequencies("resonances", resonances, 2)
        b = np.array(bias, dtype=np.float64)
        factor = np.ones(len(f)) if relative_power is None else np.array(relative_power, dtype=np.float64)
        for name, array in (("bias", b), ("relative_power", factor)):
            if array.shape != (len(f),) or not np.isfinite(array).all():
                raise UsageError(
                    f"{name} has shape {array.shape}", expected=f"({len(f)},), one finite number a chain of resonators"
                )
            array.setflags(write=False)
        object.__setattr__(self, "tones", frequencies("tones", tones, 1))
        object.__setattr__(self, "resonances", f)
        object.__setattr__(self, "bias", b)
        object.__setattr__(self, "transconductance", positive("transconductance", transconductance))
        object.__setattr__(self, "relative_power", factor)

    @property
    def inputs(self) -> int:
        """Number of tones."""
        return len(self.tones)

    @property
    def outputs(self) -> int:
        """Number of chains."""
        return len(self.resonances)


class RfStep(NamedTuple):
    """What one layer does with a batch: powers (W) in, voltages (V) and oscillator currents (A) of its chains."""

    layer: RfLayer
    weights: Array
    powers: Array
    voltages: Array
    currents: Array | None


class RfGradient(NamedTuple):
    """Derivatives of a loss by one layer's parameters."""

    resonances: Array
    bias: Array


@dataclass(frozen=True, eq=False)
class RfNetwork:
    """Layers of resonator chains with oscillators between them. Calling it gives the last chains' voltages.

    Parameters
    ----------
    layers : sequence of RfLayer
    resonators : Resonators
    neurons : Neurons
        Their frequencies are the next layer's tones.

    Raises
    ------
    UsageError
        When a layer has not as many tones as the layer before has oscillators.

    Notes
    -----
    Every resonator rectifies every tone, so crosstalk is part of the weights. Powers reach all resonators of a chain
    undiminished, and oscillators neither lock nor pull each other: the assumptions of the published model.

    Examples
    --------
    >>> import numpy as np
    >>> layer = RfLayer([100e6, 200e6], [[99e6, 200e6]], [0.0])
    >>> net = RfNetwork([layer])
    >>> bool(net([1e-6, 0.0])[0] > 0.008)             # a microwatt at f_r (1 + a) gives nearly K P = 8.84 mV
    True
    """

    layers: tuple[RfLayer, ...]
    resonators: Resonators
    neurons: Neurons

    def __init__(
        self, layers: Sequence[RfLayer], resonators: Resonators | None = None, neurons: Neurons | None = None
    ) -> None:
        if not layers:
            raise UsageError("an RF network needs a layer", expected="at least one")
        for n, (before, after) in enumerate(pairwise(layers), 1):
            if before.outputs != after.inputs:
                raise UsageError(
                    f"layer {n + 1} has {after.inputs} tones, but layer {n} has {before.outputs} oscillators",
                    expected="one tone an oscillator",
                )
        object.__setattr__(self, "layers", tuple(layers))
        object.__setattr__(self, "resonators", resonators or Resonators())
        object.__setattr__(self, "neurons", neurons or Neurons())

    def check_powers(self, powers: ArrayLike) -> Array:
        """Return ``powers``, W, as float64 of shape (..., inputs); raise UsageError when they are no powers."""
        try:
            array = np.asarray(powers, dtype=np.float64)
        except (TypeError, ValueError) as error:
            raise UsageError(f"the powers are no array: {error}", expected="rows of equal length") from None
        if array.ndim not in (1, 2) or array.shape[-1] != self.layers[0].inputs:
            raise UsageError(
                f"powers of shape {array.shape}",
                expected=f"({self.layers[0].inputs},) or (samples, {self.layers[0].inputs}), W",
            )
        if not (np.isfinite(array).all() and (array >= 0.0).all()):
            raise UsageError("powers must be finite and not negative", expected="W", hint="a tone has no sign")
        return array

    def weights(self) -> list[Array]:
        """Return each layer's effective weights, V/W, shape (outputs, inputs)."""
        return [self.resonators.weights(layer.tones, layer.resonances) for layer in self.layers]

    def steps(self, powers: ArrayLike, weights: Sequence[Array] | None = None) -> list[RfStep]:
        """Return what every layer does with a batch of powers, W, shape (samples, inputs)."""
        p = np.atleast_2d(self.check_powers(powers))
        found = []
        for n, (layer, w) in enumerate(zip(self.layers, weights or self.weights(), strict=True), 1):
            v = p @ w.T + layer.bias
            i = layer.transconductance * v if n < len(self.layers) else None
            found.append(RfStep(layer, w, p, v, i))
            if i is not None:
                p = self.neurons.power(i) * layer.relative_power
        return found

    def __call__(self, powers: ArrayLike) -> Array:
        """Return the voltages of the last layer's chains, V.

        Parameters
        ----------
        powers : array_like, shape (inputs,) or (samples, inputs), W

        Raises
        ------
        UsageError
            When they have another shape or are not all finite and at least 0.
        """
        voltages = self.steps(powers)[-1].voltages
        return voltages[0] if np.ndim(powers) == 1 else voltages

    def gradients(self, steps: Sequence[RfStep], upstream: Array) -> list[RfGradient]:
        """Return the derivatives of a loss by frequencies (1/Hz) and biases (1/V) of every layer.

        Parameters
        ----------
        steps : sequence of RfStep
            Of the batch.
        upstream : ndarray, shape (samples, outputs)
            Derivatives of the loss by the last voltages, 1/V.
        """
        found = []
        for step in reversed(steps):
            if step.currents is not None:
                slope = self.neurons.slope(step.currents) * step.layer.relative_power
                upstream = upstream * slope * step.layer.transconductance
            by_weight = upstream.T @ step.powers
            found.append(
                RfGradient(
                    self.resonators.gradient(step.layer.tones, step.layer.resonances, by_weight), upstream.sum(axis=0)
                )
            )
            upstream = upstream @ step.weights
        return found[::-1]

    def with_errors(self, frequency: float = 0.0, power: float = 0.0, seed: int = 0) -> RfNetwork:
        """Return the network as made: f_r (1 + e X) of resonators and P (1 + e X) of oscillators, X normal.

        Parameters
        ----------
        frequency, power : float
            Relative deviations e.
        seed : int
            The same seed gives the same errors.

        Notes
        -----
        Ross et al. (2023) study 0.1 to 5 %. Powers do not fall below zero.
        """
        layers = []
        for layer, source in zip(self.layers, np.random.SeedSequence(seed).spawn(len(self.layers)), strict=True):
            rng = np.random.default_rng(source)
            f = layer.resonances * (1.0 + frequency * rng.standard_normal(layer.resonances.shape))
            p = np.maximum(layer.relative_power * (1.0 + power * rng.standard_normal(layer.outputs)), 0.0)
            if (f <= 0.0).any():
                raise UsageError(
                    f"an error of {100 * frequency:g} % leaves a resonator without frequency", hint="a smaller one"
                )
            layers.append(replace(layer, resonances=f, relative_power=p))
        return replace(self, layers=tuple(layers))

    def resonator_count(self) -> int:
        """Return the number of resonators of all chains."""
        return sum(layer.resonances.size for layer in self.layers)
