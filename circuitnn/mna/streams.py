"""Random numbers of transients: each element's own stream, by its name, and the band of noise."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class NoiseBand:
    """Between which frequencies (Hz) noise acts in a transient, and its seed; None for that of the options."""

    highest: float
    lowest: float
    seed: int | None = None

    @property
    def text(self) -> str:
        """Tell checkpoints of different bands apart."""
        return f" with noise from {self.lowest!r} to {self.highest!r} Hz"


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
