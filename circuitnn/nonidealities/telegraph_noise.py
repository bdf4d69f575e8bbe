"""Random telegraph noise: a trap beside the filament catches and releases a carrier, and the conductance jumps."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from circuitnn.devices.declare import Device, Environment, Param, Values
from circuitnn.errors import UsageError
from circuitnn.nonidealities.nonideality import Nonideality
from circuitnn.nonidealities.sites import Kept, Sites

Array = NDArray[np.float64]
_KEPT = Kept()


class TelegraphNoise(Nonideality):
    """G = G (1 - a s), s = 0 or 1, a two-state Markov process that leaves 0 at the rate 1/tau_c and 1 at 1/tau_e.

    Each cell has its own amplitude a, lognormal around the median ``amplitude`` with the deviation ``spread`` of its
    logarithm and at most 0.95, and its own mean times to capture and emission, log-uniform from ``tau_min`` to
    ``tau_max``. Reads of an array follow each other after ``t_read``; in a transient, s flips at random times.

    Notes
    -----
    A process of these rates is one that is drawn anew, 1 with the probability tau_e / (tau_c + tau_e), at the events
    of a Poisson process of the rate 1/tau_c + 1/tau_e. A read looks for the last interval between reads that had one,
    as far back as the read before that was asked for; reads in a row cost one step each.

    Examples
    --------
    >>> import circuitnn as cn
    >>> noise = cn.nonidealities.TelegraphNoise(0.1, spread=0.0, tau_min=3e-6, tau_max=3e-6)
    >>> xb = cn.Crossbar([[1e-4]], 0.0, 0.0, nonidealities=noise, seed=1)
    >>> [round(float(xb.at_read(k).G[0, 0]) * 1e6) for k in range(12)]
    [90, 90, 90, 90, 90, 90, 90, 100, 90, 90, 90, 90]
    """

    stage = "read"

    amplitude = Param(0.05, "1", low=0.0, high=0.95, doc="median relative amplitude", source="round number")
    spread = Param(0.5, "1", low=0.0, high=5.0, doc="deviation of the amplitude's logarithm", source="round number")
    tau_min = Param(1e-6, "s", low=0.0, exclusive=True, doc="shortest mean time in a state", source="round number")
    tau_max = Param(1.0, "s", low=0.0, exclusive=True, doc="longest mean time in a state", source="round number")
    t_read = Param(1e-6, "s", low=0.0, exclusive=True, doc="time from read to read", source="round number")

    def check(self) -> None:
        """Refuse times in the wrong order."""
        if self.tau_min > self.tau_max:
            raise UsageError("telegraph_noise: tau_min is longer than tau_max")

    def traps(self, sites: Sites) -> tuple[Array, Array, Array]:
        """Return amplitude, mean time to capture and mean time to emission of each cell, the times in seconds."""
        amplitude = np.minimum(self.amplitude * np.exp(self.spread * sites.normal("amplitude")), 0.95)
        ratio = np.log(self.tau_max / self.tau_min)
        capture, emission = (self.tau_min * np.exp(ratio * sites.uniform(name)) for name in ("capture", "emission"))
        return amplitude, capture, emission

    def caught(self, sites: Sites) -> Any:
        """Return whether each cell's trap is full at read ``sites.read``."""
        return self._walk(sites)[1]

    def _walk(self, sites: Sites) -> tuple[Array, Any]:
        """Amplitudes, and which traps are full; what a walk found is kept for the reads after it."""
        amplitude, full, quiet, before, state = _KEPT.take(self, sites) or self._begin(sites)
        if before > sites.read:
            before, state = self._begin(sites)[3:]
        found, left = state.copy(), np.arange(state.size)
        flat = sites.flat
        for k in range(sites.read, before, -1):
            here = flat.where(left)
            event = here.uniform("event", k) > quiet[left]
            found[left[event]] = here.where(event).uniform("state", k) < full[left[event]]
            left = left[~event]
            if not left.size:
                break
        _KEPT.put(self, sites, (amplitude, full, quiet, sites.read, found))
        return amplitude, found.reshape(sites.shape)

    def _begin(self, sites: Sites) -> tuple[Array, Array, Array, int, Any]:
        """Amplitudes, shares of time full, chances of an interval without an event, and read 0 with its states."""
        amplitude, capture, emission = self.traps(sites)
        full = (emission / (capture + emission)).ravel()
        quiet = np.exp(-self.t_read * (1.0 / capture + 1.0 / emission)).ravel()
        return amplitude, full, quiet, 0, sites.flat.uniform("state", 0) < full

    def change(self, g: Array, sites: Sites) -> Array:
        """Return conductances as a read finds them."""
        if not self.amplitude:
            return g
        amplitude, caught = self._walk(sites)
        return np.where(caught, g * (1.0 - amplitude), g)

    def set_up(self, device: type[Device], columns: Values, sites: Sites, env: Environment) -> Values:
        """Return columns with each device's trap."""
        amplitude, capture, emission = self.traps(sites)
        start = sites.uniform("state", 0) < emission / (capture + emission)
        own = {"trap_amplitude": amplitude, "trap_up": 1.0 / capture, "trap_down": 1.0 / emission}
        return {**columns, **own, "trap_start": start.astype(float)}

    @classmethod
    def extend(cls, device: Any) -> Any:
        """Return a device with a trap."""

        class Extended(device):
            __doc__ = device.__doc__

            trap_amplitude = Param(0.0, "1", low=0.0, high=1.0, doc="part of the current that is lost", on="instance")
            trap_up = Param(0.0, "1/s", low=0.0, doc="rate of capture", on="instance")
            trap_down = Param(0.0, "1/s", low=0.0, doc="rate of emission", on="instance")
            trap_start = Param(0.0, "1", choices=(0.0, 1.0), doc="1: full at the beginning", on="instance")

            def multiplier(self) -> Any:
                """Return the part of the current that the trap leaves."""
                trap = self.jump("trap", self.trap_up, self.trap_down, start=self.trap_start)
                return super().multiplier() * (1 - self.trap_amplitude * trap)

        return Extended


EXPORT = TelegraphNoise
