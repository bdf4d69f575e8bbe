"""1/f noise of conductances."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.declare import Device, Environment, Noise, Param, Values
from circuitnn.errors import UsageError
from circuitnn.nonidealities.nonideality import Nonideality
from circuitnn.nonidealities.sites import Kept, Sites

Array = NDArray[np.float64]
_KEPT = Kept()


class FlickerNoise(Nonideality):
    """A noise current of the density k i^2 / f^exponent (Hooge, Phys. Lett. A 29, 139, 1969): dG/G has k / f^exponent.

    Reads of an array follow each other after ``t_read``: their relative noise has that density between 1/t_obs and
    1/(2 t_read). It is a sum of normal numbers, one an octave of frequency, each held for as many reads as the octave
    is slow (Voss and McCartney; Gardner, Sci. Am. 238(4), 16, 1978), so that any read can be asked for by its number.

    Examples
    --------
    >>> import circuitnn as cn
    >>> noise = cn.nonidealities.FlickerNoise(k=1e-6, t_read=1e-6, t_obs=2.048e-3)
    >>> len(noise.octaves()), round(float(noise.octaves().sum()) / 1e-6, 3)     # ln(1024)
    (10, 6.931)
    """

    stage = "read"

    k = Param(1e-6, "1", low=0.0, doc="relative density at 1 Hz", source="round number")
    exponent = Param(1.0, "1", low=0.5, high=1.5, doc="power of 1/f")
    t_read = Param(1e-6, "s", low=0.0, exclusive=True, doc="time from read to read", source="round number")
    t_obs = Param(1.0, "s", low=0.0, exclusive=True, doc="longest time of the noise in arrays", source="round number")

    def check(self) -> None:
        """Refuse a band without width."""
        if not self.t_obs >= 4.0 * self.t_read:
            raise UsageError("flicker_noise: t_obs is less than four times t_read", expected="a band of an octave")

    def octaves(self) -> Array:
        """Return the relative variance in each octave below 1/(2 t_read), down to 1/t_obs."""
        top = 1.0 / (2.0 * self.t_read)
        count = max(int(np.ceil(np.log2(top * self.t_obs) - 1e-9)), 1)
        edges = top * 0.5 ** np.arange(count + 1)
        if self.exponent == 1.0:
            return np.asarray(self.k * np.log(edges[:-1] / edges[1:]))
        power = 1.0 - self.exponent
        return np.asarray(self.k * (edges[:-1] ** power - edges[1:] ** power) / power)

    def change(self, g: Array, sites: Sites) -> Array:
        """Return conductances as a read finds them, never negative."""
        held = _KEPT.take(self, sites) or {}
        noise = np.zeros(sites.shape)
        for octave, sigma in enumerate(np.sqrt(self.octaves())):
            number = sites.read >> octave
            if held.get(octave, (-1,))[0] != number:
                held[octave] = number, sigma * sites.normal(octave, number)
            noise += held[octave][1]
        _KEPT.put(self, sites, held)
        return np.maximum(g * (1.0 + noise), 0.0)

    def set_up(self, device: type[Device], columns: Values, sites: Sites, env: Environment) -> Values:
        """Return columns with strength and slope of the noise."""
        own = {"flicker_k": self.k, "flicker_exponent": self.exponent}
        return {**columns, **{name: np.full(sites.shape, float(value)) for name, value in own.items()}}

    @classmethod
    def extend(cls, device: Any) -> Any:
        """Return a device with the noise current."""

        class Extended(device):
            __doc__ = device.__doc__

            flicker_k = Param(0.0, "1", low=0.0, doc="density of the 1/f noise at 1 Hz over i^2", on="instance")
            flicker_exponent = Param(1.0, "1", doc="power of 1/f", on="instance")

            def noise(self) -> tuple[Noise, ...]:
                """Return the device's noise and the 1/f noise."""
                plus, minus = self.ends
                density = self.flicker_k * self.flowing() ** 2
                return (*super().noise(), Noise("flicker", plus, minus, density, self.flicker_exponent))

        return Extended


EXPORT = FlickerNoise
