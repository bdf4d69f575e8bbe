"""``circuitnn check``: what can be said about a deck without a simulation."""

from __future__ import annotations

import click

from circuitnn.cli import terminal


@click.command()
@click.argument("deck")
def check(deck: str) -> None:
    """Check a deck without simulating it.

    Reads it, expands subcircuits, checks models, parameters and analyses, and looks for faults of the topology: loops
    of voltage sources, nodes without a path to ground.
    """
    from circuitnn.netlist.netlist import load
    from circuitnn.registry import catalog

    netlist = load(deck)
    flat = netlist.expand()
    analyses = [catalog("analyses").get(card.name).from_card(card) for card in flat.analyses]
    circuit = netlist.circuit()
    try:
        # What only an operating point cannot bear is no mistake in a deck that never asks for one.
        if analyses and all(getattr(analysis, "uic", False) for analysis in analyses):
            system = circuit.system()
        else:
            circuit.check()
            system = circuit.system()
        for analysis in analyses:
            analysis.check(system)
    finally:
        terminal.warn(circuit.warnings)
    if not analyses:
        terminal.warn([f"{deck} asks for no analysis, and 'circuitnn run' needs one, such as .op"])
    nodes = {node for element in circuit.elements.values() for node in element.nodes} - {"0"}
    counts = [(len(circuit.elements), "element"), (len(nodes), "node"), (len(flat.analyses), "analysis")]
    words = [f"{n} {word if n == 1 else {'analysis': 'analyses'}.get(word, word + 's')}" for n, word in counts]
    click.echo(f"{deck}: {', '.join(words)}; no mistakes found")


EXPORT = check
