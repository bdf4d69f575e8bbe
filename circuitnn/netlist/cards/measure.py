"""``.measure``: numbers taken from the waveforms of an analysis."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card, Word
from circuitnn.netlist.cursor import Cursor
from circuitnn.netlist.flat import AnalysisCard
from circuitnn.netlist.requests import need, resolve
from circuitnn.netlist.statements import Directive

if TYPE_CHECKING:
    from circuitnn.netlist.scope import Scope


class Request(Card):
    """Kept as written until the netlist is expanded; what it asks for is found in the results."""

    def words(self, cursor: Cursor) -> tuple[Word, ...]:
        """Keep the rest of the line as one word."""
        text = " ".join(cursor.text[cursor.pos :].split())
        if not text:
            cursor.error("nothing is asked for", expected=self.usage)
        cursor.pos = len(cursor.text)
        return (text,)

    def apply(self, directive: Directive, scope: "Scope") -> None:
        """Put the parameters in and keep the request."""
        text = resolve(str(directive.words[0]), scope, directive.place)
        need(text, scope, directive.place)
        scope.flat.requests.append(AnalysisCard(directive.name, (text,), directive.place))


class Measure(Request):
    """One measure."""

    aliases = ("meas",)
    usage = ".measure ANALYSIS NAME FUNCTION ..."


EXPORT = Measure()
