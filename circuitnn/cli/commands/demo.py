"""``circuitnn demo``: a whole experiment in one command."""

from __future__ import annotations

from pathlib import Path

import click

from circuitnn.cli import terminal


@click.command()
@click.argument("name", type=click.Choice(["digits", "vowels", "reservoir", "drones", "rf_digits"]))
@click.option("-o", "--output", metavar="DIR", help="Folder for its files; NAME_demo when absent.")
@click.option("--quick", is_flag=True, help="Fewer seeds, and fewer points in the figure.")
def demo(name: str, output: str | None, quick: bool) -> None:
    """Run a whole experiment, print what it found and draw it.

    \b
    digits     a network for digits on imperfect crossbars
    vowels     four coupled spin-torque oscillators learn to tell vowels (data: CIRCUITNN_DATA)
    reservoir  one oscillator, multiplexed in time, tells waveforms, reads digits, predicts a series
    drones     resonators and oscillators tell drones by their radio (data: CIRCUITNN_DATA)
    rf_digits  resonators multiply and add radio signals to read digits
    """
    folder = output or f"{name}_demo"
    files = {"digits": _digits, "vowels": _vowels, "reservoir": _reservoir}
    found = _radio(name, quick) if name not in files else files[name](folder, quick)
    for path in found:
        click.echo(f"wrote {path}")


def _digits(folder: str, quick: bool) -> tuple[Path, ...]:
    from circuitnn.demos.digits import run_digits

    with terminal.progress("digits") as progress:
        report = run_digits(folder, progress=progress, quick=quick)
    rows = [(r.label, f"{r.accuracy:.2f}", f"{r.spread:.2f}", f"{r.seconds:.2f}") for r in report.rows]
    terminal.table(["", "accuracy (%)", "spread (%)", "time (s)"], rows, title="demo digits", numbers=1)
    click.echo(f"inference and full nodal solution differ by {report.nodal_difference:.1e} of the largest current")
    return report.files


def _vowels(folder: str, quick: bool) -> tuple[Path, ...]:
    from circuitnn.demos.vowels import run_vowels

    with terminal.progress("vowels") as progress:
        report = run_vowels(folder, progress=progress, quick=quick)
    rows = [
        (r.label, str(r.splits), f"{r.train:.1f}", f"{r.train_spread:.1f}", f"{r.test:.1f}", f"{r.test_spread:.1f}")
        for r in report.rows
    ]
    header = ["", "splits", "training (%)", "spread (%)", "held out (%)", "spread (%)"]
    terminal.table(header, rows, title="demo vowels", numbers=1)
    click.echo(f"{report.tokens} tokens of {report.speakers} women; {report.before:.1f} % in training before learning")
    click.echo(f"{1e9 * report.energy:.1f} nJ a token in four junctions; {report.seconds:.0f} s")
    return report.files


def _reservoir(folder: str, quick: bool) -> tuple[Path, ...]:
    from circuitnn.demos.reservoir import run_reservoir

    with terminal.progress("reservoir") as progress:
        report = run_reservoir(folder, progress=progress, quick=quick)
    rows = []
    for r in report.rows:
        digits = 3 if r.task == "series" else 1
        cells = (f"{score:.{digits}f} ({spread:.{digits}f})" for score, spread in zip(r.scores, r.spreads, strict=True))
        rows.append((f"{r.task}: {r.label}", *cells))
    header = ["", "no noise", "16 presentations", "one"]
    terminal.table(header, rows, title=f"demo reservoir, {report.seeds} seeds", numbers=1)
    click.echo("waveforms and digits: held out, right (%); series: relative error; in brackets deviations of seeds")
    click.echo(
        f"{1e9 * report.wave_energy:.1f} nJ a point of a waveform, {1e9 * report.digit_energy:.0f} nJ an image; "
        f"{report.seconds:.0f} s"
    )
    return report.files


def _radio(name: str, quick: bool) -> tuple[Path, ...]:
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
    return ()


EXPORT = demo
