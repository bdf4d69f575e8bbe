"""The range of conductance that a device gives to cells."""

from __future__ import annotations

from itertools import product

import numpy as np

from circuitnn.circuit.circuit import Circuit
from circuitnn.devices.cards import CARDS, Card
from circuitnn.devices.declare import Memristor
from circuitnn.errors import CircuitnnError, UsageError, nearest
from circuitnn.netlist.flat import Model
from circuitnn.registry import catalog


def conductance_range(
    device: str | Card | Model | tuple[float, float], read_voltage: float = 0.2
) -> tuple[str, float, float]:
    """Return name, ``g_min`` and ``g_max`` (S) of what cells are made of.

    Parameters
    ----------
    device : str, Card, Model or (float, float)
        A ready-made card or its name; a memristor model's name (with its default parameters) or ``.model`` card, whose
        range is that of i / v at ``read_voltage`` with its states at their bounds; or the range itself.
    read_voltage : float, V

    Examples
    --------
    >>> conductance_range((1e-6, 5e-5))
    ('custom', 1e-06, 5e-05)
    >>> [round(g, 9) for g in conductance_range("vteam")[1:]]      # ron = 50 ohm, roff = 1 kohm
    [0.001, 0.02]
    """
    if isinstance(device, str):
        device = CARDS.get(device.lower(), device)
    if isinstance(device, str | Model):
        name, low, high = _range_of_model(device, read_voltage)
    elif isinstance(device, Card):
        name, low, high = device.model.name, device.g_min, device.g_max
    else:
        try:
            name, (low, high) = "custom", (float(g) for g in device)
        except (TypeError, ValueError):
            raise UsageError(
                f"device is {device!r}", expected="the name of a card or a model, or (g_min, g_max) in siemens"
            ) from None
    if not (np.isfinite(high) and 0.0 <= low < high):
        raise UsageError(f"conductances from {low:g} S to {high:g} S", expected="0 <= g_min < g_max, finite")
    return name, low, high


def _range_of_model(model: str | Model, read_voltage: float) -> tuple[str, float, float]:
    circuit = Circuit("read")
    name = model if isinstance(model, str) else model.name
    if isinstance(model, str):
        known = {key for key, device in catalog("devices").all().items() if issubclass(device, Memristor)}
        if name.lower() not in known:
            raise UsageError(
                f"device is {name!r}",
                expected=f"a ready-made card ({', '.join(CARDS)}) or a memristor model ({', '.join(sorted(known))})",
                hint=nearest(name.lower(), [*CARDS, *known]),
            )
    try:
        if isinstance(model, Model):
            circuit.model(name, model.type, **model.params)
        circuit.N("cell", "a", 0, model=name)
        device, given = circuit.device_of(circuit.elements["ncell"])
    except CircuitnnError as error:
        reason = error.message.removeprefix("ncell, ").removeprefix("ncell: ")
        raise UsageError(f"device: {reason}", expected=error.expected, hint=error.hint) from None
    if not issubclass(device, Memristor) or len(device.terminals) != 2:
        raise UsageError(f"{name!r} is no two-terminal memristor", expected="a memristor", hint="try device='hfo2'")
    columns = {
        key: np.array([given.get(key, np.nan if param.default is None else param.default)], dtype=float)
        for key, param in device.params.items()
    }
    bounds = device.state_bounds(columns)
    held = [state for state, declared in device.states.items() if not declared.settles]
    if not all(np.isfinite(bounds[state]).all() for state in held):
        raise UsageError(
            f"a state of {name!r} has no bounds, and so no range of conductance", expected="(g_min, g_max)"
        )
    found = []
    for ends in product(*((float(low[0]), float(high[0])) for low, high in (bounds[state] for state in held))):
        read = Circuit("read")
        read.models.update(circuit.models)
        read.V("read", "a", 0, dc=read_voltage)
        read.N("cell", "a", 0, model=name, **dict(zip(held, ends, strict=True)))
        found.append(abs(float(read.op()["i(vread)"]) / read_voltage))
    return name, min(found), max(found)
