"""The netlist of a layout, in the hierarchy of its GDSII file.

``.subckt`` for the cell, for the array, driver and sense circuits of each shape, and for each shape of tile; one
instance a tile at the top. Wires are ideal and all cells alike, as connectivity goes: it says what is joined to what,
which is what `lvs` compares layouts with. Values stand in the netlists that `Layout.to_netlist` writes.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence

from circuitnn.mapping.physical.macro import Site, check_sites, shapes_of, size_name
from circuitnn.results.atomic import replacing

_PER_LINE = 10


def netlist_text(sites: Iterable[Site], resistance: float = 1e6) -> str:
    """Return the netlist of tiles.

    Parameters
    ----------
    sites : iterable of Site
    resistance : float, ohm
        Of all cells.

    Raises
    ------
    UsageError
        When there is no tile, or names or shapes cannot be laid out.

    Examples
    --------
    >>> print(netlist_text([Site("layer1_tile1", 0, (1, 2))]))
    * circuitnn: 1 tile, 2 cells
    .subckt cell w b
    r1 w b 1000000
    .ends
    .subckt array_1x2 w0 b0 b1
    xc0_0 w0 b0 cell
    xc0_1 w0 b1 cell
    .ends
    .subckt driver_1 w0
    .ends
    .subckt sense_2 b0 b1
    .ends
    .subckt tile_1x2
    xarray w0 b0 b1 array_1x2
    xdriver w0 driver_1
    xsense b0 b1 sense_2
    .ends
    xlayer1_tile1 tile_1x2
    .end
    <BLANKLINE>
    """
    return "".join(f"{line}\n" for line in _lines(check_sites(sites), resistance))


def write_netlist(sites: Iterable[Site], path: str | os.PathLike[str], resistance: float = 1e6) -> None:
    """Write what ``netlist_text`` returns, whole or not at all; raise FileError when that fails."""
    found = check_sites(sites)
    with replacing(path) as temporary, temporary.open("w", encoding="ascii") as stream:
        stream.writelines(f"{line}\n" for line in _lines(found, resistance))


def _lines(sites: Sequence[Site], resistance: float) -> Iterator[str]:
    shapes = shapes_of(sites)
    cells = sum(site.shape[0] * site.shape[1] for site in sites)
    yield f"* circuitnn: {len(sites)} tile{'' if len(sites) == 1 else 's'}, {cells} cells"
    yield from (".subckt cell w b", f"r1 w b {resistance:.17g}", ".ends")
    for rows, cols in shapes:
        words, bits = _names("w", rows), _names("b", cols)
        yield from _folded([f".subckt array_{size_name((rows, cols))}", *words, *bits])
        for r, w in enumerate(words):
            for c, b in enumerate(bits):
                yield f"xc{r}_{c} {w} {b} cell"
        yield ".ends"
    for rows in dict.fromkeys(rows for rows, _ in shapes):
        yield from _folded([f".subckt driver_{rows}", *_names("w", rows)])
        yield ".ends"
    for cols in dict.fromkeys(cols for _, cols in shapes):
        yield from _folded([f".subckt sense_{cols}", *_names("b", cols)])
        yield ".ends"
    for rows, cols in shapes:
        words, bits, size = _names("w", rows), _names("b", cols), size_name((rows, cols))
        yield f".subckt tile_{size}"
        yield from _folded(["xarray", *words, *bits, f"array_{size}"])
        yield from _folded(["xdriver", *words, f"driver_{rows}"])
        yield from _folded(["xsense", *bits, f"sense_{cols}"])
        yield ".ends"
    for site in sites:
        yield f"x{site.name} tile_{size_name(site.shape)}"
    yield ".end"


def _names(letter: str, count: int) -> list[str]:
    return [f"{letter}{k}" for k in range(count)]


def _folded(words: Sequence[str]) -> Iterator[str]:
    for k in range(0, len(words), _PER_LINE):
        yield ("+ " if k else "") + " ".join(words[k : k + _PER_LINE])
