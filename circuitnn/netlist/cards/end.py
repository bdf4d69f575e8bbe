"""``.end``: what follows in the file is not read."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.cursor import Cursor

if TYPE_CHECKING:
    from circuitnn.netlist.parser import Parser


class End(Card):
    """The end of a netlist; in an included file, the end of that file."""

    usage = ".end"

    def read(self, name: str, cursor: Cursor, parser: "Parser") -> None:
        """Stop reading the file."""
        parser.file.ended = True


EXPORT = End()
