"""``.ic v(node)=volts ...``: node voltages from which a transient analysis starts."""

import re
from typing import TYPE_CHECKING, ClassVar

from circuitnn.netlist.cards.card import Card, Word
from circuitnn.netlist.cursor import Cursor
from circuitnn.netlist.statements import Assignment, Directive

if TYPE_CHECKING:
    from circuitnn.netlist.scope import Scope

_VOLTAGE = re.compile(r"v\s*\(\s*([^\s=(),{}'\"]+)\s*\)\s*=?")


class NodeVoltages(Card):
    """Reads ``v(node)=value`` pairs, the ``=`` of which may be missing, into one of the flat netlist's dictionaries."""

    local = True
    target: ClassVar[str]

    def words(self, cursor: Cursor) -> tuple[Word, ...]:
        """Read the pairs."""
        pairs = []
        while not cursor.done:
            found = _VOLTAGE.match(cursor.text, cursor.pos)
            if found is None:
                cursor.error(f"{cursor.found()} is not v(node)=value", expected=self.usage)
            cursor.last, cursor.pos = cursor.pos, found.end()
            cursor.skip()
            pairs.append(Assignment(f"v({found[1]})", cursor.value("volts")))
        return tuple(pairs)

    def apply(self, directive: Directive, scope: "Scope") -> None:
        """Set the voltages of the scope's nodes."""
        for word in directive.words:
            assert isinstance(word, Assignment)
            voltages = getattr(scope.flat, self.target)
            voltages[scope.nodes[word.name[2:-1]]] = scope.value(word.value, directive.place)


class Ic(NodeVoltages):
    """Initial conditions."""

    target = "ic"
    usage = ".ic v(node)=volts ..."


EXPORT = Ic()
