"""``.param name={expression} ...``: parameters, in any order."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.cursor import Cursor
from circuitnn.netlist.statements import ParamStatement, Value

if TYPE_CHECKING:
    from circuitnn.netlist.parser import Parser


class Param(Card):
    """Values may stand bare, in braces or in quotes: ``.param a=1k b={2*a} c = a*b``."""

    aliases = ("parameter", "params", "parameters")
    usage = ".param name=expression ..."

    def read(self, name: str, cursor: Cursor, parser: "Parser") -> None:
        """Read the assignments."""
        place = cursor.place
        params: dict[str, Value] = {}
        while not cursor.done:
            key = cursor.assignment()
            if key is None:
                if cursor.char == "(" or "(" in cursor.text[cursor.pos :].partition("=")[0]:
                    cursor.error("a function in .param", expected=self.usage, hint="write .func name(x) {expression}")
                cursor.error(f"{cursor.found()} is not name=value", expected=self.usage)
            if not (key[0].isalpha() or key[0] == "_"):
                cursor.error(f"{key!r} cannot name a parameter", last=True, expected="a letter first")
            at = cursor.last
            tree = cursor.expression()
            cursor.last = at
            cursor.put(params, key, getattr(tree, "value", tree))
        if not params:
            cursor.error(".param defines nothing", expected=self.usage)
        parser.add(ParamStatement(params, place))


EXPORT = Param()
