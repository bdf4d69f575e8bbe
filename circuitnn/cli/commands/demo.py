"""``circuitnn demo``: a whole experiment in one command."""

from __future__ import annotations

import click

from circuitnn.cli import terminal


@click.command()
@click.argument("name", type=click.Choice(["digits", "drones", "rf_digits"]))
@click.option("-o", "--output", metavar="DIR", default="digits_demo", show_default=True, help="Folder for its files.")
@click.option("--quick", is_flag=True, help="Fewer seeds, and fewer points in the figure.")
def demo(name: str, output: str, quick: bool) -> None:
    """Run a network on hardware, from data to accuracy.

    drones (Ross et al. 2023; needs ross2023_drone.h5 in the folder CIRCUITNN_DATA) and rf_digits train networks of
    resonators and oscillators through their physics, over several seeds, and write no files. digits runs a network on
    imperfect crossbars.

    Prints the accuracy on images not seen in training, of the network itself and of circuits with converters, wires
    and conductances that are off; then the files that it wrote: a layout, a netlist and a figure.
    """
    if name != "digits":
        _radio(name, quick)
        return
    from circuitnn.demos.digits import run_digits

    with terminal.progress(name) as progress:
        report = run_digits(output, progress=progress, quick=quick)
    rows = [(r.label, f"{r.accuracy:.2f}", f"{r.spread:.2f}", f"{r.seconds:.2f}") for r in report.rows]
    terminal.table(["", "accuracy (%)", "spread (%)", "time (s)"], rows, title=f"demo {name}", numbers=1)
    click.echo(f"inference and full nodal solution differ by {report.nodal_difference:.1e} of the largest current")
    for path in report.files:
        click.echo(f"wrote {path}")


def _radio(name: str, quick: bool) -> None:
    from circuitnn.demos.rf import drones_mlp, run_drones, run_rf_digits

    run = {"drones": run_drones, "rf_digits": run_rf_digits}[name]
    rows = []
    for seed in range(1 if quick else 5):
        found = run(seed)
        powers = f"{1e6 * found.tones:.2f}", f"{1e6 * found.neurons:.2f}"
        rows.append((f"seed {seed}", f"{100 * found.training:.2f}", f"{100 * found.held_out:.2f}", *powers))
    head = ["", "training (%)", "held out (%)", "tones (uW a chain)", "oscillators (uW)"]
    terminal.table(head, rows, title=f"demo {name}", numbers=1)
    click.echo(f"{found.resonators} resonators")
    if name == "drones":
        software = drones_mlp()
        if software is not None:
            click.echo(f"an MLP of that size in software: {100 * software:.2f} % held out")
        click.echo("702 training and 298 test signals, the published split")
    else:
        click.echo("8 x 8 digits of scikit-learn's 1797, 360 held out; the paper's split is not known")


EXPORT = demo
