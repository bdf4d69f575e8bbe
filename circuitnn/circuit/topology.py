"""Checks of how elements are joined, before any numbers: what would make the equations singular is named here.

One pass of union-find over all elements finds whether something is wrong; only then a networkx graph finds what.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from circuitnn.errors import TopologyError, nearest
from circuitnn.netlist.expression import Probe, walk
from circuitnn.netlist.flat import GROUND, Element

if TYPE_CHECKING:
    from circuitnn.circuit.circuit import Circuit

_LISTED = 12


@dataclass
class Findings:
    """What the checks found.

    ``faults`` make every analysis impossible; ``dc_faults`` only those that need an operating point;
    ``warnings`` are suspicious and harmless. Each fault is ``(text, names)``.
    """

    faults: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    dc_faults: list[tuple[str, tuple[str, ...]]] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def raise_faults(title: str, faults: list[tuple[str, tuple[str, ...]]]) -> None:
    """Raise one TopologyError that lists all faults; do nothing when there are none."""
    if not faults:
        return
    names = tuple(dict.fromkeys(n for _, ns in faults for n in ns))
    if len(faults) == 1:
        raise TopologyError(f"{title}: {faults[0][0]}", names=names)
    lines = "\n".join(f"  {k}. {text}" for k, (text, _) in enumerate(faults, 1))
    raise TopologyError(f"{title}: {len(faults)} faults in how the elements are joined\n{lines}", names=names)


class _Sets:
    """Disjoint sets of node names."""

    def __init__(self) -> None:
        self.parent: dict[str, str] = {}

    def find(self, node: str) -> str:
        parent = self.parent
        root = node
        while parent.setdefault(root, root) != root:
            root = parent[root]
        while parent[node] != root:
            parent[node], node = root, parent[node]
        return root

    def join(self, a: str, b: str) -> bool:
        """Join two sets; False when they are one already."""
        ra, rb = self.find(a), self.find(b)
        self.parent[ra] = rb
        return ra != rb


def _links(circuit: Circuit, element: Element) -> Iterable[tuple[str, str, str]]:
    if element.expression is not None:
        kind = "voltage" if element.kind == "v" else "current"
        if element.kind == "v" and any(isinstance(p, Probe) and p.kind == "i" for p in walk(element.expression)):
            kind = "resistive"  # its voltage may depend on the current of its own loop
        return ((element.nodes[0], element.nodes[1], kind),)
    device: Any = circuit._resolve(element)[0]
    if len(element.nodes) != len(device.terminals):
        circuit.device_of(element)  # raises, naming the terminals
    place = dict(zip(device.terminals, element.nodes, strict=True))
    return tuple((place[a], place[b], kind) for a, b, kind in device.links)


def examine(circuit: Circuit) -> Findings:
    """Return everything that is wrong or suspicious in a circuit's topology."""
    found = Findings()
    if not circuit.elements:
        found.faults.append(("the circuit has no elements", ()))
        return found
    dc, stiff, any_link = _Sets(), _Sets(), _Sets()
    touched: dict[str, int] = defaultdict(int)
    stiff_edges: list[tuple[str, str, str]] = []
    loops: list[tuple[str, str, str]] = []
    by_kind: dict[str, list[tuple[str, str, str]]] = {"current": [], "capacitive": []}
    for element in circuit.elements.values():
        for node in element.nodes:
            touched[node] += 1
        for a, b, kind in _links(circuit, element):
            any_link.join(a, b)
            if kind in by_kind:
                by_kind[kind].append((a, b, element.name))
                continue
            dc.join(a, b)
            if kind != "resistive":
                if stiff.join(a, b):
                    stiff_edges.append((a, b, element.name))
                else:
                    loops.append((a, b, element.name))
    _references(circuit, touched, found)
    if GROUND not in touched:
        found.faults.append(
            (f"no element touches ground; the circuit has the nodes {_list(touched)}. Call one of them 0 (or gnd)", tuple(touched)[:_LISTED])
        )
        return found
    for loop in loops:
        found.faults.append(_describe_loop(loop, stiff_edges))
    _islands(circuit, touched, dc, any_link, by_kind, found)
    for node, count in touched.items():
        if count == 1 and node != GROUND:
            name = next(e.name for e in circuit.elements.values() if node in e.nodes) if len(touched) < 10_000 else "one element"
            found.warnings.append(f"node {node!r} is touched by {name} alone: a dangling terminal")
    return found


def _references(circuit: Circuit, touched: dict[str, int], found: Findings) -> None:
    """Elements that sense others: F, H, W and K by name, B by probes."""
    for element in circuit.elements.values():
        for name in element.controls:
            other = circuit.elements.get(name)
            wanted = "inductor" if element.letter == "k" else "voltage source"
            if other is None or (element.letter == "k" and other.letter != "l"):
                hint = nearest(name, (n for n, e in circuit.elements.items() if e.letter in ("l" if element.letter == "k" else "v")))
                found.faults.append((f"{element.name} refers to {name!r}, which is no {wanted}" + _or(hint), (element.name, name)))
        if element.expression is None:
            continue
        for part in walk(element.expression):
            if not isinstance(part, Probe):
                continue
            for name in part.names:
                known = circuit.elements if part.kind == "i" else touched
                if name != GROUND and name not in known:
                    what = "element" if part.kind == "i" else "node"
                    found.faults.append(
                        (f"{element.name} uses {part.kind}({name}), but there is no {what} {name!r}" + _or(nearest(name, known)), (element.name, name))
                    )


def _describe_loop(loop: tuple[str, str, str], edges: list[tuple[str, str, str]]) -> tuple[str, tuple[str, ...]]:
    a, b, name = loop
    if a == b:
        return f"{name} has both ends on node {a!r}: remove it, or join it to another node", (name, a)
    import networkx as nx

    graph = nx.Graph()
    for n1, n2, other in edges:
        graph.add_edge(n1, n2, name=other)
    path = nx.shortest_path(graph, a, b)
    names = [name, *(graph.edges[pair]["name"] for pair in zip(path, path[1:], strict=False))]
    text = (
        f"{', '.join(names)} form a loop of voltage sources and inductors through the nodes {_list(path)}: "
        "their voltages contradict each other, or leave the loop's current open. Put a small resistance in series with one of them"
    )
    return text, (*names, *path)


def _islands(circuit: Circuit, touched: dict[str, int], dc: _Sets, any_link: _Sets, by_kind: Any, found: Findings) -> None:
    ground = dc.find(GROUND)
    islands: dict[str, list[str]] = defaultdict(list)
    for node in touched:
        if dc.find(node) != ground:
            islands[dc.find(node)].append(node)
    for nodes in islands.values():
        inside = set(nodes)
        elements = [e.name for e in circuit.elements.values() if inside.intersection(e.nodes)]
        names = (*nodes[:_LISTED], *elements[:_LISTED])
        currents = [n for a, b, n in by_kind["current"] if (a in inside) != (b in inside)]
        capacitors = [n for a, b, n in by_kind["capacitive"] if (a in inside) != (b in inside)]
        where = f"{'node' if len(nodes) == 1 else 'nodes'} {_list(nodes)} (elements {_list(elements)})"
        if currents and not capacitors:
            fault = f"{where}: only the current sources {_list(currents)} join them to the rest, so that nothing sets the voltage. Add a resistance to ground"
            found.faults.append((fault, names))
        elif capacitors:
            fault = f"{where}: no path for direct current to ground; only {_list([*capacitors, *currents])} lead there. Add a large resistance to ground, such as 1 Gohm"
            found.dc_faults.append((fault, names))
        else:
            fault = f"{where}: floating, nothing that carries current joins them to ground. Join them to the circuit, or add a large resistance to ground"
            found.faults.append((fault, names))


def _list(names: Iterable[str]) -> str:
    all_names = list(dict.fromkeys(names))
    more = f" and {len(all_names) - _LISTED} more" if len(all_names) > _LISTED else ""
    return ", ".join(repr(n) for n in all_names[:_LISTED]) + more


def _or(hint: str | None) -> str:
    return f"; {hint}" if hint else ""
