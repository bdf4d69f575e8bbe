"""Whether the equations of a device close: a row for each unknown, units that agree, no division by zero.

What is refused as infinite comes with a witness, a point of the domain (ranges of parameters, bounds of states, a few
volts) at which it was evaluated; what is not found is not refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from circuitnn.devices.declare import Device, Equations, Noise
from circuitnn.devices.derive import derive, equations_of, frame_of
from circuitnn.devices.dimensions import ONE, Mismatch, Unit, Units, parse_unit
from circuitnn.devices.domain import Domain
from circuitnn.devices.singular import Danger, Singularities
from circuitnn.devices.symbolic import cases_class, quantity_class
from circuitnn.errors import DeviceError

_LONGEST = 100  # characters of a term in a message
_AMPERE, _VOLT, _SECOND = parse_unit("A"), parse_unit("V"), parse_unit("s")


@dataclass(frozen=True)
class Row:
    """One equation to be looked at.

    Parameters
    ----------
    key : str
        What it is found by afterwards.
    what : str
        How messages call it: ``rate of x``.
    value : expression
    unit : Unit or None
        What it must be in; None where only its terms must agree.
    """

    key: str
    what: str
    value: Any
    unit: Unit | None = None


def slopes(device: type[Device], unknown: dict[str, Any], known: dict[str, Any]) -> Iterable[DeviceError]:
    """Yield a fault for each row whose derivative by an unknown is infinite somewhere: Newton's method needs them all.

    The second of a fault's names is the row's.
    """
    model = derive(device)
    show = _names(device, unknown, known)
    domain = Domain(device, frame_of(device)[0], unknown, known)
    found = Singularities(domain, model.definitions)
    wrong: set[int] = set()
    for (row, column), value in (*model.jf.items(), *model.jq.items()):
        witness = None if row in wrong else found.first(value)
        if witness is None:
            continue
        wrong.add(row)
        name, (danger, point) = model.locals[row], witness
        yield DeviceError(
            f"{device.name}: the row of {name}: its derivative by {show(model.unknowns[column])} is infinite: "
            f"{_infinite(danger, show)} at {_point(point, show)}",
            expected="a finite slope over the whole domain",
            hint="power(x, exponent) has a slope at x = 0 for exponents of at least 1; roots have none there",
            names=(device.name, name),
        )


def check(device: type[Device]) -> None:
    """Raise the first fault of a device's equations; do nothing when they close.

    Raises
    ------
    DeviceError
        When an unknown has no equation, a name is unknown, terms have different units, or a value is infinite
        somewhere in its domain; names the device and the equation.

    Examples
    --------
    >>> from circuitnn.registry import catalog
    >>> check(catalog("devices").get("vteam"))
    """
    frame, unknown, known = frame_of(device)
    equations, noise = equations_of(frame, device)
    for fault in faults(device, frame, unknown, known, rows_of(device, frame, equations, noise)):
        raise fault
    for fault in slopes(device, unknown, known):
        raise fault


def rows_of(device: type[Device], frame: Any, equations: Equations, noise: Sequence[Noise]) -> list[Row]:
    """Return what a device's equations are, row by row; raise DeviceError where an unknown has none."""
    rows = [Row(str(item.symbol), item.shown, item.value) for item in frame.lets]
    nodes = {*device.terminals, *device.internals} - {*device.flows}
    for given, per_time, word in ((equations.f, ONE, "current"), (equations.q, _SECOND, "charge")):
        for name, value in given.items():
            if name in nodes:
                rows.append(Row(name, f"{word} of {name}", value, _AMPERE * per_time))
            elif name in device.states:
                rows.append(Row(name, f"{'rate' if word == 'current' else 'row'} of {name}", value))
            else:
                rows.append(Row(name, f"equation of {name}", value))
    # f and dq/dt are added up: charges must be in the unit of f times seconds
    for name in equations.f.keys() & equations.q.keys() - nodes:
        rows.append(Row(name, f"rate of {name}" if name in device.states else f"equation of {name}", _Sum(name)))
    for item in noise:
        what = f"noise {item.name!r}" if item.name else "noise"
        # of one that falls with the frequency it is the density at 1 Hz, of which the exponent decides the unit
        per = parse_unit(device.states[item.plus].unit) / _SECOND if item.plus in device.states else _AMPERE
        rows.append(Row(item.name, what, item.density, per * per * _SECOND if item.exponent == 0 else None))
    for name in (*device.internals, *device.branches, *device.states):
        if name not in equations.f and name not in equations.q:
            kind = "state" if name in device.states else "unknown"
            raise DeviceError(
                f"{device.name}: the {kind} {name!r} has no equation",
                expected=f"a rate for {name}" if kind == "state" else f"a row for {name!r} in its equations",
                names=(device.name, name),
            )
    return rows


@dataclass(frozen=True)
class _Sum:
    """Stands for f + dq/dt of a row, whose units must agree."""

    name: str


def faults(
    device: type[Device], frame: Any, unknown: dict[str, Any], known: dict[str, Any], rows: Sequence[Row]
) -> Iterable[DeviceError]:
    """Yield what is wrong with rows, one error at most for each; the second of its names is the row's key."""
    import sympy

    rows = [row if isinstance(row.value, _Sum) else _sympified(row) for row in rows]
    endless = [row for row in rows if not isinstance(row.value, _Sum) and row.value.has(sympy.zoo, sympy.nan, sympy.oo)]
    for row in endless:
        yield _fault(device, row, "has no finite value", "an expression without a division by the number 0")
    sound = [row for row in rows if row not in endless]
    show = _names(device, unknown, known)
    wrong: set[str] = set()
    for row, what in () if device.unitless else _mismatches(device, frame, unknown, known, sound, show):
        wrong.add(row.key)
        yield _fault(
            device, row, what, "terms of one unit", "give numbers that hide a unit one: a Param, or quantity(1.0, 'V')"
        )
    whole = [row for row in sound if not isinstance(row.value, _Sum) and not row.key.startswith("let_")]
    domain = Domain(device, frame, unknown, known)
    found = Singularities(domain, {item.symbol: item.value for item in frame.lets})
    for row in whole:
        witness = found.first(row.value)
        if witness is not None and row.key not in wrong:
            danger, point = witness
            yield _fault(
                device,
                row,
                _infinite(danger, show) + f" at {_point(point, show)}",
                "a finite value over the whole domain: all parameters in their ranges, states within their bounds",
                "guard it with cases (where, clip), or narrow the range of the parameter",
            )


def _sympified(row: Row) -> Row:
    import sympy

    return Row(row.key, row.what, sympy.sympify(row.value, strict=True), row.unit)


def _fault(device: type[Device], row: Row, what: str, expected: str, hint: str | None = None) -> DeviceError:
    return DeviceError(
        f"{device.name}: the {row.what}: {what}", expected=expected, hint=hint, names=(device.name, row.key)
    )


def _mismatches(
    device: type[Device], frame: Any, unknown: Any, known: Any, rows: Sequence[Row], show: Callable[[Any], str]
) -> Iterable[tuple[Row, str]]:
    units = Units(_symbol_units(device, frame, unknown, known), show)
    found: dict[tuple[str, bool], Unit | None] = {}
    for row in rows:
        if isinstance(row.value, _Sum):
            f, q = found.get((row.key, False)), found.get((row.key, True))
            if f is not None and q is not None and not (f * _SECOND).agrees(q):
                yield row, f"it is in {f}, where {q / _SECOND} belongs"
            continue
        try:
            unit = units.of(row.value)
        except Mismatch as mismatch:
            yield row, str(mismatch)
            unit = None
        else:
            if unit is not None and row.unit is not None and not unit.agrees(row.unit):
                yield row, f"{show(row.value)} is in {unit}, where {row.unit} belongs"
        found.setdefault((row.key, (row.key, False) in found), unit)
        if row.key.startswith("let_"):
            units.symbols[next(item.symbol for item in frame.lets if str(item.symbol) == row.key)] = unit


def _symbol_units(device: type[Device], frame: Any, unknown: Any, known: Any) -> dict[Any, Unit | None]:
    units: dict[Any, Unit | None] = {frame.gmin: parse_unit("S"), frame.time: _SECOND}
    for name, symbol in unknown.items():
        if name in device.states:
            units[symbol] = parse_unit(device.states[name].unit)
        elif name in device.auxiliaries:
            units[symbol] = None
        else:
            units[symbol] = _AMPERE if name in (*device.branches, *device.controls, *device.flows) else _VOLT
    for name, param in device.params.items():
        units[known[name]] = parse_unit(param.unit)
    units.update({known[name]: parse_unit(unit) for name, unit in device.derived_units.items()})
    import sympy

    for item in frame.limits:
        symbol = sympy.Symbol(f"lim_{item.name}", real=True)
        units[symbol] = ONE if item.kind in ("switch", "jump") else _VOLT
    return units


def _names(device: type[Device], unknown: dict[str, Any], known: dict[str, Any]) -> Callable[[Any], str]:
    """Return the function that writes an expression in the names of the declaration."""
    from sympy.printing.str import StrPrinter

    names = {symbol: name for name, symbol in (*known.items(), *unknown.items())}
    names.update({unknown[name]: f"v({name})" for name in (*device.terminals, *device.internals)})

    class Printer(StrPrinter):
        def _print_Symbol(self, expr: Any) -> str:
            if isinstance(expr, quantity_class()):
                return f"({expr.name})"
            return names.get(expr) or re.sub("^(let|lim|env)_", "", str(expr.name))

        def _print_Float(self, expr: Any) -> str:
            return f"{float(expr):g}"

        def _print_Function(self, expr: Any) -> str:
            name = "where" if isinstance(expr, cases_class()) else type(expr).__name__.lower()
            return f"{name}({', '.join(self._print(arg) for arg in expr.args)})"

    printer = Printer()

    def show(expr: Any) -> str:
        text = str(printer.doprint(expr)).replace("**", "^")
        return text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."

    return show


def _infinite(danger: Danger, show: Callable[[Any], str]) -> str:
    text = show(danger.of)
    if danger.kind == "zero":
        return f"1/({text}) is infinite"
    if danger.kind == "positive":
        return f"log({text}) has no value"
    if danger.kind == "power":
        return f"({text})^({show(danger.by)}) has no value"
    return f"{danger.kind}({text}) has no value"


def _point(point: dict[Any, float], show: Callable[[Any], str]) -> str:
    return ", ".join(f"{show(symbol)} = {value:.6g}" for symbol, value in point.items()) or "every point"
