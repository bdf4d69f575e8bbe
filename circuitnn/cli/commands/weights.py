"""``circuitnn weights``: matrices of safetensors files, however large, onto a folder of tiles."""

from __future__ import annotations

from typing import Any

import click

from circuitnn.cli import terminal
from circuitnn.errors import UsageError


@click.command()
@click.argument("source")
@click.option("-o", "--output", metavar="DIR", help="Folder for the tiles; work that was broken off there goes on.")
@click.option("--plan", "only_plan", is_flag=True, help="Say what there is to do, measure a few tiles, and stop.")
@click.option("--matrices", multiple=True, metavar="PATTERN", help="Tensors to compile, such as 'h.*.weight'; all.")
@click.option("--transposed", multiple=True, metavar="PATTERN", help="Those stored as (outputs, inputs).")
@click.option(
    "--tile", type=terminal.TileSize(), default="128x128", show_default=True, help="Word and bit lines of a tile."
)
@click.option("--device", default="hfo2", show_default=True, help="Card or memristor model of the cells.")
@click.option("--encoding", default="differential", show_default=True, help="What a weight becomes.")
@click.option("--r-wire", type=terminal.Quantity(), default="0", show_default=True, help="Ohms a segment of wire.")
@click.option(
    "--storage", type=click.Choice(["single", "double"]), default="single", show_default=True, help="Of conductances."
)
@click.option(
    "--verify", type=float, default=0.0, metavar="SHARE", help="Share of tiles solved with their wires and compared."
)
@click.option("--seed", type=int, help="Of the choice of these tiles.")
@click.option("--workers", type=int, help="Processes; by default as many as are worth it.")
@click.option("--cluster", metavar="ADDRESS", help="A Dask cluster: its scheduler's address, or 'local' for a new one.")
def weights(
    source: str, output: str | None, only_plan: bool, matrices: tuple[str, ...], transposed: tuple[str, ...],
    verify: float, workers: int | None, cluster: str | None, **options: Any,
) -> None:  # fmt: skip
    """Compile huge matrices, tile by tile.

    SOURCE is a .safetensors file or a folder of them.

    Memory holds a few tiles at a time. What is finished stays in DIR when the work is interrupted or killed: the same
    command goes on with it. In the end DIR/weights.h5 shows each matrix's cells as one dataset.
    """
    from circuitnn.mapping.stream import compile_weights, measured, plan_weights

    chosen = {"matrices": matrices or "*", "transposed": transposed, **options}
    if only_plan:
        plan = plan_weights(source, **chosen)
        seconds = measured(plan)
        click.echo(str(plan))
        click.echo(f"{1e3 * seconds:.3g} ms a tile here: {seconds * plan.tiles:.3g} s in one process")
        return
    if output is None:
        raise UsageError("there is no folder for the tiles", expected="-o DIR, or --plan")
    try:
        with terminal.progress(source) as progress:
            report = compile_weights(
                source, output, verify=verify, workers=workers, cluster=cluster, progress=progress, **chosen
            )
    except KeyboardInterrupt:
        terminal.message(f"{output} holds what is finished; the same command goes on with it")
        raise
    click.echo(str(report))
    terminal.message(f"wrote {report.folder / 'weights.h5'}")


EXPORT = weights
