"""The unknowns of a circuit: nodes, branches, meters, states and what is inside elements, found by their names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np

from circuitnn.devices.load import Built
from circuitnn.errors import CircuitError
from circuitnn.mna.group import Group
from circuitnn.mna.observe import Observed
from circuitnn.mna.plan import BRANCH, NODE, SLOPE_TOLERANCE, STATE, STATE_TOLERANCE, Plan
from circuitnn.netlist.flat import GROUND, Element

if TYPE_CHECKING:
    from circuitnn.circuit.circuit import Circuit

#: Letters of elements whose current flows between their first two nodes.
_METERED = "rcdifgbsw"
#: Kind of the unknown and name of the tolerance of what is asked of an element.
_OBSERVED_KINDS = {"voltage": (NODE, "vntol"), "current": (BRANCH, "abstol"), "state": (STATE, "abstol")}


class Unknowns:
    """Adds unknowns to a plan; starts with those of the nodes.

    ``meters`` are the unknowns behind terminals whose current is asked for, by the element and the terminal's number.

    Parameters
    ----------
    circuit : Circuit
    plan : Plan
        Empty.
    """

    def __init__(self, circuit: Circuit, plan: Plan) -> None:
        self.circuit = circuit
        self.plan = plan
        self.meters: dict[tuple[str, int], int] = {}
        self._options = circuit.options
        self._node_rows = self._number_nodes()

    def _number_nodes(self) -> np.ndarray:
        """Make an unknown of each node; return the unknown of each node of the circuit's columns, -1 for ground."""
        plan, nodes = self.plan, self.circuit.elements.columns().nodes
        names = [node for node in nodes if node != GROUND]
        plan.node_index = dict(zip(names, range(plan.n, plan.n + len(names)), strict=True))
        plan.names += [f"v({node})" for node in names]
        plan.kind += [NODE] * len(names)
        plan.tol += [self._options.vntol] * len(names)
        plan.hidden += [False] * len(names)
        plan.n += len(names)
        get = plan.node_index.get
        return np.array([get(node, -1) for node in nodes], dtype=np.int64)

    def branch(self, name: str) -> int:
        """Make an unknown of the current of a branch."""
        index = self.plan.branch_index[name] = self.plan.unknown(f"i({name})", BRANCH, self._options.abstol)
        return index

    def number_branches(self, group: Group) -> None:
        """Number the branches of a group before all else of it, so that other elements can refer to them."""
        branches = [(k, name) for k, name in enumerate(group.device.branches) if name not in group.device.auxiliaries]
        for owner in group.names() if branches else ():
            for k, name in branches:
                if k == 0:
                    self.branch(owner)
                else:
                    second = f"{owner}#{name}"
                    self.plan.branch_index[second] = self.plan.unknown(
                        f"i({second})", BRANCH, self._options.abstol, hidden=True
                    )

    def add_meters(self, sensed: Iterable[str], shown: set[str]) -> None:
        """Give terminals whose current an expression asks for a branch: a source of 0 V in front of them.

        ``i(r1)`` is the current into the first terminal, ``i(m1#2)`` that into the third one. Results show those of
        ``shown``.
        """
        for of in sensed:
            if of in self.plan.branch_index:
                continue
            name, _, terminal = of.partition("#")
            other = self.circuit.elements.get(name)
            two = other is not None and (other.letter in _METERED or len(other.nodes) == 2)
            if other is None or not (two or terminal):
                continue  # reported where it is sensed
            hidden = self.plan.unknown(f"v({of}#meter)", NODE, self._options.vntol, hidden=True)
            self.meters[name, int(terminal or 0)] = hidden
            row = self.branch(of)
            self.plan.hidden[row] = f"i({name})" not in shown

    def local_rows(self, group: Group, built: Built) -> np.ndarray:
        """Unknown of each local unknown of each instance, shape (n_local, n); ground is -1 until numbering is done."""
        device, plan = group.device, self.plan
        rows: dict[str, np.ndarray] = {}
        for k, name in enumerate(device.terminals):
            rows[name] = self._node_rows[group.nodes(k)]
        for (owner, terminal), row in self.meters.items():
            k = group.find(owner)
            if k >= 0:
                rows[device.terminals[terminal]][k] = row
        gone = {name: np.zeros(len(group), bool) for name in (*device.internals, *device.branches)}
        for name, _, mask in built.merged:
            gone[name] |= mask
        for name in device.internals:
            kind, tol = (BRANCH, self._options.abstol) if name in device.flows else (NODE, self._options.vntol)
            rows[name] = self._own_unknowns(group, name, gone[name], kind, tol)
        for k, name in enumerate(device.branches):
            if name in device.auxiliaries:
                rows[name] = self._own_unknowns(group, name, gone[name], STATE, SLOPE_TOLERANCE)
            else:
                end = "" if k == 0 else f"#{name}"
                rows[name] = np.array([plan.branch_index[owner + end] for owner in group.names()], dtype=np.int64)
        for name, state in device.states.items():
            rows[name] = np.array(
                [plan.unknown(f"@{owner}[{name}]", STATE, STATE_TOLERANCE * state.scale) for owner in group.names()]
            )
        for k, name in enumerate(device.controls):
            rows[name] = np.array([self.sensed(e, e.controls[k]) for e in group.elements], dtype=np.int64)
        for name, target, mask in built.merged:
            rows[name] = np.where(mask, -1 if target is None else rows[target], rows[name])
        return np.stack([rows[name] for name in device.locals])

    def _own_unknowns(self, group: Group, name: str, gone: np.ndarray, kind: int, tol: float) -> np.ndarray:
        return np.array(
            [
                -1 if gone[k] else self.plan.unknown(f"v({owner}#{name})", kind, tol, hidden=True)
                for k, owner in enumerate(group.names())
            ],
            dtype=np.int64,
        )

    def sensed(self, element: Element, name: str) -> int:
        """Return the unknown of the current that an element senses."""
        index = self.plan.branch_index.get(name)
        if index is None:
            raise CircuitError(
                f"{element.name} senses the current of {name!r}, which has no branch current",
                place=element.place,
                names=(element.name, name),
                hint="sense the current of a voltage source; one of 0 V in series will do",
            )
        return index

    def probed(self, element: Element, name: str) -> int:
        """Return the unknown of a node whose voltage an element uses; ground is -1."""
        if name == GROUND:
            return -1
        index = self.plan.node_index.get(name)
        if index is None:
            raise CircuitError(
                f"{element.name} uses v({name}), but no element touches the node {name!r}",
                place=element.place,
                names=(element.name, name),
            )
        return index

    def output(self, vector: Observed) -> int:
        """Give what was asked of an element an unknown."""
        kind, tolerance = _OBSERVED_KINDS[vector.kind]
        row = self.plan.unknown(vector.name, kind, getattr(self._options, tolerance))
        self.plan.outputs[row] = vector.element
        return row
