"""The grammar of ``.measure`` cards."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, NoReturn

import numpy as np

from circuitnn.errors import NetlistError, UsageError, nearest
from circuitnn.measure.expression import evaluate_vectors, parse_vectors
from circuitnn.measure.measures import LAST, Crossing, Measure
from circuitnn.netlist.expression import Expression
from circuitnn.netlist.flat import AnalysisCard
from circuitnn.results.result import KINDS
from circuitnn.units import parse_value

USAGE = (
    ".measure ANALYSIS NAME trig V VAL=x RISE|FALL|CROSS=n targ ... | [find V] when V=x | find V at=x | "
    "avg|rms|min|max|pp|integ|deriv|min_at|max_at V [from=x to=x] | param='expression'"
)
_WINDOWED = {"avg": "avg", "rms": "rms", "min": "min", "max": "max", "pp": "pp", "integ": "integ", "integral": "integ",
             "min_at": "min_at", "max_at": "max_at"}  # fmt: skip
_POINT = {"find": "find", "deriv": "deriv", "derivative": "deriv"}
_FUNCTIONS = (*_WINDOWED, *_POINT, "trig", "delay", "when", "param", "expr")
_ANALYSES = frozenset((*KINDS, "noise", "sp"))
#: Words that other simulators attach for their optimisers.
_IGNORED = frozenset(("goal", "minval", "weight", "print", "ignore"))
_COUNTS = ("rise", "fall", "cross")
_MOST_COUNT = 1_000_000_000


def read_measure(text: str) -> Measure:
    """Return the measure that a text asks for.

    Raises
    ------
    UsageError
        When it is malformed.

    Examples
    --------
    >>> read_measure("tran t1 when v(out)=0.5 rise=last").first.edge
    'rise'
    """
    return _Reader(text).measure()


def measure_of(card: AnalysisCard) -> Measure:
    """Return the measure of a netlist's card; raise NetlistError when it is malformed."""
    try:
        return replace(read_measure(" ".join(str(word) for word in card.words)), place=card.place)
    except UsageError as error:
        place = card.place.at(error.names[0]) if card.place and error.names else card.place
        raise NetlistError(
            f".measure: {error.message}", place=place, expected=error.expected or USAGE, hint=error.hint
        ) from None


_WORD = re.compile(r"\s*([a-z_][\w.]*)\s*(=(?!=))?", re.IGNORECASE)
_QUOTED = re.compile(r"\s*(?:'([^']*)'|\"([^\"]*)\"|\{([^{}]*)\})")
_BARE = re.compile(r"\s*([^\s=,]+)")


class _Reader:
    """Reads a card's text from left to right."""

    def __init__(self, text: str) -> None:
        self.text = text.lower()
        self.pos = 0

    def fail(self, message: str, hint: str | None = None, word: str = "") -> NoReturn:
        raise UsageError(message, expected=USAGE, hint=hint, names=(word,) if word else ())

    @property
    def done(self) -> bool:
        return not self.text[self.pos :].strip(" \t,")

    def skip(self) -> None:
        while self.pos < len(self.text) and self.text[self.pos] in " \t,":
            self.pos += 1

    def bare(self, what: str) -> str:
        found = _BARE.match(self.text, self.pos)
        if found is None:
            self.fail(f"{what} is missing")
        self.pos = found.end()
        return found[1]

    def peek(self) -> tuple[str, bool]:
        """Return the next word, and whether ``=`` follows it."""
        self.skip()
        found = _WORD.match(self.text, self.pos)
        return (found[1], found[2] is not None) if found else ("", False)

    def take(self) -> None:
        found = _WORD.match(self.text, self.pos)
        assert found is not None
        self.pos = found.end()

    def value(self, name: str) -> str:
        """Read what follows ``name=``."""
        quoted = _QUOTED.match(self.text, self.pos)
        if quoted is not None:
            self.pos = quoted.end()
            return next(part for part in quoted.groups() if part is not None)
        return self.bare(f"the value of {name}")

    def number(self, name: str) -> float:
        word = self.value(name)
        try:
            return parse_value(word)
        except (UsageError, ValueError):
            try:
                value = evaluate_vectors(parse_vectors(word), _nothing)
            except UsageError:
                self.fail(f"{name}={word} is not a number", word=name)
            return float(np.real(value).item())

    def expression(self, stops: tuple[str, ...]) -> Expression:
        """Read an expression up to the next ``word=`` or one of ``stops``."""
        self.skip()
        start = self.pos
        depth, quote = 0, ""
        while self.pos < len(self.text):
            c = self.text[self.pos]
            if quote:
                quote = "" if c == quote else quote
            elif c in "'\"":
                quote = c
            elif c in "([{":
                depth += 1
            elif c in ")]}":
                depth -= 1
            elif depth == 0 and (c == "=" or (c in " \t," and self._ends(stops))):
                break
            self.pos += 1
        text = self.text[start : self.pos].strip(" \t,")
        if not text:
            self.fail("a vector is missing")
        return parse_vectors(text)

    def _ends(self, stops: tuple[str, ...]) -> bool:
        found = _WORD.match(self.text, self.pos + 1)
        return found is not None and (found[1] in stops or found[2] is not None)

    # -------------------------------------------------------------- the card
    def measure(self) -> Measure:
        analysis = self.bare("the analysis")
        known = analysis in _ANALYSES
        if known:
            name = self.bare("the measure's name")
        else:
            analysis, name = "tran", analysis
        function, equals = self.peek()
        if function not in _FUNCTIONS:
            self.fail(
                f"there is no measurement {function or self.text[self.pos :][:20]!r}",
                nearest(function, _FUNCTIONS) or (None if known else f"{name!r} is no analysis"),
                function,
            )
        self.take()
        given: dict[str, Any] = {}
        if function in ("param", "expr"):
            if not equals:
                self.fail("param is followed by ='expression'")
            given["signal"] = parse_vectors(self.value("param") if self._is_quoted() else self._rest())
            function = "param"
        elif function in ("trig", "delay"):
            function = "trig"
            given["first"] = self.crossing(("targ",))
            if self.peek()[0] != "targ":
                self.fail("trig without targ")
            self.take()
            given["second"] = self.crossing(())
        elif function == "when":
            given["first"] = self.crossing((), when=True)
        elif function in _POINT:
            function = _POINT[function]
            given["signal"] = self.expression(("when", "at"))
            word, equals = self.peek()
            if word == "when":
                self.take()
                given["first"] = self.crossing((), when=True)
            elif word == "at" and equals:
                given["first"] = self.crossing(())
            elif analysis != "op":
                self.fail(f"{function} without when or at=")
        else:
            function = _WINDOWED[function]
            given["signal"] = self.expression(())
            given |= self.window()
        if not self.done:
            self.fail(f"{self.text[self.pos :].strip()[:20]!r} does not belong there")
        return Measure(analysis, name, function, **given)

    def _is_quoted(self) -> bool:
        return _QUOTED.match(self.text, self.pos) is not None

    def _rest(self) -> str:
        rest, self.pos = self.text[self.pos :], len(self.text)
        return rest

    def window(self) -> dict[str, float]:
        found: dict[str, float] = {}
        while not self.done:
            word, equals = self.peek()
            if not equals:
                break
            self.take()
            if word in _IGNORED:
                self.value(word)
            elif word in ("from", "td", "to"):
                found["stop" if word == "to" else "start"] = self.number(word)
            else:
                self.fail(f"there is no {word}= here", nearest(word, ("from", "to", "td")), word)
        return found

    def crossing(self, stops: tuple[str, ...], *, when: bool = False) -> Crossing:
        """Read ``v(a) val=0.5 rise=1 td=1n``, with ``when`` ``v(a)=0.5 rise=1``, or ``at=1n``."""
        word, equals = self.peek()
        given: dict[str, Any] = {}
        if not (equals and word == "at"):
            given["signal"] = self.expression(stops)
            if when:
                if self.text[self.pos : self.pos + 1] != "=":
                    self.fail("when without =", "write when v(out)=0.5")
                self.pos += 1
                given["level"] = self.level()
        while not self.done:
            word, equals = self.peek()
            if word in stops and not equals:
                break
            if word == "last" and not equals:
                self.take()
                given |= {"edge": "cross", "count": LAST}
                continue
            if not equals:
                break
            self.take()
            if word in _COUNTS:
                given |= {"edge": word, "count": self.count(word)}
            elif word == "val":
                given["level"] = self.level()
            elif word in ("td", "from"):
                given["delay"] = self.number(word)
            elif word == "to":
                given["stop"] = self.number(word)
            elif word == "at":
                given["at"] = self.number(word)
            elif word in _IGNORED:
                self.value(word)
            else:
                self.fail(f"there is no {word}= here", nearest(word, (*_COUNTS, "val", "td", "at")), word)
        return Crossing(**given)

    def level(self) -> Expression | float:
        """Read a level: a number, a vector or an expression in quotes."""
        if self._is_quoted():
            return parse_vectors(self.value("val"))
        tree = self.expression((*_COUNTS, "td", "targ", "last"))
        return tree

    def count(self, word: str) -> int:
        text = self.peek()[0]
        if text == "last":
            self.take()
            return LAST
        value = self.number(word)
        if not 0.5 <= value <= _MOST_COUNT:
            self.fail(f"{word}={value:g} counts nothing", "counts begin at 1; LAST is the last one")
        return int(value + 0.5)


def _nothing(name: str) -> NoReturn:
    raise UsageError(f"{name} has no value here")
