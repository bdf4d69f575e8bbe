"""``.model name type (parameter=value ...)``, the parentheses optional."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.cursor import Cursor
from circuitnn.netlist.statements import ModelStatement, Value

if TYPE_CHECKING:
    from circuitnn.netlist.parser import Parser

#: What vendors say of a part beside its model; as in ngspice it is read and left out.
_RATINGS = frozenset(("mfg", "icrating", "vceo", "vpk", "iave", "type"))


class Model(Card):
    """A model card."""

    usage = ".model name type (parameter=value ...)"

    def read(self, name: str, cursor: Cursor, parser: "Parser") -> None:
        """Read name, type and parameters."""
        place = cursor.place
        model = cursor.word("the model's name")
        kind = cursor.word("the model's type")
        opened = cursor.take("(")
        params: dict[str, Value] = {}
        while not cursor.done and cursor.char != ")":
            key = cursor.assignment()
            if key is None:
                cursor.error(f"{cursor.found()} is not name=value", expected=self.usage)
            at = cursor.last
            value = cursor.value(f"the value of {key}")
            cursor.last = at
            if key not in _RATINGS:
                cursor.put(params, key, value)
        if opened and not cursor.take(")"):
            cursor.error("the parameters' ( is not closed", expected=self.usage)
        cursor.finish()
        parser.add(ModelStatement(model, kind, params, place))


EXPORT = Model()
