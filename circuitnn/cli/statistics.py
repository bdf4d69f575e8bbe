"""``circuitnn run`` of Monte Carlo decks: many runs across processes, a table of what is typical, bands."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from circuitnn.cli import terminal
from circuitnn.errors import AnalysisError, UsageError

if TYPE_CHECKING:
    from circuitnn.netlist.netlist import Netlist
    from circuitnn.results.family import SampleFamily
    from circuitnn.results.samples import Samples

_MOST_PANELS, _MOST_ROWS = 6, 60
_Q = (0.0, 5.0, 50.0, 95.0, 100.0)
_HEADS = ("", "mean", "sigma", "least", "5 %", "median", "95 %", "largest", "runs")


def is_wanted(netlist: Netlist, runs: int | None) -> bool:
    """Whether a deck's runs are a Monte Carlo analysis, also at several corners or steps."""
    if runs is not None:
        return True
    flat = netlist.expand()
    return flat.monte_carlo is not None and not flat.script


def run_samples(
    netlist: Netlist, options: dict[str, Any], target: Path | None, picture: Path | None, vectors: list[str], *,
    as_json: bool,
) -> None:  # fmt: skip
    """Do the runs, print what is typical of them, write the table of all and draw.

    Raises
    ------
    UsageError
        For an output that is no ``.csv`` file.
    """
    from circuitnn.runs.montecarlo import monte_carlo, monte_carlo_corners

    if target is not None and target.suffix.lower() == ".raw":
        raise UsageError(
            f"{target}: many runs have no raw file", expected="a .csv file of their measures, or .h5 of all of them"
        )
    flat = netlist.expand()
    run = monte_carlo_corners if flat.steps or flat.corners else monte_carlo
    try:
        with terminal.progress(Path(str(netlist.path)).name) as progress:
            samples = run(netlist, **options, progress=progress)
    except (AnalysisError, KeyboardInterrupt) as error:
        partial = getattr(error, "result", None)
        if partial is not None:
            _report(partial, target, as_json=as_json)
        if options.get("store") and partial is not None:
            count = sum(len(one) for one in _members(partial))
            terminal.message(f"{options['store']} holds {count} runs; the same command goes on with them")
        raise
    _report(samples, target, as_json=as_json)
    if picture is not None:
        known = next(iter(_members(samples))).names()
        names = [
            name for name in dict.fromkeys([*vectors, *next(iter(_members(samples))).measures]) if name in known
        ] or known
        terminal.write_drawn(lambda: samples.plot(*names[:_MOST_PANELS]), picture)
        terminal.message(f"wrote {picture}")
    if options.get("store"):
        terminal.message(f"wrote {options['store']}")


def _members(samples: Samples | SampleFamily) -> list[Samples]:
    from circuitnn.results.samples import Samples

    return [samples] if isinstance(samples, Samples) else [*samples.values()]


def _report(given: Samples | SampleFamily, target: Path | None, *, as_json: bool) -> None:
    from circuitnn.results.samples import Samples

    members = _members(given)
    terminal.warn(dict.fromkeys(text for samples in members for text in samples.warnings))
    for samples in members:
        if samples.errors:
            index, text = next(iter(samples.errors.items()))
            name = f"{samples.title}: " if len(members) > 1 else ""
            terminal.message(f"{name}{len(samples.errors)} of {len(samples)} runs failed; run {index}: {text}")
    if as_json:
        found = [_summary(samples) for samples in members]
        points = {} if isinstance(given, Samples) else dict(zip(given, found, strict=True))
        click.echo(json.dumps({"title": given.title, "points": points} if points else found[0], indent=2))
    for samples in () if as_json else members:
        rows = [(name, *(f"{x:.6g}" for x in _typical(samples, name)[:-1]), str(_typical(samples, name)[-1]))
                for name in list(samples.measures)[:_MOST_ROWS]]  # fmt: skip
        terminal.table(_HEADS, rows, numbers=1, title=f"{samples.title}: {len(samples)} runs, seed {samples.seed}")
    if target is not None:
        given.save(target)
        terminal.message(f"wrote {target}")


def _typical(samples: Samples, name: str) -> list[Any]:
    rows = samples.sound(name)
    low, *middle, high = samples.percentiles(name, _Q).tolist()
    sigma = float(samples.std(name)) if len(rows) > 1 else 0.0
    return [float(samples.mean(name)), sigma, low, *middle, high, len(rows)]


def _summary(samples: Samples) -> dict[str, Any]:
    keys = ("mean", "sigma", "least", "p5", "median", "p95", "largest", "runs")
    return {
        "title": samples.title,
        "seed": samples.seed,
        "runs": len(samples),
        "errors": samples.errors,
        "measures": {name: dict(zip(keys, _typical(samples, name), strict=True)) for name in samples.measures},
        "warnings": list(samples.warnings),
    }
