"""Binary weights: signs on the cells, with one scale an output or none."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.learning.latent import Latent
from circuitnn.learning.straight_through import scaled_gradient, scaled_signs, sign

Array = NDArray[Any]


@dataclass(kw_only=True, eq=False)
class Binary(Latent):
    """BinaryConnect (Courbariaux, Bengio and David, NIPS 2015) and binary-weight networks (Rastegari et al., ECCV 2016).

    Cells hold the signs of real weights, +1 and -1: of a pair of conductances one is largest and one lowest. Real weights
    take the gradient with respect to the signs, as it is, and are kept from -1 to 1; with ``scaled``, each bit line has
    the gain alpha = mean |W|, and the gradient is that of Rastegari et al. (``scaled_gradient``).

    Parameters
    ----------
    scaled : bool
        Binary-weight networks, with alpha; if not, BinaryConnect.

    The other hyper-parameters are those of ``Latent``.

    Examples
    --------
    >>> rule = Binary(network=(2, 16, 2), batch=4, seed=3, rate=0.02, decay=1.0)
    >>> x, t = np.array([[0.0, 0], [0, 1], [1, 0], [1, 1]]), np.eye(2)[[0, 1, 1, 0]]
    >>> for _ in range(200):
    ...     rule.learn(x, t)
    >>> rule.outputs(x).argmax(axis=1).tolist(), np.unique(rule.layers[0].weights).tolist()
    ([0, 1, 1, 0], [-1.0, 1.0])
    """

    scaled: bool = True

    title = "binary weights on the cells, real ones in a digital memory"
    source = "Courbariaux, Bengio and David, NIPS 2015; Rastegari et al., ECCV 2016"

    def rounded(self, real: Array) -> tuple[Array, Array]:
        """Return signs and scales of real weights."""
        return scaled_signs(real) if self.scaled else (sign(real), np.ones(1, self.dtype))

    def to_real(self, gradient: Array, real: Array, gain: Array) -> Array:
        """Return the straight-through gradient of real weights."""
        return scaled_gradient(gradient, real, gain) if self.scaled else gradient


EXPORT = Binary
