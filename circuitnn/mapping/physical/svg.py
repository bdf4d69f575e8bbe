"""A floorplan as a picture (SVG): blocks in colours, names, dimensions, a scale bar, a legend, and a cell enlarged.

Every block carries a title, which browsers show under the pointer: its name, kind and size.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator
from xml.sax.saxutils import escape

from circuitnn.mapping.physical.floorplan import Floorplan, Placement
from circuitnn.mapping.physical.macro import Macro
from circuitnn.mapping.physical.stack import Stack
from circuitnn.results.atomic import replacing

#: Fill of each kind of block, and what it is.
BLOCKS = {
    "array": ("#4477aa", "array"),
    "driver": ("#ee8866", "DAC and driver"),
    "sense": ("#44bb99", "sense circuits"),
    "adc": ("#eedd88", "ADC"),
    "digital": ("#bbbbbb", "digital"),
}
_LAYERS = {"word": "#3366cc", "element": "#cc3311", "via": "#222222", "bit": "#aa3377"}
_PLAN_WIDTH, _PLAN_HEIGHT = 620.0, 560.0  # pixels that the plan fills at most
_LEFT, _TOP, _SIDE = 70.0, 64.0, 270.0
_FONT = "font-family='Helvetica, Arial, sans-serif'"
_SMALLEST_TEXT = 6.0  # pixels; smaller names would not be read


def svg_text(plan: Floorplan, title: str = "Floorplan") -> str:
    """Return the picture of a floorplan.

    Examples
    --------
    >>> from circuitnn.mapping.physical.floorplan import make_floorplan
    >>> from circuitnn.mapping.physical.macro import Site
    >>> text = svg_text(make_floorplan([Site("layer1_tile1", 0, (16, 8))]))
    >>> text.startswith("<svg"), text.count(">layer1_tile1</text>")
    (True, 1)
    """
    scale = min(_PLAN_WIDTH / plan.width, _PLAN_HEIGHT / plan.height)
    width, height = plan.width * scale, plan.height * scale
    whole = _LEFT + width + 40.0 + _SIDE, max(_TOP + height + 80.0, 600.0)
    parts = [
        f"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 {whole[0]:.0f} {whole[1]:.0f}' "
        f"width='{whole[0]:.0f}' height='{whole[1]:.0f}' {_FONT} font-size='12'>",
        "<defs><marker id='arrow' viewBox='0 0 8 8' refX='7' refY='4' markerWidth='7' markerHeight='7' "
        "orient='auto-start-reverse'><path d='M0 0 L8 4 L0 8 Z' fill='#333'/></marker>",
        *_symbols(plan, scale),
        "</defs>",
        f"<rect width='{whole[0]:.0f}' height='{whole[1]:.0f}' fill='white'/>",
        f"<text x='{_LEFT:.1f}' y='24' font-size='16' font-weight='bold'>{escape(title)}</text>",
        f"<rect x='{_LEFT:.1f}' y='{_TOP:.1f}' width='{width:.2f}' height='{height:.2f}' fill='#f7f7f7' "
        "stroke='#333'/>",
        *_tiles(plan, scale, height),
        *_flow(plan, scale, height),
        *_dimensions(plan, width, height),
        *_scale_bar(scale, width, height),
        *_legend(plan, _LEFT + width + 40.0),
        *_enlarged_cell(plan.stack, _LEFT + width + 40.0, 330.0),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def write_svg(plan: Floorplan, path: str | os.PathLike[str], title: str = "Floorplan") -> None:
    """Write the picture of a floorplan, whole or not at all; raise FileError when that fails."""
    with replacing(path) as temporary:
        temporary.write_text(svg_text(plan, title), encoding="utf-8")


def _symbols(plan: Floorplan, scale: float) -> Iterator[str]:
    """Draw each shape of tile once; places refer to it."""
    macros: dict[str, Macro] = {place.macro.name: place.macro for place in plan.placements}
    for name, macro in macros.items():
        yield f"<g id='{name}'>"
        for kind, block in macro.blocks.items():
            fill, what = BLOCKS[kind]
            if kind == "array":
                what = f"array of {macro.shape[0]} word lines and {macro.shape[1]} bit lines"
            y = (macro.height - block.y - block.height) * scale
            yield (
                f"<rect x='{block.x * scale:.3f}' y='{y:.3f}' width='{block.width * scale:.3f}' "
                f"height='{block.height * scale:.3f}' fill='{fill}' stroke='#333' stroke-width='0.4'>"
                f"<title>{what}, {block.width:.1f} um x {block.height:.1f} um</title></rect>"
            )
        yield "</g>"


def _corner(place: Placement, scale: float, height: float) -> tuple[float, float]:
    """Return the upper left corner of a tile in the picture."""
    return _LEFT + place.x * scale, _TOP + height - (place.y + place.macro.height) * scale


def _tiles(plan: Floorplan, scale: float, height: float) -> Iterator[str]:
    for place in plan.placements:
        x, y = _corner(place, scale, height)
        name = place.site.name
        yield f"<use href='#{place.macro.name}' x='{x:.3f}' y='{y:.3f}'><title>{name}</title></use>"
        # The name stands in the largest block.
        block = max(place.macro.blocks.values(), key=lambda b: b.width * b.height)
        across, tall = block.width * scale, block.height * scale
        size = min(11.0, 0.8 * min(across, tall), 1.6 * max(across, tall) / len(name))
        if size >= _SMALLEST_TEXT:
            middle = (
                x + (block.x + 0.5 * block.width) * scale,
                y + (place.macro.height - block.y - 0.5 * block.height) * scale,
            )
            upright = tall > across
            turn = f" transform='rotate(-90 {middle[0]:.2f} {middle[1]:.2f})'" if upright else ""
            yield (
                f"<text x='{middle[0]:.2f}' y='{middle[1]:.2f}' font-size='{size:.1f}' text-anchor='middle' "
                f"dominant-baseline='central'{turn}>{name}</text>"
            )


def _flow(plan: Floorplan, scale: float, height: float) -> Iterator[str]:
    """Draw an arrow from the middle of each stage's outputs to the middle of the next one's inputs."""
    stages: dict[int, list[Placement]] = {}
    for place in plan.placements:
        stages.setdefault(place.site.stage, []).append(place)
    order = sorted(stages)
    for before, after in itertools.pairwise(order):
        outs = [(*_corner(p, scale, height), p.macro) for p in stages[before]]
        ins = [(*_corner(p, scale, height), p.macro) for p in stages[after]]
        x0 = sum(x + 0.5 * m.width * scale for x, _, m in outs) / len(outs)
        y0 = sum(y + m.height * scale for _, y, m in outs) / len(outs)
        x1 = sum(x for x, _, _ in ins) / len(ins)
        y1 = sum(y + 0.5 * m.blocks["array"].height * scale for _, y, m in ins) / len(ins)
        yield (
            f"<path d='M{x0:.1f} {y0:.1f} L{x1:.1f} {y1:.1f}' stroke='#333' stroke-width='1.2' fill='none' "
            f"stroke-dasharray='5 3' marker-end='url(#arrow)'><title>stage {before + 1} to {after + 1}</title></path>"
        )


def _dimensions(plan: Floorplan, width: float, height: float) -> Iterator[str]:
    y, x = _TOP - 12.0, _LEFT - 14.0
    line = "stroke='#333' marker-start='url(#arrow)' marker-end='url(#arrow)'"
    yield f"<line x1='{_LEFT:.1f}' y1='{y:.1f}' x2='{_LEFT + width:.1f}' y2='{y:.1f}' {line}/>"
    yield f"<text x='{_LEFT + 0.5 * width:.1f}' y='{y - 6:.1f}' text-anchor='middle'>{plan.width:.1f} um</text>"
    yield f"<line x1='{x:.1f}' y1='{_TOP:.1f}' x2='{x:.1f}' y2='{_TOP + height:.1f}' {line}/>"
    middle = _TOP + 0.5 * height
    yield (
        f"<text x='{x - 8:.1f}' y='{middle:.1f}' text-anchor='middle' "
        f"transform='rotate(-90 {x - 8:.1f} {middle:.1f})'>{plan.height:.1f} um</text>"
    )


def _scale_bar(scale: float, width: float, height: float) -> Iterator[str]:
    length = _round_length(0.3 * width / scale)
    y = _TOP + height + 24.0
    yield f"<rect x='{_LEFT:.1f}' y='{y:.1f}' width='{length * scale:.2f}' height='5' fill='#333'/>"
    yield f"<text x='{_LEFT:.1f}' y='{y + 20:.1f}'>{length:g} um</text>"


def _round_length(most: float) -> float:
    """Return the largest 1, 2 or 5 times a power of ten that is at most ``most``.

    Examples
    --------
    >>> _round_length(73.0), _round_length(0.3)
    (50.0, 0.2)
    """
    power = 10.0 ** math.floor(math.log10(most))
    return float(f"{max(k for k in (1, 2, 5) if k * power <= most) * power:g}")


def _legend(plan: Floorplan, x: float) -> Iterator[str]:
    areas = plan.block_areas()
    yield f"<text x='{x:.1f}' y='{_TOP + 4:.1f}' font-weight='bold'>Area {plan.area * 1e-6:.4g} mm²</text>"
    rows = [(fill, what, areas[kind]) for kind, (fill, what) in BLOCKS.items()]
    rows.append(("#f7f7f7", "between", areas["between"]))
    for k, (fill, what, area) in enumerate(rows):
        y = _TOP + 18.0 + 22.0 * k
        yield f"<rect x='{x:.1f}' y='{y:.1f}' width='16' height='14' fill='{fill}' stroke='#333' stroke-width='0.5'/>"
        yield f"<text x='{x + 24:.1f}' y='{y + 12:.1f}'>{what}, {100.0 * area / plan.area:.1f} %</text>"
    y = _TOP + 18.0 + 22.0 * len(rows) + 14.0
    tiles = len(plan.placements)
    yield f"<text x='{x:.1f}' y='{y:.1f}'>{tiles} tile{'' if tiles == 1 else 's'}</text>"
    yield f"<text x='{x:.1f}' y='{y + 18:.1f}'>wires between stages {plan.wire_length * 1e-3:.3g} mm</text>"
    yield f"<text x='{x:.1f}' y='{y + 36:.1f}'>dashed: from stage to stage</text>"


def _enlarged_cell(stack: Stack, x: float, y: float) -> Iterator[str]:
    """Draw two by two cells, with the names of their layers."""
    zoom = 110.0 / max(stack.pitch_x, stack.pitch_y) / 2.0 * 1.4
    w, h = 2.0 * stack.pitch_x * zoom, 2.0 * stack.pitch_y * zoom
    top = y + 16.0
    yield f"<text x='{x:.1f}' y='{y + 4:.1f}' font-weight='bold'>Four cells</text>"
    yield f"<rect x='{x:.1f}' y='{top:.1f}' width='{w:.1f}' height='{h:.1f}' fill='white' stroke='#999'/>"

    def box(cx: float, cy: float, across: float, along: float, kind: str, opacity: float) -> str:
        return (
            f"<rect x='{cx - 0.5 * across:.2f}' y='{cy - 0.5 * along:.2f}' width='{across:.2f}' "
            f"height='{along:.2f}' fill='{_LAYERS[kind]}' fill-opacity='{opacity}'/>"
        )

    xs = [x + (k + 0.5) * stack.pitch_x * zoom for k in range(2)]
    ys = [top + (k + 0.5) * stack.pitch_y * zoom for k in range(2)]
    for cy in ys:
        yield box(x + 0.5 * w, cy, w, stack.word.width * zoom, "word", 0.6)
    for kind, size in (("element", stack.element.size), ("via", stack.via.size)):
        for cx in xs:
            for cy in ys:
                yield box(cx, cy, size * zoom, size * zoom, kind, 0.9)
    for cx in xs:
        yield box(cx, top + 0.5 * h, stack.bit.width * zoom, h, "bit", 0.4)
    yield f"<text x='{x + 0.5 * w:.1f}' y='{top + h + 16:.1f}' text-anchor='middle'>{2 * stack.pitch_x:g} um</text>"
    names = (
        ("word", f"word line {stack.word.drawing}"),
        ("element", f"memory element {stack.element.drawing}"),
        ("via", f"via {stack.via.drawing}"),
        ("bit", f"bit line {stack.bit.drawing}"),
    )
    for k, (kind, text) in enumerate(names):
        row = top + h + 30.0 + 20.0 * k
        yield f"<rect x='{x:.1f}' y='{row:.1f}' width='14' height='12' fill='{_LAYERS[kind]}' fill-opacity='0.7'/>"
        yield f"<text x='{x + 22:.1f}' y='{row + 11:.1f}'>{text}</text>"
