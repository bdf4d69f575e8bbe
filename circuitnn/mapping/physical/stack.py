"""The technology that an array is drawn in: layers, their electrical numbers, pitches, and areas of the periphery.

Lengths are in micrometres, the unit of layouts; resistances in ohms, capacitances in farads.
"""

from __future__ import annotations

import math
import os
import tomllib
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any

import numpy as np

from circuitnn.errors import FileError, UsageError, nearest
from circuitnn.mapping.physical.capacitance import EPSILON_0, by_neighbour, of_line
from circuitnn.units import format_si

_MICRO = 1e-6
#: (layer, datatype) of GDSII.
GdsLayer = tuple[int, int]


@dataclass(frozen=True)
class Metal:
    """A layer of wires.

    Attributes
    ----------
    sheet_resistance : float
        Ohms a square.
    thickness, width : float
        Of a line's section.
    height : float
        Of its lower side above the plane that counts as ground.
    drawing, pin, label : (int, int)
        GDSII layers of wires, of pins and of the texts that name nets.
    """

    sheet_resistance: float
    thickness: float
    width: float
    height: float
    drawing: GdsLayer
    pin: GdsLayer
    label: GdsLayer


@dataclass(frozen=True)
class Contact:
    """A square between layers: the memory element on a word line, or the via from it to a bit line.

    Attributes
    ----------
    size : float
        Its side.
    resistance : float
        Ohms, of one; 0 for the element, whose resistance is its state.
    drawing : (int, int)
        GDSII layer.
    """

    size: float
    resistance: float
    drawing: GdsLayer


@dataclass(frozen=True)
class PeripheryArea:
    """Areas of what stands around an array, square micrometres.

    Attributes
    ----------
    driver : float
        Digital-to-analogue converter and driver of a word line.
    sense : float
        Sense circuit of a bit line.
    adc : float
        An analogue-to-digital converter; ``bit_lines_per_adc`` share one.
    digital : float
        Digital logic beside each such converter.
    bit_lines_per_adc : int
    """

    driver: float
    sense: float
    adc: float
    digital: float
    bit_lines_per_adc: int


@dataclass(frozen=True)
class Capacitance:
    """Capacitance of a segment of wire, F: parts of the total.

    Attributes
    ----------
    alone : float
        Of the line without others: area and fringe to the plane below.
    neighbour : float
        What each of the two lines beside it adds.
    crossing : float
        To the line that it crosses, without the cell's own.
    """

    alone: float
    neighbour: float
    crossing: float

    @property
    def total(self) -> float:
        """What a driver sees when all other lines rest, F."""
        return self.alone + 2.0 * self.neighbour + self.crossing


@dataclass(frozen=True)
class Stack:
    """A technology for passive crossbars: bit lines above word lines, a memory element and a via at each crossing.

    Attributes
    ----------
    name : str
    word, bit : Metal
        Layers of word lines, which run along x, and of bit lines, along y, above them.
    element, via : Contact
        The memory element lies on the word line, the via joins its top to the bit line.
    pitch_x, pitch_y : float
        Of bit lines and of word lines: the size of a cell.
    permittivity : float
        Relative, of the dielectric around wires.
    outline : (int, int)
        GDSII layer of outlines of blocks and of their names.
    periphery : PeripheryArea
    spacing : float
        Between neighbouring tiles.
    source : str
        Where the numbers are from.

    Raises
    ------
    UsageError
        When a number is out of range, wires or contacts do not fit, or layers are given twice; names the fields.

    Examples
    --------
    >>> stack = Stack()
    >>> round(stack.r_word, 4), round(stack.r_bit, 4), stack.r_cell      # ohm a segment; ohm in series with a cell
    (0.2404, 0.2404, 4.5)
    >>> round(stack.c_word.total * 1e15, 3)                              # fF a segment
    0.126
    """

    name: str = "SKY130 met1, ReRAM, met2"
    word: Metal = field(default=Metal(0.125, 0.36, 0.26, 1.3761, (68, 20), (68, 16), (68, 5)))
    bit: Metal = field(default=Metal(0.125, 0.36, 0.26, 2.0061, (69, 20), (69, 16), (69, 5)))
    element: Contact = field(default=Contact(0.2, 0.0, (201, 20)))
    via: Contact = field(default=Contact(0.15, 4.5, (68, 44)))
    pitch_x: float = 0.5
    pitch_y: float = 0.5
    permittivity: float = 4.5
    outline: GdsLayer = (235, 4)
    periphery: PeripheryArea = field(default=PeripheryArea(2.74, 0.64, 19800.0, 495.0, 128))
    spacing: float = 10.0
    source: str = (
        "google/skywater-pdk, docs/rules: sheet and via resistances (rcx), width, spacing, via and enclosure (m1, via, "
        "m2); heights, thicknesses and permittivities of the public sky130A stack of the capiche extraction tables; "
        "periphery: A. Shafiee et al., ISCA 2016 (ISAAC), 32 nm, times (130/32)^2"
    )

    def __post_init__(self) -> None:
        _check_numbers(self)
        _check_geometry(self)

    @property
    def r_word(self) -> float:
        """Resistance of a word line from cell to cell, ohm: sheet resistance times length by width."""
        return self.word.sheet_resistance * self.pitch_x / self.word.width

    @property
    def r_bit(self) -> float:
        """Resistance of a bit line from cell to cell, ohm."""
        return self.bit.sheet_resistance * self.pitch_y / self.bit.width

    @property
    def r_cell(self) -> float:
        """Resistance in series with each cell, ohm: its contacts."""
        return self.via.resistance + self.element.resistance

    @property
    def c_word(self) -> Capacitance:
        """Capacitance of a segment of word line."""
        return self._capacitance(self.word, self.pitch_x, self.pitch_y)

    @property
    def c_bit(self) -> Capacitance:
        """Capacitance of a segment of bit line, to the same ground as word lines; these do not shield it."""
        return self._capacitance(self.bit, self.pitch_y, self.pitch_x)

    def _capacitance(self, metal: Metal, length: float, pitch: float) -> Capacitance:
        section = metal.width, metal.thickness, metal.height
        gap = self.bit.height - self.word.height - self.word.thickness
        crossing = EPSILON_0 * self.permittivity * self.word.width * self.bit.width / gap * _MICRO
        return Capacitance(
            of_line(*section, self.permittivity) * length * _MICRO,
            by_neighbour(*section, pitch - metal.width, self.permittivity) * length * _MICRO,
            crossing,
        )

    def __str__(self) -> str:
        lines = [f"{self.name}: cells of {self.pitch_x:g} um x {self.pitch_y:g} um"]
        for kind, r, c in (("word", self.r_word, self.c_word), ("bit", self.r_bit, self.c_bit)):
            lines.append(
                f"{kind} line  {format_si(r, 'ohm', 4)} and {format_si(c.total, 'F', 3)} a segment "
                f"(alone {format_si(c.alone, 'F', 3)}, each neighbour adds {format_si(c.neighbour, 'F', 3)}, "
                f"crossing {format_si(c.crossing, 'F', 3)})"
            )
        return "\n".join([*lines, f"contacts   {format_si(self.r_cell, 'ohm', 4)} a cell"])


def read_stack(path: str | os.PathLike[str]) -> Stack:
    """Read a stack from a TOML file: the fields of ``Stack`` as keys, its parts as tables.

    Every key must be there, except ``source``: numbers of two technologies do not mix by themselves.

    Raises
    ------
    FileError
        When the file cannot be read or is no TOML.
    UsageError
        When keys are missing, unknown or of a wrong type, or numbers are out of range.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = pathlib.Path(folder, "mine.toml")
    ...     _ = path.write_text('name = "mine"\\npitch_x = 1.0')
    ...     try:
    ...         read_stack(path)
    ...     except UsageError as error:
    ...         print(error.message)
    the stack has no bit, element, outline, periphery, permittivity, pitch_y, spacing, via, word
    """
    try:
        data = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:  # ValueError: no UTF-8, no TOML, a NUL in the name
        raise FileError(f"cannot read the stack {str(path)!r}: {error}", expected="a TOML file") from error
    return _build(Stack, data, "", optional={"source"})


def _build(kind: Any, data: dict[str, Any], where: str, optional: frozenset[str] | set[str] = frozenset()) -> Any:
    known = {f.name: f for f in fields(kind)}
    what = f"[{where}]" if where else "the stack"
    for key in data:
        if key not in known:
            hint = nearest(key, known)
            raise UsageError(f"{what} has an unknown key {key!r}", expected=", ".join(known), hint=hint, names=[key])
    missing = sorted(name for name in known if name not in data and name not in optional)
    if missing:
        raise UsageError(f"{what} has no {', '.join(missing)}", expected=", ".join(known), names=missing)
    values = {}
    for key, value in data.items():
        default = known[key].default
        part = type(default) if where == "" and default is not MISSING else None
        if part in (Metal, Contact, PeripheryArea):
            if not isinstance(value, dict):
                raise UsageError(f"{key!r} of the stack is {value!r}", expected=f"a table [{key}]", names=[key])
            values[key] = _build(part, value, key)
        else:
            values[key] = tuple(value) if isinstance(value, list) else value
    return kind(**values)


def _check_numbers(stack: Stack) -> None:
    places: dict[GdsLayer, str] = {}
    for path, value, kind in _leaves(stack):
        if kind == "GdsLayer":
            pair = isinstance(value, tuple) and len(value) == 2
            good = pair and all(type(n) is int and 0 <= n < 65536 for n in value)
            expected = "[layer, datatype], each 0 to 65535"
            if good and value in places:
                raise UsageError(
                    f"{path} and {places[value]} of the stack are both on layer {value}", names=[path, places[value]]
                )
            if good:
                places[value] = path
        elif kind == "str":
            good, expected = isinstance(value, str), "a text"
        elif kind == "int":
            good, expected = type(value) is int and value > 0, "a whole number above 0"
        else:
            number = isinstance(value, float | int | np.floating) and not isinstance(value, bool)
            least_zero = path.endswith("resistance") or path == "spacing"
            good = number and math.isfinite(value) and (value > 0.0 or (least_zero and value == 0.0))
            expected = "a finite number, not negative" if least_zero else "a finite number above 0"
        if not good:
            raise UsageError(f"{path} of the stack is {value!r}", expected=expected, names=[path])


def _leaves(part: Any, where: str = "") -> list[tuple[str, Any, str]]:
    found: list[tuple[str, Any, str]] = []
    for f in fields(part):
        value, path = getattr(part, f.name), f"{where}{f.name}"
        if f.type in ("Metal", "Contact", "PeripheryArea"):
            if type(value).__name__ != f.type:
                raise UsageError(f"{path} of the stack is {value!r}", expected=f"a {f.type}", names=[path])
            found += _leaves(value, f"{path}.")
        else:
            found.append((path, value, str(f.type)))
    return found


def _check_geometry(stack: Stack) -> None:
    gap = stack.bit.height - stack.word.height - stack.word.thickness
    rules = (
        (stack.word.width < stack.pitch_y, "word.width", "below pitch_y: neighbouring word lines would touch"),
        (stack.bit.width < stack.pitch_x, "bit.width", "below pitch_x: neighbouring bit lines would touch"),
        (gap > 0.0, "bit.height", "above the top of word lines"),
        (stack.via.size <= stack.element.size, "via.size", "at most element.size: the via stands on the element"),
        (stack.element.size <= stack.word.width, "element.size", "at most word.width: the element lies on it"),
        (stack.via.size <= stack.bit.width, "via.size", "at most bit.width"),
        (stack.element.size < min(stack.pitch_x, stack.pitch_y), "element.size", "below the pitches"),
    )
    for good, name, expected in rules:
        if not good:
            owner: Any = stack
            for part in name.split("."):
                owner = getattr(owner, part)
            raise UsageError(f"{name} of the stack is {owner!r}", expected=expected, names=[name])
