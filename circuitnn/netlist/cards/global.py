"""``.global node ...``: nodes that are the same inside all subcircuits."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card, Word
from circuitnn.netlist.cursor import Cursor
from circuitnn.netlist.statements import Directive

if TYPE_CHECKING:
    from circuitnn.netlist.scope import Scope


class Global(Card):
    """Node names, numbers among them."""

    early = True
    local = True
    usage = ".global node ..."

    def words(self, cursor: Cursor) -> tuple[Word, ...]:
        """Read node names."""
        nodes = []
        while not cursor.done:
            nodes.append(cursor.word("a node"))
        if not nodes:
            cursor.error(".global without nodes", expected=self.usage)
        return tuple(nodes)

    def apply(self, directive: Directive, scope: "Scope") -> None:
        """Add the nodes."""
        scope.flat.globals.update([str(word) for word in directive.words])


EXPORT = Global()
