"""The points of ``.step``, ``.corner`` and ``.mc`` cards, and a deck's circuit at each."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import product
from typing import TYPE_CHECKING, NoReturn

from circuitnn.circuit.alter import VALUE_OF, alter_element, alter_model
from circuitnn.circuit.circuit import Circuit
from circuitnn.errors import CircuitError, NetlistError, Place, UsageError, nearest
from circuitnn.netlist.cards.corner import EXPORT as CORNER
from circuitnn.netlist.cards.step import EXPORT as CARD
from circuitnn.netlist.flat import AnalysisCard, FlatNetlist
from circuitnn.units import parse_value

if TYPE_CHECKING:
    from circuitnn.netlist.netlist import Netlist

MAX_POINTS = 1_000_000
_COUNTED = ("corner", "run")
_SPACINGS = ("lin", "dec", "oct")


@dataclass(frozen=True, slots=True)
class Target:
    """What is stepped.

    ``kind`` is ``param``, ``temp``, ``element`` or ``model``, ``key`` the element's or model's parameter; of a
    ``corner`` the value is its number, from 1, and of a ``run`` of a Monte Carlo analysis its number, from 0.
    """

    kind: str
    name: str
    key: str = ""
    place: Place | None = None

    def __str__(self) -> str:
        return (
            f"{self.name}({self.key})" if self.kind == "model" else f"{self.name}:{self.key}" if self.key else self.name
        )


#: The axis of Monte Carlo runs.
RUN = Target("run", "run")
Axis = tuple[tuple[Target, ...], list[tuple[float, ...]]]


class Steps:
    """All points of a deck's ``.step``, ``.corner`` and ``.mc`` cards, nested in this order.

    Parameters
    ----------
    netlist : Netlist
    flat : FlatNetlist
        Its expansion without any override.

    Raises
    ------
    NetlistError
        For a malformed card, or one that steps what does not exist.
    """

    def __init__(self, netlist: Netlist, flat: FlatNetlist) -> None:
        self._netlist, self._flat = netlist, flat
        self._elements = {e.name: e for e in flat.elements} if flat.steps or flat.corners else {}
        self._axes = [self._axis(card) for card in flat.steps]
        self._corners = [self._corner(card) for card in flat.corners]
        #: Names of the corners.
        self.corners = [str(card.words[0]) for card in flat.corners]
        if self._corners:
            self._axes.append(((Target("corner", "corner"),), [(k + 1.0,) for k in range(len(self._corners))]))
        self._seed = flat.monte_carlo.seed if flat.monte_carlo else None
        if flat.monte_carlo:
            self._axes.append(((RUN,), [(float(k),) for k in range(flat.monte_carlo.runs)]))
        if math.prod(len(values) for _, values in self._axes) > MAX_POINTS:
            place = flat.steps[0].place if flat.steps else None
            raise NetlistError("the deck is run at too many points", place=place, expected=f"at most {MAX_POINTS}")
        targets = [*(t for some, _ in self._axes for t in some), *(t for corner in self._corners for t in corner)]
        self._reexpand = any(target.kind in ("param", "temp", "run") for target in targets)

    def __bool__(self) -> bool:
        return bool(self._axes)

    def points(self) -> Iterator[dict[Target, float]]:
        """Yield the values at each point; the first card runs fastest."""
        for chosen in product(*[values for _, values in reversed(self._axes)]):
            point: dict[Target, float] = {}
            for (targets, _), values in zip(self._axes, reversed(chosen), strict=True):
                point.update(zip(targets, values, strict=True))
            yield point

    def label(self, point: Mapping[Target, float]) -> str:
        """Return a point in words: the name of its corner, and what is stepped with its value."""
        words = [self.corners[int(value) - 1] for target, value in point.items() if target.kind == "corner"]
        return ", ".join([*words, *(f"{t} = {value:.6g}" for t, value in point.items() if t.kind not in _COUNTED)])

    def at(self, point: dict[Target, float], last: Circuit | None) -> tuple[FlatNetlist, Circuit]:
        """Return the flat netlist and the circuit at a point; the structure of the last one's equations is kept."""
        flat = self._flat
        point = self._resolved(point)
        if self._reexpand:
            params = _params(point)
            temps = [value for target, value in point.items() if target.kind == "temp"]
            sample = self._samples[tuple(params.values())]
            runs = [int(value) for target, value in point.items() if target.kind == "run"]
            temp = temps[-1] if temps else None
            flat = self._netlist.expand(params, temp, sample, run=runs[0] if runs else None, seed=self._seed)
        circuit = Circuit.from_flat(flat)
        for target, value in point.items():
            apply(circuit, target, value)
        if last is not None:
            circuit.adopt(last)
        return flat, circuit

    @cached_property
    def _samples(self) -> dict[tuple[float, ...], int]:
        """Which random numbers the values of the parameters draw, in whatever order and process they are run.

        Each value of the parameters draws its own, and a temperature leaves them as they are.
        """
        found: dict[tuple[float, ...], int] = {}
        for point in self.points():
            found.setdefault(tuple(_params(self._resolved(point)).values()), len(found))
        return found

    def _resolved(self, point: dict[Target, float]) -> dict[Target, float]:
        """Return a point with what its corner changes."""
        for target, value in [*point.items()]:
            if target.kind == "corner":
                point = {**point, **self._corners[int(value) - 1]}
        return point

    # ------------------------------------------------------------------ cards
    def _corner(self, card: AnalysisCard) -> dict[Target, float]:
        """Return what a corner changes."""
        found: dict[Target, float] = {}
        for name, value in zip(card.words[1::2], card.words[2::2], strict=True):
            owner, _, key = str(name).rpartition(".")
            if owner in self._flat.models and name not in self._elements:
                target = Target("model", owner, key, card.place)
            else:
                target = self._target(card, str(name), "", False)
            found[target] = float(value)
        return found

    def _axis(self, card: AnalysisCard) -> Axis:
        words = [word.lower() if isinstance(word, str) else word for word in card.words]
        if words and isinstance(words[0], str) and words[0].startswith("data="):
            return self._table(card, words[0][5:])
        spacing = "lin"
        if words and words[0] in _SPACINGS:
            spacing = str(words.pop(0))
        forced = bool(words) and words[0] == "param"
        if forced:
            del words[0]
        if not words or not isinstance(words[0], str):
            self._refuse(card, "nothing is stepped")
        name = words.pop(0)
        model = words.pop(0) if words and isinstance(words[0], str) and words[0].endswith(")") else ""
        if words and words[0] in _SPACINGS:
            spacing = str(words.pop(0))
        target = self._target(card, str(name), str(model), forced)
        if words and words[0] == "list":
            return (target,), [(value,) for value in self._numbers(card, words[1:])]
        numbers = self._numbers(card, words)
        if len(numbers) != 3:
            self._refuse(card, f"{len(numbers)} numbers")
        return (target,), [(value,) for value in self._spaced(card, spacing, *numbers)]

    def _table(self, card: AnalysisCard, name: str) -> Axis:
        table = self._flat.tables.get(name)
        if table is None:
            self._refuse(card, f"there is no .data {name}", nearest(name, self._flat.tables), name)
        names = [str(word) for word in table.words if isinstance(word, str)]
        numbers = [word for word in table.words if isinstance(word, float)]
        targets = tuple(self._target(card, key, "", False) for key in names)
        return targets, [tuple(numbers[k : k + len(names)]) for k in range(0, len(numbers), len(names))]

    def _numbers(self, card: AnalysisCard, words: list[float | str]) -> list[float]:
        numbers = []
        for word in words:
            try:
                numbers.append(word if isinstance(word, float) else parse_value(word))
            except (UsageError, ValueError):
                self._refuse(card, f"{word!r} stands where a number belongs")
        if not numbers:
            self._refuse(card, "no values")
        return numbers

    def _spaced(self, card: AnalysisCard, spacing: str, start: float, stop: float, step: float) -> list[float]:
        if spacing == "lin":
            # A step of the wrong sign is turned round, as LTspice does.
            steps = abs(stop - start) / abs(step) * (1 + 1e-12) + 1e-9 if step else math.inf
            if not steps < MAX_POINTS:
                self._refuse(card, f"a step of {step:g} from {start:g} to {stop:g}")
            count = math.floor(steps) + 1
            step = math.copysign(step, stop - start)
            return [start + k * step for k in range(count)]
        base = 10.0 if spacing == "dec" else 2.0
        if not (start * stop > 0.0 and step >= 1.0):
            self._refuse(card, f"{spacing} from {start:g} to {stop:g} with {step:g} points")
        ratio = math.log(abs(stop), base) - math.log(abs(start), base)
        steps = abs(ratio) * step * (1 + 1e-12) + 1e-9
        if not steps < MAX_POINTS:
            self._refuse(card, f"{steps:.3g} points")
        count = math.floor(steps) + 1
        return [start * base ** math.copysign(k / step, ratio) for k in range(count)]

    def _target(self, card: AnalysisCard, name: str, model: str, forced: bool) -> Target:
        if model:
            card_name, _, key = model[:-1].partition("(")
            return Target("model", self._known(card, "model", card_name, self._flat.models), key, card.place)
        if forced or (name in self._flat.params and name not in self._elements):
            return Target("param", self._known(card, "parameter", name, self._flat.params), place=card.place)
        if name == "temp":
            return Target("temp", "temp", place=card.place)
        owner, colon, key = name.partition(":")
        if owner in self._flat.models and colon:
            return Target("model", owner, key, card.place)
        if owner in self._elements and (colon or self._elements[owner].letter in VALUE_OF):
            return Target("element", owner, key if colon else "", card.place)
        known = [*self._flat.params, *self._elements, "temp"]
        self._refuse(card, f"{name!r} is no parameter, source, element or temp", nearest(name, known), name)

    def _known(self, card: AnalysisCard, what: str, name: str, known: Mapping[str, object]) -> str:
        if name not in known:
            self._refuse(card, f"there is no {what} {name!r}", nearest(name, known), name)
        return name

    def _refuse(self, card: AnalysisCard, message: str, hint: str | None = None, name: str = "") -> NoReturn:
        place = card.place.at(name) if card.place and name else card.place
        usage = CORNER.usage if card.name == "corner" else CARD.usage
        raise NetlistError(
            f".{card.name}: {message}", place=place, expected=usage, hint=hint, names=(name,) if name else ()
        )


def _params(point: Mapping[Target, float]) -> dict[str, float]:
    return {target.name: value for target, value in point.items() if target.kind == "param"}


def apply(circuit: Circuit, target: Target, value: float) -> None:
    """Give a circuit the value of what is stepped; parameters have had theirs in its expansion.

    Raises
    ------
    CircuitError
        When the element or model is not there, or has no such parameter.
    """
    try:
        if target.kind == "temp":
            circuit.options = replace(circuit.options, temp=value)
        elif target.kind == "element":
            alter_element(circuit, target.name, target.key, value)
        elif target.kind == "model":
            alter_model(circuit, target.name, target.key, value)
    except CircuitError as error:
        error.place = error.place or target.place
        raise
