"""Weights of few bits on the cells."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.learning.latent import Latent
from circuitnn.learning.settings import whole
from circuitnn.learning.straight_through import quantised

Array = NDArray[Any]


@dataclass(kw_only=True, eq=False)
class Quantised(Latent):
    """Weights rounded to 2^bits - 1 levels from -1 to 1 (Hubara et al., JMLR 18(187), 1 (2018)), signs for one bit.

    Real weights take the gradient with respect to the rounded ones as it is and are kept from -1 to 1.

    Parameters
    ----------
    bits : int
        From 1 to 16; 2 bits are the levels -1, 0 and 1.

    The other hyper-parameters are those of ``Latent``.

    Examples
    --------
    >>> np.unique(Quantised(network=(50, 5), bits=3).layers[0].weights * 3).tolist()
    [-3.0, -2.0, -1.0, 0.0, 1.0, 2.0, 3.0]
    """

    bits: int = 2

    title = "weights of few bits on the cells, real ones in a digital memory"
    source = "Hubara, Courbariaux, Soudry, El-Yaniv and Bengio, JMLR 18(187), 1 (2018)"

    def build(self) -> None:
        """Check the bits, and make weights and cells."""
        self.bits = whole("bits", self.bits)
        super().build()

    def rounded(self, real: Array) -> tuple[Array, Array]:
        """Return the nearest levels."""
        return quantised(real, self.bits), np.ones(1, self.dtype)

    def to_real(self, gradient: Array, real: Array, gain: Array) -> Array:
        """Return the gradient as it is."""
        return gradient


EXPORT = Quantised
