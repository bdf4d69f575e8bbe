"""``circuitnn bench``: our figures beside those of the peers, against their goals."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING

import click

from circuitnn.cli import terminal

if TYPE_CHECKING:
    from circuitnn.bench.runner import Row

_HALF = 10  # characters of a bar on each side of the goal, 1 dB each


@click.command()
@click.argument("name", required=False)
@click.option("--only", multiple=True, metavar="PART", help="Run that part alone; may be given more than once.")
@click.option("--rounds", type=click.IntRange(1), default=5, show_default=True, help="Runs that medians are taken of.")
@click.option("--json", "as_json", is_flag=True, help="Print a list of rows as JSON.")
def bench(name: str | None, only: tuple[str, ...], rounds: int, as_json: bool) -> None:
    """Run a benchmark, or list them.

    Without NAME it prints the names, each with its parts. The ratio is the baseline's figure over ours. The bar shows
    it in decibels around the goal, which is the mark in the middle: to the right it is better, to the left worse.
    """
    from circuitnn.bench import runner

    if name is None:
        parts = {name: list(runner.case(name).parts) for name in runner.names()}
        click.echo(json.dumps(parts) if as_json else "\n".join(f"{name}: {' '.join(parts[name])}" for name in parts))
        return
    rows = runner.run(name, only, rounds, lambda part: terminal.message(f"{name}: {part}"))
    for peer in runner.case(name).absent():
        terminal.message(f"{peer} is not installed: its figures are left out")
    if as_json:
        click.echo(json.dumps([row.as_dict() for row in rows], indent=2))
        return
    headings = ["", "ours", "baseline", "ratio", "goal", "", "holds", "beside it"]
    terminal.table(headings, map(_cells, rows), title=f"benchmark {name}")


def _cells(row: Row) -> tuple[str, ...]:
    return (
        row.name,
        f"{row.value:.4g} {row.unit}",
        "" if row.baseline is None else f"{row.baseline:.4g} {row.unit}",
        "" if row.ratio is None else f"{row.ratio:.3g}",
        "" if row.goal is None else f"{row.goal:.3g}",
        bar(row.ratio, row.goal),
        {True: "yes", False: "NO", None: ""}[row.holds],
        ", ".join(
            f"{name} {value if isinstance(value, str) else f'{value:.4g}'}" for name, value in row.details.items()
        ),
    )


def bar(ratio: float | None, goal: float | None) -> str:
    """Return the bar of a ratio against its goal, one decibel a character; empty without a goal.

    Examples
    --------
    >>> bar(2.0, 1.0)
    '[..........|>>>.......]'
    >>> bar(0.5, 1.0)
    '[.......<<<|..........]'
    """
    if not ratio or not goal or ratio < 0.0:
        return ""
    steps = max(-_HALF, min(_HALF, round(10.0 * math.log10(ratio / goal))))
    left = ("<" * max(0, -steps)).rjust(_HALF, ".")
    right = (">" * max(0, steps)).ljust(_HALF, ".")
    return f"[{left}|{right}]"


EXPORT = bench
