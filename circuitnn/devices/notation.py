"""How equations of devices look in LaTeX: names, numbers, quantities, and cases that only guard."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Any

from circuitnn.devices.symbolic import cases_class, power_class, quantity_class, quartic_class, where

_GREEK = frozenset((
    "alpha", "beta", "gamma", "delta", "epsilon", "zeta", "eta", "theta", "kappa", "lambda", "mu", "nu", "xi", "rho",
    "sigma", "tau", "phi", "chi", "psi", "omega",
))  # fmt: skip
#: Numbers that a reader knows by another name, to a part in 1e12.
_NUMBERS = {
    math.pi: r"\pi",
    2 * math.pi: r"2 \pi",
    math.pi**2: r"\pi^{2}",
    math.pi / 2: r"\frac{\pi}{2}",
    1 / math.pi: r"\frac{1}{\pi}",
    math.sqrt(math.pi): r"\sqrt{\pi}",
}
#: Constants of nature by unit: value, name. They differ in the digits that SPICE and SI give them.
_CONSTANTS = {
    "eV/K": (8.617e-5, r"k_{\mathrm{B}}"),
    "J/K": (1.3806e-23, r"k_{\mathrm{B}}"),
    "V/K": (8.617e-5, r"\frac{k_{\mathrm{B}}}{q}"),
    "C": (1.60218e-19, "q"),
    "eV/V": (1.0, "q"),
}


def latex_name(name: str) -> str:
    """Return a name as LaTeX: what follows ``_`` and digits at the end are indices, Greek is Greek.

    Examples
    --------
    >>> latex_name("gamma0"), latex_name("v_sat"), latex_name("roff")
    ('\\\\gamma_{0}', 'v_{\\\\mathrm{sat}}', '\\\\mathrm{roff}')
    """
    head, _, tail = name.partition("_")
    counted = re.fullmatch(r"([A-Za-z]+?)(\d+)", head)
    if counted:
        head = counted[1]
    index = counted[2] if counted else ""
    if head.lower() in _GREEK:
        capital = head[0].isupper() and head.lower() in (
            "gamma",
            "delta",
            "theta",
            "lambda",
            "xi",
            "phi",
            "psi",
            "omega",
        )
        head = f"\\{head[0].upper() if capital else head[0].lower()}{head[1:].lower()}"
    elif len(head) > 1:
        head = rf"\mathrm{{{head}}}"
    words = rf"\mathrm{{{tail.replace('_', ',')}}}" if tail else ""
    inner = ",".join(part for part in (index, words) if part)
    return head + (f"_{{{inner}}}" if inner else "")


def latex_number(value: float) -> str:
    """Return a number in six digits, with a power of ten where it is small or large.

    Examples
    --------
    >>> latex_number(3.2043532416e-19), latex_number(80.0), latex_number(1e4)
    ('3.20435 \\\\cdot 10^{-19}', '80', '10^{4}')
    """
    for known, text in _NUMBERS.items():
        if math.isclose(abs(value), known, rel_tol=1e-12):
            return text if value > 0 else f"- {text}"
    if value == 0 or 1e-3 <= abs(value) < 1e4:
        return f"{value:.6g}"
    digits, _, power = f"{value:.5e}".partition("e")
    digits = digits.rstrip("0").rstrip(".")
    scale = f"10^{{{int(power)}}}"
    return scale if digits == "1" else f"- {scale}" if digits == "-1" else rf"{digits} \cdot {scale}"


def latex_quantity(text: str) -> str:
    """Return a number with a unit, ``1.0 V``; constants of nature by their names.

    Examples
    --------
    >>> latex_quantity("1.0 V/m"), latex_quantity("1.0 eV/V"), latex_quantity("1e-09 m")
    ('1\\\\,\\\\mathrm{V/m}', 'q', '10^{-9}\\\\,\\\\mathrm{m}')
    """
    digits, _, unit = text.partition(" ")
    value = float(digits)
    if unit in _CONSTANTS and math.isclose(value, _CONSTANTS[unit][0], rel_tol=1e-3):
        return _CONSTANTS[unit][1]
    unit = re.sub(r"\^(?:\(([^)]*)\)|(-?[\d.]+))", r"^{\1\2}", unit).replace(" ", r"\,")
    return rf"{latex_number(value)}\,\mathrm{{{unit}}}"


def _turned(condition: Any) -> Any:
    """Return a comparison with what is compared on the left."""
    fixed = condition.is_Relational and (condition.lhs.is_Number or isinstance(condition.lhs, quantity_class()))
    return condition.reversed if fixed else condition


def readable(expr: Any, states: Mapping[Any, bool] = MappingProxyType({})) -> Any:
    """Return an expression without the cases that guard it and with names for usual ones.

    `limexp` is an exponential, `limsinh` a sinh; other limits, magnitudes, signs and maxima are functions of these
    names, and of two forms of one value only the first remains. ``states`` says of each whether it has bounds: what is
    clipped of one that has, or to numbers of no meaning, is the state itself.
    """
    if not expr.args:
        return expr
    if not isinstance(expr, cases_class()):
        return expr.func(*(readable(arg, states) for arg in expr.args))
    again = where(*(_turned(readable(arg, states)) if k % 2 == 0 and k < len(expr.args) - 1 else readable(arg, states)
                    for k, arg in enumerate(expr.args)))  # fmt: skip
    if not isinstance(again, cases_class()):
        return again
    named = _two(again) if len(again.conditions) == 1 else _three(again, states) if len(again.conditions) == 2 else None
    return again if named is None else named


def _two(cases: Any) -> Any:
    """Return the name of one of two cases, or None."""
    import sympy

    (condition,), (first, second) = cases.conditions, cases.values
    if not condition.is_Relational:
        return None
    left, right = condition.lhs, condition.rhs
    at_least = isinstance(condition, sympy.Ge | sympy.Gt)
    at_most = isinstance(condition, sympy.Le | sympy.Lt)
    if at_most and right.is_number and first == sympy.exp(left) and not second.has(sympy.exp):
        return first
    if right == 0 and at_least and first == -second:
        return abs(left) if first == left else sympy.sign(left) * first
    if (at_least or at_most) and {left, right} == {first, second}:
        return _function("largest" if at_least == (first == left) else "least")(left, right)
    return first if _same(first, second) else None


def _three(cases: Any, states: Mapping[Any, bool]) -> Any:
    """Return the name of one of three cases, or None."""
    import sympy

    (one, other), (low, high, x) = cases.conditions, cases.values
    if not (one.is_Relational and other.is_Relational and one.lhs == other.lhs):
        return None
    if x == sympy.sinh(one.lhs):
        return x
    if (x, low, high) == (one.lhs, one.rhs, other.rhs):
        fixed = all(end.is_number or isinstance(end, quantity_class()) for end in (low, high))
        return x if states.get(x) or (fixed and x in states) else _function("within")(x, low, high)
    return None


def _same(first: Any, second: Any) -> bool:
    """Return whether two expressions have one value at three places where both are real."""
    symbols = sorted(first.free_symbols | second.free_symbols, key=str)
    unknown = (cases_class(), power_class(), quartic_class(), *map(_function, ("within", "largest", "least")))
    if not symbols or first.has(*unknown) or second.has(*unknown):
        return False
    for place in (0.3, 0.7, 1.1):
        at = {symbol: place + 0.17 * k for k, symbol in enumerate(symbols)}
        a, b = (complex(e.subs(at).evalf()) for e in (first, second))
        if not abs(a - b) <= 1e-9 * abs(a):
            return False
    return True


@cache
def _function(name: str) -> Any:
    """Return the class of a function that is only shown: ``within``, ``largest``, ``least``."""
    import sympy

    return type(name, (sympy.Function,), {"is_real": True})


def hoist(expr: Any, place: Callable[[Any], Any], top: bool = True) -> Any:
    """Return an expression in which cases within something else are symbols, which ``place`` gives for them."""
    if not expr.args:
        return expr
    within = expr.func(*(hoist(arg, place, False) for arg in expr.args))
    return place(within) if isinstance(within, cases_class()) and not top else within


def printer(names: dict[Any, str]) -> Any:
    """Return a printer of LaTeX that knows symbols by ``names``."""
    from sympy.printing.latex import LatexPrinter

    class Printer(LatexPrinter):
        """LaTeX with cases as they are declared."""

        def _print_Cases(self, expr: Any, exp: Any = None) -> str:
            rows = [
                rf"{self._print(value)} & \text{{for }} {self._print(condition)}"
                for condition, value in zip(expr.conditions, expr.values, strict=False)
            ]
            rows.append(rf"{self._print(expr.values[-1])} & \text{{otherwise}}")
            text = r"\begin{cases} " + r" \\ ".join(rows) + r" \end{cases}"
            return text if exp is None else rf"\left( {text} \right)^{{{exp}}}"

        def _print_Power(self, expr: Any, exp: Any = None) -> str:
            base, exponent = (self._print(arg) for arg in expr.args)
            text = rf"\left( {base} \right)^{{{exponent}}}"
            return text if exp is None else rf"\left( {text} \right)^{{{exp}}}"

        def _print_within(self, expr: Any, exp: Any = None) -> str:
            x, low, high = (self._print(arg) for arg in expr.args)
            text = rf"\left[ {x} \right]_{{{low}}}^{{{high}}}"
            return text if exp is None else rf"\left( {text} \right)^{{{exp}}}"

        def _print_largest(self, expr: Any, exp: Any = None) -> str:
            return self._function(r"\max", expr, exp)

        def _print_least(self, expr: Any, exp: Any = None) -> str:
            return self._function(r"\min", expr, exp)

        def _print_sign(self, expr: Any, exp: Any = None) -> str:
            return self._function(r"\operatorname{sgn}", expr, exp)

        def _function(self, name: str, expr: Any, exp: Any) -> str:
            text = rf"{name}\left( {', '.join(self._print(arg) for arg in expr.args)} \right)"
            return text if exp is None else rf"{text}^{{{exp}}}"

        def _print_Float(self, expr: Any) -> str:
            return latex_number(float(expr))

        def _print_Quantity(self, expr: Any) -> str:
            return latex_quantity(expr.name)

        def _print_Pow(self, expr: Any) -> str:
            base, exponent = expr.args
            if isinstance(base, quantity_class()) and exponent.is_Integer and exponent > 0:
                return rf"\left( {self._print(base)} \right)^{{{exponent}}}"
            return str(super()._print_Pow(expr))

        def _print_ExpBase(self, expr: Any, exp: Any = None) -> str:
            text = self._print(expr.args[0])
            if r"\frac" in text or len(text) > 40:
                whole = rf"\exp\left( {text} \right)"
                return whole if exp is None else rf"\left( {whole} \right)^{{{exp}}}"
            return str(super()._print_ExpBase(expr, exp))

        def _as_ordered_terms(self, expr: Any, order: Any = None) -> Any:
            """Begin with a term that is added."""
            terms = list(super()._as_ordered_terms(expr, order))
            added = next((k for k, term in enumerate(terms) if not term.could_extract_minus_sign()), 0)
            return [terms.pop(added), *terms]

    return Printer({"symbol_names": names, "mul_symbol": r" \, ", "ln_notation": True, "fold_short_frac": False})
