"""``.corner``: all analyses once more with other values, named."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card, write_word
from circuitnn.netlist.flat import AnalysisCard
from circuitnn.netlist.statements import Assignment, Directive

if TYPE_CHECKING:
    from circuitnn.netlist.scope import Scope


class Corner(Card):
    """Each card is one corner; what its names mean is found when the deck runs, as for ``.step``."""

    usage = (
        ".corner NAME [NAME=VALUE ...]; a parameter, temp, a source or element, ELEMENT:PARAMETER or MODEL.PARAMETER"
    )

    def apply(self, directive: Directive, scope: "Scope") -> None:
        """Keep the name and the values, as numbers."""
        names = [word for word in directive.words if not isinstance(word, Assignment)]
        if len(names) != 1 or not isinstance(names[0], str):
            found = " ".join([write_word(word) for word in names])
            raise self.refuse(directive, f"{found or 'nothing'} where one name belongs")
        if any(card.words[0] == names[0] for card in scope.flat.corners):
            raise self.refuse(directive, f"a second corner {names[0]!r}", names[0])
        words: list[float | str] = [names[0]]
        for word in directive.words:
            if isinstance(word, Assignment):
                value = word.value
                if isinstance(value, str) and not scope.knows(value):
                    raise self.refuse(directive, f"{word.name} is {value!r}, which is no number", value)
                words += [word.name, scope.value(value, directive.place)]
        if len({*words[1::2]}) != len(words[1::2]):
            raise self.refuse(directive, "a name is given twice")
        scope.flat.corners.append(AnalysisCard("corner", tuple(words), directive.place))


EXPORT = Corner()
