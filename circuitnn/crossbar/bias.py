"""What a crossbar's terminals are held at, for one vector or a batch."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.crossbar.checks import real
from circuitnn.errors import CrossbarError

Array = NDArray[np.float64]
_NOTHING = np.zeros(())
_COPIED = 2**20  # numbers up to which voltages are copied


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
    mark : float, optional
        A number that depends on all of ``v`` and their order, where ``v`` is the user's own array.
    """

    v: Array
    v_bit: Array
    i_word: Array
    i_bit: Array
    gate: Array
    single: bool
    mark: float | None = None

    def __len__(self) -> int:
        return len(self.v)

    def __getitem__(self, part: slice) -> Bias:
        return Bias(self.v[part], self.v_bit[part], self.i_word[part], self.i_bit[part], self.gate[part], False)

    @property
    def plain(self) -> bool:
        """Whether only the word lines' voltages differ from zero: currents are then ``v @ T``."""
        return not any(a.any() for a in map(_distinct, (self.v_bit, self.i_word, self.i_bit)))

    def require_unchanged(self) -> None:
        """Raise CrossbarError when a large batch of voltages, which is not copied, was written to meanwhile."""
        if self.mark is not None and _mark(self.v) != self.mark:
            raise CrossbarError(
                "the source voltages were changed after the solution",
                hint="ask for node voltages and powers first, or solve for a copy",
            )

    @property
    def scale(self) -> Array:
        """Largest voltage of each vector, or else 1, V; shape (batch,)."""
        largest = np.maximum(np.abs(self.v).max(axis=1), np.abs(_distinct(self.v_bit)).max(axis=1))
        return np.where(largest > 0.0, largest, 1.0)


def _distinct(array: Array) -> Array:
    """Return what is not repeated by broadcasting."""
    return array[tuple(slice(1) if step == 0 else slice(None) for step in array.strides)]


def _mark(array: Array) -> float:
    """Return the sum of the products of each number with the next: finite only where all of them are."""
    flat = array.ravel()
    with np.errstate(all="ignore"):
        if flat.size < 2:
            return float(flat.sum())
        if flat.size > _COPIED:  # a product of matrices will follow
            return float(np.dot(flat[:-1], flat[1:]))
        # Not np.dot: the threads of BLAS go on spinning for a while, in the way of ours.
        return float(np.einsum("i,i->", flat[:-1], flat[1:]))


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
    checked = [
        _checked("source voltages", np.zeros(rows) if v is None else v, "volts", rows, "word"),
        _checked("bit-line voltages", v_bit, "volts", cols, "bit"),
        _checked("word-line currents", i_word, "amperes", rows, "word"),
        _checked("bit-line currents", i_bit, "amperes", cols, "bit"),
        _checked("gate voltages", gate, "volts", rows, "word"),
    ]
    given, marks = [array for array, _ in checked], [mark for _, mark in checked]
    batches = {len(array) for array in given if array.ndim == 2}
    if len(batches) > 1:
        raise CrossbarError(f"batches of {sorted(batches)} vectors", expected="one number of vectors in all of them")
    batch = batches.pop() if batches else 1
    single = not any(array.ndim == 2 for array in given)
    kept = given[0] is v and np.isfinite(marks[0])
    whole = [np.broadcast_to(a, (batch, lines)) for a, lines in zip(given, (rows, cols, rows, cols, rows), strict=True)]
    return Bias(whole[0], whole[1], whole[2], whole[3], whole[4], single, marks[0] if kept else None)


def _checked(name: str, values: ArrayLike, unit: str, lines: int, kind: str) -> tuple[Array, float]:
    array: Array
    if type(values) is float and values == 0.0:
        return _NOTHING, 0.0
    if isinstance(values, np.ndarray) and values.size > _COPIED and values.dtype == np.float64:
        array = np.ascontiguousarray(values)
    else:
        array = real(name, values)
    if (array.shape != () or name == "source voltages") and (array.ndim not in (1, 2) or array.shape[-1] != lines):
        raise CrossbarError(
            f"{name} of shape {array.shape} for {lines} {kind} lines",
            expected=f"shape ({lines},) or (batch, {lines})",
        )
    mark = _mark(array)
    if np.isfinite(mark):
        return array, mark
    bad = np.argwhere(~np.isfinite(array))
    if len(bad):
        place = ", ".join(map(str, bad[0]))
        raise CrossbarError(f"{name.removesuffix('s')} [{place}] is {array[tuple(bad[0])]}", expected=f"finite {unit}")
    return array, mark
