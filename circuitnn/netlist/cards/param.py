"""``.param name={expression} ...``: parameters, in any order, and functions, ``.param f(x)={x*x}``."""

import re
from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.cards.func import function
from circuitnn.netlist.cursor import Cursor
from circuitnn.netlist.statements import ParamStatement, Value

if TYPE_CHECKING:
    from circuitnn.netlist.parser import Parser

_FUNCTION = re.compile(r"\w+\s*\([^()={}'\"]*\)\s*=")


class Param(Card):
    """Values may stand bare, in braces or in quotes: ``.param a=1k b={2*a} c = a*b``."""

    aliases = ("parameter", "params", "parameters")
    usage = ".param name=expression ... name(x, y)=expression ..."

    def read(self, name: str, cursor: Cursor, parser: "Parser") -> None:
        """Read the assignments."""
        place = cursor.place
        params: dict[str, Value] = {}
        functions = False
        while not cursor.done:
            key = cursor.assignment()
            if key is None:
                if _FUNCTION.match(cursor.text, cursor.pos):
                    parser.add(function(cursor, place, self.usage))
                    functions = True
                    continue
                cursor.error(f"{cursor.found()} is not name=value", expected=self.usage)
            if not (key[0].isalpha() or key[0] == "_"):
                cursor.error(f"{key!r} cannot name a parameter", last=True, expected="a letter first")
            at = cursor.last
            tree = cursor.expression()
            cursor.last = at
            cursor.put(params, key, getattr(tree, "value", tree))
        if params:
            parser.add(ParamStatement(params, place))
        elif not functions:
            cursor.error(".param defines nothing", expected=self.usage)


EXPORT = Param()
