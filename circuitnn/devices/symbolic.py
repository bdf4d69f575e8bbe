"""Functions for device equations: sympy's, imported only when equations are derived."""

from __future__ import annotations

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


def sinh(x: Any) -> Any:
    """Return the hyperbolic sine."""
    return _call("sinh", x)


def tanh(x: Any) -> Any:
    """Return the hyperbolic tangent."""
    return _call("tanh", x)


def where(*cases: Any) -> Any:
    """Return the first value whose condition holds: ``where(c1, v1, c2, v2, ..., otherwise)``.

    Each value is evaluated only where its condition holds, so it may be meaningless elsewhere.
    """
    import sympy

    pairs = [(cases[k + 1], cases[k]) for k in range(0, len(cases) - 1, 2)]
    return sympy.Piecewise(*pairs, (cases[-1], True))


def all_of(*conditions: Any) -> Any:
    """Return the conjunction of conditions."""
    return _call("And", *conditions)


def equals(a: Any, b: Any) -> Any:
    """Return the condition a == b."""
    return _call("Eq", a, b)


#: Width of the layer at a bound in which a rate that points outwards fades, as a part of the state's range.
BOUND_LAYER = 1e-4


def stop_at_bounds(rate: Any, state: Any, low: Any, high: Any) -> Any:
    """Return a rate that fades to zero within a thin layer where it would push the state out of low .. high.

    The fading is linear, so that the rate stays continuous and an implicit integrator lands inside.
    """
    layer = BOUND_LAYER * (high - low)
    room = where(rate > 0, high - state, state - low)
    return where(room >= layer, rate, room <= 0, 0 * rate, rate * room / layer)
