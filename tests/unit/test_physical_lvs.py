"""Layout against netlist: what matches, and what each kind of damage is reported as."""

import random
from dataclasses import replace

import numpy as np
import pytest

from circuitnn.errors import FileError, LayoutError, NetlistError, UsageError
from circuitnn.mapping.physical.floorplan import make_floorplan
from circuitnn.mapping.physical.gds import make_library, write_layout
from circuitnn.mapping.physical.lvs import check_layout
from circuitnn.mapping.physical.macro import Site
from circuitnn.mapping.physical.netlist import netlist_text, write_netlist
from circuitnn.mapping.physical.stack import Stack

gdstk = pytest.importorskip("gdstk", reason="layouts are written by gdstk")
pytest.importorskip("klayout.db", reason="layouts are checked by klayout")

STACK = Stack()
TILES = [Site("layer1_tile1", 0, (4, 6)), Site("layer1_tile2", 0, (3, 6)), Site("layer2_tile1", 1, (4, 6))]
# Sums over the tiles: 24 + 18 + 24 cells, 10 + 9 + 10 lines.
WHOLE = ((66, 66), (29, 29), (29, 29), (3, 3))
PX, PY = STACK.pitch_x, STACK.pitch_y


def counts(report):
    return report.devices, report.nets, report.ports, report.tiles


def cells_of(library):
    return {cell.name: cell for cell in library.cells}


def checked(tmp_path, damage, tiles=TILES):
    """Return the report on a layout after ``damage(cells, library)``."""
    library = make_library(make_floorplan(tiles, STACK))
    damage(cells_of(library), library)
    library.write_gds(tmp_path / "broken.gds")
    return check_layout(tmp_path / "broken.gds", tiles, STACK)


def crossing(row, col, rows=4):
    """Return where a cell of an array lies."""
    return (col + 0.5) * PX, (rows - row - 0.5) * PY


def scattered(array, cell, other, at):
    """Replace an array's one array of instances by single ones, that at ``at`` by ``other`` (None: by nothing)."""
    instances = next(ref for ref in array.references if ref.cell is cell)
    array.remove(instances)
    for row in range(4):
        for col in range(6):
            chosen = other if (row, col) == at else cell
            if chosen is not None:
                array.add(gdstk.Reference(chosen, crossing(row, col)))


def without(cell, layer, name):
    """Return a copy of a cell without the shapes of a layer."""
    copy = cell.copy(name)
    copy.remove(*[p for p in copy.polygons if (p.layer, p.datatype) == layer])
    return copy


def wire_of(array, layer, k, *, word):
    """Return word or bit line ``k`` of an array."""
    wires = [p for p in array.polygons if (p.layer, p.datatype) == layer]
    along = 1 if word else 0
    wires.sort(key=lambda p: p.bounding_box()[0][along], reverse=word)
    return wires[k]


@pytest.mark.parametrize("ending", ["gds", "oas"])
def test_what_is_written_matches(tmp_path, ending):
    path = tmp_path / f"chip.{ending}"
    write_layout(make_floorplan(TILES, STACK), path)
    report = check_layout(path, TILES, STACK)
    assert report.ok, str(report)
    assert counts(report) == WHOLE
    write_netlist(TILES, tmp_path / "chip.cir")
    assert counts(check_layout(path, tmp_path / "chip.cir", STACK)) == WHOLE


def test_netlist_with_conductances_is_compared_too(tmp_path):
    """Its tiles have subcircuits of their own, which the layout's cells of their shape are compared with."""
    write_layout(make_floorplan(TILES, STACK), tmp_path / "chip.gds")
    write_netlist(TILES, tmp_path / "chip.cir", [np.full(site.shape, 1e-5) for site in TILES])
    assert counts(check_layout(tmp_path / "chip.gds", tmp_path / "chip.cir", STACK)) == WHOLE
    text = (tmp_path / "chip.cir").read_text()
    start = text.index(".subckt array_4x6__layer2_tile1")
    (tmp_path / "chip.cir").write_text(text[:start] + text[start:].replace("xc2_1 w2 b1", "xc2_1 w3 b1", 1))
    report = check_layout(tmp_path / "chip.gds", tmp_path / "chip.cir", STACK)
    assert [d.where for d in report.differences] == ["array_4x6"]
    assert report.devices == (65, 66)


def test_conductances_of_other_shapes():
    for values, message in (([np.ones((4, 6))], "1 tiles for 3"), ([np.ones((6, 4))] * 3, r"shape \(6, 4\)")):
        with pytest.raises(UsageError, match=message):
            netlist_text(TILES, values)


def test_another_stack_on_other_layers(tmp_path):
    """Of the layer map nothing is taken for granted, nor are cells square."""
    word = replace(STACK.word, drawing=(10, 0), pin=(10, 1), label=(10, 2), width=0.4)
    bit = replace(STACK.bit, drawing=(11, 0), pin=(11, 1), label=(11, 2))
    stack = replace(STACK, word=word, bit=bit, outline=(99, 7), pitch_x=0.6, pitch_y=1.1)
    write_layout(make_floorplan(TILES, stack), tmp_path / "chip.oas")
    assert counts(check_layout(tmp_path / "chip.oas", TILES, stack)) == WHOLE
    assert not check_layout(tmp_path / "chip.oas", TILES, STACK).ok


def test_cut_word_line(tmp_path):
    def damage(cells, library):
        array = cells["array_4x6"]
        wire = wire_of(array, STACK.word.drawing, 2, word=True)
        (left, low), (right, high) = wire.bounding_box()
        array.remove(wire)
        for a, b in ((left, 2.9 * PX), (3.1 * PX, right)):
            array.add(gdstk.rectangle((a, low), (b, high), layer=68, datatype=20))

    report = checked(tmp_path, damage)
    assert [str(d) for d in report.differences] == [
        "array_4x6: word line 2 does not reach its cells at bit lines 3 to 5"
    ]
    assert report.differences[0].kind == "open"
    # Both tiles of this shape lose three cells and a net.
    assert counts(report) == ((60, 66), (27, 29), (29, 29), (3, 3))


def test_missing_via(tmp_path):
    def damage(cells, library):
        bare = without(cells["cell"], STACK.via.drawing, "cell_bare")
        library.add(bare)
        scattered(cells["array_4x6"], cells["cell"], bare, (1, 4))

    report = checked(tmp_path, damage)
    assert [str(d) for d in report.differences] == ["array_4x6: bit line 4 does not reach its cell at word line 1"]
    assert counts(report) == ((64, 66), (27, 29), (29, 29), (3, 3))


def test_missing_vias_of_all_cells(tmp_path):
    def damage(cells, library):
        cell = cells["cell"]
        cell.remove(*[p for p in cell.polygons if (p.layer, p.datatype) == STACK.via.drawing])

    report = checked(tmp_path, damage)
    assert report.devices == (0, 66)
    assert "bit line 0 does not reach its cells at word lines 0 to 3" in str(report)


def test_missing_memory_element(tmp_path):
    """A via straight on the word line is no cell, and joins the two lines."""

    def damage(cells, library):
        bare = without(cells["cell"], STACK.element.drawing, "cell_shorted")
        library.add(bare)
        scattered(cells["array_4x6"], cells["cell"], bare, (3, 0))

    report = checked(tmp_path, damage)
    assert {str(d) for d in report.differences} == {
        "array_4x6: bit line 0 and word line 3 are joined",
        "array_4x6: the cell at word line 3, bit line 0 is missing",
    }


def test_missing_cell(tmp_path):
    report = checked(tmp_path, lambda cells, _: scattered(cells["array_4x6"], cells["cell"], None, (0, 5)))
    assert [(d.kind, d.text) for d in report.differences] == [
        ("missing", "the cell at word line 0, bit line 5 is missing")
    ]
    assert report.devices == (64, 66)


def test_cell_twice(tmp_path):
    """Two elements at a crossing conduct twice; beside the array one is none of the netlist's."""

    def damage(cells, library):
        cell = cells["cell"]
        x, y = crossing(2, 2)
        cells["array_4x6"].add(gdstk.Reference(cell, (x, y + 0.24)), gdstk.Reference(cell, (6.5 * PX, y)))

    report = checked(tmp_path, damage)
    texts = [d.text for d in report.differences]
    assert "the cell at word line 2, bit line 2 is there 2 times" in texts
    assert "the cell at word line 2, bit line 6, which the netlist does not have" in texts


def test_shorted_bit_lines(tmp_path):
    def damage(cells, library):
        x, y = crossing(1, 2)
        cells["array_4x6"].add(gdstk.rectangle((x, y - 0.05), (x + PX, y + 0.05), layer=69, datatype=20))

    report = checked(tmp_path, damage)
    assert "array_4x6: bit line 2 and bit line 3 are joined" in [str(d) for d in report.differences]
    assert report.nets == (25, 29)


def test_lines_shorted_beside_the_array(tmp_path):
    """Metal of the tile, not of its array, joins two word lines between array and driver."""

    def damage(cells, library):
        array = make_floorplan(TILES, STACK).placements[0].macro.blocks["array"]
        x, y = array.x + 0.05, array.y + (4 - 0.5) * PY
        cells["tile_4x6"].add(gdstk.rectangle((x, y - PY), (x + 0.1, y), layer=68, datatype=20))

    report = checked(tmp_path, damage)
    assert [str(d) for d in report.differences] == ["tile_4x6: word line 0 and word line 1 are joined"]
    assert report.nets == (25, 29)


def test_rewired_cell(tmp_path):
    """A cell whose via is led to the neighbouring bit line, over its own without touching it."""

    def damage(cells, library):
        array = cells["array_4x6"]
        x, y = crossing(1, 3)
        moved = cells["cell"].copy("cell_moved")
        moved.remove(*[p for p in moved.polygons if (p.layer, p.datatype) == STACK.bit.drawing])
        # The own bit line gets a gap around the via; a bridge beyond its end keeps it whole.
        library.add(moved)
        scattered(array, cells["cell"], moved, (1, 3))
        wire = wire_of(array, STACK.bit.drawing, 3, word=False)
        (left, low), (right, high) = wire.bounding_box()
        array.remove(wire)
        array.add(
            gdstk.rectangle((left, low), (right, y - 0.2), layer=69, datatype=20),
            gdstk.rectangle((left, y + 0.2), (right, high), layer=69, datatype=20),
            gdstk.rectangle((left - 0.08, low), (left, high), layer=69, datatype=20),
            gdstk.rectangle((x - 0.06, y - 0.1), (x + PX, y + 0.1), layer=69, datatype=20),
        )

    report = checked(tmp_path, damage)
    assert [str(d) for d in report.differences] == [
        "array_4x6: the cell at word line 1, bit line 3 is on bit line 4, not on bit line 3"
    ]
    assert counts(report) == ((64, 66), (29, 29), (29, 29), (3, 3))


def test_swapped_texts(tmp_path):
    """Two lines whose names are exchanged: every cell on them is on the wrong one."""

    def damage(cells, library):
        for label in cells["array_4x6"].labels:
            if label.text in ("b0", "b1"):
                label.text = {"b0": "b1", "b1": "b0"}[label.text]

    report = checked(tmp_path, damage)
    wired = [d for d in report.differences if d.kind == "wired"]
    assert len(wired) == 8
    assert wired[0].text.endswith(("is on bit line 1, not on bit line 0", "is on bit line 0, not on bit line 1"))
    assert any(d.where == "tile_4x6" for d in report.differences), "and meet the wrong sense circuits"


def test_driver_that_does_not_meet_its_array(tmp_path):
    def damage(cells, library):
        driver = cells["driver_4"]
        wire = wire_of(driver, STACK.word.drawing, 1, word=True)
        driver.remove(wire)

    report = checked(tmp_path, damage)
    assert [str(d) for d in report.differences] == ["tile_4x6: word line 1 does not reach the driver circuit"]
    assert counts(report) == ((66, 66), (27, 29), (27, 29), (3, 3))


def test_missing_driver(tmp_path):
    def damage(cells, library):
        tile = cells["tile_3x6"]
        tile.remove(*[ref for ref in tile.references if ref.cell.name == "driver_3"])

    report = checked(tmp_path, damage)
    assert [str(d) for d in report.differences] == ["tile_3x6: the block driver_3 is missing"]
    assert report.ports == (26, 29)


def test_short_across_the_chip(tmp_path):
    """Metal at the top joins word lines of two tiles."""

    def damage(cells, library):
        plan = make_floorplan(TILES, STACK)
        ends = []
        for place in plan.placements[:2]:
            array = place.macro.blocks["array"]
            ends.append((place.x + array.x + 0.1, place.y + array.y + array.height - 0.5 * PY))
        (x0, y0), (x1, y1) = ends
        path = gdstk.FlexPath([(x0, y0), (x0, y0 + 3.0), (x1, y0 + 3.0), (x1, y1)], 0.1, layer=68, datatype=20)
        cells["chip"].add(path)

    report = checked(tmp_path, damage)
    text = "word line 0 of tile 'layer1_tile1' and word line 0 of tile 'layer1_tile2' are joined"
    assert [str(d) for d in report.differences] == [f"chip: {text}"]


def test_tile_missing_wrong_or_unknown(tmp_path):
    def damage(cells, library):
        chip = cells["chip"]
        chip.remove(next(ref for ref in chip.references if ref.cell.name == "tile_3x6"))
        label = next(label for label in chip.labels if label.text == "layer2_tile1")
        label.text = "stranger"

    report = checked(tmp_path, damage)
    texts = [d.text for d in report.differences]
    assert texts == [
        "a tile 'stranger' of tile_4x6, which the netlist does not have",
        "tile 'layer1_tile2' of tile_3x6 is missing",
        "tile 'layer2_tile1' of tile_4x6 is missing",
    ]
    assert report.tiles == (1, 3)


def test_netlist_of_other_tiles(tmp_path):
    write_layout(make_floorplan(TILES, STACK), tmp_path / "chip.gds")
    other = [*TILES[:2], Site("layer2_tile1", 1, (3, 6))]
    report = check_layout(tmp_path / "chip.gds", other, STACK)
    assert [d.text for d in report.differences] == ["tile 'layer2_tile1' is tile_4x6, not tile_3x6"]


def test_flat_layout_is_read_too(tmp_path):
    """What another tool makes of the file, the array's cells all dissolved, is the same circuit."""
    library = make_library(make_floorplan(TILES, STACK))
    cells = cells_of(library)
    for name in ("array_4x6", "array_3x6"):
        cells[name].flatten()
    library.write_gds(tmp_path / "flat.gds")
    assert counts(check_layout(tmp_path / "flat.gds", TILES, STACK)) == WHOLE


def test_files_that_are_no_layouts(tmp_path):
    (tmp_path / "a.gds").write_bytes(b"")
    (tmp_path / "b.gds").write_bytes(b"no layout at all" * 40)
    for name in ("a.gds", "b.gds", "absent.gds"):
        with pytest.raises(FileError, match="cannot read the layout"):
            check_layout(tmp_path / name, TILES, STACK)
    whole = tmp_path / "whole.gds"
    write_layout(make_floorplan(TILES, STACK), whole)
    (tmp_path / "cut.gds").write_bytes(whole.read_bytes()[:3000])
    with pytest.raises(FileError, match="cannot read the layout"):
        check_layout(tmp_path / "cut.gds", TILES, STACK)
    two = gdstk.Library("two")
    two.add(gdstk.Cell("a"), gdstk.Cell("b"))
    two.write_gds(tmp_path / "two.gds")
    with pytest.raises(LayoutError, match="2 top cells"):
        check_layout(tmp_path / "two.gds", TILES, STACK)


def test_netlists_that_are_none(tmp_path):
    write_layout(make_floorplan(TILES, STACK), tmp_path / "chip.gds")
    with pytest.raises(FileError, match="cannot read the netlist"):
        check_layout(tmp_path / "chip.gds", tmp_path / "absent.cir", STACK)
    text = netlist_text(TILES)
    for wrong, message in (
        (text.replace("xc0_0 w0 b0 cell", "xc0_0 w0 cell"), "has 2 ports, not 1"),
        (text.replace("xc0_1 w0 b1 cell", "xc0_0 w0 b1 cell"), "comes twice"),
        (text.replace("xc0_1 w0 b1 cell", "xc0_1 w0 b1 sell"), "'sell' is unknown"),
        (text.replace(".end\n", ".ends\n"), ".ends without .subckt"),
    ):
        (tmp_path / "wrong.cir").write_text(wrong)
        with pytest.raises(NetlistError, match=message):
            check_layout(tmp_path / "chip.gds", tmp_path / "wrong.cir", STACK)


def test_netlist_with_a_swapped_cell(tmp_path):
    """The netlist's side is read from its text: a change in it is a difference as well."""
    write_layout(make_floorplan(TILES, STACK), tmp_path / "chip.gds")
    text = netlist_text(TILES).replace("xc2_1 w2 b1 cell", "xc2_1 w3 b1 cell", 1)
    (tmp_path / "chip.cir").write_text(text)
    report = check_layout(tmp_path / "chip.gds", tmp_path / "chip.cir", STACK)
    assert [d.text for d in report.differences] == [
        "the cell at word line 2, bit line 1 is on word line 2, not on word line 3"
    ]


def drawn_shapes():
    """Yield every shape that conducts, of every cell, as (cell, index); outlines and pin markers are none."""
    conducting = {metal.drawing for metal in (STACK.word, STACK.bit, STACK.element, STACK.via)}
    for name, cell in cells_of(make_library(make_floorplan([Site("a", 0, (2, 3))], STACK))).items():
        for k, p in enumerate(cell.polygons):
            # A cell's pieces of lines only widen what the array's wires are already; they are missed by design rules.
            widens = name == "cell" and (p.layer, p.datatype) in (STACK.word.drawing, STACK.bit.drawing)
            if (p.layer, p.datatype) in conducting and not widens:
                yield name, k


@pytest.mark.parametrize(("name", "k"), list(drawn_shapes()))
def test_no_shape_can_be_left_out(tmp_path, name, k):
    """A tile without any one of its shapes is reported, and so are all its nets and devices that this concerns."""
    report = checked(
        tmp_path, lambda cells, _: cells[name].remove(cells[name].polygons[k]), tiles=[Site("a", 0, (2, 3))]
    )
    assert not report.ok
    assert report.nets[0] < report.nets[1]


@pytest.mark.parametrize("name", ["array_2x3", "driver_2", "sense_3"])
def test_no_instance_can_be_left_out(tmp_path, name):
    def damage(cells, library):
        tile = cells["tile_2x3"]
        tile.remove(next(ref for ref in tile.references if ref.cell.name == name))

    report = checked(tmp_path, damage, tiles=[Site("a", 0, (2, 3))])
    assert not report.ok
    assert f"the block {name} is missing" in str(report)
    # 2 x 3 cells, 2 word and 3 bit lines
    lines = {"array_2x3": 5, "driver_2": 2, "sense_3": 3}[name]
    assert report.nets == (5 - lines, 5)
    assert report.devices == ((0 if name == "array_2x3" else 6), 6)


@pytest.mark.parametrize("ending", ["gds", "oas"])
def test_damaged_files_give_a_report_or_say_that_they_are_damaged(tmp_path, ending):
    path = tmp_path / f"chip.{ending}"
    tiles = [Site("a", 0, (2, 2))]
    write_layout(make_floorplan(tiles, STACK), path)
    data, chance = path.read_bytes(), random.Random(1)
    refused = 0
    for k in range(30):
        broken = bytearray(data)
        for _ in range(chance.choice((1, 3, 10))):
            broken[chance.randrange(len(broken))] = chance.randrange(256)
        path.write_bytes(broken if k % 5 else broken[: chance.randrange(len(broken))])
        try:
            check_layout(path, tiles, STACK)
        except (FileError, LayoutError):
            refused += 1
    assert 10 < refused < 30, "some are refused, and some changes are of no matter"
