"""``circuitnn plot``: a picture of a file of results."""

from __future__ import annotations

from pathlib import Path

import click

from circuitnn.cli import terminal
from circuitnn.errors import FileError, UsageError


@click.command()
@click.argument("raw")
@click.argument("vectors", nargs=-1)
@click.option("-o", "--output", metavar="PNG", help="Name of the picture; beside RAW by default.")
def plot(raw: str, vectors: tuple[str, ...], output: str | None) -> None:
    """Draw the vectors of a file of results.

    RAW is a raw or HDF5 file; vectors are named as in "v(out)", all voltages when none are. Makes one picture an
    analysis that has them; for ac magnitude and phase.
    """
    target = terminal.require_folder(output or Path(raw).with_suffix(".png"))
    if target.suffix.lower() != ".png":
        raise UsageError(f"cannot draw to {str(target)!r}", expected="a name that ends in .png")
    if Path(raw).suffix.lower() in (".h5", ".hdf5"):
        from circuitnn.results.hdf5 import read_hdf5 as read
    else:
        from circuitnn.results.rawfile import read_raw as read
    results = read(raw)
    swept = [result for result in results.values() if result.has_axis and len(result)]
    if not swept:
        raise FileError(f"{raw} holds nothing to plot", expected="a dc, ac or transient analysis")
    drawn = [result for result in swept if all(name in result for name in vectors)]
    if not drawn:
        absent = next(name for name in vectors if name not in swept[0])
        known = ", ".join(swept[0].keys()[1:9])
        raise UsageError(f"{raw} has no vector {absent!r}", names=(absent,), hint=f"it has {known}")
    for result, path in zip(drawn, terminal.png_paths(drawn, target), strict=True):
        terminal.write_png(result, vectors, path)
        click.echo(str(path))


EXPORT = plot
