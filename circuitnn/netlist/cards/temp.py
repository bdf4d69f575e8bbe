"""``.temp celsius``: the circuit's temperature."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.statements import Assignment, Directive

if TYPE_CHECKING:
    from circuitnn.netlist.expand import Scope


class Temp(Card):
    """One temperature; a list of them would be a sweep."""

    early = True
    usage = ".temp celsius"

    def apply(self, directive: Directive, scope: "Scope") -> None:
        """Set the option ``temp``."""
        words = directive.words
        if len(words) != 1 or isinstance(words[0], str | Assignment):
            raise self.refuse(directive, f"{len(words)} words" if len(words) != 1 else "not a number")
        scope.flat.options["temp"] = scope.value(words[0], directive.place)


EXPORT = Temp()
