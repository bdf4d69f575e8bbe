"""Where tiles stand on the chip.

Tiles stand in rows, in the order of the network: the first row from left to right, the next one below it from right to
left, and so on, so that consecutive stages stay close. Of all numbers of rows whose outline is at most twice as long
as wide, that with the shortest wires is taken; without any such, that with the squarest outline.

The length of wires is counted as one bundle from each tile of a stage to each tile of the next, from the middle of the
lower side, where the digital outputs are, to the middle of the driver's left side, along x and y.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from circuitnn.mapping.physical.macro import Macro, Site, check_sites, make_macro
from circuitnn.mapping.physical.stack import Stack

_LONGEST = 2.0  # times as long as wide

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Placement:
    """A tile and its lower left corner, um."""

    site: Site
    macro: Macro
    x: float
    y: float


@dataclass(frozen=True)
class Floorplan:
    """Tiles on the chip.

    Attributes
    ----------
    placements : tuple of Placement
        In the order of the network.
    width, height : float, um
    wire_length : float, um
        Of all bundles between consecutive stages.
    stack : Stack
    """

    placements: tuple[Placement, ...]
    width: float
    height: float
    wire_length: float
    stack: Stack

    @property
    def area(self) -> float:
        """Of the outline, square micrometres."""
        return self.width * self.height

    def block_areas(self) -> dict[str, float]:
        """Return the area of each kind of block, all tiles together, and of what lies between, square micrometres."""
        areas: dict[str, float] = {}
        for place in self.placements:
            for name, block in place.macro.blocks.items():
                areas[name] = areas.get(name, 0.0) + block.width * block.height
        areas["between"] = self.area - sum(areas.values())
        return areas

    def __str__(self) -> str:
        parts = ", ".join(f"{name} {100.0 * area / self.area:.1f} %" for name, area in self.block_areas().items())
        return (
            f"{len(self.placements)} tile{'' if len(self.placements) == 1 else 's'} on {self.width:.1f} um x "
            f"{self.height:.1f} um, {self.area * 1e-6:.4g} mm2: {parts}\n"
            f"wires between stages {self.wire_length * 1e-3:.4g} mm"
        )


def make_floorplan(sites: Iterable[Site], stack: Stack | None = None) -> Floorplan:
    """Place tiles.

    Parameters
    ----------
    sites : iterable of Site
        In the order of the network.
    stack : Stack, optional
        The default stack when not given.

    Raises
    ------
    UsageError
        When there is no tile, or names or shapes cannot be laid out.

    Examples
    --------
    >>> plan = make_floorplan([Site(f"t{k}", k, (64, 64)) for k in range(4)])
    >>> print(plan)
    4 tiles on 452.9 um x 254.8 um, 0.1154 mm2: array 3.5 %, driver 0.6 %, sense 0.1 %, adc 68.6 %, digital 1.7 %, \
between 25.3 %
    wires between stages 0.8374 mm
    """
    stack = Stack() if stack is None else stack
    tiles = [(site, make_macro(site.shape, stack)) for site in check_sites(sites)]
    most = min(len(tiles), 4 * math.isqrt(len(tiles)) + 4)
    plans = [_in_rows(tiles, rows, stack) for rows in range(1, most + 1)]

    def aspect(plan: Floorplan) -> float:
        return max(plan.width, plan.height) / min(plan.width, plan.height)

    compact = [plan for plan in plans if aspect(plan) <= _LONGEST]
    return min(compact, key=lambda plan: plan.wire_length) if compact else min(plans, key=aspect)


def _in_rows(tiles: Sequence[tuple[Site, Macro]], rows: int, stack: Stack) -> Floorplan:
    gap = stack.spacing
    each = sum(macro.width + gap for _, macro in tiles) / rows
    by_row: dict[int, list[tuple[Site, Macro]]] = {}
    taken = 0.0
    for tile in tiles:  # into the row that the middle of the tile falls in when all are laid end to end
        by_row.setdefault(int((taken + 0.5 * tile[1].width) / each), []).append(tile)
        taken += tile[1].width + gap
    filled = list(by_row.values())
    width = max(sum(m.width + gap for _, m in row) for row in filled) + gap
    height = sum(max(m.height for _, m in row) + gap for row in filled) + gap
    top, placements = height - gap, []
    for k, row in enumerate(filled):
        along = gap
        for site, macro in row:
            x = along if k % 2 == 0 else width - along - macro.width
            placements.append(Placement(site, macro, round(x, 6), round(top - macro.height, 6)))
            along += macro.width + gap
        top -= max(m.height for _, m in row) + gap
    return Floorplan(tuple(placements), round(width, 6), round(height, 6), _wire_length(placements), stack)


def _wire_length(placements: Sequence[Placement]) -> float:
    ends: dict[int, list[Placement]] = {}
    for place in placements:
        ends.setdefault(place.site.stage, []).append(place)
    stages = sorted(ends)
    total = 0.0
    for before, after in itertools.pairwise(stages):
        out_x = np.array([p.x + 0.5 * p.macro.width for p in ends[before]])
        out_y = np.array([p.y for p in ends[before]])
        drivers = [p.macro.blocks["driver"] for p in ends[after]]
        in_x = np.array([p.x for p in ends[after]])
        in_y = np.array([p.y + d.y + 0.5 * d.height for p, d in zip(ends[after], drivers, strict=True)])
        total += _distances(out_x, in_x) + _distances(out_y, in_y)
    return total


def _distances(a: Array, b: Array) -> float:
    """Return the sum of ``|x - y|`` over all pairs, in the time of sorting."""
    b = np.sort(b)
    sums = np.concatenate([[0.0], np.cumsum(b)])
    below = np.searchsorted(b, a)
    return float((a * (2 * below - len(b)) - 2.0 * sums[below] + sums[-1]).sum())
