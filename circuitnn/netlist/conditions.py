"""Which branches of ``.if`` count in one subcircuit instance, or at the top level."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from circuitnn.errors import NetlistError, Place
from circuitnn.netlist.expression import Expression, Name, walk
from circuitnn.netlist.plain import PlainRun, Statements, parts_of
from circuitnn.netlist.scope import Scope
from circuitnn.netlist.statements import Conditional, FuncStatement, ParamStatement, Statement, Value, broken


def chosen(body: Sequence[Statement], scope: Scope, given: Mapping[str, float]) -> Sequence[Statement]:
    """Return a body with the branches that count in the place of its conditionals.

    Conditions are looked at in the order of the text. A condition may use every parameter that stands outside of
    conditionals, those of branches taken before it, and those of the scopes around.

    Parameters
    ----------
    body : sequence of Statement
    scope : Scope
        Of the instance; its functions are set.
    given : mapping of str to float
        Parameters that the instance is called with.
    """
    parts = parts_of(body)
    if not any(isinstance(part, Conditional) for part in parts):
        return body
    params: dict[str, tuple[Value, Place | None]] = {}
    _note(parts, params, scope)
    params.update({name: (value, None) for name, value in given.items()})
    found: list[Statement | PlainRun] = []
    # The statements to come, the next one last: what a branch holds takes the place of its conditional.
    left = [*reversed(parts)]
    while left:
        part = left.pop()
        if not isinstance(part, Conditional):
            found.append(part)
            continue
        try:
            taken = parts_of(_branch(part, scope, params))
        except NetlistError as error:
            scope.mistakes.add(error)
            taken = [*broken(part)]
        _note(taken, params, scope)
        params.update({name: (value, None) for name, value in given.items()})
        left += reversed(taken)
    return Statements(found)


def every_part(body: Sequence[Statement]) -> Iterator[Statement | PlainRun]:
    """Yield the parts of a body, those of all branches of its conditionals among them."""
    stack = [*reversed(parts_of(body))]
    while stack:
        part = stack.pop()
        if isinstance(part, Conditional):
            for _, inner in reversed(part.branches):
                stack += reversed(parts_of(inner))
        else:
            yield part


def _note(parts: Sequence[Statement | PlainRun], params: dict[str, tuple[Value, Place | None]], scope: Scope) -> None:
    for part in parts:
        if isinstance(part, ParamStatement):
            params.update({name: (value, part.place) for name, value in part.params.items()})
        elif isinstance(part, FuncStatement):
            scope.functions[part.name] = part


def _branch(
    conditional: Conditional, scope: Scope, params: dict[str, tuple[Value, Place | None]]
) -> Sequence[Statement]:
    for condition, body in conditional.branches:
        if condition is None or tentative(condition, scope, params, conditional.place) != 0.0:
            return body
    return ()


def tentative(
    value: Value | str, scope: Scope, params: Mapping[str, tuple[Value, Place | None]], place: Place | None
) -> float:
    """Return what a value is while the parameters of its scope are not yet defined; those it needs are worked out."""
    if isinstance(value, float):
        return value
    tree = scope.inline(Name(value) if isinstance(value, str) else value, place)
    needed: dict[str, tuple[Value, Place | None]] = {}
    stack: list[Expression] = [tree]
    while stack:
        for node in walk(stack.pop()):
            if isinstance(node, Name) and node.name in params and node.name not in needed:
                definition, where = needed[node.name] = params[node.name]
                if isinstance(definition, Expression):
                    stack.append(scope.inline(definition, where))
    return scope.trial(needed).value(tree, place)
