"""Model cards to models of the flat netlist, and which model the word on an element means."""

from __future__ import annotations

import math
from collections.abc import Sequence

from circuitnn.errors import NetlistError, UnknownNameError, nearest
from circuitnn.netlist.elements import PRIMARY
from circuitnn.netlist.expression import Name
from circuitnn.netlist.flat import Model
from circuitnn.netlist.scope import Scope
from circuitnn.netlist.statements import ElementStatement, ModelStatement, Value
from circuitnn.registry import catalog

# Letters whose model must be a .model card; N may name a registered device, which the circuit knows.
_NEEDS_MODEL = frozenset("adjmqsw")
# What a binned model is chosen by.
_LIMITS = ("lmin", "lmax", "wmin", "wmax")


def bases_first(models: Sequence[ModelStatement]) -> list[ModelStatement]:
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


def flat_model(model: ModelStatement, scope: Scope) -> Model:
    """Return a model of the flat netlist; that it is one of a bin is noted in the scope."""
    name, known = scope.prefix + model.name, scope.flat.models
    params = dict(model.params)
    references = _references(model, params, scope)
    numbers = {key: scope.value(value, model.place) for key, value in params.items()}
    kind = model.type
    if model.base:
        base = known.get(next((s.models[model.base] for s in scope.outwards() if model.base in s.models), ""))
        if base is None or (kind and kind != base.type):
            what = "which is not defined" if base is None else f"a {base.type!r}"
            raise NetlistError(
                f"the model {model.name!r} is a kind of {model.base!r}, {what}",
                place=model.place,
                names=(model.name, model.base),
                expected=f".model {model.base} {kind or 'type'} (...)",
                hint=nearest(model.base, _visible(scope)) if base is None else None,
            )
        kind, numbers = base.type, {**base.params, **numbers}
    stem, dot, number = model.name.rpartition(".")
    if dot and number.isdigit():
        limits = {key: numbers.pop(key) for key in _LIMITS if key in numbers}
        scope.bins.setdefault(stem, []).append((name, limits))
    return Model(name, kind, numbers, model.place, references)


def _references(model: ModelStatement, params: dict[str, Value], scope: Scope) -> dict[str, str]:
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


def model_of(statement: ElementStatement, scope: Scope, params: dict[str, float]) -> str | None:
    """Return the flat name of an element's model; for R, L and C the word may be a parameter instead."""
    word = statement.model or ""
    letter = statement.name[0]
    for outer in scope.outwards():
        if word in outer.models:
            return outer.models[word]
        if word in outer.bins:
            return _bin(statement, outer, params)
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
            known=lambda: [*_visible(scope), *(key for s in scope.outwards() for key in s.params)],
        )
    if letter in _NEEDS_MODEL:
        raise UnknownNameError(
            f"{statement.name}: there is no model {word!r}",
            kind="model",
            name=word,
            place=statement.place,
            names=(statement.name, word),
            expected=f".model {word} ...",
            known=lambda: _visible(scope),
        )
    return word


def _bin(statement: ElementStatement, scope: Scope, params: dict[str, float]) -> str:
    """Return the model ``name.k`` whose ``lmin lmax wmin wmax`` hold the length and the width of an element."""
    word = statement.model or ""
    options = scope.flat.options
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


def _visible(scope: Scope) -> list[str]:
    return [name for outer in scope.outwards() for name in outer.models]
