"""Checks of how elements are joined, before any numbers: what would make the equations singular is named here.

One pass of union-find over all elements finds whether something is wrong; only then a networkx graph finds what.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from circuitnn.circuit._sets import DisjointSets
from circuitnn.errors import Place, TopologyError, nearest
from circuitnn.netlist.expression import Expression, Probe, probes_of
from circuitnn.netlist.flat import GROUND, Element

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from circuitnn.circuit.circuit import Circuit
    from circuitnn.netlist.table import Part

_LINKS = ("resistive", "voltage", "inductive", "current", "capacitive")

Fault = tuple[str, tuple[str, ...]]

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


def faults_of(circuit: Circuit, faults: Iterable[Fault]) -> list[TopologyError]:
    """Return an error for each fault, its place that of the first element in it."""
    return [TopologyError(text, place=_place(circuit, names), names=names) for text, names in faults]


def _place(circuit: Circuit, names: Sequence[str]) -> Place | None:
    """Return where the first element of a fault was written, at the node or name that is meant."""
    place = next((e.place for name in names if (e := circuit.elements.get(name)) is not None and e.place), None)
    if place is None:
        return None
    meant = next((name for name in names[:2] if name not in circuit.elements), "")
    return place.at(meant.rpartition(".")[2]) if meant else place


def raise_faults(circuit: Circuit, faults: list[Fault]) -> None:
    """Raise one TopologyError that lists all faults; do nothing when there are none."""
    if not faults:
        return
    names = tuple(dict.fromkeys(n for _, ns in faults for n in ns))
    place, title = _place(circuit, faults[0][1]), circuit.title or "untitled circuit"
    if len(faults) == 1:
        raise TopologyError(faults[0][0] if place else f"{title}: {faults[0][0]}", place=place, names=names)
    lines = [f"  {k}. {_located(circuit, fault)}" for k, fault in enumerate(faults[:_FAULTS], 1)]
    if len(faults) > _FAULTS:
        lines.append(f"  and {len(faults) - _FAULTS} more")
    message = "\n".join([f"{title}: {len(faults)} faults in how the elements are joined", *lines])
    raise TopologyError(message, names=names)


def _located(circuit: Circuit, fault: Fault) -> str:
    place = _place(circuit, fault[1])
    return f"{place}: {fault[0]}" if place else fault[0]


@dataclass(slots=True)
class _Edges:
    """Two-terminal links of one kind: nodes by number, and the places of their elements in the circuit's order."""

    plus: NDArray[np.int32]
    minus: NDArray[np.int32]
    places: NDArray[np.int64]


#: What joins the nodes of a behavioural element, by its kind.
_BEHAVIOURAL_LINKS = {
    "v": "voltage", "i": "current", "r": "resistive", "c": "capacitive", "q": "capacitive", "l": "inductive",
}  # fmt: skip


class _Graph:
    """What one pass over the elements collects: who touches a node, what joins and what senses nodes."""

    def __init__(self, circuit: Circuit, broken: Mapping[str, Iterable[str]]) -> None:
        self.elements = circuit.elements
        self.columns = columns = circuit.elements.columns()
        self.count = np.bincount(columns.terminals, minlength=len(columns.nodes))
        self.controlled: set[str] = set()  # current sources whose current depends on the solution
        self.probes: dict[str, tuple[Probe, ...]] = {}  # of behavioural elements
        self.sensed: set[str] = set()  # nodes whose voltage some element's equations depend on
        self._links: dict[str, list[tuple[int, int, int]]] = {kind: [] for kind in _LINKS}
        self._plain: dict[str, list[Part]] = {kind: [] for kind in _LINKS}
        for part in columns.parts:
            device, _ = circuit.resolve(self.elements.at(int(part.order[0])))
            self._plain[device.links[0][2]].append(part)
        self._others(circuit)
        self.edges = {kind: self._edges(kind) for kind in _LINKS}
        self.dc = DisjointSets(len(columns.nodes))
        for kind in ("resistive", "voltage", "inductive"):
            self.dc.join(self.edges[kind].plus, self.edges[kind].minus)
        index = columns.index
        #: Nodes of elements that are missing because of a mistake: they may be joined to anything.
        self.unsure = {node for nodes in broken.values() for node in nodes}
        unsure = np.array([index[node] for node in self.unsure if node in index], dtype=np.int32)
        self.count[unsure] += 2
        if GROUND in index:
            self.dc.join(unsure, np.full_like(unsure, index[GROUND]))
        self.islands = self.dc.roots()

    def _others(self, circuit: Circuit) -> None:
        devices: dict[tuple[str, str | None], Any] = {}
        number = self.columns.index
        for place, element in self.columns.others:
            if element.expression is not None:
                self._behavioural(place, element, element.expression)
                continue
            if element.letter == "a":
                for a, b in circuit.block_of(element).links:
                    self._link("resistive", element.nodes[a], element.nodes[b], place)
                continue
            key = (element.letter, element.model)
            if key not in devices:
                devices[key] = _wiring(circuit.resolve(element)[0])
            device, links, senses = devices[key]
            if len(element.nodes) != len(device.terminals):
                circuit.device_of(element)  # raises, naming the terminals
            for a, b, kind in links:
                self._links[kind].append((number[element.nodes[a]], number[element.nodes[b]], place))
            if senses or device.controls:
                self.controlled.add(element.name)
                self.sensed.update([element.nodes[k] for k in senses])

    def _edges(self, kind: str) -> _Edges:
        """Return all links of a kind, in the order of the elements."""
        found = [np.array(self._links[kind], dtype=np.int64).reshape(-1, 3).T]
        found += [np.stack([*part.nodes, part.order]) for part in self._plain[kind]]
        plus, minus, places = np.concatenate(found, axis=1)
        if sum([part.shape[1] > 0 for part in found]) > 1:
            order = np.argsort(places, kind="stable")
            plus, minus, places = plus[order], minus[order], places[order]
        return _Edges(plus.astype(np.int32), minus.astype(np.int32), places)

    def _link(self, kind: str, a: str, b: str, place: int) -> None:
        self._links[kind].append((self.columns.index[a], self.columns.index[b], place))

    def _behavioural(self, place: int, element: Element, tree: Expression) -> None:
        probes = self.probes[element.name] = probes_of(tree)
        kind = _BEHAVIOURAL_LINKS.get(element.kind, "current")
        if kind == "voltage" and any(p.kind == "i" for p in probes):
            kind = "resistive"  # its voltage may depend on the current of its own loop
        self._link(kind, element.nodes[0], element.nodes[1], place)
        if probes:
            self.controlled.add(element.name)
            self.sensed.update([name for p in probes if p.kind == "v" for name in p.names])

    def names(self, places: Iterable[int]) -> list[str]:
        """Return the names of the elements at places of the circuit's order."""
        return [self.elements.name_at(place) for place in places]


def _wiring(device: Any) -> tuple[Any, list[tuple[int, int, str]], list[int]]:
    """Return a device, its links by terminal index, and the terminals whose voltage it only senses."""
    place = {name: k for k, name in enumerate(device.terminals)}
    conducting = {t for a, b, kind in device.links if kind != "capacitive" for t in (a, b)}
    links = [(place[a], place[b], kind) for a, b, kind in device.links]
    # A capacitor senses nothing at rest; a gate does, beside the channel that it controls.
    return device, links, [place[t] for t in device.terminals if t not in conducting] if conducting else []


def examine(circuit: Circuit, broken: Mapping[str, Iterable[str]] | None = None) -> Findings:
    """Return everything that is wrong or suspicious in a circuit's topology.

    ``broken`` are names and nodes of elements that are missing because of a mistake; what may follow from their absence
    is not told. Cost: one pass over the elements, near linear in their number.
    """
    found = Findings()
    broken = broken or {}
    if len(circuit.elements) == 0:
        if broken:
            return found
        found.faults.append(("the circuit has no elements; the first line of a deck is its title", ()))
        return found
    graph = _Graph(circuit, broken)
    _references(circuit, graph, found, broken)
    nodes = graph.columns.nodes
    if GROUND not in graph.columns.index:
        if GROUND in graph.unsure:
            return found
        text = f"no element touches ground; the circuit has the nodes {_list(nodes)}. Call one of them 0 (or gnd)"
        found.faults.append((text, (next(iter(graph.elements)), *nodes[:_LISTED])))
        return found
    _loops(graph, found)
    _islands(circuit, graph, found)
    _dangling(graph, found)
    return found


def _references(circuit: Circuit, graph: _Graph, found: Findings, broken: Mapping[str, Iterable[str]]) -> None:
    """Elements that sense others: F, H, W and K by name, B by probes."""
    for _, element in graph.columns.others:
        for name in element.controls:
            if name in broken:
                continue
            other = circuit.elements.get(name)
            wanted, letter = ("inductor", "l") if element.letter == "k" else ("voltage source", "v")
            if other is None or (letter == "l" and other.letter != "l"):
                fitting = (n for n, e in circuit.elements.items() if e.letter == letter)
                hint = nearest(name, fitting) if len(found.faults) < _FAULTS else None
                text = f"{element.name} refers to {name!r}, which is no {wanted}{_or(hint)}"
                found.faults.append((text, (element.name, name)))
        for part in graph.probes.get(element.name, ()):
            what, known = ("element", circuit.elements) if part.kind == "i" else ("node", graph.columns.index)
            for name in part.names:
                if name != GROUND and name not in known and name not in (broken if part.kind == "i" else graph.unsure):
                    probe = f"{part.kind}({','.join(part.names)})"
                    hint = nearest(name, known) if len(found.faults) < _FAULTS else None
                    text = f"{element.name} uses {probe}, but there is no {what} {name!r}{_or(hint)}"
                    found.faults.append((text, (element.name, name)))


def _loops(graph: _Graph, found: Findings) -> None:
    """Loops of voltage sources never have a solution; with an inductor in it a loop has one in time, not at rest."""
    sets = DisjointSets(len(graph.columns.nodes))
    # Sources first: then a loop that an inductor closes is one of those that only rest forbids.
    joined = {kind: sets.join(graph.edges[kind].plus, graph.edges[kind].minus) for kind in ("voltage", "inductive")}
    if all(mask.all() for mask in joined.values()):
        return
    import networkx as nx

    nodes = graph.columns.nodes
    tree = nx.Graph()
    closing: list[tuple[int, int, str, bool]] = []
    for kind, mask in joined.items():
        edges = graph.edges[kind]
        for a, b, place, new in zip(
            edges.plus.tolist(), edges.minus.tolist(), edges.places.tolist(), mask.tolist(), strict=True
        ):
            if new:
                tree.add_edge(a, b, place=place)
            else:
                closing.append((a, b, graph.elements.name_at(place), kind == "inductive"))
    for k, (a, b, name, only_dc) in enumerate(closing):
        faults = found.dc_faults if only_dc else found.faults
        if a == b:
            text = f"{name} has both ends on node {nodes[a]!r}: remove it, or join it to another node"
            faults.append((text, (name, nodes[a])))
        elif k >= _FAULTS:  # beyond what is ever shown
            text = f"{name} closes a loop of voltage sources and inductors"
            faults.append((text, (name, nodes[a], nodes[b])))
        else:
            path = nx.shortest_path(tree, a, b)
            names = [name, *graph.names(tree.edges[pair]["place"] for pair in pairwise(path))]
            on_path = [nodes[node] for node in path]
            faults.append((_loop_text(names, on_path, only_dc), (*names, *on_path)))


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
    columns, roots = graph.columns, graph.islands
    ground = roots[columns.index[GROUND]]
    afloat = roots != ground
    if not afloat.any():
        return
    islands: dict[int, list[str]] = defaultdict(list)
    for node in np.flatnonzero(afloat).tolist():
        islands[int(roots[node])].append(columns.nodes[node])
    touching: dict[int, list[int]] = defaultdict(list)
    there = afloat[columns.terminals]
    for root, place in dict.fromkeys(
        zip(roots[columns.terminals[there]].tolist(), columns.owner[there].tolist(), strict=True)
    ):
        touching[root].append(place)
    crossing: dict[str, dict[int, list[int]]] = {"current": defaultdict(list), "capacitive": defaultdict(list)}
    for kind, by_root in crossing.items():
        edges = graph.edges[kind]
        ra, rb = roots[edges.plus], roots[edges.minus]
        across = ra != rb
        for a, b, place in zip(ra[across].tolist(), rb[across].tolist(), edges.places[across].tolist(), strict=True):
            by_root[a].append(place)
            by_root[b].append(place)
    sensed = {int(roots[columns.index[node]]) for node in graph.sensed if node in columns.index}
    for root, nodes in islands.items():
        currents, capacitors = (graph.names(crossing[kind][root]) for kind in ("current", "capacitive"))
        touched = graph.names(touching[root])
        # A controlled source can set the voltage (a conductance made of a G source, an OTA in a loop): its equation
        # counts where the island's voltage acts on something. Whether it does so in fact, the numbers will tell.
        if root in sensed and any(name in graph.controlled for name in currents):
            continue
        names = (*nodes, *touched[:_LISTED])
        where = f"{'node' if len(nodes) == 1 else 'nodes'} {_list(nodes)} (elements {_list(touched)})"
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
    columns = graph.columns
    single = [columns.nodes[k] for k in np.flatnonzero(graph.count == 1).tolist()]
    told = {name for _, names in (*found.faults, *found.dc_faults) for name in names}
    loose = [node for node in single if node != GROUND and node not in graph.sensed and node not in told]
    for node in loose[:_LISTED]:
        place = columns.owner[np.flatnonzero(columns.terminals == columns.index[node])[0]]
        element = graph.elements.at(int(place))
        text = f"node {node!r} is touched by {element.name} alone: a dangling terminal"
        where = element.place.at(node.rpartition(".")[2]) if element.place else None
        found.warnings.append(f"{where}: {text}" if where else text)
    more = len(loose) - _LISTED
    if more > 0:
        found.warnings.append(f"{more} more node{' is' if more == 1 else 's are'} touched by one terminal alone")


def _list(names: Iterable[str]) -> str:
    all_names = list(dict.fromkeys(names))
    more = f" and {len(all_names) - _LISTED} more" if len(all_names) > _LISTED else ""
    return ", ".join(repr(n) for n in all_names[:_LISTED]) + more


def _or(hint: str | None) -> str:
    return f"; {hint}" if hint else ""
