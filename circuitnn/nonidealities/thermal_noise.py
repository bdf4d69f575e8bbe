"""Thermal noise of conductances."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.declare import Device, Environment, Noise, Param, Values
from circuitnn.nonidealities.nonideality import Nonideality
from circuitnn.nonidealities.sites import Sites

Array = NDArray[np.float64]
BOLTZMANN = 1.380649e-23  # J/K
_SMALL = 1e-3  # volts at which a device is next to equilibrium


class ThermalNoise(Nonideality):
    """A noise current of the density 4 k T G (Johnson 1928, Nyquist 1928), G the conductance at 1 mV.

    A read of an array lasts as long as the noise bandwidth B says and is at ``v_read``: G = G + z sqrt(4 k T G B) /
    v_read, z normal and new at each read.

    Examples
    --------
    >>> import circuitnn as cn
    >>> noise = cn.nonidealities.ThermalNoise(bandwidth=1e6, v_read=0.1)
    >>> f"{float(noise.deviation(1e-5, 300.0)) / 1e-5:.3g}"         # 0.4 nA of 1 uA
    '0.000407'
    """

    stage = "read"

    bandwidth = Param(1e6, "Hz", low=0.0, doc="noise bandwidth of a read", source="round number")
    v_read = Param(0.1, "V", low=0.0, exclusive=True, doc="voltage of a read", source="round number")

    def deviation(self, g: Array | float, temp: float) -> Array:
        """Return the standard deviation of a read conductance, S."""
        return np.sqrt(4.0 * BOLTZMANN * temp * np.asarray(g) * self.bandwidth) / self.v_read

    def change(self, g: Array, sites: Sites) -> Array:
        """Return conductances as a read finds them, never negative."""
        return np.maximum(g + self.deviation(g, sites.temp) * sites.normal(sites.read), 0.0)

    def set_up(self, device: type[Device], columns: Values, sites: Sites, env: Environment) -> Values:
        """Return columns with the temperature."""
        return {**columns, "thermal_noise": np.full(sites.shape, 4.0 * BOLTZMANN * env.temp)}

    @classmethod
    def extend(cls, device: Any) -> Any:
        """Return a device with the noise current."""

        class Extended(device):
            __doc__ = device.__doc__

            thermal_volts = Param(_SMALL, "V", low=0.0, exclusive=True, doc="voltage of the conductance", on="instance")
            thermal_noise = Param(0.0, "J", low=0.0, doc="four times the thermal energy", on="instance")

            def noise(self) -> tuple[Noise, ...]:
                """Return the device's noise and the thermal one."""
                plus, minus = self.ends
                density = self.thermal_noise * self.conductance(self.thermal_volts)
                return (*super().noise(), Noise("thermal", plus, minus, density))

        return Extended


EXPORT = ThermalNoise
