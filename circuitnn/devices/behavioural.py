"""Compact models as what any SPICE has: behavioural sources, unit capacitors for states, switches with hysteresis.

Each inner unknown of a device becomes a node of its own, called ``element#unknown``, whose voltage is the unknown in
units of its typical size; the row f + dq/dt = 0 becomes a source of the current f and a capacitor that carries dq/dt.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

import numpy as np

from circuitnn.devices.declare import Device, Environment
from circuitnn.devices.derive import derive
from circuitnn.devices.load import build
from circuitnn.devices.symbolic import cases_class
from circuitnn.errors import DeviceError
from circuitnn.netlist.expression import (
    Binary,
    Call,
    Expression,
    Name,
    Number,
    Probe,
    Ternary,
    Unary,
    evaluate,
    substitute,
    walk,
)
from circuitnn.netlist.flat import GROUND, Element, Model
from circuitnn.netlist.table import ElementTable

if TYPE_CHECKING:
    from circuitnn.circuit.circuit import Circuit

_FUNCTIONS = {
    "exp": "exp", "log": "log", "Abs": "abs", "sqrt": "sqrt", "sin": "sin", "cos": "cos", "tan": "tan",
    "sinh": "sinh", "cosh": "cosh", "tanh": "tanh", "asin": "asin", "asinh": "asinh", "atan": "atan", "sign": "sgn",
    "Power": "pow", "Min": "min", "Max": "max",
}  # fmt: skip
_RELATIONS = {
    "StrictGreaterThan": ">", "GreaterThan": ">=", "StrictLessThan": "<", "LessThan": "<=", "Equality": "==",
    "Unequality": "!=",
}  # fmt: skip
_POSITION = Model("cn#position", "sw", {"vt": 0.0, "vh": 1.0, "ron": 1e-6, "roff": 1e12})
#: Nodes of a tree; derivatives of a longer one are no work for a simulator that takes them symbolically.
_LARGEST = 20_000
#: Coulombs of a charge that is not linear become volts of an own node by this factor, F.
_CHARGE = 1e-12


def plain_circuit(circuit: Circuit) -> Circuit:
    """Return a circuit of plain SPICE elements with the same equations; N elements become behavioural sources.

    Raises
    ------
    DeviceError
        When a device has no such form (a compiled model, random jumps); names the element.
    """
    other = circuit.copy()
    other.elements = ElementTable()
    env = Environment(temp=circuit.options.temp + 273.15, tnom=circuit.options.tnom + 273.15, gmin=circuit.options.gmin)
    replaced = set()
    for element in circuit.elements.values():
        if element.letter != "n":
            other.add(element)
            continue
        device, values = circuit.device_of(element)
        try:
            parts = list(_Instance(element, device, values, env).elements())
        except DeviceError as error:
            raise DeviceError(
                f"{element.name} cannot be written as plain elements: {error.message}",
                place=element.place,
                hint=error.hint,
                names=(element.name, *error.names),
            ) from None
        replaced.add(element.name)
        for part in parts:
            other.add(part)
            if part.letter == "c" and "ic" in part.params:
                other.ic[part.nodes[0]] = part.params["ic"]
            if part.letter == "s":
                other.models[_POSITION.name] = _POSITION
    lost = [name for name in (*other.save, *other.probes) if name.startswith("@") and _element_of(name) in replaced]
    other.save = [name for name in other.save if name not in lost]
    other.probes = [name for name in other.probes if name not in lost]
    other.warnings += [f"{name} is left out: its element is written as behavioural sources" for name in lost]
    return other


def _element_of(vector: str) -> str:
    return vector[1:].partition("[")[0]


@dataclass(frozen=True)
class _Form:
    """The rows of a device as trees, in symbols of the device: names of unknowns and parameters."""

    device: type[Device]
    currents: tuple[tuple[str, str | None, Expression], ...]  # from an unknown to another one or to ground
    charges: tuple[tuple[str, str | None, Expression], ...]
    switches: tuple[tuple[str, Expression], ...]  # a position, and what turns it on above 1 and off below -1


@cache
def _form(device: Any) -> _Form:
    import sympy

    model = derive(device)
    kept = {sympy.Symbol(f"lim_{item.name}", real=True): item.raw for item in model.limits if item.kind != "switch"}

    def whole(expr: Any) -> Any:
        while True:
            known = {s: model.definitions.get(s, kept.get(s)) for s in expr.free_symbols}
            known = {s: value for s, value in known.items() if value is not None}
            if not known:
                return expr
            expr = expr.xreplace(known)

    def rows(values: list[Any]) -> tuple[tuple[str, str | None, Expression], ...]:
        left = [(name, whole(sympy.sympify(value))) for name, value in zip(model.locals, values, strict=True)]
        found = []
        while left:
            name, value = left.pop(0)
            if value == 0:
                continue
            partner = next((k for k, (_, v) in enumerate(left) if (v + value) == 0), None)
            to = left.pop(partner)[0] if partner is not None else None
            found.append((name, to, _tree(value)))
        return tuple(found)

    switches = []
    for item in model.limits:
        if item.kind == "switch":
            on, off = (whole(sympy.sympify(x)) for x in item.args)
            control = (2 * whole(sympy.sympify(item.raw)) - on - off) / (on - off)
            switches.append((item.name, _tree(control)))
        elif item.kind == "jump":
            raise DeviceError("its states jump at random", hint="write the elements as they are")
    return _Form(device, rows(model.raw_f), rows(model.raw_q), tuple(switches))


def _tree(expr: Any) -> Expression:
    """Return a sympy expression as a tree; symbols keep their names."""
    kind = type(expr).__name__
    if expr.is_Number or kind in ("Pi", "Exp1"):
        return Number(float(expr))
    if expr.is_Symbol:
        return Name(str(expr))
    if isinstance(expr, cases_class()):
        tree = _tree(expr.values[-1])
        for condition, value in reversed(list(zip(expr.conditions, expr.values, strict=False))):
            tree = Ternary(_tree(condition), _tree(value), tree)
        return tree
    if kind == "Pow":
        return _power(expr.base, expr.exp)
    if kind == "Mul":
        return _product(expr)
    args = tuple(_tree(arg) for arg in expr.args)
    if kind in ("Add", "And", "Or"):
        return _balanced({"Add": "+", "And": "&&", "Or": "||"}[kind], args)
    if kind == "Not":
        return Unary("!", args[0])
    if kind in _RELATIONS:
        return Binary(_RELATIONS[kind], args[0], args[1])
    if kind in _FUNCTIONS:
        return Call(_FUNCTIONS[kind], args)
    raise DeviceError(f"no function of SPICE is {kind}", names=(kind,))


def _balanced(op: str, args: tuple[Expression, ...]) -> Expression:
    """Return the terms joined by an operator, the tree as flat as it can be."""
    if len(args) == 1:
        return args[0]
    half = len(args) // 2
    return Binary(op, _balanced(op, args[:half]), _balanced(op, args[half:]))


def _product(expr: Any) -> Expression:
    above, below = [], []
    for factor in expr.args:
        power = factor.exp if type(factor).__name__ == "Pow" else None
        if power is not None and power.is_Number and power < 0:
            below.append(_tree(1 / factor))
        else:
            above.append(_tree(factor))
    tree = _balanced("*", tuple(above)) if above else Number(1.0)
    return Binary("/", tree, _balanced("*", tuple(below))) if below else tree


def _power(base: Any, exponent: Any) -> Expression:
    tree = _tree(base)
    if exponent.is_Number and exponent < 0:
        return Binary("/", Number(1.0), _power(base, -exponent))
    if exponent == 1:
        return tree
    if exponent.is_Integer and exponent <= 16:
        # a power of a negative base is not the same in all programs
        return _balanced("*", (tree,) * int(exponent))
    if exponent.is_Number and 2 * exponent == 1:
        return Call("sqrt", (tree,))
    return Call("pow", (tree, _tree(exponent)))


def _folded(tree: Expression) -> Expression:
    """Return a tree with what is constant evaluated, in cases that are taken, and with no terms that do nothing."""
    match tree:
        case Unary(op, operand):
            inner = _folded(operand)
            return Number(evaluate(Unary(op, inner), _unknown)) if isinstance(inner, Number) else Unary(op, inner)
        case Ternary(condition, yes, no):
            decided = _folded(condition)
            if isinstance(decided, Number):
                return _folded(yes if decided.value else no)
            return Ternary(decided, _folded(yes), _folded(no))
        case Call(name, args):
            inners = tuple(_folded(arg) for arg in args)
            constant = all(isinstance(arg, Number) for arg in inners)
            if constant:
                return Number(evaluate(Call(name, inners), _unknown))
            return inners[0] if name == "pow" and inners[1] == Number(1.0) else Call(name, inners)
        case Binary(op, left, right):
            return _joined(op, _folded(left), _folded(right))
    return tree


def _unknown(name: str) -> float:
    raise DeviceError(f"{name!r} is no constant", names=(name,))


def _joined(op: str, left: Expression, right: Expression) -> Expression:
    zero, one = Number(0.0), Number(1.0)
    if isinstance(left, Number) and isinstance(right, Number):
        return Number(evaluate(Binary(op, left, right), _unknown))
    if op == "*" and zero in (left, right):
        return zero
    if op == "*" and one in (left, right):
        return right if left == one else left
    if op == "+" and zero in (left, right):
        return right if left == zero else left
    if op == "/" and (right == one or left == zero):
        return left
    if op == "&&" and isinstance(left, Number):
        return right if left.value else zero
    if op == "||" and isinstance(left, Number):
        return one if left.value else right
    match right:
        case Binary("*", Number(value), other) if op == "+" and value == -1.0:
            return Binary("-", left, other)
        case Number(value) if op == "+" and value < 0.0:
            return Binary("-", left, Number(-value))
    return Binary(op, left, right)


class _Instance:
    """One element: what its device's symbols stand for, and the elements that take its place."""

    def __init__(self, element: Element, device: Any, values: dict[str, float], env: Environment) -> None:
        columns = {
            name: np.array([values.get(name, np.nan if param.default is None else param.default)])
            for name, param in device.params.items()
        }
        built = build(device, columns, env)
        self._form = _form(device)
        self._element = element
        params = {**columns, **built.values}
        self._symbols: dict[str, Expression] = {
            f"p_{name}": Number(float(np.broadcast_to(value, (1,))[0])) for name, value in params.items()
        }
        self._symbols |= {"env_gmin": Number(env.gmin), "env_time": Name("time")}
        self._nodes: dict[str, str] = dict(zip(device.terminals, element.nodes, strict=True))
        for name, target, mask in built.merged:
            if mask.all():
                self._nodes[name] = GROUND if target is None else self._nodes.get(target, self._own(target))
        bounds, self._start = device.state_bounds(columns), device.state_init(columns)
        self._scale: dict[str, float] = {}
        for name, state in device.states.items():
            width = float((bounds[name][1] - bounds[name][0])[0])
            self._scale[name] = width if np.isfinite(width) else state.scale
        for name in device.locals:
            node = self._nodes.setdefault(name, self._own(name))
            volts: Expression = Probe("v", (node,)) if node != GROUND else Number(0.0)
            scale = self._scale.get(name, 1.0)
            self._symbols[f"u_{name}"] = volts if scale == 1.0 else Binary("*", Number(scale), volts)
        for name, _ in self._form.switches:
            self._symbols[f"lim_{name}"] = Probe("v", (self._own(name),))

    def _own(self, name: str) -> str:
        return f"{self._element.name}#{name}"

    def _named(self, letter: str, what: str) -> str:
        path, dot, last = self._element.name.rpartition(".")
        return f"{path}{dot}{letter}_{last}#{what}"

    def _filled(self, tree: Expression) -> Expression:
        filled = _folded(substitute(tree, self._symbols.get))
        size = sum(1 for _ in walk(filled))
        if size > _LARGEST:
            raise DeviceError(
                f"an equation of {self._form.device.name} has {size} terms", expected=f"at most {_LARGEST}"
            )
        return filled

    def _source(self, what: str, plus: str, minus: str, tree: Expression, kind: str = "i") -> Element:
        return Element(self._named("b", what), (plus, minus), expression=tree, kind=kind, place=self._element.place)

    def _capacitor(self, what: str, plus: str, minus: str, value: float, ic: float | None = None) -> Element:
        params = {"capacitance": value} | ({} if ic is None else {"ic": ic})
        return Element(self._named("c", what), (plus, minus), params, place=self._element.place)

    def elements(self) -> Iterator[Element]:
        """Yield the elements that take the place of the device."""
        for name, to, tree in self._form.currents:
            plus, minus = self._nodes[name], GROUND if to is None else self._nodes[to]
            if plus == minus:
                continue
            size = self._scale.get(name, 1.0)
            yield self._source(name, plus, minus, self._filled(Binary("/", tree, Number(size))))
        for name, to, tree in self._form.charges:
            yield from self._charge(name, to, tree)
        for name, tree in self._form.switches:
            control, position, high = self._own(f"{name}_by"), self._own(name), self._own(f"{name}_1")
            yield self._source(f"{name}_by", control, GROUND, self._filled(tree), "v")
            yield Element(self._named("v", name), (high, GROUND), {"dc": 1.0})
            yield Element(self._named("s", name), (high, position, control, GROUND), model=_POSITION.name)
            yield Element(self._named("r", name), (position, GROUND), {"resistance": 1.0})

    def _charge(self, name: str, to: str | None, tree: Expression) -> Iterator[Element]:
        node, size = self._nodes[name], self._scale.get(name, 1.0)
        if tree == Name(f"u_{name}") and to is None:
            start = self._start.get(name)
            yield self._capacitor(name, node, GROUND, 1.0, None if start is None else float(start[0]) / size)
            return
        other = GROUND if to is None else self._nodes[to]
        if node == other:
            return
        held, inner, sense = self._own(f"q_{name}"), self._own(f"dq_{name}"), self._named("v", f"q_{name}")
        volts = self._filled(Binary("/", tree, Number(_CHARGE * size)))
        yield self._source(f"q_{name}", held, GROUND, volts, "v")
        yield Element(sense, (held, inner), {"dc": 0.0})
        yield self._capacitor(f"q_{name}", inner, GROUND, _CHARGE)
        yield Element(self._named("f", f"q_{name}"), (node, other), {"gain": 1.0}, controls=(sense,))
