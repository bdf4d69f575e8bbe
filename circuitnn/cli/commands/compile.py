"""``circuitnn compile``: a trained network onto crossbars, or onto resonators and oscillators."""

from __future__ import annotations

from typing import Any

import click
from click.core import ParameterSource

from circuitnn.cli import terminal
from circuitnn.errors import UsageError
from circuitnn.results.atomic import new_folder

_FEW = 100  # tiles whose netlists, megabytes each, nobody minds


@click.command("compile")
@click.argument("network")
@click.option("-o", "--output", required=True, metavar="DIR", help="Folder for layout.h5 and the netlists.")
@click.option(
    "--target", type=click.Choice(["crossbar", "rf"]), default="crossbar", show_default=True, help="Kind of hardware."
)
@click.option(
    "--tile", type=terminal.TileSize(), default="128x128", show_default=True, help="Word and bit lines of a tile."
)
@click.option(
    "--device",
    default="hfo2",
    show_default=True,
    help="Card or memristor model of the cells, as 'circuitnn devices' lists.",
)
@click.option("--r-wire", type=terminal.Quantity(), default="0", show_default=True, help="Ohms a segment of wire.")
@click.option(
    "--encoding",
    default="differential",
    show_default=True,
    metavar="NAME[:NUMBERS]",
    help="From weights to cells: differential, offset, complementary, parallel:devices=4, sliced:bits=8,cell_bits=2.",
)
@click.option(
    "--unrolling",
    type=click.Choice(["im2col", "kernel"]),
    default="im2col",
    show_default=True,
    help="Of convolutions: the whole kernel as one matrix, or a matrix for each of its positions.",
)
@click.option("--packed", is_flag=True, help="Leave out lines of zeros, and group outputs that read alike.")
@click.option("--digital", multiple=True, metavar="NODE", help="A node that stays in digital logic; or: unsupported.")
@click.option(
    "--input-shape", type=terminal.Sizes(), help="Of a sample, as in 3x224x224, where the network leaves it open."
)
@click.option("--dac-bits", type=int, help="Resolution of the inputs; exact when not given.")
@click.option("--adc-bits", type=int, help="Resolution of the outputs; exact when not given.")
@click.option("--calibration", metavar="DATA", help="Typical inputs (.npz or .npy), which set the converters' ranges.")
@click.option(
    "--netlists/--no-netlists", default=None, help=f"A SPICE netlist of each tile; by default up to {_FEW} tiles."
)
@click.pass_context
def compile_(
    context: click.Context,
    network: str,
    output: str,
    target: str,
    calibration: str | None,
    netlists: bool | None,
    **options: Any,
) -> None:
    """Map a trained network (ONNX) onto crossbars or radio hardware.

    Writes DIR/layout.h5, which 'infer' and 'export' read, and tiles as plain SPICE netlists; prints a report.
    With --target rf it is mapped onto resonators and oscillators; --calibration is all that this takes, and netlists,
    one input each, are written from Python. A layout's netlists can also be had later: 'circuitnn export --spice'.
    """
    import circuitnn as cn
    from circuitnn.cli.data import read_samples

    if network.lower().endswith(".safetensors"):
        raise UsageError(
            f"{network!r} holds matrices, and not how they are joined",
            expected="a network, such as an ONNX file",
            hint=f"circuitnn weights {network} -o {output} puts the matrices on tiles",
        )
    samples = None if calibration is None else read_samples(calibration)[0]
    if target == "rf":
        if netlists is not None:
            options["netlists"] = netlists
        given = {n: v for n, v in options.items() if context.get_parameter_source(n) == ParameterSource.COMMANDLINE}
        radio = cn.compile(network, target="rf", calibration=samples, **given)
        folder = new_folder(output)
        radio.save(folder / "layout.h5")
        click.echo(str(radio.report()))
        terminal.message(f"wrote {folder / 'layout.h5'}")
        return
    layout = cn.compile(network, **options, calibration=samples)
    folder = new_folder(output)
    layout.save(folder / "layout.h5")
    click.echo(str(layout.report()))
    tiles = layout.report().tiles
    if netlists is False or (netlists is None and tiles > _FEW):
        later = f"'circuitnn export {folder / 'layout.h5'} --spice DIR' writes them"
        why = f"the netlists of {tiles} tiles are not written: " if netlists is None else "netlists: "
        terminal.message(f"wrote {folder / 'layout.h5'}; {why}{later}")
        return
    count = len(layout.to_netlist(folder))
    terminal.message(f"wrote {folder / 'layout.h5'} and {count} netlist{'' if count == 1 else 's'} in {folder}")


EXPORT = compile_
