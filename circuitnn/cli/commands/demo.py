"""``circuitnn demo``: a whole experiment in one command."""

from __future__ import annotations

import click

from circuitnn.cli import terminal


@click.command()
@click.argument("name", type=click.Choice(["digits"]))
@click.option("-o", "--output", metavar="DIR", default="digits_demo", show_default=True, help="Folder for its files.")
@click.option("--quick", is_flag=True, help="Fewer seeds, and fewer points in the figure.")
def demo(name: str, output: str, quick: bool) -> None:
    """Run a network for digits on imperfect crossbars.

    Prints the accuracy on images not seen in training, of the network itself and of circuits with converters, wires
    and conductances that are off; then the files that it wrote: a layout, a netlist and a figure.
    """
    from circuitnn.demos.digits import run_digits

    with terminal.progress(name) as progress:
        report = run_digits(output, progress=progress, quick=quick)
    rows = [(r.label, f"{r.accuracy:.2f}", f"{r.spread:.2f}", f"{r.seconds:.2f}") for r in report.rows]
    terminal.table(["", "accuracy (%)", "spread (%)", "time (s)"], rows, title=f"demo {name}", numbers=1)
    click.echo(f"inference and full nodal solution differ by {report.nodal_difference:.1e} of the largest current")
    for path in report.files:
        click.echo(f"wrote {path}")


EXPORT = demo
