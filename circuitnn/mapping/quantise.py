"""Uniform quantisation, as a digital-to-analogue or analogue-to-digital converter does it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError

Array = NDArray[np.float64]
MAX_BITS = 24


def check_bits(name: str, bits: int | None) -> int | None:
    """Return a converter's resolution, or raise UsageError; None is a converter without limits."""
    if bits is None:
        return None
    if isinstance(bits, bool) or not isinstance(bits, int | np.integer) or not 1 <= bits <= MAX_BITS:
        raise UsageError(
            f"{name} is {bits!r}", expected=f"1 to {MAX_BITS} bits, or None for an exact one", names=[name]
        )
    return int(bits)


def quantise(values: Array, bits: int | None, limit: float, *, signed: bool) -> Array:
    """Round to the nearest level of a converter and clip to its range.

    Parameters
    ----------
    values : ndarray
    bits : int or None
        Resolution. None returns the values as they are, without clipping.
    limit : float
        End of the range, in the unit of ``values``, more than 0.
    signed : bool
        False: ``2^bits`` levels from 0 to ``limit``. True: ``2^bits - 1`` levels from ``-limit`` to ``limit``, so that
        zero is one of them (mid-tread); with one bit, the two ends.

    Examples
    --------
    >>> import numpy as np
    >>> quantise(np.array([0.1, 0.4, 2.0]), 2, 0.9, signed=False).round(12).tolist()
    [0.0, 0.3, 0.9]
    >>> quantise(np.array([-2.0, 0.1, 0.7]), 2, 1.0, signed=True).tolist()
    [-1.0, 0.0, 1.0]
    """
    if bits is None:
        return values
    if signed and bits == 1:
        return np.where(values >= 0.0, limit, -limit)
    top = 2 ** (bits - 1) - 1 if signed else 2**bits - 1
    levels = np.asarray(values / limit)
    levels *= top
    np.rint(levels, out=levels)
    np.clip(levels, -top if signed else 0, top, out=levels)
    levels /= top
    levels *= limit
    return levels
