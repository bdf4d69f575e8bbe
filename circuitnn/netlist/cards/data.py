"""``.data NAME parameter ... value ...``: a table of parameters, a row a step of ``.step data=NAME``."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.cursor import Cursor
from circuitnn.netlist.flat import AnalysisCard
from circuitnn.netlist.statements import Assignment, Directive

if TYPE_CHECKING:
    from circuitnn.netlist.parser import Parser
    from circuitnn.netlist.scope import Scope


class Data(Card):
    """The names come first, then the values row by row; ``.enddata`` is read and ignored."""

    aliases = ("enddata",)
    usage = ".data NAME PARAMETER ... VALUE ... "

    def read(self, name: str, cursor: Cursor, parser: "Parser") -> None:
        """Read the table."""
        if name != "enddata":
            super().read(name, cursor, parser)

    def apply(self, directive: Directive, scope: "Scope") -> None:
        """Keep the table."""
        words = directive.words
        names = [str(word) for word in words if isinstance(word, str)]
        if any(isinstance(word, Assignment) for word in words) or len(names) < 2:
            raise self.refuse(directive, "malformed")
        values = [word for word in words[len(names) :] if not isinstance(word, str | Assignment)]
        numbers = [scope.value(word, directive.place) for word in values]
        width = len(names) - 1
        if len(names) + len(numbers) != len(words) or not numbers or len(numbers) % width:
            raise self.refuse(directive, f"{len(numbers)} values do not fill rows of {width}")
        scope.flat.tables[names[0]] = AnalysisCard("data", (*names[1:], *numbers), directive.place)


EXPORT = Data()
