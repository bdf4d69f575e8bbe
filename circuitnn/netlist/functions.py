"""The functions and operators of expressions, with the values that ngspice gives them."""

from __future__ import annotations

import math
import operator
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise


@dataclass(frozen=True, slots=True)
class Function:
    """A function: how many arguments it takes (``high`` None: any number) and its value in ``.param`` and B sources."""

    low: int
    high: int | None
    body: Callable[..., float]
    behavioural: Callable[..., float] | None = None


def _sgn(x: float) -> float:
    return float((x > 0.0) - (x < 0.0))


def _real(function: Callable[..., float], domain: str) -> Callable[..., float]:
    def checked(*args: float) -> float:
        try:
            return function(*args)
        except ValueError:
            raise ValueError(f"it is defined for {domain}") from None

    return checked


def _power(x: float, y: float) -> float:
    """X to the power y, real; 0**negative raises ZeroDivisionError."""
    if x < 0.0 and y != math.floor(y):
        raise ValueError("a negative base needs a whole exponent")
    return float(x**y)


def _abs_power(x: float, y: float) -> float:
    return float(abs(x) ** y)


def _signed_power(x: float, y: float) -> float:
    return _sgn(x) * _abs_power(x, y)


def _operator_power(x: float, y: float) -> float:
    if x < 0.0 and (y != math.floor(y) or math.fmod(y, 2.0) != 0.0):
        raise ValueError("programs differ on negative bases here; write pow(x,y) for x^y, or abs(x)**y")
    return float(x**y)


def _in_time(*_: float) -> float:
    raise ValueError("it belongs into a source, where time goes on")


def _drawn(*_: float) -> float:
    raise ValueError("it draws a random number, which only a deck does")


def _limit(x: float, low: float, high: float | None = None) -> float:
    return _drawn() if high is None else min(max(x, low), high)


def _table(x: float, *pairs: float) -> float:
    """Piecewise linear, constant outside."""
    xs, ys = pairs[0::2], pairs[1::2]
    if any(b <= a for a, b in pairwise(xs)):
        raise ValueError("the x of a table must increase")
    if x <= xs[0]:
        return ys[0]
    for k in range(1, len(xs)):
        if x <= xs[k]:
            return ys[k - 1] + (ys[k] - ys[k - 1]) * (x - xs[k - 1]) / (xs[k] - xs[k - 1])
    return ys[-1]


def _pwl(x: float, *pairs: float) -> float:
    """Piecewise linear, its outer pieces going on."""
    xs, ys = pairs[0::2], pairs[1::2]
    if len(xs) > 1 and x < xs[0]:
        _table(x, *pairs)
        return ys[0] + (ys[1] - ys[0]) * (x - xs[0]) / (xs[1] - xs[0])
    if len(xs) > 1 and x > xs[-1]:
        _table(x, *pairs)
        return ys[-1] + (ys[-1] - ys[-2]) * (x - xs[-1]) / (xs[-1] - xs[-2])
    return _table(x, *pairs)


def _truth(compare: Callable[[float, float], bool]) -> Callable[[float, float], float]:
    return lambda a, b: float(compare(a, b))


def _unary(body: Callable[[float], float]) -> Function:
    return Function(1, 1, body)


FUNCTIONS: dict[str, Function] = {
    "+": Function(2, 2, operator.add),
    "-": Function(2, 2, operator.sub),
    "*": Function(2, 2, operator.mul),
    "/": Function(2, 2, operator.truediv),
    "%": Function(2, 2, _real(math.fmod, "a divisor other than zero")),
    "**": Function(2, 2, _operator_power, _abs_power),
    "==": Function(2, 2, _truth(operator.eq)),
    "!=": Function(2, 2, _truth(operator.ne)),
    "<": Function(2, 2, _truth(operator.lt)),
    "<=": Function(2, 2, _truth(operator.le)),
    ">": Function(2, 2, _truth(operator.gt)),
    ">=": Function(2, 2, _truth(operator.ge)),
    "&&": Function(2, 2, lambda a, b: float(a != 0.0 and b != 0.0)),
    "||": Function(2, 2, lambda a, b: float(a != 0.0 or b != 0.0)),
    "min": Function(2, None, min),
    "max": Function(2, None, max),
    "abs": _unary(abs),
    "sgn": _unary(_sgn),
    "sign": Function(2, 2, lambda x, y: abs(x) * _sgn(y)),
    "sqrt": _unary(_real(math.sqrt, "numbers >= 0")),
    "exp": _unary(math.exp),
    "log": _unary(_real(math.log, "numbers > 0")),
    "log10": _unary(_real(math.log10, "numbers > 0")),
    "pow": Function(2, 2, _power, _abs_power),
    "pwr": Function(2, 2, _abs_power, _signed_power),
    "sin": _unary(math.sin),
    "cos": _unary(math.cos),
    "tan": _unary(math.tan),
    "asin": _unary(_real(math.asin, "-1 .. 1")),
    "acos": _unary(_real(math.acos, "-1 .. 1")),
    "atan": _unary(math.atan),
    "atan2": Function(2, 2, math.atan2),
    "sinh": _unary(math.sinh),
    "cosh": _unary(math.cosh),
    "tanh": _unary(math.tanh),
    "asinh": _unary(math.asinh),
    "acosh": _unary(_real(math.acosh, "numbers >= 1")),
    "atanh": _unary(_real(math.atanh, "-1 < x < 1")),
    # ngspice's step is 1/2 at zero, and its nint rounds halves to even.
    "u": _unary(lambda x: 0.5 * (1.0 + _sgn(x))),
    "u2": _unary(lambda x: _limit(x, 0.0, 1.0)),
    "uramp": _unary(lambda x: max(x, 0.0)),
    "limit": Function(2, 3, _limit),
    "int": _unary(lambda x: float(math.trunc(x))),
    "nint": _unary(lambda x: float(round(x))),
    "floor": _unary(lambda x: float(math.floor(x))),
    "ceil": _unary(lambda x: float(math.ceil(x))),
    "eq0": _unary(lambda x: float(x == 0.0)),
    "ne0": _unary(lambda x: float(x != 0.0)),
    "gt0": _unary(lambda x: float(x > 0.0)),
    "lt0": _unary(lambda x: float(x < 0.0)),
    "ge0": _unary(lambda x: float(x >= 0.0)),
    "le0": _unary(lambda x: float(x <= 0.0)),
    "ddt": Function(1, 1, _in_time),
    "idt": Function(1, 2, _in_time),
    "hypot": Function(2, 2, math.hypot),
    **dict.fromkeys(("agauss", "gauss"), Function(3, 3, _drawn)),
    **dict.fromkeys(("aunif", "unif"), Function(2, 2, _drawn)),
    "table": Function(3, None, _table),
    "pwl": Function(3, None, _pwl),
}

#: Functions that draw a random number; ``limit`` does so with two arguments.
STATISTICS = frozenset(("agauss", "gauss", "aunif", "unif"))

UNSUPPORTED = frozenset(
    (
        "limits",
        "ddx",
        "db",
        "mag",
        "ph",
        "re",
        "im",
        "spice2poly",
    )
)

# Known without a .param, weaker than one; e is only known to behavioural sources, as in ngspice.
CONSTANTS: dict[str, float] = {
    "pi": math.pi,
    "e": math.e,
    "echarge": 1.602176634e-19,
    "boltz": 1.380649e-23,
    "planck": 6.62607015e-34,
    "kelvin": -273.15,
    "c": 299792458.0,
}
