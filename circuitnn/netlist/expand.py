"""Statements to a flat netlist: bodies in their order, subcircuits one in another."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from circuitnn.errors import ConsequenceError, FileError, Mistakes, NetlistError, Place, nearest
from circuitnn.netlist.calls import MAX_DEPTH, Calls, Environment, check_ports, unknown_subckt
from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.conditions import chosen, every_part
from circuitnn.netlist.early import seed_of, stepped
from circuitnn.netlist.flat import GROUND, AnalysisCard, FlatNetlist
from circuitnn.netlist.flatten import bipolar, flat_element, values_of
from circuitnn.netlist.models import bases_first, flat_model
from circuitnn.netlist.plain import PlainRun, Segment, Statements, parts_of
from circuitnn.netlist.probes import InnerVector, ask
from circuitnn.netlist.scope import Scope
from circuitnn.netlist.spread import Tolerances
from circuitnn.netlist.statements import (
    Assignment,
    Broken,
    ControlBlock,
    DeviceDefinition,
    Directive,
    ElementStatement,
    FuncStatement,
    ModelStatement,
    ParamStatement,
    Statement,
    SubcktDefinition,
    Value,
)
from circuitnn.netlist.table import ElementList, ElementTable
from circuitnn.registry import catalog

MAX_ELEMENTS = 20_000_000
# Runs of plain lines shorter than this are expanded line by line.
_SHORT = 16
# What stands for a variable's value in a script.
_VARIABLE = re.compile(r"\$&?[\w.]*")


def expand(
    title: str,
    statements: Sequence[Statement],
    warnings: Iterable[str] = (),
    *,
    params: Mapping[str, float] | None = None,
    temp: float | None = None,
    sample: int = 0,
    run: int | None = None,
    seed: int | None = None,
    mistakes: Mistakes | None = None,
) -> FlatNetlist:
    """Return the flat netlist of a list of statements.

    Parameters
    ----------
    title : str
        The netlist's title.
    statements : sequence of Statement
        From the parser.
    warnings : iterable of str
        Those of the parser, to be kept.
    params : mapping of str to float, optional
        Parameters of the top level that take other values than the netlist gives them.
    temp : float, optional
        Another temperature, degrees Celsius.
    sample : int
        Which draw of random numbers, of those that ``.options seed=`` makes.
    run : int, optional
        Which run of a Monte Carlo analysis: ``dev`` and ``lot`` are drawn too, and the option ``seed`` becomes a
        number of this run's own.
    seed : int, optional
        In place of that of ``.options seed=``.
    mistakes : Mistakes, optional
        Where what is wrong is noted; the netlist then is what is left of it.

    Raises
    ------
    NetlistError
        For undefined, circular or duplicate names, wrong pin counts, recursion, values that do not exist, or more than
        20 million elements; nothing but DeckErrors for too many mistakes when they are noted.
    """
    flat = FlatNetlist(title=title, warnings=list(warnings))
    found = Mistakes() if mistakes is None else mistakes
    given = {k: float(v) for k, v in (params or {}).items()}
    _Expander(flat, statements, given, temp, sample, (run, seed), found)
    if mistakes is None:
        found.throw()
    return flat


def _definitions(body: Sequence[Statement]) -> dict[str, SubcktDefinition]:
    """Return the subcircuits that a body defines; as in ngspice the first one of a name counts, and `_body` says so."""
    found: dict[str, SubcktDefinition] = {}
    for statement in parts_of(body):
        if isinstance(statement, SubcktDefinition):
            found.setdefault(statement.name, statement)
    return found


def _twice(what: str, name: str, place: Place | None, first: Place | None) -> NetlistError:
    return NetlistError(
        f"a second {what} {name!r}", place=place, names=(name,), hint=f"the first is at {first}" if first else None
    )


class _Expander:
    """Builds one flat netlist."""

    def __init__(
        self,
        flat: FlatNetlist,
        statements: Sequence[Statement],
        params: dict[str, float],
        temp: float | None,
        sample: int,
        run: tuple[int | None, int | None],
        mistakes: Mistakes,
    ) -> None:
        self.flat = flat
        self._mistakes = mistakes
        self._temp = temp
        self._elements = ElementTable()
        self._cards: dict[str, Card] = catalog("netlist.cards").all()
        self._arrays: set[str] = set()
        self._calls = Calls(mistakes)
        total = self._calls.size(statements, Environment(statements, None), [])
        if total > MAX_ELEMENTS:
            mistakes.add(NetlistError(f"the netlist expands to {total} elements", expected=f"at most {MAX_ELEMENTS}"))
            return
        top = Scope(flat, "", None, {})
        top.mistakes = mistakes
        given = {**stepped(statements), **params}
        seed = run[1] or 0
        try:
            seed = seed_of(statements, top, given) if run[1] is None else seed
        except NetlistError as error:
            mistakes.add(error)
        top.draws = np.random.default_rng([seed, sample])
        self._tolerances = Tolerances(None)
        if run[0] is not None:
            # Expressions, tolerances and what the simulation itself draws each have a stream of their own.
            expressions, deviations, inner = np.random.SeedSequence(seed, spawn_key=(run[0], sample)).spawn(3)
            top.draws = np.random.default_rng(expressions)
            self._tolerances = Tolerances(np.random.default_rng(deviations))
        self._body(statements, top, given, 1.0)
        if run[0] is not None:
            flat.options["seed"] = float(inner.generate_state(1)[0])
        flat.params = top.params
        flat.elements = ElementList(self._elements)
        if "all" not in top.save:
            flat.save = list(dict.fromkeys([*top.save, *(flat.needed if top.save else ())]))
        asked = dict.fromkeys(name for name in flat.probes if name not in flat.save)
        flat.probes = [n for n in asked if (v := InnerVector.from_text(n)) is None or v.element in self._arrays]

    # ------------------------------------------------------------------ one instance
    def _body(self, body: Sequence[Statement], scope: Scope, given: dict[str, float], multiplier: float) -> None:
        params: dict[str, tuple[Value, Place | None]] = {}
        models: list[ModelStatement] = []
        directives: list[Directive] = []
        elements: list[ElementStatement | PlainRun] = []
        body = chosen(body, scope, given)
        scope.subckts = _definitions(body)
        for statement in parts_of(body):
            if isinstance(statement, ElementStatement | PlainRun):
                elements.append(statement)
            elif isinstance(statement, ParamStatement):
                for name, value in statement.params.items():
                    if name in params and scope.parent is None:
                        self.flat.warnings.append(
                            f"{statement.place}: the parameter {name!r} is defined again; the last one counts"
                        )
                    params[name] = (value, statement.place)
            elif isinstance(statement, ModelStatement):
                models.append(statement)
            elif isinstance(statement, SubcktDefinition):
                if scope.subckts[statement.name] is not statement:
                    self._repeated("subcircuit", statement, scope.subckts[statement.name].place)
            elif isinstance(statement, FuncStatement):
                scope.functions[statement.name] = statement
            elif isinstance(statement, DeviceDefinition):
                self._device(statement)
            elif isinstance(statement, Directive):
                directives.append(statement)
            elif isinstance(statement, ControlBlock):
                self._script(statement)
            elif isinstance(statement, Broken):
                self._broken(statement, scope)
        params.update({name: (value, None) for name, value in given.items()})
        scope.define(params)
        for directive in directives:
            card = self._cards.get(directive.name)
            if card is not None and card.early:
                try:
                    card.apply(directive, scope)
                except NetlistError as error:
                    self._mistakes.add(error)
        if self._temp is not None and scope.parent is None:
            self.flat.options["temp"] = self._temp
        scope.models.update({model.name: scope.prefix + model.name for model in models})
        for model in bases_first(models):
            name = scope.prefix + model.name
            if name in self.flat.models:
                self._repeated("model", model, self.flat.models[name].place)
                continue
            try:
                self.flat.models[name] = self._tolerances.model(model, flat_model(model, scope), scope)
            except NetlistError as error:
                self._mistakes.add(error)
                self._broken(Broken("model", model.name), scope)
        for element in elements:
            if isinstance(element, PlainRun):
                self._run(element, scope, multiplier)
                continue
            try:
                if element.name[0] == "x":
                    self._call(element, scope, multiplier)
                elif element.name[0] == "k" and len(element.controls) > 2:
                    # one coupling a pair of coils
                    for a, b in combinations(element.controls, 2):
                        pair = replace(element, name=f"{element.name}_{a}_{b}", controls=(a, b))
                        self._element(pair, scope, multiplier)
                else:
                    self._element(element, scope, multiplier)
            except (NetlistError, FileError) as error:
                self._refuse(error, element, scope)
        for directive in directives:
            try:
                self._directive(directive, scope)
            except NetlistError as error:
                self._mistakes.add(error)

    def _device(self, device: DeviceDefinition) -> None:
        """Keep a device of the netlist's own; libraries may repeat one word for word."""
        first = self.flat.devices.setdefault(device.name, device)
        if first != device and not (first.broken or device.broken):
            self._mistakes.add(_twice("device", device.name, device.place, first.place))

    def _refuse(self, error: NetlistError | FileError, element: ElementStatement, scope: Scope) -> None:
        """Note that an element cannot be made; its nodes count as joined to something."""
        self._mistakes.add(error)
        self._broken(Broken("element", element.name, (*element.nodes, element.model or "")), scope)

    def _broken(self, what: Broken, scope: Scope) -> None:
        """Keep what is missing because of a mistake, so that its uses are none."""
        if what.kind == "element":
            self.flat.broken[scope.prefix + what.name] = tuple([scope.nodes[node] for node in what.nodes])
            return
        scope.broken.add((what.kind, what.name))
        if what.kind == "parameter":
            self.flat.broken.setdefault(what.name, ())
        if what.kind == "model":
            scope.models.pop(what.name, None)
            stem, dot, number = what.name.rpartition(".")
            if dot and number.isdigit():
                scope.broken.add(("model", stem))

    def _script(self, block: ControlBlock) -> None:
        """Keep the commands, and ask for what they name inside blocks and of elements."""
        self.flat.script += block.commands
        for command in block.commands:
            if not command.text.lower().startswith("alter"):
                ask(self.flat, _VARIABLE.sub(" ", command.text.lower()), command.place)

    def _directive(self, directive: Directive, scope: Scope) -> None:
        card = self._cards.get(directive.name)
        if card is not None:
            if not card.early:
                card.apply(directive, scope)
            return
        words: list[float | str] = []
        for word in directive.words:
            if isinstance(word, Assignment):
                value = word.value
                words.append(f"{word.name}={value if isinstance(value, str) else scope.value(value, directive.place)}")
            else:
                words.append(word if isinstance(word, str) else scope.value(word, directive.place))
        self.flat.analyses.append(AnalysisCard(directive.name, tuple(words), directive.place))

    def _repeated(self, what: str, statement: ModelStatement | SubcktDefinition, first: Place | None) -> None:
        """Warn of a second definition: libraries that are included together do repeat each other."""
        at = f"; the first, at {first}, counts" if first else "; the first counts"
        self.flat.warnings.append(f"{statement.place}: a second {what} {statement.name!r}{at}")

    def _call(self, call: ElementStatement, scope: Scope, multiplier: float) -> None:
        name = call.model or ""
        if id(call) in self._calls.refused or scope.prefix.count(".") > MAX_DEPTH:
            raise ConsequenceError(f"{call.name} cannot be made")
        home = next((s for s in scope.outwards() if name in s.subckts), None)
        if home is None:
            scope.require_sound("subcircuit", name)
            # It stands in a branch that does not count.
            raise unknown_subckt(call, lambda: {key for s in scope.outwards() for key in s.subckts})
        definition = home.subckts[name]
        check_ports(call, definition)
        given, lost = values_of(call, scope)
        if "m" in given and "m" not in definition.params:
            multiplier *= given.pop("m")
        local = {key for s in every_part(definition.body) if isinstance(s, ParamStatement) for key in s.params}
        for key in [key for key in given if key not in definition.params and key not in local]:
            known = sorted({*definition.params, *local})
            del given[key]
            self._mistakes.add(
                NetlistError(
                    f"{call.name}: the subcircuit {name!r} has no parameter {key!r}",
                    place=call.place.at(key) if call.place else None,
                    names=(call.name, key),
                    expected=f"one of {', '.join(known)}" if known else "no parameters",
                    hint=nearest(key, known),
                )
            )
        ports = dict(zip(definition.ports, [scope.nodes[n] for n in call.nodes], strict=True))
        inner = Scope(self.flat, f"{scope.prefix}{call.name}.", home, ports)
        if lost:
            inner.broken.update([("parameter", key) for key in lost])
        for port in ("0", "gnd"):
            if ports.get(port, GROUND) != GROUND:
                raise NetlistError(
                    f"{call.name} joins {ports[port]!r} to the port {port!r} of {name!r}, which is ground everywhere",
                    place=call.place,
                    names=(call.name, name),
                    hint="give the port another name",
                )
        # The defaults are parameters of the instance's scope, weaker than what the call gives.
        body = definition.body
        if definition.params:
            body = Statements([ParamStatement(definition.params, definition.place), *parts_of(body)])
        self._body(body, inner, given, multiplier)

    def _run(self, run: PlainRun, scope: Scope, multiplier: float) -> None:
        """Expand plain lines: by columns, or one by one where there are too few to be worth it."""
        if len(run) >= _SHORT:
            nodes = [scope.nodes[name] for name in run.local_nodes()[1]] if scope.prefix else None
            if self._elements.add_segment(Segment(run, scope.prefix, multiplier, nodes)) is None:
                return
            # One of the names is taken: line by line it is found which.
        for statement in run.statements():
            try:
                self._element(statement, scope, multiplier)
            except NetlistError as error:
                self._refuse(error, statement, scope)

    def _element(self, statement: ElementStatement, scope: Scope, multiplier: float) -> None:
        if statement.name.startswith("q"):
            statement = bipolar(statement, scope)
        name = scope.prefix + statement.name
        if name in self._elements:
            raise _twice("element", name, statement.place, self._elements[name].place)
        element = flat_element(statement, scope, multiplier)
        element = self._tolerances.element(statement, element, self.flat, scope)
        if statement.vectors:
            self._arrays.add(name)
        self._elements.append(element)
