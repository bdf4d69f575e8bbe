"""Gain and offset of each output, in logic, from what a circuit makes of a few samples.

    corrected = gain * found + offset

Inputs have a mean, and so the part of the error that a linear function of an output explains is often most of it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.crossbar.checks import real
from circuitnn.errors import MappingError
from circuitnn.mapping.compensation.fidelity import power_of_two

Array = NDArray[np.float64]
_PRIOR = 0.3  # samples; see ``fit_outputs``


@dataclass(frozen=True, eq=False)
class Calibration:
    """Corrections of a matrix's outputs.

    Attributes
    ----------
    gain, offset : ndarray, shape (outputs,)
    before, after : float
        ``|found - ideal| / |ideal|`` of the samples, without and with the corrections.
    """

    gain: Array
    offset: Array
    before: float
    after: float

    def __call__(self, found: Array) -> Array:
        """Return corrected outputs, shape (..., outputs)."""
        return found * self.gain + self.offset


def fit_outputs(found: ArrayLike, ideal: ArrayLike) -> Calibration:
    """Return the corrections that fit a circuit's outputs to the ideal ones best.

    Parameters
    ----------
    found, ideal : array_like, shape (samples, outputs)
        What the circuit gives for calibration inputs, and what it should give.

    Raises
    ------
    MappingError
        When the shapes differ, there is no sample, or a number is not finite.

    Notes
    -----
    Least squares, drawn towards the one gain that fits all outputs best and to no offset by as much as 0.3 samples of
    mean size would (ridge regression; A. E. Hoerl, R. W. Kennard, Technometrics 12, 55, 1970): two unknowns an output
    otherwise fit two samples exactly, noise included. From 8 samples on the draw hardly matters.

    Examples
    --------
    >>> found = np.array([[1.0, 2.0], [2.0, 1.0], [3.0, 5.0], [0.0, 4.0]])
    >>> done = fit_outputs(np.tile(found, (1000, 1)), np.tile(2.0 * found + 1.0, (1000, 1)))
    >>> done.gain.round(2).tolist(), done.offset.round(2).tolist(), round(done.after, 3)
    ([2.0, 2.0], [1.0, 1.0], 0.0)
    """
    y, z = real("outputs found", found), real("ideal outputs", ideal)
    if y.ndim != 2 or y.shape != z.shape or y.size == 0:
        raise MappingError(
            f"outputs found of shape {y.shape}, ideal ones of shape {z.shape}", expected="(samples, outputs) both"
        )
    if not (np.isfinite(y).all() and np.isfinite(z).all()):
        raise MappingError("outputs to calibrate by are not finite", expected="finite numbers")
    unit = power_of_two(y, z)  # squares of what is left neither overflow nor vanish
    y, z = y / unit, z / unit
    square = float((y * y).mean())
    common = float((y * z).mean()) / square if square > 0.0 else 1.0
    rest = z - common * y
    # The normal equations of rest = a y + b, two by two for each output.
    yy, y1, one = (y * y).sum(axis=0) + _PRIOR * (square or 1.0), y.sum(axis=0), len(y) + _PRIOR
    yr, r1 = (y * rest).sum(axis=0), rest.sum(axis=0)
    determinant = yy * one - y1 * y1
    gain, offset = common + (yr * one - y1 * r1) / determinant, (yy * r1 - y1 * yr) / determinant
    size = float(np.linalg.norm(z)) or 1.0
    before, after = (float(np.linalg.norm(out - z)) / size for out in (y, y * gain + offset))
    return Calibration(gain, offset * unit, before, after)
