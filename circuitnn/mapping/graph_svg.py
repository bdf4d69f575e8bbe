"""A network as a picture (SVG): its nodes in layers from the input down, with their shapes, and what each reads."""

from __future__ import annotations

from itertools import pairwise
from xml.sax.saxutils import escape

import networkx as nx

_BOX, _GAP, _ROW = (150.0, 34.0), 18.0, 62.0  # pixels: a node, between neighbours, from layer to layer
_SWEEPS = 4
_MATRIX, _PLAIN, _INPUT = "#cfe0f5", "#eeeeee", "#d8efd8"
_LETTERS = 24  # of a name that fit a node


def graph_svg(drawing: nx.DiGraph) -> str:
    """Return the picture of a directed graph whose nodes are like those of ``Graph.drawing``.

    Layers are longest paths from the input. Long edges pass each layer in between, and nodes stand in the order of the
    mean of their neighbours' places, swept down and up (Sugiyama, Tagawa and Toda, IEEE Trans. SMC 11, 109 (1981)).

    Parameters
    ----------
    drawing : networkx.DiGraph
        Without cycles.

    Examples
    --------
    >>> graph = nx.DiGraph([("input", "fc")])
    >>> nx.set_node_attributes(graph, {n: {"kind": n, "does": n, "shape": (2,), "matrices": 0} for n in graph})
    >>> graph_svg(graph).count("<rect")
    3
    """
    rank: dict[str, int] = {}
    for name in nx.topological_sort(drawing):
        rank[name] = max((rank[p] + 1 for p in drawing.predecessors(name)), default=0)
    rows, paths = _rows(drawing, rank)
    place = _places(rows, paths)
    left = min(place.values())
    width = max(place.values()) - left + _BOX[0] + 2 * _GAP
    height = len(rows) * _ROW + _GAP
    where = {key: (place[key] - left + _GAP + _BOX[0] / 2, rank_ * _ROW + _GAP) for rank_, row in enumerate(rows)
             for key in row}  # fmt: skip
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {width:.0f} {height:.0f}' width='{width:.0f}' "
        f"height='{height:.0f}' font-family='Helvetica, Arial, sans-serif' font-size='11' text-anchor='middle'>",
        f"<rect width='{width:.0f}' height='{height:.0f}' fill='white'/>",
    ]
    for path in paths:
        points = []
        for k, key in enumerate(path):
            x, y = where[key]
            points += [(x, y + _BOX[1])] if k == 0 else [(x, y)] if k == len(path) - 1 else [(x, y), (x, y + _BOX[1])]
        line = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        parts.append(f"<polyline points='{line}' fill='none' stroke='#888'/>")
    for name, data in drawing.nodes(data=True):
        x, y = where[name]
        fill = _INPUT if data["kind"] == "Input" else _MATRIX if data["matrices"] else _PLAIN
        shown = name if len(name) <= _LETTERS else "..." + name[3 - _LETTERS :]
        size = " x ".join(map(str, data["shape"])) or "1"
        what = f"{data['does']}, {size}"
        parts += [
            f"<g><title>{escape(f'{name}: {what}')}</title>"
            f"<rect x='{x - _BOX[0] / 2:.1f}' y='{y:.1f}' width='{_BOX[0]}' height='{_BOX[1]}' rx='5' fill='{fill}' "
            "stroke='#555'/>",
            f"<text x='{x:.1f}' y='{y + 14:.1f}' font-weight='bold'>{escape(shown)}</text>",
            f"<text x='{x:.1f}' y='{y + 28:.1f}' fill='#444'>{escape(what)}</text></g>",
        ]
    return "\n".join([*parts, "</svg>"]) + "\n"


def _rows(drawing: nx.DiGraph, rank: dict[str, int]) -> tuple[list[list[object]], list[list[object]]]:
    """Return what stands in each layer, places of passing edges included, and the path of every edge."""
    rows: list[list[object]] = [[] for _ in range(max(rank.values()) + 1)]
    for name in drawing:
        rows[rank[name]].append(name)
    paths: list[list[object]] = []
    for a, b in drawing.edges:
        between: list[object] = [(a, b, layer) for layer in range(rank[a] + 1, rank[b])]
        for layer, key in enumerate(between, rank[a] + 1):
            rows[layer].append(key)
        paths.append([a, *between, b])
    return rows, paths


def _places(rows: list[list[object]], paths: list[list[object]]) -> dict[object, float]:
    """Return the horizontal place of everything, in rows put in order."""
    up: dict[object, list[object]] = {key: [] for row in rows for key in row}
    down: dict[object, list[object]] = {key: [] for row in rows for key in row}
    for path in paths:
        for a, b in pairwise(path):
            down[a].append(b)
            up[b].append(a)
    step = _BOX[0] + _GAP
    place: dict[object, float] = {}
    for row in rows:
        place.update({key: (k - (len(row) - 1) / 2) * step for k, key in enumerate(row)})
    for sweep in range(_SWEEPS):
        neighbours = down if sweep % 2 else up
        for row in reversed(rows) if sweep % 2 else rows:
            wanted = {
                key: sum(place[n] for n in neighbours[key]) / len(neighbours[key]) if neighbours[key] else place[key]
                for key in row
            }
            row.sort(key=wanted.__getitem__)
            place.update(_apart([wanted[key] for key in row], row, step))
    return place


def _apart(wanted: list[float], row: list[object], step: float) -> dict[object, float]:
    """Return places at least a step apart, as near to the wanted ones as runs of touching neighbours allow."""
    runs: list[tuple[float, int]] = []  # the mean of where the first of a run would stand, and the run's length
    for k, place in enumerate(wanted):
        first, length = place - k * step, 1
        while runs and runs[-1][0] > first:
            other, more = runs.pop()
            first, length = (first * length + other * more) / (length + more), length + more
        runs.append((first, length))
    starts = [first for first, length in runs for _ in range(length)]
    return {key: start + k * step for k, (key, start) in enumerate(zip(row, starts, strict=True))}
