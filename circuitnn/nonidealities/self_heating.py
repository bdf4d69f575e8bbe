"""Self-heating: the power in a cell warms it, and what is warm conducts and switches otherwise."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.declare import Device, Environment, Equations, Param, State, Values
from circuitnn.devices.symbolic import clip, exp, quantity
from circuitnn.errors import DeviceError
from circuitnn.nonidealities.drift import BOLTZMANN
from circuitnn.nonidealities.nonideality import Nonideality
from circuitnn.nonidealities.sites import Sites
from circuitnn.nonidealities.states import slow

Array = NDArray[np.float64]
_ROUND = "round number"
_COLDEST, _HOTTEST = 50.0, 3000.0  # K, within which rates and currents depend on the temperature


class SelfHeating(Nonideality):
    """C_th dT/dt = i v - (T - T_amb) / R_th; i is multiplied by 1 + tcr (T - T_amb) and all rates of states by
    exp(Ea/k (1/T_amb - 1/T)), T_amb the temperature of the circuit.

    Below 50 K and above 3000 K, and where 1 + tcr (T - T_amb) falls below 0.01, they no longer change.

    Examples
    --------
    >>> import circuitnn as cn
    >>> c = cn.Circuit("hot")
    >>> c.V("1", "a", 0, dc=0.5); c.N("1", "a", 0, model="hfo2")
    >>> c.nonideal("n1", cn.nonidealities.SelfHeating(r_th=1e6, tcr=0.0))
    >>> op = c.op()
    >>> round(float(op["@n1[temperature]"]) - 300.15, 6), round(float(-op["i(v1)"] * 0.5 * 1e6), 6)
    (2.5, 2.5)
    """

    stage = "build"
    random = False

    r_th = Param(1e6, "K/W", low=0.0, exclusive=True, doc="thermal resistance to the surroundings", source=_ROUND)
    c_th = Param(1e-15, "J/K", low=0.0, exclusive=True, doc="thermal capacitance", source=_ROUND + ": 1 ns with r_th")
    tcr = Param(0.0, "1/K", low=-0.1, high=0.1, doc="temperature coefficient of the conductance")
    activation = Param(0.0, "eV", low=0.0, high=5.0, doc="activation energy of the states' rates")

    def set_up(self, device: type[Device], columns: Values, sites: Sites, env: Environment) -> Values:
        """Return columns with the thermal parameters of each device, which starts at the temperature around."""
        own = {
            "heat_resistance": self.r_th,
            "heat_capacity": self.c_th,
            "heat_tcr": self.tcr,
            "heat_activation": self.activation / BOLTZMANN,
            "heat_ambient": env.temp,
            "temperature": env.temp,
        }
        return {**columns, **{name: np.full(sites.shape, float(value)) for name, value in own.items()}}

    @classmethod
    def extend(cls, device: Any) -> Any:
        """Return a device with a temperature."""
        own = next((name for name, state in device.states.items() if state.unit == "K"), None)
        if own:
            raise DeviceError(f"self_heating of {device.ideal.name}, which has a temperature of its own", names=[own])

        class Extended(device):
            __doc__ = device.__doc__

            heat_resistance = Param(1.0, "K/W", low=0.0, exclusive=True, doc="thermal resistance", on="instance")
            heat_capacity = Param(1e-15, "J/K", low=0.0, exclusive=True, doc="thermal capacitance", on="instance")
            heat_tcr = Param(0.0, "1/K", doc="temperature coefficient of the conductance", on="instance")
            heat_activation = Param(0.0, "K", doc="activation energy of the rates over k", on="instance")
            heat_ambient = Param(300.15, "K", low=0.0, doc="temperature around", on="instance")
            temperature = State("heat_ambient", "K", doc="temperature of the cell", scale=300.0, settles=True)

            def multiplier(self) -> Any:
                """Return what the temperature makes of the current."""
                warmer = _usable(self.temperature) - self.heat_ambient
                return super().multiplier() * clip(1 + self.heat_tcr * warmer, 0.01, 1e3)

            def moved(self, v: Any, rates: dict[str, Any]) -> dict[str, Any]:
                """Return the rates of the warm device; the temperature's row needs the power, which comes later."""
                warm = _usable(self.temperature)
                faster = exp(self.heat_activation * (1 / self.heat_ambient - 1 / warm))
                found = super().moved(v, rates)
                return {**found, **{name: found[name] * faster for name in slow(self)}, "temperature": 0}

            def equations(self) -> Equations:
                """Give the row of the temperature in watts, so that thermal conductances may join it."""
                rows: Equations = super().equations()
                lost = (self.temperature - self.heat_ambient) / self.heat_resistance
                rows.f["temperature"] = lost - self.flowing() * self.across
                rows.q["temperature"] = self.heat_capacity * self.temperature
                return rows

        return Extended


def _usable(temperature: Any) -> Any:
    return clip(temperature, quantity(_COLDEST, "K"), quantity(_HOTTEST, "K"))


EXPORT = SelfHeating
