"""``.csparam name=expression ...``: numbers that a ``.control`` script finds as vectors."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card, Word
from circuitnn.netlist.cursor import Cursor
from circuitnn.netlist.statements import Assignment, Directive

if TYPE_CHECKING:
    from circuitnn.netlist.scope import Scope


class Csparam(Card):
    """Values as in ``.param``."""

    usage = ".csparam name=expression ..."

    def words(self, cursor: Cursor) -> tuple[Word, ...]:
        """Read the assignments."""
        pairs = []
        while not cursor.done:
            key = cursor.assignment()
            if key is None:
                cursor.error(f"{cursor.found()} is not name=value", expected=self.usage)
            pairs.append(Assignment(key, cursor.expression()))
        return tuple(pairs)

    def apply(self, directive: Directive, scope: "Scope") -> None:
        """Keep the numbers."""
        for word in directive.words:
            assert isinstance(word, Assignment)
            scope.flat.csparams[word.name] = scope.value(word.value, directive.place)


EXPORT = Csparam()
