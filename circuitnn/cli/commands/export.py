"""``circuitnn export``: a layout in other forms."""

from __future__ import annotations

from pathlib import Path

import click

from circuitnn.cli import terminal
from circuitnn.errors import CircuitnnError, UsageError


class LayoutDiffers(CircuitnnError):
    """A layout that was written is not what its netlist says."""


@click.command()
@click.argument("layout")
@click.option("--spice", metavar="DIR", help="Folder for plain SPICE netlists, which ngspice runs.")
@click.option("--gds", metavar="FILE", help="Layout of all arrays: GDSII (.gds) or OASIS (.oas).")
@click.option("--svg", metavar="FILE", help="Floorplan as a picture.")
@click.option("--stack", metavar="FILE", help="Technology (TOML) to draw in; SKY130 with ReRAM when not given.")
@click.option("--check", is_flag=True, help="Compare the layout's connectivity with its netlist, after writing it.")
def export(layout: str, spice: str | None, gds: str | None, svg: str | None, stack: str | None, check: bool) -> None:
    """Write a layout as netlists, chip or floorplan.

    The netlists are one a tile, with conductances and wires, and chip.cir, which has the hierarchy of the GDSII file.
    Prints the names of all files.
    """
    import circuitnn as cn
    from circuitnn.mapping.physical.gds import format_of
    from circuitnn.mapping.physical.netlist import write_netlist
    from circuitnn.mapping.physical.stack import read_stack

    if spice is None and gds is None and svg is None:
        raise UsageError("there is nothing to write", expected="--spice, --gds or --svg")
    if check and gds is None:
        raise UsageError("--check is of a layout that is written", expected="--gds with it")
    if gds is not None:
        format_of(gds)
    drawn = None if stack is None else read_stack(stack)
    loaded = cn.Layout.load(layout)
    if spice is not None:
        files = loaded.to_netlist(spice)
        files.append(Path(spice, "chip.cir"))
        values = [tile.G for matrix in loaded.matrices for tile in matrix.tiles]
        write_netlist(loaded.sites(), files[-1], values, loaded.periphery.read_voltage)
        for path in files:
            click.echo(str(path))
    if svg is not None:
        loaded.to_svg(terminal.require_folder(svg), drawn)
        click.echo(svg)
    if gds is not None:
        loaded.to_gds(terminal.require_folder(gds), drawn)
        click.echo(gds)
        if check:
            report = loaded.check_layout(gds, drawn)
            if not report.ok:
                raise LayoutDiffers(str(report))
            terminal.message(str(report))


EXPORT = export
