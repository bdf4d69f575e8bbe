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
    from circuitnn.results.samples import Samples

_MOST_PANELS, _MOST_ROWS = 6, 60
_Q = (0.0, 5.0, 50.0, 95.0, 100.0)
_HEADS = ("", "mean", "sigma", "least", "5 %", "median", "95 %", "largest", "runs")


def is_wanted(netlist: Netlist, runs: int | None) -> bool:
    """Whether a deck's runs are a Monte Carlo analysis alone, without steps or corners around it."""
    if runs is not None:
        return True
    flat = netlist.expand()
    return flat.monte_carlo is not None and not (flat.steps or flat.corners or flat.script)


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
    from circuitnn.runs.montecarlo import monte_carlo

    if target is not None and target.suffix.lower() != ".csv":
        raise UsageError(
            f"{target}: the numbers of all runs are written to a .csv file", hint="--store keeps the waveforms, too"
        )
    try:
        with terminal.progress(Path(str(netlist.path)).name) as progress:
            samples = monte_carlo(netlist, **options, progress=progress)
    except (AnalysisError, KeyboardInterrupt) as error:
        partial = getattr(error, "result", None)
        if partial is not None:
            _report(partial, target, as_json=as_json)
        if options.get("store") and partial is not None:
            terminal.message(f"{options['store']} holds {len(partial)} runs; the same command goes on with them")
        raise
    _report(samples, target, as_json=as_json)
    if picture is not None:
        known = samples.names()
        names = [name for name in dict.fromkeys([*vectors, *samples.measures]) if name in known] or known
        terminal.write_drawn(lambda: samples.plot(*names[:_MOST_PANELS]), picture)
        terminal.message(f"wrote {picture}")
    if options.get("store"):
        terminal.message(f"wrote {options['store']}")


def _report(samples: Samples, target: Path | None, *, as_json: bool) -> None:
    terminal.warn(samples.warnings)
    if samples.errors:
        index, text = next(iter(samples.errors.items()))
        terminal.message(f"{len(samples.errors)} of {len(samples)} runs failed; run {index}: {text}")
    if as_json:
        click.echo(json.dumps(_summary(samples), indent=2))
    else:
        rows = [(name, *(f"{x:.6g}" for x in _typical(samples, name)[:-1]), str(_typical(samples, name)[-1]))
                for name in list(samples.measures)[:_MOST_ROWS]]  # fmt: skip
        terminal.table(_HEADS, rows, numbers=1, title=f"{samples.title}: {len(samples)} runs, seed {samples.seed}")
    if target is not None:
        _write_csv(samples, target)
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


def _write_csv(samples: Samples, target: Path) -> None:
    import csv

    from circuitnn.results.atomic import replacing

    with replacing(target) as temporary, temporary.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["run", *samples.measures, "error"])
        columns = [column.filled(float("nan")).tolist() for column in samples.measures.values()]
        for k, index in enumerate(samples.runs.tolist()):
            values = ["" if column[k] != column[k] else repr(column[k]) for column in columns]
            writer.writerow([index, *values, samples.errors.get(index, "")])
