"""Training through the physics: Adam on resonance frequencies and bias voltages, by the exact gradients."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import UsageError
from circuitnn.mapping.rf.checks import number, positive, whole
from circuitnn.mapping.rf.combs import comb
from circuitnn.mapping.rf.network import RfLayer, RfNetwork
from circuitnn.mapping.rf.neurons import Neurons
from circuitnn.mapping.rf.resonators import Resonators

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Training:
    """How to train.

    Parameters
    ----------
    epochs, batch : int
        Passes through the samples, and samples a step.
    rate : float
        Adam's step, in units of each resonator's half line width a f_r; of a bias, in units of ``bias_unit``.
    bias_unit : float, V
    volts_per_logit : float, V
        Voltage that counts as one unit in the softmax of the loss. The published code takes 1 mV.
    loudness : float
        Standard deviation of the logarithm of each sample's power, drawn anew at every step: emitters come nearer and
        go. 0 trains on the samples as they are.
    decay : bool
        The rate falls to zero along half a cosine.
    seed : int
        Of the order of samples, and of their loudness.
    """

    epochs: int = 40
    batch: int = 64
    rate: float = 0.02
    bias_unit: float = 10e-3
    volts_per_logit: float = 1e-3
    loudness: float = 0.0
    decay: bool = True
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("epochs", "batch"):
            whole(name, getattr(self, name))
        whole("seed", self.seed, 0)
        for name in ("rate", "bias_unit", "volts_per_logit"):
            positive(name, getattr(self, name))
        if number("loudness", self.loudness) < 0.0:
            raise UsageError(f"loudness is {self.loudness:g}", expected="0 or more")


@dataclass(frozen=True)
class Epoch:
    """Mean loss and share of right classes while an epoch trained."""

    loss: float
    accuracy: float


class _Adam:
    """Kingma and Ba, Adam (2015), algorithm 1, on a list of arrays that are changed in place."""

    def __init__(self, shapes: list[tuple[int, ...]]) -> None:
        self.mean = [np.zeros(shape) for shape in shapes]
        self.square = [np.zeros(shape) for shape in shapes]
        self.count = 0

    def step(self, values: list[Array], gradients: list[Array], rate: float) -> None:
        self.count += 1
        first, second = 1.0 - 0.9**self.count, 1.0 - 0.999**self.count
        for value, gradient, mean, square in zip(values, gradients, self.mean, self.square, strict=True):
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient * gradient - square)
            value -= rate * (mean / first) / (np.sqrt(square / second) + 1e-12)


def initial_network(
    sizes: tuple[int, ...],
    band: tuple[float, float] = (20e6, 120e6),
    *,
    resonators: Resonators | None = None,
    neurons: Neurons | None = None,
    bias: float = 11.0846e-3,
    transconductance: float = 3.38837e-3,
    spread: float = 1.0,
    seed: int = 0,
) -> RfNetwork:
    """Return an untrained network with one resonator a tone in each chain, near the tones.

    Parameters
    ----------
    sizes : tuple of int
        Inputs, chains of each layer.
    band : (float, float), Hz
        Of the tones: the first layer's are a linear comb, as spectra are; the others geometric.
    bias, transconductance : float, V and S
        Of hidden layers: their product puts oscillators above threshold.
    spread : float
        Deviation of a resonator from its tone, in half line widths.
    seed : int

    Notes
    -----
    Band, combs, bias and transconductance are those of the code published with Ross et al. (2023).

    Examples
    --------
    >>> initial_network((4, 3, 2)).resonator_count()
    18
    """
    if len(sizes) < 2:
        raise UsageError(f"sizes are {sizes!r}", expected="inputs, then the chains of one layer or more")
    parts = resonators or Resonators()
    rng = np.random.default_rng(seed)
    layers = []
    for n, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
        tones = comb("linear" if n == 0 else "geometric", inputs, *band)
        f = tones * (1.0 + parts.damping * spread * rng.standard_normal((outputs, inputs)))
        last = n == len(sizes) - 2
        layers.append(RfLayer(tones, f, np.full(outputs, 0.0 if last else bias), transconductance))
    return RfNetwork(layers, parts, neurons)


def train(
    network: RfNetwork, powers: ArrayLike, labels: ArrayLike, options: Training | None = None
) -> tuple[RfNetwork, list[Epoch]]:
    """Train frequencies and biases to classify, by cross-entropy of the last voltages.

    Parameters
    ----------
    network : RfNetwork
        Where to start.
    powers : array_like, shape (samples, inputs), W
    labels : array_like of int, shape (samples,)
        Index of the chain that shall give the largest voltage.
    options : Training, optional

    Returns
    -------
    (RfNetwork, list of Epoch)

    Raises
    ------
    UsageError
        When shapes do not match, or labels are no chains.
    """
    options = options or Training()
    x = np.atleast_2d(network.check_powers(powers))
    y = np.asarray(labels)
    classes = network.layers[-1].outputs
    if y.shape != (len(x),) or y.dtype.kind not in "iu" or len(y) == 0 or y.min() < 0 or y.max() >= classes:
        raise UsageError(
            f"labels of shape {y.shape} and type {y.dtype} for {len(x)} samples",
            expected=f"one integer from 0 to {classes - 1} a sample",
        )
    rng = np.random.default_rng(options.seed)
    widths = [network.resonators.damping * layer.resonances for layer in network.layers]
    starts = [layer.resonances for layer in network.layers]
    # Unknowns without unit: detunings in half line widths, biases in bias units.
    values = [np.zeros_like(f) for f in starts] + [layer.bias / options.bias_unit for layer in network.layers]
    adam = _Adam([value.shape for value in values])
    batches = -(-len(x) // options.batch)
    total, history = options.epochs * batches, []
    for epoch in range(options.epochs):
        loss, right = 0.0, 0
        order = rng.permutation(len(x))
        for k in range(batches):
            pick = order[k * options.batch : (k + 1) * options.batch]
            powers_in = x[pick]
            if options.loudness:
                powers_in = powers_in * np.exp(options.loudness * rng.standard_normal((len(pick), 1)))
            steps = network.steps(powers_in)
            logits = steps[-1].voltages / options.volts_per_logit
            logits -= logits.max(axis=1, keepdims=True)
            share = np.exp(logits)
            share /= share.sum(axis=1, keepdims=True)
            rows = np.arange(len(pick))
            loss -= float(np.log(np.maximum(share[rows, y[pick]], 1e-300)).sum())
            right += int((logits.argmax(axis=1) == y[pick]).sum())
            share[rows, y[pick]] -= 1.0
            found = network.gradients(steps, share / (len(pick) * options.volts_per_logit))
            slopes = [g.resonances * width for g, width in zip(found, widths, strict=True)]
            slopes += [g.bias * options.bias_unit for g in found]
            done = (epoch * batches + k) / total
            adam.step(values, slopes, options.rate * (0.5 + 0.5 * np.cos(np.pi * done) if options.decay else 1.0))
            network = _with_values(network, starts, widths, values, options.bias_unit)
        history.append(Epoch(loss / len(x), right / len(x)))
    return network, history


def _with_values(
    network: RfNetwork, starts: list[Array], widths: list[Array], values: list[Array], bias_unit: float
) -> RfNetwork:
    count = len(network.layers)
    layers = [
        replace(layer, resonances=start + width * value, bias=bias * bias_unit)
        for layer, start, width, value, bias in zip(
            network.layers, starts, widths, values[:count], values[count:], strict=True
        )
    ]
    return replace(network, layers=tuple(layers))
