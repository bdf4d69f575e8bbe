"""What every kind of synapses answers: weights as reads find them, and the pulses that move them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.learning.cost import Cost
from circuitnn.learning.settings import converted, described, typed
from circuitnn.registry import catalog

Array = NDArray[Any]


class Synapses(ABC):
    """The weights of one matrix, held by devices.

    Attributes
    ----------
    shape : tuple of int
        (inputs, outputs).
    signed : bool
        Whether weights take both signs; if not, each is one conductance, as in resistive networks.
    cost : Cost
        To which pulses are added; whoever builds a network of several matrices gives them one in common.
    """

    shape: tuple[int, int]
    signed: bool
    cost: Cost

    @property
    @abstractmethod
    def weights(self) -> Array:
        """Weights as a read finds them, shape (inputs, outputs); not to be written to."""

    @abstractmethod
    def cells(self) -> Array:
        """Return the conductances of the cells, shape (inputs, lines), S."""

    @abstractmethod
    def fold(self, currents: Array) -> Array:
        """Return products with weights, shape (..., outputs), from currents of bit lines per volt, (..., lines), S."""

    @abstractmethod
    def spread(self, d: Array) -> Array:
        """Return what bit lines are driven with in a transposed read, (..., lines), so that rows add up ``d @ W.T``.

        In units of weights per siemens: currents of word lines for these volts are the products.
        """

    @abstractmethod
    def change(self, dW: Array) -> None:
        """Change every weight by pulses of its own, as near to ``dW``, shape (inputs, outputs), as the devices come."""

    def update(self, x: Array, d: Array) -> None:
        """Change weights by ``x.T @ d`` with pulses on rows and columns.

        Parameters
        ----------
        x : ndarray, shape (batch, inputs)
        d : ndarray, shape (batch, outputs)
        """
        self.change(x.T @ d)

    def pass_time(self, seconds: float) -> None:  # noqa: B027 (many devices keep what they hold)
        """Let devices drift, relax or leak for a time."""

    @abstractmethod
    def arrays(self) -> dict[str, Array]:
        """Return the whole state by name, for checkpoints."""

    @abstractmethod
    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over a state that ``arrays`` gave."""


@dataclass(frozen=True)
class SynapseKind(ABC):
    """Numbers of devices, from which synapses are built; a file in ``circuitnn/learning/synapses`` each."""

    def __post_init__(self) -> None:
        typed(self)

    @abstractmethod
    def build(self, weights: Array, rng: np.random.Generator, *, signed: bool = True, largest: float = 1.0) -> Synapses:
        """Return synapses that hold weights as well as they can.

        Parameters
        ----------
        weights : ndarray, shape (inputs, outputs)
            Initial ones; their type, float32 or float64, is that of the synapses.
        rng : numpy.random.Generator
            Of variations and noise.
        signed : bool
            Whether weights take both signs.
        largest : float
            Magnitude that the whole range of a device stands for.
        """


def products(currents: Array, scale: float, *, signed: bool = True) -> Array:
    """Return products with weights from currents of bit lines per volt, (..., lines), S; of pairs G+, G- if signed.

    Examples
    --------
    >>> products(np.array([3e-6, 1e-6]), 1e-6).round(9).tolist()
    [2.0]
    """
    return np.asarray((currents[..., ::2] - currents[..., 1::2] if signed else currents) / scale)


def line_volts(d: Array, scale: float, *, signed: bool = True) -> Array:
    """Return what bit lines are driven with in a transposed read, (..., lines); each pair with both signs if signed.

    Examples
    --------
    >>> line_volts(np.array([2.0]), 0.5).tolist()
    [4.0, -4.0]
    """
    lines = np.stack([d, -d], axis=-1).reshape(*d.shape[:-1], -1) if signed else d
    return np.asarray(lines / scale)


def synapses_of(given: SynapseKind | str) -> SynapseKind:
    """Return a kind of synapses from text such as ``"pulsed:steps=1200"``, or itself.

    Raises
    ------
    UsageError
        When the kind or one of its numbers is unknown or out of range.

    Examples
    --------
    >>> synapses_of("ideal:g_max=50u").g_max
    5e-05
    """
    if isinstance(given, SynapseKind):
        return given
    kinds = catalog("learning.synapses")
    if not isinstance(given, str):
        raise UsageError(f"synapses are {given!r}", expected=f"a SynapseKind or one of {' '.join(kinds.names())}")
    name, values = described(given)
    made = kinds.get(name)
    kind: SynapseKind = made(**converted(made, dict(values), f"synapse {name}"))
    return kind
