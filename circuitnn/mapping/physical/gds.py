"""Layouts as GDSII or OASIS files.

The hierarchy is ``chip``, which holds instances of ``tile_RxC``, one for each shape of tile; this holds one instance
each of ``array_RxC``, ``driver_R``, ``sense_C``, ``adc_C`` and ``digital_C``; an array holds its wires and one array of
instances of ``cell``. A cell is the memory element on a word line, with the via to the bit line, and a piece of either
line. Periphery is drawn as outlines with pins. Texts name nets: ``w0`` and on, ``b0`` and on, in arrays and at pins;
texts on the outline layer name blocks and, in ``chip``, the instances of tiles at their lower left corners.

Conductances are not geometry: all cells are alike, so that a file's size does not depend on the number of cells. They
stand in the layout's HDF5 file and in the netlists, under the names of tiles that the file uses too.
"""

from __future__ import annotations

import datetime
import os
from pathlib import Path
from typing import Any

from circuitnn.errors import UsageError, missing_extra
from circuitnn.mapping.physical.floorplan import Floorplan
from circuitnn.mapping.physical.macro import Macro, Rectangle, size_name
from circuitnn.mapping.physical.stack import GdsLayer, Metal, Stack
from circuitnn.results.atomic import replacing

TOP = "chip"
CELL = "cell"
#: Endings of file names, and what they make of it.
FORMATS = {".gds": "GDSII", ".gds2": "GDSII", ".oas": "OASIS"}
# The same layout must give the same file.
_DATE = datetime.datetime(2000, 1, 1)


def format_of(path: str | os.PathLike[str]) -> str:
    """Return ``GDSII`` or ``OASIS`` for the name of a file; raise UsageError for another ending.

    Examples
    --------
    >>> format_of("chip.oas")
    'OASIS'
    """
    ending = Path(path).suffix.lower()
    if ending not in FORMATS:
        raise UsageError(
            f"cannot write a layout to {str(path)!r}", expected=f"a name that ends in {', '.join(FORMATS)}"
        )
    return FORMATS[ending]


def make_library(plan: Floorplan) -> Any:
    """Return a floorplan as a ``gdstk.Library``, units of 1 um, grid of 1 nm.

    Raises
    ------
    MissingExtraError
        Without gdstk.
    """
    gdstk = _gdstk()
    stack = plan.stack
    library = gdstk.Library("circuitnn", unit=1e-6, precision=1e-9)
    cell = _cell(gdstk, stack)
    top = gdstk.Cell(TOP)
    library.add(cell, top)
    drawn: dict[tuple[int, int], Any] = {}
    blocks: dict[str, Any] = {}
    for place in plan.placements:
        shape = place.site.shape
        if shape not in drawn:
            drawn[shape] = _tile(gdstk, place.macro, stack, cell, blocks)
            library.add(drawn[shape])
        top.add(
            gdstk.Reference(drawn[shape], (place.x, place.y)), _text(gdstk, place.site.name, place.x, place.y, stack)
        )
    library.add(*blocks.values())
    top.add(gdstk.rectangle((0, 0), (plan.width, plan.height), **_on(stack.outline)))
    return library


def write_layout(plan: Floorplan, path: str | os.PathLike[str]) -> None:
    """Write a floorplan as GDSII (``.gds``) or OASIS (``.oas``), whole or not at all.

    Raises
    ------
    UsageError
        For another ending.
    FileError
        When the file cannot be written.
    MissingExtraError
        Without gdstk.
    """
    kind = format_of(path)
    library = make_library(plan)
    with replacing(path) as temporary:
        if kind == "OASIS":
            library.write_oas(str(temporary), compression_level=6)
        else:
            library.write_gds(str(temporary), timestamp=_DATE)


def _gdstk() -> Any:
    try:
        import gdstk
    except ImportError:
        raise missing_extra("gdstk", "layout", "writing GDSII and OASIS files") from None
    return gdstk


def _on(layer: GdsLayer) -> dict[str, int]:
    return {"layer": layer[0], "datatype": layer[1]}


def _text(gdstk: Any, text: str, x: float, y: float, stack: Stack) -> Any:
    return gdstk.Label(text, (x, y), layer=stack.outline[0], texttype=stack.outline[1])


def _box(gdstk: Any, x: float, y: float, width: float, height: float, layer: GdsLayer) -> Any:
    return gdstk.rectangle((x, y), (x + width, y + height), **_on(layer))


def _square(gdstk: Any, size: float, layer: GdsLayer) -> Any:
    return _box(gdstk, -0.5 * size, -0.5 * size, size, size, layer)


def _cell(gdstk: Any, stack: Stack) -> Any:
    """Draw a cell around its crossing, which is its origin."""
    cell = gdstk.Cell(CELL)
    cell.add(
        _square(gdstk, stack.word.width, stack.word.drawing),
        _square(gdstk, stack.element.size, stack.element.drawing),
        _square(gdstk, stack.via.size, stack.via.drawing),
        _square(gdstk, stack.bit.width, stack.bit.drawing),
    )
    return cell


def _tile(gdstk: Any, macro: Macro, stack: Stack, cell: Any, blocks: dict[str, Any]) -> Any:
    rows, cols = macro.shape
    tile = gdstk.Cell(macro.name)
    names = {
        "array": f"array_{size_name(macro.shape)}",
        "driver": f"driver_{rows}",
        "sense": f"sense_{cols}",
        "adc": f"adc_{cols}",
        "digital": f"digital_{cols}",
    }
    for kind, name in names.items():
        place = macro.blocks[kind]
        if name not in blocks:
            block = blocks[name] = gdstk.Cell(name)
            block.add(_box(gdstk, 0.0, 0.0, place.width, place.height, stack.outline))
            block.add(_text(gdstk, name, 0.5 * place.width, 0.5 * place.height, stack))
            if kind == "array":
                _draw_array(gdstk, block, macro.shape, stack, cell)
            elif kind == "driver":
                _draw_pins(gdstk, block, place, macro.shape[0], stack, word=True)
            elif kind == "sense":
                _draw_pins(gdstk, block, place, macro.shape[1], stack, word=False)
        tile.add(gdstk.Reference(blocks[name], (place.x, place.y)))
    return tile


def _draw_array(gdstk: Any, block: Any, shape: tuple[int, int], stack: Stack, cell: Any) -> None:
    rows, cols = shape
    px, py = stack.pitch_x, stack.pitch_y
    for r in range(rows):
        y = (rows - r - 0.5) * py
        block.add(_box(gdstk, 0.0, y - 0.5 * stack.word.width, cols * px, stack.word.width, stack.word.drawing))
        block.add(_net(gdstk, f"w{r}", 0.5 * px, y, stack.word))
    for c in range(cols):
        x = (c + 0.5) * px
        block.add(_box(gdstk, x - 0.5 * stack.bit.width, 0.0, stack.bit.width, rows * py, stack.bit.drawing))
        block.add(_net(gdstk, f"b{c}", x, 0.5 * py, stack.bit))
    block.add(gdstk.Reference(cell, (0.5 * px, 0.5 * py), columns=cols, rows=rows, spacing=(px, py)))


def _draw_pins(gdstk: Any, block: Any, place: Rectangle, count: int, stack: Stack, *, word: bool) -> None:
    """Draw the pins of a driver, at its right side, or of sense circuits, at their upper side."""
    metal = stack.word if word else stack.bit
    for k in range(count):
        if word:
            length = min(stack.pitch_x, place.width)
            y = (count - k - 0.5) * stack.pitch_y
            corner, size = (place.width - length, y - 0.5 * metal.width), (length, metal.width)
        else:
            length = min(stack.pitch_y, place.height)
            x = (k + 0.5) * stack.pitch_x
            corner, size = (x - 0.5 * metal.width, place.height - length), (metal.width, length)
        block.add(_box(gdstk, *corner, *size, metal.drawing), _box(gdstk, *corner, *size, metal.pin))
        name = f"{'w' if word else 'b'}{k}"
        block.add(_net(gdstk, name, corner[0] + 0.5 * size[0], corner[1] + 0.5 * size[1], metal))


def _net(gdstk: Any, name: str, x: float, y: float, metal: Metal) -> Any:
    return gdstk.Label(name, (x, y), layer=metal.label[0], texttype=metal.label[1])
