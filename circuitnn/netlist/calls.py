"""Calls of subcircuits, checked before any instance is made: what is called, its pins, recursion, the size of all."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from circuitnn.errors import ConsequenceError, Mistakes, NetlistError, UnknownNameError
from circuitnn.netlist.conditions import every_part
from circuitnn.netlist.plain import PlainRun
from circuitnn.netlist.statements import Broken, ElementStatement, Statement, SubcktDefinition

MAX_DEPTH = 100


class Environment:
    """The subcircuit definitions visible at one place, before any instance exists."""

    __slots__ = ("broken", "local", "parent")

    def __init__(self, body: Sequence[Statement], parent: Environment | None) -> None:
        self.local = {s.name: s for s in reversed([*every_part(body)]) if isinstance(s, SubcktDefinition)}
        self.broken = {s.name for s in every_part(body) if isinstance(s, Broken) and s.kind == "subcircuit"}
        self.parent = parent

    def find(self, name: str) -> tuple[SubcktDefinition, Environment] | None:
        """Return a definition and where it is visible, or None; raise ConsequenceError for a broken one."""
        env: Environment | None = self
        while env is not None:
            if name in env.local:
                return env.local[name], env
            if name in env.broken:
                raise ConsequenceError(f"the subcircuit {name!r} could not be read")
            env = env.parent
        return None

    def names(self) -> set[str]:
        """Return all that are visible."""
        return set(self.local) | (self.parent.names() if self.parent else set())


class Calls:
    """The calls of one netlist.

    Parameters
    ----------
    mistakes : Mistakes

    Attributes
    ----------
    refused : set of int
        Those that cannot be made, by identity.
    """

    def __init__(self, mistakes: Mistakes) -> None:
        self.refused: set[int] = set()
        self._mistakes = mistakes
        self._sizes: dict[int, int] = {}

    def size(self, body: Sequence[Statement], env: Environment, chain: list[SubcktDefinition]) -> int:
        """Return how many elements a body expands to, having checked every call in it."""
        total = 0
        for statement in every_part(body):
            if isinstance(statement, PlainRun):
                total += len(statement)
                continue
            if not isinstance(statement, ElementStatement):
                continue
            if statement.name[0] != "x":
                total += 1
                continue
            try:
                definition, home = self._called(statement, env, chain)
            except NetlistError as error:
                self._mistakes.add(error)
                self.refused.add(id(statement))
                continue
            if id(definition) not in self._sizes:
                inner = Environment(definition.body, home)
                self._sizes[id(definition)] = self.size(definition.body, inner, [*chain, definition])
            total += self._sizes[id(definition)]
        return total

    def _called(
        self, call: ElementStatement, env: Environment, chain: list[SubcktDefinition]
    ) -> tuple[SubcktDefinition, Environment]:
        """Return the subcircuit that a call means, and where it is defined."""
        name = call.model or ""
        found = env.find(name)
        if found is None:
            raise unknown_subckt(call, env.names)
        definition = found[0]
        check_ports(call, definition)
        place = call.place.at(name) if call.place else None
        if any(definition is outer for outer in chain):
            names = [d.name for d in chain] + [name]
            names = names[names.index(name) :]
            raise NetlistError(
                f"subcircuits contain each other: {' -> '.join(names)}",
                place=place,
                expected="subcircuits that end in elements",
                names=names,
            )
        if len(chain) >= MAX_DEPTH:
            raise NetlistError("subcircuit calls too deep", place=place, expected=f"at most {MAX_DEPTH} levels")
        return found


def unknown_subckt(call: ElementStatement, known: Callable[[], Iterable[str]]) -> NetlistError:
    """Return the error of a call of what is not defined."""
    name = call.model or ""
    return UnknownNameError(
        f"{call.name}: there is no subcircuit {name!r}",
        kind="subcircuit",
        name=name,
        place=call.place,
        names=(call.name, name),
        known=known,
        otherwise=f"define it (.subckt {name} ...) or .include its file",
    )


def check_ports(call: ElementStatement, definition: SubcktDefinition) -> None:
    """Raise NetlistError when a call has not as many nodes as the subcircuit has ports."""
    if len(call.nodes) == len(definition.ports):
        return
    count = len(call.nodes)
    counts = f"{count} node{'s' * (count != 1)} to {definition.name!r}, which has {len(definition.ports)} ports"
    raise NetlistError(
        f"{call.name} joins {counts}",
        place=call.place.at(definition.name) if call.place else None,
        names=(call.name, definition.name),
        expected=f"{call.name} {' '.join([f'<{p}>' for p in definition.ports])} {definition.name}",
    )
