"""Pictures of networks, read back as XML."""

import xml.etree.ElementTree as ET

import numpy as np
import pytest

from circuitnn.errors import FileError
from circuitnn.mapping.graph import Graph
from circuitnn.mapping.operators.combining import Combine, Concat
from circuitnn.mapping.operators.dense import Dense
from circuitnn.mapping.operators.functions import Function

SVG = "{http://www.w3.org/2000/svg}"


def test_boxes_and_edges(tmp_path):
    """Four branches side by side and an edge past them: no box covers another, every edge ends at its boxes."""
    nodes = [Dense(np.eye(2), name="first <&>"), *(Function(name=f"f{k}", inputs=("first <&>",)) for k in range(4))]
    nodes += [Concat(name="join", inputs=("f0", "f1", "f2", "f3")), Dense(np.ones((8, 2)), name="d"),
              Combine(name="sum", inputs=("d", "input"))]  # fmt: skip
    graph = Graph(nodes)
    graph.to_svg(tmp_path / "net.svg")
    root = ET.parse(tmp_path / "net.svg").getroot()
    width = float(root.get("width"))
    boxes, fills = {}, {}
    for group in root.iter(f"{SVG}g"):
        rect = group.find(f"{SVG}rect")
        name = group.find(f"{SVG}title").text.split(":")[0]
        boxes[name] = tuple(float(rect.get(key)) for key in ("x", "y", "width", "height"))
        fills[name] = rect.get("fill")
    assert set(boxes) == {"input", *(node.name for node in nodes)}
    assert fills["d"] == fills["first <&>"] != fills["sum"]
    places = list(boxes.values())
    for k, (x, y, w, h) in enumerate(places):
        assert x >= 0 and x + w <= width
        for other in places[:k]:
            assert abs(x - other[0]) >= w or abs(y - other[1]) >= h
    tops = {(x + w / 2, y): name for name, (x, y, w, _) in boxes.items()}
    bottoms = {(x + w / 2, y + h): name for name, (x, y, w, h) in boxes.items()}
    edges = set()
    for line in root.iter(f"{SVG}polyline"):
        points = [tuple(map(float, p.split(","))) for p in line.get("points").split()]
        near = [min(ends, key=lambda e, p=p: abs(e[0] - p[0]) + abs(e[1] - p[1])) for ends, p in
                ((bottoms, points[0]), (tops, points[-1]))]  # fmt: skip
        np.testing.assert_allclose(near, [points[0], points[-1]], atol=0.11)  # written to a tenth of a pixel
        edges.add((bottoms[near[0]], tops[near[1]]))
        heights = [y for _, y in points]
        assert heights == sorted(heights)  # down, always
    assert edges == set(graph.drawing().edges)
    with pytest.raises(FileError):
        graph.to_svg(tmp_path / "absent" / "net.svg")
