"""Ideal synapses: conductances that take every change exactly, at once and for nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import blas

from circuitnn.errors import UsageError
from circuitnn.learning.cost import Cost
from circuitnn.learning.rule import copy_into
from circuitnn.learning.settings import number
from circuitnn.learning.synapses.synapse import SynapseKind, Synapses, line_volts, products

Array = NDArray[Any]


@dataclass(frozen=True)
class Ideal(SynapseKind):
    """Exact conductances, for comparison with devices and with published figures that had none.

    Parameters
    ----------
    g_min, g_max : float, S
        Conductances of the weight 0 and of the largest one; they matter for energies and wires only.

    Examples
    --------
    >>> w = Ideal().build(np.array([[0.5], [-0.25]]), np.random.default_rng(0))
    >>> w.update(np.array([[1.0, 2.0]]), np.array([[0.125]]))
    >>> w.weights.tolist(), (w.cells() * 1e6).round(3).tolist()
    ([[0.625], [0.0]], [[62.875, 1.0], [1.0, 1.0]])
    """

    g_min: float = 1e-6
    g_max: float = 100e-6

    def __post_init__(self) -> None:
        super().__post_init__()
        number("g_min", self.g_min, 0.0)
        number("g_max", self.g_max, self.g_min, open_low=True)

    def build(
        self, weights: Array, rng: np.random.Generator, *, signed: bool = True, largest: float = 1.0
    ) -> IdealSynapses:
        """Return synapses; see ``SynapseKind.build``."""
        return IdealSynapses(weights, self.g_min, self.g_max, signed, number("largest", largest, 0.0, open_low=True))


class IdealSynapses(Synapses):
    """Weights in an array; signed ones as pairs of conductances, of which one is lowest."""

    def __init__(self, weights: Array, g_min: float, g_max: float, signed: bool, largest: float) -> None:
        self._w = np.array(weights, order="C")
        self.shape = self._w.shape
        self.signed = signed
        self.cost = Cost()
        self._g_min, self._range, self._largest = g_min, g_max - g_min, largest
        if not signed and np.any(self._w < 0.0):
            raise UsageError("negative weights for synapses of one conductance", expected="weights of at least 0")

    @property
    def weights(self) -> Array:
        """Weights as a read finds them, shape (inputs, outputs)."""
        return self._w

    @property
    def _scale(self) -> float:
        """Siemens a unit of weight: the range is stretched when weights outgrow it."""
        return float(self._range / max(self._largest, float(np.abs(self._w).max(initial=0.0))))

    def cells(self) -> Array:
        """Return conductances, S: pairs (G+, G-) side by side, or one a weight."""
        w = self._w.astype(np.float64) * self._scale
        if not self.signed:
            return w + self._g_min
        pairs = np.stack([np.maximum(w, 0.0), np.maximum(-w, 0.0)], axis=2) + self._g_min
        return pairs.reshape(self.shape[0], -1)

    def fold(self, currents: Array) -> Array:
        """Return products from currents per volt; those of single conductances keep the offset of ``g_min``."""
        return products(currents, self._scale, signed=self.signed)

    def spread(self, d: Array) -> Array:
        """Return volts of the bit lines for a transposed read."""
        return line_volts(d, self._scale, signed=self.signed)

    def change(self, dW: Array) -> None:
        """Add ``dW``; conductances stay at 0 or above."""
        self._w += dW
        if not self.signed:
            np.maximum(self._w, 0.0, out=self._w)

    def update(self, x: Array, d: Array) -> None:
        """Add ``x.T @ d`` in place."""
        # gemm of Fortran's order, on the transposes: one pass over the weights instead of a product and a sum
        gemm = blas.sgemm if self._w.dtype == np.float32 else blas.dgemm
        left, right = (np.ascontiguousarray(a, self._w.dtype).T for a in (d, x))
        gemm(1.0, left, right, beta=1.0, c=self._w.T, trans_b=True, overwrite_c=True)
        if not self.signed:
            np.maximum(self._w, 0.0, out=self._w)

    def arrays(self) -> dict[str, Array]:
        """Return the weights."""
        return {"weights": self._w}

    def restore(self, arrays: dict[str, Array]) -> None:
        """Take over stored weights."""
        copy_into(self._w, arrays["weights"], "weights")
        if not self.signed and np.any(self._w < 0.0):
            raise UsageError("negative stored weights for synapses of one conductance")


EXPORT = Ideal
