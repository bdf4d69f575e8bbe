"""``circuitnn program``: a layout's cells programmed by pulses, and what that takes."""

from __future__ import annotations

import click

from circuitnn.cli import terminal
from circuitnn.errors import UsageError


@click.command()
@click.argument("layout")
@click.option("-o", "--output", required=True, metavar="FILE", help="Layout (HDF5) with the conductances reached.")
@click.option("--device", metavar="CARD", help="Of the cells; the layout's when not given.")
@click.option("--scheme", help="What unselected lines are tied to: V/2, V/3 or grounded.")
@click.option("--tolerance", type=terminal.Quantity(), help="Siemens; a hundredth of the range when not given.")
@click.option("--noise", type=terminal.Quantity(), default="0", show_default=True, help="Amperes rms of verification.")
@click.option("--passes", type=int, default=3, show_default=True, help="At most, over all cells of a tile.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of the noise.")
@click.option("--exact", is_flag=True, help="Solve the whole array at every step of every pulse; for small tiles.")
@click.option("--most-failed", type=int, metavar="N", help="Refuse when more cells than N are out of tolerance.")
def program(
    layout: str,
    output: str,
    device: str | None,
    scheme: str | None,
    tolerance: float | None,
    noise: float,
    passes: int,
    seed: int,
    exact: bool,
    most_failed: int | None,
) -> None:
    """Program the cells of a compiled network by write and verify.

    Every tile is written cell by cell through its array with the device's own equations, disturb of half-selected cells
    included. Prints pulses, time, energy, the error that is left, and the cells that are out of tolerance.
    """
    from dataclasses import replace

    from circuitnn.cli.data import read_layout
    from circuitnn.mapping.layout import Layout
    from circuitnn.mapping.programming.of_layout import plan_for

    target = terminal.require_folder(output)
    loaded = read_layout(layout)
    if not isinstance(loaded, Layout):
        raise UsageError(f"{layout} is no layout of crossbars", expected="a file of circuitnn compile")
    plan = plan_for(loaded, device)
    plan = replace(
        plan,
        scheme=scheme or plan.scheme,
        tolerance=plan.tolerance if tolerance is None else tolerance,
        verify=replace(plan.verify, noise=noise),
        passes=passes,
    )
    fidelity = "exact" if exact else "fast"
    with terminal.progress(layout) as progress:
        done, report = loaded.program(plan, device=device, seed=seed, fidelity=fidelity, progress=progress)
    click.echo(str(report))
    report.require(failed=most_failed)
    done.save(target)
    terminal.message(f"wrote {target}")


EXPORT = program
