"""Shot noise of currents."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.declare import Device, Environment, Noise, Param, Values
from circuitnn.devices.symbolic import magnitude
from circuitnn.nonidealities.nonideality import Nonideality
from circuitnn.nonidealities.sites import Sites

Array = NDArray[np.float64]
CHARGE = 1.602176634e-19  # C


class ShotNoise(Nonideality):
    """A noise current of the density 2 q F |i| (Schottky 1918), F the Fano factor.

    A read of an array has the noise bandwidth B and is at ``v_read``: G = G + z sqrt(2 q F G B / v_read), z normal and
    new at each read.

    Examples
    --------
    >>> import circuitnn as cn
    >>> noise = cn.nonidealities.ShotNoise(bandwidth=1e6, v_read=0.1)
    >>> f"{float(noise.deviation(1e-5)) / 1e-5:.3g}"                # 0.57 nA of 1 uA
    '0.000566'
    """

    stage = "read"

    fano = Param(1.0, "1", low=0.0, doc="Fano factor", source="1: independent carriers")
    bandwidth = Param(1e6, "Hz", low=0.0, doc="noise bandwidth of a read", source="round number")
    v_read = Param(0.1, "V", low=0.0, exclusive=True, doc="voltage of a read", source="round number")

    def deviation(self, g: Array | float) -> Array:
        """Return the standard deviation of a read conductance, S."""
        return np.sqrt(2.0 * CHARGE * self.fano * np.asarray(g) * self.bandwidth / self.v_read)

    def change(self, g: Array, sites: Sites) -> Array:
        """Return conductances as a read finds them, never negative."""
        return np.maximum(g + self.deviation(g) * sites.normal(sites.read), 0.0)

    def set_up(self, device: type[Device], columns: Values, sites: Sites, env: Environment) -> Values:
        """Return columns with the strength of the noise."""
        return {**columns, "shot_noise": np.full(sites.shape, 2.0 * CHARGE * self.fano)}

    @classmethod
    def extend(cls, device: Any) -> Any:
        """Return a device with the noise current."""

        class Extended(device):
            __doc__ = device.__doc__

            shot_noise = Param(0.0, "C", low=0.0, doc="twice the charge that flows at a time", on="instance")

            def noise(self) -> tuple[Noise, ...]:
                """Return the device's noise and that of its current."""
                plus, minus = self.ends
                density = self.shot_noise * magnitude(self.flowing())
                return (*super().noise(), Noise("shot", plus, minus, density))

        return Extended


EXPORT = ShotNoise
