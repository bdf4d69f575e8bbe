"""Whether what a deck's cards name is there: vectors of ``.print``, ``.save``, ``.measure``, ``.ic`` and the like."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from circuitnn.errors import Mistakes, NetlistError, Place, nearest
from circuitnn.netlist.conditions import every_part
from circuitnn.netlist.flat import GROUND, FlatNetlist
from circuitnn.netlist.probes import InnerVector, split_arguments, vectors_in
from circuitnn.netlist.statements import Assignment, Directive

if TYPE_CHECKING:
    from circuitnn.circuit.circuit import Circuit
    from circuitnn.netlist.netlist import Netlist


def check_vectors(
    netlist: Netlist, flat: FlatNetlist, circuit: Circuit, system: Any, unsure: Iterable[str], mistakes: Mistakes
) -> None:
    """Note voltages of nodes and currents of elements that do not exist.

    Parameters
    ----------
    netlist : Netlist
    flat : FlatNetlist
    circuit : Circuit
    system : circuitnn.mna.system.System or None
        It knows nodes inside of devices.
    unsure : iterable of str
        Nodes and elements that may exist, had there been no mistake before.
    mistakes : Mistakes
    """
    nodes = {*circuit.elements.columns().index, GROUND, "gnd"}
    if system is not None:
        nodes |= {name[2:-1] for name in system.names if name.startswith("v(")}
    missing = {*unsure}
    for text, place in _asked(netlist, flat):
        for name in vectors_in(text):
            if InnerVector.from_text(name) is not None:
                continue
            if name[0] == "v":
                for node in split_arguments(name[2:-1]):
                    if node not in nodes and node not in missing and node != "all":
                        mistakes.add(_absent(name, "node", node, place, nodes))
            else:
                owner = name[2:-1] if name[0] == "i" else name[1 : name.index("[")]
                names = {owner, owner.partition(".")[2]} - {""}  # r.x1.r2 is x1.r2
                known = any(name in circuit.elements or name.partition("#")[0] in circuit.elements for name in names)
                if not known and missing.isdisjoint(names) and owner != "all":
                    mistakes.add(_absent(name, "element", owner, place, circuit.elements))


def _asked(netlist: Netlist, flat: FlatNetlist) -> Iterator[tuple[str, Place | None]]:
    for statement in every_part(netlist.statements):
        if isinstance(statement, Directive) and statement.name in ("print", "save", "ic", "nodeset"):
            words = [word.name if isinstance(word, Assignment) else str(word) for word in statement.words]
            yield " ".join(words), statement.place
    for card in flat.requests:
        yield " ".join([str(word) for word in card.words]), card.place


def _absent(vector: str, what: str, name: str, place: Place | None, known: Iterable[str]) -> NetlistError:
    return NetlistError(
        f"{vector}: there is no {what} {name!r}",
        place=place.at(name) if place else None,
        names=(name,),
        expected="a node of the circuit" if what == "node" else "an element of the circuit",
        hint=nearest(name, known),
    )
