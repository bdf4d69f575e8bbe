"""Connectivity of a layout file, as klayout finds it in the drawn shapes.

What conducts: word and bit metal; a via joins the bit line to the top of the memory element that it stands on, or to
the word line where there is none. Each memory element is a device with the terminals ``w``, on the metal below it, and
``b``, its own top. Nothing is taken from names of cells but the hierarchy.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from typing import Any

from circuitnn.errors import FileError, LayoutError, missing_extra
from circuitnn.mapping.physical.gds import TOP
from circuitnn.mapping.physical.stack import GdsLayer, Stack


def klayout_db() -> Any:
    """Return the module ``klayout.db``; raise MissingExtraError without it."""
    try:
        import klayout.db
    except ImportError:
        raise missing_extra("klayout", "layout", "checking layouts") from None
    return klayout.db


@dataclass(frozen=True)
class Extracted:
    """The top cell of a layout and the netlist found in it, both of ``klayout.db``, and what they live in."""

    top: Any
    netlist: Any
    owner: Any


def extract(path: str | os.PathLike[str], stack: Stack) -> Extracted:
    """Return the connectivity of a GDSII or OASIS file.

    Raises
    ------
    FileError
        When the file cannot be read.
    LayoutError
        When it has several top cells, none of them named ``chip``, or none at all.
    MissingExtraError
        Without klayout.
    """
    db = klayout_db()
    layout = db.Layout()
    try:
        if os.path.getsize(path) == 0:
            raise RuntimeError("it is empty")
        layout.read(os.fspath(path))
    except (OSError, RuntimeError, ValueError, TypeError) as error:
        raise FileError(f"cannot read the layout {str(path)!r}: {error}", expected="GDSII or OASIS") from error
    tops = layout.top_cells()
    top = next((cell for cell in tops if cell.name == TOP), tops[0] if len(tops) == 1 else None)
    if top is None:
        raise LayoutError(
            f"{str(path)!r} has {len(tops)} top cells",
            expected=f"one, or one of the name {TOP!r}",
            names=[cell.name for cell in tops[:10]],
        )
    found = db.LayoutToNetlist(db.RecursiveShapeIterator(layout, top, []))

    def shapes(layer: GdsLayer, name: str) -> Any:
        return found.make_polygon_layer(layout.layer(*layer), name)

    word, bit = shapes(stack.word.drawing, "word"), shapes(stack.bit.drawing, "bit")
    element, via = shapes(stack.element.drawing, "element"), shapes(stack.via.drawing, "via")
    word_text = found.make_text_layer(layout.layer(*stack.word.label), "word_text")
    bit_text = found.make_text_layer(layout.layer(*stack.bit.label), "bit_text")
    on_element, through = via & element, via - element
    found.register(on_element, "on_element")
    found.register(through, "through")
    extractor = _make_extractor(db)
    found.extract_devices(extractor, {"element": element, "word": word, "top": element})
    for layer in (word, bit, element, on_element, through):
        found.connect(layer)
    for a, b in (
        (word, word_text),
        (bit, bit_text),
        (on_element, element),
        (on_element, bit),
        (through, word),
        (through, bit),
    ):
        found.connect(a, b)
    found.include_floating_subcircuits = True  # tiles, which nothing joins at the top
    found.extract_netlist()
    return Extracted(top, found.netlist(), (layout, found))


def _make_extractor(db: Any) -> Any:
    class Cells(db.GenericDeviceExtractor):
        """Makes a device of each memory element."""

        def setup(self) -> None:
            self.name = "CELL"
            self.define_layer("element", "memory element")
            self.define_layer("word", "metal below")
            self.define_layer("top", "top of the element")
            kind = db.DeviceClass()
            kind.name = "CELL"
            kind.add_terminal(db.DeviceTerminalDefinition("w", "word line"))
            kind.add_terminal(db.DeviceTerminalDefinition("b", "bit line"))
            self.register_device_class(kind)

        def get_connectivity(self, layout: Any, layers: Any) -> Any:
            together = db.Connectivity()
            together.connect(layers[0], layers[0])
            return together

        def extract_devices(self, layer_geometry: Any) -> None:
            for polygon in layer_geometry[0].each():
                device = self.create_device()
                self.define_terminal(device, 0, 1, polygon)
                self.define_terminal(device, 1, 2, polygon)

    return Cells()
