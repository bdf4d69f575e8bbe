"""Streams of random numbers: each element's own, by its name, as ``csrc/cn_random.h`` takes them."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def streams_of(names: Sequence[str]) -> NDArray[np.uint64]:
    """Return the number of each element's stream, shape (n,): a hash of its name.

    An element draws the same numbers whatever else its circuit holds and wherever it stands there; two names share a
    stream by a chance of 2**-64.

    Examples
    --------
    >>> bool(streams_of(["n1", "n2"])[1] == streams_of(["n2"])[0])
    True
    """
    hashes = [hashlib.blake2b(name.encode(), digest_size=8).digest() for name in names]
    return np.frombuffer(b"".join(hashes), dtype="<u8").astype(np.uint64)
