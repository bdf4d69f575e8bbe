"""One element's statement to an element of the flat netlist: values, model, behaviour, waveform."""

from __future__ import annotations

from collections.abc import Container
from dataclasses import replace
from itertools import pairwise

from circuitnn.errors import ConsequenceError, NetlistError
from circuitnn.netlist.cursor import number
from circuitnn.netlist.elements import PRIMARY, USAGE, polynomial
from circuitnn.netlist.expression import Expression, Number
from circuitnn.netlist.flat import GROUND, NO_MULTIPLIER, Element, Waveform
from circuitnn.netlist.models import model_of
from circuitnn.netlist.points import read_points
from circuitnn.netlist.scope import Scope
from circuitnn.netlist.statements import ElementStatement, SourceFunction

# What goes with a value that depends on the circuit.
_BEHAVIOURAL_PARAMS = frozenset(("m", "tc1", "tc2", "temp", "dtemp", "ic", "noisy"))


def bipolar(statement: ElementStatement, scope: Scope) -> ElementStatement:
    """Return a bipolar transistor with its substrate, found which of its words is the model: the first known one."""
    broken = {name for s in scope.outwards() for kind, name in s.broken if kind == "model"}
    known = broken.union(*((*s.models, *s.bins) for s in scope.outwards()))
    words = (*statement.nodes, statement.model or "")
    at = next((k for k in range(3, len(words)) if words[k] in known), None)
    if at is None:
        at = next((k for k in range(len(words) - 1, 3, -1) if number(words[k]) is None), 3)
    area = [number(word) for word in words[at + 1 :]]
    if at > 4 or len(area) > 1 or None in area or (area and "area" in statement.params):
        what = f"{at} nodes" if at > 4 else f"{' '.join(words[at + 1 :])!r} after its model"
        raise NetlistError(
            f"{statement.name} has {what}",
            place=statement.place,
            names=(statement.name,),
            expected=USAGE["q"],
        )
    params = {**statement.params, **({"area": area[0]} if area and area[0] is not None else {})}
    substrate = () if at == 4 else (GROUND,)
    return replace(statement, nodes=(*words[:at], *substrate), model=words[at], params=params)


def flat_element(statement: ElementStatement, scope: Scope, multiplier: float) -> Element:
    """Return an element of the flat netlist; ``multiplier`` is that of the instance in which it stands."""
    name = scope.prefix + statement.name
    place = statement.place
    letter = statement.name[0]
    if "." in statement.name and not statement.name.rpartition(".")[2].startswith(letter):
        raise NetlistError(
            f"the name {statement.name!r} has a dot that marks no subcircuit",
            place=place,
            names=(statement.name,),
            expected=f"{letter.upper()} after the last dot, as in {letter}.x1.{letter}2",
            hint=f"write {statement.name.replace('.', '_')}",
        )
    kind, behaviour = _behaviour_of(statement, scope) if letter in PRIMARY else ("", None)
    params, lost = values_of(statement, scope, ("q", PRIMARY[letter]) if kind else ())
    model = statement.model
    if model is not None:
        model = model_of(statement, scope, params)
    tree, terminals = statement.expression or behaviour, statement.nodes
    if statement.poly:
        tree, terminals = polynomial(statement), terminals[:2]
    kind = kind or statement.kind
    if tree is not None:
        tree = scope.behaviour(tree, place)
    if kind == "v":
        params.pop("m", None)
    elif multiplier != 1.0 and letter not in NO_MULTIPLIER:
        params["m"] = params.get("m", 1.0) * multiplier
    function = statement.function
    nodes = scope.nodes
    if lost:
        raise ConsequenceError(f"{name} has parameters without a value")
    return Element(
        name,
        tuple([nodes[n] for n in terminals]),
        params,
        model,
        tuple([scope.prefix + c for c in statement.controls]) if statement.controls and tree is None else (),
        None if function is None else _waveform(function, statement, scope),
        tree,
        kind,
        place,
        statement.vectors,
        statement.data,
    )


def values_of(
    statement: ElementStatement, scope: Scope, left: Container[str] = ()
) -> tuple[dict[str, float], list[str]]:
    """Return the numbers of an element's parameters, but those ``left``, and the names of those that have none."""
    params: dict[str, float] = {}
    lost = []
    for key, value in statement.params.items():
        if key in left:
            continue
        if isinstance(value, float):
            params[key] = value
            continue
        try:
            params[key] = scope.value(value, statement.place)
        except NetlistError as error:
            scope.mistakes.add(error)
            lost.append(key)
    return params, lost


def _behaviour_of(statement: ElementStatement, scope: Scope) -> tuple[str, Expression | None]:
    """Return kind and expression of an R, L or C whose value depends on the circuit; no kind for a number."""
    letter, place = statement.name[0], statement.place
    charge = statement.params.get("q") if letter == "c" else None
    value = statement.params.get(PRIMARY[letter]) if charge is None else charge
    if isinstance(charge, float):
        return "q", Number(charge)
    if not isinstance(value, Expression):
        return "", None
    if charge is None and not scope.varies(value, place):
        return "", None
    for key in statement.params:
        if key not in _BEHAVIOURAL_PARAMS and value is not statement.params[key]:
            raise NetlistError(
                f"{statement.name}: {key}= does not go with a value that depends on the circuit",
                place=place,
                names=(statement.name, key),
                expected=", ".join(sorted(_BEHAVIOURAL_PARAMS)),
            )
    if statement.model is not None:
        raise NetlistError(
            f"{statement.name} has a value that depends on the circuit, and the model {statement.model!r}",
            place=place,
            names=(statement.name, statement.model),
            expected="one of the two",
        )
    return "q" if charge is not None else letter, value


def _waveform(function: SourceFunction, statement: ElementStatement, scope: Scope) -> Waveform:
    place = statement.place
    if function.data is not None:
        values = read_points(function.data)
    else:
        values = tuple([scope.value(a, place) for a in function.args])
    if function.kind != "pwl":
        return Waveform(function.kind, values)
    times = values[0::2]
    for before, after in pairwise(times):
        if after < before:
            raise NetlistError(
                f"{statement.name}: the times of PWL go back from {before:g} s to {after:g} s",
                place=place.at("pwl") if place else None,
                names=(statement.name,),
                expected="times that increase",
            )
    options = {key: scope.value(value, place) for key, value in function.options.items()}
    repeat = options.get("r", -1.0)
    if repeat >= 0.0 and repeat not in times[:-1]:
        raise NetlistError(
            f"{statement.name}: PWL begins again at {repeat:g} s, which is none of its times",
            place=place.at("r") if place else None,
            names=(statement.name,),
            expected="r= one of the times before the last",
        )
    return Waveform("pwl", values, repeat if repeat >= 0.0 else None, options.get("td", 0.0))
