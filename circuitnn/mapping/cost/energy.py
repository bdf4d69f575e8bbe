"""Energy of an inference: arrays by the circuit's own solution, and what surrounds them by counting operations.

A read holds the word lines at their voltages for a time T and then returns them to zero. In a linear array whose
nodes k have capacitances C_k to ground, the sources deliver

    E = P T + sum_k C_k v_k^2

with P the power and v_k the voltages of the settled array: from rest, the node voltages are v_k - e_k(t), and
G e + C e' = 0 gives the integral of e as G^-1 C v; what the sources deliver beyond P T is, by reciprocity, the second
term. It is C V^2 a line where wires are ideal. Returning to zero costs the sources nothing. Pulses must be long
against the time constants of the lines, which ``time_constant`` bounds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.crossbar.crossbar import Crossbar
from circuitnn.crossbar.wires import Side
from circuitnn.errors import UsageError
from circuitnn.mapping.cost.technology import Technology
from circuitnn.mapping.cost.work import Work
from circuitnn.units import format_si

Array = NDArray[np.float64]
_SETTLED = 5.0  # time constants of a pulse; what is left of the departure is 0.7 %
_MOST_NODES = 2_000_000  # cells times vectors solved at once: their voltages and currents take 48 MB


class ArrayEnergy(NamedTuple):
    """Energies of reads of an array, J, each of shape (reads,).

    Attributes
    ----------
    cells : ndarray
        Lost in the cells.
    wires : ndarray
        Lost in word and bit lines and in what ties them to sources and ground.
    charge : ndarray
        Of charging the lines, half of it lost on the way up, half on the way down.
    """

    cells: Array
    wires: Array
    charge: Array

    @property
    def total(self) -> Array:
        """What the sources deliver."""
        return self.cells + self.wires + self.charge


def array_energy(
    crossbar: Crossbar, voltages: ArrayLike, read_time: float, c_word: float = 0.0, c_bit: float = 0.0
) -> ArrayEnergy:
    """Return the energies of reads from the solution of the circuit, wires included.

    Parameters
    ----------
    crossbar : Crossbar
        Bit lines are held at ground.
    voltages : array_like, shape (reads, word lines), V
    read_time : float, s
    c_word, c_bit : float, F
        Capacitance of a segment of word and bit line, to ground, at the node of each cell.

    Raises
    ------
    CrossbarError
        When the voltages do not fit.

    Examples
    --------
    >>> e = array_energy(Crossbar([[1e-3]], r_word=100.0, r_bit=400.0), [[1.5]], 10e-9, c_word=1e-15)
    >>> [round(float(part[0]) * 1e12, 6) for part in e]     # 1 mA through 1 kohm and 500 ohm; 1.4 V on 1 fF
    [10.0, 5.0, 0.00196]
    """
    volts = np.atleast_2d(np.asarray(voltages, dtype=np.float64))
    step = max(1, _MOST_NODES // (crossbar.rows * crossbar.cols))
    parts = []
    for start in range(0, len(volts), step):
        solution = crossbar.solve(volts[start : start + step], first_read=start)
        power = solution.power
        charge = c_word * (solution.v_word**2).sum(axis=(1, 2)) + c_bit * (solution.v_bit**2).sum(axis=(1, 2))
        parts.append((power.cells * read_time, (power.word + power.bit) * read_time, charge))
    return ArrayEnergy(*(np.concatenate(column) for column in zip(*parts, strict=True)))


def time_constant(crossbar: Crossbar, c_word: float, c_bit: float) -> float:
    """Return a bound of the array's time constants, s: the largest sum of a line's capacitances times resistances.

    Capacitances are of segments, as in ``array_energy``; each is multiplied by the resistance between its node and
    the end that the line is tied to. That is the sum of all time constants of the line alone (the trace of G^-1 C);
    cells, which couple lines, only make the slowest of them faster. What a broken segment cuts off is not in it.

    Examples
    --------
    >>> xb = Crossbar([[1e-6] * 3], r_word=100.0, r_bit=0.0)         # nodes behind 100, 200 and 300 ohm
    >>> round(time_constant(xb, 1e-15, 1e-15) * 1e15, 6)
    600.0
    """
    wires = crossbar.wires
    return max(_line_sum(wires.word, crossbar.cols) * c_word, _line_sum(wires.bit, crossbar.rows) * c_bit)


def _line_sum(side: Side, cells: int) -> float:
    """Return the largest sum over a line's nodes of the resistance to its end, ohm; none for those cut off."""
    segments = np.broadcast_to(side.segment[:, None] if side.uniform else side.segment, (len(side.first), cells - 1))
    from_low = side.low[:, None] + np.cumsum(np.pad(segments, ((0, 0), (1, 0))), axis=1)
    from_high = side.high[:, None] + np.cumsum(np.pad(segments[:, ::-1], ((0, 0), (1, 0))), axis=1)[:, ::-1]
    nearest = np.minimum(from_low, from_high)
    return float(np.where(np.isfinite(nearest), nearest, 0.0).sum(axis=1).max())


def ideal_array_energy(G: ArrayLike, voltages: ArrayLike, read_time: float, c_word: float = 0.0) -> ArrayEnergy:
    """Return the energies of reads of an array whose wires have no resistance: V^2 times the sum of conductances.

    Arguments are those of ``array_energy``; bit lines, at ground, take no charge. An array with wires takes less.

    Examples
    --------
    >>> e = ideal_array_energy([[1e-3, 3e-3]], [[0.5]], 10e-9, c_word=1e-15)
    >>> [round(float(part[0]) * 1e12, 6) for part in e]
    [10.0, 0.0, 0.0005]
    """
    g = np.asarray(G, dtype=np.float64)
    squares = np.atleast_2d(np.asarray(voltages, dtype=np.float64)) ** 2
    cells = read_time * (squares @ g.sum(axis=1))
    return ArrayEnergy(cells, np.zeros_like(cells), c_word * g.shape[1] * squares.sum(axis=1))


@dataclass(frozen=True)
class Energy:
    """Energy of an inference in a matrix, J, by what takes it.

    Attributes
    ----------
    cells, wires, charge : float
        Of the arrays, means over the reads given (see ``ArrayEnergy``).
    spread : float
        Standard deviation of the arrays' energy of a read over those reads, times the reads of an inference: that of
        an inference whose reads are all alike.
    drivers : float
        Word-line drivers and DACs.
    sense : float
        Amplifiers, sample and hold.
    adc : float
    buffers : float
        Inputs read from, and outputs written to, SRAM.
    digital : float
        Partial sums and bias, scale, activation.
    interconnect : float
        Inputs to the arrays and conversions from them, over the wires of the chip.
    """

    cells: float
    wires: float
    charge: float
    spread: float
    drivers: float
    sense: float
    adc: float
    buffers: float
    digital: float
    interconnect: float

    def parts(self) -> dict[str, float]:
        """Return the energies by name, without the spread."""
        return {name: value for name, value in vars(self).items() if name != "spread"}

    @property
    def array(self) -> float:
        """Cells, wires and charge."""
        return self.cells + self.wires + self.charge

    @property
    def total(self) -> float:
        """Everything."""
        return sum(self.parts().values())


def dac_energy(bits: int, technology: Technology) -> float:
    """Return the energy of driving a word line once, J: a driver, and a converter when there is more than one bit."""
    return technology.driver_energy + (technology.dac_fom * 2.0**bits if bits > 1 else 0.0)


def adc_energy(bits: float, technology: Technology) -> float:
    """Return the energy of a conversion of so many effective bits, J.

    Walden's figure of merit, IEEE J. Sel. Areas Commun. 17(4), 539-550 (1999): E = FoM 2^ENOB. A converter of 8 bits
    in name has fewer effective ones: 6.2 in Kull 2013.

    Examples
    --------
    >>> round(adc_energy(6.236, Technology(adc_fom=33.834e-15)) * 1e12, 2)     # Kull 2013: 3.06 mW at 1.2 GS/s
    2.55
    """
    return technology.adc_fom * 2.0**bits


def energy(work: Work, technology: Technology, *, length: float = 0.0, wires: bool = True) -> Energy:
    """Return the energy of an inference in a matrix.

    Parameters
    ----------
    work : Work
    technology : Technology
    length : float, m
        Distance that a bit travels between buffers and arrays.
    wires : bool
        Solve the arrays as circuits; otherwise the formula for ideal wires.

    Raises
    ------
    UsageError
        When the arrays have different numbers of reads, or reads are too short for the lines to settle.
    """
    t = technology
    if len({len(array.voltages) for array in work.arrays}) > 1:
        raise UsageError(f"the arrays of {work.label} have different numbers of reads", names=[work.label])
    slowest = max(time_constant(array.crossbar, t.c_word, t.c_bit) for array in work.arrays) if wires else 0.0
    if t.read_time < _SETTLED * slowest:
        raise UsageError(
            f"a read of {format_si(t.read_time, 's', 3)} is too short for the lines of {work.label}: "
            f"their time constant is up to {format_si(slowest, 's', 3)}",
            expected=f"a read_time of at least {_SETTLED:g} time constants",
            names=[work.label],
        )
    found = [
        array_energy(array.crossbar, array.voltages, t.read_time, t.c_word, t.c_bit)
        if wires
        else ideal_array_energy(array.crossbar.G, array.voltages, t.read_time, t.c_word)
        for array in work.arrays
    ]
    totals = np.sum([one.total for one in found], axis=0)
    cells, lost, charge = (float(sum(part.mean() for part in parts)) for parts in zip(*found, strict=True))
    inputs = work.word_lines * work.dac_bits
    converted = work.conversions * work.adc_bits
    activation = {"linear": 0.0, "relu": t.add_energy}.get(work.activation, t.activation_energy)
    once = {
        "cells": cells,
        "wires": lost,
        "charge": charge,
        "spread": float(totals.std()),
        "drivers": work.word_lines * dac_energy(work.dac_bits, t),
        "sense": work.conversions * (t.sense_power * t.read_time + t.hold_energy),
        "adc": work.conversions * adc_energy(work.adc_bits, t),
        "buffers": (inputs + work.outputs * work.dac_bits) * t.buffer_energy,
        "digital": work.conversions * t.add_energy + work.outputs * (t.multiply_energy + activation),
        "interconnect": (inputs + converted) * length * t.wire_energy,
    }
    return Energy(**{name: work.reads * value for name, value in once.items()})
