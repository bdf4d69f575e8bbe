"""Drift: conductances fall with a power of the time since they were programmed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.declare import Device, Environment, Param, Values
from circuitnn.devices.symbolic import exp, log, where
from circuitnn.errors import UsageError
from circuitnn.nonidealities.nonideality import Nonideality, Word
from circuitnn.nonidealities.sites import Sites
from circuitnn.nonidealities.states import state_map

Array = NDArray[np.float64]
BOLTZMANN = 8.617333262e-5  # eV/K
_PCM = "Nandakumar et al., ICECS 2019, at full conductance, as in aihwkit's pcm.py"


class Drift(Nonideality):
    """G(t) = G (t / t0)^-nu for t > t0, nu normal with deviation ``nu_sigma`` and not negative, its own in each cell.

    With ``fit="nandakumar2019"`` (PCM) nu is |normal| instead, and mean and deviation depend on r = G / g_max:
    -0.0155 ln r + 0.0244 within 0.049 and 0.1, and -0.0125 ln r - 0.0059 within 0.008 and 0.045.

    t is the time since programming: ``time`` at the beginning of an analysis and for arrays of conductances, and it
    goes on in a transient. With an activation energy all times pass exp(Ea/k (1/T_ref - 1/T)) times as fast.

    Examples
    --------
    >>> import circuitnn as cn
    >>> day = cn.nonidealities.Drift(nu=0.05, nu_sigma=0.0, time=86400)
    >>> round(float(cn.Crossbar([[1e-4]], 0.0, 0.0, nonidealities=[day], seed=1).G[0, 0] / 1e-4), 4)
    0.658
    """

    stage = "age"

    nu = Param(0.049, "1", low=0.0, high=2.0, doc="mean drift exponent", source=_PCM)
    nu_sigma = Param(0.008, "1", low=0.0, high=1.0, doc="standard deviation of the exponent", source=_PCM)
    time = Param(20.0, "s", low=0.0, doc="time since programming", source="t0: no drift yet")
    t0 = Param(
        20.0, "s", low=0.0, exclusive=True, doc="time at which the conductance is the programmed one", source=_PCM
    )
    activation = Param(0.0, "eV", low=0.0, high=5.0, doc="activation energy; 0: the same at all temperatures")
    fit = Word("none", ("none", "nandakumar2019"), doc="exponent that depends on the conductance", source=_PCM)
    temp_ref = Param(300.15, "K", low=1.0, doc="temperature at which nu and t0 hold", source="27 degC, SPICE's tnom")

    def check(self) -> None:
        """Refuse an exponent beside that of a fit."""
        if self.fit != "none" and {"nu", "nu_sigma"} & self.given().keys():
            raise UsageError(f"drift has an exponent and the fit {self.fit!r}", expected="one of them")

    def exponents(self, sites: Sites, share: Array | None = None) -> Array:
        """Return nu of each cell; ``share`` is G / g_max, which a fit needs."""
        if share is not None:
            logarithm = np.log(np.maximum(share, 1e-7))  # as the program clips it
            mean = np.clip(-0.0155 * logarithm + 0.0244, 0.049, 0.1)
            sigma = np.clip(-0.0125 * logarithm - 0.0059, 0.008, 0.045)
            return np.abs(mean + sigma * sites.normal())
        if self.nu_sigma == 0.0:
            return np.full(sites.shape, float(self.nu))
        return np.maximum(self.nu + self.nu_sigma * sites.normal(), 0.0)

    def speed(self, temp: float) -> float:
        """Return how much faster than at the reference temperature time passes."""
        return float(np.exp(self.activation / BOLTZMANN * (1.0 / self.temp_ref - 1.0 / temp)))

    def change(self, g: Array, sites: Sites) -> Array:
        """Return conductances at the time ``time``."""
        ratio = max(float(self.time) * self.speed(sites.temp) / float(self.t0), 1.0)
        share = None if self.fit == "none" else g / sites.require_window(self.kind)[1]
        return np.asarray(g * ratio ** -self.exponents(sites, share))

    def set_up(self, device: type[Device], columns: Values, sites: Sites, env: Environment) -> Values:
        """Return columns with the drift of each device."""
        speed, share = self.speed(env.temp), None
        if self.fit != "none":
            _, states, start = state_map(device, columns, env, self.kind)
            share = states.conductance(start) / states.most
        own = {
            "drift_nu": self.exponents(sites, share),
            "drift_age": np.full(sites.shape, self.time * speed / self.t0),
            "drift_speed": np.full(sites.shape, speed / self.t0),
        }
        return {**columns, **own}

    @classmethod
    def extend(cls, device: Any) -> Any:
        """Return a device whose current falls as time passes."""

        class Extended(device):
            __doc__ = device.__doc__

            drift_nu = Param(0.0, "1", low=0.0, doc="drift exponent", on="instance")
            drift_age = Param(1.0, "1", low=0.0, doc="age at time 0 over t0", on="instance")
            drift_speed = Param(0.0, "1/s", low=0.0, doc="rate at which it ages", on="instance")

            def multiplier(self) -> Any:
                """Return the part of the current that is left."""
                age = self.drift_age + self.drift_speed * self.time
                return super().multiplier() * where(age > 1, exp(-self.drift_nu * log(age)), 1.0)

        return Extended


EXPORT = Drift
