"""Reads words, values and assignments off one logical line."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NoReturn

from circuitnn.errors import NetlistError, Place, UsageError
from circuitnn.netlist.expression import Expression, Name, Number, misspelt, parse_at, shorten
from circuitnn.netlist.lexer import LogicalLine
from circuitnn.netlist.statements import Value
from circuitnn.units import parse_value

_GAP = re.compile(r"[\s,]*")
_WORD = re.compile(r"[^\s=(),{}'\"]+")
# The brackets of a state of an array hold a comma: @a1[w[3,17]].
_VECTOR = re.compile(r"@[^\s=(),{}'\"\[\]]+\[\w+\[[\d,\s]*\]\]|@?[^\s=(),{}'\"]+(?:\([^()={}'\"]*\))?")
_ASSIGNMENT = re.compile(r"([^\s=(),{}'\"]+)\s*=(?!=)")
_NUMBER = re.compile(r"([+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[ed][+-]?\d+)?)([^\W\d]*)")
# What ngspice reads a number from: anything may follow its suffix.
_BEGINS = re.compile(rf"(?P<whole>{_NUMBER.pattern})[\w.%]*")
_IDENTIFIER = re.compile(r"[^\W\d][\w.$]*")
# A name alone, which no operator or bracket follows.
_WHOLE = re.compile(r"[^\W\d][\w.$]*(?=[\s,]|$)(?!\s*[-+*/^(?<>&|])")
_NUMERIC_START = frozenset("0123456789.+-")
_CLOSERS = {"{": "}", "'": "'", '"': '"'}


def number(word: str) -> float | None:
    """Return the number that a lower-case word stands for, or None when it is none.

    Examples
    --------
    >>> number("4.7k"), number("1x0k")
    (4700.0, None)
    """
    found = _NUMBER.fullmatch(word)
    if found is None:
        return None
    try:
        value = parse_value(word) if found[2] or "d" in word else float(found[1])
    except (UsageError, ValueError):  # int() refuses exponents of thousands of digits
        return None
    return value if abs(value) < float("inf") else None


def begun(word: str) -> str | None:
    """Return the number that a word begins with, where ngspice takes the word for that number; else None.

    Examples
    --------
    >>> begun("2k2"), begun("1x0k"), begun("1k*2"), begun("abc")
    ('2k', '1x', None, None)
    """
    found = _BEGINS.fullmatch(word)
    return None if found is None else found["whole"]


class Cursor:
    """A position in a logical line; commas between words count as blanks.

    Parameters
    ----------
    line : LogicalLine
        The line.
    pos : int
        Where to start.

    Attributes
    ----------
    doubts : list of (int, str)
        Offsets of numbers that were read otherwise than they look, and what to say of each.
    """

    __slots__ = ("doubts", "last", "line", "pos", "text")

    def __init__(self, line: LogicalLine, pos: int = 0) -> None:
        self.line = line
        self.text = line.text
        self.pos = self.last = pos
        self.doubts: list[tuple[int, str]] = []
        self.skip()

    def skip(self) -> None:
        """Go to the next character that is no blank or comma."""
        found = _GAP.match(self.text, self.pos)
        if found is not None:
            self.pos = found.end()

    @property
    def done(self) -> bool:
        """Whether nothing is left."""
        return self.pos >= len(self.text)

    @property
    def char(self) -> str:
        """The next character, or an empty string."""
        return self.text[self.pos : self.pos + 1]

    def failure(self, offset: int, message: str, **keywords: str | None) -> NetlistError:
        """Return the error that points to an offset of the line."""
        return NetlistError(message, place=self.line.place(offset), **keywords)  # type: ignore[arg-type]

    def error(self, message: str, *, last: bool = False, **keywords: str | None) -> NoReturn:
        """Raise a NetlistError at the next word, or at the last one read."""
        raise self.failure(self.last if last else self.pos, message, **keywords)

    def peek(self) -> str:
        """Return the next word without reading it; empty when there is none."""
        found = _WORD.match(self.text, self.pos)
        return found[0] if found else ""

    def found(self) -> str:
        """Return what stands next, for messages."""
        return shorten(self.peek() or self.char) if not self.done else "the end of the line"

    def word(self, what: str) -> str:
        """Read a word; ``what`` names it when it is missing."""
        found = _WORD.match(self.text, self.pos)
        if found is None:
            self.error(f"{self.found()} where {what} belongs")
        self.last = self.pos
        self.pos = found.end()
        self.skip()
        return found[0]

    def vector(self) -> str:
        """Read a word that may carry parentheses: ``v(a,b)``."""
        found = _VECTOR.match(self.text, self.pos)
        if found is None:
            self.error(f"{self.found()} where a name such as v(out) belongs")
        self.last = self.pos
        self.pos = found.end()
        self.skip()
        return "".join(found[0].split())

    def raw_word(self, what: str) -> str:
        """Read a file name or the like, quoted or not, in its own case."""
        quote = self.char
        if quote and quote in "\"'":
            stop = self.text.find(quote, self.pos + 1)
            if stop < 0:
                self.error(f"a quote {quote} that is not closed")
            start, end = self.pos + 1, stop
            after = stop + 1
        else:
            start = end = self.pos
            while end < len(self.text) and not self.text[end].isspace():
                end += 1
            after = end
        if start == end:
            self.error(f"{self.found()} where {what} belongs", expected=what)
        self.last, self.pos = self.pos, after
        self.skip()
        return self.line.raw[start:end]

    def take(self, char: str) -> bool:
        """Read one character if it is next."""
        if self.char != char:
            return False
        self.pos += 1
        self.skip()
        return True

    def assignment(self) -> str | None:
        """Read ``name=`` if it is next, and return the name."""
        found = _ASSIGNMENT.match(self.text, self.pos)
        if found is None:
            return None
        self.last = self.pos
        self.pos = found.end()
        self.skip()
        return found[1]

    def at_assignment(self) -> bool:
        """Whether ``name=`` is next."""
        return _ASSIGNMENT.match(self.text, self.pos) is not None

    def at_value(self, keywords: frozenset[str] = frozenset()) -> bool:
        """Whether a value is next: a number, an expression in braces or quotes, or a name that is no keyword."""
        if not self.char or self.at_assignment():
            return False
        return self.char in "{'\"" or (self.char not in "(),=}" and self.peek() not in keywords)

    def value(self, what: str) -> Value:
        """Read a number, a parameter's name or an expression in braces or quotes."""
        if self.char in _CLOSERS:
            return self.braced()
        word = self.word(what)
        return self.to_value(word, what)

    def bare_value(self, what: str) -> Value:
        """Read a value that may also be an expression without braces, as calls and headers of subcircuits have it."""
        word = self.peek()
        if (
            self.done
            or self.char in _CLOSERS
            or number(word) is not None
            or (_WHOLE.match(self.text, self.pos) and word)
        ):
            return self.value(what)
        return simplest(self.expression())

    def to_value(self, word: str, what: str) -> Value:
        """Return the value of the word just read."""
        value = number(word)
        if value is not None:
            return value
        if _IDENTIFIER.fullmatch(word):
            return Name(word)
        start = begun(word)
        value = None if start is None else number(start)
        if value is not None:
            self.doubts.append((self.last, f"{shorten(word)} is {value:g}, as ngspice reads it: {misspelt(word)}"))
            return value
        if word[0] in _NUMERIC_START:
            self.error(
                f"{shorten(word)} is not a number",
                last=True,
                expected=f"{what}: a number or {{expression}}",
                hint=misspelt(word),
            )
        self.error(f"{shorten(word)} is not a value", last=True, expected=f"{what}: a number or {{expression}}")

    def braced(self) -> Value:
        """Read ``{expression}``, ``'expression'`` or ``"expression"``."""
        opener = self.char
        start = self.pos
        self.last = start
        inner, stop = parse_at(self.text, self.pos + 1, self.failure)
        self.pos = stop
        self.skip()
        if not self.take(_CLOSERS[opener]):
            if self.done:
                raise self.failure(start, f"{opener} is not closed", expected=_CLOSERS[opener])
            self.error(
                f"{self.found()} does not continue the expression", expected=f"an operator or {_CLOSERS[opener]}"
            )
        return simplest(inner)

    def expression(self, *, condition: bool = False) -> Expression:
        """Read an expression, in quotes or bare, up to where it ends; in a condition ``=`` compares."""
        if self.char in ("'", '"'):
            inner = self.braced()
            return inner if isinstance(inner, Expression) else Number(inner)
        self.last = self.pos
        tree, self.pos = parse_at(self.text, self.pos, self.failure, condition=condition)
        self.skip()
        return tree

    def assignments(
        self,
        *,
        flags: tuple[str, ...] = (),
        split: Callable[[str], tuple[str, ...]] | None = None,
        bare: bool = False,
    ) -> dict[str, Value]:
        """Read ``name=value`` pairs and flags to the end of the line.

        ``split(name)`` returns the names of a vector's components: ``ic=1,2`` with ``("ic_vds", "ic_vgs")``; with
        ``bare`` values may be expressions without braces.
        """
        params: dict[str, Value] = {}
        while not self.done:
            name = self.assignment()
            if name is None:
                word = self.word("name=value")
                if word not in flags:
                    self.error(f"{shorten(word)} is not name=value", last=True, expected="name=value")
                self.put(params, word, 1.0)
                continue
            at = self.last
            names = split(name) if split else ()
            if not names:
                what = f"the value of {name}"
                value = self.bare_value(what) if bare else self.value(what)
                self.last = at
                self.put(params, name, value)
                continue
            for k, part in enumerate(names):
                if k and not self.at_value():
                    break
                value = self.value(f"the value of {name}")
                self.last = at
                self.put(params, part, value)
        return params

    def put(self, params: dict[str, Value], name: str, value: Value) -> None:
        """Set a parameter, refusing a second value."""
        if name in params:
            self.error(f"{name} is given twice", last=True)
        params[name] = value

    def finish(self) -> None:
        """Raise unless the line is used up."""
        if not self.done:
            self.error(f"unexpected {self.found()}", expected="the end of the line")

    @property
    def place(self) -> Place:
        """The place of the line's first word."""
        return self.line.start


def simplest(tree: Expression) -> Value:
    """Return a plain number for a tree that is one."""
    return tree.value if isinstance(tree, Number) else tree
