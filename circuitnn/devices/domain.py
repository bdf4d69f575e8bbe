"""Where a device's equations must hold: points of the ranges of its parameters, states and voltages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from circuitnn.devices.declare import Device, Environment, Param
from circuitnn.errors import DeviceError

#: Points of unknowns for each set of parameters, and sets of random parameters.
POINTS, _RANDOM = 24, 24
_VOLTS, _AMPERES = 3.0, 1e-3
_SEED = 20251127

Values = dict[str, np.ndarray]


class Domain:
    """Points of a device's domain: the defaults, each parameter at the ends of its range, and random ones.

    Parameters
    ----------
    device : type
    frame, unknown, known
        From `derive.frame_of`.

    Attributes
    ----------
    sets : list of dict
        Values of the user's parameters that the device accepts, shape (1,).
    points : dict of Symbol to ndarray, shape (len(sets), POINTS)
    """

    def __init__(self, device: type[Device], frame: Any, unknown: dict[str, Any], known: dict[str, Any]) -> None:
        self.device, self._frame, self._unknown, self._known = device, frame, unknown, known
        self.sets: list[Values] = []
        rng = np.random.default_rng(_SEED)
        unit = self._unit_points(rng)
        columns: list[dict[Any, np.ndarray]] = []
        for values in self._candidates(rng):
            made = self.at(values, unit)
            if made is not None:
                self.sets.append(values)
                columns.append(made)
        self.unit = unit
        self.points = {symbol: np.array([column[symbol] for column in columns]) for symbol in (columns or [{}])[0]}

    def at(self, values: Values, unit: Mapping[str, np.ndarray]) -> dict[Any, np.ndarray] | None:
        """Return the symbols' values for one set of parameters; None where the device refuses it.

        ``unit`` gives each unknown between -1 and 1 in its range.
        """
        device, points = self.device, {}
        count = next(iter(unit.values())).shape[0] if unit else POINTS
        try:
            with np.errstate(all="ignore"):
                for name, param in device.params.items():
                    value = float(values[name][0])
                    if not np.isnan(value):
                        param.check(device.name, name, value)
                prepared = device.prepare(values, Environment())
                bounds = device.state_bounds(values)
        except (DeviceError, ArithmeticError):
            return None
        for name, symbol in self._known.items():
            if name in prepared:
                points[symbol] = np.full(count, float(np.ravel(prepared[name])[0]))
        for name, symbol in self._unknown.items():
            if name in device.states:
                low, high = (float(bound[0]) for bound in bounds[name])
                state = device.states[name]
                start = values[state.init][0] if isinstance(state.init, str) else state.init
                start = 0.0 if np.isnan(start) else float(start)
                low = low if np.isfinite(low) else min(start - state.scale, high - state.scale)
                high = high if np.isfinite(high) else max(start + state.scale, low + state.scale)
                part = 0.5 * (1.0 + unit[name])
                points[symbol] = low * (1.0 - part) + high * part
            else:
                current = name in (*device.branches, *device.controls, *device.flows)
                points[symbol] = unit[name] * (_AMPERES if current else _VOLTS)
        points[self._frame.gmin] = np.full(count, 1e-12)
        points[self._frame.time] = np.full(count, 1e-6)
        import sympy

        for item in self._frame.limits:
            symbol = sympy.Symbol(f"lim_{item.name}", real=True)
            discrete = item.kind in ("switch", "jump")
            points[symbol] = (unit[item.name] > 0).astype(float) if discrete else _VOLTS * unit[item.name]
        return points

    def blend(self, one: Values, other: Values, part: float) -> Values:
        """Return parameters between two sets, those that are choices as in the first."""
        mixed = {}
        for name, param in self.device.params.items():
            a, b = one[name], other[name]
            fixed = param.choices or param.integer or np.isnan(a[0]) or np.isnan(b[0])
            mixed[name] = a if fixed else a * (1.0 - part) + b * part
        return mixed

    def _unit_points(self, rng: np.random.Generator) -> dict[str, np.ndarray]:
        """Unknowns at random and at their ends, between -1 and 1; the first point is all zero."""
        unit = {}
        for name in (*self._unknown, *(item.name for item in self._frame.limits)):
            some = rng.uniform(-1.0, 1.0, POINTS)
            ends = rng.random(POINTS) < 0.4
            some[ends] = rng.choice([-1.0, 0.0, 1.0], int(ends.sum()))
            some[0] = 0.0
            unit[name] = some
        return unit

    def _candidates(self, rng: np.random.Generator) -> list[Values]:
        device = self.device
        own_prepare = vars(Device)["prepare"].__func__ is not device.prepare.__func__  # type: ignore[attr-defined]
        usual: dict[str, float] = {}
        for name, param in device.params.items():
            needed = name == device.positional or not own_prepare
            missing = 1.0 if needed and name not in device.states else np.nan
            usual[name] = missing if param.default is None else param.default
        corners: list[dict[str, float]] = [{}] + [
            {name: value}
            for name, param in device.params.items()
            if not np.isnan(usual[name])
            for value in _ends(param, usual[name])
            if value != usual[name]
        ]
        for _ in range(_RANDOM):
            corners.append(
                {
                    name: _random(param, usual[name], rng)
                    for name, param in device.params.items()
                    if not np.isnan(usual[name]) and rng.random() < 0.5
                }
            )
        return [{name: np.array([corner.get(name, usual[name])]) for name in usual} for corner in corners]


def _ends(param: Param, usual: float) -> list[float]:
    if param.choices:
        return list(param.choices)
    size = abs(usual) or 1.0
    found = [param.low if param.low is not None and not param.exclusive else None]
    found += [0.0, -size] if param.low is None and not param.clamped else [0.5 * usual]
    found += [2.0 * usual if param.high is None else param.high]
    ends = [float(value) for value in found if value is not None]
    return [round(value) for value in ends] if param.integer else ends


def _random(param: Param, usual: float, rng: np.random.Generator) -> float:
    if param.choices:
        return float(rng.choice(param.choices))
    size = abs(usual) or 1.0
    low = (min(usual, 0.0) - size if param.low is None else max(param.low, usual - 3.0 * size)) if size else 0.0
    high = usual + 3.0 * size if param.high is None else min(param.high, usual + 3.0 * size)
    value = float(rng.uniform(low, high))
    return float(round(value)) if param.integer else value
