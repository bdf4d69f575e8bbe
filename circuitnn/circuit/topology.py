"""Checks of how elements are joined, before any numbers: what would make the equations singular is named here.

One pass of union-find over all elements finds whether something is wrong; only then a networkx graph finds what.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from circuitnn.errors import TopologyError, nearest
from circuitnn.netlist.expression import Expression, Probe, walk
from circuitnn.netlist.flat import GROUND, Element

if TYPE_CHECKING:
    from circuitnn.circuit.circuit import Circuit

Fault = tuple[str, tuple[str, ...]]
Edge = tuple[str, str, str]

_LISTED = 12  # names in one message
_FAULTS = 20  # faults in one error; a broken deck of thousands of elements says the same thing thousands of times


@dataclass
class Findings:
    """What the checks found.

    ``faults`` make every analysis impossible; ``dc_faults`` only those that need an operating point;
    ``warnings`` are suspicious and harmless. Each fault is ``(text, names)``.
    """

    faults: list[Fault] = field(default_factory=list)
    dc_faults: list[Fault] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)


def raise_faults(title: str, faults: list[Fault]) -> None:
    """Raise one TopologyError that lists all faults; do nothing when there are none."""
    if not faults:
        return
    names = tuple(dict.fromkeys(n for _, ns in faults for n in ns))
    title = title or "untitled circuit"
    if len(faults) == 1:
        raise TopologyError(f"{title}: {faults[0][0]}", names=names)
    lines = [f"  {k}. {text}" for k, (text, _) in enumerate(faults[:_FAULTS], 1)]
    if len(faults) > _FAULTS:
        lines.append(f"  and {len(faults) - _FAULTS} more")
    message = "\n".join([f"{title}: {len(faults)} faults in how the elements are joined", *lines])
    raise TopologyError(message, names=names)


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


#: What joins the nodes of a behavioural element, by its kind.
_BEHAVIOURAL_LINKS = {
    "v": "voltage", "i": "current", "r": "resistive", "c": "capacitive", "q": "capacitive", "l": "inductive",
}  # fmt: skip


class _Graph:
    """What one pass over the elements collects: who touches a node, what joins and what senses nodes."""

    def __init__(self, circuit: Circuit) -> None:
        self.count: dict[str, int] = defaultdict(int)
        self.last: dict[str, str] = {}
        self.dc = _Sets()
        self.edges: dict[str, list[Edge]] = {kind: [] for kind in ("voltage", "inductive", "current", "capacitive")}
        self.controlled: set[str] = set()  # current sources whose current depends on the solution
        self.probes: dict[str, list[Probe]] = {}  # of behavioural elements
        self.sensed: set[str] = set()  # nodes whose voltage some element's equations depend on
        devices: dict[tuple[str, str | None], Any] = {}
        for element in circuit.elements.values():
            for node in element.nodes:
                self.count[node] += 1
                self.last[node] = element.name
            if element.expression is not None:
                self._behavioural(element, element.expression)
                continue
            if element.letter == "a":
                for a, b in circuit.block_of(element).links:
                    self._link(element.nodes[a], element.nodes[b], "resistive", element.name)
                continue
            key = (element.letter, element.model)
            if key not in devices:
                devices[key] = _wiring(circuit.resolve(element)[0])
            device, links, senses = devices[key]
            if len(element.nodes) != len(device.terminals):
                circuit.device_of(element)  # raises, naming the terminals
            for a, b, kind in links:
                self._link(element.nodes[a], element.nodes[b], kind, element.name)
            if senses or device.controls:
                self.controlled.add(element.name)
                self.sensed.update([element.nodes[k] for k in senses])

    def _link(self, a: str, b: str, kind: str, name: str) -> None:
        if kind not in ("current", "capacitive"):
            self.dc.join(a, b)
        if kind != "resistive":
            self.edges[kind].append((a, b, name))

    def _behavioural(self, element: Element, tree: Expression) -> None:
        probes = self.probes[element.name] = [part for part in walk(tree) if isinstance(part, Probe)]
        kind = _BEHAVIOURAL_LINKS.get(element.kind, "current")
        if kind == "voltage" and any(p.kind == "i" for p in probes):
            kind = "resistive"  # its voltage may depend on the current of its own loop
        self._link(element.nodes[0], element.nodes[1], kind, element.name)
        if probes:
            self.controlled.add(element.name)
            self.sensed.update([name for p in probes if p.kind == "v" for name in p.names])


def _wiring(device: Any) -> tuple[Any, list[tuple[int, int, str]], list[int]]:
    """Return a device, its links by terminal index, and the terminals whose voltage it only senses."""
    place = {name: k for k, name in enumerate(device.terminals)}
    conducting = {t for a, b, kind in device.links if kind != "capacitive" for t in (a, b)}
    links = [(place[a], place[b], kind) for a, b, kind in device.links]
    # A capacitor senses nothing at rest; a gate does, beside the channel that it controls.
    return device, links, [place[t] for t in device.terminals if t not in conducting] if conducting else []


def examine(circuit: Circuit) -> Findings:
    """Return everything that is wrong or suspicious in a circuit's topology.

    Cost: one pass over the elements, near linear in their number.
    """
    found = Findings()
    if not circuit.elements:
        found.faults.append(("the circuit has no elements; the first line of a deck is its title", ()))
        return found
    graph = _Graph(circuit)
    _references(circuit, graph, found)
    if GROUND not in graph.count:
        text = f"no element touches ground; the circuit has the nodes {_list(graph.count)}. Call one of them 0 (or gnd)"
        found.faults.append((text, tuple(graph.count)[:_LISTED]))
        return found
    _loops(graph, found)
    _islands(circuit, graph, found)
    _dangling(graph, found)
    return found


def _references(circuit: Circuit, graph: _Graph, found: Findings) -> None:
    """Elements that sense others: F, H, W and K by name, B by probes."""
    for element in circuit.elements.values():
        for name in element.controls:
            other = circuit.elements.get(name)
            wanted, letter = ("inductor", "l") if element.letter == "k" else ("voltage source", "v")
            if other is None or (letter == "l" and other.letter != "l"):
                hint = nearest(name, (n for n, e in circuit.elements.items() if e.letter == letter))
                text = f"{element.name} refers to {name!r}, which is no {wanted}{_or(hint)}"
                found.faults.append((text, (element.name, name)))
        for part in graph.probes.get(element.name, ()):
            what, known = ("element", circuit.elements) if part.kind == "i" else ("node", graph.count)
            for name in part.names:
                if name != GROUND and name not in known:
                    probe = f"{part.kind}({','.join(part.names)})"
                    text = f"{element.name} uses {probe}, but there is no {what} {name!r}{_or(nearest(name, known))}"
                    found.faults.append((text, (element.name, name)))


def _loops(graph: _Graph, found: Findings) -> None:
    """Loops of voltage sources never have a solution; with an inductor in it a loop has one in time, not at rest."""
    sets = _Sets()
    tree: list[Edge] = []
    closing: list[tuple[Edge, bool]] = []
    # Sources first: then a loop that an inductor closes is one of those that only rest forbids.
    for kind in ("voltage", "inductive"):
        for edge in graph.edges[kind]:
            if sets.join(edge[0], edge[1]):
                tree.append(edge)
            else:
                closing.append((edge, kind == "inductive"))
    if not closing:
        return
    import networkx as nx

    joined = nx.Graph()
    for n1, n2, name in tree:
        joined.add_edge(n1, n2, name=name)
    for k, ((a, b, name), only_dc) in enumerate(closing):
        faults = found.dc_faults if only_dc else found.faults
        if a == b:
            faults.append((f"{name} has both ends on node {a!r}: remove it, or join it to another node", (name, a)))
        elif k >= _FAULTS:  # beyond what is ever shown
            faults.append((f"{name} closes a loop of voltage sources and inductors", (name, a, b)))
        else:
            path = nx.shortest_path(joined, a, b)
            names = [name, *(joined.edges[pair]["name"] for pair in pairwise(path))]
            faults.append((_loop_text(names, path, only_dc), (*names, *path)))


def _loop_text(names: list[str], path: list[str], only_dc: bool) -> str:
    what, why = ("voltage sources", "their voltages contradict each other, or leave the loop's current open")
    if only_dc:
        what, why = ("voltage sources and inductors", "at rest inductors are short circuits, and the current is open")
    return (
        f"{_list(names)} form a loop of {what} through the nodes {_list(path)}: {why}. "
        "Put a small resistance in series with one of them"
    )


def _islands(circuit: Circuit, graph: _Graph, found: Findings) -> None:
    """Groups of nodes without a path for direct current to ground."""
    find = graph.dc.find
    ground = find(GROUND)
    islands: dict[str, list[str]] = defaultdict(list)
    for node in graph.count:
        if find(node) != ground:
            islands[find(node)].append(node)
    if not islands:
        return
    touching: dict[str, list[str]] = defaultdict(list)
    for element in circuit.elements.values():
        for root in {find(node) for node in element.nodes}:
            touching[root].append(element.name)
    crossing: dict[str, dict[str, list[str]]] = {"current": defaultdict(list), "capacitive": defaultdict(list)}
    for kind, by_root in crossing.items():
        for a, b, name in graph.edges[kind]:
            ra, rb = find(a), find(b)
            if ra != rb:
                by_root[ra].append(name)
                by_root[rb].append(name)
    sensed = {find(node) for node in graph.sensed}
    for root, nodes in islands.items():
        currents, capacitors = crossing["current"][root], crossing["capacitive"][root]
        # A controlled source can set the voltage (a conductance made of a G source, an OTA in a loop): its equation
        # counts where the island's voltage acts on something. Whether it does so in fact, the numbers will tell.
        if root in sensed and not graph.controlled.isdisjoint(currents):
            continue
        names = (*nodes, *touching[root][:_LISTED])
        where = f"{'node' if len(nodes) == 1 else 'nodes'} {_list(nodes)} (elements {_list(touching[root])})"
        if capacitors:
            text = (
                f"{where}: no path for direct current to ground; only {_list([*capacitors, *currents])} lead there. "
                "Add a large resistance to ground, such as 1 Gohm"
            )
            found.dc_faults.append((text, names))
        elif currents:
            text = (
                f"{where}: only the current sources {_list(currents)} join them to the rest, so that nothing sets the "
                "voltage. Add a resistance to ground"
            )
            found.faults.append((text, names))
        else:
            text = (
                f"{where}: floating, nothing that carries current joins them to ground. "
                "Join them to the circuit, or add a large resistance to ground"
            )
            found.faults.append((text, names))


def _dangling(graph: _Graph, found: Findings) -> None:
    loose = [n for n, count in graph.count.items() if count == 1 and n != GROUND and n not in graph.sensed]
    for node in loose[:_LISTED]:
        found.warnings.append(f"node {node!r} is touched by {graph.last[node]} alone: a dangling terminal")
    if len(loose) > _LISTED:
        found.warnings.append(f"{len(loose) - _LISTED} more nodes are touched by one terminal alone")


def _list(names: Iterable[str]) -> str:
    all_names = list(dict.fromkeys(names))
    more = f" and {len(all_names) - _LISTED} more" if len(all_names) > _LISTED else ""
    return ", ".join(repr(n) for n in all_names[:_LISTED]) + more


def _or(hint: str | None) -> str:
    return f"; {hint}" if hint else ""
