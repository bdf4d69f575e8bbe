"""Neurons in discrete time, over samples of shape (steps, ...): every number of a step is the input of one neuron."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuitnn.mapping.operators.axes import broadcast, unbounded
from circuitnn.mapping.operators.node import Interval, Multiply, Node, Shape, numbers

Array = NDArray[np.float64]
_FIELDS = ("keep", "gain", "rest", "syn_keep", "syn_gain", "threshold", "reset")


@dataclass(frozen=True, eq=False, kw_only=True)
class Neuron(Node):
    """Neurons that integrate, leak and, if they spike, fire and are reset.

    From step to step, first the current, then the potential with the new current::

        i <- syn_keep i + syn_gain x
        v <- keep v + gain i + rest

    Both begin at zero. The output is v or, of neurons that spike, 1 where v is larger than the threshold, else 0; where
    it is 1, v becomes ``reset``. Integrators, leaky ones with or without a synapse and their spiking forms are all of
    this kind, with coefficients that the discretisation gives (Pedersen et al., Nature Communications 15, 8122 (2024),
    define the equations in continuous time).

    Parameters
    ----------
    keep, gain, rest : array_like
        Of the potential. Each broadcasts against the neurons.
    syn_keep, syn_gain : array_like
        Of the current; 0 and 1 where there is no synapse.
    threshold, reset : array_like
    spikes : bool

    Examples
    --------
    >>> one = Neuron(keep=1.0, gain=0.4, rest=0.0, syn_keep=0.0, syn_gain=1.0, threshold=1.0, reset=0.0)
    >>> one.run(None, np.ones((1, 7, 1)))[0, :, 0].tolist()
    [0.0, 0.0, 1.0, 0.0, 0.0, 1.0, 0.0]
    """

    keep: Array
    gain: Array
    rest: Array
    syn_keep: Array
    syn_gain: Array
    threshold: Array
    reset: Array
    spikes: bool = True

    def __post_init__(self) -> None:
        for field in _FIELDS:
            object.__setattr__(self, field, numbers(getattr(self, field), f"the {field} of {self.name}", self.name))

    def shape(self, *shapes: Shape) -> Shape:
        """Return the shape of the input."""
        (shape,) = shapes
        if not shape:
            raise self.refuse("has samples of one number", "(steps, ...)")
        broadcast(self, shape[1:], *(getattr(self, field).shape for field in _FIELDS), keep=True)
        return shape

    def run(self, multiply: Multiply | None, *values: Array) -> Array:
        """Return spikes or potentials after every step."""
        (x,) = values
        current = np.zeros_like(x[:, 0])
        potential = np.zeros_like(current)
        out = np.empty_like(x)
        for t in range(x.shape[1]):
            current = self.syn_keep * current + self.syn_gain * x[:, t]
            potential = self.keep * potential + self.gain * current + self.rest
            if self.spikes:
                fired = potential > self.threshold
                out[:, t] = fired
                potential = np.where(fired, self.reset, potential)
            else:
                out[:, t] = potential
        return out

    def bounds(self, *intervals: Interval) -> Interval:
        """Return the interval of the outputs; raise MappingError for potentials of neurons that do not leak."""
        if self.spikes:
            return 0.0, 1.0
        if max(np.abs(self.keep).max(), np.abs(self.syn_keep).max()) >= 1.0:
            raise unbounded(self, "integrates without a leak")
        current = _settled(self.syn_keep, self.syn_gain, np.zeros(()), intervals[0])
        return _settled(self.keep, self.gain, self.rest, current)


def _settled(keep: Array, gain: Array, rest: Array, interval: Interval) -> Interval:
    """Return the interval of ``v <- keep v + gain x + rest`` from zero on, for x in an interval."""
    ends = np.multiply.outer(np.array(interval), gain) + rest
    if keep.min() < 0.0:
        most = float((np.abs(ends) / (1.0 - np.abs(keep))).max())
        return -most, most
    settled = ends / (1.0 - keep)
    return min(0.0, float(settled.min())), max(0.0, float(settled.max()))


EXPORT = (Neuron,)
