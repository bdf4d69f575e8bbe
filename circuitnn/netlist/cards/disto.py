"""``.disto``: distortion analysis, which does not exist here; the card is refused by name."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.cursor import Cursor

if TYPE_CHECKING:
    from circuitnn.netlist.parser import Parser


class Disto(Card):
    """No small-signal distortion analysis."""

    usage = ""

    def read(self, name: str, cursor: Cursor, parser: "Parser") -> None:
        """Refuse the card."""
        cursor.error(
            "small-signal distortion analysis does not exist here",
            last=True,
            hint="use .tran with a sine, and .four for its harmonics",
        )


EXPORT = Disto()
