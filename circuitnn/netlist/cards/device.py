"""``.device name terminal ...`` to ``.enddevice``: a model with equations, written in the netlist."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.cursor import Cursor
from circuitnn.netlist.definition import DeviceReader

if TYPE_CHECKING:
    from circuitnn.netlist.parser import Parser


class Device(Card):
    """The lines between are read by `circuitnn.netlist.definition.DeviceReader`."""

    aliases = ("enddevice",)
    usage = '.device name terminal terminal ... [doc="text"]'

    def read(self, name: str, cursor: Cursor, parser: "Parser") -> None:
        """Open or close a definition."""
        if name == "enddevice":
            end_device(cursor, parser)
            return
        place = cursor.place
        device = cursor.word("the device's name")
        at = cursor.last
        terminals: list[str] = []
        doc = ""
        while not cursor.done:
            key = cursor.assignment()
            if key == "doc":
                doc = cursor.raw_word("a text in quotes")
                continue
            if key is not None:
                cursor.error(f"{key}= is nothing that a device has", last=True, expected=self.usage)
            word = cursor.word("a terminal")
            if word in terminals:
                cursor.error(f"the device {device!r} names the terminal {word!r} twice", last=True)
            terminals.append(word)
        reader = DeviceReader(device, tuple(terminals), doc, place)
        cursor.last = at
        if parser.inside is not None:
            cursor.error(f"a device inside the subcircuit {parser.inside!r}", hint="move it out of .subckt ... .ends")
        if len(terminals) < 2:
            cursor.error(f"the device {device!r} has {len(terminals)} terminals", last=True, expected=self.usage)
        reader.check_name(cursor)
        parser.file.device = reader


def end_device(cursor: Cursor, parser: "Parser") -> None:
    """Read the end of a device; its name may follow."""
    device = parser.file.device
    if device is None:
        cursor.error(".enddevice without .device", last=True)
    name = "" if cursor.done else cursor.word("the device's name")
    if name and name != device.name:
        cursor.error(f"{name!r} ends the device {device.name!r}", last=True, expected=f".enddevice {device.name}")
    cursor.finish()
    parser.close_device()


EXPORT = Device()
