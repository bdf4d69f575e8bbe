"""Derivatives of a loss on the output currents by everything an array is made of, from one adjoint solution."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.crossbar.bias import make_bias
from circuitnn.crossbar.wires import Side
from circuitnn.errors import CrossbarError

if TYPE_CHECKING:
    from circuitnn.crossbar.crossbar import Crossbar

Array = NDArray[np.float64]
_BATCH = 2**22  # cells times vectors whose node voltages are held at a time


@dataclass(frozen=True, slots=True)
class Gradient:
    """Derivatives of a loss.

    Attributes
    ----------
    G : ndarray, shape (rows, cols), per S
    v : ndarray, shape (rows,) or (batch, rows), per V
    r_word, r_bit : ndarray, shape (rows, cols + 1) and (cols, rows + 1), per ohm
        By each segment, as ``Crossbar`` takes them; those of an end that nothing is tied to are zero. The derivative
        by one resistance of all segments is the sum. None for ideal wires.
    r_source, r_sense : ndarray, shape (rows,) and (cols,), per ohm
    """

    G: Array
    v: Array
    r_word: Array | None
    r_bit: Array | None
    r_source: Array
    r_sense: Array


def gradient(crossbar: Crossbar, v: ArrayLike, grad: ArrayLike, tolerance: float) -> Gradient:
    """See ``Crossbar.vjp``."""
    forward = make_bias(crossbar.shape, v)
    adjoint = make_bias(crossbar.shape, np.zeros_like(forward.v), v_bit=_weights(crossbar, grad, forward.single))
    if len(forward) != len(adjoint):
        raise CrossbarError(f"{len(forward)} vectors and {len(adjoint)} gradients", expected="one gradient a vector")
    word, bit = crossbar.wires.word, crossbar.wires.bit
    by_g, by_v = np.zeros(crossbar.shape), np.zeros(forward.v.shape)
    by_word, by_bit = (np.zeros((lines, cells + 1)) for lines, cells in (crossbar.shape, crossbar.shape[::-1]))
    by_source, by_sense = np.zeros(crossbar.rows), np.zeros(crossbar.cols)
    step = max(1, _BATCH // crossbar.G.size)
    for k in range(0, len(forward), step):
        one, two = forward[k : k + step], adjoint[k : k + step]
        u, w, flow = crossbar._inside(one, tolerance)
        u2, w2, flow2 = crossbar._inside(two, tolerance)
        across = (u - w) * (u2 - w2)
        by_g -= across.sum(axis=0)
        # What flows into the adjoint network at the word lines, which are at zero volts there.
        by_v[k : k + step] = -flow2.sum(axis=2)
        zero = np.zeros_like(two.v)
        segments, ends = _by_resistance(word, u, u2, one.v, zero, flow, flow2)
        by_word += segments
        by_source += ends
        segments, ends = _by_resistance(
            bit,
            w.swapaxes(1, 2),
            w2.swapaxes(1, 2),
            np.zeros_like(two.v_bit),
            two.v_bit,
            -flow.swapaxes(1, 2),
            -flow2.swapaxes(1, 2),
        )
        by_bit += segments
        by_sense += ends
    return Gradient(
        by_g,
        by_v[0] if forward.single else by_v,
        None if word.ideal else by_word,
        None if bit.ideal else by_bit,
        by_source,
        by_sense,
    )


def _weights(crossbar: Crossbar, grad: ArrayLike, single: bool) -> Array:
    weights = np.asarray(grad)
    if weights.ndim != (1 if single else 2) or weights.shape[-1] != crossbar.cols:
        expected = f"({crossbar.cols},)" if single else f"(batch, {crossbar.cols})"
        raise CrossbarError(f"a gradient of shape {weights.shape}", expected=f"shape {expected}, as the currents have")
    return weights


def _by_resistance(
    side: Side, x: Array, y: Array, x_end: Array, y_end: Array, leaving_x: Array, leaving_y: Array
) -> tuple[Array, Array]:
    """Return the derivatives by segments (lines, cells + 1) and by what is beyond the ends (lines,).

    x, y: node voltages (batch, lines, cells) of the two solutions; x_end, y_end: of the terminals (batch, lines);
    leaving: currents into the cells.  By a resistance the derivative is the product of its two currents.
    """
    lines, cells = x.shape[1:]
    by = np.zeros((lines, cells + 1))
    if side.ideal:
        total = np.asarray((leaving_x.sum(axis=2) * leaving_y.sum(axis=2)).sum(axis=0))
        both = np.isfinite(side.low) & np.isfinite(side.high)
        tied = np.isfinite(side.low) | np.isfinite(side.high)
        return by, np.where(both, 0.5, 1.0) * np.where(tied, total, 0.0)
    g = side.g_segment[:, None] if side.uniform else side.g_segment
    flow = [(g * (s[:, :, :-1] - s[:, :, 1:])) for s in (x, y)]
    by[:, 1:-1] = (flow[0] * flow[1]).sum(axis=0)
    for at, conductance, node in ((0, side.g_low, 0), (-1, side.g_high, cells - 1)):
        by[:, at] = ((conductance * (x_end - x[:, :, node])) * (conductance * (y_end - y[:, :, node]))).sum(axis=0)
    return by, by[:, 0] + by[:, -1]
