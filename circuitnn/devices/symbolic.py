"""Functions for device equations: sympy's, imported only when equations are derived."""

from __future__ import annotations

import math
from functools import cache
from typing import Any


def _call(name: str, *args: Any) -> Any:
    import sympy

    return getattr(sympy, name)(*args)


def exp(x: Any) -> Any:
    """Return e**x."""
    return _call("exp", x)


def log(x: Any) -> Any:
    """Return the natural logarithm."""
    return _call("log", x)


def sqrt(x: Any) -> Any:
    """Return the square root."""
    return _call("sqrt", x)


def magnitude(x: Any) -> Any:
    """Return |x|."""
    return _call("Abs", x)


def sin(x: Any) -> Any:
    """Return the sine."""
    return _call("sin", x)


def tan(x: Any) -> Any:
    """Return the tangent."""
    return _call("tan", x)


def sinh(x: Any) -> Any:
    """Return the hyperbolic sine."""
    return _call("sinh", x)


def cosh(x: Any) -> Any:
    """Return the hyperbolic cosine."""
    return _call("cosh", x)


def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent."""
    return _call("tanh", x)


def asin(x: Any) -> Any:
    """Return the inverse sine."""
    return _call("asin", x)


def asinh(x: Any) -> Any:
    """Return the inverse hyperbolic sine."""
    return _call("asinh", x)


#: Argument above which `limexp` goes on as a straight line.
LIMEXP_MAX = 80.0


def limexp(x: Any, knee: float = LIMEXP_MAX) -> Any:
    """Return e**x up to x = knee and its tangent beyond, so that no iterate of Newton's method overflows."""
    return where(x < knee, exp(x), math.exp(knee) * (1 + x - knee))


def limsinh(x: Any, knee: float = LIMEXP_MAX) -> Any:
    """Return sinh(x) up to |x| = knee and its tangents beyond."""
    top, slope = math.sinh(knee), math.cosh(knee)
    return where(x > knee, top + slope * (x - knee), x < -knee, slope * (x + knee) - top, sinh(x))


def soft_positive(x: Any, width: Any) -> Any:
    """Return x where it is well above zero, and a smooth approach to zero below: (x + sqrt(x^2 + 4 width^2)) / 2."""
    root = sqrt(x**2 + 4 * width**2)
    return where(x >= 0, (x + root) / 2, 2 * width**2 / (root - x))


@cache
def quantity_class() -> Any:
    """Return the class of numbers with a unit; `derive` puts the number in its place."""
    import sympy

    from circuitnn.devices.dimensions import parse_unit

    class Quantity(sympy.Symbol):
        """A symbol named ``1.5 V`` with ``value`` and ``unit``."""

        __slots__ = ("unit", "value")

        def __new__(cls, value: float, unit: str) -> Any:
            made = super().__new__(cls, f"{value!r} {unit}", real=True)
            made.value, made.unit = float(value), parse_unit(unit)
            return made

    return Quantity


def quantity(value: float, unit: str) -> Any:
    """Return a number with a unit, as published equations hide in theirs: ``v / quantity(1.0, "V")``.

    Raises
    ------
    DeviceError
        When the unit is none.

    Examples
    --------
    >>> quantity(0.026, "V").value
    0.026
    """
    return quantity_class()(float(value), unit)


def electronvolts(volts: Any) -> Any:
    """Return the energy of an elementary charge at a voltage, in eV."""
    return volts * quantity(1.0, "eV/V")


def boltzmann() -> Any:
    """Return Boltzmann's constant, 1.380649e-23 J/K (exact, SI of 2019)."""
    return quantity(1.380649e-23, "J/K")


def elementary_charge() -> Any:
    """Return the charge of the proton, 1.602176634e-19 C (exact, SI of 2019)."""
    return quantity(1.602176634e-19, "C")


@cache
def power_class() -> Any:
    """Return the class of powers whose derivative holds at base 0 too.

    sympy differentiates b**p to p b**p / b, which is 0/0 there.
    """
    import sympy

    class Power(sympy.Function):
        """``Power(base, exponent)``; the exponent does not depend on unknowns."""

        nargs = 2
        is_real = True

        def _eval_derivative(self, symbol: Any) -> Any:
            base, exponent = self.args
            return exponent * Power(base, exponent - 1) * sympy.diff(base, symbol)

    return Power


def power(base: Any, exponent: Any) -> Any:
    """Return base**exponent for a base that may reach 0; the exponent is a parameter, at least 1."""
    return power_class()(base, exponent)


@cache
def quartic_class() -> Any:
    """Return the class of roots of x^4 + a x^3 + b x^2 + c x + d."""
    import sympy

    class QuarticRoot(sympy.Function):
        """``QuarticRoot(a, b, c, d, high)``; differentiated as the implicit function that it is."""

        nargs = 5
        is_real = True

        def _eval_derivative(self, symbol: Any) -> Any:
            a, b, c, d = self.args[:4]
            slope = ((4 * self + 3 * a) * self + 2 * b) * self + c
            total = sum(sympy.diff(x, symbol) * self**k for x, k in ((a, 3), (b, 2), (c, 1), (d, 0)))
            return -total / slope

    return QuarticRoot


def quartic_root(a: Any, b: Any, c: Any, d: Any, high: Any) -> Any:
    """Return the root of x^4 + a x^3 + b x^2 + c x + d in 0 .. high, where it falls through zero; -1 without one."""
    return quartic_class()(a, b, c, d, high)


@cache
def cases_class() -> Any:
    """Return the class of expressions by cases.

    sympy's own Piecewise merges nested cases and rewrites their conditions, at a cost and to a form in which untaken
    cases are no longer guarded; this one stays as written.
    """
    import sympy

    class Cases(sympy.Function):
        """``Cases(c1, v1, c2, v2, ..., otherwise)``."""

        is_real = True

        @property
        def conditions(self) -> tuple[Any, ...]:
            """The conditions, in order."""
            return self.args[:-1:2]

        @property
        def values(self) -> tuple[Any, ...]:
            """The values, the last one without a condition."""
            return (*self.args[1::2], self.args[-1])

        def by(self, values: list[Any]) -> Any:
            """Return other values under the same conditions."""
            if all(value == values[0] for value in values):
                return values[0]
            pairs = [x for pair in zip(self.conditions, values[:-1], strict=True) for x in pair]
            return Cases(*pairs, values[-1])

        def _eval_derivative(self, symbol: Any) -> Any:
            return self.by([sympy.diff(value, symbol) for value in self.values])

    return Cases


def where(*cases: Any) -> Any:
    """Return the first value whose condition holds: ``where(c1, v1, c2, v2, ..., otherwise)``.

    Each value is evaluated only where its condition holds, so it may be meaningless elsewhere. Conditions that are
    already decided are taken out.
    """
    kept: list[Any] = []
    for condition, value in zip(cases[:-1:2], cases[1::2], strict=True):
        if condition == True:  # noqa: E712  (sympy's true is another object)
            return cases_class()(*kept, value) if kept else value
        if condition != False:  # noqa: E712
            kept += [condition, value]
    return cases_class()(*kept, cases[-1]) if kept else cases[-1]


def substitute(expr: Any, values: dict[Any, Any]) -> Any:
    """Return the expression with symbols replaced; cases that this decides are taken out, before they are looked at."""
    if expr in values:
        return values[expr]
    if not expr.args or not expr.free_symbols & values.keys():
        return expr
    if not isinstance(expr, cases_class()):
        return expr.func(*(substitute(arg, values) for arg in expr.args))
    kept: list[Any] = []
    for condition, value in zip(expr.conditions, expr.values, strict=False):
        decided = substitute(condition, values)
        if decided == True:  # noqa: E712  (sympy's true is another object)
            return where(*kept, substitute(value, values))
        if decided != False:  # noqa: E712
            kept += [decided, substitute(value, values)]
    return where(*kept, substitute(expr.values[-1], values))


def clip(x: Any, low: Any, high: Any) -> Any:
    """Return x, but not below low or above high."""
    return where(x <= low, low, x >= high, high, x)


def maximum(x: Any, y: Any) -> Any:
    """Return the larger one."""
    return where(x >= y, x, y)


def equals(a: Any, b: Any) -> Any:
    """Return the condition a == b."""
    return _call("Eq", a, b)


#: Width of the layer at a bound in which a rate that points outwards fades, as a part of the state's range.
BOUND_LAYER = 1e-4


def stop_at_bounds(rate: Any, state: Any, low: Any, high: Any) -> Any:
    """Return a rate that fades to zero within a thin layer where it would push the state out of low .. high.

    The fading is linear and goes on beyond the bound, where it drives the state back: the rate is continuous with a
    continuous slope there, and an implicit Euler step from inside ends inside, however long it is.
    """
    layer = BOUND_LAYER * (high - low)
    room = where(rate > 0, high - state, state - low)
    return where(room >= layer, rate, rate * room / layer)
