"""What was measured of a two-terminal device: current-voltage loops and trains of pulses, from arrays or CSV files."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from circuitnn.errors import FileError, UsageError

Values = NDArray[np.float64]

_SPLIT = re.compile(r"\s*[,;\t]\s*|\s+")
_HEAD = re.compile(r"\s*([^\s(\[]+)\s*(?:[(\[]\s*([^)\]]*?)\s*[)\]])?\s*")
_COLUMNS = {
    "t": "time", "time": "time", "v": "voltage", "voltage": "voltage", "i": "current", "current": "current",
    "amplitude": "amplitude", "width": "width", "g": "conductance", "conductance": "conductance",
}  # fmt: skip
_UNITS = {"time": "s", "width": "s", "voltage": "v", "amplitude": "v", "current": "a", "conductance": "s"}
_PREFIXES = {"": 1.0, "f": 1e-15, "p": 1e-12, "n": 1e-9, "u": 1e-6, "µ": 1e-6, "μ": 1e-6, "m": 1e-3, "k": 1e3}
_FEWEST = 3
#: Time steps of a loop at least.
_STEPS = 1000


@dataclass(frozen=True, eq=False)
class Loop:
    """A current measured while a voltage runs through given values.

    Parameters
    ----------
    time : array, shape (points,)
        Seconds, increasing.
    voltage : array, shape (points,)
        Of the source, V; linear between the points.
    current : array, shape (points,)
        Into the device, A.
    series : float
        Resistance between source and device, ohm.
    name : str

    Raises
    ------
    UsageError
        For arrays of unlike lengths, fewer than three points, numbers that are not finite, times that do not increase.

    Examples
    --------
    >>> loop = Loop.at_rate([0, 1, 0, -1], [0, 1e-3, 0, -1e-3], rate=2.0)
    >>> loop.time.tolist()
    [0.0, 0.5, 1.0, 1.5]
    """

    time: Values
    voltage: Values
    current: Values
    series: float = 0.0
    name: str = "loop"

    def __post_init__(self) -> None:
        _arrays(self, ("time", "voltage", "current"), self.name)
        steps = np.diff(self.time)
        if (steps <= 0.0).any():
            at = int(np.flatnonzero(steps <= 0.0)[0]) + 1
            raise UsageError(f"{self.name}: the time does not increase at point {at}", expected="times that increase")
        _check_numbers(self.name, series=(self.series, 0.0))

    @classmethod
    def at_rate(
        cls, voltage: ArrayLike, current: ArrayLike, rate: float, *, series: float = 0.0, name: str = "loop"
    ) -> Loop:
        """Return a loop whose voltage changes at ``rate``, V/s; equal voltages in succession count as one point."""
        _check_numbers(name, rate=(rate, 0.0))
        volts = np.asarray(voltage, dtype=float)
        amperes = np.asarray(current, dtype=float)
        if volts.ndim != 1 or volts.shape != amperes.shape or not rate > 0.0:
            raise UsageError(f"{name}: a loop at {rate:g} V/s", expected="as many voltages as currents, a rate above 0")
        kept = np.append(True, np.diff(volts) != 0.0)
        volts, amperes = volts[kept], amperes[kept]
        time = np.append(0.0, np.cumsum(np.abs(np.diff(volts)))) / rate
        return cls(time, volts, amperes, series, name)

    @property
    def measured(self) -> Values:
        """The currents, A."""
        return self.current

    def drive(self) -> tuple[Values, Values]:
        """Return times from zero and voltages of the source, points on straight lines left out."""
        t, v = self.time - self.time[0], self.voltage
        slope = np.diff(v) / np.diff(t)
        span = max(float(np.ptp(v)), 1e-300) / max(float(t[-1]), 1e-300)
        corner = np.concatenate([[True], np.abs(np.diff(slope)) > 1e-6 * np.maximum(np.abs(slope[:-1]), span), [True]])
        return t[corner], v[corner]

    def samples(self) -> Values:
        """Return when the current is taken, s."""
        return self.time - self.time[0]

    def max_step(self) -> float:
        """Return the largest time step of a simulation, s."""
        return float(self.time[-1] - self.time[0]) / _STEPS


@dataclass(frozen=True, eq=False)
class PulseTrain:
    """The current read after each of a train of pulses.

    Each pulse rises within ``edge``, stays for its width and falls; after ``gap`` the read voltage stands for
    ``read_time``, at whose end the current is taken; after another gap the next pulse comes.

    Parameters
    ----------
    amplitude : array, shape (pulses,)
        Of the source, V.
    width : array, shape (pulses,), or float
        Seconds.
    current : array, shape (pulses,)
        Read after each pulse, A.
    read_voltage : float
        V.
    edge, gap, read_time : float, optional
        Seconds; a hundredth of the shortest width, and its median, when absent.
    series : float
        Resistance between source and device, ohm.
    name : str

    Raises
    ------
    UsageError
        As for `Loop`; also for widths that are not above zero.
    """

    amplitude: Values
    width: Values
    current: Values
    read_voltage: float = 0.1
    edge: float | None = None
    gap: float | None = None
    read_time: float | None = None
    series: float = 0.0
    name: str = "pulses"
    _times: dict[str, float] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if np.ndim(self.width) == 0:
            object.__setattr__(self, "width", np.full(np.shape(self.amplitude), self.width, dtype=float))
        _arrays(self, ("amplitude", "width", "current"), self.name)
        if not (self.width > 0.0).all():
            raise UsageError(f"{self.name}: a width is not above zero", expected="seconds above 0")
        _check_numbers(self.name, series=(self.series, 0.0), read_voltage=(self.read_voltage, None))
        typical = float(np.median(self.width))
        usual = {"edge": 0.01 * float(self.width.min()), "gap": typical, "read_time": typical}
        for key, value in usual.items():
            given = getattr(self, key)
            self._times[key] = value if given is None else given
            if not (math.isfinite(self._times[key]) and self._times[key] > 0.0):
                raise UsageError(f"{self.name}: {key} = {given!r}", expected="seconds above 0", names=(key,))
        if self.read_voltage == 0.0:
            raise UsageError(f"{self.name}: nothing is read at 0 V", expected="another read_voltage")

    @property
    def measured(self) -> Values:
        """The currents, A."""
        return self.current

    def _corners(self) -> tuple[Values, Values, Values]:
        """Return times and voltages of the source, and when each read ends."""
        edge, gap, read = (self._times[key] for key in ("edge", "gap", "read_time"))
        count = len(self.amplitude)
        pieces = np.column_stack([
            *np.broadcast_arrays(gap, edge, self.width, edge, gap, edge, read, edge),
        ])  # fmt: skip
        times = np.append(0.0, np.cumsum(pieces))
        volts = np.zeros((count, 8))
        volts[:, 1] = volts[:, 2] = self.amplitude
        volts[:, 5] = volts[:, 6] = self.read_voltage
        return times, np.append(0.0, volts.ravel()), times[7::8]

    def drive(self) -> tuple[Values, Values]:
        """Return times and voltages of the source."""
        times, volts, _ = self._corners()
        return times, volts

    def samples(self) -> Values:
        """Return when the current is taken, s."""
        return self._corners()[2]

    def max_step(self) -> float:
        """Return the largest time step of a simulation, s: corners of the source are met anyway."""
        return float(self.width.max()) / 10.0


Measured = Loop | PulseTrain


def _arrays(owner: Any, names: Sequence[str], what: str) -> None:
    """Turn fields into arrays of one length."""
    for name in names:
        try:
            values = np.array(getattr(owner, name), dtype=float)
        except (TypeError, ValueError):
            raise UsageError(f"{what}: {name} is no array of numbers", names=(name,)) from None
        if values.ndim != 1 or not np.isfinite(values).all():
            raise UsageError(f"{what}: {name} is no list of finite numbers", names=(name,))
        object.__setattr__(owner, name, values)
    lengths = [len(getattr(owner, name)) for name in names]
    if len({*lengths}) != 1 or lengths[0] < _FEWEST:
        shown = ", ".join(f"{count} of {name}" for name, count in zip(names, lengths, strict=True))
        raise UsageError(f"{what}: {shown}", expected=f"as many of each, at least {_FEWEST}")


def _check_numbers(what: str, **given: tuple[float, float | None]) -> None:
    for name, (value, least) in given.items():
        if not isinstance(value, int | float) or not math.isfinite(value) or (least is not None and value < least):
            expected = "a finite number" + ("" if least is None else f", at least {least:g}")
            raise UsageError(f"{what}: {name} = {value!r}", expected=expected, names=(name,))


def read_measured(
    path: str | os.PathLike[str],
    *,
    rate: float | None = None,
    series: float = 0.0,
    read_voltage: float = 0.1,
    edge: float | None = None,
    gap: float | None = None,
    read_time: float | None = None,
) -> Measured:
    """Read a loop or a train of pulses from a text file.

    Columns are separated by commas, semicolons, tabs or blanks; ``#`` begins a comment. A first line with names says
    what they are: ``time voltage current``, ``voltage current`` (with ``rate``), or ``amplitude width`` and ``current``
    or ``conductance``, a unit in parentheses behind each where it is not SI's: ``current (uA)``. Without names three
    columns are time, voltage and current, two voltage and current.

    Parameters
    ----------
    path : path-like
    rate : float, optional
        V/s, for a loop without times.
    series : float
        Resistance between source and device, ohm.
    read_voltage, edge, gap, read_time : float, optional
        See `PulseTrain`.

    Raises
    ------
    FileError
        When the file cannot be read, or a line is not what it should be; it is named.
    UsageError
        When what was read cannot be a measurement.
    """
    try:
        lines = Path(path).read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError, ValueError) as error:
        raise FileError(f"cannot read {str(path)!r}: {error}") from error
    name = Path(path).stem
    heads: list[tuple[str, float]] = []
    rows: list[list[float]] = []
    for k, line in enumerate(lines, 1):
        text = line.partition("#")[0].strip().strip(",;")
        if not text:
            continue
        words = _SPLIT.split(text)
        try:
            row = [float(word) for word in words]
        except ValueError:
            if rows or heads:
                raise FileError(f"{path}, line {k}: {text!r} is no row of numbers") from None
            heads = _heads(path, k, text)
            continue
        width = len(heads) or (len(rows[0]) if rows else len(row))
        if len(row) != width or not all(map(math.isfinite, row)):
            found = f"{len(row)} numbers" if len(row) != width else "a number that is not finite"
            raise FileError(f"{path}, line {k}: {found}", expected=f"{width} finite numbers")
        rows.append(row)
    if len(rows) < _FEWEST:
        raise FileError(f"{path} has {len(rows)} rows of numbers", expected=f"at least {_FEWEST}")
    table = np.array(rows)
    if not heads:
        usual = {2: ("voltage", "current"), 3: ("time", "voltage", "current")}.get(table.shape[1])
        if usual is None:
            raise FileError(f"{path} has {table.shape[1]} columns without names", expected="a first line of names")
        heads = [(one, 1.0) for one in usual]
    columns = {head: table[:, k] * factor for k, (head, factor) in enumerate(heads)}
    if {"amplitude", "width"} <= columns.keys() and columns.keys() & {"current", "conductance"}:
        current = columns.get("current", columns.get("conductance", np.zeros(0)) * read_voltage)
        return PulseTrain(
            columns["amplitude"], columns["width"], current, read_voltage, edge, gap, read_time, series, name
        )
    if {"time", "voltage", "current"} <= columns.keys():
        return Loop(columns["time"], columns["voltage"], columns["current"], series, name)
    if {"voltage", "current"} <= columns.keys():
        if rate is None:
            raise UsageError(f"{path} has no times", expected="rate=..., V/s", hint="or a column named time")
        return Loop.at_rate(columns["voltage"], columns["current"], rate, series=series, name=name)
    raise FileError(
        f"{path} has the columns {', '.join(columns)}",
        expected="time voltage current, voltage current, or amplitude width current",
    )


def _heads(path: Any, number: int, text: str) -> list[tuple[str, float]]:
    found = []
    split = re.split(r"[,;\t]", text) if re.search(r"[,;\t]", text) else re.split(r"\s+(?![(\[])", text)
    for part in split:
        match = _HEAD.fullmatch(part.strip().strip("\"'"))
        name = _COLUMNS.get(match[1].lower()) if match else None
        if match is None or name is None:
            raise FileError(
                f"{path}, line {number}: {part.strip()!r} names no column", expected=", ".join(dict.fromkeys(_COLUMNS))
            )
        unit = match[2] or ""
        prefix = unit[:-1] if unit[-1:].lower() == _UNITS[name] else None
        if unit and prefix not in _PREFIXES:
            raise FileError(f"{path}, line {number}: {unit!r} is no unit of {name}", expected="such as (uA), (ms), (V)")
        found.append((name, _PREFIXES[prefix] if unit and prefix is not None else 1.0))
    if len({name for name, _ in found}) != len(found):
        raise FileError(f"{path}, line {number}: two columns of one name")
    return found
