"""``.func name(x, y) {expression}``: functions of the deck's own."""

from typing import TYPE_CHECKING

from circuitnn.errors import Place
from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.cursor import Cursor
from circuitnn.netlist.functions import FUNCTIONS
from circuitnn.netlist.statements import FuncStatement

if TYPE_CHECKING:
    from circuitnn.netlist.parser import Parser


class Func(Card):
    """The body is an expression of the arguments and of parameters."""

    usage = ".func name(x, y) {expression}"

    def read(self, name: str, cursor: Cursor, parser: "Parser") -> None:
        """Read name, arguments and body."""
        statement = function(cursor, cursor.place, self.usage)
        cursor.finish()
        parser.add(statement)


def function(cursor: Cursor, place: Place, usage: str) -> FuncStatement:
    """Read the definition of a function: ``name(x, y) {expression}``, the body also after ``=``."""
    name = cursor.word("the function's name")
    if not name.isidentifier() or name in FUNCTIONS or name in ("v", "i"):
        cursor.error(
            f"{name!r} cannot name a function", last=True, hint="it exists already" if name in FUNCTIONS else None
        )
    if not cursor.take("("):
        cursor.error("a function without arguments in parentheses", expected=usage)
    args = []
    while not cursor.take(")"):
        args.append(cursor.word("an argument's name"))
    if len(set(args)) < len(args):
        cursor.error("an argument is named twice", expected=usage)
    cursor.take("=")
    return FuncStatement(name, tuple(args), cursor.expression(), place)


EXPORT = Func()
