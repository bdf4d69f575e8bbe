"""``circuitnn cost``: energy, time and area of an inference."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import click

from circuitnn.errors import UsageError


@click.command()
@click.argument("layout")
@click.argument("data", required=False)
@click.option("--technology", metavar="FILE", help="TOML or JSON file of numbers that replace the ready-made ones.")
@click.option("--dac-bits", type=int, help="Bits of the DACs, where the layout's are exact.")
@click.option("--adc-bits", type=int, help="Effective bits of the ADCs, where the layout's are exact.")
@click.option("--adc-share", type=int, help="Conversions of a read that one ADC does; as many as fit by default.")
@click.option("--replicas", type=int, default=1, show_default=True, help="Copies of every matrix.")
@click.option("--grid", default="world", show_default=True, help="Carbon intensity: a name, or g CO2e a kWh.")
@click.option("--ideal-wires", is_flag=True, help="Do not solve the arrays as circuits; fast.")
@click.option("--numbers", is_flag=True, help="Print the technology's numbers with their sources as well.")
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def cost(
    layout: str, data: str | None, grid: str, ideal_wires: bool, numbers: bool, as_json: bool, **options: Any
) -> None:
    """Print energy, time and area of an inference.

    Machines that were measured stand beside it.

    DATA is an .npz file with the array x, or a .npy file: typical samples. Without it all word lines are at the read
    voltage, the most that arrays can take.
    """
    from circuitnn.cli.data import read_layout, read_samples
    from circuitnn.mapping.layout import Layout

    loaded = read_layout(layout)
    if not isinstance(loaded, Layout):
        raise UsageError(f"{layout} is no layout of crossbars", expected="a file of circuitnn compile")
    x = None if data is None else read_samples(data)[0]
    intensity: str | float = grid
    with contextlib.suppress(ValueError):  # a name
        intensity = float(grid)
    found = loaded.cost(x, wires=not ideal_wires, grid=intensity, **options)
    if as_json:
        click.echo(json.dumps(found.to_dict(), indent=2))
        return
    click.echo(str(found))
    click.echo()
    click.echo(found.compared())
    if numbers:
        click.echo()
        click.echo(str(found.technology))


EXPORT = cost
