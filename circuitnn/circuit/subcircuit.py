"""Subcircuits built by hand: circuits with ports, of which other circuits hold instances."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from circuitnn.circuit.building import Building
from circuitnn.circuit.circuit import Circuit
from circuitnn.circuit.values import Node, node_name, word_of
from circuitnn.errors import CircuitError, UsageError
from circuitnn.netlist.expression import Probe, substitute
from circuitnn.netlist.flat import GROUND, NO_MULTIPLIER, Element


class Subcircuit(Circuit):
    """A circuit with ports; ``circuit.X("1", ..., subckt=it)`` adds an instance as it is then.

    What takes parameters is a Python function that returns a subcircuit.

    Parameters
    ----------
    name : str
    *ports : node
        Its nodes that an instance joins to others; ground is ground everywhere and no port.

    Examples
    --------
    >>> def lowpass(r, c):
    ...     sub = Subcircuit("lowpass", "in", "out")
    ...     sub.R("1", "in", "out", r)
    ...     sub.C("1", "out", 0, c)
    ...     return sub
    >>> circuit = Circuit("two stages")
    >>> circuit.V("1", "a", 0, dc=1.0, ac=1.0)
    >>> circuit.X("1", "a", "b", subckt=lowpass("1k", "1u"))
    >>> circuit.X("2", "b", "c", subckt=lowpass("10k", "100n"))
    >>> list(circuit.elements), circuit.elements["x2.c1"].nodes
    (['v1', 'x1.r1', 'x1.c1', 'x2.r1', 'x2.c1'], ('c', '0'))
    """

    def __init__(self, name: str, *ports: Node) -> None:
        super().__init__(word_of("subcircuit", name))
        self.ports = tuple([node_name(port, name) for port in ports])
        if not ports or GROUND in self.ports or len({*self.ports}) < len(ports):
            raise UsageError(
                f"{name!r} cannot have the ports {ports}",
                expected="different nodes, ground not among them",
                names=(name,),
            )

    def place_into(self, circuit: Building, name: str, nodes: tuple[str, ...], params: dict[str, float]) -> None:
        """Add all elements to another circuit as the instance ``name``.

        Raises
        ------
        CircuitError
            For a wrong number of nodes, a parameter other than ``m``, or a name that is taken.
        """
        if len(nodes) != len(self.ports):
            raise CircuitError(
                f"{name} joins {len(nodes)} nodes to {self.title!r}, which has {len(self.ports)} ports",
                expected=f"nodes for {' '.join(self.ports)}",
                names=(name, self.title),
            )
        unknown = next((key for key in params if key != "m"), None)
        if unknown is not None:
            raise CircuitError(
                f"{name}: {self.title!r} has no parameter {unknown!r}",
                expected="m",
                hint="a Python function with parameters can build the subcircuit",
                names=(name, unknown),
            )
        if circuit is self:
            raise CircuitError(f"{name}: the subcircuit {self.title!r} would contain itself", names=(name, self.title))
        joined = {GROUND: GROUND, **dict(zip(self.ports, nodes, strict=True))}

        def outside(node: str) -> str:
            return joined.get(node, f"{name}.{node}")

        for key, device in self.devices.items():
            if circuit.devices.setdefault(key, device) != device:
                raise CircuitError(
                    f"{name}: two devices are called {key!r}", names=(name, key), hint="rename one of them"
                )
        for key, model in self.models.items():
            references = {k: f"{name}.{v}" if v in self.models else v for k, v in model.references.items()}
            own = f"{name}.{key}"
            circuit.models[own] = replace(model, name=own, references=references)
        for element in self.elements.values():
            circuit.add(self._outside(element, name, outside, params.get("m", 1.0)))
        for item in self.imperfections:
            known = item.target in self.models or item.target in self.elements
            # a ready-made card belongs to no instance: its elements do
            users = [item.target] if known else [e.name for e in self.elements.values() if e.model == item.target]
            circuit.imperfections += [replace(item, target=f"{name}.{user}") for user in users or [item.target]]
        circuit.ic.update({outside(node): value for node, value in self.ic.items()})
        circuit.nodeset.update({outside(node): value for node, value in self.nodeset.items()})

    def _outside(self, element: Element, name: str, outside: Callable[[str], str], m: float) -> Element:
        """Return an element of the instance ``name``."""

        def probed(probe: Probe) -> Probe:
            names = [outside(n) if probe.kind == "v" else f"{name}.{n}" for n in probe.names]
            return Probe(probe.kind, tuple(names))

        tree, params = element.expression, dict(element.params)
        if m != 1.0 and element.letter not in NO_MULTIPLIER and element.kind != "v":
            params["m"] = params.get("m", 1.0) * m
        return replace(
            element,
            name=f"{name}.{element.name}",
            nodes=tuple([outside(node) for node in element.nodes]),
            params=params,
            model=f"{name}.{element.model}" if element.model in self.models else element.model,
            controls=tuple([f"{name}.{control}" for control in element.controls]),
            expression=None if tree is None else substitute(tree, lambda _: None, probed),
        )
