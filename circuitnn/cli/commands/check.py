"""``circuitnn check``: what can be said about a deck without a simulation."""

from __future__ import annotations

import click

from circuitnn.cli import terminal
from circuitnn.errors import CircuitError


@click.command()
@click.argument("deck")
def check(deck: str) -> None:
    """Check a deck without simulating it.

    Reads it, expands subcircuits, checks models, parameters and analyses, and looks for faults of the topology: loops
    of voltage sources, nodes without a path to ground.
    """
    from circuitnn.netlist.netlist import load
    from circuitnn.registry import catalog
    from circuitnn.runs.control.interpreter import checked_script
    from circuitnn.runs.session import Requests
    from circuitnn.runs.step import Steps

    netlist = load(deck)
    flat = netlist.expand()
    analyses = [catalog("analyses").get(card.name).from_card(card) for card in flat.analyses]
    Requests(flat)
    Steps(netlist, flat)
    checked_script(flat.script)
    circuit = netlist.circuit()
    try:
        # What only an operating point cannot bear is no mistake in a deck that never asks for one.
        if analyses and all(getattr(analysis, "uic", False) for analysis in analyses):
            system = circuit.system()
        else:
            circuit.check()
            system = circuit.system()
        for analysis, card in zip(analyses, flat.analyses, strict=True):
            try:
                analysis.check(system)
            except CircuitError as error:
                error.place = error.place or card.place
                raise
    finally:
        terminal.warn(circuit.warnings)
    if not analyses and not flat.script:
        terminal.warn([f"{deck} asks for no analysis, and 'circuitnn run' needs one, such as .op"])
    nodes = {*circuit.elements.columns().nodes} - {"0"}
    counts = [(len(circuit.elements), "element"), (len(nodes), "node"), (len(flat.analyses), "analysis")]
    words = [f"{n} {word if n == 1 else {'analysis': 'analyses'}.get(word, word + 's')}" for n, word in counts]
    click.echo(f"{deck}: {', '.join(words)}; no mistakes found")


EXPORT = check
