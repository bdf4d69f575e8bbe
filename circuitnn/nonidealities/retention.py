"""Retention loss: what was programmed relaxes, faster when hot, and cells that were alike diffuse apart."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.declare import Device, Environment, Param, Values
from circuitnn.nonidealities.drift import BOLTZMANN
from circuitnn.nonidealities.nonideality import Nonideality
from circuitnn.nonidealities.sites import Sites
from circuitnn.nonidealities.states import oriented, ranges, through_states

Array = NDArray[np.float64]


class Retention(Nonideality):
    """x = rest + (x - rest) exp(-t / tau), tau = tau exp(Ea/k (1/T - 1/T_ref)), x from 0 to 1 over the window.

    ln G gets a normal deviation ``spread`` sqrt(ln(1 + t / t_spread)) beside. In arrays x is the conductance's place in
    the window; so it is in the initial state of a memristor, ``time`` after programming. In a transient a memristor's
    states relax by this law, x then being their place between their bounds.

    Examples
    --------
    >>> import circuitnn as cn
    >>> effects = [cn.nonidealities.Window(0.0, 1e-4), cn.nonidealities.Retention(1e5, time=1e5, activation=0)]
    >>> float(cn.Crossbar([[1e-4]], 0.0, 0.0, nonidealities=effects, seed=1).G[0, 0].round(9))
    3.6788e-05
    """

    stage = "age"

    tau = Param(3e8, "s", low=0.0, exclusive=True, doc="retention time at temp_ref", source="ten years, round number")
    rest = Param(0.0, "1", low=0.0, high=1.0, doc="place in the window to which cells relax; 0: least conductance")
    time = Param(0.0, "s", low=0.0, doc="time since programming")
    activation = Param(1.0, "eV", low=0.0, high=5.0, doc="activation energy", source="round number")
    temp_ref = Param(358.15, "K", low=1.0, doc="temperature at which tau holds", source="85 degC, usual for retention")
    spread = Param(0.0, "1", low=0.0, high=5.0, doc="deviation of ln G where t = 1.7 t_spread")
    t_spread = Param(1.0, "s", low=0.0, exclusive=True, doc="time at which the diffusion of ln G begins")

    def lifetime(self, temp: float) -> float:
        """Return the retention time at a temperature in kelvin, s."""
        with np.errstate(over="ignore"):
            return float(self.tau * np.exp(self.activation / BOLTZMANN * (1.0 / temp - 1.0 / self.temp_ref)))

    def change(self, g: Array, sites: Sites) -> Array:
        """Return conductances ``time`` after programming."""
        low, high = sites.require_window(self.kind)
        at_rest = low + self.rest * (high - low)
        g = at_rest + (g - at_rest) * np.exp(-self.time / self.lifetime(sites.temp)) if self.time else g
        if self.spread:
            g = g * np.exp(self.spread * np.sqrt(np.log1p(self.time / self.t_spread)) * sites.normal())
        return np.asarray(g)

    def set_up(self, device: type[Device], columns: Values, sites: Sites, env: Environment) -> Values:
        """Return columns in which devices start at their age and go on relaxing."""
        rate = np.full(sites.shape, 1.0 / self.lifetime(env.temp))
        rising = oriented(device, columns, env, self.kind)
        rest = np.where(rising, self.rest, 1.0 - self.rest)
        return {**through_states(self, device, columns, sites, env), "retention_rate": rate, "retention_rest": rest}

    @classmethod
    def extend(cls, device: Any) -> Any:
        """Return a device whose state relaxes."""

        class Extended(device):
            __doc__ = device.__doc__

            retention_rate = Param(0.0, "1/s", low=0.0, doc="rate at which the state relaxes", on="instance")
            retention_rest = Param(0.0, "1", low=0.0, high=1.0, doc="where it relaxes to", on="instance")

            def moved(self, v: Any, rates: dict[str, Any]) -> dict[str, Any]:
                """Return the rates with the relaxation."""
                found = dict(super().moved(v, rates))
                for name, low, high in ranges(self):
                    rest = low + self.retention_rest * (high - low)
                    found[name] = found[name] - self.retention_rate * (getattr(self, name) - rest)
                return found

        return Extended


EXPORT = Retention
