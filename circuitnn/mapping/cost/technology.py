"""The numbers that a cost rests on, each with its unit, its source, and whether the source was read."""

from __future__ import annotations

import contextlib
import json
import math
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from circuitnn.errors import FileError, Place, UsageError, nearest

_ISAAC = "Shafiee et al., ISCA 2016 (ISAAC), Table I, 32 nm"
_HOROWITZ = "Horowitz, ISSCC 2014, 45 nm, 0.9 V"
_KULL = "Kull et al., ISSCC 2013, 26.4 (8 bit, 32 nm), as listed in Murmann's ADC survey"
_NEUROSIM = "NeuroSim 1.3, defaults of Param.cpp"
_ROUND = "round figure, no source"
_MOST_BYTES = 1_000_000  # of a file of overrides


def _number(default: float, unit: str, what: str, source: str, seen: str = "quoted", *, zero: bool = True) -> Any:
    """Return a field; ``zero`` says whether the number may be zero."""
    return field(default=default, metadata={"unit": unit, "what": what, "source": source, "seen": seen, "zero": zero})


@dataclass(frozen=True)
class Quantity:
    """A number of a technology.

    Attributes
    ----------
    name : str
    value : float
    unit : str
        Of SI; ``1`` for a ratio.
    what : str
        What it is.
    source : str
        Where it comes from.
    seen : str
        How far it was checked: ``source`` (read there), ``quoted`` (read where others quote the source), ``no``
        (recalled, assumed, or a round figure), ``given`` (by the user).
    """

    name: str
    value: float
    unit: str
    what: str
    source: str
    seen: str


@dataclass(frozen=True)
class Technology:
    """Numbers of cells, converters, memories, logic and wires, in units of SI; any may be given instead.

    ``str`` of it is a table of all numbers with units and sources.

    Raises
    ------
    UsageError
        When a number is negative, infinite, or no number.

    Notes
    -----
    Powers and areas of ISAAC's Table I are those of all instances in a group; here they are divided by the number of
    instances, and by the rate of 100 ns a read, to give energies and areas of one. Nodes are mixed, 32 and 45 nm, and
    nothing is scaled between them.

    Examples
    --------
    >>> mine = Technology(adc_fom=10e-15, read_time=50e-9)
    >>> mine.quantity("adc_fom").source, mine.quantity("adc_rate").unit
    ('the user', '1/s')
    """

    # ---- array
    feature: float = _number(32e-9, "m", "feature size F of cells", _ISAAC, zero=False)
    cell_area: float = _number(
        4.0,
        "F^2",
        "area of a cell without a transistor; with one, 1T1R, 48 F^2 (same source)",
        _NEUROSIM,
        "source",
        zero=False,
    )
    read_time: float = _number(100e-9, "s", "length of a read pulse", f"{_ISAAC}, and section IV", zero=False)
    c_word: float = _number(
        1.9e-17,
        "F",
        "capacitance of a word-line segment: 2 F of wire at 0.3 fF/um",
        "0.3 pF/mm at 32 nm: Kogge et al., DARPA Exascale Study 2008, p. 130, quoted by others",
    )
    c_bit: float = _number(1.9e-17, "F", "capacitance of a bit-line segment, as of a word line's", "as c_word")
    # ---- input
    driver_energy: float = _number(
        0.39e-12, "J", "switching of a word line's driver, one bit", f"{_ISAAC}: 4 mW, 1024 drivers, 100 ns"
    )
    dac_fom: float = _number(
        18e-15,
        "J",
        "energy of a DAC with more than one bit, a level (times 2^bits)",
        "quoted as of a 7 nm converter at tens of GS/s, ISSCC; the paper was not seen",
        "no",
    )
    driver_area: float = _number(
        0.166e-12, "m^2", "a one-bit driver; doubled by each further bit", f"{_ISAAC}: 170 um^2, 1024 drivers"
    )
    # ---- output
    sense_power: float = _number(
        20e-6, "W", "transimpedance amplifier of a converted output, while it is read", _ROUND, "no"
    )
    hold_energy: float = _number(1e-15, "J", "sample and hold", f"{_ISAAC}: 10 uW, 1024 of them, 100 ns")
    sense_area: float = _number(50e-12, "m^2", "amplifier, sample and hold of a converted output", _ROUND, "no")
    adc_fom: float = _number(
        33.9e-15,
        "J",
        "Walden's figure of merit: energy a conversion is this times 2^(effective bits)",
        "Murmann, ADC survey 1997-2025: median of 23 SAR converters from 2010 on, 5.5 to 9 effective bits, 10 MS/s to "
        "2 GS/s; Kull 2013 has 33.8 fJ",
        "source",
    )
    adc_rate: float = _number(1.2e9, "1/s", "conversions a second", _KULL, "source", zero=False)
    adc_area: float = _number(
        1500e-12, "m^2", "an 8-bit ADC; linear in the bits as in NeuroSim's SarADC.cpp, 160 + 109 bits", _KULL, "source"
    )
    # ---- digital
    buffer_energy: float = _number(
        10e-12 / 64.0, "J", "reading or writing a bit of an 8 kB SRAM", f"{_HOROWITZ}: 10 pJ for 64 bits"
    )
    buffer_area: float = _number(
        0.0021e-6 / (2048 * 8), "m^2", "a bit of a small SRAM with its periphery", f"{_ISAAC}: 2 kB in 0.0021 mm^2"
    )
    add_energy: float = _number(0.1e-12, "J", "32-bit integer addition", _HOROWITZ)
    multiply_energy: float = _number(3.1e-12, "J", "32-bit integer multiplication", _HOROWITZ)
    activation_energy: float = _number(
        0.26e-3 / 1.2e9,
        "J",
        "a value of a nonlinear activation",
        f"{_ISAAC}: 0.52 mW for two units at 1.2 GHz; one value a clock is assumed",
        "no",
    )
    logic_area: float = _number(60e-12, "m^2", "shift-and-add unit of an ADC", f"{_ISAAC}: 240 um^2 for four")
    activation_area: float = _number(300e-12, "m^2", "activation unit of a matrix", f"{_ISAAC}: 600 um^2 for two")
    clock: float = _number(1.2e9, "1/s", "clock of the logic", _ISAAC, zero=False)
    digital_cycles: float = _number(
        4.0, "1", "clocks from the last conversion to the outputs in the buffer", f"{_ISAAC}, Fig. 4b: cycles 19-22"
    )
    wire_energy: float = _number(
        240e-15 / 1e-3, "J/m", "moving a bit on chip", "Keckler et al., IEEE Micro 2011, Table 1, 40 nm: 240 fJ/mm"
    )

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = _checked(entry.name, getattr(self, entry.name), bool(entry.metadata["zero"]))
            object.__setattr__(self, entry.name, value)

    def quantity(self, name: str) -> Quantity:
        """Return a number with what is known of it.

        Raises
        ------
        UsageError
            When there is none of that name.
        """
        for one in self.quantities():
            if one.name == name:
                return one
        raise _unknown(name, None)

    def quantities(self) -> tuple[Quantity, ...]:
        """Return all numbers; the source of those that differ from the ready-made ones is the user."""
        found = []
        for entry in fields(self):
            value, known = getattr(self, entry.name), entry.metadata
            source, seen = known["source"], known["seen"]
            if value != entry.default:
                source, seen = "the user", "given"
            found.append(Quantity(entry.name, value, known["unit"], known["what"], source, seen))
        return tuple(found)

    def __str__(self) -> str:
        lines = [f"{'number':<18}{'value':>10} {'unit':<5}{'seen':<7}what; source"]
        lines += [f"{q.name:<18}{q.value:>10.4g} {q.unit:<5}{q.seen:<7}{q.what}; {q.source}" for q in self.quantities()]
        return "\n".join(lines)

    def to_dict(self) -> dict[str, dict[str, Any]]:
        """Return ``{name: {value, unit, what, source, seen}}``, ready for JSON."""
        return {
            q.name: {"value": q.value, "unit": q.unit, "what": q.what, "source": q.source, "seen": q.seen}
            for q in self.quantities()
        }

    @staticmethod
    def read(path: str | os.PathLike[str]) -> Technology:
        """Return a technology whose numbers are those of a TOML or JSON file, ``name = value``, and ours for the rest.

        Raises
        ------
        FileError
            When the file cannot be read, or is neither ``.toml`` nor ``.json`` as its name says.
        UsageError
            When it names something unknown, or a number is out of range; with the place in the file.
        """
        file = Path(path)
        text, given = _read(file)
        names = {entry.name: bool(entry.metadata["zero"]) for entry in fields(Technology)}
        for name, value in given.items():
            place = _place(file, text, name)
            if name not in names:
                raise _unknown(name, place)
            _checked(name, value, names[name], place)
        return Technology(**given)


def technology_of(given: Technology | Mapping[str, float] | str | os.PathLike[str] | None) -> Technology:
    """Return a technology from what a user gives: itself, numbers by name, a file, or None for the ready-made one.

    Raises
    ------
    FileError, UsageError
        As ``Technology`` and ``Technology.read``.

    Examples
    --------
    >>> technology_of({"adc_rate": 1e8}).adc_rate
    100000000.0
    """
    if given is None:
        return Technology()
    if isinstance(given, Technology):
        return given
    if isinstance(given, str | os.PathLike):
        return Technology.read(given)
    if not isinstance(given, Mapping):
        raise UsageError(
            f"a technology of type {type(given).__name__}", expected="a Technology, numbers by name, or a file"
        )
    names = {entry.name for entry in fields(Technology)}
    for name in given:
        if name not in names:
            raise _unknown(name, None)
    return Technology(**given)


def _checked(name: str, value: Any, zero: bool, place: Place | None = None) -> float:
    number = math.nan
    if not isinstance(value, bool | str):
        with contextlib.suppress(TypeError, ValueError, OverflowError):
            number = float(value)
    if not (math.isfinite(number) and (number > 0.0 or (zero and number == 0.0))):
        unit = next(entry.metadata["unit"] for entry in fields(Technology) if entry.name == name)
        raise UsageError(
            f"{name} is {value!r}",
            place=place,
            expected=f"a finite number, {'not negative' if zero else 'above zero'}, in {unit}",
            names=[name],
        )
    return number


def _unknown(name: object, place: Place | None) -> UsageError:
    known = [entry.name for entry in fields(Technology)]
    return UsageError(
        f"a technology has no number {name!r}", place=place, hint=nearest(str(name), known), names=[str(name)]
    )


def _read(file: Path) -> tuple[str, dict[str, Any]]:
    """Return a file's text and its top level."""
    kind = file.suffix.lower()
    if kind not in (".toml", ".json"):
        raise FileError(f"cannot read numbers from {str(file)!r}", expected="a name that ends in .toml or .json")
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise FileError(f"{str(file)!r} has more than {_MOST_BYTES} bytes", expected="a table of numbers")
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise FileError(f"cannot read {str(file)!r}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise FileError(f"{str(file)!r} is no text in UTF-8") from None
    try:
        given = tomllib.loads(text) if kind == ".toml" else json.loads(text)
    except json.JSONDecodeError as error:
        raise FileError(f"no JSON: {error.msg}", place=Place(str(file), error.lineno, error.colno)) from None
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"line (\d+), column (\d+)", str(error))
        place = Place(str(file), int(where[1]), int(where[2])) if where else Place(str(file), 1)
        raise FileError(f"no TOML: {str(error).split(' (at')[0]}", place=place) from None
    except (RecursionError, ValueError) as error:
        raise FileError(f"cannot read {str(file)!r}: {error}") from None
    if not isinstance(given, dict):
        raise FileError(f"{str(file)!r} holds no names", expected="name = value, one a line, or one JSON object")
    return text, given


def _place(file: Path, text: str, name: str) -> Place:
    """Return where a file sets a name; its first line when that is not found, as for a quoted or dotted one."""
    for number, line in enumerate(text.splitlines(), 1):
        found = re.search(rf'(?<![\w.]){re.escape(name)}"?\s*[=:\]]', line)
        if found and not line.lstrip().startswith("#"):
            return Place(str(file), number, found.start() + 1, line[:200])
    return Place(str(file), 1)
