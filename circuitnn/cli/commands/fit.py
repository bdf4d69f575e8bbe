"""``circuitnn fit``: parameters of a device from measured loops and pulse trains."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from circuitnn.cli import terminal
from circuitnn.errors import FileError, UsageError
from circuitnn.units import parse_value


@click.command()
@click.argument("model")
@click.argument("data", nargs=-1, required=True)
@click.option("--param", "params", multiple=True, metavar="NAME[=LOW:HIGH]", help="A parameter to fit; once for each.")
@click.option("--start", "start", multiple=True, metavar="NAME=VALUE", help="Where to begin, or a value to keep.")
@click.option("--scale", default="linear", help="How differences count: linear, log or relative.")
@click.option("--floor", type=terminal.Quantity(), default="1m", help="Part of the largest current that is noise.")
@click.option("--rate", type=terminal.Quantity(), help="V/s, of loops without times.")
@click.option("--series", type=terminal.Quantity(), default="0", help="Resistance before the device, ohm.")
@click.option("--read-voltage", type=terminal.Quantity(), default="0.1", help="Of pulse trains, V.")
@click.option("--starts", type=int, default=1, help="Tries from points spread over the bounds.")
@click.option("--seed", type=int, default=0, help="Of these points.")
@click.option("--name", default="fit", help="Name of the model card.")
@click.option("-o", "--output", metavar="OUT", help="Write the model card to a .cir file, or everything to .json.")
@click.option("--plot", metavar="PICTURE", help="Draw measured and fitted currents and their residuals.")
def fit(
    model: str, data: tuple[str, ...], params: tuple[str, ...], start: tuple[str, ...], scale: str, floor: float,
    rate: float | None, series: float, read_voltage: float, starts: int, seed: int, name: str, output: str | None,
    plot: str | None,
) -> None:  # fmt: skip
    """Fit parameters of a device to measurements.

    MODEL is a device or a ready-made card; all DATA files are fitted at once.

    A file has the columns time, voltage, current; voltage, current (with --rate); or amplitude, width, current (or
    conductance) of pulses, each read at the read voltage. Prints values, standard errors, 95 % intervals and what the
    data do not determine.
    """
    from circuitnn.fitting.fit import fit as run_fit
    from circuitnn.fitting.measured import read_measured

    target = _target(output)
    picture = terminal.picture_path(plot) if plot else None
    asked = dict(_bounds(text) for text in params)
    if len(asked) != len(params) or not asked:
        raise UsageError("which parameters?", expected="--param NAME or --param NAME=LOW:HIGH, each once")
    begin = dict(_value(text) for text in start)
    measured = [read_measured(path, rate=rate, series=series, read_voltage=read_voltage) for path in data]
    with terminal.progress(f"fit {model}") as progress:
        found = run_fit(
            model, measured, asked,
            start=begin, scale=scale, floor=floor, starts=starts, seed=seed, progress=progress,
        )  # fmt: skip
    card = found.card(name)
    click.echo(found.report())
    click.echo(f"\n{card}")
    if target is not None and target.suffix.lower() == ".json":
        found.save(target)
    elif target is not None:
        _write_card(target, f"* {model} fitted to {', '.join(data)}", card)
    if picture is not None:
        terminal.write_drawn(lambda: found.plot()[:, 0], picture)
    for path in (target, picture):
        if path is not None:
            terminal.message(f"wrote {path}")


def _target(output: str | None) -> Path | None:
    if output is None:
        return None
    if Path(output).suffix.lower() not in (".cir", ".json"):
        raise UsageError(f"cannot write a fit to {output!r}", expected="a name that ends in .cir or .json")
    return terminal.require_folder(output)


def _write_card(target: Path, comment: str, card: str) -> None:
    from circuitnn.results.atomic import replacing

    with replacing(target) as temporary:
        try:
            temporary.write_text(f"{comment}\n{card}\n", encoding="utf-8")
        except OSError as error:
            raise FileError(f"cannot write {str(target)!r}: {error}") from error


def _bounds(text: str) -> tuple[str, Any]:
    name, equals, rest = text.partition("=")
    if not equals:
        return name.lower(), None
    low, colon, high = rest.partition(":")
    if not colon:
        raise UsageError(f"--param {text}", expected="NAME=LOW:HIGH")
    return name.lower(), (parse_value(low), parse_value(high))


def _value(text: str) -> tuple[str, float]:
    name, equals, value = text.partition("=")
    if not equals:
        raise UsageError(f"--start {text}", expected="NAME=VALUE")
    return name.lower(), parse_value(value)


EXPORT = fit
