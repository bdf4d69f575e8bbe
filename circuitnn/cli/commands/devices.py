"""``circuitnn devices``: the device models, their equations, parameters and sources."""

from __future__ import annotations

import sys
from typing import Any

import click

from circuitnn.cli import terminal

_LONGEST = 900  # characters; a longer equation is no help on a terminal, and its file has it


@click.command()
@click.argument("name", required=False)
@click.option("--deck", type=click.Path(), help="A deck: the devices that it writes itself.")
@click.option("--spice", is_flag=True, help="Write a compact model as plain elements, for any SPICE.")
def devices(name: str | None, deck: str | None, spice: bool) -> None:
    """List the device models, or show one.

    Of one model: its equations, parameters with unit, default, range and source, and its states.
    """
    if deck is not None:
        _of_deck(deck, name)
        return
    if spice:
        _write_plain(name)
        return
    from circuitnn.devices.cards import CARDS
    from circuitnn.devices.compiled import compiled_device, folder, titles
    from circuitnn.registry import catalog

    models = catalog("devices")
    if name is None:
        rows = [
            (key, device.letter.upper(), _summary(device).partition(" (")[0].rstrip("."))
            for key, device in models.all().items()
        ]
        terminal.table(["device", "letter", ""], rows)
        cards = [(key, card.model.type, card.doc) for key, card in sorted(CARDS.items())]
        terminal.table(["ready-made card", "device", ""], cards)
        there = "" if folder() is not None else "not installed"
        terminal.table(["compiled model", "", ""], [(key, title, there) for key, title in titles().items()])
        return
    low = name.lower()
    if low in CARDS:
        _show_card(low, CARDS[low])
    if low in titles():
        _show(compiled_device(low))
    elif low in models or low not in CARDS:
        _show(models.get(low))


def _write_plain(name: str | None) -> None:
    """Print an element of a model, with its default parameters, as behavioural sources and capacitors."""
    from circuitnn.circuit.circuit import Circuit
    from circuitnn.devices.cards import CARDS
    from circuitnn.errors import UsageError
    from circuitnn.registry import catalog

    if name is None:
        raise UsageError("--spice needs a model's name", expected="circuitnn devices NAME --spice")
    low = name.lower()
    device = catalog("devices").get(CARDS[low].model.type if low in CARDS else low)
    if device.letter != "n":
        raise UsageError(f"{low} is an element {device.letter.upper()} of SPICE already", expected="a compact model")
    circuit = Circuit(f"{low} between {' '.join(device.terminals)}")
    circuit.N("1", *device.terminals, model=low)
    click.echo("* " + circuit.to_plain().to_netlist().removesuffix(".end\n").rstrip())


def _of_deck(deck: str, name: str | None) -> None:
    """List the devices that a deck defines, or show one."""
    from circuitnn.devices.written import written_class
    from circuitnn.errors import UsageError, nearest
    from circuitnn.netlist.netlist import load

    known = load(deck).expand().devices
    if name is None:
        terminal.table(
            ["device", "terminals", ""], [(key, " ".join(item.terminals), item.doc) for key, item in known.items()]
        )
    elif name.lower() not in known:
        raise UsageError(f"{deck} defines no device {name!r}", hint=nearest(name.lower(), known))
    else:
        _show(written_class(known[name.lower()]))


def _summary(device: Any) -> str:
    """Return what the device's file says that it is, or else the device itself, on one line."""
    if hasattr(device, "title"):
        return str(device.title)
    if hasattr(device, "definition"):
        return " ".join((device.__doc__ or "").split())
    module = sys.modules.get(device.__module__)  # a device made by hand need not lie in one
    text = (getattr(module, "__doc__", None) or device.__doc__ or "").strip()
    return " ".join(text.partition("\n\n")[0].split())


def _show(device: Any) -> None:
    from circuitnn.devices.compiled import Compiled
    from circuitnn.devices.load import kernel_of
    from circuitnn.registry import catalog

    click.echo(f"{device.name} (element letter {device.letter.upper()}): {_summary(device)}\n")
    click.echo("\n".join(line.strip() for line in (device.__doc__ or "").strip().splitlines()) + "\n")
    click.echo(f"terminals: {' '.join(device.terminals)}")
    if device.model_types:
        click.echo(f"model types: {' '.join(device.model_types)}")
    if not issubclass(device, Compiled):
        if device.name in catalog("devices"):  # not one of a deck, which nothing has compiled
            click.echo(f"evaluated by: {kernel_of(device).backend} kernel")
        _show_equations(device)
    sources: list[str] = []
    rows = []
    for key, param in device.params.items():
        if param.source and param.source not in sources:
            sources.append(param.source)
        default = "" if param.default is None else f"{param.default:g}"
        on = {"both": "", "instance": "element", "model": ".model", "system": "set by the circuit"}[param.on]
        mark = f"[{1 + sources.index(param.source)}]" if param.source else ""
        rows.append((key, param.unit, default, _range(param), on, mark, param.doc))
    if rows:
        terminal.table(["parameter", "unit", "default", "range", "only on", "source", ""], rows)
    states = [(key, state.unit, str(state.init), state.doc) for key, state in device.states.items()]
    if states:
        terminal.table(["state", "unit", "initial", ""], states)
    for k, source in enumerate(sources, 1):
        click.echo(f"[{k}] {source}")


def _range(item: Any) -> str:
    if item.choices:
        return ", ".join(f"{choice:g}" for choice in item.choices)
    low = "" if item.low is None else f"{'>' if item.exclusive else '>='} {item.low:g}"
    high = "" if item.high is None else f"<= {item.high:g}"
    return ", ".join(part for part in (low, high) if part)


def _show_equations(device: Any) -> None:
    """Print f + dq/dt = 0 by unknown, in the names of the declaration."""
    import sympy

    from circuitnn.devices.derive import derive
    from circuitnn.devices.symbolic import cases_class

    model = derive(device)
    names = {symbol: name for name, symbol in model.symbols.items()}
    for name, symbol in zip(device.locals, model.unknowns, strict=True):
        names[symbol] = _unknown(device, name)

    def text(expression: Any) -> str:
        expression = sympy.sympify(expression, strict=True)
        free = expression.free_symbols
        plain = {s: sympy.Symbol(names.get(s) or str(s).partition("_")[2]) for s in free}
        written = sympy.sstr(expression.xreplace(plain))
        return written if len(written) <= _LONGEST else "a function of " + ", ".join(sorted(map(str, plain.values())))

    click.echo("\nequations, f + dq/dt = 0 for each unknown (of a terminal, f is the current into the device):")
    for name, f, q in zip(device.locals, model.raw_f, model.raw_q, strict=True):
        for letter, row in (("f", f), ("q", q)):
            if row != 0:
                click.echo(f"  {letter}[{name}] = {text(row)}")
    for item in model.limits:
        if item.kind == "switch":
            click.echo(f"  {item.name} = 1 above, 0 below its threshold of {text(item.raw)}")
        elif item.kind == "jump":
            up, down = map(text, item.args)
            click.echo(f"  {item.name} jumps at random from 0 to 1 at the rate {up}, from 1 to 0 at {down}")
        else:
            click.echo(f"  {item.name} = {text(item.raw)}")
    if any(row.atoms(cases_class()) for row in (*model.raw_f, *model.raw_q)):
        click.echo("  Cases(c1, x1, c2, x2, ..., y) is x1 where c1 holds, else x2 where c2 holds, ..., else y")
    click.echo("")


def _unknown(device: Any, name: str) -> str:
    if name in (*device.terminals, *device.internals):
        return f"v_{name}"
    return name if name == "i" or name in device.states or name in device.auxiliaries else f"i_{name}"


def _show_card(name: str, card: Any) -> None:
    params = " ".join(f"{key}={value:g}" for key, value in card.model.params.items())
    click.echo(f"{name}: {card.doc}; a ready-made card of the device {card.model.type}\n")
    click.echo(f".model {name} {card.model.type} ({params})\n")
    click.echo(f"conductance from {card.g_min:g} to {card.g_max:g} S\nsource: {card.source}")


EXPORT = devices
