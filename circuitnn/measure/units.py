"""Units of expressions on vectors, as far as they can be told."""

from __future__ import annotations

from circuitnn.errors import CircuitnnError
from circuitnn.measure.expression import parse_vectors
from circuitnn.netlist.expression import Binary, Call, Expression, Name, Number, Ternary, Unary
from circuitnn.results.result import Result

_PARTS = {"db": "dB", "p": "rad"}
_PRODUCTS = {frozenset(("V", "A")): "W"}
_QUOTIENTS = {("V", "A"): "ohm", ("A", "V"): "S"}
#: Functions whose value has the unit of their argument.
_SAME = frozenset(
    ("mag", "real", "imag", "abs", "conj", "mean", "avg", "stddev", "vecmin", "vecmax", "min", "max", "ceil", "floor",
     "int", "nint", "minimum", "maximum", "[]")
)  # fmt: skip
_OF_FUNCTION = {"db": "dB", "ph": "rad", "cph": "rad"}


def unit_of(result: Result, text: str) -> str:
    """Return the unit of a vector or an expression, an empty text where there is none or it is not known.

    Examples
    --------
    >>> from circuitnn.results.result import Variable
    >>> names = [Variable("time", "time"), Variable("v(a)", "voltage"), Variable("i(v1)", "current")]
    >>> r = Result("tran1", "tran", "t", names, [[0, 1, 2]])
    >>> [unit_of(r, text) for text in ("a", "2*v(a)", "v(a)*i(v1)", "deriv(v(a))", "v(a)^2", "db(v(a))")]
    ['V', 'V', 'W', 'V/s', '', 'dB']
    """
    try:
        tree = parse_vectors(text)
    except CircuitnnError:
        return _named(result, text)
    if text in result:
        return _named(result, text)
    return _unit(result, tree) or ""


def _named(result: Result, name: str) -> str:
    plain = "".join(name.split()).lower()
    for variable in result.variables:
        if variable.name.lower() in (plain, f"v({plain})", f"i({plain.removesuffix('#branch')})"):
            return variable.unit
    head, _, inside = plain.partition("(")
    if not inside or head[:1] not in ("v", "i"):
        return ""
    return _PARTS.get(head[1:], "V" if head[0] == "v" else "A")


def _unit(result: Result, tree: Expression) -> str | None:
    """Return a unit, an empty text for a number without one, None when it is not known."""
    match tree:
        case Number():
            return ""
        case Name(name):
            return _named(result, name)
        case Unary("-", inner):
            return _unit(result, inner)
        case Binary("+" | "-", left, right) | Ternary(_, left, right):
            a, b = _unit(result, left), _unit(result, right)
            return a if a == b else None
        case Binary("*", left, right):
            a, b = _unit(result, left), _unit(result, right)
            if a is None or b is None:
                return None
            return a or b if not a or not b else _PRODUCTS.get(frozenset((a, b)))
        case Binary("/", left, right):
            a, b = _unit(result, left), _unit(result, right)
            if a is None or b is None:
                return None
            return a if not b else "" if a == b else _QUOTIENTS.get((a, b))
        case Call(name, (inner, *_)):
            return _call(result, name, inner)
    return None


def _call(result: Result, name: str, inner: Expression) -> str | None:
    if name in _OF_FUNCTION:
        return _OF_FUNCTION[name]
    unit = _unit(result, inner)
    if name in _SAME:
        return unit
    axis = result.variables[0].unit if result.has_axis else ""
    if name == "deriv" and unit and axis:
        return f"{unit}/{axis}"
    if name == "integ" and unit and axis:
        return f"{unit} {axis}"
    return None
