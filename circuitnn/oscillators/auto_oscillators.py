"""Auto-oscillators by their complex amplitude (Slavin and Tiberkevich, IEEE Trans. Magn. 45, 1875, 2009)."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from circuitnn.devices.physics import BOLTZMANN
from circuitnn.errors import UsageError
from circuitnn.oscillators.amplitudes import Amplitudes
from circuitnn.oscillators.population import Param
from circuitnn.oscillators.run import Array

_SOURCE = "Slavin and Tiberkevich 2009"


class AutoOscillators(Amplitudes):
    """dc/dt + i w(p) c + G+(p) c - G-(p) c = f: w = 2 pi (f0 + N p), G+ = G (1 + Q p), G- = G (1 - p) I / I_th.

    Here p = ``|c|**2``; amplitudes turn as exp(-i w t). Above threshold, z = I / I_th > 1, p is (z - 1) / (z + Q).

    Parameters
    ----------
    n : int
    frame : float
        Hz, of the turning frame in which the equations are integrated: near the oscillators' frequencies, steps need
        not resolve these. Amplitudes are recorded in the frame of the laboratory all the same.
    links : sequence of Linear, Common
    **parameters
        f0, shift, damping, nonlinear_damping, threshold, current, noise, energy.

    Raises
    ------
    UsageError

    Examples
    --------
    >>> pop = AutoOscillators(f0=300e6, shift=-60e6, damping=5e6, nonlinear_damping=2.0, current=2.0, frame=285e6)
    >>> run = pop.run(400e-9, 1e-9, start=0.1)
    >>> round(float(abs(run["c"][-1, 0]) ** 2), 6)
    0.25
    """

    f0 = Param(None, "Hz", doc="frequency at zero power", source=_SOURCE)
    shift = Param(0.0, "Hz", doc="nonlinear frequency shift, N / 2 pi", source=_SOURCE)
    damping = Param(None, "Hz", low=0.0, exclusive=True, doc="linear damping, Gamma_G / 2 pi", source=_SOURCE)
    nonlinear_damping = Param(0.0, "1", doc="Q", source=_SOURCE)
    threshold = Param(1.0, "A", low=0.0, exclusive=True, doc="threshold current; 1 makes `current` the ratio to it")
    current = Param(0.0, "A", doc="constant current")
    noise = Param(0.0, "1/s", low=0.0, doc="D of a white force with <f f*> = 2 D delta, besides the thermal one")
    energy = Param(0.0, "J", low=0.0, doc="dE/dp, for thermal noise D = G+(p) k T / energy; 0 is not known")

    def coefficients(self) -> Array:
        """Return the rows w0, w1, w2, g0, g1, g2 and, per ampere, gain, its saturation and frequency, (9, n)."""
        gamma, turns, none = 2.0 * np.pi * self.damping, 2.0 * np.pi, np.zeros(self.n)
        gain = gamma / self.threshold
        pumped = gain * self.current
        return np.array(
            [turns * self.f0, turns * self.shift, none, gamma - pumped, gamma * self.nonlinear_damping + pumped, none,
             gain, none + 1.0, none]
        )  # fmt: skip

    def diffusion(self, temp: ArrayLike | None = None) -> Array:
        """Return the strength of the white noise, (3, n): D0 + D1 p + D2 p^2 at a temperature."""
        kelvin = self._kelvin(temp)
        if (kelvin[self.energy == 0.0] > 0.0).any():
            raise UsageError("thermal noise needs the parameter 'energy'", expected="dE/dp in joules, above 0")
        thermal = 2.0 * np.pi * self.damping * BOLTZMANN * kelvin / np.where(self.energy > 0.0, self.energy, 1.0)
        return np.array([self.noise + thermal, thermal * self.nonlinear_damping, np.zeros(self.n)])
