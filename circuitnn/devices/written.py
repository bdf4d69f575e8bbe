"""Devices that a netlist writes itself (``.device``), as device classes like any other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache, reduce
from typing import Any

import numpy as np

from circuitnn.devices import closing
from circuitnn.devices.declare import Device, Environment, Equations, Noise, Param, State, Values
from circuitnn.devices.derive import equations_of, frame_of
from circuitnn.devices.dimensions import ONE, Unit, parse_unit
from circuitnn.devices.load import compile_kernels
from circuitnn.devices.physics import ZERO_CELSIUS
from circuitnn.devices.symbolic import LIMEXP_MAX, clip, equals, limexp, power, quantity, where
from circuitnn.errors import DeviceError
from circuitnn.netlist.expression import Binary, Call, Expression, Name, Number, Probe, Ternary, Unary, to_text, walk
from circuitnn.netlist.functions import CONSTANTS
from circuitnn.netlist.statements import DeviceDefinition, DeviceEquation, DeviceParam, DeviceState

_UNITS = {"echarge": "C", "boltz": "J/K", "planck": "J s", "kelvin": "K", "c": "m/s"}
_AMPERE, _SECOND = parse_unit("A"), parse_unit("s")
_MOST_CLASSES = 256
_MOST_TERMS = 2000


@lru_cache(maxsize=_MOST_CLASSES)
def device_class(definition: DeviceDefinition) -> type[Device]:
    """Return the class of a device that a netlist defines, with its kernels; equal definitions share one.

    Raises
    ------
    DeviceError
        At the line that does not close: units that disagree, a division by zero on the domain, a name that every
        device uses itself; or when there is no compiler.

    Examples
    --------
    >>> from circuitnn.netlist.netlist import parse
    >>> text = "d\\n.device ohmic p n\\nparam r=1k unit=ohm above=0\\ncurrent p n = v(p,n)/r\\n.enddevice\\n"
    >>> device_class(parse(text).statements[0]).locals
    ('p', 'n')
    """
    for fault in faults(definition):
        raise fault
    device = written_class(definition)
    compile_kernels(device)
    return device


def faults(definition: DeviceDefinition) -> Iterator[DeviceError]:
    """Yield what is wrong with a definition, each at its line; nothing is compiled."""
    try:
        for part in definition.parts:
            if not isinstance(part, DeviceEquation):
                _parsed_unit(part)
        device = written_class(definition)
        frame, unknown, known = frame_of(device)
        equations_of(frame, device)
    except DeviceError as error:
        yield _placed(error, definition)
        return
    places = {row.key: part for row, part in frame.lines}
    sound = True
    for fault in closing.faults(device, frame, unknown, known, [row for row, _ in frame.lines]):
        fault.place, sound = places[fault.names[1]].place, False
        yield fault
    for fault in closing.slopes(device, unknown, known) if sound else ():
        line = next(p for _, p in frame.lines if p.kind in ("rate", "current", "charge") and fault.names[1] in p.names)
        fault.place = line.place
        yield fault


def _parsed_unit(part: DeviceParam | DeviceState) -> Unit:
    try:
        return parse_unit(part.unit)
    except DeviceError as error:
        error.names = (part.name, part.unit)
        raise


def _placed(error: DeviceError, definition: DeviceDefinition) -> DeviceError:
    """Return the error at the line that declares what it names."""
    named = {part.name: part for part in definition.parts if not isinstance(part, DeviceEquation)}
    part = next((named[name] for name in error.names if name in named), None)
    if error.place is not None:
        return error
    place = part.place if part is not None else definition.place
    error.place = place.at(error.names[-1]) if place and error.names else place
    return error


def written_class(definition: DeviceDefinition) -> type[Device]:
    """Return the class of a device that a netlist defines, neither checked nor compiled."""
    parts = definition.parts
    params = [part for part in parts if isinstance(part, DeviceParam)]
    equations = [part for part in parts if isinstance(part, DeviceEquation)]
    members: dict[str, Any] = {
        "__doc__": definition.doc or f"The device {definition.name} of a netlist.",
        "__module__": __name__,
        "name": definition.name,
        "terminals": definition.terminals,
        "model_types": (definition.name,),
        "links": _links(equations),
        "definition": definition,
    }
    for part in params:
        low = part.low if part.above is None else part.above
        members[f"param_{part.name}"] = Param(
            part.default, part.unit, low, part.high, part.doc or "parameter", part.source, name=part.name,
            exclusive=part.above is not None,
        )  # fmt: skip
    for state in parts:
        if isinstance(state, DeviceState):
            members[state.name] = State(
                state.init, state.unit, state.low, state.high, state.doc or "state", scale=state.scale
            )
    if any(isinstance(node, Name) and node.name == "temperature" for e in equations for node in walk(e.tree)):
        members |= {"derived": ("temperature",), "derived_units": {"temperature": "K"}}
        declared = {part.name for part in parts if not isinstance(part, DeviceEquation)}
        for name, param in _TEMPERATURES.items():
            if name not in declared:
                members[f"param_{name}"] = param
    return type(definition.name, (_Written,), members)


_TEMPERATURES = {
    "temp": Param(None, "degC", low=-ZERO_CELSIUS, doc="own temperature", on="instance", name="temp", exclusive=True),
    "dtemp": Param(0.0, "K", doc="difference to the circuit's temperature", on="instance", name="dtemp"),
}


def _links(equations: list[DeviceEquation]) -> tuple[tuple[str, str, str], ...]:
    kinds: dict[tuple[str, str], str] = {}
    for part in equations:
        if part.kind in ("current", "charge"):
            first, second = part.names
            pair = (second, first) if (second, first) in kinds else (first, second)
            kinds[pair] = "resistive" if part.kind == "current" else kinds.get(pair, "capacitive")
    return tuple([(a, b, kind) for (a, b), kind in kinds.items()])


class _Written(Device):
    """A device whose equations are expressions of a netlist."""

    definition: DeviceDefinition
    lines: list[tuple[closing.Row, DeviceEquation]]
    _noises: tuple[Noise, ...]

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the parameters, and the temperature of each instance where an equation uses it."""
        if "temperature" not in cls.derived:
            return values
        own, more = (values.get(key) if cls.params[key] is _TEMPERATURES[key] else None for key in ("temp", "dtemp"))
        total = np.full(next(iter(values.values())).shape, env.temp) + (0.0 if more is None else more)
        if own is not None:
            total = np.where(np.isnan(own), total, own + ZERO_CELSIUS)
        if not np.all(total > 0.0):
            raise DeviceError(
                f"a temperature of {cls.name} is not above absolute zero", expected="temp + dtemp above it"
            )
        return {**values, "temperature": total}

    def equations(self) -> Equations:
        """Translate the lines, keeping each for the checks."""
        translate = _Translator(self)
        self.lines = []
        f: dict[str, Any] = {}
        q: dict[str, Any] = {}
        rates: dict[str, Any] = {}
        noises: list[Noise] = []
        for k, part in enumerate(self.definition.parts):
            if not isinstance(part, DeviceEquation):
                continue
            value = self._value(translate, part)
            key, unit = f"{part.kind}{k}", None
            (
                name,
                *_,
            ) = part.names
            if part.kind == "let":
                symbol = translate.names[name] = self.let(name, value)
                if str(symbol) == f"let_{name}":
                    self.lines.append((closing.Row(str(symbol), f"intermediate value {name!r}", value), part))
                continue
            if part.kind == "rate":
                rates[name] = value
                unit = parse_unit(self.states[name].unit) / _SECOND
            elif part.kind in ("current", "charge"):
                rows = f if part.kind == "current" else q
                for end, flow in zip(part.names, (value, -value), strict=True):
                    rows[end] = rows.get(end, 0) + flow
                unit = _AMPERE if part.kind == "current" else _AMPERE * _SECOND
            else:
                own, plus, minus = part.names if len(part.names) == 3 else ("", *part.names)
                noises.append(Noise(own, plus, minus, value, 1.0 if part.kind == "flicker" else 0.0))
                unit = _AMPERE * _AMPERE * (ONE if part.kind == "flicker" else _SECOND)
            self.lines.append((closing.Row(key, f"{part.kind} {' '.join(part.names)}", value, unit), part))
        self._noises = tuple(noises)
        states = self.state_rows(rates)
        return Equations(f={**f, **states.f}, q={**q, **states.q})

    def _value(self, translate: _Translator, part: DeviceEquation) -> Any:
        """Return what a line says; raise DeviceError at the line where it says nothing."""
        what = f"{self.name}: the {part.kind} {' '.join(part.names)}"
        try:
            if sum(1 for _ in walk(part.tree)) <= _MOST_TERMS:
                return translate.value(part.tree)
        except RecursionError:
            pass
        except ArithmeticError as error:
            raise DeviceError(f"{what}: {error}", place=part.place, expected="a finite real value") from None
        raise DeviceError(
            f"{what} is too large", place=part.place, expected=f"at most {_MOST_TERMS} terms", hint="split it by let"
        )

    def noise(self) -> tuple[Noise, ...]:
        """Return the noise currents, which ``equations`` has translated."""
        return self._noises


class _Translator:
    """From expressions of a netlist to sympy's, in the names of one device."""

    def __init__(self, frame: Any) -> None:
        self._frame = frame
        self.names: dict[str, Any] = {
            name: quantity(value, _UNITS[name]) if name in _UNITS else value for name, value in CONSTANTS.items()
        }
        self.names |= {"time": frame.time, "gmin": frame.gmin}
        self.names |= {name: getattr(frame, name) for name in (*frame.states, *frame.derived)}
        self.names |= {name: getattr(frame, key) for key, name in frame.attributes.items()}

    def value(self, tree: Expression) -> Any:
        """Return an expression's value.

        Raises
        ------
        ArithmeticError
            When a part of it that is a number has no finite real value.
        """
        found = self._value(tree)
        return _number(found, tree) if found.is_number else found

    def _value(self, tree: Expression) -> Any:
        import sympy

        match tree:
            case Number(value):
                return sympy.Integer(int(value)) if value == int(value) and abs(value) < 2**31 else sympy.Float(value)
            case Name(name):
                return sympy.sympify(self.names[name], strict=True)
            case Probe(_, names):
                plus, minus = (getattr(self._frame, name) for name in names)
                return plus - minus
            case Unary("-", operand):
                return -self.value(operand)
            case Ternary(condition, yes, no):
                return self.choice(condition, self.value(yes), self.value(no))
            case Binary("+", left, right):
                return self.value(left) + self.value(right)
            case Binary("-", left, right):
                return self.value(left) - self.value(right)
            case Binary("*", left, right):
                return self.value(left) * self.value(right)
            case Binary("/", left, right):
                below = self.value(right)
                if below == 0:
                    raise ZeroDivisionError(f"{_shown(tree)} divides by zero")
                return self.value(left) / below
            case Binary("**", left, right):
                return _power(self.value(left), self.value(right))
            case Call(name, args):
                return self.call(name, args)
        return self.choice(tree, sympy.Integer(1), sympy.Integer(0))  # a comparison, and, or, not

    def choice(self, condition: Expression, yes: Any, no: Any) -> Any:
        """Return ``yes`` where a condition holds, else ``no``; and and or guard as nested cases."""
        match condition:
            case Binary("&&", left, right):
                return self.choice(left, self.choice(right, yes, no), no)
            case Binary("||", left, right):
                return self.choice(left, yes, self.choice(right, yes, no))
            case Unary("!", operand):
                return self.choice(operand, no, yes)
            case Binary("<" | "<=" | ">" | ">=" | "==" | "!=" as op, left, right):
                a, b = self.value(left), self.value(right)
            case _:  # any other number counts as true where it is not zero
                op, a, b = "!=", self.value(condition), 0
        if op in ("==", "!="):
            return where(equals(a, b), *((yes, no) if op == "==" else (no, yes)))
        return where({"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[op], yes, no)

    def call(self, name: str, args: tuple[Expression, ...]) -> Any:
        """Return the value of a function."""
        import sympy

        if name in ("table", "pwl"):
            return _points(self.value(args[0]), [a.value for a in args[1:] if isinstance(a, Number)], name == "pwl")
        values = [self.value(arg) for arg in args]
        x = values[0]
        if name in _SIMPLE:
            return _SIMPLE[name](*values)
        if name in ("min", "max"):
            return reduce(lambda a, b: where(a <= b if name == "min" else a >= b, a, b), values)
        if name in ("eq0", "ne0", "gt0", "lt0", "ge0", "le0"):
            if name[:2] in ("eq", "ne"):
                return where(equals(x, 0), *((1, 0) if name == "eq0" else (0, 1)))
            return where({"gt": x > 0, "lt": x < 0, "ge": x >= 0, "le": x <= 0}[name[:2]], 1, 0)
        return getattr(sympy, name)(*values)


def _shown(tree: Expression) -> str:
    text = to_text(tree)
    return text if len(text) <= 60 else text[:57] + "..."


def _number(value: Any, tree: Expression) -> Any:
    """Return a number as it is computed with: small and whole, or as floating point."""
    import sympy

    if value.is_Integer and abs(value) < 2**31:
        return value
    try:
        plain = float(value)
    except (TypeError, OverflowError):
        plain = math.nan
    if not math.isfinite(plain):
        raise ArithmeticError(f"{_shown(tree)} has no finite real value")
    return sympy.Float(plain)


def _power(base: Any, exponent: Any) -> Any:
    """Return base**exponent: a product where the exponent is a whole number, and with a slope at base 0 elsewhere."""
    import sympy

    if base.is_number and exponent.is_number:  # not exactly: 9**9**9 would never end
        try:
            value = float(base) ** float(exponent)
        except ArithmeticError:
            return sympy.nan
        return sympy.Float(value) if isinstance(value, float) else sympy.nan
    if exponent.is_number:
        value = float(exponent)
        return base ** (int(value) if value == int(value) else exponent)
    if any(str(symbol).startswith(("u_", "let_")) for symbol in exponent.free_symbols):
        return base**exponent
    return power(base, exponent)


def _absolute(x: Any) -> Any:
    return where(x >= 0, x, -x)


def _sign(x: Any) -> Any:
    return where(x > 0, 1, x < 0, -1, 0)


def _signed_power(x: Any, y: Any) -> Any:
    return where(x >= 0, _power(x, y), -_power(-x, y))


def _even(function: str, x: Any, odd: int) -> Any:
    """Return sinh or cosh up to |x| = 80, and its tangents beyond."""
    import sympy

    value = getattr(math, function)(LIMEXP_MAX)
    slope = {"sinh": math.cosh, "cosh": math.sinh}[function](LIMEXP_MAX)
    return where(
        x > LIMEXP_MAX, value + slope * (x - LIMEXP_MAX),
        x < -LIMEXP_MAX, odd * (value + slope * (-x - LIMEXP_MAX)),
        getattr(sympy, function)(x),
    )  # fmt: skip


def _points(x: Any, points: list[float], onward: bool) -> Any:
    """Return the piecewise linear function through points, level beyond its ends or going straight ``onward``."""
    xs, ys = points[0::2], points[1::2]
    lines = [ys[k] + (ys[k + 1] - ys[k]) / (xs[k + 1] - xs[k]) * (x - xs[k]) for k in range(len(xs) - 1)]
    cases = [case for end, line in zip(xs[1:], lines, strict=True) for case in (x <= end, line)]
    if onward:
        return where(*cases[:-2], lines[-1])
    return where(x <= xs[0], ys[0], *cases, ys[-1])


def _decimal(x: Any) -> Any:
    import sympy

    return sympy.log(x) / math.log(10.0)


def _hypot(x: Any, y: Any) -> Any:
    import sympy

    return sympy.sqrt(x**2 + y**2)


_SIMPLE: dict[str, Any] = {
    "exp": limexp, "abs": _absolute, "sgn": _sign, "pow": _power, "pwr": _signed_power, "limit": clip,
    "sinh": lambda x: _even("sinh", x, -1), "cosh": lambda x: _even("cosh", x, 1),
    "log10": _decimal, "hypot": _hypot, "u2": lambda x: clip(x, 0, 1), "uramp": lambda x: where(x > 0, x, 0),
    "u": lambda x: where(x > 0, 1, x < 0, 0, 0.5), "sign": lambda x, y: _absolute(x) * _sign(y),
}  # fmt: skip
