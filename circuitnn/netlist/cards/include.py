"""``.include "file"``: the statements of another file, relative to the including one."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.cursor import Cursor

if TYPE_CHECKING:
    from circuitnn.netlist.parser import Parser


class Include(Card):
    """What is read takes the place of the card, so a netlist written back stands alone."""

    aliases = ("inc", "incl")
    usage = '.include "file"'

    def read(self, name: str, cursor: Cursor, parser: "Parser") -> None:
        """Read the file."""
        place = cursor.place
        path = cursor.raw_word("a file name")
        cursor.finish()
        parser.include(path, place)


EXPORT = Include()
