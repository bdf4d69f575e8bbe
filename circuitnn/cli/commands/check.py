"""``circuitnn check``: what can be said about a deck without a simulation."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import click

from circuitnn.cli import terminal

if TYPE_CHECKING:
    from circuitnn.errors import CircuitnnError


@click.command()
@click.argument("deck")
@click.option("--json", "as_json", is_flag=True, help="Print mistakes and warnings as JSON.")
def check(deck: str, as_json: bool) -> None:
    """Check a deck without simulating it, and list all of its mistakes.

    Reads it, expands subcircuits, checks models, parameters, analyses, measures and scripts, and looks for faults of
    the topology: loops of voltage sources, nodes without a path to ground. The exit status is 2 for a deck with
    mistakes.
    """
    from circuitnn.errors import FileError
    from circuitnn.runs.check import Report
    from circuitnn.runs.check import check as check_deck

    try:
        report = check_deck(deck)
    except FileError as error:
        if not as_json:
            raise
        report = Report((error,), ())
    if as_json:
        counts = {"elements": report.elements, "nodes": report.nodes, "analyses": report.analyses}
        mistakes = [_entry(error) for error in report.errors]
        click.echo(json.dumps({"mistakes": mistakes, "warnings": list(report.warnings), **counts}, indent=2))
        if report.errors:
            raise SystemExit(2)
        return
    terminal.warn(report.warnings)
    report.throw()
    pairs = [(report.elements, "element"), (report.nodes, "node"), (report.analyses, "analysis")]
    words = [f"{n} {word if n == 1 else {'analysis': 'analyses'}.get(word, word + 's')}" for n, word in pairs]
    click.echo(f"{deck}: {', '.join(words)}; no mistakes found")


def _entry(error: CircuitnnError) -> dict[str, Any]:
    place = error.place
    where = (place.file, place.line, place.column, place.text) if place else (None, None, None, None)
    return {
        **dict(zip(("file", "line", "column", "text"), where, strict=True)),
        "message": error.message,
        "expected": error.expected,
        "hint": error.hint,
        "names": list(error.names),
    }


EXPORT = check
