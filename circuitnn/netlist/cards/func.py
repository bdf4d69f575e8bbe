"""``.func name(x, y) {expression}``: functions of the deck's own."""

from typing import TYPE_CHECKING

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
        place = cursor.place
        function = cursor.word("the function's name")
        if not function.isidentifier() or function in FUNCTIONS or function in ("v", "i"):
            cursor.error(
                f"{function!r} cannot name a function",
                last=True,
                hint="it exists already" if function in FUNCTIONS else None,
            )
        if not cursor.take("("):
            cursor.error("a function without arguments in parentheses", expected=self.usage)
        args = []
        while not cursor.take(")"):
            args.append(cursor.word("an argument's name"))
        if len(set(args)) < len(args):
            cursor.error("an argument is named twice", expected=self.usage)
        cursor.take("=")
        body = cursor.expression()
        cursor.finish()
        parser.add(FuncStatement(function, tuple(args), body, place))


EXPORT = Func()
