"""``.subckt name ports [params:] a=1`` and ``.ends [name]``."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.cards.device import end_device
from circuitnn.netlist.cursor import Cursor

if TYPE_CHECKING:
    from circuitnn.netlist.parser import Parser


class Subckt(Card):
    """A subcircuit definition; it may be nested."""

    aliases = ("macro", "ends", "eom")
    usage = ".subckt name port ... [parameter=default ...]"

    def read(self, name: str, cursor: Cursor, parser: "Parser") -> None:
        """Open or close a definition."""
        if name in ("ends", "eom") and parser.file.device is not None:
            end_device(cursor, parser)
            return
        if name in ("ends", "eom"):
            parser.close(cursor, "" if cursor.done else cursor.word("the subcircuit's name"))
            return
        place = cursor.place
        subckt = cursor.word("the subcircuit's name")
        ports: list[str] = []
        opened = cursor.take("(")
        while not cursor.done and not cursor.at_assignment():
            if opened and cursor.take(")"):
                opened = False
                continue
            word = cursor.word("a port")
            if word in ("params:", "param:"):
                break
            if word in ports:
                cursor.error(f"the subcircuit {subckt!r} names the port {word!r} twice", last=True)
            ports.append(word)
        parser.open(subckt, tuple(ports), cursor.assignments(bare=True), place)


EXPORT = Subckt()
