"""Names within one subcircuit instance: parameters, functions, models, subcircuits and nodes."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from circuitnn.errors import ConsequenceError, Mistakes, NetlistError, Place, UnknownNameError
from circuitnn.netlist.expression import (
    Binary,
    Call,
    Expression,
    Name,
    Number,
    Probe,
    Renamed,
    Ternary,
    Unary,
    evaluate,
    probes_of,
    substitute,
    walk,
)
from circuitnn.netlist.flat import GROUND, FlatNetlist
from circuitnn.netlist.functions import CONSTANTS, FUNCTIONS, STATISTICS
from circuitnn.netlist.statements import FuncStatement, SubcktDefinition, Value

# Names that PSpice knows, weaker than every parameter: the temperature, the thermal voltage, the least conductance.
_KNOWN_TO_PSPICE: dict[str, Expression] = {
    "temp": Name("temper"),
    "vt": Binary("*", Binary("+", Name("temper"), Number(273.15)), Number(8.617333262e-5)),
    "gmin": Number(1e-12),
}
RUNTIME_NAMES = frozenset(("time", "temper", "hertz"))
_MAX_INLINED = 1000
_MAX_TERMS = 20_000
_MAX_HEIGHT = 200


class Nodes(dict[str, str]):
    """From a node's name in a scope to its flat name, filled as names are met."""

    __slots__ = ("globals", "prefix")

    def __init__(self, prefix: str, ports: dict[str, str], globals_: set[str]) -> None:
        super().__init__(ports)
        self.prefix = prefix
        self.globals = globals_
        self[GROUND] = self["gnd"] = GROUND

    def __missing__(self, name: str) -> str:
        flat = self[name] = name if not self.prefix or name in self.globals else self.prefix + name
        return flat


class Scope:
    """The names of one subcircuit instance, or of the top level.

    Parameters
    ----------
    flat : FlatNetlist
        What is being built.
    prefix : str
        ``""`` at the top, ``"x1."`` in an instance.
    parent : Scope, optional
        The scope in which the subcircuit was defined.
    ports : dict of str to str
        Flat nodes of the ports.
    """

    __slots__ = (
        "bins",
        "broken",
        "draws",
        "fixed",
        "flat",
        "functions",
        "mistakes",
        "models",
        "nodes",
        "params",
        "parent",
        "plain",
        "prefix",
        "save",
        "subckts",
        "templates",
    )

    def __init__(self, flat: FlatNetlist, prefix: str, parent: Scope | None, ports: dict[str, str]) -> None:
        self.flat = flat
        self.prefix = prefix
        self.parent = parent
        self.nodes = Nodes(prefix, ports, flat.globals)
        self.params: dict[str, float] = {}
        self.functions: dict[str, FuncStatement] = {}
        self.models: dict[str, str] = {}
        self.bins: dict[str, list[tuple[str, dict[str, float]]]] = {}
        self.subckts: dict[str, SubcktDefinition] = {}
        self.save: list[str] = [] if parent is None else parent.save
        # Trees known to call no function of .func, by identity, with the names in them: instances share theirs.
        self.plain: dict[int, tuple[Expression, tuple[str, ...]]] = {} if parent is None else parent.plain
        # Behavioural trees with parameters as numbers, by identity and these numbers, with their probes: instances of a
        # subcircuit that have the same share them.
        self.templates: dict[tuple[object, ...], tuple[Expression, tuple[Probe, ...]]] = (
            {} if parent is None else parent.templates
        )
        # Trees in which random numbers were drawn, by identity, with what they became: they are drawn once an instance.
        self.fixed: dict[int, tuple[Expression, Expression]] = {}
        self.draws: np.random.Generator | None = None if parent is None else parent.draws
        self.mistakes: Mistakes = Mistakes() if parent is None else parent.mistakes
        # Kind and name of what is not defined because of a mistake.
        self.broken: set[tuple[str, str]] = set()

    def trial(self, params: dict[str, tuple[Value, Place | None]]) -> Scope:
        """Return a scope like this one with some of its parameters defined; random numbers are those of this one."""
        scope = Scope(self.flat, self.prefix, self.parent, {})
        scope.functions, scope.fixed, scope.plain, scope.draws = self.functions, self.fixed, self.plain, self.draws
        scope.broken, scope.mistakes = set(self.broken), Mistakes()
        scope.define(params)
        scope.mistakes.throw()
        return scope

    def outwards(self) -> Iterator[Scope]:
        """Yield this scope and those around it."""
        scope: Scope | None = self
        while scope is not None:
            yield scope
            scope = scope.parent

    def require_sound(self, kind: str, name: str) -> None:
        """Raise ConsequenceError when a name is visible and what it stands for could not be read."""
        if any(scope.broken and (kind, name) in scope.broken for scope in self.outwards()):
            raise ConsequenceError(f"the {kind} {name!r} could not be read")

    # ------------------------------------------------------------------ parameters
    def knows(self, name: str) -> bool:
        """Whether a parameter of this name is visible."""
        return any(name in scope.params for scope in self.outwards())

    def param(self, name: str, place: Place | None = None) -> float:
        """Return a parameter's value; constants and ``temper`` come last."""
        for scope in self.outwards():
            if name in scope.params:
                return scope.params[name]
        self.require_sound("parameter", name)
        if name in _KNOWN_TO_PSPICE:
            return self.evaluate(_KNOWN_TO_PSPICE[name], place)
        if name == "temper":
            temp = self.flat.options.get("temp", 27.0)
            if isinstance(temp, float):
                return temp
        if name in CONSTANTS and name not in ("e", "c"):
            return CONSTANTS[name]
        raise UnknownNameError(
            f"undefined parameter {name!r}",
            kind="parameter",
            name=name,
            place=place,
            names=(name,),
            known=lambda: {key for scope in self.outwards() for key in scope.params},
            otherwise=f"define it: .param {name}=...",
        )

    def define(self, params: dict[str, tuple[Value, Place | None]]) -> None:
        """Evaluate parameters that may refer to each other in any order.

        Noted as mistakes are those that depend on each other in a circle, or on an unknown name, or have no value.
        """
        pending: dict[str, tuple[Expression, Place | None]] = {}
        for name, (value, place) in params.items():
            if ("parameter", name) in self.broken:
                continue
            if isinstance(value, float):
                self.params[name] = value
                continue
            try:
                pending[name] = (self.inline(value, place), place)
            except NetlistError as error:
                self._refuse(error, name, place)
        # Depth first with its own stack: a chain of parameters may be longer than Python's.
        for first in list(pending):
            path: list[str] = [first]
            on_path = {first}
            while path:
                name = path[-1]
                if name not in pending:
                    on_path.discard(path.pop())
                    continue
                tree, place = pending[name]
                needed = next((n.name for n in walk(tree) if isinstance(n, Name) and n.name in pending), None)
                if needed is None:
                    del pending[name]
                    try:
                        self.params[name] = self.evaluate(tree, place)
                    except NetlistError as error:
                        self._refuse(error, name, place)
                elif needed in on_path:
                    chain = [*path[path.index(needed) :], needed]
                    circle = NetlistError(
                        f"parameters depend on each other: {' -> '.join(chain)}",
                        place=place.at(name) if place else None,
                        expected="parameters that follow from numbers",
                        names=chain,
                    )
                    self.mistakes.add(circle)
                    for member in chain[:-1]:
                        self.broken.add(("parameter", member))
                        del pending[member]
                else:
                    path.append(needed)
                    on_path.add(needed)

    def _refuse(self, error: NetlistError, name: str, place: Place | None) -> None:
        """Note that a parameter has no value."""
        if place is not None and error.place == place:
            error.place = place.at(name)
        self.mistakes.add(error)
        self.broken.add(("parameter", name))
        if self.parent is None:
            self.flat.broken.setdefault(name, ())

    # ------------------------------------------------------------------ values
    def value(self, value: Value | str, place: Place | None) -> float:
        """Return a value as a number."""
        if isinstance(value, float):
            return value
        if isinstance(value, str):
            return self.param(value, place)
        return self.evaluate(self.inline(value, place), place)

    def evaluate(self, tree: Expression, place: Place | None) -> float:
        """Return the number of an expression whose functions are inlined."""
        return evaluate(tree, lambda name: self.param(name, place), place=place)

    def varies(self, tree: Expression, place: Place | None) -> bool:
        """Whether an expression depends on voltages, currents, the time or a frequency."""
        return any(
            isinstance(node, Probe)
            or (isinstance(node, Name) and node.name in ("time", "hertz") and not self.knows(node.name))
            for node in walk(self.inline(tree, place))
        )

    def behaviour(self, tree: Expression, place: Place | None) -> Expression:
        """Return a behavioural expression with parameters as numbers, and nodes and elements flat."""

        def named(name: str) -> Expression | None:
            if self.knows(name):
                return Number(self.param(name, place))
            if name in RUNTIME_NAMES:
                return None
            if name in CONSTANTS:
                return Number(CONSTANTS[name])
            if name in _KNOWN_TO_PSPICE:
                return _KNOWN_TO_PSPICE[name]
            return Number(self.param(name, place))

        def probed(probe: Probe) -> Probe:
            if probe.kind == "v":
                return Probe("v", tuple([self.nodes[n] for n in probe.names]))
            return Probe("i", (self.prefix + probe.names[0],))

        whole = self.inline(tree, place)
        if whole is not tree or not self.prefix:  # a function's body, or random numbers, may be of this scope alone
            return substitute(whole, named, probed)
        key = (id(tree), *[named(name) for name in self.plain[id(tree)][1]])
        if key not in self.templates:
            template = substitute(tree, named)
            self.templates[key] = template, probes_of(template)
        template, probes = self.templates[key]
        return Renamed(template, probes, tuple([probed(probe) for probe in probes]))

    # ------------------------------------------------------------------ functions
    def inline(self, tree: Expression, place: Place | None) -> Expression:
        """Return a tree with calls of ``.func`` functions replaced by their bodies."""
        if id(tree) in self.plain:
            return tree
        if id(tree) in self.fixed:
            return self.fixed[id(tree)][1]
        if not any(isinstance(node, Call) and (node.name not in FUNCTIONS or _draws(node)) for node in walk(tree)):
            names = dict.fromkeys([node.name for node in walk(tree) if isinstance(node, Name)])
            self.plain[id(tree)] = tree, tuple(names)
            return tree
        drawn: list[Call] = []
        budget = [_MAX_INLINED]

        def called(call: Call, chain: tuple[str, ...]) -> Expression:
            if call.name in FUNCTIONS:
                if not _draws(call):
                    return call
                drawn.append(call)
                return self._draw(call)
            function = next((s.functions[call.name] for s in self.outwards() if call.name in s.functions), None)
            if function is None:
                self.require_sound("function", call.name)
                raise UnknownNameError(
                    f"unknown function {call.name!r}",
                    kind="function",
                    name=call.name,
                    place=place,
                    names=(call.name,),
                    known=lambda: {*FUNCTIONS, *(key for s in self.outwards() for key in s.functions)},
                )
            if len(call.args) != len(function.args):
                raise NetlistError(
                    f"{call.name} takes {len(function.args)} arguments, not {len(call.args)}",
                    place=place.at(call.name) if place else None,
                    expected=f"{call.name}({', '.join(function.args)})",
                    names=(call.name,),
                )
            if call.name in chain:
                cycle = (*chain[chain.index(call.name) :], call.name)
                raise NetlistError(
                    f"functions call each other: {' -> '.join(cycle)}",
                    place=function.place,
                    expected="functions that do not call themselves",
                    names=cycle,
                )
            budget[0] -= 1
            inner = (*chain, call.name)
            body = substitute(function.body, lambda _: None, calls=lambda c: called(c, inner))
            body = substitute(body, dict(zip(function.args, call.args, strict=True)).get)
            if budget[0] < 0 or not _modest(body):
                raise NetlistError(
                    f"the function {call.name!r} grows into too large an expression",
                    place=place,
                    hint="give its parts parameters of their own",
                )
            return body

        result = substitute(tree, lambda _: None, calls=lambda call: called(call, ()))
        if drawn:
            self.fixed[id(tree)] = tree, result
        return result

    def _draw(self, call: Call) -> Expression:
        """Return what a statistical function stands for: its arguments, and a number that is drawn.

        ngspice's: ``agauss(n, v, s)`` is n + v/s z, ``gauss`` the same with n v for v, z of the normal distribution;
        ``aunif(n, v)`` is n + v u, ``unif(n, v)`` n + n v u, u uniform in -1 .. 1; ``limit(n, v)`` is n + v or n - v.
        """
        random = self.draws = self.draws or np.random.default_rng(0)
        nominal, spread = call.args[:2]
        if call.name in ("gauss", "unif"):
            spread = Binary("*", nominal, spread)
        if call.name in ("agauss", "gauss"):
            return Binary("+", nominal, Binary("*", Binary("/", spread, call.args[2]), Number(random.normal())))
        number = random.uniform(-1.0, 1.0)
        return Binary(
            "+", nominal, Binary("*", spread, Number(math.copysign(1.0, number) if call.name == "limit" else number))
        )


def _draws(call: Call) -> bool:
    return call.name in STATISTICS or (call.name == "limit" and len(call.args) == 2)


def _modest(tree: Expression) -> bool:
    """Whether a tree is small and flat enough to be walked by recursion."""
    stack = [(tree, 1)]
    count = 0
    while stack:
        node, height = stack.pop()
        count += 1
        if count > _MAX_TERMS or height > _MAX_HEIGHT:
            return False
        parts: tuple[Expression, ...] = ()
        match node:
            case Unary(_, operand):
                parts = (operand,)
            case Binary(_, left, right):
                parts = (left, right)
            case Ternary(a, b, c):
                parts = (a, b, c)
            case Call(_, args):
                parts = args
        stack += [(part, height + 1) for part in parts]
    return True
