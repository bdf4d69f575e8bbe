"""Places of tiles, files and pictures of them."""

import re
import sys
import xml.etree.ElementTree as ET
from dataclasses import replace
from itertools import combinations

import numpy as np
import pytest

import circuitnn as cn
from circuitnn.errors import MissingExtraError, UsageError
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.operators.dense import Dense
from circuitnn.mapping.physical.floorplan import make_floorplan
from circuitnn.mapping.physical.gds import format_of, make_library, write_layout
from circuitnn.mapping.physical.lvs import check_layout
from circuitnn.mapping.physical.macro import MOST_LINES, Site, make_macro
from circuitnn.mapping.physical.netlist import netlist_text
from circuitnn.mapping.physical.sites import stages
from circuitnn.mapping.physical.stack import Stack
from circuitnn.mapping.physical.svg import svg_text

STACK = Stack()
MLP = [
    *(Site(f"layer1_tile{k + 1}", 0, (128 if k < 12 else 16, 128)) for k in range(14)),
    Site("layer2_tile1", 1, (128, 20)),
]


def overlap(a, b):
    """Return whether two rectangles (x, y, width, height) share area; touching is none."""
    return all(a[k] + a[k + 2] > b[k] + 1e-6 and b[k] + b[k + 2] > a[k] + 1e-6 for k in (0, 1))


@pytest.mark.parametrize("shape", [(1, 2), (16, 8), (128, 128), (128, 20), (7, 1000), (1000, 7)])
def test_blocks_have_their_areas_and_do_not_overlap(shape):
    macro = make_macro(shape, STACK)
    boxes = {k: (b.x, b.y, b.width, b.height) for k, b in macro.blocks.items()}
    assert not any(overlap(a, b) for a, b in combinations(boxes.values(), 2))
    for x, y, w, h in boxes.values():
        assert x >= 0.0 and y >= 0.0 and x + w <= macro.width + 1e-6 and y + h <= macro.height + 1e-6
    area = STACK.periphery
    converters = -(-shape[1] // area.bit_lines_per_adc)
    least = {
        "array": shape[0] * shape[1] * STACK.pitch_x * STACK.pitch_y,
        "driver": shape[0] * area.driver,
        "sense": shape[1] * area.sense,
        "adc": converters * area.adc,
        "digital": converters * area.digital,
    }
    for kind, box in boxes.items():
        # Rounded up to the grid of 5 nm in one direction.
        assert least[kind] <= box[2] * box[3] + 1e-6 <= least[kind] + 0.005 * max(box[2:]) + 2e-6


@pytest.mark.parametrize("count", [1, 2, 5, 15, 60])
def test_tiles_do_not_overlap_and_keep_their_spacing(count):
    sites = [Site(f"t{k}", k // 3, (16 * (1 + k % 3), 32 * (1 + k % 2))) for k in range(count)]
    plan = make_floorplan(sites, STACK)
    half = 0.5 * STACK.spacing
    boxes = [(p.x - half, p.y - half, p.macro.width + 2 * half, p.macro.height + 2 * half) for p in plan.placements]
    assert not any(overlap(a, b) for a, b in combinations(boxes, 2))
    assert all(x >= -1e-6 and y >= -1e-6 for x, y, _, _ in boxes)
    assert all(x + w <= plan.width + 1e-6 and y + h <= plan.height + 1e-6 for x, y, w, h in boxes)
    assert [p.site for p in plan.placements] == sites
    assert sum(plan.block_areas().values()) == pytest.approx(plan.area, rel=1e-12)


def test_wire_length_by_hand():
    """Every pair of tiles of consecutive stages, added up one by one."""
    plan = make_floorplan(MLP, STACK)
    total = 0.0
    for a in plan.placements:
        for b in plan.placements:
            if b.site.stage == a.site.stage + 1:
                driver = b.macro.blocks["driver"]
                out = a.x + 0.5 * a.macro.width, a.y
                total += abs(out[0] - b.x) + abs(out[1] - b.y - driver.y - 0.5 * driver.height)
    assert plan.wire_length == pytest.approx(total, rel=1e-9)


def test_placement_shortens_wires():
    """A chain of sixteen tiles stands on a compact outline, and its order saves a third of the wires of another."""
    chain = [Site(f"t{k}", k, (64, 64)) for k in range(16)]
    plan = make_floorplan(chain, STACK)
    assert max(plan.width, plan.height) <= 2.0 * min(plan.width, plan.height)
    shuffled = [chain[(7 * k) % 16] for k in range(16)]
    assert plan.wire_length < 0.67 * make_floorplan(shuffled, STACK).wire_length


def test_area_of_the_documented_network():
    plan = make_floorplan(MLP, STACK)
    assert plan.block_areas()["array"] == pytest.approx(0.25 * 128 * (784 * 2 * 64 * 2 / 128 + 20), rel=1e-9)


def test_thousand_tiles():
    plan = make_floorplan([Site(f"t{k}", k // 100, (128, 128)) for k in range(1000)], STACK)
    assert plan.block_areas()["between"] < 0.35 * plan.area
    assert len(svg_text(plan)) < 200_000


@pytest.mark.parametrize(
    ("sites", "message"),
    [
        ([], "no tile"),
        ([Site("1st", 0, (2, 2))], "cannot be the name"),
        ([Site("a b", 0, (2, 2))], "cannot be the name"),
        ([Site("a", 0, (2, 2)), Site("A", 0, (2, 2))], "SPICE ignores case"),
        ([Site("a", 0, (0, 2))], "has shape"),
        ([Site("a", 0, (2, MOST_LINES + 1))], "has shape"),
    ],
)
def test_what_cannot_be_laid_out(sites, message):
    for make in (make_floorplan, netlist_text):
        with pytest.raises(UsageError, match=message):
            make(sites)


def test_picture_is_whole():
    plan = make_floorplan(MLP, STACK)
    root = ET.fromstring(svg_text(plan, "a < b & c"))
    space = "{http://www.w3.org/2000/svg}"
    texts = [t.text for t in root.iter(f"{space}text")]
    for wanted in (
        "a < b & c",
        *(site.name for site in MLP),
        "100 um",
        f"{plan.width:.1f} um",
        f"{plan.height:.1f} um",
    ):
        assert wanted in texts
    assert "array, 10.7 %" in texts
    assert {f"word line {STACK.word.drawing}", f"bit line {STACK.bit.drawing}"} <= set(texts)
    uses = list(root.iter(f"{space}use"))
    assert len(uses) == len(MLP)
    # In the picture a tile is where the plan says: the first one in the upper left corner.
    scale = float(re.search(r"height='([\d.]+)' fill='#f7f7f7'", svg_text(plan))[1]) / plan.height
    assert float(uses[0].get("x")) == pytest.approx(70.0 + STACK.spacing * scale, abs=0.01)
    assert float(uses[0].get("y")) == pytest.approx(64.0 + STACK.spacing * scale, abs=0.02)


def test_tiles_of_a_layout(tmp_path):
    """They are named as the files of netlists, and a matrix is a stage; its size is that of the conductances."""
    rng = np.random.default_rng(1)
    network = [(rng.normal(size=(10, 6)), None, "relu"), (rng.normal(size=(6, 3)), None, "softmax")]
    layout = cn.compile(network, tile=(6, 8))
    sites = layout.sites()
    assert [site.name for site in sites] == [path.stem for path in layout.to_netlist(tmp_path)]
    assert [site.shape for site in sites] == [t.G.shape for m in layout.matrices for t in m.tiles]
    assert [site.stage for site in sites] == [0] * 4 + [1]
    assert [sites[0].shape, sites[3].shape] == [(6, 8), (4, 4)]
    assert layout.floorplan().placements == make_floorplan(sites).placements
    layout.to_svg(tmp_path / "a.svg", replace(STACK, pitch_x=3.0))
    assert "6 um</text>" in (tmp_path / "a.svg").read_text(encoding="utf-8")


def test_stages_of_branches():
    """The longest way from the input counts; tiles of a stage stand together, whatever the order of nodes."""
    one = np.ones((2, 2))
    graph = Graph(
        [
            Dense(one, name="a"),
            Dense(one, name="b"),
            Dense(one, name="beside", inputs=("input",)),
            Dense(np.ones((2, 3)), name="last", inputs=("b",)),
        ]
    )
    assert stages(graph) == {"a": 0, "b": 1, "beside": 0, "last": 2}
    layout = cn.compile(graph, tile=(2, 6))
    assert [site.name for site in layout.sites()] == [f"matrix{k}_tile1" for k in (1, 2, 3, 4)]
    placed = [place.site for place in layout.floorplan().placements]
    assert [site.name for site in placed] == [f"matrix{k}_tile1" for k in (1, 3, 2, 4)]
    assert [site.stage for site in placed] == [0, 0, 1, 2]


def test_without_the_libraries(tmp_path, monkeypatch):
    """Floorplans, pictures and netlists need none; the rest says which extra brings them."""
    monkeypatch.setitem(sys.modules, "gdstk", None)
    monkeypatch.setitem(sys.modules, "klayout.db", None)
    plan = make_floorplan(MLP, STACK)
    assert svg_text(plan) and netlist_text(MLP[:1])
    with pytest.raises(MissingExtraError, match="GDSII and OASIS files needs the library 'gdstk'") as caught:
        write_layout(plan, tmp_path / "a.gds")
    assert "circuitnn[layout]" in caught.value.hint
    assert not list(tmp_path.iterdir())
    (tmp_path / "a.gds").write_bytes(b"x")
    with pytest.raises(MissingExtraError, match="checking layouts needs the library 'klayout'"):
        check_layout(tmp_path / "a.gds", MLP, STACK)


def test_endings():
    assert [format_of(name) for name in ("a.gds", "A.OAS", "b.gds2")] == ["GDSII", "OASIS", "GDSII"]
    with pytest.raises(UsageError, match=r"cannot write a layout to 'a\.png'"):
        format_of("a.png")


def test_drawn_shapes(tmp_path):
    gdstk = pytest.importorskip("gdstk", reason="layouts are written by gdstk")
    sites = [Site("layer1_tile1", 0, (4, 6))]
    write_layout(make_floorplan(sites, STACK), tmp_path / "a.gds")
    write_layout(make_floorplan(sites, STACK), tmp_path / "b.gds")
    assert (tmp_path / "a.gds").read_bytes() == (tmp_path / "b.gds").read_bytes()
    library = gdstk.read_gds(tmp_path / "a.gds")
    assert (library.unit, library.precision) == (1e-6, 1e-9)
    cells = {cell.name: cell for cell in library.cells}
    names = {"chip", "tile_4x6", "array_4x6", "driver_4", "sense_6", "adc_6", "digital_6", "cell"}
    assert set(cells) == names
    word, bit = (
        [p for p in cells["array_4x6"].polygons if (p.layer, p.datatype) == layer]
        for layer in (STACK.word.drawing, STACK.bit.drawing)
    )
    assert [round(p.area(), 9) for p in word] == [6 * 0.5 * 0.26] * 4
    assert [round(p.area(), 9) for p in bit] == [4 * 0.5 * 0.26] * 6
    instances = cells["array_4x6"].references
    assert len(instances) == 1 and instances[0].repetition.size == 24
    assert sorted(label.text for label in cells["sense_6"].labels) == [*(f"b{k}" for k in range(6)), "sense_6"]
    # Word line 0 is uppermost, bit line 0 leftmost.
    at = {label.text: label.origin for label in cells["array_4x6"].labels}
    assert at["w0"][1] > at["w3"][1] and at["b0"][0] < at["b5"][0]
    assert all(
        abs(v * 1e3 - round(v * 1e3)) < 1e-6 for p in cells["chip"].get_polygons() for xy in p.points for v in xy
    )


def test_size_does_not_grow_with_cells():
    """A megabit array is drawn by its lines and one instance."""
    pytest.importorskip("gdstk", reason="layouts are written by gdstk")
    library = make_library(make_floorplan([Site("big", 0, (1024, 1024))], STACK))
    array = next(cell for cell in library.cells if cell.name == "array_1024x1024")
    assert len(array.references) == 1
    assert len(array.polygons) == 2049


def test_spacing_of_stack_is_used():
    wide = make_floorplan(MLP[:2], replace(STACK, spacing=50.0))
    assert wide.width == pytest.approx(2 * wide.placements[0].macro.width + 150.0, abs=1e-6)
