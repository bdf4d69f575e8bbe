"""Expressions on the vectors of a result, as ``.print``, ``.measure`` and scripts write them.

Operators from loose to tight: ``?:``, ``| or``, ``& and``, ``= <> != < <= > >=`` (also ``eq ne lt le gt ge``), ``+ -``,
``* / %``, unary ``- ~ ! not``, ``^ **`` (which groups to the right: ``2^3^2`` is 512). ``(a,b)`` is a complex number,
``v(a)[2]`` an element, ``v(a)[1,3]`` a range. Vectors are named as in `Result`, with ``tran2.v(a)`` for another result.
The tree is that of `circuitnn.netlist.expression`; nothing of the text is ever executed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray

from circuitnn.errors import AnalysisError, CircuitnnError, UsageError, nearest
from circuitnn.measure.functions import CONSTANTS, DRAWN, FUNCTIONS, binary
from circuitnn.netlist.expression import Binary, Call, Expression, Name, Number, Ternary, Unary, substitute
from circuitnn.results.result import Result
from circuitnn.units import parse_value

Vector = NDArray[Any]
Lookup = Callable[[str], Any]

MAX_LENGTH = 20_000
MAX_DEPTH = 100
_TOKEN = re.compile(
    r"\s*(?:(?P<number>(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?[^\W\d]*)"
    r"|(?P<vector>(?:[a-z]+\d+\.)?(?:(?:pole|zero)\(\d+\)|[vi](?:db|[mpri])?\((?:[^()]|\([^()]*\))*\)"
    r"|@[^\s\[\](),]+\[[^\[\]]*(?:\[[^\[\]]*\])?\])"
    r"|[^\W\d][\w.$]*#[\w#]+)"
    r"|(?P<name>[^\W\d][\w.$]*)"
    r"|(?P<op>\*\*|&&|\|\||<=|>=|==|!=|<>|[-+*/^%<>=!~?:(){},&|\[\]]))"
)
_WORDS = {"and": "&", "or": "|", "eq": "=", "ne": "<>", "lt": "<", "le": "<=", "gt": ">", "ge": ">=", "not": "!"}
_CANONICAL = {"^": "**", "=": "==", "<>": "!=", "&": "&&", "|": "||", "~": "!"}
_POWER = {
    "?": 1, "||": 2, "&&": 3, "==": 4, "!=": 4, "<": 4, "<=": 4, ">": 4, ">=": 4,
    "+": 6, "-": 6, "*": 7, "/": 7, "%": 7, "**": 9,
}  # fmt: skip
_UNARY_POWER = 8
_CLOSERS = {"(": ")", "{": "}"}


@dataclass(frozen=True, slots=True)
class Defined:
    """A function that a script defines: the names of its arguments, and its body."""

    args: tuple[str, ...]
    body: Expression


class _Parser:
    """Holds the text and the next token."""

    def __init__(self, text: str, defined: Mapping[str, Defined]) -> None:
        self.text = text
        self.defined = defined
        self.pos = self.start = 0
        self.kind = self.token = ""
        self.advance()

    def error(self, message: str) -> NoReturn:
        shown = self.text if len(self.text) <= 80 else self.text[:77] + "..."
        raise UsageError(
            f"in the expression {shown!r}: {message}", expected="vectors, numbers, functions and operators"
        )

    def advance(self) -> None:
        found = _TOKEN.match(self.text, self.pos)
        if found is None:
            self.kind = self.token = ""
            self.start = self.pos
            rest = self.text[self.pos :].strip()
            if rest:
                self.error(f"{rest[:20]!r} does not belong there")
            return
        self.kind = found.lastgroup or ""
        self.token = found[self.kind]
        self.start, self.pos = found.start(self.kind), found.end()
        if self.kind == "name" and self.token in _WORDS:
            self.kind, self.token = "op", _WORDS[self.token]
        if self.kind == "op":
            self.token = _CANONICAL.get(self.token, self.token)

    def expect(self, op: str) -> None:
        if self.kind != "op" or self.token != op:
            self.error(f"{self.token or 'the end'!r} where {op!r} belongs")
        self.advance()

    def arguments(self, closer: str, depth: int) -> tuple[Expression, ...]:
        found: list[Expression] = []
        while not (self.kind == "op" and self.token == closer):
            if found:
                self.expect(",")
            found.append(self.parse(0, depth + 1))
        self.advance()
        return tuple(found)

    def operand(self, depth: int) -> Expression:
        kind, token = self.kind, self.token
        node: Expression
        if kind == "number":
            try:
                node = Number(parse_value(token))
            except (UsageError, ValueError):
                self.error(f"{token!r} is not a number")
            self.advance()
        elif kind == "vector":
            node = Name("".join(token.split()))
            self.advance()
        elif kind == "name":
            self.advance()
            if self.kind == "op" and self.token == "(":
                self.advance()
                node = self.call(token, depth)
            else:
                node = Name(token)
        elif kind == "op" and token in _CLOSERS:
            self.advance()
            parts = self.arguments(_CLOSERS[token], depth)
            if len(parts) not in (1, 2):
                self.error("parentheses hold an expression, or the two parts of a complex number")
            node = parts[0] if len(parts) == 1 else Call("complex", parts)
        elif kind == "op" and token in ("-", "+", "!"):
            self.advance()
            inner = self.parse(_UNARY_POWER, depth + 1)
            node = inner if token == "+" else Unary(token, inner)
        else:
            self.error(f"{token or 'the end'!r} where an operand belongs")
        while self.kind == "op" and self.token == "[":
            self.advance()
            picked = self.arguments("]", depth)
            if len(picked) not in (1, 2):
                self.error("[ ] takes an index, or a first and a last one")
            node = Call("[]", (node, *picked))
        return node

    def call(self, name: str, depth: int) -> Expression:
        args = self.arguments(")", depth)
        if name == "par" and len(args) == 1:
            return args[0]
        own = self.defined.get(name)
        if own is not None and len(own.args) == len(args):
            return substitute(own.body, dict(zip(own.args, args, strict=True)).get)
        function = FUNCTIONS.get(name)
        if function is None:
            known = [*FUNCTIONS, *self.defined]
            self.error(f"there is no function {name!r}" + (f"; {hint}" if (hint := nearest(name, known)) else ""))
        if not function.low <= len(args) <= function.high:
            self.error(f"{name} takes {function.low} argument{'s' * (function.low > 1)}, not {len(args)}")
        return Call(name, args)

    def parse(self, power: int, depth: int) -> Expression:
        if depth > MAX_DEPTH:
            self.error("it is nested too deeply")
        node = self.operand(depth)
        while self.kind == "op" and _POWER.get(self.token, -1) >= max(power, 1):
            op = self.token
            self.advance()
            if op == "?":
                yes = self.parse(1, depth + 1)
                self.expect(":")
                node = Ternary(node, yes, self.parse(1, depth + 1))
            else:
                node = Binary(op, node, self.parse(_POWER[op] + (op != "**"), depth + 1))
        return node


def parse_vectors(text: str, defined: Mapping[str, Defined] | None = None) -> Expression:
    """Return the tree of an expression on vectors.

    Parameters
    ----------
    text : str
        For example ``"v(a)*i(v1)"`` or ``"db(v(out)/v(in))"``; a quoted ``par('...')`` counts as its inside.
    defined : mapping of str to Defined, optional
        Functions of a script.

    Raises
    ------
    UsageError
        When it is malformed.

    Examples
    --------
    >>> parse_vectors("2*v(a)")
    Binary(op='*', left=Number(value=2.0), right=Name(name='v(a)'))
    """
    return _parse(text, defined) if defined else _parse_alone(text)


def _parse(text: str, defined: Mapping[str, Defined]) -> Expression:
    low = text.lower().replace("'", " ").replace('"', " ")
    if len(low) > MAX_LENGTH:
        raise UsageError(f"an expression of {len(low)} characters", expected=f"at most {MAX_LENGTH}")
    parser = _Parser(low, defined)
    tree = parser.parse(0, 0)
    if parser.kind:
        parser.error(f"{parser.token!r} does not continue it")
    return tree


@lru_cache(maxsize=1024)  # loops of scripts evaluate the same text again and again
def _parse_alone(text: str) -> Expression:
    return _parse(text, {})


def evaluate_vectors(
    tree: Expression, lookup: Lookup, axis: Vector | None = None, draws: np.random.Generator | None = None
) -> Vector:
    """Return the value of an expression.

    Parameters
    ----------
    tree : Expression
        From `parse_vectors`.
    lookup : callable
        From a vector's name to its array, shape (points,), or number; raises for an unknown one.
    axis : ndarray, shape (points,), optional
        What ``deriv`` and ``integ`` refer to.
    draws : numpy.random.Generator, optional
        What ``sgauss`` and the like draw from; a fresh one of seed 0 when absent.

    Returns
    -------
    ndarray
        Real or complex; of shape (points,) or, for what is one number, ().

    Raises
    ------
    UsageError
        When vectors of unlike lengths meet, or a function wants an axis and there is none.

    Examples
    --------
    >>> evaluate_vectors(parse_vectors("mean(x)^2"), {"x": np.array([1.0, 3.0])}.__getitem__).tolist()
    4.0
    """

    def walk(node: Expression) -> Vector:
        match node:
            case Number(value):
                return np.asarray(value)
            case Name(name):
                if name in CONSTANTS:
                    try:
                        return np.asarray(lookup(name))
                    except (CircuitnnError, KeyError):
                        return np.asarray(CONSTANTS[name])
                return np.asarray(lookup(name))
            case Unary(op, operand):
                inner = walk(operand)
                return -inner if op == "-" else np.asarray(inner == 0.0, dtype=float)
            case Binary(op, left, right):
                return binary(op, walk(left), walk(right))
            case Ternary(condition, yes, no):
                chosen = walk(condition)
                if chosen.ndim == 0:
                    return walk(yes if chosen != 0 else no)
                return np.where(chosen != 0, walk(yes), walk(no))
            case Call("[]", (vector, *picked)):
                return _pick(walk(vector), [walk(index) for index in picked])
            case Call(name, args):
                values = [walk(a) for a in args]
                if name in DRAWN:
                    return np.asarray(DRAWN[name](draws or np.random.default_rng(0), *values))
                with np.errstate(all="ignore"):
                    return np.asarray(FUNCTIONS[name].body(axis, *values))
        raise TypeError(f"{node!r} is no expression on vectors")

    return walk(tree)


def _pick(vector: Vector, picked: list[Vector]) -> Vector:
    flat = np.atleast_1d(vector)
    bounds = []
    for index in picked:
        if index.size != 1 or not np.isfinite(index).all():
            raise UsageError("an index is one number", expected="v(a)[3] or v(a)[1,3]")
        k = int(np.real(index).item())
        if not 0 <= k < len(flat):
            raise UsageError(
                f"the index {k} lies outside a vector of {len(flat)} points", expected=f"0 .. {len(flat) - 1}"
            )
        bounds.append(k)
    return flat[bounds[0]] if len(bounds) == 1 else flat[min(bounds) : max(bounds) + 1]


def vectors_of(tree: Expression) -> list[str]:
    """Return the names in an expression that are no constants, each once.

    Examples
    --------
    >>> vectors_of(parse_vectors("v(a)-v(b)+2*pi*v(a)"))
    ['v(a)', 'v(b)']
    """
    found: dict[str, None] = {}
    stack = [tree]
    while stack:
        match stack.pop():
            case Name(name) if name not in CONSTANTS:
                found[name] = None
            case Unary(_, operand):
                stack.append(operand)
            case Binary(_, left, right):
                stack += (right, left)
            case Ternary(a, b, c):
                stack += (c, b, a)
            case Call(_, args):
                stack += reversed(args)
    return list(found)


def evaluate_on(result: Result, text: str | Expression, extra: Lookup | None = None) -> Vector:
    """Return an expression's value on the vectors of one result.

    Parameters
    ----------
    result : Result
    text : str or Expression
    extra : callable, optional
        Where names that the result lacks are looked up.

    Raises
    ------
    AnalysisError
        When a vector does not exist.
    UsageError
        When the expression is malformed.

    Examples
    --------
    >>> from circuitnn.results.result import Variable
    >>> axis, a = Variable("time", "time"), Variable("v(a)", "voltage")
    >>> r = Result("tran1", "tran", "ramp", [axis, a], [[0, 0], [1, 2], [2, 4]])
    >>> evaluate_on(r, "integ(v(a))").tolist(), evaluate_on(r, "maximum(deriv(v(a)))").tolist()
    ([0.0, 1.0, 4.0], 2.0)
    """
    tree = parse_vectors(text) if isinstance(text, str) else text

    def lookup(name: str) -> Any:
        try:
            return result[name]
        except AnalysisError:
            if extra is None:
                raise
            return extra(name)

    # A bare vector needs no axis, which would have to be read from a file.
    return evaluate_vectors(tree, lookup, result.axis if result.has_axis and not isinstance(tree, Name) else None)


_JOINED = re.compile(r"\s*(\*\*|&&|\|\||<=|>=|==|!=|<>|[*/^%<>=?:&|])\s*")
_SIGNED = re.compile(r"\s+([-+])\s+")


def split_expressions(text: str) -> list[str]:
    """Return the expressions of a list that blanks or commas separate; blanks around an operator separate nothing.

    Examples
    --------
    >>> split_expressions("v(a) v(b, c) v(a) - v(b) 2 * i(v1), par('v(a) * 2')")
    ['v(a)', 'v(b,c)', 'v(a)-v(b)', '2*i(v1)', "par('v(a)*2')"]
    """
    joined = _SIGNED.sub(r"\1", _JOINED.sub(r"\1", text.strip()))
    found, start, depth, quote = [], 0, 0, ""
    for k, c in enumerate(joined):
        if quote:
            quote = "" if c == quote else quote
        elif c in "'\"":
            quote = c
        elif c in "([{":
            depth += 1
        elif c in ")]}":
            depth -= 1
        elif depth <= 0 and c in " \t,":
            found.append(joined[start:k])
            start = k + 1
    return ["".join(part.split()) for part in [*found, joined[start:]] if part.strip()]
