"""Effects in a circuit: which act on an element, and what becomes of device classes and parameters."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from circuitnn.devices.declare import Environment, Values
from circuitnn.errors import CircuitError, CircuitnnError, Place, nearest
from circuitnn.nonidealities.chain import Chain, check_effects, extended, seeded, set_up
from circuitnn.nonidealities.nonideality import STAGES, Nonideality, make
from circuitnn.nonidealities.sites import Sites

if TYPE_CHECKING:
    from circuitnn.circuit.circuit import Circuit
    from circuitnn.netlist.flat import Element, Imperfection


def effect_of(item: Imperfection) -> Nonideality:
    """Return the effect that a circuit or a card of a deck describes.

    Raises
    ------
    CircuitError
        When there is no such effect, or its parameters are wrong, at the card's place.
    """
    try:
        return make(item.kind, item.params)
    except CircuitnnError as error:
        raise _placed(error, item.place, item.target) from None


def _placed(error: CircuitnnError, place: Place | None, *names: str) -> CircuitError:
    return CircuitError(
        error.message, place=place, expected=error.expected, hint=error.hint, names=(*names, *error.names)
    )


def acting(circuit: Circuit) -> list[tuple[str, Nonideality, Place | None]]:
    """Targets, effects and places in the order in which they act."""
    found = [(item.target, effect_of(item), item.place) for item in circuit.imperfections]
    return sorted(found, key=lambda one: STAGES.index(one[1].stage))


def device_with_effects(circuit: Circuit, element: Element, device: Any) -> Any:
    """Return the device class of an element with the effects that change its equations."""
    targets = (element.name, element.model)
    found = [(effect, place) for target, effect, place in acting(circuit) if target in targets]
    try:
        return extended(device, [effect for effect, _ in found])
    except CircuitnnError as error:
        place = next(place for effect, place in found if effect.has("extend"))
        raise _placed(error, place or element.place, element.name) from None


def varied(
    circuit: Circuit,
    device: Any,
    columns: Values,
    names: Sequence[str],
    models: Sequence[str | None],
    env: Environment,
) -> Values:
    """Return the parameters of elements of one device, shape (n,), as the effects on them leave them.

    Raises
    ------
    CircuitError
        When an effect does not act on such a device.
    """
    sites: Sites | None = None
    met: dict[str, np.ndarray] = {}
    for target, effect, place in acting(circuit):
        here = np.array([target in pair for pair in zip(names, models, strict=True)], bool)
        if not here.any():
            continue
        sites = Sites.of_elements(names) if sites is None else sites
        again = met.setdefault(effect.stream, np.zeros(len(names), np.int64))
        own = seeded(effect, sites, circuit.options.seed, again).where(here)
        try:
            changed = set_up(effect, device, {key: column[here] for key, column in columns.items()}, own, env)
        except CircuitnnError as error:
            raise _placed(error, place, names[int(np.flatnonzero(here)[0])]) from None
        for key, column in changed.items():
            if column is not columns[key]:
                columns = {**columns, key: np.where(here, np.nan, columns[key])}
                columns[key][here] = column
        again[here] += 1
    return columns


def chain_of(circuit: Circuit, element: Element, *models: str | None) -> Chain:
    """Return the effects on an A element, those on the models of its card and its cells included.

    Raises
    ------
    CircuitError
        For effects on reads.
    """
    targets = (element.name, element.model, *models)
    effects = []
    for target, effect, place in acting(circuit):
        if target not in targets:
            continue
        if effect.stage == "read":
            raise CircuitError(
                f"{element.name}: {effect.kind} does not act on a crossbar in a circuit, which has no reads",
                place=place or element.place,
                names=(element.name, effect.kind),
                expected="circuitnn.Crossbar, or memristors between wires as elements of the circuit",
            )
        effects.append(effect)
    path, dot, last = element.name.rpartition(".")
    label = path + dot + last[1:]
    temp = circuit.options.temp + 273.15
    return replace(Chain(check_effects(effects), circuit.options.seed, label), temp=temp)


def require_targets(circuit: Circuit) -> None:
    """Raise CircuitError for an effect on what is neither an element nor a model in use."""
    for item in circuit.imperfections:
        effect_of(item)
        target = item.target
        if target in circuit.elements:
            continue
        used = {element.model for element in circuit.elements.values()}
        used |= {ref for m in circuit.models.values() if m.name in used for ref in m.references.values()}
        if target not in used:
            known = [*circuit.models, *circuit.elements]
            raise CircuitError(
                f"a non-ideality of {target!r}, which is neither an element nor a model that one uses",
                place=item.place,
                names=(target,),
                hint=nearest(target, known),
            )
