"""What can be asked of an element by ``@element[name]`` or ``i(element)``, as expressions of the circuit's unknowns.

Each becomes an unknown of its own that equals its expression, so that every analysis has it. Names and signs are those
of ngspice 39: currents flow into a terminal, and a power is that taken up.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from circuitnn.devices.load import readings_of
from circuitnn.errors import nearest
from circuitnn.netlist.expression import Binary, Expression, Number, Probe
from circuitnn.netlist.flat import Element
from circuitnn.netlist.probes import vectors_in

if TYPE_CHECKING:
    from circuitnn.circuit.circuit import Circuit

_ASKED = re.compile(r"@([^\[\]]+)\[([a-z_]\w*)\]|i\(([^()\[\],]+)\)")
#: Letters of elements whose current flows between their first two nodes.
_TWO_ENDED = frozenset("rcdvilefghbsw")
#: By letter: currents into the terminals, and voltages between two of them.
_CURRENTS = {"m": ("id", "ig", "is", "ib"), "q": ("ic", "ib", "ie", "isub"), "j": ("id", "ig", "is")}
_VOLTAGES = {
    "q": {"vbe": (1, 2), "vbc": (1, 0), "vce": (0, 2)},
    "j": {"vgs": (1, 2), "vgd": (1, 0), "vds": (0, 2)},
}
_CURRENT_NAMES = ("i", "id", "c", "current")
_UNIT = {"i": "current", "v": "voltage"}


@dataclass(frozen=True)
class Observed:
    """One vector that was asked for: its name in results, ``voltage``, ``current`` or ``state``, and what it equals;
    ``param`` is what its device shows by itself."""

    name: str
    element: str
    kind: str
    expression: Expression | None
    param: str = ""


def observed(circuit: Circuit) -> list[Observed]:
    """Return what ``save`` and ``probes`` ask of elements; what no element has is noted as a warning.

    Examples
    --------
    >>> import circuitnn as cn
    >>> c = cn.Circuit("divider")
    >>> c.V("1", "a", 0, dc=2.0); c.R("1", "a", "b", "1k"); c.R("2", "b", 0, "1k")
    >>> c.save = ["v(b)", "@r1[i]", "@r2[p]"]
    >>> point = c.op()
    >>> round(float(point["@r1[i]"]), 9), round(float(point["@r2[p]"]), 9)
    (0.001, 0.001)
    """
    found = []
    names = dict.fromkeys(name for text in (*circuit.save, *circuit.probes) for name in vectors_in(text))
    for name in names:
        match = _ASKED.fullmatch(name)
        element = circuit.elements.get(_path(match[1] or match[3])) if match else None
        if match is None or element is None or element.letter in "ax":
            continue
        if match[3] is not None:
            tree = Probe("i", (element.name,)) if _has_current(element) and element.letter not in "velh" else None
            if tree is not None:
                found.append(Observed(f"i({element.name})", element.name, "current", tree))
            continue
        param = match[2]
        if element.model is not None and param in circuit.device_of(element)[0].states:
            continue  # an unknown by itself
        shown = readings_of(circuit.device_of(element)[0]) if element.model is not None else []
        if param in shown:
            kind = _UNIT.get(param[0], "state")
            found.append(Observed(f"@{element.name}[{param}]", element.name, kind, None, param))
            continue
        value, known = _value(circuit, element, param)
        if value is not None:
            kind = _UNIT.get(param[0], "state") if param not in ("inductance", "vto") else "state"
            found.append(Observed(f"@{element.name}[{param}]", element.name, kind, value))
            continue
        hint = nearest(param, [*known, *shown])
        text = f"{name}: {element.name} has no {param!r} to show" + (f"; {hint}" if hint else "")
        if text not in circuit.warnings:
            circuit.warnings.append(text)
    return found


def _path(name: str) -> str:
    """Return the name of an element that may be written as ngspice does: ``r.x1.r2`` is ``x1.r2``."""
    head, _, rest = name.partition(".")
    return rest if len(head) == 1 and "." in rest and rest.rpartition(".")[2][0] == head else name


def _has_current(element: Element) -> bool:
    return element.letter in _TWO_ENDED or len(element.nodes) == 2


def _value(circuit: Circuit, element: Element, param: str) -> tuple[Expression | None, list[str]]:
    """Return what a parameter of an element equals, None when it has none of that name, and the names that it has."""
    letter, nodes = element.letter, element.nodes
    known: dict[str, Expression] = {}
    if _has_current(element):
        current, voltage = Probe("i", (element.name,)), Probe("v", nodes[:2])
        known |= dict.fromkeys(_CURRENT_NAMES, current)
        known |= {"v": voltage, "vd": voltage, "p": Binary("*", voltage, current)}
        if letter == "i":
            known["v"] = Probe("v", (nodes[1], nodes[0]))
    names = _CURRENTS.get(letter, ())[: len(nodes)]
    flows = [Probe("i", (f"{element.name}#{k}",)) for k in range(len(names))]
    known |= dict(zip(names, flows, strict=True))
    known |= {name: Probe("v", (nodes[a], nodes[b])) for name, (a, b) in _VOLTAGES.get(letter, {}).items()}
    if flows:
        terms = [Binary("*", Probe("v", (node,)), flow) for node, flow in zip(nodes, flows, strict=False)]
        known["p"] = terms[0]
        for term in terms[1:]:
            known["p"] = Binary("+", known["p"], term)
    if element.expression is None and param not in known:
        device, values = circuit.device_of(element)
        aliases = {"r": "resistance", "c": "capacitance", "l": "inductance"}
        key = device.positional if aliases.get(param) == device.positional else param
        given = values.get(key, device.params[key].default if key in device.params else None)
        if given is not None:
            return Number(float(given)), []
        return None, [*known, *device.params]
    return known.get(param), list(known)
