"""What all analyses share: reading a card, and columns of results."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from circuitnn.errors import NetlistError, UsageError
from circuitnn.netlist.flat import AnalysisCard
from circuitnn.results.result import Result, Variable
from circuitnn.units import parse_value

if TYPE_CHECKING:
    from circuitnn.mna.system import System

Progress = Callable[[float], None]
FREQUENCY = Variable("frequency", "frequency")
#: Points of one sweep.
MAX_POINTS = 50_000_000
_SPACINGS = ("dec", "oct", "lin")


class Analysis:
    """Base of all analyses; a subclass is a frozen dataclass.

    Class attributes: ``name`` (of the card and the circuit's method), ``usage`` (the card's grammar, for messages),
    ``streams`` (whether it has a field ``stream`` for a `RawStream` to write its points to).
    """

    streams: ClassVar[bool] = False
    name: ClassVar[str]
    usage: ClassVar[str]

    @classmethod
    def from_card(cls, card: AnalysisCard) -> Self:
        """Return the analysis that a netlist's card asks for; raise NetlistError with its usage otherwise."""
        raise NotImplementedError

    def validate(self) -> None:
        """Raise UsageError for numbers that cannot be meant, whatever the circuit."""

    def check(self, system: System) -> None:
        """Raise CircuitError when the analysis names what the circuit has not; most name nothing."""

    def run(self, system: System, progress: Progress | None = None) -> Result:
        """Run on a system and return the result."""
        raise NotImplementedError

    @classmethod
    def refuse(cls, card: AnalysisCard, message: str, word: str = "") -> NetlistError:
        """Return the error for a card that does not follow the usage, at the word that is wrong."""
        place = card.place.at(word) if card.place and word else card.place
        return NetlistError(f".{cls.name}: {message}", place=place, expected=cls.usage)

    @classmethod
    def miscounted(cls, card: AnalysisCard, wanted: str) -> NetlistError:
        """Return the error for a card of too few or too many words."""
        count = len(card.words)
        return cls.refuse(card, f"{count} word{'s' * (count != 1)} where {wanted} belong")

    @classmethod
    def number(cls, card: AnalysisCard, k: int) -> float:
        """Return word ``k`` of a card as a number."""
        if k >= len(card.words):
            raise cls.refuse(card, "a number is missing")
        word = card.words[k]
        if isinstance(word, str):
            try:
                return parse_value(word)
            except UsageError:
                raise cls.refuse(card, f"{word!r} stands where a number belongs", word) from None
        return float(word)

    @classmethod
    def sweep(cls, card: AnalysisCard, k: int) -> tuple[str, int, float, float]:
        """Return spacing, points, first and last frequency: the words of a card from ``k``."""
        spacing = str(card.words[k]).lower() if k < len(card.words) else ""
        if spacing not in _SPACINGS:
            raise cls.refuse(card, f"{spacing!r} is no spacing of frequencies" if spacing else "malformed", spacing)
        points = cls.number(card, k + 1)
        if points != int(points):
            raise cls.refuse(card, f"{points:g} points")
        return spacing, int(points), cls.number(card, k + 2), cls.number(card, k + 3)


def columns(system: System) -> tuple[list[int], list[Variable]]:
    """Return the unknowns to report and their variables."""
    chosen = system.vectors()
    return [k for k, _, _ in chosen], [Variable(name, kind) for _, name, kind in chosen]


def statistics(system: System, **counts: Any) -> dict[str, Any]:
    """Return the counts of a run beside those of the engine."""
    report = system.engine.report()
    kept = ("method", "tried", "iterations", "evaluations", "factorisations", "refactorisations")
    return {key: report[key] for key in kept} | counts


def require_finite(what: str, value: float, *, positive: bool = False) -> float:
    """Return a number given to an analysis, or raise UsageError."""
    try:
        number = parse_value(value)
    except (UsageError, TypeError):
        raise UsageError(f"{what} = {value!r} is not a finite number", expected="a finite number") from None
    if positive and number <= 0.0:
        raise UsageError(f"{what} = {number:g} must be positive", expected="a number above zero")
    if not np.isfinite(number):
        raise UsageError(f"{what} = {number} is not finite")
    return number


def sweep_frequencies(spacing: str, points: int, start: float, stop: float, stretch: bool = False) -> np.ndarray:
    """Return frequencies in Hz, as SPICE chooses them: ``points`` a decade or octave, or in all when linear.

    With ``stretch`` those of decades lie a little further apart, so that the last one is ``stop``.

    Raises
    ------
    UsageError
        When there are none.

    Examples
    --------
    >>> sweep_frequencies("dec", 1, 1.0, 100.0).tolist()
    [1.0, 10.0, 100.0]
    """
    start = require_finite("start frequency", start)
    stop = require_finite("stop frequency", stop)
    if points < 1 or stop < start or start < 0.0 or (start == 0.0 and spacing != "lin"):
        raise UsageError(
            f"a sweep of {points} points from {start:g} Hz to {stop:g} Hz cannot be made",
            expected="points >= 1 and 0 < start <= stop",
        )
    if spacing not in _SPACINGS:
        raise UsageError(f"unknown spacing {spacing!r}", expected=", ".join(_SPACINGS))
    base = 10.0 if spacing == "dec" else 2.0
    wanted = points if spacing == "lin" else math.log(stop / start, base) * points * (1.0 + 1e-12) + 1e-6
    if not wanted <= MAX_POINTS:
        raise UsageError(f"a sweep of {wanted:.3g} points", expected=f"at most {MAX_POINTS}")
    if spacing == "lin":
        return np.linspace(start, stop, points) if points > 1 else np.array([start])
    count = math.floor(wanted) + 1
    if stretch and spacing == "dec" and count > 1:
        return np.geomspace(start, stop, count)
    return start * base ** (np.arange(count) / points)
