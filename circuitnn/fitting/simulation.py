"""A device as the measurement saw it: a source of straight pieces, a series resistance and the device."""

from __future__ import annotations

import inspect
from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.circuit.circuit import Circuit
from circuitnn.devices.cards import CARDS
from circuitnn.devices.declare import Device
from circuitnn.errors import UsageError, nearest
from circuitnn.fitting.measured import Measured
from circuitnn.netlist.flat import Model
from circuitnn.registry import catalog

#: Differences of simulations must be slopes, not the leavings of Newton's method and of step control. So the former is
#: carried far, and the latter, allowed an error of _RELTOL * _TRTOL / 2 a step, interferes only where the device
#: switches within one of the steps that the measurement sets.
_RELTOL, _TRTOL = 1e-9, 2e3
_LETTERS = ("n", "d")


def device_and_card(model: str | type[Device] | Model) -> tuple[type[Device], Model]:
    """Return the device class that is meant, and a model card of it.

    Raises
    ------
    UsageError
        When there is none, or it has not two terminals.
    """
    known = catalog("devices")
    if isinstance(model, Model):
        card = model
    elif isinstance(model, str) and model.lower() in CARDS:
        card = CARDS[model.lower()].model
    elif isinstance(model, str):
        card = Model(model.lower(), model.lower())
    elif inspect.isclass(model) and issubclass(model, Device):
        card = Model(model.name, (model.model_types or (model.name,))[0])
    else:
        raise UsageError(f"{model!r} is no device", expected="the name of one, its class, or a Model")
    # the device's own name first: it needs none of the others
    first = {card.type: known.get(card.type)} if card.type in known else known.all()
    for name, device in first.items():
        if card.type == name or card.type in device.model_types:
            found: type[Device] = device
            break
    else:
        raise UsageError(
            f"there is no device {card.type!r}", hint=nearest(card.type, [*known.names(), *CARDS]), names=(card.type,)
        )
    if isinstance(model, type) and found is not model:
        raise UsageError(f"{model.__name__} is not registered", hint="cn.register(...) it first")
    if len(found.terminals) != 2 or found.letter not in _LETTERS:
        raise UsageError(
            f"{card.type} is no two-terminal device with a model card",
            expected="a memristor or a diode",
            names=(card.type,),
        )
    kind = (found.model_types or (found.name,))[0] if card.type not in found.model_types else card.type
    return found, Model("fit", kind, dict(card.params))


class Bench:
    """Simulates one measurement for any parameters.

    Parameters
    ----------
    measured : Loop or PulseTrain
    device : type
    card : Model
    """

    def __init__(self, measured: Measured, device: type[Device], card: Model) -> None:
        self._measured, self._card = measured, card
        times, volts = measured.drive()
        self._samples = measured.samples()
        circuit = Circuit(measured.name)
        largest = max(float(np.abs(measured.measured).max()), 1e-15)
        circuit.set_options(reltol=_RELTOL, trtol=_TRTOL, abstol=min(1e-12, 1e-9 * largest), vntol=1e-9)
        circuit.models[card.name] = card
        circuit.V("fit", "source", 0, waveform=("external", times.tolist(), volts.tolist()))
        node = "device" if measured.series > 0.0 else "source"
        if measured.series > 0.0:
            circuit.R("fit", "source", "device", measured.series)
        (circuit.D if device.letter == "d" else circuit.N)("fit", node, 0, model=card.name)
        circuit.save.append("i(vfit)")
        self._circuit = self._last = circuit
        self._stop = float(times[-1])

    def current(self, params: dict[str, float]) -> NDArray[np.float64]:
        """Return the currents into the device where they were measured, A.

        Raises
        ------
        CircuitnnError
            When parameters are not possible, or the simulation fails.
        """
        one = self._circuit.copy()
        one.models[self._card.name] = Model(self._card.name, self._card.type, params)
        one.adopt(self._last)
        run: Any = one.tran(stop=self._stop, step=self._measured.max_step())
        self._last = one
        return np.interp(self._samples, run.time, -run["i(vfit)"])
