"""``.model name [ako:base] type (parameter=value ...)``, the parentheses optional."""

import re
from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.cursor import Cursor
from circuitnn.netlist.statements import ModelStatement, Tolerance, Value
from circuitnn.netlist.tolerance import is_tolerance, read_tolerance

if TYPE_CHECKING:
    from circuitnn.netlist.parser import Parser

#: What vendors say of a part beside its model; as in ngspice it is read and left out.
_RATINGS = frozenset(("mfg", "icrating", "vceo", "vpk", "iave", "type"))
#: PSpice's switches turn at once when they have a threshold, and gradually between von and voff otherwise.
_HYSTERESIS = {"vswitch": "sw", "iswitch": "csw"}
_THRESHOLDS = frozenset(("vt", "vh", "it", "ih"))
#: A version of three parts: 3.2.4 is 3.24, as simulators take either.
_VERSION = re.compile(r"(\d+\.\d+)\.(\d+)")


class Model(Card):
    """A model card."""

    usage = ".model name type (parameter=value ...)"

    @staticmethod
    def _base(cursor: Cursor) -> str:
        """Read ``ako:name``, a kind of another model, if it is next."""
        if not cursor.peek().startswith("ako:"):
            return ""
        word = cursor.word("ako:name")
        return word[4:] or cursor.word("the name of another model")

    def read(self, name: str, cursor: Cursor, parser: "Parser") -> None:
        """Read name, type and parameters."""
        place = cursor.place
        model = cursor.word("the model's name")
        base = self._base(cursor)
        kind = (
            ""
            if base and (cursor.done or cursor.char == "(" or cursor.at_assignment())
            else cursor.word("the model's type")
        )
        opened = cursor.take("(")
        params: dict[str, Value] = {}
        tolerances: list[Tolerance] = []
        last = ""
        while not cursor.done:
            if (opened or params) and cursor.take(")"):
                opened = False
                if not cursor.done:  # as in ngspice what follows counts, too
                    parser.warn(f"parameters of the model {model!r} stand behind its closing parenthesis", place)
                continue
            key = cursor.assignment()
            if key is None:
                cursor.error(f"{cursor.found()} is not name=value", expected=self.usage)
            if is_tolerance(key):
                tolerances.append(read_tolerance(cursor, key, last))
                continue
            at, last = cursor.last, key
            parts = _VERSION.fullmatch(cursor.peek()) if key == "version" else None
            if parts is not None:
                cursor.word("a version")
            value = cursor.value(f"the value of {key}") if parts is None else float(parts[1] + parts[2])
            cursor.last = at
            if key not in _RATINGS:
                params[key] = value  # as in ngspice the last one counts, and vendors do repeat them
        if opened:
            parser.warn(f"the parameters' ( of the model {model!r} is not closed", place)
        kind = _HYSTERESIS.get(kind, kind) if params.keys() & _THRESHOLDS else kind
        parser.add(ModelStatement(model, kind, params, place, base, tuple(tolerances)))


EXPORT = Model()
