"""``circuitnn run``: every analysis of a deck, in order."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from circuitnn.cli import terminal
from circuitnn.errors import CircuitError, CircuitnnError, DeviceError, FileError, NetlistError, UsageError

if TYPE_CHECKING:
    from circuitnn.measure.fourier import Harmonics
    from circuitnn.netlist.netlist import Netlist
    from circuitnn.results.result import Result
    from circuitnn.results.results import Results

_MOST_STEPS = 12  # results of a stepped deck that are printed
_MOST_ROWS = 60  # of a table; a file holds the rest
_POINTS = {
    "op": "operating point",
    "noise_total": "noise over the band",
    "tf": "transfer function",
    "sens": "sensitivities",
    "pz": "poles and zeros",
    "pss": "periodic steady state",
}
_SINGLE = re.compile(r"[^()]*\([^()]*\)|[^-+*/^()<>=?&|%]*")


@click.command()
@click.argument("deck")
@click.option("-o", "--output", metavar="OUT", help="Write the results to a .raw (SPICE), .h5 (HDF5) or .csv file.")
@click.option("--plot", is_flag=True, help="Draw a PNG beside the output or the deck, one an analysis.")
@click.option("--json", "as_json", is_flag=True, help="Print measures and statistics as JSON.")
@click.option("--runs", type=int, help="Monte Carlo runs, in place of those of the deck's .mc card.")
@click.option("--seed", type=int, help="Seed of the runs.")
@click.option(
    "--workers",
    type=int,
    help="Processes for Monte Carlo runs (by default as many as are worth it), corners and steps.",
)
@click.option(
    "--cluster", metavar="ADDRESS", help="A Dask cluster for them: its scheduler's address, or 'local' for a new one."
)
@click.option(
    "--store", metavar="FOLDER", help="Keep finished runs and corners in a folder, and go on with those that are there."
)
def run(
    deck: str, output: str | None, plot: bool, as_json: bool, runs: int | None, seed: int | None, workers: int | None,
    cluster: str | None, store: str | None,
) -> None:  # fmt: skip
    """Run every analysis of a deck.

    Prints the voltages and currents of operating points, and the range of each printed or saved vector of the other
    analyses. The points of transients go to OUT while they are computed and do not stay in memory. When an analysis
    fails or is interrupted, OUT holds what was computed until then, and the exit status is 1 or 130.

    A deck with a .mc card, or --runs, is run many times, across cores: printed is what is typical of its measures,
    drawn are percentile bands and histograms, and OUT is a .csv file of the measures of all runs or a .h5 file of all
    of them. With .corner or .step each of their points has its own.
    """
    from circuitnn.cli.statistics import is_wanted, run_samples
    from circuitnn.netlist.netlist import load
    from circuitnn.runs.check import check

    target = _target(output)
    try:
        netlist = load(deck)
        if is_wanted(netlist, runs):
            options = {"runs": runs, "seed": seed, "workers": workers, "cluster": cluster, "store": store}
            picture = (target or Path(deck)).with_suffix(".png") if plot else None
            run_samples(netlist, options, target, picture, _printed(netlist), as_json=as_json)
            return
        if seed is not None:
            raise UsageError("--seed belongs to Monte Carlo runs", hint="give --runs, or a .mc card")
        results = _compute(netlist, target, workers, cluster, store)
    except (CircuitError, DeviceError, NetlistError) as error:
        if not getattr(error, "result", None):
            check(deck).throw()  # all mistakes instead of the first
        raise
    if target and not results:
        terminal.message(f"the script ran no analysis: {target} is not written")
        target = None
    pictures = _plot(results, netlist, (target or Path(deck)).with_suffix(".png")) if plot else []
    terminal.warn(results.warnings)
    if as_json:
        click.echo(json.dumps(_summary(results, netlist), indent=2, default=_plain))
    else:
        for line in results.printed:
            click.echo(line)
        shown = [] if results.printed else list(results.values())
        for result in shown[: _MOST_STEPS if results.steps else None]:
            _print(result, _chosen(result, netlist), results.corners)
        if results.steps and len(shown) > _MOST_STEPS:
            terminal.message(f"{len(shown) - _MOST_STEPS} results of other steps; -o writes all of them")
        for name, found in () if results.printed else results.harmonics.items():
            for harmonics in found:
                _print_harmonics(name, harmonics)
        if results.measures and results.steps:
            _print_steps(results)
        elif results.measures:
            rows = [(name, f"{value:.6g}") for name, value in results.measures.items()]
            terminal.table(["measure", "value"], rows, numbers=1)
    for path in [*_written(results, target), *pictures]:
        terminal.message(f"wrote {path}")


def _target(output: str | None) -> Path | None:
    from circuitnn.results.formats import format_of

    if output is None:
        return None
    format_of(output)
    return terminal.require_folder(output)


def _written(results: Results, target: Path | None) -> list[Path]:
    from circuitnn.results.csv_file import csv_tables

    if target is None:
        return []
    return [*csv_tables(results, target)] if target.suffix.lower() == ".csv" else [target]


def _compute(
    netlist: Netlist, target: Path | None, workers: int | None, cluster: str | None, store: str | None
) -> Results:
    """Run the deck; what it computed is in the target, also when it fails or is interrupted."""
    flat = netlist.expand()
    if not flat.analyses and not flat.script:
        return netlist.run()  # which says what is missing
    with ExitStack() as stack:
        stream = target
        if target and target.suffix.lower() != ".raw":
            # Other formats are made of a raw file, so that no more than a part of it is in memory.
            stream = Path(stack.enter_context(_spool(target)), "points.raw")
        try:
            with terminal.progress(Path(str(netlist.path)).name) as progress:
                results = netlist.run(progress, stream=stream, workers=workers, cluster=cluster, store=store)
        # Also a later card that names an absent source, or an interrupt in a later analysis: the earlier ones were run.
        except (CircuitnnError, KeyboardInterrupt) as error:
            terminal.warn(getattr(getattr(error, "result", None), "warnings", ()))
            if target and (isinstance(error, CircuitnnError) or getattr(error, "result", None)):
                _save_partial(error, target, stream)
            raise
        if target and target != stream and results:
            results.save(target)
        return results


@contextmanager
def _spool(target: Path) -> Iterator[str]:
    """Make a folder beside the target that is gone in the end."""
    try:
        folder = tempfile.TemporaryDirectory(dir=target.parent, prefix=f".{target.name[:64]}.")
    except OSError as error:
        raise FileError(f"cannot write {str(target)!r}: {error}") from error
    with folder as name:
        yield name


def _save_partial(error: BaseException, target: Path, stream: Path | None) -> None:
    from circuitnn.results.result import Result
    from circuitnn.results.results import Results

    computed = getattr(error, "result", None)
    partial = Results([computed]) if isinstance(computed, Result) else computed
    if not partial:
        terminal.message(f"nothing was computed: {target} is not written")
        return
    if target != stream:
        partial.save(target)
    files = ", ".join(str(path) for path in _written(partial, target))
    held = ", ".join(f"{name} with {_points(result)}" for name, result in partial.items())
    terminal.message(f"wrote {files}, which holds what was computed: {held}")


def _points(result: Result) -> str:
    return f"{len(result)} point{'' if len(result) == 1 else 's'}"


def _printed(netlist: Netlist) -> list[str]:
    """Return the vectors that the deck's ``.print`` and ``.plot`` cards name, of any analysis."""
    from circuitnn.measure.expression import split_expressions
    from circuitnn.netlist.conditions import every_part
    from circuitnn.netlist.statements import Directive

    cards = [card for card in every_part(netlist.statements) if isinstance(card, Directive) and card.words]
    texts = [str(card.words[0]).partition(" ")[2] for card in cards if card.name in ("print", "plot")]
    return [vector.lower() for text in texts for vector in split_expressions(text)]


def _chosen(result: Result, netlist: Netlist) -> list[str]:
    """Return the vectors that the deck's ``.print`` and ``.plot`` cards name for an analysis, or all."""
    from circuitnn.measure.expression import split_expressions
    from circuitnn.netlist.conditions import every_part
    from circuitnn.netlist.statements import Directive

    named: list[str] = []
    for card in every_part(netlist.statements):
        if isinstance(card, Directive) and card.name in ("print", "plot") and card.words:
            kind, _, rest = str(card.words[0]).partition(" ")
            if kind.lower() == result.kind:
                for vector in split_expressions(rest):
                    found = result.keys()[1 if result.has_axis else 0 :] if vector.lower() == "all" else [vector]
                    named += [v for v in found if v not in named]
    missing = {}
    for name in named:
        try:
            result.evaluate(name)
        except CircuitnnError as error:
            known = name in error.names
            missing[name] = f"{result.name} has no {name}, which .print names" + ("" if known else f": {error.message}")
    terminal.warn(missing.values())
    return [name for name in named if name not in missing] or result.keys()[1 if result.has_axis else 0 :]


def _heading(result: Result, corners: Sequence[str]) -> str:
    return result.name + "".join([f", {name} = {_at(name, value, corners)}" for name, value in result.step.items()])


def _at(name: str, value: float, corners: Sequence[str]) -> str:
    """Return the value of what is stepped as text: that of corners is their name."""
    return corners[int(value) - 1] if name == "corner" and corners else f"{value:.6g}"


def _print(result: Result, names: list[str], corners: Sequence[str]) -> None:
    import numpy as np

    shown = names[:_MOST_ROWS]
    rows: list[Sequence[str]]
    if not result.has_axis:
        rows = [(n, f"{result.evaluate(n):.6g}", _unit(result, n)) for n in shown]
        terminal.table(["", "value", "unit"], rows, title=f"{_heading(result, corners)}: {_POINTS[result.kind]}")
    else:
        rows = []
        ranges = _ranges(result, shown)
        for name in shown:
            ends = ranges[name]
            rows.append((name, *(f"{x:.6g}" for x in ends), *[""] * (3 - len(ends)), _unit(result, name)))
        axis = result.variables[0]
        span = (
            f", {axis.name} from {result.data[0, 0].real:g} to {result.data[-1, 0].real:g} {axis.unit}".rstrip()
            if len(result)
            else ""
        )
        title = f"{_heading(result, corners)}: {_points(result)}{span}" + (
            " (magnitudes)" if np.iscomplexobj(result.data) else ""
        )
        terminal.table(["", "least", "largest", "last", "unit"], rows, title=title)
    if len(names) > len(shown):
        terminal.message(f"{result.name}: {len(names) - len(shown)} vectors more; -o writes all of them")


def _ranges(result: Result, names: Sequence[str]) -> dict[str, Sequence[float]]:
    """Return least, largest and last value of vectors; those of plain columns come from one pass over the points."""
    import numpy as np

    from circuitnn.results.stored import ranges_of

    if not len(result):
        return dict.fromkeys(names, ())
    known = {name: k for k, name in enumerate(result.keys()) if k}
    ends = ranges_of(result.data) if any(name in known for name in names) else None
    found: dict[str, Sequence[float]] = {}
    for name in names:
        if ends is not None and name in known:
            found[name] = ends[:, known[name]].tolist()
        else:
            column = np.broadcast_to(result.evaluate(name), len(result))
            values = np.abs(column) if np.iscomplexobj(column) else column
            found[name] = (values.min(), values.max(), values[-1])
    return found


def _print_steps(results: Results) -> None:
    stepped, measures = list(results.steps[0]), results.measures
    rows = []
    for k, step in enumerate(results.steps):
        values = [measures[name][k] for name in measures]
        rows.append(
            (
                *(_at(name, x, results.corners) for name, x in step.items()),
                *("failed" if v is _masked() else f"{v:.6g}" for v in values),
            )
        )
    terminal.table([*stepped, *measures], rows, numbers=0, title="measures")


def _masked() -> Any:
    import numpy as np

    return np.ma.masked


def _print_harmonics(name: str, found: Harmonics) -> None:
    columns = (found.frequency, found.magnitude, found.phase, found.normalised_magnitude, found.normalised_phase)
    rows = [(str(k), *(f"{x:.6g}" for x in row)) for k, row in enumerate(zip(*columns, strict=True))]
    heads = ["harmonic", "frequency", "magnitude", "phase", "norm. magnitude", "norm. phase"]
    terminal.table(heads, rows, title=f"{name}: Fourier analysis of {found.name}, THD {found.thd:.6g} %")


def _unit(result: Result, name: str) -> str:
    for variable in result.variables:
        if variable.name.lower() == name.lower():
            return variable.unit
    low = name.lower()
    if not _SINGLE.fullmatch(low):
        return ""  # of an expression it is not known
    return "dB" if low[1:3] == "db" else "rad" if low[1:2] == "p" else {"v": "V", "i": "A"}.get(low[:1], "")


def _summary(results: Results, netlist: Netlist) -> dict[str, Any]:
    analyses: dict[str, Any] = {}
    for name, result in results.items():
        entry = {
            "kind": result.kind,
            "points": len(result),
            "variables": result.keys(),
            "statistics": result.statistics,
        }
        if not result.has_axis:
            entry["values"] = {key: _value(result[key]) for key in result}
        analyses[name] = entry
    return {
        "title": netlist.title,
        "printed": results.printed,
        "measures": results.measures,
        "steps": results.steps,
        "corners": results.corners,
        "fourier": {name: [_harmonics(h) for h in found] for name, found in results.harmonics.items()},
        "analyses": analyses,
        "warnings": [str(warning) for warning in results.warnings],
    }


def _value(number: Any) -> float | list[float]:
    """Return a number for JSON; a complex one as its two parts."""
    return [float(number.real), float(number.imag)] if isinstance(number, complex) else float(number)


def _harmonics(found: Harmonics) -> dict[str, Any]:
    return {
        "vector": found.name,
        "thd": found.thd,
        "frequency": found.frequency,
        "magnitude": found.magnitude,
        "phase": found.phase,
    }


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)


def _plot(results: Results, netlist: Netlist, target: Path) -> list[Path]:
    from circuitnn.results.plot import families

    drawn = families(results)
    if not drawn:
        raise UsageError("there is nothing to plot", expected="a .dc, .ac, .noise or .tran analysis in the deck")
    paths = terminal.picture_paths([family[0].name for family in drawn], target)
    for family, path in zip(drawn, paths, strict=True):
        names = _chosen(family[0], netlist)
        everything = len(names) == len(family[0].keys()) - 1
        terminal.write_picture(family, [] if everything else names, path)
    return paths


EXPORT = run
