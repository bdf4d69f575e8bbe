"""Between the state of a memristor and its conductance, for devices of one state with bounds."""

from __future__ import annotations

from collections.abc import Mapping
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
_ITERATIONS = 200  # of Newton's method for inner nodes and for what settles
_TOLERANCE = 1e-13  # V, or parts of what is larger


class StateMap:
    """Conductances of devices at 0.1 V by their one state, shape (n,).

    Parameters
    ----------
    kernel : Kernel
        Of a device of two terminals.
    param : ndarray, shape (params, n)
    low, high : ndarray, shape (n,)
        Bounds of the state.
    place : int
        The state's number among the local unknowns.
    u : ndarray, shape (unknowns, n)
        Where the search for inner unknowns begins; zero when not given.
    free : mapping of int to ndarray of bool, shape (n,)
        The inner unknowns, each where it does not lie on the first terminal; none when not given.

    Notes
    -----
    ``state`` inverts by bisection of all devices at once, to the last digit; the conductance rises or falls with the
    state all the way.
    """

    def __init__(
        self,
        kernel: Any,
        param: Array,
        low: Array,
        high: Array,
        place: int = 2,
        u: Array | None = None,
        free: Mapping[int, Any] | None = None,
    ) -> None:
        self._kernel, self._param, self._place = kernel, np.ascontiguousarray(param), place
        self._u = np.zeros((kernel.n_local, len(low))) if u is None else u
        self._inner = [*(free or {})]
        self._free = np.array([*(free or {}).values()], bool).reshape(len(self._inner), len(low))
        self._u[0] = READ_VOLTAGE
        ends = np.stack([self.conductance(low), self.conductance(high)])
        self.falling = ends[0] > ends[1]
        self.low, self.high = low, high
        self.least, self.most = ends.min(axis=0), ends.max(axis=0)

    def conductance(self, state: Array) -> Array:
        """Return i / v in siemens."""
        self._u[self._place] = state
        inner, free = self._inner, self._free
        for _ in range(_ITERATIONS):
            f, _, jf, _ = self._kernel.evaluate(self._u, self._param)
            if not inner:
                break
            slopes = np.zeros((*(2 * [self._kernel.n_local]), f.shape[1]))
            slopes[self._kernel.jf_row, self._kernel.jf_col] = jf
            slopes = np.where(free[:, None], slopes[np.ix_(inner, inner)], np.eye(len(inner))[:, :, None])
            miss = np.where(free, f[inner], self._u[inner] - READ_VOLTAGE)
            step = np.linalg.solve(slopes.transpose(2, 0, 1), miss.T[:, :, None])[:, :, 0].T
            self._u[inner] -= step
            if np.all(np.abs(step) <= _TOLERANCE * (1.0 + np.abs(self._u[inner]))):
                break
        else:
            raise DeviceError("no inner voltages found at which a memristor conducts 0.1 V")
        return np.asarray((f[0] + np.where(free, 0.0, f[inner]).sum(axis=0)) / READ_VOLTAGE)

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
    slow = [name for name, state in device.states.items() if len(device.states) == 1 or not state.settles]
    if len(slow) != 1 or len(device.terminals) != 2 or device.branches or device.controls:
        states, ends = ", ".join(device.states) or "none", len(device.terminals)
        raise DeviceError(
            f"{why} does not act on {device.name}, whose states are: {states}; it has {ends} terminals",
            expected="a memristor of two terminals with one state that has bounds, or an array of conductances",
            names=(device.name,),
        )
    name = slow[0]
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
    start, collapsed = device.state_init(columns), device.collapse(columns)
    shape = start[name].shape
    u = np.zeros((kernel.n_local, *shape))
    free = {}
    for key in (*device.internals, *(other for other in device.states if other != name)):
        u[device.locals.index(key)] = start.get(key, 0.0)
        target, fallen = collapsed.get(key, (None, np.zeros(shape, bool)))
        if fallen.any() and target != device.terminals[0]:
            raise DeviceError(f"{why} does not act on {device.name} with {key} at {target}", names=(device.name,))
        free[device.locals.index(key)] = ~fallen
    found = StateMap(kernel, np.array(rows, dtype=float), low, high, device.locals.index(name), u, free)
    return name, found, start[name]


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


def slow(frame: Any) -> list[str]:
    """Return the states that a device had before effects added theirs, less those that follow others at once."""
    return [name for name, state in frame.ideal.states.items() if name not in frame.relaxing and state.unit != "K"]


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
        if state.low is not None and state.high is not None and name in slow(frame)
    ]
    if not found:
        raise DeviceError(f"{frame.ideal.name} has no state with bounds, which {frame.name} needs")
    return found
