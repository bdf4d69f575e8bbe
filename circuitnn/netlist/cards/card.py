"""What a directive is: its grammar, what it does when a netlist is expanded, and how it is written back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from circuitnn.errors import NetlistError
from circuitnn.netlist.cursor import Cursor, number
from circuitnn.netlist.expression import Expression, format_number, to_text
from circuitnn.netlist.statements import Assignment, Directive, Value

if TYPE_CHECKING:
    from circuitnn.netlist.parser import Parser
    from circuitnn.netlist.scope import Scope

Word = Value | str | Assignment


class Card:
    """Base of all directives; a module of this package exports an instance as ``EXPORT``.

    Class attributes: ``aliases`` (other names of the directive), ``early`` (applied before elements are expanded),
    ``local`` (allowed inside a subcircuit), ``usage`` (its grammar, for messages).
    """

    aliases: ClassVar[tuple[str, ...]] = ()
    early: ClassVar[bool] = False
    local: ClassVar[bool] = False
    usage: ClassVar[str] = ""

    def read(self, name: str, cursor: Cursor, parser: Parser) -> None:
        """Read the rest of the card and add what it says to the parser."""
        if parser.inside is not None and not self.local:
            cursor.error(
                f".{name} inside the subcircuit {parser.inside!r}", last=True, hint="move it out of .subckt ... .ends"
            )
        parser.add(Directive(parser.stem(name), self.words(cursor), cursor.place))

    def words(self, cursor: Cursor) -> tuple[Word, ...]:
        """Read words, values and assignments to the end of the line."""
        found: list[Word] = []
        while not cursor.done:
            key = cursor.assignment()
            found.append(Assignment(key, self.word(cursor)) if key else self.word(cursor))
        return tuple(found)

    def word(self, cursor: Cursor) -> Value | str:
        """Read a number, an expression in braces or quotes, or a word such as ``v(out)``."""
        if cursor.char in ("{", "'", '"'):
            return cursor.braced()
        word = cursor.vector()
        value = number(word)
        return word if value is None else value

    def apply(self, directive: Directive, scope: Scope) -> None:
        """Change the flat netlist as the directive says."""
        raise NotImplementedError

    def write(self, directive: Directive) -> str:
        """Return the card as text."""
        return " ".join([f".{directive.name}", *[write_word(word) for word in directive.words]])

    def refuse(self, directive: Directive, message: str, word: str = "") -> NetlistError:
        """Return the error for a card that does not follow its usage, at the word that is wrong."""
        place = directive.place.at(word) if directive.place and word else directive.place
        return NetlistError(f".{directive.name}: {message}", place=place, expected=self.usage or None)


def write_value(value: Value) -> str:
    """Return a value as text: a number, or an expression in braces."""
    return "{" + to_text(value) + "}" if isinstance(value, Expression) else format_number(value)


def write_word(word: Word) -> str:
    """Return a word of a directive as text."""
    if isinstance(word, Assignment):
        return f"{word.name}={write_word(word.value)}"
    return word if isinstance(word, str) else write_value(word)


def write_params(params: dict[str, Value]) -> str:
    """Return ``name=value`` pairs, each after a blank."""
    return "".join([f" {name}={write_value(value)}" for name, value in params.items()])
