"""Frequencies of tones: combs of equal differences or equal ratios."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError
from circuitnn.mapping.rf.checks import positive, whole

Array = NDArray[np.float64]
KINDS = ("geometric", "linear")


def comb(kind: str, count: int, low: float, high: float) -> Array:
    """Return ``count`` frequencies from ``low`` to ``high``, Hz.

    ``geometric`` keeps the ratio of neighbours, so that lines whose width grows with frequency overlap equally; with
    mu = (r - 1)/(r + 1) it is the published f_0 ((1 + mu)/(1 - mu))^i. ``linear`` keeps their difference.

    Raises
    ------
    UsageError
        When the kind is unknown or the band is none.

    Notes
    -----
    Leroux et al., Phys. Rev. Applied 15, 034067 (2021).

    Examples
    --------
    >>> comb("geometric", 3, 1e8, 4e8).tolist(), comb("linear", 3, 1e8, 4e8).tolist()
    ([100000000.0, 200000000.0, 400000000.0], [100000000.0, 250000000.0, 400000000.0])
    """
    count, low, high = whole("count", count), positive("low", low), positive("high", high)
    if high < low or (count > 1 and high == low):
        raise UsageError(f"a band from {low:g} to {high:g} Hz", expected="one that rises")
    if kind == "geometric":
        return low * (high / low) ** (np.arange(count) / max(count - 1, 1))
    if kind == "linear":
        return np.linspace(low, high, count)
    raise UsageError(f"unknown comb {kind!r}", expected=" ".join(KINDS))
