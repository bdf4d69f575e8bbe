"""Expressions: a Pratt parser to a frozen tree, and the tree back to text.

Operators from loose to tight: ``?:``, ``||``, ``&&``, ``== !=``, ``< <= > >=``, ``+ -``, ``* / %``, unary ``- ! ~``,
``**`` (``^`` is the same), which groups to the left as in ngspice: ``2**3**2`` is 64, and ``-2**2`` is -4.

The tree is canonical, so those who walk it meet few cases: ``^`` is ``**``, ``~`` is ``!``, ``<>`` is ``!=``, ``ln`` is
``log``, ``if`` and ``ternary_fcn`` are ``Ternary``, ``fabs`` is ``abs``, ``arctan`` is ``atan``, ``sign`` of one
argument is ``sgn``, ``stp`` is ``u``, ``sdt`` is ``idt``, ``pwrs`` is ``pwr``, a minus before a number is part of it.
``table`` is level beyond its ends, ``pwl`` goes straight on.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NoReturn

from circuitnn.errors import NetlistError, Place, UsageError, nearest
from circuitnn.netlist.functions import FUNCTIONS, UNSUPPORTED
from circuitnn.units import parse_value, scale_of

MAX_DEPTH = 200
MAX_NODES = 100_000
_BALANCE = 64


class Expression:
    """Base of all nodes of a tree."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Number(Expression):
    """A finite number."""

    value: float


@dataclass(frozen=True, slots=True)
class Name(Expression):
    """A parameter, or one of ``time temper hertz`` in a behavioural source."""

    name: str


@dataclass(frozen=True, slots=True)
class Unary(Expression):
    """``-`` or ``!`` (not)."""

    op: str
    operand: Expression


@dataclass(frozen=True, slots=True)
class Binary(Expression):
    """One of ``+ - * / % ** == != < <= > >= && ||``; comparisons give 1 or 0."""

    op: str
    left: Expression
    right: Expression


@dataclass(frozen=True, slots=True)
class Call(Expression):
    """A function of ``functions.FUNCTIONS``, or one defined by ``.func``."""

    name: str
    args: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Ternary(Expression):
    """``condition ? yes : no``."""

    condition: Expression
    yes: Expression
    no: Expression


@dataclass(frozen=True, slots=True)
class Probe(Expression):
    """``v(a)``, ``v(a,b)`` or ``i(vx)``: ``kind`` is ``"v"`` or ``"i"``."""

    kind: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Renamed(Expression):
    """A whole tree with other probes: what instances of a subcircuit share, beside what each has for itself.

    ``probes`` are those of ``tree``, each once; ``others`` stand in their places.  It equals the tree it stands for.
    """

    tree: Expression
    probes: tuple[Probe, ...]
    others: tuple[Probe, ...]

    def whole(self) -> Expression:
        """Return the tree that this one stands for."""
        others = dict(zip(self.probes, self.others, strict=True))
        return substitute(self.tree, lambda _: None, others.__getitem__)

    def __eq__(self, other: object) -> bool:
        return self.whole() == (other.whole() if isinstance(other, Renamed) else other)

    def __hash__(self) -> int:
        return hash(self.whole())


Fail = Callable[..., NetlistError]

_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:[ed][+-]?\d+)?)(?P<suffix>[^\W\d]*)"
    r"|(?P<name>[^\W\d][\w.$]*)"
    r"|(?P<op>\*\*|&&|\|\||<=|>=|==|!=|<>|[-+*/^%<>!~?:(){},&|=]))"
)
_BLANK = re.compile(r"\s*")
_PROBE_NAME = re.compile(r"\s*([^\s(),{}'\"=]+)\s*")
_CANONICAL = {"^": "**", "<>": "!=", "&": "&&", "|": "||"}
_POWER = {
    "?": 1, "||": 2, "&&": 3, "==": 4, "!=": 4, "<": 5, "<=": 5, ">": 5, ">=": 5,
    "+": 6, "-": 6, "*": 7, "/": 7, "%": 7, "**": 9,
}  # fmt: skip
_UNARY_POWER = 8
_ALIASES = {"ln": "log", "fabs": "abs", "arctan": "atan", "stp": "u", "sdt": "idt", "pwrs": "pwr"}
_CLOSERS = {"(": ")", "{": "}"}
_GLUED = re.compile(r"[\w.]+")
_INFIX_SCALE = re.compile(r"(\d+)([^\W\d]+)(\d+)")


def misspelt(word: str) -> str | None:
    """Return a hint for a word that begins as a number but is none.

    Examples
    --------
    >>> misspelt("4k7")
    'write 4.7k'
    """
    found = _INFIX_SCALE.fullmatch(word[:40])
    if found and (scale_of(found[2]) != 1.0 or found[2] == "r"):
        return f"write {found[1]}.{found[3]}{'' if found[2] == 'r' else found[2]}"
    if len(word) <= 40 and re.search(r"[-+*/^]", word[1:]):
        return f"an expression belongs in braces: {{{word}}}"
    return "a suffix is one of t g meg k mil m u n p f, and digits do not follow it"


def shorten(word: str) -> str:
    """Return a word in quotes for a message, its end left out when it is long."""
    return repr(word if len(word) <= 40 else word[:37] + "...")


class _Parser:
    """Holds the text and the next token; ``parse`` is the only recursion, one frame a level."""

    def __init__(self, text: str, pos: int, fail: Fail, condition: bool) -> None:
        self.text, self.pos, self.fail, self.condition = text, pos, fail, condition
        self.kind = self.token = ""
        self.start = self.end = pos
        self.count = 0
        self.advance()

    def advance(self) -> None:
        """Read the next token; ``end`` stays behind the last token that was used."""
        self.end = self.pos
        found = _TOKEN.match(self.text, self.pos)
        if found is None:
            self.kind, self.token, self.start = "", "", _blank_end(self.text, self.pos)
            return
        self.kind = found.lastgroup or ""
        if self.kind == "suffix":
            self.kind = "number"
            self.token = found["number"] + found["suffix"]
        else:
            self.token = found[self.kind]
        self.start, self.pos = found.start("number" if self.kind == "number" else self.kind), found.end()

    def error(self, message: str, at: int | None = None, **keywords: str | None) -> NoReturn:
        raise self.fail(self.start if at is None else at, message, **keywords)

    def expect(self, op: str, what: str) -> None:
        if self.kind != "op" or self.token != op:
            self.error(f"{self.found()} where {op!r} {what} belongs")
        self.advance()

    def found(self) -> str:
        if self.token:
            return shorten(self.token)
        return repr(self.text[self.start]) if self.start < len(self.text) else "the end of the line"

    def grown(self, height: int) -> int:
        self.count += 1
        if height > MAX_DEPTH:
            self.error("an expression nested too deeply", expected=f"at most {MAX_DEPTH} levels")
        if self.count > MAX_NODES:
            self.error("an expression of too many terms", expected=f"at most {MAX_NODES}")
        return height

    def parse(self, power: int, depth: int) -> tuple[Expression, int]:
        """Return the tree whose operators bind at least as tightly as ``power``, and its height."""
        self.grown(depth)
        kind, token, start = self.kind, self.token, self.start
        node: Expression
        if kind == "number":
            node, height = Number(self.number()), 1
        elif kind == "name":
            self.advance()
            if self.token == "(" and self.kind == "op":
                if token in ("v", "i"):
                    node, height = self.probe(token), 1
                else:
                    self.advance()
                    args: list[Expression] = []
                    heights = [0]
                    while not (self.kind == "op" and self.token == ")"):
                        if args:
                            self.expect(",", "between arguments")
                        tree, tall = self.parse(0, depth + 1)
                        args.append(tree)
                        heights.append(tall)
                    self.advance()
                    node, height = self.call(token, tuple(args), start), 1 + max(heights)
            else:
                node, height = Name(token), 1
        elif kind == "op" and token in _CLOSERS:
            self.advance()
            node, height = self.parse(0, depth + 1)
            self.expect(_CLOSERS[token], f"to close {token!r}")
        elif kind == "op" and token in "-+!~":
            self.advance()
            token = "!" if token == "~" else token
            node, height = self.parse(_UNARY_POWER, depth + 1)
            if token == "-" and isinstance(node, Number):
                node = Number(-node.value)
            elif token != "+":
                node, height = Unary(token, node), height + 1
        else:
            self.error(f"{self.found()} where an expression belongs")
        run: list[tuple[Expression, int]] = [(node, height)]
        last = ""
        while self.kind == "op":
            op = "==" if self.token == "=" and self.condition else _CANONICAL.get(self.token, self.token)
            binding = _POWER.get(op, -1)
            if binding < 0 or binding < power:
                break
            if last and (op != last or op not in "+*"):
                run = [self.chain(last, run)]
            self.advance()
            if op == "?":
                yes = self.parse(0, depth + 1)
                self.expect(":", "of '?'")
                no = self.parse(1, depth + 1)
                condition = run[0]
                run = [(Ternary(condition[0], yes[0], no[0]), self.grown(1 + max(condition[1], yes[1], no[1])))]
                last = ""
                continue
            run.append(self.parse(binding + 1, depth + 1))
            last = op
        node, height = self.chain(last, run)
        self.grown(height)
        return node, height

    def chain(self, op: str, run: list[tuple[Expression, int]]) -> tuple[Expression, int]:
        """Join the operands of one operator to the left; long sums and products as a balanced tree, to stay shallow."""
        if op in ("+", "*") and len(run) > _BALANCE:
            while len(run) > 1:
                pairs = [self.join(op, run[k], run[k + 1]) for k in range(0, len(run) - 1, 2)]
                run = pairs + run[len(pairs) * 2 :]
            return run[0]
        tree = run[0]
        for operand in run[1:]:
            tree = self.join(op, tree, operand)
        return tree

    def join(self, op: str, left: tuple[Expression, int], right: tuple[Expression, int]) -> tuple[Expression, int]:
        return Binary(op, left[0], right[0]), self.grown(1 + max(left[1], right[1]))

    def number(self) -> float:
        token, start, stop = self.token, self.start, self.pos
        glued = _GLUED.match(self.text, stop)
        if glued is not None:
            word = token + glued[0]
            self.error(f"{shorten(word)} is not a number", start, hint=misspelt(word))
        try:
            value = parse_value(token)
        except (UsageError, ValueError):
            self.error(f"{shorten(token)} is not a finite number", start)
        self.advance()
        return value

    def probe(self, kind: str) -> Probe:
        names = []
        start = self.start
        while True:
            found = _PROBE_NAME.match(self.text, self.pos)
            if found is None:
                self.error(f"{kind}(...) without a name", start, expected="v(a), v(a,b) or i(vx)")
            names.append(found[1])
            self.pos = found.end()
            closer = self.text[self.pos : self.pos + 1]
            self.pos += 1
            if closer == ")":
                break
            if closer != ",":
                self.error(f"{kind}({names[0]} is not closed", start, expected="v(a), v(a,b) or i(vx)")
        if len(names) > (2 if kind == "v" else 1):
            self.error(f"{kind}(...) of {len(names)} names", start, expected="v(a), v(a,b) or i(vx)")
        self.advance()
        return Probe(kind, tuple(names))

    def call(self, name: str, args: tuple[Expression, ...], start: int) -> Expression:
        name = _ALIASES.get(name, name)
        if name in UNSUPPORTED:
            self.error(f"the function {name!r} is not supported yet", start)
        if name in ("if", "ternary_fcn"):
            if len(args) != 3:
                self.error(f"{name} takes 3 arguments, not {len(args)}", start)
            return Ternary(*args)
        if name == "sqr" and len(args) == 1:
            return Call("pow", (*args, Number(2.0)))
        if name == "sign" and len(args) == 1:
            name = "sgn"
        if name in FUNCTIONS:
            low, high = FUNCTIONS[name].low, FUNCTIONS[name].high
            if len(args) < low or (high is not None and len(args) > high):
                count = str(low) if low == high else f"at least {low}" if high is None else f"{low} to {high}"
                self.error(f"{name} takes {count} argument{'s' * (count != '1')}, not {len(args)}", start)
            if name in ("table", "pwl") and len(args) % 2 == 0:
                self.error(f"{name} takes an argument and pairs x, y", start)
        return Call(name, args)


def _blank_end(text: str, pos: int) -> int:
    found = _BLANK.match(text, pos)
    return found.end() if found else pos


def parse_at(text: str, pos: int, fail: Fail, *, condition: bool = False) -> tuple[Expression, int]:
    """Return the expression that starts at ``pos`` of a lower-case text, and where it ends.

    ``fail(offset, message, **keywords)`` returns the exception to raise; in a ``condition`` ``=`` compares.
    """
    parser = _Parser(text, pos, fail, condition)
    tree, _ = parser.parse(0, 1)
    return tree, parser.end


def parse_expression(text: str, place: Place | None = None) -> Expression:
    """Return the tree of an expression.

    Parameters
    ----------
    text : str
        For example ``"2*v(a,b)^2 + i(v1)/k"``.
    place : Place, optional
        Where it was written.

    Raises
    ------
    NetlistError
        When it is malformed, nested deeper than 200 levels, or has more than 100,000 terms.

    Examples
    --------
    >>> parse_expression("1k*v(a)")
    Binary(op='*', left=Number(value=1000.0), right=Probe(kind='v', names=('a',)))
    """

    def fail(offset: int, message: str, **keywords: str | None) -> NetlistError:
        at = place or Place("<expression>", 1, offset + 1, text[:200])
        return NetlistError(message, place=at, **keywords)  # type: ignore[arg-type]

    low = text.lower()
    tree, end = parse_at(low, 0, fail)
    if low[end:].strip():
        raise fail(
            _blank_end(low, end),
            f"{low[end:].strip()[:20]!r} does not continue an expression",
            expected="an operator, or the end",
        )
    return tree


def format_number(value: float) -> str:
    """Return a number as the shortest text that reads back to it.

    Examples
    --------
    >>> format_number(1000.0), format_number(1e-12)
    ('1000', '1e-12')
    """
    text = repr(float(value))
    return text[:-2] if text.endswith(".0") else text


def to_text(tree: Expression) -> str:
    """Return an expression as text whose parse is the same tree.

    Examples
    --------
    >>> to_text(parse_expression("(a+b)*-2^x"))
    '(a+b)*(-2**x)'
    """
    return _write(tree)[0]


def _write(tree: Expression) -> tuple[str, int]:
    """Return the text and how tightly its outermost operator binds."""
    match tree:
        case Number(value):
            text = format_number(value)
            return text, _UNARY_POWER if text.startswith("-") else 10
        case Name(name):
            return name, 10
        case Renamed():
            return _write(tree.whole())
        case Probe(kind, names):
            return f"{kind}({','.join(names)})", 10
        case Call(name, args):
            return f"{name}({','.join([_write(a)[0] for a in args])})", 10
        case Unary(op, operand):
            text, power = _write(operand)
            bare = power > _UNARY_POWER
            return f"{op}{text}" if bare else f"{op}({text})", _UNARY_POWER
        case Ternary(condition, yes, no):
            texts = [_wrap(condition, 2), _wrap(yes, 2), _wrap(no, 2)]
            return f"{texts[0]}?{texts[1]}:{texts[2]}", 1
        case Binary(op, left, right):
            power = _POWER[op]
            second = _wrap(right, power + 1)
            return f"{_wrap(left, power)}{op}{f'({second})' if second[0] in '-!' else second}", power
    raise TypeError(f"{tree!r} is not an expression")


def _wrap(tree: Expression, power: int) -> str:
    text, own = _write(tree)
    return text if own >= power else f"({text})"


def walk(tree: Expression) -> Iterator[Expression]:
    """Yield every node of a tree."""
    stack = [tree]
    while stack:
        node = stack.pop()
        yield node
        match node:
            case Unary(_, operand):
                stack.append(operand)
            case Binary(_, left, right):
                stack += (right, left)
            case Ternary(condition, yes, no):
                stack += (no, yes, condition)
            case Call(_, args):
                stack += reversed(args)
            case Renamed():
                stack.append(node.whole())


def probes_of(tree: Expression) -> tuple[Probe, ...]:
    """Return the probes of a tree, each once.

    Examples
    --------
    >>> [to_text(probe) for probe in probes_of(parse_expression("v(a)*i(v1) + v(a)"))]
    ['v(a)', 'i(v1)']
    """
    if isinstance(tree, Renamed):
        return tree.others
    return tuple(dict.fromkeys([part for part in walk(tree) if isinstance(part, Probe)]))


def substitute(
    tree: Expression,
    names: Callable[[str], Expression | None],
    probes: Callable[[Probe], Expression] | None = None,
    calls: Callable[[Call], Expression] | None = None,
) -> Expression:
    """Return a tree with names, probes and calls replaced.

    Parameters
    ----------
    tree : Expression
        The tree.
    names : callable
        From a name to its expression, or None to leave it.
    probes : callable, optional
        From a probe to its replacement.
    calls : callable, optional
        From a call, its arguments already replaced, to its replacement.

    Examples
    --------
    >>> tree = parse_expression("gain*v(in)")
    >>> to_text(substitute(tree, {"gain": Number(2.0)}.get, lambda p: Probe(p.kind, ("x1.in",))))
    '2*v(x1.in)'
    """
    match tree:
        case Name(name):
            return names(name) or tree
        case Probe():
            return probes(tree) if probes else tree
        case Unary(op, operand):
            return Unary(op, substitute(operand, names, probes, calls))
        case Binary(op, left, right):
            return Binary(op, substitute(left, names, probes, calls), substitute(right, names, probes, calls))
        case Ternary(a, b, c):
            return Ternary(
                substitute(a, names, probes, calls),
                substitute(b, names, probes, calls),
                substitute(c, names, probes, calls),
            )
        case Call(name, args):
            new = Call(name, tuple([substitute(a, names, probes, calls) for a in args]))
            return calls(new) if calls else new
        case Renamed():
            return substitute(tree.whole(), names, probes, calls)
    return tree


def evaluate(
    tree: Expression, lookup: Callable[[str], float], *, place: Place | None = None, behavioural: bool = False
) -> float:
    """Return the value of an expression without probes.

    Parameters
    ----------
    tree : Expression
        The tree, calls of ``.func`` functions already replaced.
    lookup : callable
        From a name to its value; raises for an unknown one.
    place : Place, optional
        For messages.
    behavioural : bool
        Powers as ngspice takes them in B sources: ``x**y`` and ``pow(x,y)`` are ``|x|^y``, ``pwr(x,y)`` is
        ``sgn(x)*|x|^y``. Else as it takes them in ``.param``: ``pow`` is x^y and ``pwr`` is ``|x|^y``, and
        ``x**y`` of a negative x, where ngspice drops the sign, is refused unless y is even.

    Raises
    ------
    NetlistError
        When an operation has no finite real value.

    Examples
    --------
    >>> evaluate(parse_expression("sqrt(a*a+9)"), {"a": 4.0}.__getitem__)
    5.0
    """
    match tree:
        case Number(value):
            return value
        case Name(name):
            return lookup(name)
        case Ternary(condition, yes, no):
            chosen = yes if evaluate(condition, lookup, place=place, behavioural=behavioural) != 0.0 else no
            return evaluate(chosen, lookup, place=place, behavioural=behavioural)
        case Unary(op, operand):
            value = evaluate(operand, lookup, place=place, behavioural=behavioural)
            return -value if op == "-" else float(value == 0.0)
        case Binary(op, left, right):
            a = evaluate(left, lookup, place=place, behavioural=behavioural)
            if op == "&&" and a == 0.0:
                return 0.0
            if op == "||" and a != 0.0:
                return 1.0
            return _apply(op, (a, evaluate(right, lookup, place=place, behavioural=behavioural)), place, behavioural)
        case Call(name, args):
            values = tuple([evaluate(a, lookup, place=place, behavioural=behavioural) for a in args])
            return _apply(name, values, place, behavioural)
        case Probe():
            raise NetlistError(
                f"{to_text(tree)} has no value before the simulation", place=place, hint="use it in a B, E or G source"
            )
    raise TypeError(f"{tree!r} is not an expression")


def _apply(name: str, args: tuple[float, ...], place: Place | None, behavioural: bool) -> float:
    function = FUNCTIONS.get(name)
    if function is None:
        raise NetlistError(f"unknown function {name!r}", place=place, names=(name,), hint=nearest(name, FUNCTIONS))
    body = function.behavioural if behavioural and function.behavioural else function.body
    try:
        value = body(*args)
    except OverflowError:
        reason = "it is too large"
    except ZeroDivisionError:
        reason = "division by zero"
    except ValueError as error:
        reason = str(error)
    else:
        if abs(value) < float("inf"):
            return value
        reason = "it is too large"
    shown = ", ".join([f"{a:g}" for a in args])
    text = f"{name}({shown})" if name.isidentifier() else f" {name} ".join([f"{a:g}" for a in args])
    raise NetlistError(f"{text} has no value: {reason}", place=place, expected="an expression with a finite value")
