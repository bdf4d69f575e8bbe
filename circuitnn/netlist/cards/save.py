"""``.save v(a) i(v1) @n1[w] ...``: which vectors the results hold."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card, Word
from circuitnn.netlist.cursor import Cursor
from circuitnn.netlist.probes import ask
from circuitnn.netlist.statements import Directive

if TYPE_CHECKING:
    from circuitnn.netlist.scope import Scope


class Save(Card):
    """Without it, or with ``all``, the results hold everything."""

    usage = ".save v(node) i(source) @element[state] ..."

    def words(self, cursor: Cursor) -> tuple[Word, ...]:
        """Read vector names."""
        names = []
        while not cursor.done:
            names.append(cursor.vector())
        if not names:
            cursor.error("no vectors", expected=self.usage)
        return tuple(names)

    def apply(self, directive: Directive, scope: "Scope") -> None:
        """Add the names; a bare node means its voltage."""
        for word in directive.words:
            name = str(word)
            name = name if "(" in name or name.startswith("@") or name == "all" else f"v({name})"
            scope.save.append(name)
            ask(scope.flat, name, directive.place)


EXPORT = Save()
