"""Read disturb: reading moves the state a little, too."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.declare import Device, Environment, Param, Values
from circuitnn.devices.symbolic import exp, limexp, where
from circuitnn.nonidealities.nonideality import Nonideality
from circuitnn.nonidealities.sites import Sites
from circuitnn.nonidealities.states import oriented, ranges

Array = NDArray[np.float64]


class ReadDisturb(Nonideality):
    """dx/dt = sinh(|v| / v0) / tau times 1 - x where v has the sign ``polarity``, times -x where it has the other.

    x from 0 to 1 is the conductance's place in the window, for memristors that of the state between its bounds. An
    array is read for ``t_read`` at ``v_read`` each time; read k is disturbed by the k reads before it.

    Examples
    --------
    >>> import circuitnn as cn
    >>> effects = [cn.nonidealities.Window(0.0, 1e-4), cn.nonidealities.ReadDisturb(tau=1e-3, v0=0.1, v_read=0.1)]
    >>> xb = cn.Crossbar([[0.0]], 0.0, 0.0, nonidealities=effects)
    >>> [float(xb.at_read(k).G[0, 0].round(9)) for k in (0, 1, 1000)]      # 1 - exp(-k t_read sinh(1) / tau)
    [0.0, 1.17e-07, 6.9124e-05]
    """

    stage = "read"
    random = False

    tau = Param(1e6, "s", low=0.0, exclusive=True, doc="time constant where sinh(v / v0) is 1", source="round number")
    v0 = Param(0.05, "V", low=1e-4, doc="voltage scale of the disturbance", source="round number")
    polarity = Param(1.0, "1", choices=(-1.0, 1.0), doc="sign of the voltage that raises the conductance")
    v_read = Param(0.1, "V", doc="voltage of a read of an array", source="round number")
    t_read = Param(1e-6, "s", low=0.0, doc="duration of a read of an array", source="round number")

    def check(self) -> None:
        """Refuse voltages at which sinh overflows."""
        Param(None, "1", high=80.0, doc="v_read over v0").check(self.kind, "v_read", abs(self.v_read) / self.v0)

    def change(self, g: Array, sites: Sites) -> Array:
        """Return conductances after the reads before."""
        low, high = sites.require_window(self.kind)
        end = high if self.v_read * self.polarity > 0.0 else low
        left = np.exp(-sites.read * self.t_read / self.tau * np.sinh(abs(self.v_read) / self.v0))
        return np.asarray(end + (g - end) * left) if left < 1.0 else g

    def set_up(self, device: type[Device], columns: Values, sites: Sites, env: Environment) -> Values:
        """Return columns with the speed of the disturbance, and its direction in terms of the state."""
        rising = oriented(device, columns, env, self.kind)
        sign = np.where(rising, self.polarity, -self.polarity)
        own = {"disturb_rate": 1.0 / self.tau, "disturb_v0": self.v0}
        return {**columns, **{key: np.full(sites.shape, x) for key, x in own.items()}, "disturb_sign": sign}

    @classmethod
    def extend(cls, device: Any) -> Any:
        """Return a device whose state creeps with any voltage."""

        class Extended(device):
            __doc__ = device.__doc__

            disturb_rate = Param(0.0, "1/s", low=0.0, doc="rate where sinh(v / v0) is 1", on="instance")
            disturb_v0 = Param(1.0, "V", low=0.0, exclusive=True, doc="voltage scale", on="instance")
            disturb_sign = Param(1.0, "1", choices=(-1.0, 1.0), doc="voltage that raises the state", on="instance")

            def moved(self, v: Any, rates: dict[str, Any]) -> dict[str, Any]:
                """Return the rates with the creep."""
                found = dict(super().moved(v, rates))
                u = self.disturb_sign * v / self.disturb_v0
                speed = self.disturb_rate * where(
                    u >= 0, (limexp(u) - exp(-u)) / 2, (limexp(-u) - exp(u)) / 2
                )  # each exponential falls where it is taken bare
                for name, low, high in ranges(self):
                    x = getattr(self, name)
                    found[name] = found[name] + speed * where(u >= 0, high - x, low - x)
                return found

        return Extended


EXPORT = ReadDisturb
