"""What a cost is counted from: a matrix on its arrays, the voltages of its reads, and how often it is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.errors import UsageError
from circuitnn.mapping.quantise import check_bits

Array = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ArrayWork:
    """An array and what is done with it in a read.

    Parameters
    ----------
    crossbar : Crossbar
    voltages : array_like, shape (reads, word lines), V
        Typical reads; costs are means over them.
    conversions : int
        Values that its ADCs convert in a read: one an output where they see the difference of two bit lines.

    Raises
    ------
    UsageError
        When voltages do not fit the array, or there is no conversion.
    """

    crossbar: Crossbar
    voltages: Array
    conversions: int

    def __post_init__(self) -> None:
        volts = np.atleast_2d(np.asarray(self.voltages, dtype=np.float64))
        if volts.ndim != 2 or volts.shape[1] != self.crossbar.rows or not len(volts) or not np.isfinite(volts).all():
            raise UsageError(
                f"voltages of shape {np.shape(self.voltages)} for an array with {self.crossbar.rows} word lines",
                expected=f"(reads, {self.crossbar.rows}), finite, at least one read",
            )
        object.__setattr__(self, "voltages", volts)
        whole("conversions", self.conversions)


@dataclass(frozen=True, eq=False)
class Work:
    """A matrix on its arrays.

    Parameters
    ----------
    label : str
    arrays : sequence of ArrayWork
    inputs, outputs : int
        Of the matrix.
    dac_bits, adc_bits : int
        Bits of an input, and effective bits of a conversion.
    activation : str
        Done on the outputs: ``linear``, ``relu`` or anything else.
    reads : int
        How often an inference reads the matrix: 1 for a dense layer, the number of output positions for a
        convolution, of time steps for a recurrent layer; times the number of pulses where inputs come bit by bit.
    stage : str, optional
        Matrices of one stage are read at the same time, as those of a layer that has several; its own label when None.
    weights : int, optional
        How many weights it has, where the others of its inputs times outputs are zero by construction.

    Raises
    ------
    UsageError
        When a number is no integer of at least 1.

    Examples
    --------
    >>> tile = ArrayWork(Crossbar([[1e-5, 1e-6]], 0.0, 0.0), [[0.2]], conversions=1)
    >>> Work("conv 1", [tile], inputs=1, outputs=1, dac_bits=8, adc_bits=8, reads=28 * 28).macs
    784
    """

    label: str
    arrays: tuple[ArrayWork, ...]
    inputs: int
    outputs: int
    dac_bits: int
    adc_bits: int
    activation: str = "linear"
    reads: int = 1
    stage: str = ""
    weights: int = 0

    def __init__(
        self,
        label: str,
        arrays: Sequence[ArrayWork],
        inputs: int,
        outputs: int,
        dac_bits: int | None,
        adc_bits: int | None,
        activation: str = "linear",
        reads: int = 1,
        stage: str | None = None,
        weights: int | None = None,
    ) -> None:
        if not arrays:
            raise UsageError(f"{label} has no array", expected="at least one", names=[label])
        for name, bits in (("dac_bits", dac_bits), ("adc_bits", adc_bits)):
            if check_bits(name, bits) is None:
                raise UsageError(
                    f"{label} has exact converters, which have no cost",
                    expected=f"{name}, a number of bits",
                    hint=f"compile with {name}, or give {name} here",
                    names=[label],
                )
        for name, number in (("inputs", inputs), ("outputs", outputs), ("reads", reads)):
            whole(name, number)
        count = inputs * outputs if weights is None else whole("weights", weights)
        for field, value in (
            ("label", label), ("arrays", tuple(arrays)), ("inputs", inputs), ("outputs", outputs),
            ("dac_bits", dac_bits), ("adc_bits", adc_bits), ("activation", activation), ("reads", reads),
            ("stage", stage or label), ("weights", count),
        ):  # fmt: skip
            object.__setattr__(self, field, value)

    @property
    def macs(self) -> int:
        """Multiplications of an inference: weights times reads."""
        return self.weights * self.reads

    @property
    def conversions(self) -> int:
        """Analogue-to-digital conversions of a read, all arrays together."""
        return sum(array.conversions for array in self.arrays)

    @property
    def word_lines(self) -> int:
        """Word lines driven in a read, all arrays together."""
        return sum(array.crossbar.rows for array in self.arrays)


def whole(name: str, value: ArrayLike) -> int:
    """Return an integer of at least 1, or raise UsageError."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 1:
        raise UsageError(f"{name} is {value!r}", expected="an integer, at least 1")
    return int(value)
