"""The netlist of a layout, in the hierarchy of its GDSII file.

``.subckt`` for the cell, for the array, driver and sense circuits of each shape, and for each shape of tile; one
instance a tile at the top. Wires are ideal: the netlist says what is joined to what, which is what `lvs` compares
layouts with. Drivers are sources, sense circuits are at 0 V, so that it runs: with ``.op``, currents of ``vb0`` and on
are those of the bit lines.

With conductances, which are not geometry, each tile has subcircuits of its own, ``tile_RxC__NAME`` and
``array_RxC__NAME``, for the cells ``tile_RxC`` and ``array_RxC`` of the layout.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from itertools import repeat

import numpy as np
from numpy.typing import ArrayLike

from circuitnn.errors import UsageError
from circuitnn.mapping.physical.macro import Site, check_sites, size_name
from circuitnn.results.atomic import replacing

#: Between the name of a layout's cell and that of the tile whose conductances a subcircuit has.
OF_TILE = "__"
#: Ohms of a cell whose conductance is not given.
NOMINAL = 1e6
_LEAST = 1e-30  # siemens; no resistor is without conductance
_PER_LINE = 10


def netlist_text(
    sites: Iterable[Site], conductances: Iterable[ArrayLike] | None = None, read_voltage: float = 0.2
) -> str:
    """Return the netlist of tiles.

    Parameters
    ----------
    sites : iterable of Site
    conductances : iterable of array_like, S, optional
        Of each tile's cells, shape (word lines, bit lines). All cells are alike when not given.
    read_voltage : float, V
        Of all word lines.

    Raises
    ------
    UsageError
        When there is no tile, names or shapes cannot be laid out, or conductances are of other shapes.

    Examples
    --------
    >>> print(netlist_text([Site("matrix1_tile1", 0, (1, 2))]))
    * circuitnn: 1 tile, 2 cells
    .subckt cell w b r=1000000.0
    r1 w b {r}
    .ends
    .subckt driver_1 w0
    vw0 w0 0 dc 0.2
    .ends
    .subckt sense_2 b0 b1
    vb0 b0 0 dc 0
    vb1 b1 0 dc 0
    .ends
    .subckt array_1x2 w0 b0 b1
    xc0_0 w0 b0 cell
    xc0_1 w0 b1 cell
    .ends
    .subckt tile_1x2
    xarray w0 b0 b1 array_1x2
    xdriver w0 driver_1
    xsense b0 b1 sense_2
    .ends
    xmatrix1_tile1 tile_1x2
    .op
    .end
    <BLANKLINE>
    """
    return "".join(f"{line}\n" for line in _lines(*_checked(sites, conductances), read_voltage))


def write_netlist(
    sites: Iterable[Site],
    path: str | os.PathLike[str],
    conductances: Iterable[ArrayLike] | None = None,
    read_voltage: float = 0.2,
) -> None:
    """Write what ``netlist_text`` returns, whole or not at all; raise FileError when that fails."""
    found = _checked(sites, conductances)
    with replacing(path) as temporary, temporary.open("w", encoding="ascii") as stream:
        stream.writelines(f"{line}\n" for line in _lines(*found, read_voltage))


def _checked(
    sites: Iterable[Site], conductances: Iterable[ArrayLike] | None
) -> tuple[tuple[Site, ...], list[ArrayLike] | None]:
    found = check_sites(sites)
    if conductances is None:
        return found, None
    values = list(conductances)
    if len(values) != len(found):
        raise UsageError(f"conductances of {len(values)} tiles for {len(found)}", expected="one array a tile")
    for site, G in zip(found, values, strict=True):
        if np.shape(G) != site.shape:
            raise UsageError(
                f"conductances of tile {site.name!r} have shape {np.shape(G)}",
                expected=str(site.shape),
                names=[site.name],
            )
    return found, values


def _lines(sites: Sequence[Site], conductances: list[ArrayLike] | None, read_voltage: float) -> Iterator[str]:
    cells = sum(site.shape[0] * site.shape[1] for site in sites)
    yield f"* circuitnn: {len(sites)} tile{'' if len(sites) == 1 else 's'}, {cells} cells"
    yield from (f".subckt cell w b r={NOMINAL!r}", "r1 w b {r}", ".ends")
    for rows in dict.fromkeys(site.shape[0] for site in sites):
        words = _names("w", rows)
        yield from _folded([f".subckt driver_{rows}", *words])
        yield from (f"v{w} {w} 0 dc {float(read_voltage)!r}" for w in words)
        yield ".ends"
    for cols in dict.fromkeys(site.shape[1] for site in sites):
        bits = _names("b", cols)
        yield from _folded([f".subckt sense_{cols}", *bits])
        yield from (f"v{b} {b} 0 dc 0" for b in bits)
        yield ".ends"
    if conductances is None:
        for shape in dict.fromkeys(site.shape for site in sites):
            yield from _tile(shape, size_name(shape), None)
        yield from (f"x{site.name} tile_{size_name(site.shape)}" for site in sites)
    else:
        names = [f"{size_name(site.shape)}{OF_TILE}{site.name}" for site in sites]
        for site, name, G in zip(sites, names, conductances, strict=True):
            yield from _tile(site.shape, name, G)
        yield from (f"x{site.name} tile_{name}" for site, name in zip(sites, names, strict=True))
    yield from (".op", ".end")


def _tile(shape: tuple[int, int], name: str, conductances: ArrayLike | None) -> Iterator[str]:
    rows, cols = shape
    words, bits = _names("w", rows), _names("b", cols)
    yield from _folded([f".subckt array_{name}", *words, *bits])
    values = repeat(repeat("")) if conductances is None else map(_resistances, np.asarray(conductances, float))
    for r, (w, row) in enumerate(zip(words, values, strict=False)):
        for c, (b, value) in enumerate(zip(bits, row, strict=False)):
            yield f"xc{r}_{c} {w} {b} cell{value}"
    yield ".ends"
    yield f".subckt tile_{name}"
    yield from _folded(["xarray", *words, *bits, f"array_{name}"])
    yield from _folded(["xdriver", *words, f"driver_{rows}"])
    yield from _folded(["xsense", *bits, f"sense_{cols}"])
    yield ".ends"


def _resistances(conductances: ArrayLike) -> list[str]:
    return [f" r={1.0 / max(float(g), _LEAST)!r}" for g in np.asarray(conductances)]


def _names(letter: str, count: int) -> list[str]:
    return [f"{letter}{k}" for k in range(count)]


def _folded(words: Sequence[str]) -> Iterator[str]:
    for k in range(0, len(words), _PER_LINE):
        yield ("+ " if k else "") + " ".join(words[k : k + _PER_LINE])
