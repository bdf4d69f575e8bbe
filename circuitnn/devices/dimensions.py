"""Units of parameters, and whether the terms of an equation agree in them.

A unit is a product of powers of the SI base units and a factor: adding eV to J is as wrong as adding metres to volts.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from typing import Any

from circuitnn.devices.symbolic import cases_class, power_class, quantity_class, quartic_class
from circuitnn.errors import DeviceError, nearest

_BASE = ("kg", "m", "s", "A", "K", "mol")
_SHOWN = ("V", "A", "m", "s", "K", "mol")
_PREFIXES = {
    "f": 1e-15,
    "p": 1e-12,
    "n": 1e-9,
    "u": 1e-6,
    "m": 1e-3,
    "c": 1e-2,
    "k": 1e3,
    "M": 1e6,
    "G": 1e9,
    "T": 1e12,
}
#: Others by powers of kg, m, s, A, K, mol and their factor.
_NAMED: dict[str, tuple[tuple[int, int, int, int, int, int], float]] = {
    "V": ((1, 2, -3, -1, 0, 0), 1.0), "C": ((0, 0, 1, 1, 0, 0), 1.0), "ohm": ((1, 2, -3, -2, 0, 0), 1.0),
    "S": ((-1, -2, 3, 2, 0, 0), 1.0), "F": ((-1, -2, 4, 2, 0, 0), 1.0), "H": ((1, 2, -2, -2, 0, 0), 1.0),
    "W": ((1, 2, -3, 0, 0, 0), 1.0), "J": ((1, 2, -2, 0, 0, 0), 1.0), "N": ((1, 1, -2, 0, 0, 0), 1.0),
    "Wb": ((1, 2, -2, -1, 0, 0), 1.0), "T": ((1, 0, -2, -1, 0, 0), 1.0), "Pa": ((1, -1, -2, 0, 0, 0), 1.0),
    "Hz": ((0, 0, -1, 0, 0, 0), 1.0), "eV": ((1, 2, -2, 0, 0, 0), 1.602176634e-19),
    "degC": ((0, 0, 0, 0, 1, 0), 1.0), "g": ((1, 0, 0, 0, 0, 0), 1e-3), "rad": ((0,) * 6, 1.0),
    "deg": ((0,) * 6, math.pi / 180.0), "percent": ((0,) * 6, 1e-2),
}  # fmt: skip
_TOKEN = re.compile(r"\s*(?:(?P<name>[A-Za-z]+)|(?P<number>\d+)|(?P<op>[/*()^]))\s*")
_EXPONENT = re.compile(r"\s*(?P<open>\()?\s*(?P<value>[+-]?\d+(?:\.\d+|/\d+)?)(?(open)\s*\))")


@dataclass(frozen=True)
class Unit:
    """Powers of kg, m, s, A, K, mol, and a factor."""

    powers: tuple[Fraction, ...] = (Fraction(0),) * len(_BASE)
    factor: float = 1.0

    def __mul__(self, other: Unit) -> Unit:
        powers = tuple([a + b for a, b in zip(self.powers, other.powers, strict=True)])
        return Unit(powers, self.factor * other.factor)

    def __truediv__(self, other: Unit) -> Unit:
        return self * other**-1

    def __pow__(self, exponent: float | Fraction) -> Unit:
        exact = Fraction(exponent).limit_denominator(1000)
        return Unit(tuple([p * exact for p in self.powers]), self.factor ** float(exponent))

    def agrees(self, other: Unit) -> bool:
        """Whether both may be added."""
        return self.powers == other.powers and math.isclose(self.factor, other.factor, rel_tol=1e-6)

    def __str__(self) -> str:
        shown = "" if math.isclose(self.factor, 1.0, rel_tol=1e-6) else f"{self.factor:.6g} "
        if not any(self.powers):
            return shown.rstrip() or "1"
        same = [name for name, (powers, factor) in _NAMED.items() if factor == 1.0 and powers == self.powers]
        named = next((name for name in same if name not in ("degC", "Hz")), None)
        if named is not None:
            return shown + named
        # volts in place of kilograms: devices are electrical
        mass, length, time, current, *others = self.powers
        powers = (mass, current + mass, length - 2 * mass, time + 3 * mass, *others)
        over = [_factor(b, p) for b, p in zip(_SHOWN, powers, strict=True) if p > 0]
        under = [_factor(b, -p) for b, p in zip(_SHOWN, powers, strict=True) if p < 0]
        below = f"({' '.join(under)})" if len(under) > 1 else "".join(under)
        return shown + (" ".join(over) or "1") + (f"/{below}" if under else "")


ONE = Unit()


def _factor(base: str, power: Fraction) -> str:
    return base if power == 1 else f"{base}^{power}" if power.denominator == 1 else f"{base}^({power})"


@cache
def parse_unit(text: str) -> Unit:
    """Return the unit that a text stands for.

    Parameters
    ----------
    text : str
        Names with SI prefixes, blanks or ``*`` for products, ``/`` before what divides, ``^`` before exponents.

    Raises
    ------
    DeviceError
        When it is no unit.

    Examples
    --------
    >>> str(parse_unit("m^2/(V s)") * parse_unit("V/m")), str(parse_unit("ohm") * parse_unit("mA"))
    ('m/s', '0.001 V')
    """
    unit, end = _product(text, 0)
    if end < len(text):
        raise _no_unit(text, text[end:])
    return unit


def _product(text: str, pos: int) -> tuple[Unit, int]:
    """Return the unit from ``pos`` on, up to a closing parenthesis or the end."""
    total, sign, any_, joined = ONE, 1, False, False
    while pos < len(text):
        found = _TOKEN.match(text, pos)
        if found is None:
            raise _no_unit(text, text[pos:])
        op = found["op"]
        if op == ")":
            break
        pos = found.end()
        if op in ("/", "*"):
            if not any_ or joined:
                raise _no_unit(text, op)
            sign, joined = -1 if op == "/" else 1, True
            continue
        if op == "(":
            part, pos = _product(text, pos)
            if text[pos : pos + 1] != ")":
                raise _no_unit(text, "(")
            closing = _TOKEN.match(text, pos)
            pos = closing.end() if closing else pos + 1
        elif op == "^":
            raise _no_unit(text, op)
        elif found["number"]:
            if found["number"] != "1":
                raise _no_unit(text, found["number"])
            part = ONE
        else:
            part = _named(text, found["name"])
        if text[pos : pos + 1] == "^":
            exponent = _EXPONENT.match(text, pos + 1)
            if exponent is None:
                raise _no_unit(text, text[pos:])
            part, pos = part ** Fraction(exponent["value"]), exponent.end()
        total, sign, any_, joined = total * part**sign, 1, True, False
    if not any_ or joined:
        raise _no_unit(text, text)
    return total, pos


def _named(text: str, name: str) -> Unit:
    if name in _BASE:
        return Unit(tuple([Fraction(base == name) for base in _BASE]))
    if name in _NAMED:
        powers, factor = _NAMED[name]
        return Unit(tuple(map(Fraction, powers)), factor)
    prefix, rest = name[:1], name[1:]
    if prefix in _PREFIXES and rest != "kg" and (rest in _BASE or rest in _NAMED):
        inner = _named(text, rest)
        return Unit(inner.powers, inner.factor * _PREFIXES[prefix])
    raise _no_unit(text, name)


def _no_unit(text: str, part: str) -> DeviceError:
    return DeviceError(
        f"{text!r} is no unit: {part!r} is not understood",
        expected="a product such as 'm^2/(V s)', '1' for a number",
        hint=nearest(part, [*_NAMED, *_BASE]),
        names=(text,),
    )


class Mismatch(Exception):
    """Terms whose units do not agree; its text says which."""


class Units:
    """The units of expressions.

    Parameters
    ----------
    symbols : mapping of Symbol to Unit or None
        None stands for a value whose unit is not known: it fits everywhere.
    show : callable
        From an expression to its text in the user's names.
    """

    def __init__(self, symbols: Mapping[Any, Unit | None], show: Callable[[Any], str]) -> None:
        self.symbols = dict(symbols)
        self._show = show
        self._known: dict[Any, Unit | None] = {}

    def of(self, expr: Any) -> Unit | None:
        """Return the unit of an expression, None for one that fits everywhere (zero, or what has no known unit).

        Raises
        ------
        Mismatch
            When two of its terms do not agree, or a function is taken of something with a unit.
        """
        if expr not in self._known:
            self._known[expr] = self._of(expr)
        return self._known[expr]

    def _of(self, expr: Any) -> Unit | None:
        import sympy

        if expr.is_Symbol:
            return expr.unit if isinstance(expr, quantity_class()) else self.symbols.get(expr)
        if expr.is_number:
            return None if expr.is_zero else ONE
        if expr.is_Mul:
            total: Unit | None = ONE
            for unit in [self.of(arg) for arg in expr.args]:
                total = None if total is None or unit is None else total * unit
            return total
        if expr.is_Add:
            return self._same(expr.args, "+")
        if isinstance(expr, cases_class()):
            for condition in expr.conditions:
                self._condition(condition)
            return self._same(expr.values, "and, in another case,")
        if isinstance(expr, sympy.Pow | power_class()):
            return self._power(*expr.args)
        if isinstance(expr, sympy.Abs | sympy.sign):
            unit = self.of(expr.args[0])
            return unit if isinstance(expr, sympy.Abs) else ONE
        if isinstance(expr, sympy.Min | sympy.Max):
            return self._same(expr.args, "beside")
        if isinstance(expr, sympy.atan2):
            self._same(expr.args, "beside")
            return ONE
        if isinstance(expr, quartic_class()):
            for arg in expr.args:
                self.of(arg)
            return None
        for arg in expr.args:
            unit = self.of(arg)
            if unit is not None and not unit.agrees(ONE):
                raise Mismatch(f"{self._show(expr)}: {type(expr).__name__} of something in {unit}, not of a number")
        return ONE

    def _power(self, base: Any, exponent: Any) -> Unit | None:
        unit, by = self.of(base), self.of(exponent)
        if by is not None and not by.agrees(ONE):
            raise Mismatch(f"{self._show(base)} to the power {self._show(exponent)}, which is in {by}")
        if unit is None or unit.agrees(ONE):
            return unit
        if not exponent.is_number:
            raise Mismatch(
                f"{self._show(base)}, which is in {unit}, to the power {self._show(exponent)}, which is no fixed number"
            )
        return unit ** float(exponent)

    def _condition(self, condition: Any) -> None:
        if condition.is_Relational:
            self._same(condition.args, "compared with")
        else:
            for arg in condition.args:
                self._condition(arg)

    def _same(self, terms: tuple[Any, ...], joined: str) -> Unit | None:
        first: tuple[Any, Unit] | None = None
        for term in terms:
            unit = self.of(term)
            if unit is None:
                continue
            if first is None:
                first = (term, unit)
            elif not first[1].agrees(unit):
                raise Mismatch(f"{self._show(first[0])} in {first[1]} {joined} {self._show(term)} in {unit}")
        return None if first is None else first[1]
