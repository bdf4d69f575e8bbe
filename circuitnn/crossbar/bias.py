"""What a crossbar's terminals are held at, for one vector or a batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.crossbar.checks import real
from circuitnn.errors import CrossbarError

Array = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Bias:
    """Terminal voltages and currents, each of shape (batch, lines); single when there was no batch axis.

    Attributes
    ----------
    v, v_bit : ndarray, V
        Of the terminals of word and bit lines.
    i_word, i_bit : ndarray, A
        Fed into word and bit lines at the ends that are driven or sensed.
    gate : ndarray, shape (batch, rows), V
        Of the rows' gate lines, where cells have transistors.
    """

    v: Array
    v_bit: Array
    i_word: Array
    i_bit: Array
    gate: Array
    single: bool

    def __len__(self) -> int:
        return len(self.v)

    def __getitem__(self, part: slice) -> Bias:
        return Bias(self.v[part], self.v_bit[part], self.i_word[part], self.i_bit[part], self.gate[part], False)

    @property
    def plain(self) -> bool:
        """Whether only the word lines' voltages differ from zero: currents are then ``v @ T``."""
        return not (self.v_bit.any() or self.i_word.any() or self.i_bit.any())

    @property
    def scale(self) -> Array:
        """Largest voltage of each vector, or else 1, V; shape (batch,)."""
        largest = np.maximum(np.abs(self.v).max(axis=1), np.abs(self.v_bit).max(axis=1))
        return np.where(largest > 0.0, largest, 1.0)


def make_bias(
    shape: tuple[int, int],
    v: ArrayLike | None,
    v_bit: ArrayLike = 0.0,
    i_word: ArrayLike = 0.0,
    i_bit: ArrayLike = 0.0,
    gate: ArrayLike = 0.0,
) -> Bias:
    """Return the bias for what ``Crossbar.solve`` takes; raise CrossbarError for what it refuses."""
    rows, cols = shape
    given = [
        _checked("source voltages", np.zeros(rows) if v is None else v, "volts", rows, "word"),
        _checked("bit-line voltages", v_bit, "volts", cols, "bit"),
        _checked("word-line currents", i_word, "amperes", rows, "word"),
        _checked("bit-line currents", i_bit, "amperes", cols, "bit"),
        _checked("gate voltages", gate, "volts", rows, "word"),
    ]
    batches = {len(array) for array in given if array.ndim == 2}
    if len(batches) > 1:
        raise CrossbarError(f"batches of {sorted(batches)} vectors", expected="one number of vectors in all of them")
    batch = batches.pop() if batches else 1
    single = not any(array.ndim == 2 for array in given)
    whole = [np.broadcast_to(a, (batch, lines)) for a, lines in zip(given, (rows, cols, rows, cols, rows), strict=True)]
    return Bias(whole[0], whole[1], whole[2], whole[3], whole[4], single)


def _checked(name: str, values: ArrayLike, unit: str, lines: int, kind: str) -> Array:
    array = real(name, values)
    if (array.shape != () or name == "source voltages") and (array.ndim not in (1, 2) or array.shape[-1] != lines):
        raise CrossbarError(
            f"{name} of shape {array.shape} for {lines} {kind} lines",
            expected=f"shape ({lines},) or (batch, {lines})",
        )
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        place = ", ".join(map(str, bad[0]))
        raise CrossbarError(f"{name.removesuffix('s')} [{place}] is {array[tuple(bad[0])]}", expected=f"finite {unit}")
    return array
