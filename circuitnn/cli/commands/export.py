"""``circuitnn export``: a layout in other forms."""

from __future__ import annotations

import click


@click.command()
@click.argument("layout")
@click.option("--spice", required=True, metavar="DIR", help="Folder for plain SPICE netlists, which ngspice runs.")
def export(layout: str, spice: str) -> None:
    """Write a compiled layout as netlists.

    One a tile; prints their names.
    """
    import circuitnn as cn

    for path in cn.Layout.load(layout).to_netlist(spice):
        click.echo(str(path))


EXPORT = export
