"""Random deviations within tolerances, drawn anew for each run of a Monte Carlo analysis."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from circuitnn.errors import NetlistError, Place
from circuitnn.netlist.elements import PRIMARY
from circuitnn.netlist.flat import Element, FlatNetlist, Model
from circuitnn.netlist.statements import ElementStatement, ModelStatement, Tolerance

if TYPE_CHECKING:
    from circuitnn.netlist.scope import Scope

#: Parameters of models of R, C and L that stand for the value, which elements may give themselves.
_VALUES = {"r": ("r", "resistance"), "c": ("c", "cap", "capacitance"), "l": ("l", "ind", "inductance")}


@dataclass(frozen=True)
class _Spread:
    """A tolerance with its number."""

    tolerance: Tolerance
    size: float

    def moved(self, value: float, nominal: float, drawn: float) -> float:
        """Return a value moved as the number drawn says; tolerances of one nominal value add up."""
        if self.tolerance.distribution == "lognormal":
            return value * math.exp(self.size * drawn)
        return value + (nominal if self.tolerance.percent else 1.0) * self.size * drawn


@dataclass
class _Known:
    """A model with tolerances: its nominal numbers, what each element of it deviates by, and the lot's factors."""

    nominal: dict[str, float]
    dev: list[_Spread]
    model: Model


@dataclass
class Tolerances:
    """Applies the tolerances of one netlist.

    Parameters
    ----------
    generator : numpy Generator or None
        Draws the numbers; without one all values stay as they are, and only mistakes are found.
    """

    generator: np.random.Generator | None
    _lots: dict[tuple[object, ...], float] = field(default_factory=dict)
    _known: dict[str, _Known] = field(default_factory=dict)

    def model(self, statement: ModelStatement, model: Model, scope: Scope) -> Model:
        """Return a model with its lot's deviations."""
        if not statement.tolerances:
            return model
        params = dict(model.params)
        dev = []
        for tolerance in statement.tolerances:
            spread = _spread(tolerance, scope, statement.place)
            if tolerance.kind == "dev":
                dev.append(spread)
            elif self.generator is not None:
                key = tolerance.param
                params[key] = spread.moved(params[key], model.params[key], self._lot(statement, spread))
        moved = replace(model, params=params)
        self._known[model.name] = _Known(model.params, dev, moved)
        return moved

    def element(self, statement: ElementStatement, element: Element, flat: FlatNetlist, scope: Scope) -> Element:
        """Return an element with its deviations, from its own tolerances and those of its model.

        An element whose model has ``dev`` gets a model of its own.
        """
        primary = PRIMARY.get(element.letter, "")
        if statement.tolerances:
            if element.expression is not None or primary not in element.params:
                raise NetlistError(
                    f"{element.name} has a tolerance and no number that it belongs to",
                    place=statement.place,
                    names=(element.name,),
                    expected="a value, such as 1k dev=5%",
                )
            nominal = value = element.params[primary]
            for tolerance in statement.tolerances:
                spread = _spread(tolerance, scope, statement.place)
                if self.generator is not None:
                    drawn = self._draw(spread) if tolerance.kind == "dev" else self._lot(statement, spread)
                    value = spread.moved(value, nominal, drawn)
            element = element.with_params(**{primary: value})
        known = self._known.get(element.model or "")
        if known is None or self.generator is None:
            return element
        params = dict(known.model.params)
        for spread in known.dev:
            key = spread.tolerance.param
            params[key] = spread.moved(params[key], known.nominal[key], self._draw(spread))
        if primary in element.params:
            factor = math.prod(
                params[key] / known.nominal[key]
                for key in _VALUES.get(element.letter, ())
                if known.nominal.get(key, 0.0) != 0.0
            )
            element = element.with_params(**{primary: element.params[primary] * factor})
        if known.dev:
            own = replace(known.model, name=f"{known.model.name}@{element.name}", params=params)
            flat.models[own.name] = own
            element = replace(element, model=own.name)
        return element

    def _draw(self, spread: _Spread) -> float:
        assert self.generator is not None
        if spread.tolerance.distribution == "uniform":
            return float(self.generator.uniform(-1.0, 1.0))
        return float(self.generator.normal())

    def _lot(self, statement: ModelStatement | ElementStatement, spread: _Spread) -> float:
        """Return the number that a lot has in common: all instances of a card, or all that name one generator."""
        tolerance = spread.tolerance
        owner = id(statement) if tolerance.generator is None else ""
        key = (tolerance.generator, owner, "" if owner == "" else tolerance.param, tolerance.distribution)
        if key not in self._lots:
            self._lots[key] = self._draw(spread)
        return self._lots[key]


def _spread(tolerance: Tolerance, scope: Scope, place: Place | None) -> _Spread:
    size = scope.value(tolerance.value, place) * (0.01 if tolerance.percent else 1.0)
    if not (math.isfinite(size) and size >= 0.0):
        raise NetlistError(
            f"a tolerance of {size:g}", place=place.at(tolerance.kind) if place else None, expected="zero or more"
        )
    return _Spread(tolerance, size)
