"""``.if (condition)``, ``.elseif (condition)``, ``.else``, ``.endif``: statements that count under a condition."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.cursor import Cursor
from circuitnn.netlist.expression import Expression

if TYPE_CHECKING:
    from circuitnn.netlist.parser import Parser


class If(Card):
    """Conditions are expressions of parameters, in brackets or not; they may nest, and stand in subcircuits."""

    aliases = ("elseif", "elif", "else", "endif")
    usage = ".if (condition) ... .elseif (condition) ... .else ... .endif"

    def read(self, name: str, cursor: Cursor, parser: "Parser") -> None:
        """Open, go on with, or close a conditional."""
        place = cursor.place
        if name == "else" and cursor.peek() == "if":
            cursor.word("if")
            name = "elseif"
        if name == "endif":
            cursor.finish()
            parser.close_branch(place, last=True)
            return
        condition: Expression | None = None
        if name != "else":
            condition = cursor.expression(condition=True)
        cursor.finish()
        if name != "if":
            parser.close_branch(place, last=False)
        parser.open_branch(name == "if", condition, place)


EXPORT = If()
