"""``.temp celsius``: the circuit's temperature."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card, write_word
from circuitnn.netlist.flat import AnalysisCard
from circuitnn.netlist.statements import Assignment, Directive

if TYPE_CHECKING:
    from circuitnn.netlist.scope import Scope


class Temp(Card):
    """One temperature, or a list of them: a step."""

    early = True
    usage = ".temp celsius ..."

    def apply(self, directive: Directive, scope: "Scope") -> None:
        """Set the option ``temp``."""
        values = []
        for word in directive.words:
            if isinstance(word, Assignment) or (isinstance(word, str) and not scope.knows(word)):
                raise self.refuse(
                    directive, f"{write_word(word)} is not a number", word if isinstance(word, str) else ""
                )
            values.append(scope.value(word, directive.place))
        if not values:
            raise self.refuse(directive, "no temperature")
        scope.flat.options["temp"] = values[0]
        if directive.place is not None:
            scope.flat.option_places["temp"] = directive.place
        if len(values) > 1:
            scope.flat.steps.append(AnalysisCard("step", ("temp", "list", *values), directive.place))


EXPORT = Temp()
