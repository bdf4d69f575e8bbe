"""``.control`` ... ``.endc``: commands that are analyses count as cards; the others are reported and skipped."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.cursor import Cursor

if TYPE_CHECKING:
    from circuitnn.netlist.parser import Parser


class Control(Card):
    """Nothing of a control block is executed: it could run shell commands and write files."""

    aliases = ("endc",)
    usage = ".control ... .endc"

    def read(self, name: str, cursor: Cursor, parser: "Parser") -> None:
        """Open or close a block."""
        if name == "endc":
            if parser.file.control is None:
                cursor.error(".endc without .control", expected=self.usage)
            if parser.file.skipped:
                skipped = ", ".join(sorted(parser.file.skipped))
                parser.warn(f"the commands {skipped} of .control were skipped", parser.file.control)
            parser.file.control = None
        else:
            parser.file.control, parser.file.skipped = cursor.place, set()


EXPORT = Control()
