"""``circuitnn devices``: the device models, their equations, parameters and sources."""

from __future__ import annotations

from typing import Any

import click

from circuitnn.cli import terminal

_LONGEST = 400  # characters of an equation worth printing


@click.command()
@click.argument("name", required=False)
def devices(name: str | None) -> None:
    """List the device models, or show one: equations, parameters with units, ranges and sources, states."""
    from circuitnn.devices.cards import CARDS
    from circuitnn.registry import catalog

    models = catalog("devices")
    if name is None:
        rows = [(key, device.letter.upper(), _first_line(device)) for key, device in models.all().items()]
        terminal.table(["device", "letter", ""], rows)
        cards = [(key, card.model.type, card.doc) for key, card in sorted(CARDS.items())]
        terminal.table(["ready-made card", "device", ""], cards)
    elif name.lower() in CARDS:
        _show_card(name.lower(), CARDS[name.lower()])
    else:
        _show(models.get(name.lower()))


def _first_line(device: Any) -> str:
    text = (device.__doc__ or "").strip()
    return text.splitlines()[0] if text else ""


def _show(device: Any) -> None:
    click.echo(f"{device.name}  (element letter {device.letter.upper()})\n")
    click.echo("\n".join(line.strip() for line in (device.__doc__ or "").strip().splitlines()) + "\n")
    click.echo(f"terminals: {' '.join(device.terminals)}")
    if device.model_types:
        click.echo(f"model types: {' '.join(device.model_types)}")
    _show_equations(device)
    rows = []
    for key, param in device.params.items():
        default = "" if param.default is None else f"{param.default:g}"
        on = {"both": "", "instance": "element", "model": ".model"}[param.on]
        rows.append((key, param.unit, default, _range(param), on, param.doc, param.source))
    if rows:
        terminal.table(["parameter", "unit", "default", "range", "only on", "", "source"], rows)
    states = [(key, state.unit, str(state.init), state.doc) for key, state in device.states.items()]
    if states:
        terminal.table(["state", "unit", "initial", ""], states)


def _range(item: Any) -> str:
    low = "" if item.low is None else f"{'>' if item.exclusive else '>='} {item.low:g}"
    high = "" if item.high is None else f"<= {item.high:g}"
    return ", ".join(part for part in (low, high) if part)


def _show_equations(device: Any) -> None:
    """Print f + dq/dt = 0 by unknown, in the names of the declaration."""
    import sympy

    from circuitnn.devices.derive import derive

    model = derive(device)
    named = {symbol: sympy.Symbol(name) for name, symbol in model.symbols.items()}
    for name, symbol in zip(device.locals, model.unknowns, strict=True):
        shown = f"v_{name}" if name in (*device.terminals, *device.internals) else name
        named[symbol] = sympy.Symbol(f"i_{name}" if name in (*device.branches, *device.controls) else shown)
    click.echo("\nequations, f + dq/dt = 0 (a terminal's f is the current into it):")
    for name, f, q in zip(device.locals, model.raw_f, model.raw_q, strict=True):
        for letter, row in (("f", f), ("q", q)):
            if row == 0:
                continue
            renamed = {s: sympy.Symbol(str(s).removeprefix("env_")) for s in row.free_symbols if s not in named}
            text = sympy.sstr(row.xreplace({**named, **renamed}))
            long = f"a function of {', '.join(sorted(map(str, row.xreplace({**named, **renamed}).free_symbols)))}"
            click.echo(f"  {letter}[{name}] = {text if len(text) <= _LONGEST else long}")
    click.echo("")


def _show_card(name: str, card: Any) -> None:
    click.echo(f"{name}: a ready-made card of the device {card.model.type}\n{card.doc}\n")
    params = " ".join(f"{key}={value:g}" for key, value in card.model.params.items())
    click.echo(f".model {name} {card.model.type} ({params})\n")
    click.echo(f"source: {card.source}")


EXPORT = devices
