"""Endurance: every write wears a cell out, and its window closes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.declare import Device, Environment, Param, State, Values
from circuitnn.devices.symbolic import BOUND_LAYER, clip, limexp, magnitude, stop_at_bounds, where
from circuitnn.nonidealities.nonideality import Nonideality
from circuitnn.nonidealities.sites import Sites
from circuitnn.nonidealities.states import ranges, state_map

Array = NDArray[np.float64]


class Endurance(Nonideality):
    """x = end + (x - end) exp(-n / N), N = life (-ln u)^(1/shape) (Weibull), its own in each cell; n the cycles so far.

    x from 0 to 1 is the conductance's place in the window, and the window closes around ``end``. In a transient a
    memristor's state counts the cycles on: twice the way between its bounds is one. Then the window of its state
    closes, x being the place between the bounds.

    Examples
    --------
    >>> import circuitnn as cn
    >>> effects = [cn.nonidealities.Window(0.0, 1e-4), cn.nonidealities.Endurance(life=1e6, shape=20, cycles=1e6)]
    >>> cn.Crossbar([[0.0, 1e-4]], 0.0, 0.0, nonidealities=effects, seed=1).G.round(7).tolist()
    [[3.16e-05, 6.77e-05]]
    """

    stage = "age"

    life = Param(1e6, "1", low=0.0, exclusive=True, doc="Weibull scale of the cycles to failure", source="round number")
    shape = Param(2.0, "1", low=0.1, high=100.0, doc="Weibull shape", source="round number")
    cycles = Param(0.0, "1", low=0.0, doc="cycles so far")
    end = Param(0.5, "1", low=0.0, high=1.0, doc="place in the window where it closes; 1: largest conductance")

    def lives(self, sites: Sites) -> Array:
        """Return the cycles that each cell lives."""
        return np.asarray(self.life * (-np.log(sites.uniform())) ** (1.0 / self.shape))

    def change(self, g: Array, sites: Sites) -> Array:
        """Return conductances in the window that is left."""
        if self.cycles == 0.0:
            return g
        low, high = sites.require_window(self.kind)
        end = low + self.end * (high - low)
        return np.asarray(end + (g - end) * np.exp(-self.cycles / self.lives(sites)))

    def set_up(self, device: type[Device], columns: Values, sites: Sites, env: Environment) -> Values:
        """Return columns with the life of each device, and states within the window that is left."""
        name, states, start = state_map(device, columns, env, self.kind)
        low, high, lives = states.low, states.high, self.lives(sites)
        end, left = np.where(states.falling, 1.0 - self.end, self.end), np.exp(-self.cycles / lives)
        middle = low + end * (high - low)
        # A state beyond its window's ends is at the nearer one.
        kept = np.clip(start, middle - left * (middle - low), middle + left * (high - middle))
        own = {"wear_life": lives, "wear_end": end, "worn": np.full(sites.shape, float(self.cycles))}
        return {**columns, **own, name: np.where(kept == start, columns[name], kept)}

    @classmethod
    def extend(cls, device: Any) -> Any:
        """Return a device that counts its cycles in the state ``worn`` and stops within what they have left."""

        class Extended(device):
            __doc__ = device.__doc__

            wear_life = Param(1e300, "1", low=0.0, exclusive=True, doc="cycles to failure", on="instance")
            wear_end = Param(0.5, "1", low=0.0, high=1.0, doc="where the window of the state closes", on="instance")
            worn = State(0.0, "1", doc="cycles that the state has gone through")

            def moved(self, v: Any, rates: dict[str, Any]) -> dict[str, Any]:
                """Return the rates within the window, and that of the cycles."""
                found = dict(super().moved(v, rates))
                left = limexp(-self.worn / self.wear_life)
                cycles: Any = 0
                for name, low, high in ranges(self):
                    middle = low + self.wear_end * (high - low)
                    bottom, top = middle - left * (middle - low), middle + left * (high - middle)
                    here, rate = getattr(self, name), found[name]
                    found[name] = stop_at_bounds(rate, here, bottom, top)
                    # where it is being stopped, the state rings about its bound and goes nowhere
                    room = where(rate > 0, top - here, here - bottom) / (BOUND_LAYER * (top - bottom))
                    cycles = cycles + magnitude(rate) * clip(room - 1, 0, 1) / (2 * (high - low))
                return {**found, "worn": cycles}

        return Extended


EXPORT = Endurance
