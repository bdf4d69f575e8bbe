"""Device-to-device variability: every cell is made a little different."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.declare import Device, Environment, Param, Values
from circuitnn.errors import DeviceError, UsageError, nearest
from circuitnn.nonidealities.nonideality import Nonideality, Word
from circuitnn.nonidealities.sites import Sites
from circuitnn.nonidealities.states import through_states

Array = NDArray[np.float64]
CONDUCTANCE = "g"


class Variability(Nonideality):
    """A parameter p of each device is p (1 + sigma z), or p exp(s z - s^2/2) with s^2 = ln(1 + sigma^2); z is normal.

    ``parameter`` is one of the device's, or ``g``: the conductances of an array, or those at which memristors start.
    The lognormal form keeps mean and sign. With a correlation length l, the correlation of z between cells d apart (in
    cells) is exp(-d^2 / (2 l^2)). What would leave the range that the device declares for its parameter is drawn from
    the part of the distribution inside.

    Examples
    --------
    >>> import circuitnn as cn
    >>> spread = cn.nonidealities.Variability("g", sigma=0.1)
    >>> cn.Crossbar([[1e-4, 1e-4]], 0.0, 0.0, nonidealities=[spread], seed=1).G.round(7).tolist()
    [[0.0001082, 0.0001076]]
    """

    parameter = Word(None, doc="name of a parameter or state of the device; g for conductance")
    sigma = Param(0.1, "1", low=0.0, high=10.0, doc="relative standard deviation", source="round number")
    distribution = Word("lognormal", ("normal", "lognormal"), doc="of the values around the nominal one")
    length = Param(0.0, "1", low=0.0, high=1e3, doc="correlation length in cells; 0: cells are independent")

    @property
    def stream(self) -> str:
        """Random numbers belong to the parameter, too."""
        return f"{self.kind}:{self.parameter}"

    def change(self, g: Array, sites: Sites) -> Array:
        """Return conductances times a factor each."""
        if self.parameter != CONDUCTANCE:
            raise UsageError(
                f"an array of conductances has no parameter {self.parameter!r}",
                expected=f"variability of {CONDUCTANCE!r}, or cells that are devices",
                names=(self.parameter,),
            )
        return self._varied(g, sites, 0.0, np.inf)

    def set_up(self, device: type[Device], columns: Values, sites: Sites, env: Environment) -> Values:
        """Return the columns with one of them varied."""
        name = str(self.parameter)
        param = device.params.get(name)
        if param is None and name == CONDUCTANCE:
            return through_states(self, device, columns, sites, env)
        if param is None or param.choices or param.integer:
            known = [key for key, other in device.params.items() if not (other.choices or other.integer)]
            raise DeviceError(
                f"variability: {device.name} has no parameter {name!r} that could vary",
                expected=", ".join(known),
                hint=nearest(name, known),
                names=(device.name, name),
            )
        values = device.state_init(columns)[name] if name in device.states else columns[name]
        if name in device.states:
            low, high = device.state_bounds(columns)[name]
        else:
            low = np.full(values.shape, -np.inf if param.low is None else param.low)
            high = np.full(values.shape, np.inf if param.high is None else param.high)
        return {**columns, name: self._varied(values, sites, low, high)}

    def _varied(self, values: Array, sites: Sites, low: Any, high: Any) -> Array:
        if self.sigma == 0.0:
            return values
        sigma, log = float(self.sigma), self.distribution == "lognormal"
        s = np.sqrt(np.log1p(sigma * sigma))
        z = sites.field(float(self.length))
        with np.errstate(divide="ignore", invalid="ignore"):
            ends = np.sort(np.stack(np.broadcast_arrays(low / values, high / values)), axis=0)
            ends = np.log(np.maximum(ends, 0.0)) / s + 0.5 * s if log else (ends - 1.0) / sigma
        ends = np.where(np.isnan(ends), np.array([-np.inf, np.inf]).reshape(2, *[1] * values.ndim), ends)
        cut = np.isfinite(ends).any(axis=0)
        if cut.any():
            from scipy.special import ndtr, ndtri

            a, b = ndtr(ends[:, cut])
            z = z.copy()
            z[cut] = np.clip(ndtri(a + (b - a) * ndtr(z[cut])), *ends[:, cut])
        return np.asarray(values * (np.exp(s * z - 0.5 * s * s) if log else 1.0 + sigma * z))


EXPORT = Variability
