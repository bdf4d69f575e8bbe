"""What must be known of a netlist before its parameters are evaluated: the seed of random numbers, stepped names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise

from circuitnn.errors import Place
from circuitnn.netlist.conditions import every_part, tentative
from circuitnn.netlist.plain import parts_of
from circuitnn.netlist.scope import Scope
from circuitnn.netlist.statements import Assignment, Directive, FuncStatement, ParamStatement, Statement, Value


def seed_of(statements: Sequence[Statement], top: Scope, given: Mapping[str, float]) -> int:
    """Return the number that ``.options seed=`` gives; options are read late, and parameters may be drawn early."""
    params: dict[str, tuple[Value, Place | None]] = {}
    seeds: list[tuple[Value | str, Place | None]] = []
    for statement in parts_of(statements):
        if isinstance(statement, ParamStatement):
            params.update({name: (value, statement.place) for name, value in statement.params.items()})
        elif isinstance(statement, FuncStatement):
            top.functions[statement.name] = statement
        elif isinstance(statement, Directive) and statement.name == "options":
            seeds += [
                (w.value, statement.place) for w in statement.words if isinstance(w, Assignment) and w.name == "seed"
            ]
    params.update({name: (value, None) for name, value in given.items()})
    if not seeds or (isinstance(seeds[-1][0], str) and seeds[-1][0] not in params):
        return 0
    # What is no whole number the options refuse.
    return abs(int(tentative(seeds[-1][0], top, params, seeds[-1][1])))


def stepped(statements: Sequence[Statement]) -> dict[str, float]:
    """Return parameters that only a ``.step`` defines, with their first values."""
    defined = {name for s in every_part(statements) if isinstance(s, ParamStatement) for name in s.params}
    found: dict[str, float] = {}
    for statement in every_part(statements):
        if not isinstance(statement, Directive) or statement.name not in ("step", "data"):
            continue
        words = statement.words
        if statement.name == "data":
            names = [word for word in words[1:] if isinstance(word, str)]
        else:
            names = [b for a, b in pairwise(words) if a == "param" and isinstance(b, str)]
        numbers = [word for word in words if isinstance(word, float)]
        found.update({n: value for n, value in zip(names, numbers, strict=False) if n not in defined})
    return found
