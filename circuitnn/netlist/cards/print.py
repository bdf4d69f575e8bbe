"""``.print``, ``.plot`` and ``.probe``: what a batch run would print; the results hold it beside all else."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card, Word
from circuitnn.netlist.cursor import Cursor
from circuitnn.netlist.probes import ask
from circuitnn.netlist.statements import Directive

if TYPE_CHECKING:
    from circuitnn.netlist.scope import Scope


class Print(Card):
    """Kept as written; unlike ``.save`` it takes nothing away from the results, and adds what is inside blocks."""

    aliases = ("plot", "probe")
    usage = ".print analysis vector ..."

    def words(self, cursor: Cursor) -> tuple[Word, ...]:
        """Keep the rest of the line as one word."""
        text = " ".join(cursor.text[cursor.pos :].split())
        cursor.pos = len(cursor.text)
        return (text,) if text else ()

    def apply(self, directive: Directive, scope: "Scope") -> None:
        """Ask for the vectors."""
        for word in directive.words:
            ask(scope.flat, str(word), directive.place)


EXPORT = Print()
