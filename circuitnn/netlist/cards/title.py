"""``.title text``: another title than the first line."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.cursor import Cursor

if TYPE_CHECKING:
    from circuitnn.netlist.parser import Parser


class Title(Card):
    """The text keeps its case."""

    usage = ".title text"

    def read(self, name: str, cursor: Cursor, parser: "Parser") -> None:
        """Replace the title."""
        parser.title = cursor.line.raw[cursor.pos :].strip()


EXPORT = Title()
