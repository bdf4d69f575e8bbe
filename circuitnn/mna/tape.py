"""Behavioural elements: from expression trees to tapes that C evaluates with their derivatives.

A tape is a list of instructions on registers (see ``csrc/cn_tape.h``).  Its numbers are kept apart, so that elements
whose expressions differ in numbers and in what they sense share one kernel.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from itertools import pairwise

from circuitnn.errors import CircuitError, NetlistError, Place, nearest
from circuitnn.mna._tape import OPCODES, TapeKernel
from circuitnn.netlist.expression import Binary, Call, Expression, Name, Number, Probe, Renamed, Ternary, Unary
from circuitnn.netlist.flat import GROUND, Element
from circuitnn.netlist.functions import CONSTANTS

# operations of one operand, by the name in the tree; the rest of what C can do follows by number of operands
_ONE = {
    "-": "neg", "!": "not", "log": "ln", "int": "trunc",
    "abs": "abs", "sgn": "sgn", "u": "u", "u2": "u2", "uramp": "uramp", "floor": "floor", "ceil": "ceil",
    "nint": "nint", "sqrt": "sqrt", "exp": "exp", "log10": "log10", "sin": "sin", "cos": "cos", "tan": "tan",
    "asin": "asin", "acos": "acos", "atan": "atan", "sinh": "sinh", "cosh": "cosh", "tanh": "tanh",
    "asinh": "asinh", "acosh": "acosh", "atanh": "atanh",
}  # fmt: skip
_TWO = {
    "+": "add", "-": "sub", "*": "mul", "/": "div", "%": "mod", "**": "pow",
    "==": "eq", "!=": "ne", "<": "lt", "<=": "le", ">": "gt", ">=": "ge", "&&": "and", "||": "or",
    "pow": "pow", "pwr": "pwr", "atan2": "atan2",
}  # fmt: skip
_MANY = {"min": "min", "max": "max"}
_AGAINST_ZERO = {"eq0": "eq", "ne0": "ne", "gt0": "gt", "lt0": "lt", "ge0": "ge", "le0": "le"}
_POINTS = ("pwl", "table")
_IN_TIME = ("ddt", "idt")
#: Functions of behavioural sources, by their canonical names.
FUNCTIONS = (
    *(name for name in (*_ONE, *_TWO, *_MANY) if name.isidentifier()),
    *_AGAINST_ZERO,
    *_POINTS,
    *_IN_TIME,
    "limit",
    "sign",
    "hypot",
)

_KINDS = ("v", "i", "r", "c", "q", "l")

_Operand = tuple[str, int]
_Instruction = tuple[str, _Operand, _Operand | int, _Operand | int]


@dataclass(frozen=True, slots=True)
class Tape:
    """A compiled expression.

    Parameters
    ----------
    code : tuple of (int, int, int, int)
        Operation and operand registers of each instruction.
    result : int
        Register of the value.
    sensed : tuple of (str, str)
        The first registers: ``("v", node)``, ``("i", element)``, or ``("x", place)`` with a place in ``in_time``.
    constants : tuple of float
        The registers after them; the time's register follows.
    in_time : tuple of (str, Expression, float)
        Derivatives and integrals in it, unknowns of their own: ``ddt`` or ``idt``, of what, and its initial value.
    """

    code: tuple[tuple[int, int, int, int], ...]
    result: int
    sensed: tuple[tuple[str, str], ...]
    constants: tuple[float, ...]
    in_time: tuple[tuple[str, Expression, float], ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    """One instance of a kernel: an element, or a derivative or integral in its expression.

    Parameters
    ----------
    element : Element
    name : str
        The element's, or that of the derivative or integral: ``b1#ddt0``.
    sensed : tuple of (str, str)
        What the kernel's locals after its own are: ``("v", node)``, ``("i", element)`` or ``("x", name)``.
    start : float
        Initial value of an integral.
    """

    element: Element
    name: str
    sensed: tuple[tuple[str, str], ...]
    start: float = 0.0


class _Compiler:
    """Turns one tree into instructions; operands are symbolic until the number of each kind is known."""

    def __init__(self, temperature: float, place: Place | None) -> None:
        self.temperature = temperature
        self.place = place
        self.sensed: dict[tuple[str, str], int] = {}
        self.constants: list[float] = []
        self.code: list[_Instruction] = []
        self.known: dict[_Instruction, int] = {}
        self.in_time: dict[tuple[str, Expression, float], int] = {}

    def compile(self, root: Expression) -> Tape:
        # an explicit stack: a sum of thousands of terms is as deep as it is long
        work: list[tuple[Expression, bool]] = [(root, False)]
        values: list[_Operand] = []
        while work:
            node, ready = work.pop()
            if isinstance(node, Renamed):
                node = node.whole()
            children = self.operands(node)
            if children and not ready:
                work.append((node, True))
                work.extend((child, False) for child in reversed(children))
                continue
            first = len(values) - len(children)
            arguments = values[first:]
            del values[first:]
            values.append(self.emit(node, arguments))
        return self.finish(values[0])

    def finish(self, result: _Operand) -> Tape:
        n_sensed, n_constants = len(self.sensed), len(self.constants)
        start = {"sensed": 0, "constant": n_sensed, "time": n_sensed + n_constants}
        start["code"] = start["time"] + 1

        def register(operand: _Operand | int) -> int:
            return operand if isinstance(operand, int) else start[operand[0]] + operand[1]

        code = tuple((OPCODES[op], register(a), register(b), register(c)) for op, a, b, c in self.code)
        return Tape(code, register(result), tuple(self.sensed), tuple(self.constants), tuple(self.in_time))

    def operands(self, node: Expression) -> tuple[Expression, ...]:
        """Return the children that need registers of their own."""
        if isinstance(node, Unary):
            return (node.operand,)
        if isinstance(node, Binary):
            return (node.left,) if _is_square(node) else (node.left, node.right)
        if isinstance(node, Ternary):
            return (node.condition, node.yes, node.no)
        if isinstance(node, Call):
            if node.name in _POINTS:
                return tuple(node.args[:1])
            if node.name in _IN_TIME:
                return ()  # compiled apart
            return tuple(node.args[:1]) if _is_square(node) else tuple(node.args)
        return ()

    def emit(self, node: Expression, arguments: list[_Operand]) -> _Operand:
        match node:
            case Number(value):
                return self.constant(value)
            case Name(name):
                return self.name(name)
            case Probe(kind, names):
                return self.probe(kind, names)
            case Unary(op, _):
                return self.instruction(_ONE[op], *arguments)
            case Binary(op, _, _):
                return self.instruction("square" if _is_square(node) else _TWO[op], *arguments)
            case Ternary():
                return self.instruction("select", *arguments)
            case Call():
                return self.call(node, arguments)
        raise NetlistError(f"an expression holds {node!r}", place=self.place)

    def instruction(self, op: str, first: _Operand, *others: _Operand | int) -> _Operand:
        """Append an instruction, or return the earlier one that computes the same."""
        second, third = (*others, first, first)[:2]
        key = (op, first, second, third)
        if key not in self.known:
            self.known[key] = len(self.code)
            self.code.append(key)
        return ("code", self.known[key])

    def constant(self, value: float) -> _Operand:
        # never shared between places in the tree: another source of this shape may have different numbers there
        self.constants.append(float(value))
        return ("constant", len(self.constants) - 1)

    def sense(self, what: str, name: str) -> _Operand:
        return ("sensed", self.sensed.setdefault((what, name), len(self.sensed)))

    def probe(self, kind: str, names: tuple[str, ...]) -> _Operand:
        if kind == "i":
            return self.sense("i", names[0])
        plus, minus = (*names, GROUND)[:2]
        if plus == minus:
            return self.constant(0.0)
        if minus == GROUND:
            return self.sense("v", plus)
        if plus == GROUND:
            return self.instruction("neg", self.sense("v", minus))
        return self.instruction("sub", self.sense("v", plus), self.sense("v", minus))

    def name(self, name: str) -> _Operand:
        if name == "time":
            return ("time", 0)
        if name == "temper":
            return self.constant(self.temperature)
        if name == "hertz":
            zero = ("sensed", 0)  # names a register, which is not read
            return self.instruction("hertz", zero)
        if name in CONSTANTS:
            return self.constant(CONSTANTS[name])
        raise NetlistError(
            f"the expression of a source uses {name!r}, which has no value",
            place=self.place,
            expected="a parameter, time, temper, hertz, v(node), v(node, node) or i(element)",
            hint=nearest(name, ("time", "temper", "hertz")),
            names=(name,),
        )

    def call(self, node: Call, arguments: list[_Operand]) -> _Operand:
        name, count = node.name, len(node.args)
        if name in _POINTS:
            return self.instruction(name, arguments[0], self.points(node), (count - 1) // 2)
        if name in _IN_TIME:
            return self.time_of(node)
        if name in _ONE:
            self.expect(node, count == 1, "one argument")
            return self.instruction(_ONE[name], *arguments)
        if name in _AGAINST_ZERO:
            self.expect(node, count == 1, "one argument")
            return self.instruction(_AGAINST_ZERO[name], arguments[0], self.constant(0.0))
        if name in _TWO:
            self.expect(node, count == 2, "two arguments")
            return self.instruction("square" if _is_square(node) else _TWO[name], *arguments)
        if name in _MANY:
            self.expect(node, count >= 2, "two arguments or more")
            return reduce(lambda a, b: self.instruction(_MANY[name], a, b), arguments)
        if name == "sign":
            self.expect(node, count == 2, "two arguments")
            return self.instruction("mul", self.instruction("abs", arguments[0]), self.instruction("sgn", arguments[1]))
        if name == "hypot":
            self.expect(node, count == 2, "two arguments")
            squares = [self.instruction("square", argument) for argument in arguments]
            return self.instruction("sqrt", self.instruction("add", *squares))
        if name == "limit":
            self.expect(node, count == 3, "a value and two bounds")
            return self.instruction("min", self.instruction("max", arguments[0], arguments[1]), arguments[2])
        raise NetlistError(
            f"there is no function {name!r} in behavioural sources",
            place=self.place,
            expected=", ".join(FUNCTIONS),
            hint=nearest(name, FUNCTIONS),
            names=(name,),
        )

    def points(self, node: Call) -> _Operand:
        """Append the points of a piecewise linear function to the constants."""
        self.expect(node, len(node.args) >= 5 and len(node.args) % 2 == 1, "a value and at least two points x, y")
        known = [argument.value for argument in node.args[1:] if isinstance(argument, Number)]
        self.expect(node, len(known) == len(node.args) - 1, "points written as numbers")
        x = known[0::2]
        self.expect(node, all(a < b for a, b in pairwise(x)), "points whose x increases")
        first = len(self.constants)
        self.constants += known
        return ("constant", first)

    def time_of(self, node: Call) -> _Operand:
        """Return the unknown that is a derivative or an integral."""
        self.expect(node, len(node.args) == 1 or (len(node.args) == 2 and node.name == "idt"), "one argument")
        start = 0.0
        if len(node.args) == 2:
            initial = node.args[1]
            self.expect(node, isinstance(initial, Number), "an initial value written as a number")
            start = initial.value if isinstance(initial, Number) else 0.0
        place = self.in_time.setdefault((node.name, node.args[0], start), len(self.in_time))
        return self.sense("x", str(place))

    def expect(self, node: Call, holds: bool, wanted: str) -> None:
        if not holds:
            raise NetlistError(f"{node.name}() is used wrongly", place=self.place, expected=wanted, names=(node.name,))


def _is_square(node: Expression) -> bool:
    """Whether a node is x**2, which needs no logarithm."""
    if isinstance(node, Binary):
        return node.op == "**" and isinstance(node.right, Number) and node.right.value == 2.0
    if isinstance(node, Call) and node.name == "pow" and len(node.args) == 2:
        exponent = node.args[1]
        return isinstance(exponent, Number) and exponent.value == 2.0
    return False


def compile_tape(expression: Expression, *, temperature: float = 27.0, place: Place | None = None) -> Tape:
    """Compile an expression of a behavioural source.

    Parameters
    ----------
    expression : Expression
        Parameters already replaced by numbers; what is left are v(), i(), ``time`` and ``temper``.
    temperature : float, degrees Celsius
        Value of ``temper``.
    place : Place, optional
        Where it was written, for errors.

    Returns
    -------
    Tape

    Raises
    ------
    NetlistError
        For names without a value, unknown functions, wrong numbers of arguments.

    Notes
    -----
    The meaning is ngspice 39's: ``x**y`` and ``pow(x, y)`` are \\|x\\|^y, ``pwr(x, y)`` is sgn(x) \\|x\\|^y, ``log`` is
    the natural logarithm, ``u(0)`` is 0.5, ``pwl`` goes straight on beyond its ends, and divisors are kept 1e-32 off
    zero.  ``table`` (level beyond its ends), ``%``, ``atan2``, ``int``, ``sign(x, y)``, ``limit(x, low, high)``,
    ``idt`` and more than two arguments of ``min`` and ``max`` are added.  A conditional has the slope of the branch
    taken, a step none.

    Examples
    --------
    >>> from circuitnn.netlist.expression import parse_expression
    >>> tape = compile_tape(parse_expression("2*v(a) + i(v1)"))
    >>> tape.sensed, tape.constants, len(tape.code)
    ((('v', 'a'), ('i', 'v1')), (2.0,), 2)
    """
    return _Compiler(temperature, place).compile(expression)


def compile_behavioural(
    elements: Iterable[Element], *, temperature: float = 27.0, tnom: float = 27.0
) -> list[tuple[TapeKernel, list[Member]]]:
    """Compile behavioural elements and group those that differ only in numbers and in what they sense.

    Parameters
    ----------
    elements : iterable of Element
        With ``expression`` and ``kind``: ``"v"`` or ``"i"`` of a source, ``"r"``, ``"c"``, ``"l"`` for what the
        expression is the value of, ``"q"`` for a charge.
    temperature, tnom : float, degrees Celsius

    Returns
    -------
    list of (TapeKernel, list of Member)
        ``kernel.instances`` holds ``(name, constants)`` in the same order.

    Raises
    ------
    CircuitError, NetlistError
        For an element without a kind or an expression that cannot be compiled.
    """
    groups: dict[tuple[object, ...], tuple[TapeKernel, list[Member]]] = {}
    # Instances of one subcircuit differ in leaves only: their tape is compiled once.
    shapes: dict[tuple[object, ...], tuple[TapeKernel, list[Member]] | None] = {}
    outlines: dict[int, _Outline] = {}
    for element in elements:
        kind, root = _equation(element, temperature, tnom)
        outline = _outline_of(root, outlines)
        shape = (kind, outline[0])
        known = shapes.get(shape)
        if known is not None:
            known[1].append(Member(element, element.name, outline[2]))
            known[0].instances.append((element.name, outline[1]))
            continue
        pending = [(element.name, kind, root, 0.0)]
        count = 0
        for name, form, tree, start in pending:
            tape = compile_tape(tree, temperature=temperature, place=element.place)
            inner = []
            for what, argument, initial in tape.in_time:
                inner.append(f"{element.name}#{what}{count}")
                pending.append((inner[-1], what, argument, initial))
                count += 1
            sensed = tuple([(what, inner[int(of)] if what == "x" else of) for what, of in tape.sensed])
            key = (form, tape.code, tape.result, len(tape.sensed), len(tape.constants))
            if key not in groups:
                groups[key] = (TapeKernel(form, tape), [])
            kernel, members = groups[key]
            members.append(Member(element, name, sensed, start))
            kernel.instances.append((name, tape.constants))
            if name == element.name and (tape.constants, tape.sensed) == outline[1:]:
                shapes[shape] = groups[key]
    return list(groups.values())


#: What of an expression decides its tape, its numbers, and what it senses, both in order of appearance.
_Outline = tuple[tuple[object, ...], tuple[float, ...], tuple[tuple[str, str], ...]]


def _outline_of(root: Expression, known: dict[int, _Outline]) -> _Outline:
    """Return the outline of an expression; ``known`` are those of trees that several share, by identity."""
    if not isinstance(root, Renamed):
        return _outline(root)
    key = id(root.tree)
    if key not in known:
        known[key] = _outline(root.tree)
    shape, numbers, sensed = known[key]
    others = {
        (probe.kind, name): new
        for probe, other in zip(root.probes, root.others, strict=True)
        for name, new in zip(probe.names, other.names, strict=True)
    }
    renamed = tuple([(kind, others[kind, name]) for kind, name in sensed])
    if len(set(renamed)) < len(renamed) or ("v", GROUND) in renamed:  # two nodes of a subcircuit are one outside it
        return _outline(root.whole())
    return shape, numbers, renamed


def _outline(root: Expression) -> _Outline:
    """Return the outline of an expression by itself."""
    shape: list[object] = []
    numbers: list[float] = []
    sensed: dict[tuple[str, str], int] = {}
    stack = [root]
    while stack:
        node = stack.pop()
        kind = type(node)
        if kind is Number:
            numbers.append(node.value)  # type: ignore[attr-defined]
            shape.append(0)
        elif isinstance(node, Probe):
            shape.append(node.kind)
            for name in node.names:
                shape.append(-1 if name == GROUND else sensed.setdefault((node.kind, name), len(sensed)))
        elif isinstance(node, Binary):
            if _is_square(node):
                shape.append("square")
            else:
                shape.append(node.op)
                stack.append(node.right)
            stack.append(node.left)
        elif isinstance(node, Renamed):
            stack.append(node.whole())
        elif isinstance(node, Unary):
            shape += ("unary", node.op)
            stack.append(node.operand)
        elif isinstance(node, Ternary):
            shape.append("?")
            stack += (node.no, node.yes, node.condition)
        elif isinstance(node, Call) and node.name not in (*_POINTS, *_IN_TIME) and not _is_square(node):
            shape += (node.name, len(node.args))
            stack += reversed(node.args)
        else:
            shape.append(node)
    return tuple(shape), tuple(numbers), tuple(sensed)


def _equation(element: Element, temperature: float, tnom: float) -> tuple[str, Expression]:
    """Return the tape's kind and its expression.

    A conductance is v over the expression, a capacitance or inductance its product with a slope, as in ngspice; a
    charge is conserved exactly.
    """
    tree, params = element.expression, element.params
    if tree is None or element.kind not in _KINDS:
        raise CircuitError(
            f"{element.name} is no behavioural element",
            place=element.place,
            expected="an expression, and a kind: " + " ".join(_KINDS),
            names=(element.name,),
        )
    dt = params.get("temp", temperature + params.get("dtemp", 0.0)) - tnom
    factor = 1.0 + params.get("tc1", 0.0) * dt + params.get("tc2", 0.0) * dt * dt
    number = params.get("m", 1.0)
    kind = element.kind
    divisor = {"r": factor, "l": number}.get(kind, 1.0)
    if divisor == 0.0 or not math.isfinite(number * factor):
        raise CircuitError(
            f"{element.name} has no value with m = {number:g} and a temperature factor of {factor:g}",
            place=element.place,
            expected="finite numbers other than zero",
            names=(element.name,),
        )
    if kind == "r":
        return "i", Binary("/", _scaled(number / factor, Probe("v", element.nodes[:2])), tree)
    if kind == "c":
        return "i", Binary("*", _scaled(number * factor, tree), Call("ddt", (Probe("v", element.nodes[:2]),)))
    if kind == "l":
        return "v", Binary("*", _scaled(factor / number, tree), Call("ddt", (Probe("i", (element.name,)),)))
    return kind, _scaled(factor if kind == "v" else number * factor, tree)


def _scaled(factor: float, tree: Expression) -> Expression:
    return tree if factor == 1.0 else Binary("*", Number(factor), tree)
