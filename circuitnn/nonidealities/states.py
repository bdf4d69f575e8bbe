"""Between the state of a memristor and its conductance, for devices of one state with bounds."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.declare import Device, Environment, Values
from circuitnn.devices.load import kernel_of
from circuitnn.errors import DeviceError

if TYPE_CHECKING:
    from circuitnn.nonidealities.nonideality import Nonideality
    from circuitnn.nonidealities.sites import Sites

Array = NDArray[np.float64]
READ_VOLTAGE = 0.1  # volts at which a device is said to have a conductance
_HALVINGS = 200


class StateMap:
    """Conductances of devices at 0.1 V by their one state, shape (n,).

    Parameters
    ----------
    kernel : Kernel
        Of a device of two terminals.
    param : ndarray, shape (params, n)
    low, high : ndarray, shape (n,)
        Bounds of the state.

    Notes
    -----
    ``state`` inverts by bisection of all devices at once, to the last digit; the conductance rises or falls with the
    state all the way.
    """

    def __init__(self, kernel: Any, param: Array, low: Array, high: Array) -> None:
        self._kernel, self._param = kernel, np.ascontiguousarray(param)
        self._u = np.zeros((kernel.n_local, len(low)))
        self._u[0] = READ_VOLTAGE
        ends = np.stack([self.conductance(low), self.conductance(high)])
        self.falling = ends[0] > ends[1]
        self.low, self.high = low, high
        self.least, self.most = ends.min(axis=0), ends.max(axis=0)

    def conductance(self, state: Array) -> Array:
        """Return i / v in siemens."""
        self._u[2] = state
        return np.asarray(self._kernel.evaluate(self._u, self._param)[0][0] / READ_VOLTAGE)

    def state(self, g: Array) -> Array:
        """Return the states at which devices conduct ``g``, or the nearest bound."""
        a = np.where(self.falling, self.high, self.low)
        b = np.where(self.falling, self.low, self.high)
        for _ in range(_HALVINGS):
            middle = 0.5 * (a + b)
            if np.all((middle == a) | (middle == b)):
                break
            below = self.conductance(middle) < g
            a, b = np.where(below, middle, a), np.where(below, b, middle)
        # Of the last two neighbours the nearer one, so that the ends of the range are met exactly.
        nearer = np.abs(self.conductance(a) - g) < np.abs(self.conductance(b) - g)
        return np.where(nearer, a, b)


def state_map(device: type[Device], columns: Values, env: Environment, why: str) -> tuple[str, StateMap, Array]:
    """Return a device's one state, the map of its conductances, and its initial values, shape (n,).

    Raises
    ------
    DeviceError
        When the device is no memristor of one state with bounds; ``why`` says what needs it.
    """
    device = getattr(device, "ideal", device)
    name = next(iter(device.states), "")
    if len(device.states) != 1 or len(device.terminals) != 2:
        states = ", ".join(device.states) or "none"
        raise DeviceError(
            f"{why} does not act on {device.name}, whose states are: {states}",
            expected="a memristor of two terminals with one state that has bounds, or an array of conductances",
            names=(device.name,),
        )
    low, high = device.state_bounds(columns)[name]
    if not np.isfinite([low, high]).all():
        raise DeviceError(
            f"{why} does not act on {device.name}, whose state {name} has no bounds",
            expected="a memristor of two terminals with one state that has bounds",
            names=(device.name,),
        )
    kernel = kernel_of(device)
    prepared = device.prepare(columns, env)
    rows = [prepared.get(key, columns.get(key)) for key in kernel.param_names]
    return name, StateMap(kernel, np.array(rows, dtype=float), low, high), device.state_init(columns)[name]


def oriented(device: type[Device], columns: Values, env: Environment, why: str) -> NDArray[np.bool_]:
    """Return whether the conductance of each device rises with its one state; raises as `state_map` does."""
    _, states, _ = state_map(device, columns, env, why)
    return ~states.falling


def through_states(
    effect: Nonideality, device: type[Device], columns: Values, sites: Sites, env: Environment
) -> Values:
    """Return columns in which devices start at the state that conducts what the effect makes of their conductance."""
    name, states, start = state_map(device, columns, env, effect.kind)
    found = np.empty(len(start))
    # Devices of one range together: levels and the like belong to a window.
    ranges, which = np.unique(np.stack([states.least, states.most]), axis=1, return_inverse=True)
    before = states.conductance(start)
    for k, (least, most) in enumerate(ranges.T):
        chosen = np.flatnonzero(which.ravel() == k)
        here = replace(sites.where(chosen), window=(float(least), float(most)))
        found[chosen] = effect.change(before[chosen], here)
    same = found == before
    return {**columns, name: np.where(same, start, states.state(found))}


def ranges(frame: Any) -> list[tuple[str, Any, Any]]:
    """Return name and bounds, as symbols, of each state that a device had before effects added theirs.

    Raises
    ------
    DeviceError
        When none has bounds.
    """
    found = [
        (name, frame._bound(state, state.low), frame._bound(state, state.high))
        for name, state in frame.ideal.states.items()
        if state.low is not None and state.high is not None
    ]
    if not found:
        raise DeviceError(f"{frame.ideal.name} has no state with bounds, which {frame.name} needs")
    return found
