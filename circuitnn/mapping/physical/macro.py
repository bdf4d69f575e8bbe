"""A tile as a block of silicon: its array, and the periphery around it.

The driver stands left of the array and is as high, the sense circuits stand below it and are as wide; converters and
digital logic take the full width below these, wide enough that they are at most twice as high as wide::

    +--------+-------------------+
    | driver |       array       |   word lines along x, the first one uppermost
    +--------+-------------------+
             |       sense       |   bit lines along y, the first one leftmost
    +--------+-------------------+
    |            adc             |
    +----------------------------+
    |          digital           |
    +----------------------------+
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache

from circuitnn.errors import UsageError
from circuitnn.mapping.physical.stack import Stack

#: Everything drawn lies on multiples of this, um (the manufacturing grid of SKY130).
GRID = 0.005
#: Most word or bit lines of an array: coordinates of GDSII have 32 bits.
MOST_LINES = 2**16
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")


@dataclass(frozen=True)
class Site:
    """A tile to lay out.

    Attributes
    ----------
    name : str
        Of its instance in layout and netlist: letters, digits and underscores.
    stage : int
        From 0: outputs of a stage go to the next one.
    shape : (int, int)
        Word and bit lines.
    """

    name: str
    stage: int
    shape: tuple[int, int]


@dataclass(frozen=True)
class Rectangle:
    """Lower left corner and size, um."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Macro:
    """Blocks of a tile of some shape, and its size, um."""

    shape: tuple[int, int]
    width: float
    height: float
    blocks: dict[str, Rectangle]

    @property
    def name(self) -> str:
        """Of its cell, such as ``tile_128x128``."""
        return f"tile_{size_name(self.shape)}"


def size_name(shape: tuple[int, int]) -> str:
    """Return the part of a cell's name that tells its shape.

    Examples
    --------
    >>> size_name((128, 64))
    '128x64'
    """
    return f"{shape[0]}x{shape[1]}"


def on_grid(length: float) -> float:
    """Return the length rounded up to the grid.

    Examples
    --------
    >>> on_grid(0.9961), on_grid(1.0)
    (1.0, 1.0)
    """
    return round(math.ceil(round(length / GRID, 6)) * GRID, 6)


@lru_cache(maxsize=256)
def make_macro(shape: tuple[int, int], stack: Stack) -> Macro:
    """Return the blocks of a tile.

    Examples
    --------
    >>> macro = make_macro((128, 128), Stack())
    >>> macro.blocks["array"]
    Rectangle(x=5.48, y=202.755, width=64.0, height=64.0)
    """
    rows, cols = shape
    area = stack.periphery
    width, height = cols * stack.pitch_x, rows * stack.pitch_y
    driver = on_grid(area.driver / stack.pitch_y)
    sense = on_grid(area.sense / stack.pitch_x)
    converters = math.ceil(cols / area.bit_lines_per_adc)
    full = on_grid(max(driver + width, math.sqrt(0.5 * converters * (area.adc + area.digital))))
    adc, digital = (on_grid(converters * each / full) for each in (area.adc, area.digital))
    low = round(adc + digital, 6)
    base = round(low + sense, 6)
    return Macro(
        shape,
        full,
        on_grid(base + height),
        {
            "array": Rectangle(driver, base, round(width, 6), round(height, 6)),
            "driver": Rectangle(0.0, base, driver, round(height, 6)),
            "sense": Rectangle(driver, low, round(width, 6), sense),
            "adc": Rectangle(0.0, digital, full, adc),
            "digital": Rectangle(0.0, 0.0, full, digital),
        },
    )


def check_sites(sites: Iterable[Site]) -> tuple[Site, ...]:
    """Return the sites, or raise UsageError for what cannot be laid out."""
    found = tuple(sites)
    if not found:
        raise UsageError("there is no tile to lay out", expected="at least one")
    seen: dict[str, Site] = {}
    for site in found:
        if not _NAME.fullmatch(site.name):
            raise UsageError(
                f"{site.name!r} cannot be the name of a tile",
                expected="a letter, then letters, digits and underscores, at most 64",
                names=[site.name],
            )
        if site.name.lower() in seen:
            raise UsageError(f"two tiles are named {site.name!r}; SPICE ignores case", names=[site.name])
        seen[site.name.lower()] = site
        if not all(isinstance(n, int) and 1 <= n <= MOST_LINES for n in site.shape):
            raise UsageError(
                f"tile {site.name!r} has shape {site.shape}",
                expected=f"word and bit lines, 1 to {MOST_LINES} each",
                names=[site.name],
            )
    return found
