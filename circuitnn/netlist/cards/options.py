"""``.options name=value flag ...``."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.expression import Name
from circuitnn.netlist.statements import Assignment, Directive

if TYPE_CHECKING:
    from circuitnn.netlist.scope import Scope


class Options(Card):
    """A flag counts as 1; the circuit knows which options there are."""

    aliases = ("option", "opt", "opts")
    early = True
    usage = ".options name=value ..."

    def apply(self, directive: Directive, scope: "Scope") -> None:
        """Set the options."""
        for word in directive.words:
            if isinstance(word, Assignment):
                value = Name(word.value) if isinstance(word.value, str) and scope.knows(word.value) else word.value
                scope.flat.options[word.name] = value if isinstance(value, str) else scope.value(value, directive.place)
            elif isinstance(word, str):
                scope.flat.options[word] = 1.0
            else:
                raise self.refuse(directive, f"{word!r} is not name=value")
            if directive.place is not None:
                scope.flat.option_places[word.name if isinstance(word, Assignment) else word] = directive.place


EXPORT = Options()
