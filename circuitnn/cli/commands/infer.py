"""``circuitnn infer``: inputs through the circuit of a compiled network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from circuitnn.cli import terminal
from circuitnn.errors import UsageError


@click.command()
@click.argument("layout")
@click.argument("data")
@click.option("-o", "--output", metavar="OUT", help="Write the outputs, one row a sample, to a .npy file.")
def infer(layout: str, data: str, output: str | None) -> None:
    """Run a compiled network in its circuit.

    DATA is an .npz file with the array x, and y for the labels, or a .npy file with x alone. With labels it prints the
    accuracy, of the circuit and of the ideal network; else the outputs, unless OUT takes them.
    """
    from circuitnn.cli.data import read_layout, read_samples

    if output is not None and not output.lower().endswith(".npy"):
        raise UsageError(f"cannot write outputs to {output!r}", expected="a name that ends in .npy")
    target = terminal.require_folder(output) if output else None
    loaded = read_layout(layout)
    x, y = read_samples(data)
    if y is not None:
        with terminal.progress(layout) as progress:
            found = loaded.evaluate(x, y, progress=progress)
        click.echo(str(found))
    if target:
        _write(target, loaded(x))
        terminal.message(f"wrote {target}")
    elif y is None:
        outputs = loaded(x)
        for row in outputs.reshape(-1, outputs.shape[-1]).tolist():
            click.echo(" ".join(f"{value:.6g}" for value in row))


def _write(path: Path, outputs: Any) -> None:
    import numpy as np

    from circuitnn.results.atomic import replacing

    with replacing(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, outputs, allow_pickle=False)


EXPORT = infer
