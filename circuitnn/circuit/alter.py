"""Other numbers in a circuit that exists: values of elements, parameters of models, the temperature."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from circuitnn.errors import CircuitError, nearest
from circuitnn.netlist.elements import PRIMARY
from circuitnn.netlist.flat import DataArray

if TYPE_CHECKING:
    from circuitnn.circuit.circuit import Circuit

#: The parameter that a value alone means.
VALUE_OF = {**PRIMARY, "v": "dc", "i": "dc", "e": "gain", "f": "gain", "g": "gain", "h": "gain", "k": "coupling"}
_ALIASES = {"r": "resistance", "c": "capacitance", "l": "inductance"}
_MODEL = re.compile(r"([^\s()]+)\((\w+)\)")


def alter_element(circuit: Circuit, name: str, key: str, value: Any) -> None:
    """Give a parameter of an element another value; ``key`` is empty for the value itself.

    Raises
    ------
    CircuitError
        When there is no such element, it has no such parameter, or no value of its own.
    DeviceError
        When the value is out of range. In all cases the circuit is as it was.
    """
    element = circuit.elements.get(name)
    if element is None:
        raise CircuitError(
            f"there is no element {name!r} to alter", names=(name,), hint=nearest(name, circuit.elements)
        )
    key = key or VALUE_OF.get(element.letter, "g" if element.letter == "a" else "")
    if not key:
        raise CircuitError(f"{name} has no value of its own", names=(name,), expected=f"a parameter, such as {name}:w")
    if element.letter == "a" and key == "g" and np.ndim(value) == 2:
        circuit.elements[name] = replace(element, data=DataArray(np.asarray(value, dtype=float)))
        return
    if element.letter in "rclvi":
        key = "acmag" if key == "ac" and element.letter in "vi" else _ALIASES.get(key, key)
    changed = element.with_params(**{key: value})
    if element.letter not in "ab" and element.expression is None:
        circuit.device_of(changed)
    circuit.elements[name] = changed


def alter_model(circuit: Circuit, name: str, key: str, value: float) -> None:
    """Give a parameter of a model card another value; raises as `alter_element` does."""
    model = circuit.models.get(name)
    if model is None:
        raise CircuitError(f"there is no model {name!r} to alter", names=(name,), hint=nearest(name, circuit.models))
    circuit.models[name] = replace(model, params={**model.params, key: value})
    user = next((e for e in circuit.elements.values() if e.model == name and e.letter != "a"), None)
    try:
        if user is not None:
            circuit.device_of(user)
    except CircuitError:
        circuit.models[name] = model
        raise


def alter(circuit: Circuit, changes: Mapping[str, Any]) -> None:
    """Apply changes by name: ``temp``, ``r1``, ``m1:w`` or ``nm(vto)``, to numbers."""
    for what, value in changes.items():
        name = what.lower()
        of_model = _MODEL.fullmatch(name)
        if name == "temp" and "temp" not in circuit.elements:
            circuit.options = replace(circuit.options, temp=float(value))
        elif of_model is not None:
            alter_model(circuit, of_model[1], of_model[2], value)
        else:
            owner, _, key = name.partition(":")
            alter_element(circuit, owner, key, value)
