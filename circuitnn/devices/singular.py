"""Points at which an expression is infinite or has no real value, found by evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from circuitnn.devices.domain import Domain
from circuitnn.devices.symbolic import cases_class, power_class, quantity_class

_MOST_DANGERS = 2000
_TRIES = 6
#: How small a divisor must become, by its size nearby, to count as zero.
_SMALL = 1e-9
#: Sets of parameters whose neighbours are looked at for a change of sign.
_SETS = 40


@dataclass(frozen=True)
class Danger:
    """A divisor (``zero``), a logarithm's argument (``positive``), a root's or power's base (``power``), or the
    argument of ``asin acos acosh atanh``; ``guards`` are the conditions, with how they must turn out."""

    kind: str
    of: Any
    guards: tuple[tuple[Any, bool], ...]
    by: Any = None


class Singularities:
    """Looks for points of a domain at which expressions have no value.

    Parameters
    ----------
    domain : Domain
    lets : dict of Symbol to expression
        Intermediate values, each of earlier ones.
    """

    def __init__(self, domain: Domain, lets: dict[Any, Any]) -> None:
        self._domain, self._lets = domain, lets
        self._values = _Values(domain.points, lets)
        self._clean: set[Danger] = set()

    def first(self, expr: Any) -> tuple[Danger, dict[Any, float]] | None:
        """Return something in an expression that has no value, and the point where; None where none is found."""
        if not self._domain.sets:
            return None
        for danger in self._dangers(expr):
            if danger in self._clean:
                continue
            point = self._witness(danger)
            if point is not None:
                needed = self._needed(danger)
                return danger, {symbol: value for symbol, value in point.items() if symbol in needed}
            self._clean.add(danger)
        return None

    def _needed(self, danger: Danger) -> set[Any]:
        symbols = set(danger.of.free_symbols) | (set() if danger.by is None else set(danger.by.free_symbols))
        while inner := symbols & self._lets.keys():
            symbols = symbols - inner | set().union(*(self._lets[symbol].free_symbols for symbol in inner))
        return symbols

    def _dangers(self, expr: Any) -> list[Danger]:
        import sympy

        found: dict[Danger, None] = {}
        seen: set[tuple[Any, Any]] = set()
        stack: list[tuple[Any, tuple[tuple[Any, bool], ...]]] = [(expr, ())]
        while stack and len(seen) < _MOST_DANGERS:
            node, guards = stack.pop()
            if (node, guards) in seen or node.is_number:
                continue
            seen.add((node, guards))
            if node in self._lets:
                stack.append((self._lets[node], guards))
                continue
            if isinstance(node, cases_class()):
                passed = guards
                for condition, value in zip(node.conditions, node.values, strict=False):
                    stack += [(condition, passed), (value, (*passed, (condition, True)))]
                    passed = (*passed, (condition, False))
                stack.append((node.values[-1], passed))
                continue
            danger = _danger(node, guards, sympy)
            if danger is not None:
                found[danger] = None
            stack += [(arg, guards) for arg in node.args]
        return list(found)

    def _witness(self, danger: Danger) -> dict[Any, float] | None:
        values, shape = self._values, (len(self._domain.sets), -1)
        with np.errstate(all="ignore"):
            holds = values.hold(danger.guards)
            of = np.broadcast_to(values.of(danger.of), holds.shape)
            bad = holds & _outside(danger, of, values)
        if bad.any():
            row, column = np.argwhere(bad.reshape(shape))[0]
            return {symbol: float(value[row, column]) for symbol, value in self._domain.points.items()}
        return self._crossing(danger, of, holds) if danger.kind == "zero" else None

    def _crossing(self, danger: Danger, of: np.ndarray, holds: np.ndarray) -> dict[Any, float] | None:
        """Return a zero between two points at which a divisor has other signs."""
        pairs = []
        for k in range(len(of)):
            above, below = np.flatnonzero(holds[k] & (of[k] > 0)), np.flatnonzero(holds[k] & (of[k] < 0))
            if len(above) and len(below):
                pairs.append(((k, above[0]), (k, below[0])))
        for k in range(1, min(len(of), _SETS)):
            change = np.flatnonzero(holds[0] & holds[k] & (np.sign(of[0]) * np.sign(of[k]) < 0))
            if len(change):
                pairs.append(((0, change[0]), (k, change[0])))
        for one, other in pairs[:_TRIES]:
            found = self._bisect(danger, one, other)
            if found is not None:
                return found
        return None

    def _bisect(self, danger: Danger, one: tuple[int, Any], other: tuple[int, Any]) -> dict[Any, float] | None:
        domain = self._domain
        sets = domain.sets[one[0]], domain.sets[other[0]]
        ends = [{name: value[[end[1]]] for name, value in domain.unit.items()} for end in (one, other)]

        def at(part: float) -> tuple[dict[Any, np.ndarray], float] | None:
            mixed = domain.blend(*sets, part) if sets[0] is not sets[1] else sets[0]
            unit = {name: ends[0][name] * (1.0 - part) + ends[1][name] * part for name in ends[0]}
            points = domain.at(mixed, unit)
            if points is None:
                return None
            here = _Values(points, self._lets)
            with np.errstate(all="ignore"):
                if not np.all(here.hold(danger.guards)):
                    return None
                return points, float(np.ravel(here.of(danger.of))[0])

        low, high = 0.0, 1.0
        first, last = at(low), at(high)
        if first is None or last is None or not first[1] * last[1] < 0.0:
            return None
        size = max(abs(first[1]), abs(last[1]))
        best = first
        for _ in range(80):
            middle = 0.5 * (low + high)
            found = at(middle)
            if found is None:
                return None
            best = found
            if found[1] == 0.0 or middle in (low, high):
                break
            low, high = (middle, high) if found[1] * first[1] > 0.0 else (low, middle)
        # a jump or a pole changes the sign, too, without coming near zero
        if abs(best[1]) > _SMALL * size:
            return None
        return {symbol: float(value[0]) for symbol, value in best[0].items()}


def _danger(node: Any, guards: tuple[tuple[Any, bool], ...], sympy: Any) -> Danger | None:
    if isinstance(node, sympy.Pow | power_class()):
        base, exponent = node.args
        if base.is_number:
            return None
        if exponent.is_number and exponent.is_negative and (exponent.is_integer or float(exponent).is_integer()):
            return Danger("zero", base, guards)
        if exponent.is_number and float(exponent).is_integer():
            return None
        return Danger("power", base, guards, exponent)
    if isinstance(node, sympy.log):
        return Danger("positive", node.args[0], guards)
    if isinstance(node, sympy.asin | sympy.acos | sympy.acosh | sympy.atanh):
        return Danger(type(node).__name__, node.args[0], guards)
    return None


def _outside(danger: Danger, of: np.ndarray, values: _Values) -> np.ndarray:
    if danger.kind == "zero":
        return of == 0.0
    rounding = 1e-9 * np.broadcast_to(values.size(danger.of), of.shape)
    if danger.kind == "positive":
        return (of == 0.0) | (of < -rounding)
    if danger.kind == "power":
        by = np.broadcast_to(values.of(danger.by), of.shape)
        return ((of < -rounding) & (by != np.floor(by))) | ((of == 0.0) & (by < 0.0))
    if danger.kind == "acosh":
        return of < 1.0 - 1e-9
    return np.abs(of) > 1.0 + 1e-9 if danger.kind in ("asin", "acos") else np.abs(of) >= 1.0


class _Values:
    """Values of expressions at many points, each part computed once; NaN where there is none."""

    def __init__(self, points: dict[Any, np.ndarray], lets: dict[Any, Any]) -> None:
        self._known: dict[Any, Any] = dict(points)
        self._lets = lets
        self._shape = next(iter(points.values())).shape if points else ()

    def hold(self, guards: tuple[tuple[Any, bool], ...]) -> np.ndarray:
        """Return where conditions turn out as they must."""
        total = np.ones(self._shape, dtype=bool)
        for condition, wanted in guards:
            total &= np.broadcast_to(self.of(condition), self._shape).astype(bool) == wanted
        return total

    def size(self, expr: Any) -> Any:
        """Return the size of the terms of a sum, of which its rounding is a part."""
        if expr in self._lets:
            return self.size(self._lets[expr])
        return sum(np.abs(self.of(term)) for term in (expr.args if expr.is_Add else (expr,)))

    def of(self, expr: Any) -> Any:
        """Return an expression's values."""
        if expr not in self._known:
            self._known[expr] = self._of(expr)
        return self._known[expr]

    def _of(self, expr: Any) -> Any:
        import sympy

        if isinstance(expr, quantity_class()):
            return expr.value
        if expr in self._lets:
            return self.of(self._lets[expr])
        if expr.is_Symbol:
            return np.nan
        if expr in (sympy.true, sympy.false):
            return bool(expr)
        if expr.is_number and not expr.args:
            return float(expr)
        if isinstance(expr, cases_class()):
            total = self.of(expr.values[-1])
            for condition, value in reversed([*zip(expr.conditions, expr.values, strict=False)]):
                total = np.where(self.of(condition), self.of(value), total)
            return total
        args = [self.of(arg) for arg in expr.args]
        if expr.is_Add or expr.is_Mul:
            total = args[0]
            for arg in args[1:]:
                total = total + arg if expr.is_Add else total * arg
            return total
        function = _FUNCTIONS.get(type(expr).__name__)
        return np.nan if function is None else function(*args)


def _reduced(function: Any) -> Any:
    def total(*args: Any) -> Any:
        found = args[0]
        for arg in args[1:]:
            found = function(found, arg)
        return found

    return total


_FUNCTIONS: dict[str, Any] = {
    "Pow": lambda a, b: np.power(np.asarray(a, dtype=float), b),
    "Power": lambda a, b: np.power(np.asarray(a, dtype=float), b),
    "exp": np.exp, "log": np.log, "Abs": np.abs, "sign": np.sign, "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "asin": np.arcsin, "acos": np.arccos, "atan": np.arctan, "atan2": np.arctan2, "sinh": np.sinh, "cosh": np.cosh,
    "tanh": np.tanh, "asinh": np.arcsinh, "acosh": np.arccosh, "atanh": np.arctanh, "Min": _reduced(np.minimum),
    "Max": _reduced(np.maximum), "StrictGreaterThan": np.greater, "GreaterThan": np.greater_equal,
    "StrictLessThan": np.less, "LessThan": np.less_equal, "Equality": np.equal, "Unequality": np.not_equal,
    "And": _reduced(np.logical_and), "Or": _reduced(np.logical_or), "Not": np.logical_not,
}  # fmt: skip
