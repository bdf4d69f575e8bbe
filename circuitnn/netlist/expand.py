"""Statements to a flat netlist: scopes, parameters, subcircuits, models."""

from __future__ import annotations

import math
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np

from circuitnn.errors import ConsequenceError, FileError, Mistakes, NetlistError, Place, UnknownNameError, nearest
from circuitnn.netlist.calls import MAX_DEPTH, Calls, Environment, check_ports, unknown_subckt
from circuitnn.netlist.cards.card import Card
from circuitnn.netlist.conditions import chosen, every_part, tentative
from circuitnn.netlist.cursor import number
from circuitnn.netlist.elements import PRIMARY, USAGE, polynomial
from circuitnn.netlist.expression import Expression, Name, Number
from circuitnn.netlist.flat import GROUND, AnalysisCard, Element, FlatNetlist, Model, Waveform
from circuitnn.netlist.plain import PlainRun, Segment, Statements, parts_of
from circuitnn.netlist.points import read_points
from circuitnn.netlist.probes import InnerVector, ask
from circuitnn.netlist.scope import Scope
from circuitnn.netlist.statements import (
    Assignment,
    Broken,
    ControlBlock,
    Directive,
    ElementStatement,
    FuncStatement,
    ModelStatement,
    ParamStatement,
    SourceFunction,
    Statement,
    SubcktDefinition,
    Value,
)
from circuitnn.netlist.table import ElementList, ElementTable
from circuitnn.registry import catalog

MAX_ELEMENTS = 20_000_000
# Letters whose model must be a .model card; N may name a registered device, which the circuit knows.
_NEEDS_MODEL = frozenset("adjmqsw")
# Runs of plain lines shorter than this are expanded line by line.
_SHORT = 16
# m parallel voltage sources hold the same voltage; a coupling has no terminals.
_NO_MULTIPLIER = frozenset("vehk")
# What a binned model is chosen by.
_LIMITS = ("lmin", "lmax", "wmin", "wmax")
# What stands for a variable's value in a script.
_VARIABLE = re.compile(r"\$&?[\w.]*")
# What goes with a value that depends on the circuit.
_BEHAVIOURAL_PARAMS = frozenset(("m", "tc1", "tc2", "temp", "dtemp", "ic", "noisy"))


def expand(
    title: str,
    statements: Sequence[Statement],
    warnings: Iterable[str] = (),
    *,
    params: Mapping[str, float] | None = None,
    temp: float | None = None,
    sample: int = 0,
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
    _Expander(flat, statements, given, temp, sample, found)
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


def _bipolar(statement: ElementStatement, known: Container[str]) -> ElementStatement:
    """Return a bipolar transistor with its substrate, found which of its words is the model: the first known one."""
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


def _bases_first(models: Sequence[ModelStatement]) -> list[ModelStatement]:
    """Return models so that each follows the one of which it is a kind."""
    left = {model.name: model for model in models if model.base}
    found = [model for model in models if not model.base]
    for model in models:
        chain = []
        at: ModelStatement | None = model
        while at is not None and left.pop(at.name, None) is not None:
            chain.append(at)
            at = left.get(at.base)
        found += reversed(chain)
    return found


def _twice(what: str, name: str, place: Place | None, first: Place | None) -> NetlistError:
    return NetlistError(
        f"a second {what} {name!r}", place=place, names=(name,), hint=f"the first is at {first}" if first else None
    )


def _seed(statements: Sequence[Statement], top: Scope, given: Mapping[str, float]) -> int:
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


def _stepped(statements: Sequence[Statement]) -> dict[str, float]:
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


class _Expander:
    """Builds one flat netlist."""

    def __init__(
        self,
        flat: FlatNetlist,
        statements: Sequence[Statement],
        params: dict[str, float],
        temp: float | None,
        sample: int,
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
        given = {**_stepped(statements), **params}
        seed = 0
        try:
            seed = _seed(statements, top, given)
        except NetlistError as error:
            mistakes.add(error)
        top.draws = np.random.default_rng([seed, sample])
        self._body(statements, top, given, 1.0)
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
        for model in _bases_first(models):
            try:
                self._model(model, scope)
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

    def _model(self, model: ModelStatement, scope: Scope) -> None:
        name = scope.prefix + model.name
        if name in self.flat.models:
            self._repeated("model", model, self.flat.models[name].place)
            return
        params = dict(model.params)
        references = self._references(model, params, scope)
        numbers = {key: scope.value(value, model.place) for key, value in params.items()}
        kind = model.type
        if model.base:
            base = self.flat.models.get(
                next((s.models[model.base] for s in scope.outwards() if model.base in s.models), "")
            )
            if base is None or (kind and kind != base.type):
                what = "which is not defined" if base is None else f"a {base.type!r}"
                raise NetlistError(
                    f"the model {model.name!r} is a kind of {model.base!r}, {what}",
                    place=model.place,
                    names=(model.name, model.base),
                    expected=f".model {model.base} {kind or 'type'} (...)",
                    hint=nearest(model.base, self._visible(scope)) if base is None else None,
                )
            kind, numbers = base.type, {**base.params, **numbers}
        stem, dot, number = model.name.rpartition(".")
        if dot and number.isdigit():
            limits = {key: numbers.pop(key) for key in _LIMITS if key in numbers}
            scope.bins.setdefault(stem, []).append((name, limits))
        self.flat.models[name] = Model(name, kind, numbers, model.place, references)

    def _repeated(self, what: str, statement: ModelStatement | SubcktDefinition, first: Place | None) -> None:
        """Warn of a second definition: libraries that are included together do repeat each other."""
        at = f"; the first, at {first}, counts" if first else "; the first counts"
        self.flat.warnings.append(f"{statement.place}: a second {what} {statement.name!r}{at}")

    def _references(self, model: ModelStatement, params: dict[str, Value], scope: Scope) -> dict[str, str]:
        """Take the parameters that name other models out of ``params``; what is no ``.model`` may be a device."""
        blocks = catalog("blocks")
        found = {}
        for key in blocks.get(model.type).references if model.type in blocks else ():
            value = params.pop(key, None)
            if value is None:
                continue
            if not isinstance(value, Name):
                raise NetlistError(
                    f"{model.name}: {key} is no name",
                    place=model.place,
                    names=(model.name, key),
                    expected=f"{key}=model, the name of a .model card, a ready-made card or a device",
                )
            scope.require_sound("model", value.name)
            found[key] = next((s.models[value.name] for s in scope.outwards() if value.name in s.models), value.name)
        return found

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
        given, lost = self._values(call, scope)
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

    def _values(
        self, statement: ElementStatement, scope: Scope, left: Container[str] = ()
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
                self._mistakes.add(error)
                lost.append(key)
        return params, lost

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
            broken = {name for s in scope.outwards() for kind, name in s.broken if kind == "model"}
            statement = _bipolar(statement, broken.union(*((*s.models, *s.bins) for s in scope.outwards())))
        name = scope.prefix + statement.name
        place = statement.place
        if name in self._elements:
            raise _twice("element", name, place, self._elements[name].place)
        letter = statement.name[0]
        if "." in statement.name and not statement.name.rpartition(".")[2].startswith(letter):
            raise NetlistError(
                f"the name {statement.name!r} has a dot that marks no subcircuit",
                place=place,
                names=(statement.name,),
                expected=f"{letter.upper()} after the last dot, as in {letter}.x1.{letter}2",
                hint=f"write {statement.name.replace('.', '_')}",
            )
        kind, behaviour = self._behaviour_of(statement, scope) if letter in PRIMARY else ("", None)
        params, lost = self._values(statement, scope, ("q", PRIMARY[letter]) if kind else ())
        model = statement.model
        if model is not None:
            model = self._model_of(statement, scope, params)
        tree, terminals = statement.expression or behaviour, statement.nodes
        if statement.poly:
            tree, terminals = polynomial(statement), terminals[:2]
        kind = kind or statement.kind
        if tree is not None:
            tree = scope.behaviour(tree, place)
        if kind == "v":
            params.pop("m", None)
        elif multiplier != 1.0 and letter not in _NO_MULTIPLIER:
            params["m"] = params.get("m", 1.0) * multiplier
        function = statement.function
        nodes = scope.nodes
        if lost:
            raise ConsequenceError(f"{name} has parameters without a value")
        if statement.vectors:
            self._arrays.add(name)
        self._elements.append(
            Element(
                name,
                tuple([nodes[n] for n in terminals]),
                params,
                model,
                tuple([scope.prefix + c for c in statement.controls]) if statement.controls and tree is None else (),
                None if function is None else self._waveform(function, statement, scope),
                tree,
                kind,
                place,
                statement.vectors,
                statement.data,
            )
        )

    def _behaviour_of(self, statement: ElementStatement, scope: Scope) -> tuple[str, Expression | None]:
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

    def _model_of(self, statement: ElementStatement, scope: Scope, params: dict[str, float]) -> str | None:
        """Return the flat name of an element's model; for R, L and C the word may be a parameter instead."""
        word = statement.model or ""
        letter = statement.name[0]
        for outer in scope.outwards():
            if word in outer.models:
                return outer.models[word]
            if word in outer.bins:
                return self._bin(statement, outer, params)
        scope.require_sound("model", word)
        primary = PRIMARY.get(letter)
        if primary is not None:
            if primary not in params and scope.knows(word):
                params[primary] = scope.param(word)
                return None
            scope.require_sound("parameter", word)
            raise UnknownNameError(
                f"{statement.name}: {word!r} is neither a value nor a model nor a parameter",
                kind="value",
                name=word,
                place=statement.place,
                names=(statement.name, word),
                known=lambda: [*self._visible(scope), *(key for s in scope.outwards() for key in s.params)],
            )
        if letter in _NEEDS_MODEL:
            raise UnknownNameError(
                f"{statement.name}: there is no model {word!r}",
                kind="model",
                name=word,
                place=statement.place,
                names=(statement.name, word),
                expected=f".model {word} ...",
                known=lambda: self._visible(scope),
            )
        return word

    def _bin(self, statement: ElementStatement, scope: Scope, params: dict[str, float]) -> str:
        """Return the model ``name.k`` whose ``lmin lmax wmin wmax`` hold the length and the width of an element."""
        word = statement.model or ""
        options = self.flat.options
        length, width = (params.get(key, float(options.get(f"def{key}", 100e-6))) for key in "lw")
        width /= params.get("nf", 1.0)
        for name, limits in scope.bins[word]:
            if all(
                limits.get(f"{key}min", 0.0) <= x < limits.get(f"{key}max", math.inf)
                for key, x in (("l", length), ("w", width))
            ):
                return name
        raise NetlistError(
            f"{statement.name}: no {word}.1, {word}.2, ... is for l={length:g} w={width:g}",
            place=statement.place,
            names=(statement.name, word),
            expected="a model whose lmin, lmax, wmin and wmax hold them",
        )

    def _visible(self, scope: Scope) -> list[str]:
        return [name for outer in scope.outwards() for name in outer.models]

    def _waveform(self, function: SourceFunction, statement: ElementStatement, scope: Scope) -> Waveform:
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
