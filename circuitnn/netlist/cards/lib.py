"""``.lib "file" section`` reads one section of a library; ``.lib section`` ... ``.endl`` is a section."""

from typing import TYPE_CHECKING

from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.cursor import Cursor

if TYPE_CHECKING:
    from circuitnn.netlist.parser import Parser


class Lib(Card):
    """A section is read only where it is asked for; a lone word that is quoted or has a dot is a whole file."""

    aliases = ("endl",)
    usage = '.lib "file" section, or .lib section ... .endl'

    def read(self, name: str, cursor: Cursor, parser: "Parser") -> None:
        """Read a section, or open or close one."""
        place = cursor.place
        file = parser.file
        if name == "endl":
            if file.section is None:
                cursor.error(".endl without .lib", expected=self.usage)
            file.section, file.active = None, file.wanted is None
            return
        quoted = cursor.char in ("'", '"')
        first = cursor.raw_word("a file or a section")
        if not cursor.done:
            section = cursor.word("a section")
            cursor.finish()
            if file.active:
                parser.include(first, place, section)
        elif quoted or "." in first:
            if file.active:
                parser.include(first, place)
        elif file.section is not None:
            cursor.error(f"a section inside the section {file.section!r}", last=True, hint=".endl closes a section")
        else:
            file.section = first.lower()
            file.sections[file.section] = place
            file.active = file.section == file.wanted


EXPORT = Lib()
