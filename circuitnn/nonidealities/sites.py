"""Where cells are, and the random numbers that belong to each place.

A number is a hash of the seed, the effect, the draw, and the place: the array's name with the cell's row and column, or
an element's name. So it depends neither on the order in which cells are visited nor on how many others there are, and
an effect more changes no number of another.

An element whose name ends in two numbers, ``n2_3`` or ``x1.ntop2_3``, is the cell of row 2 and column 3 of the array
that is called what is left of its name without the letter of its kind: ``""`` and ``x1.top``. A crossbar ``atop`` and
``Crossbar(..., name="top")`` are arrays of the name ``top``.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import UsageError

Array = NDArray[np.float64]
Keys = NDArray[np.uint64]
Places = NDArray[np.int64]
_PLACED = re.compile(r"(.*?)(\d+)_(\d+)")
_NOWHERE = -1
_MOST_KEPT = 64
_REACH = 4.0  # deviations after which a smoothing kernel is cut: the rest is below 1e-3 of its largest value


def hashed(text: str) -> np.uint64:
    """Return 64 bits of a text's hash."""
    return np.uint64(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=8).digest(), "little"))


def _mix(x: Keys) -> Keys:
    """Stafford's finaliser (variant 13), as in SplitMix64: every input bit changes every output bit."""
    x = (x ^ (x >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    x = (x ^ (x >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return x ^ (x >> np.uint64(31))


def _at(base: Any, row: Any, col: Any) -> Keys:
    with np.errstate(over="ignore"):
        at_row = _mix(np.asarray(base + np.asarray(row).astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)))
        return _mix(at_row + (np.asarray(col).astype(np.uint64) + np.uint64(1)) * np.uint64(0xD1B54A32D192ED03))


@dataclass(frozen=True, eq=False)
class Sites:
    """Cells, as an effect sees them.

    Attributes
    ----------
    bases : ndarray of uint64
        Hash of the name of each cell's array, or of the element.
    rows, cols : ndarray of int
        -1 where an element lies in no array.
    seed : int or None
    stream : str
        Of the effect.
    window : (float, float) or None
        Range of conductance, S.
    temp : float, K
    read : int
        Number of the read.
    """

    bases: Keys
    rows: Places
    cols: Places
    seed: int | None = None
    stream: str = ""
    window: tuple[float, float] | None = None
    temp: float = 300.15
    read: int = 0
    again: Places | None = None

    @classmethod
    def of_array(cls, shape: tuple[int, int], label: str = "", **more: Any) -> Sites:
        """Return the cells of an array, each attribute of its shape."""
        rows, cols = np.indices(shape)
        return cls(np.full(shape, hashed(label)), rows, cols, **more)

    @classmethod
    def of_elements(cls, names: Sequence[str], **more: Any) -> Sites:
        """Return the places of elements.

        Examples
        --------
        >>> Sites.of_elements(["n0_3", "x1.n2_0", "n7"]).rows.tolist()
        [0, 2, -1]
        """
        bases, rows, cols = [], [], []
        known: dict[str, np.uint64] = {}
        for name in names:
            path, dot, last = name.rpartition(".")
            found = _PLACED.fullmatch(last[1:])
            label = path + dot + found[1] if found else "element " + name
            if label not in known:
                known[label] = hashed(label)
            bases.append(known[label])
            rows.append(int(found[2]) if found else _NOWHERE)
            cols.append(int(found[3]) if found else _NOWHERE)
        return cls(np.array(bases, np.uint64), np.array(rows, np.int64), np.array(cols, np.int64), **more)

    def where(self, chosen: Any) -> Sites:
        """Return some of the cells."""
        again = None if self.again is None else self.again[chosen]
        return replace(self, bases=self.bases[chosen], rows=self.rows[chosen], cols=self.cols[chosen], again=again)

    @property
    def T(self) -> Sites:
        """The cells of the transposed array: each keeps its numbers."""
        again = None if self.again is None else self.again.T
        return replace(self, bases=self.bases.T, rows=self.rows.T, cols=self.cols.T, again=again)

    @property
    def flat(self) -> Sites:
        """The cells in one row."""
        again = None if self.again is None else self.again.ravel()
        return replace(self, bases=self.bases.ravel(), rows=self.rows.ravel(), cols=self.cols.ravel(), again=again)

    @property
    def shape(self) -> tuple[int, ...]:
        """Shape of what is drawn."""
        return self.bases.shape

    # ------------------------------------------------------------------ random numbers
    def _bits(self, keys: Keys, *what: Any) -> Keys:
        if self.seed is None:
            raise UsageError(
                f"{self.stream.partition(':')[0]} draws random numbers, and there is no seed",
                expected="seed=, an integer from 0 on",
            )
        salt = hashed("|".join(map(str, (self.seed, self.stream, *what))))
        with np.errstate(over="ignore"):
            return _mix(_mix(keys ^ salt) + salt)

    def _own(self, keys: Keys) -> Keys:
        """Where the same effect acts a second time on a cell, its numbers are others."""
        return keys if self.again is None else np.where(self.again > 0, _mix(keys + self.again.astype(np.uint64)), keys)

    def uniform(self, *what: Any) -> Array:
        """Return a number between 0 and 1 for each cell, ends excluded; ``what`` names the draw."""
        return _uniform(self._bits(self._own(_at(self.bases, self.rows, self.cols)), *what))

    def normal(self, *what: Any) -> Array:
        """Return a number of the standard normal distribution for each cell."""
        from scipy.special import ndtri

        return np.asarray(ndtri(self.uniform(*what)))

    def line(self, side: str, *what: Any) -> Array:
        """Return a number between 0 and 1 for each cell that is the same along its ``"row"`` or ``"col"``."""
        self.require_places(f"a fault of a whole {side}")
        zero = np.zeros_like(self.rows)
        pair = (self.rows, zero) if side == "row" else (zero, self.cols)
        return _uniform(self._bits(self._own(_at(self.bases, *pair)), side, *what))

    def require_places(self, what: str) -> None:
        """Raise UsageError unless every cell lies in an array."""
        if (self.rows == _NOWHERE).any():
            raise UsageError(
                f"{what} needs to know where cells lie",
                expected="elements whose names end in row_column, such as n2_3, or a crossbar",
            )

    def require_window(self, kind: str) -> tuple[float, float]:
        """Return the range of conductance, S; raise UsageError where nothing says it."""
        if self.window is None:
            raise UsageError(
                f"{kind} refers to the range of conductance, and nothing says what that is",
                expected="Window(g_min, g_max) among the effects",
            )
        return self.window

    def field(self, length: float, *what: Any) -> Array:
        """Return standard normal numbers whose correlation falls as exp(-d^2 / (2 length^2)), d in cells.

        White noise on the lattice of cells, smoothed by a Gaussian kernel of deviation ``length / sqrt(2)``.
        """
        if length == 0.0:
            return self.normal(*what)
        self.require_places("a correlation length")
        found = np.empty(self.shape)
        reach = int(np.ceil(_REACH * length / np.sqrt(2.0)))
        offsets = np.arange(-reach, reach + 1)
        kernel = np.exp(-((offsets / length) ** 2))
        kernel /= np.sqrt((kernel**2).sum())
        for base in np.unique(self.bases):
            here = self.bases == base
            rows, cols = self.rows[here], self.cols[here]
            low, size = (rows.min(), cols.min()), (np.ptp(rows) + 1, np.ptp(cols) + 1)
            lattice = [np.arange(low[k] - reach, low[k] + size[k] + reach) for k in (0, 1)]
            keys = _at(base, lattice[0][:, None], lattice[1][None, :])
            from scipy.special import ndtri

            noise = np.asarray(ndtri(_uniform(self._bits(keys, "field", *what))))
            smooth = _convolved(_convolved(noise, kernel).T, kernel).T
            found[here] = smooth[rows - low[0], cols - low[1]]
        return found


class Kept:
    """What was computed for some arrays and may serve again: a memory of limited size that changes no result."""

    def __init__(self) -> None:
        self._values: dict[Any, Any] = {}

    def take(self, effect: Any, sites: Sites) -> Any:
        """Return what was put for an effect at the same places with the same seed, None when there is nothing."""
        return self._values.get(_identity(effect, sites))

    def put(self, effect: Any, sites: Sites, value: Any) -> None:
        """Keep a value, the longest kept one giving way."""
        self._values.pop(_identity(effect, sites), None)
        while len(self._values) >= _MOST_KEPT:
            del self._values[next(iter(self._values))]
        self._values[_identity(effect, sites)] = value


def _identity(effect: Any, sites: Sites) -> Any:
    arrays = (sites.bases, sites.rows, sites.cols, sites.again)
    return effect, sites.seed, sites.stream, sites.shape, *(None if a is None else a.tobytes() for a in arrays)


def _uniform(bits: Keys) -> Array:
    return np.asarray(((bits >> np.uint64(11)).astype(np.float64) + 0.5) * 2.0**-53)


def _convolved(values: Array, kernel: Array) -> Array:
    """Rows of ``values`` along axis 0, convolved where the kernel fits wholly."""
    windows = np.lib.stride_tricks.sliding_window_view(values, len(kernel), axis=0)
    return np.asarray(windows @ kernel)
