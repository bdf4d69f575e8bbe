"""Read noise: every read finds a slightly other conductance."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.declare import Device, Environment, Noise, Param, Values
from circuitnn.nonidealities.nonideality import Nonideality
from circuitnn.nonidealities.sites import Sites

Array = NDArray[np.float64]


class ReadNoise(Nonideality):
    """G = G (1 + sigma z), z normal and new at each read; in the circuit, white noise of i over ``bandwidth``.

    A memristor has a noise current of the density (sigma i)^2 / bandwidth, so that a reading circuit of that noise
    bandwidth finds the deviation sigma.

    Examples
    --------
    >>> import circuitnn as cn
    >>> xb = cn.Crossbar([[1e-4]], 0.0, 0.0, nonidealities=[cn.nonidealities.ReadNoise(0.01)], seed=1)
    >>> (xb.solve([[0.1], [0.1]]).currents * 1e6).round(3).ravel().tolist()     # two reads
    [9.947, 10.01]
    """

    stage = "read"

    sigma = Param(0.01, "1", low=0.0, high=1.0, doc="relative standard deviation of a read", source="round number")
    bandwidth = Param(1e6, "Hz", low=0.0, exclusive=True, doc="noise bandwidth of a read", source="round number")

    def change(self, g: Array, sites: Sites) -> Array:
        """Return conductances as a read finds them, never negative."""
        return np.maximum(g * (1.0 + self.sigma * sites.normal(sites.read)), 0.0) if self.sigma else g

    def set_up(self, device: type[Device], columns: Values, sites: Sites, env: Environment) -> Values:
        """Return columns with the strength of the noise."""
        return {**columns, "read_noise": np.full(sites.shape, self.sigma**2 / self.bandwidth)}

    @classmethod
    def extend(cls, device: Any) -> Any:
        """Return a device with the noise current."""

        class Extended(device):
            __doc__ = device.__doc__

            read_noise = Param(0.0, "1/Hz", low=0.0, doc="density of the noise over i^2", on="instance")

            def noise(self) -> tuple[Noise, ...]:
                """Return the device's noise and that of reads."""
                plus, minus = self.ends
                density = self.read_noise * self.flowing() ** 2
                return (*super().noise(), Noise("read", plus, minus, density))

        return Extended


EXPORT = ReadNoise
