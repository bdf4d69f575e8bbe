"""``circuitnn effects``: the faults and non-idealities, what they do, their parameters and sources."""

from __future__ import annotations

import sys
from typing import Any

import click

from circuitnn.cli import terminal


@click.command()
@click.argument("name", required=False)
def effects(name: str | None) -> None:
    """List the non-idealities, or show one.

    Of one: its law, where it acts, and its parameters with unit, default and source.
    """
    from circuitnn.registry import catalog

    known = catalog("nonidealities")
    if name is not None:
        _show(known.get(name.lower()))
        return
    rows = []
    for key, effect in known.all().items():
        text = (sys.modules[effect.__module__].__doc__ or "").strip()
        rows.append((key, effect.stage, " ".join(text.split()).partition(". ")[0].rstrip(".")))
    terminal.table(["non-ideality", "when", ""], rows)


def _show(effect: Any) -> None:
    from circuitnn.nonidealities.chain import acts_on

    text = (effect.__doc__ or "").partition("Examples\n")[0].strip()
    click.echo(f"{effect.kind} ({effect.stage}): acts on {acts_on(effect)}\n")
    click.echo("\n".join(line.strip() for line in text.splitlines()) + "\n")
    rows, sources = [], []
    for key, param in effect.params.items():
        if param.source and param.source not in sources:
            sources.append(param.source)
        mark = f"[{1 + sources.index(param.source)}]" if param.source else ""
        default = "" if param.default is None else param.default
        shown = f"{default:g}" if isinstance(default, float) else str(default)
        rows.append((key, getattr(param, "unit", "word"), shown, mark, param.doc))
    terminal.table(["parameter", "unit", "default", "source", ""], rows)
    for k, source in enumerate(sources, 1):
        click.echo(f"[{k}] {source}")


EXPORT = effects
