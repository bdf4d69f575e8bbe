"""``circuitnn learn``: a learning rule trains a network of circuits."""

from __future__ import annotations

import json
from typing import Any

import click

from circuitnn.cli import terminal
from circuitnn.errors import UsageError


@click.command()
@click.argument("rule", required=False)
@click.option(
    "--data", metavar="DATA", help="digits, mnist (CIRCUITNN_DATA), or .npz: x_train, y_train, x_test, y_test."
)
@click.option("--network", metavar="SIZES", help="Layers, as in 784-100-10; the rule's hidden layers when not given.")
@click.option("--epochs", type=int, default=10, show_default=True, help="How often all examples are shown.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of weights, devices, noise and order.")
@click.option("--set", "settings", multiple=True, metavar="NAME=VALUE", help="A hyper-parameter, or synapses=KIND.")
@click.option("-o", "--output", metavar="DIR", help="Folder for checkpoint.h5, history.csv, progress.png.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def learn(
    rule: str | None,
    data: str | None,
    network: str | None,
    epochs: int,
    seed: int,
    settings: tuple[str, ...],
    output: str | None,
    as_json: bool,
) -> None:
    """Train a network of circuits by a learning rule.

    What it takes of the hardware is counted: reads, settlings, pulses, seconds, joules.

    Without RULE, all rules and kinds of synapses are listed; with one and without --data, its hyper-parameters. With
    -o, an interrupted training goes on where it was when the same command is given again, and ends as it would have.
    """
    if rule is None:
        _list(as_json)
    elif data is None:
        _explain(rule)
    else:
        _train(rule, data, network, epochs, seed, settings, output, as_json)


def _list(as_json: bool) -> None:
    from circuitnn.registry import catalog

    rules = catalog("learning.rules").all()
    kinds = catalog("learning.synapses").all()
    if as_json:
        found = {
            "rules": {name: {"title": made.title, "source": made.source} for name, made in rules.items()},
            "synapses": sorted(kinds),
        }
        click.echo(json.dumps(found, indent=2))
        return
    terminal.table(["rule", "", "source"], [(name, made.title, made.source) for name, made in rules.items()])
    rows = [(name, _first_line(made)) for name, made in kinds.items()]
    terminal.table(["synapses", ""], rows)
    click.echo("circuitnn learn RULE lists hyper-parameters; --data trains")


def _explain(name: str) -> None:
    from dataclasses import fields
    from inspect import cleandoc

    from circuitnn.registry import catalog

    made = catalog("learning.rules").get(name)
    click.echo(f"{name}: {made.title}\n{made.source}\n")
    click.echo(cleandoc(made.__doc__ or "").partition("\nExamples\n")[0].rstrip() + "\n")
    terminal.table(["hyper-parameter", "default"], [(f.name, str(f.default)) for f in fields(made) if f.init])


def _first_line(made: Any) -> str:
    return str(made.__doc__ or "").strip().partition("\n")[0]


def _train(
    rule: str,
    data: str,
    network: str | None,
    epochs: int,
    seed: int,
    settings: tuple[str, ...],
    output: str | None,
    as_json: bool,
) -> None:
    import circuitnn as cn
    from circuitnn.cli.data import read_training
    from circuitnn.learning.checkpoint import plain
    from circuitnn.learning.history import Epoch, write_csv
    from circuitnn.results.atomic import new_folder

    sizes = None
    if network is not None:
        sizes = _sizes(network)
    given = {}
    for text in settings:
        name, equals, value = text.partition("=")
        if not (equals and name.strip()):
            raise UsageError(f"--set {text!r}", expected="NAME=VALUE, such as rate=0.05")
        name = name.strip()
        if name in ("network", "epochs", "seed"):
            raise UsageError(f"--set {text!r}", expected=f"--{name} {value.strip()}".rstrip())
        given[name] = value.strip()
    trainer = cn.Trainer(rule, network=sizes, epochs=epochs, seed=seed, **given)
    x, y, x_test, y_test = read_training(data)
    folder = None if output is None else new_folder(output)

    def told(row: Epoch) -> None:
        score = "" if row.score is None else f"{100 * row.score:.2f} %, "
        terminal.message(f"epoch {row.epoch}: {score}{row.took:.1f} s")
        if folder is not None:
            write_csv(trainer.history, folder / "history.csv")

    if folder is not None and (folder / "checkpoint.h5").exists():
        terminal.message(f"going on from {folder / 'checkpoint.h5'}")
    with terminal.progress(rule) as progress:
        trainer.fit(
            x,
            y,
            validation=None if x_test is None else (x_test, y_test),
            checkpoint=None if folder is None else folder / "checkpoint.h5",
            picture=None if folder is None else folder / "progress.png",
            progress=progress,
            told=told,
        )
    examples = max(1, trainer.history[-1].examples) if trainer.history else 1
    made = trainer.rule
    if as_json:
        found = {
            "rule": rule,
            "parameters": plain(made.parameters()),
            "epochs": [vars(row) for row in trainer.history],
            "an example takes": made.cost.to_dict(examples),
        }
        click.echo(json.dumps(found, indent=2))
    else:
        rows = [
            (str(r.epoch), "" if r.score is None else f"{100 * r.score:.2f}", f"{r.joules:.4g}", f"{r.pulses:.4g}")
            for r in trainer.history
        ]
        terminal.table(["epoch", "score (%)", "energy (J)", "pulses"], rows, title=f"learn {rule}", numbers=1)
        click.echo(made.cost.table(examples))
    if folder is not None:
        terminal.message(f"wrote {folder / 'checkpoint.h5'}, {folder / 'history.csv'}, {folder / 'progress.png'}")


def _sizes(text: str) -> tuple[int, ...]:
    parts = text.replace("x", "-").split("-")
    if not all(part.isdecimal() and len(part) < 9 for part in parts):
        raise UsageError(f"--network {text!r}", expected="sizes of layers, such as 784-100-10")
    return tuple(int(part) for part in parts)


EXPORT = learn
