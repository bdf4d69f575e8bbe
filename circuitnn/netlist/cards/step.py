"""``.step``: all analyses anew for each value of a parameter, a source, an element, a model or the temperature."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.expression import Expression
from circuitnn.netlist.flat import AnalysisCard
from circuitnn.netlist.statements import Assignment, Directive

if TYPE_CHECKING:
    from circuitnn.netlist.scope import Scope


class Step(Card):
    """Several cards nest, the first running fastest; what is stepped is found when the deck runs."""

    usage = (
        ".step [lin|dec|oct] [param] NAME START STOP STEP|POINTS, .step [param] NAME list VALUE ..., "
        "or .step data=TABLE; NAME is a parameter, a source, an element, temp, ELEMENT:PARAMETER or "
        "TYPE MODEL(PARAMETER)"
    )

    def apply(self, directive: Directive, scope: "Scope") -> None:
        """Keep the words, numbers evaluated."""
        words: list[float | str] = []
        for word in directive.words:
            if isinstance(word, Assignment):
                words.append(f"{word.name}={word.value}")
            elif isinstance(word, Expression):
                words.append(scope.value(word, directive.place))
            else:
                words.append(word)
        # A name where a number belongs is a parameter's; the first names say what is stepped.
        for k, word in enumerate(words):
            if k > 1 and isinstance(word, str) and scope.knows(word) and any(isinstance(w, float) for w in words[:k]):
                words[k] = scope.param(word, directive.place)
        scope.flat.steps.append(AnalysisCard("step", tuple(words), directive.place))


EXPORT = Step()
