"""How cells are programmed: trains of pulses up and down, verification between them, and when it is enough."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from circuitnn.crossbar.schemes import SCHEMES
from circuitnn.errors import UsageError
from circuitnn.mapping.quantise import check_bits, quantise
from circuitnn.nonidealities.sites import Sites

Array = NDArray[np.float64]
Index = NDArray[np.int64]


def _require(name: str, value: float, expected: str, good: bool) -> None:
    if not (isinstance(value, float | int | np.floating | np.integer) and np.isfinite(value) and good):
        raise UsageError(f"{name} is {value!r}", expected=expected, names=[name])


@dataclass(frozen=True)
class Train:
    """Pulses that follow each other while a cell has to go one way: ramps of amplitude, of width, of both or of none.

    Pulse k has the amplitude ``amplitude + k step`` away from zero, no larger than ``most``, and the width
    ``width growth^k``, no longer than ``longest``. When the sign of the error changes, the other train begins anew.

    Parameters
    ----------
    amplitude : float, V
        Of the first pulse, from word to bit line, with its sign.
    width : float, s
        Of the top of the first pulse.
    step : float, V
        By which the magnitude rises from pulse to pulse (incremental step pulse programming); 0: constant.
    most : float, optional, V
        Largest magnitude; that of the first pulse when not given.
    growth : float
        By which the width is multiplied from pulse to pulse, at least 1.
    longest : float, optional, s
        The width of the first pulse when not given.
    edge : float, s
        Duration of rise and of fall.
    gate : float, V
        On the gate line of the selected row, where cells have transistors.

    Raises
    ------
    UsageError
        When a value is out of range.

    References
    ----------
    K.-D. Suh et al., "A 3.3 V 32 Mb NAND flash memory with incremental step pulse programming scheme", IEEE J. Solid-
    State Circuits 30(11), 1149-1156 (1995).

    Examples
    --------
    >>> ramp = Train(-0.7, 50e-9, step=0.1, most=0.9)
    >>> [round(float(a), 3) for a in ramp.amplitudes(5)]
    [-0.7, -0.8, -0.9]
    """

    amplitude: float
    width: float
    step: float = 0.0
    most: float | None = None
    growth: float = 1.0
    longest: float | None = None
    edge: float = 1e-9
    gate: float = 0.0

    def __post_init__(self) -> None:
        most, longest = self._most, self._longest
        _require("amplitude", self.amplitude, "volts, not 0", self.amplitude != 0.0)
        _require("width", self.width, "seconds, above 0", self.width > 0.0)
        _require("step", self.step, "volts, not negative", self.step >= 0.0)
        _require("most", most, f"volts, at least {abs(self.amplitude):g}", most >= abs(self.amplitude))
        _require("growth", self.growth, "a factor of at least 1", self.growth >= 1.0)
        _require("longest", longest, f"seconds, at least {self.width:g}", longest >= self.width)
        _require("edge", self.edge, "seconds, above 0", self.edge > 0.0)
        _require("gate", self.gate, "volts", True)

    @property
    def _most(self) -> float:
        return abs(self.amplitude) if self.most is None else self.most

    @property
    def _longest(self) -> float:
        return self.width if self.longest is None else self.longest

    def _shape(self, pulses: int) -> tuple[Array, Array]:
        k = np.arange(pulses)
        size = abs(self.amplitude) + k * self.step
        size = np.where(size > (1.0 - 1e-9) * self._most, self._most, size)
        with np.errstate(over="ignore"):
            width = np.minimum(self.width * self.growth**k, self._longest)
        same = np.flatnonzero((size == size[-1]) & (width == width[-1]))
        last = int(same[0]) + 1
        return np.sign(self.amplitude) * size[:last], width[:last]

    def amplitudes(self, pulses: int) -> Array:
        """Return the amplitudes of the first pulses, V, up to the one that all later ones equal."""
        return self._shape(pulses)[0]

    def widths(self, pulses: int) -> Array:
        """Return their widths, s."""
        return self._shape(pulses)[1]


@dataclass(frozen=True)
class Verify:
    """The read between pulses.

    Parameters
    ----------
    voltage : float, V
        On the word line; all other lines are at 0 V, and the current of the cell's bit line is measured.
    time : float, s
    noise : float, A
        Standard deviation of the current measured, new at every read.
    bits : int, optional
        Of the converter; exact when not given.
    full_scale : float, optional, A
        End of its range, from 0, which ``bits`` need.
    gate : float, V
        On the gate line of the row, where cells have transistors.
    corrected : bool
        Whether what is read is corrected for the wires: by the part of its current that would be sensed of a cell if
        all cells were at their targets. In the first pass many are not, so that it takes a second one.

    Raises
    ------
    UsageError
        When a value is out of range.
    """

    voltage: float = 0.2
    time: float = 20e-9
    noise: float = 0.0
    bits: int | None = None
    full_scale: float | None = None
    gate: float = 0.0
    corrected: bool = True

    def __post_init__(self) -> None:
        _require("voltage", self.voltage, "volts, not 0", self.voltage != 0.0)
        _require("time", self.time, "seconds, not negative", self.time >= 0.0)
        _require("noise", self.noise, "amperes, not negative", self.noise >= 0.0)
        object.__setattr__(self, "bits", check_bits("bits", self.bits))
        if (self.bits is None) != (self.full_scale is None):
            raise UsageError("a converter has bits and a full_scale", expected="both, or neither")
        if self.full_scale is not None:
            _require("full_scale", self.full_scale, "amperes, above 0", self.full_scale > 0.0)

    def measured(self, currents: Array, sites: Sites, number: tuple[int, int]) -> Array:
        """Return the conductances, S, that are read from currents, (k,), of cells at some places.

        ``number`` tells reads of a cell apart: pass and round.
        """
        found = currents
        if self.noise:
            found = found + self.noise * sites.normal("verify", *number)
        if self.bits is not None and self.full_scale is not None:
            size = np.sign(self.voltage) * found
            found = np.sign(self.voltage) * quantise(size, self.bits, self.full_scale, signed=False)
        return np.asarray(found / self.voltage)


@dataclass(frozen=True)
class Plan:
    """How a tile is programmed.

    Cells are selected one after the other, word line after word line or bit line after bit line, and each is read and
    pulsed until it is read within the tolerance or has had its pulses: by ``set`` while it conducts too little, by
    ``reset`` while it conducts too much. Later passes do so again for cells that others have disturbed.

    Parameters
    ----------
    set, reset : Train
        What raises and what lowers the conductance; usually of opposite signs.
    tolerance : float, S
        Of a verified conductance about its target.
    verify : Verify
    scheme : str
        What unselected lines are tied to, as of ``crossbar.schemes.bias_for``; ``"inhibit"`` or ``"floating"`` are for
        cells with transistors.
    most_pulses : int
        Of a cell in one pass.
    passes : int
        At most; the first one in which every cell is found within the tolerance is the last.
    order : {"rows", "columns"}

    Raises
    ------
    UsageError
        When a value is out of range.

    Examples
    --------
    >>> plan = Plan(Train(-0.9, 50e-9), Train(0.9, 50e-9), tolerance=1e-6)
    >>> plan.scheme, plan.passes
    ('V/2', 3)
    """

    set: Train
    reset: Train
    tolerance: float
    verify: Verify = field(default_factory=Verify)
    scheme: str = "V/2"
    most_pulses: int = 100
    passes: int = 3
    order: str = "rows"

    def __post_init__(self) -> None:
        _require("tolerance", self.tolerance, "siemens, above 0", self.tolerance > 0.0)
        if self.scheme not in SCHEMES:
            raise UsageError(f"there is no scheme {self.scheme!r}", expected=", ".join(SCHEMES), names=[self.scheme])
        for name in ("most_pulses", "passes"):
            count = getattr(self, name)
            if isinstance(count, bool) or not isinstance(count, int | np.integer) or count < 1:
                raise UsageError(f"{name} is {count!r}", expected="how many, at least 1", names=[name])
        if self.order not in ("rows", "columns"):
            raise UsageError(f"order is {self.order!r}", expected="'rows' or 'columns'", names=["order"])

    @property
    def trains(self) -> tuple[Train, Train]:
        """What raises, and what lowers."""
        return self.set, self.reset


#: Ready-made plans by the name of the device's card; their tolerance is a hundredth of the card's range. Amplitudes and
#: widths were tried out on the cards' own equations.
PLANS = {
    "hfo2": Plan(
        Train(-0.7, 50e-9, step=0.02, most=1.15), Train(0.7, 50e-9, step=0.02, most=1.15), tolerance=1e-6
    ),
    "stanford_rram": Plan(
        Train(1.0, 20e-9, step=0.01, most=1.5),
        Train(-1.0, 20e-9, step=0.01, most=1.7),
        tolerance=1.9e-5,
        most_pulses=300,
    ),
    "jart_v1b": Plan(
        Train(-0.4, 50e-9, step=0.005, most=0.9),
        Train(0.8, 50e-9, step=0.01, most=1.8),
        tolerance=6e-6,
        most_pulses=300,
    ),
}  # fmt: skip
