"""Nonlinear and asymmetric updates: equal pulses change a cell less and less, up otherwise than down."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.declare import Device, Environment, Param, Values
from circuitnn.devices.symbolic import clip, exp, where
from circuitnn.nonidealities.nonideality import Nonideality
from circuitnn.nonidealities.sites import Sites
from circuitnn.nonidealities.states import oriented, ranges

Array = NDArray[np.float64]
_LINEAR = 1e-6  # asymmetries below which the curve is a straight line


class NonlinearUpdate(Nonideality):
    """dx/dn is multiplied by f_p(x) = (a / c) (1 - c x), c = 1 - exp(-a), a = alpha_p, where the conductance rises, and
    by the same of 1 - x and alpha_d where it falls; x from 0 to 1 over the range of the state.

    Pulses that moved the state by equal steps then move it along x(n) = (1 - exp(-a n / n_max)) / (1 - exp(-a)), the
    curve of NeuroSim (Chen, Peng and Yu, IEEE TCAD 37, 3067, 2018), and n_max pulses go the whole way as before.
    Negative asymmetries begin slowly and end fast.

    Examples
    --------
    >>> import circuitnn as cn
    >>> update = cn.nonidealities.NonlinearUpdate(alpha_p=3.0, alpha_d=3.0)
    >>> update.pulsed(np.array([0.0, 0.0, 1.0]), np.array([0.5, 1.0, -0.5])).round(4).tolist()
    [0.8176, 1.0, 0.1824]
    """

    stage = "program"
    random = False

    alpha_p = Param(3.0, "1", low=-20.0, high=20.0, doc="nonlinearity of rising conductance", source="round number")
    alpha_d = Param(3.0, "1", low=-20.0, high=20.0, doc="nonlinearity of falling conductance", source="round number")

    def pulsed(self, x: Array, share: Array) -> Array:
        """Return places in the window after pulses, of which ``share`` = 1 go the whole way up and -1 down."""
        up = _along(np.asarray(x, dtype=float), np.maximum(share, 0.0), float(self.alpha_p))
        return 1.0 - _along(1.0 - up, np.maximum(-np.asarray(share), 0.0), float(self.alpha_d))

    def set_up(self, device: type[Device], columns: Values, sites: Sites, env: Environment) -> Values:
        """Return columns with the asymmetries in the direction of the state."""
        rising = oriented(device, columns, env, self.kind)
        up, down = (np.full(sites.shape, _nonzero(float(a))) for a in (self.alpha_p, self.alpha_d))
        return {**columns, "update_up": np.where(rising, up, down), "update_down": np.where(rising, down, up)}

    @classmethod
    def extend(cls, device: Any) -> Any:
        """Return a device whose state slows down on its way."""

        class Extended(device):
            __doc__ = device.__doc__

            update_up = Param(_LINEAR, "1", doc="nonlinearity of the rising state, not 0", on="instance")
            update_down = Param(_LINEAR, "1", doc="nonlinearity of the falling state, not 0", on="instance")

            def moved(self, v: Any, rates: dict[str, Any]) -> dict[str, Any]:
                """Return the rates, weighted by where the state is."""
                found = dict(super().moved(v, rates))
                for name, low, high in ranges(self):
                    x = (getattr(self, name) - low) / (high - low)
                    up, down = _factor(x, self.update_up), _factor(1 - x, self.update_down)
                    found[name] = found[name] * where(found[name] > 0, up, down)
                return found

        return Extended


def _nonzero(alpha: float) -> float:
    return alpha if abs(alpha) > _LINEAR else _LINEAR


def _factor(x: Any, alpha: Any) -> Any:
    c = 1 - exp(-alpha)
    return alpha / c * (1 - c * clip(x, 0, 1))


def _along(x: Array, share: Array, alpha: float) -> Array:
    alpha = _nonzero(alpha)
    c = -np.expm1(-alpha)
    begun = -np.log1p(-c * x) / alpha  # share of the pulses after which the curve is at x
    return np.asarray(-np.expm1(-alpha * np.minimum(begun + share, 1.0)) / c)


EXPORT = NonlinearUpdate
