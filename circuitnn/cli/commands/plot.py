"""``circuitnn plot``: a picture of a file of results."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from circuitnn.cli import terminal
from circuitnn.cli.terminal import Quantity
from circuitnn.errors import AnalysisError, FileError, UsageError

if TYPE_CHECKING:
    from circuitnn.results.result import Result


@click.command()
@click.argument("raw")
@click.argument("vectors", nargs=-1)
@click.option("-o", "--output", metavar="FILE", help="Picture to write, .png, .pdf or .svg; RAW.png by default.")
@click.option("--analysis", metavar="NAME", help="Draw that one alone: tran, ac2, ...")
@click.option("--nyquist", is_flag=True, help="Imaginary against real part of ac vectors.")
@click.option("--eye", type=Quantity(), metavar="PERIOD", help="Eye diagram of a transient.")
@click.option("--offset", type=Quantity(), default=0.0, metavar="TIME", help="Where the eye's first period begins.")
@click.option("--spectrum", metavar="VECTOR", help="Power spectrum of a vector of a transient, in dBm into 50 ohm.")
@click.option("--spectrogram", metavar="VECTOR", help="Spectra of stretches of a transient one after the other.")
@click.option("--log", type=click.Choice(["x", "y", "xy", "none"]), help="Logarithmic axes.")
@click.option("--x-range", type=(Quantity(), Quantity()), metavar="LOW HIGH", help="What is shown of the axis.")
@click.option("--y-range", type=(Quantity(), Quantity()), metavar="LOW HIGH", help="What is shown of the vectors.")
def plot(
    raw: str,
    vectors: tuple[str, ...],
    output: str | None,
    analysis: str | None,
    nyquist: bool,
    eye: float | None,
    offset: float,
    spectrum: str | None,
    spectrogram: str | None,
    log: str | None,
    x_range: tuple[float, float] | None,
    y_range: tuple[float, float] | None,
) -> None:
    """Draw the vectors of a file of results.

    RAW is a .raw, .h5 or .csv file; vectors are names or expressions such as "v(a)-v(b)" or "db(v(out))", all voltages
    when none are given. Makes one picture an analysis that has them, in which those of unlike units have a panel each
    and steps are a family; for ac magnitude and phase. Of a spectrum --x-range is the stretch of time.
    """
    from circuitnn.results.plot import families
    from circuitnn.results.results import Results

    target = terminal.picture_path(output or Path(raw).with_suffix(".png"))
    swept = families(Results.load(raw))
    if not swept:
        raise FileError(f"{raw} holds nothing to plot", expected="a dc, ac or transient analysis")
    density = spectrum or spectrogram
    if density and (vectors or nyquist or eye is not None or log or y_range or (spectrum and spectrogram)):
        raise UsageError(
            "a spectrum is a picture of one vector alone", expected="--analysis, -o and --x-range beside it"
        )
    kind = analysis or ("tran" if eye is not None or density else "ac" if nyquist else None)
    fitting = [family for family in swept if kind is None or kind.lower() in (family[0].kind, family[0].name)]
    if not fitting:
        raise UsageError(
            f"{raw} has no analysis {kind!r} to plot", hint=f"it has {', '.join(f[0].name for f in swept)}"
        )
    if density:
        which = "spectrum" if spectrum else "spectrogram"
        click.echo(str(_draw_spectra([r for family in fitting for r in family], raw, which, density, x_range, target)))
        return
    drawn = [family for family in fitting if _has(family[0], vectors)]
    if not drawn:
        result = fitting[0][0]
        for vector in vectors:
            _require(raw, result, vector)
    paths = terminal.picture_paths([family[0].name for family in drawn], target)
    for family, path in zip(drawn, paths, strict=True):
        terminal.write_picture(
            family, vectors, path, nyquist=nyquist, eye=eye, offset=offset, log=log, x_range=x_range, y_range=y_range
        )
        click.echo(str(path))


def _draw_spectra(
    results: Sequence[Result],
    raw: str,
    which: str,
    vector: str,
    x_range: tuple[float, float] | None,
    target: Path,
) -> Path:
    """Draw the spectrum or the spectrogram of a vector of one transient, between two times if given."""
    if len(results) > 1:
        raise UsageError(f"{raw} holds {len(results)} transients", hint="choose one by --analysis; steps by Python")
    _require(raw, results[0], vector)
    start, stop = x_range or (None, None)
    terminal.write_drawn(lambda: getattr(results[0], which)(vector, start=start, stop=stop).plot(), target)
    return target


def _has(result: Result, vectors: Sequence[str]) -> bool:
    from circuitnn.measure.expression import parse_vectors, vectors_of

    return all(name in result or all(v in result for v in vectors_of(parse_vectors(name))) for name in vectors)


def _require(raw: str, result: Result, vector: str) -> None:
    """Raise UsageError when a result lacks a vector of an expression."""
    try:
        if vector not in result:
            result.evaluate(vector)
    except AnalysisError as error:
        absent = error.names[0] if error.names else vector
        known = ", ".join(result.keys()[1:9])
        raise UsageError(f"{raw} has no vector {absent!r}", names=(absent,), hint=f"it has {known}") from None


EXPORT = plot
