"""``.control`` ... ``.endc``: a script; see ``circuitnn/runs/control``."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.cursor import Cursor
from circuitnn.netlist.statements import ControlBlock

if TYPE_CHECKING:
    from circuitnn.netlist.parser import Parser


class Control(Card):
    """The lines are kept as written, for the interpreter."""

    aliases = ("endc",)
    usage = ".control ... .endc"

    def read(self, name: str, cursor: Cursor, parser: "Parser") -> None:
        """Open or close a block."""
        file = parser.file
        if name == "endc":
            if file.control is None:
                cursor.error(".endc without .control", expected=self.usage)
            parser.add(ControlBlock(tuple(file.commands), file.control))
            file.control = None
        else:
            file.control, file.commands = cursor.place, []


EXPORT = Control()
