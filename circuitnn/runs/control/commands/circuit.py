"""Commands that change the circuit: ``alter altermod alterparam reset option save``."""

from __future__ import annotations

import re
from dataclasses import replace

from circuitnn.errors import CircuitnnError, nearest
from circuitnn.netlist.flat import Waveform
from circuitnn.netlist.probes import vectors_in
from circuitnn.runs.control.interpreter import Interpreter
from circuitnn.runs.step import Target, apply
from circuitnn.units import parse_value

_AT = re.compile(r"@([^\s\[\]]+)\[(\w+)\]\s*=?\s*(.+)")
_NAMED = re.compile(r"(\S+?)\s*(?:=|\s)\s*(.+)")
_WITH_PARAM = re.compile(r"(\S+)\s+([a-z_]\w*)\s*(?:=|\s)\s*(.+)")
_LIST = re.compile(r"\[(.*)\]")
_ASSIGNED = re.compile(r"([a-z_]\w*)\s*=\s*([^\s=]+|'[^']*'|\{[^}]*\})(?=\s|$)")
_WAVES = ("pulse", "sin", "exp", "pwl", "sffm", "am", "trnoise", "trrandom")


def alter(run: Interpreter, text: str) -> None:
    """``alter element = x``, ``alter element parameter = x``, ``alter @element[parameter] = x``."""
    low = text.lower()
    found = _AT.fullmatch(low)
    if found is not None:
        name, key, value = found[1], found[2], found[3]
    else:
        longer = _WITH_PARAM.fullmatch(low)
        shorter = _NAMED.fullmatch(low)
        if longer is not None and not _is_number(longer[2]):
            name, key, value = longer[1], longer[2], longer[3]
        elif shorter is not None:
            name, key, value = shorter[1], "", shorter[2].lstrip("= ")
        else:
            run.fail("a malformed alter", expected="alter ELEMENT [PARAMETER] = VALUE")
    name = _flat_name(name)
    element = run.circuit.elements.get(name)
    if element is None:
        run.fail(f"there is no element {name!r} to alter", hint=nearest(name, run.circuit.elements))
    points = _LIST.fullmatch(value.strip())
    if key in _WAVES or points is not None:
        if element.letter not in "vi" or key not in _WAVES or points is None:
            run.fail(f"{name} takes no list", expected="alter @SOURCE[sin] = [ VALUE ... ]")
        shape = Waveform(key, tuple(run.number(word) for word in points[1].replace(",", " ").split()))
        run.circuit.elements[name] = replace(element, waveform=shape)
        return
    _apply(run, Target("element", name, key), run.number(value))


def altermod(run: Interpreter, text: str) -> None:
    """``altermod model ... parameter = x ...`` or ``altermod @model[parameter] = x``."""
    low = text.lower()
    found = _AT.fullmatch(low)
    if found is not None:
        names, given = [found[1]], [(found[2], found[3])]
    else:
        first = _ASSIGNED.search(low)
        names = low[: first.start()].split() if first else []
        given = [(m[1], m[2]) for m in _ASSIGNED.finditer(low)]
    if not names or not given:
        run.fail("a malformed altermod", expected="altermod MODEL PARAMETER = VALUE")
    for name in names:
        element = run.circuit.elements.get(_flat_name(name))
        model = name if name in run.circuit.models else element.model if element is not None else None
        if model not in run.circuit.models:
            run.fail(f"there is no model {name!r} to alter", hint=nearest(name, run.circuit.models))
        for key, value in given:
            _apply(run, Target("model", str(model), key), run.number(value))


def _apply(run: Interpreter, target: Target, value: float) -> None:
    try:
        apply(run.circuit, target, value)
    except CircuitnnError as error:
        run.fail(error.message, error.expected, error.hint)


def alterparam(run: Interpreter, text: str) -> None:
    """``alterparam name = x``: a ``.param`` parameter; it counts from the next ``reset`` on."""
    name, _, value = text.lower().partition("=")
    name = name.strip()
    if name not in run.flat.params:
        run.fail(f"there is no parameter {name!r} to alter", hint=nearest(name, run.flat.params))
    run.params[name] = run.number(value)


def reset(run: Interpreter, text: str) -> None:
    """``reset``: the circuit as the deck has it."""
    run.reset()


def option(run: Interpreter, text: str) -> None:
    """``option name = x ...``: as ``.options``."""
    words = re.findall(r"([a-z_]\w*)(?:\s*=\s*([^\s=]+))?", text.lower())
    run.set_options({name: parse_value(value) if _is_number(value) else value or 1.0 for name, value in words})


def save(run: Interpreter, text: str) -> None:
    """``save vector ...``: as ``.save``."""
    names = text.lower().split()
    if "all" in names:
        run.circuit.save = []
    asked = [name if "(" in name or name[0] == "@" else f"v({name})" for name in names if name != "all"]
    for name in asked:
        if name[0] == "@" or "all" in names:
            run.circuit.probes += [v for v in vectors_in(name) if v not in run.circuit.probes]
        if "all" not in names and name not in run.circuit.save:
            run.circuit.save.append(name)


def listing(run: Interpreter, text: str) -> None:
    """``listing``: the circuit as it is now."""
    for line in run.circuit.to_netlist().splitlines():
        run.say(line)


def _is_number(word: str) -> bool:
    try:
        parse_value(word)
    except CircuitnnError:
        return False
    return True


def _flat_name(name: str) -> str:
    """Return the name of an element that may be written as ngspice does: ``r.x1.r2`` is ``x1.r2``."""
    head, _, rest = name.partition(".")
    return rest if len(head) == 1 and "." in rest and rest.rpartition(".")[2][0] == head else name


EXPORT = {
    "alter": alter, "altermod": altermod, "alterparam": alterparam, "reset": reset, "mc_source": reset,
    "option": option, "options": option, "save": save, "listing": listing,
}  # fmt: skip
