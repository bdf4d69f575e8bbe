"""Binary weights and binary inputs of every layer: products are XNOR gates, sums are counts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from circuitnn.learning.rules.binary import Binary
from circuitnn.learning.straight_through import sign, sign_slope

Array = NDArray[Any]


@dataclass(kw_only=True, eq=False)
class Xnor(Binary):
    """XNOR-Net (Rastegari et al., ECCV 2016): word lines carry +1 and -1, cells hold +1 and -1.

    A layer's normalised inputs h go in as their signs, and its sums are multiplied by K = mean |h| of an example and by
    alpha of an output (section 3.2). The slope of clip(h, -1, 1) stands for that of the sign, and K is held fixed on the
    way back, as there. Examples, from 0 to 1, go into the first layer as signs of x - 1/2, without K.

    Parameters
    ----------
    activation : {"identity"}
        The sign at the next layer's input is the only nonlinear function.

    The other hyper-parameters are those of ``Binary``.
    """

    activation: str = "identity"

    title = "binary weights and activities: XNOR gates and counts"
    source = "Rastegari, Ordonez, Redmon and Farhadi, ECCV 2016"

    activations: ClassVar[tuple[str, ...]] = ("identity",)

    def driven(self, layer: int, h: Array) -> tuple[Array, Array]:
        """Return signs, and the mean magnitude of each example."""
        if layer == 0:
            return sign(h - self.dtype(0.5)), np.ones((1, 1), self.dtype)
        return sign(h), np.abs(h).mean(axis=1, keepdims=True)

    def through(self, layer: int, h: Array, d: Array) -> Array:
        """Return dC/dh, the sign replaced by clip(h, -1, 1)."""
        return d * sign_slope(h)


EXPORT = Xnor
