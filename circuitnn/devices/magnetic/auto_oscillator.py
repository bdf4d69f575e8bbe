"""Spin-torque oscillator as a complex amplitude (Slavin and Tiberkevich, IEEE Trans. Magn. 45, 1875, 2009)."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Device, Environment, Equations, Noise, Param, State, Values
from circuitnn.devices.symbolic import sqrt, where

_ROUND = "a round number"


class AutoOscillator(Device):
    """dc/dt = -i w(p) c - (g_plus(p) - g_minus(p, i)) c + (force_re + i force_im) i(t), c = x + i y, p = |c|^2.

    w = 2 pi (f0 + shift p), g_plus = 2 pi gamma (1 + q p), g_minus = 2 pi gamma (i / i_th) (1 - p), with the current i
    that flows at the time, dc and RF alike. The
    resistance is r0 (1 + mr x), so that a dc current makes a voltage at the frequency of the oscillator, and the
    current which that voltage drives through the rest of the circuit acts on c. Above p = 1, where the theory ends,
    the torque is zero and the resistance that of p = 1.

    Noise: that of the resistance, and a random force <f f*> = 2 D delta, D = g_plus(p) kT / energy, energy = dE/dp
    (recalled from the review).
    """

    model_types: ClassVar[tuple[str, ...]] = ("auto_oscillator",)
    links = (("p", "n", "resistive"),)
    passive = True
    derived = ("kt",)
    derived_units: ClassVar[dict[str, str]] = {"kt": "J"}

    r0 = Param(1e3, "ohm", low=0.0, exclusive=True, doc="resistance at rest", source=_ROUND)
    mr = Param(0.2, "1", low=0.0, high=0.95, doc="change of resistance over r0 at |c| = 1", source=_ROUND)
    f0 = Param(300e6, "Hz", low=0.0, exclusive=True, doc="frequency of small precession", source=_ROUND)
    shift = Param(-60e6, "Hz", doc="change of frequency with p, N/2pi", source=_ROUND)
    gamma = Param(5e6, "Hz", low=0.0, exclusive=True, doc="damping of the amplitude, Gamma_G/2pi", source=_ROUND)
    q = Param(2.0, "1", low=0.0, doc="growth of the damping with p", source="default of the code of Ross et al. 2023")
    i_th = Param(1e-3, "A", low=0.0, exclusive=True, doc="threshold current", source=_ROUND)
    force_re = Param(0.0, "1/(A s)", doc="what a current adds to dx/dt (damping-like torque across the axis)")
    force_im = Param(0.0, "1/(A s)", doc="what a current adds to dy/dt (field-like torque, or the field of a line)")
    energy = Param(1e-18, "J", low=0.0, exclusive=True, doc="energy of the precession by p", source=_ROUND)
    x = State(0.01, "1", doc="real part of the amplitude", scale=0.1)
    y = State(0.0, "1", doc="imaginary part of the amplitude", scale=0.1)

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the parameters and the thermal energy."""
        return {**values, "kt": np.full_like(values["r0"], physics.BOLTZMANN * env.temp)}

    def _resistance(self) -> Any:
        power = self.x**2 + self.y**2
        return self.r0 * (1 + self.mr * where(power < 1, self.x, self.x / sqrt(power)))

    def equations(self) -> Equations:
        """Return Ohm's law and the equation of the amplitude."""
        i = (self.p - self.n) / self._resistance()
        power = self.let("power", self.x**2 + self.y**2)
        loss = 2 * math.pi * self.gamma * (1 + self.q * power - i / self.i_th * where(power < 1, 1 - power, 0))
        turn = 2 * math.pi * (self.f0 + self.shift * power)
        rows = self.state_rows(
            {
                "x": turn * self.y - loss * self.x + self.force_re * i,
                "y": -turn * self.x - loss * self.y + self.force_im * i,
            }
        )
        return Equations(f={"p": i, "n": -i, **rows.f}, q=rows.q)

    def noise(self) -> tuple[Noise, ...]:
        """Return the noise of the resistance and the random force on both parts of the amplitude."""
        power = self.x**2 + self.y**2
        force = 4 * math.pi * self.gamma * (1 + self.q * power) * self.kt / self.energy
        return (
            Noise("thermal", "p", "n", 4 * self.kt / self._resistance()),
            Noise("x", "x", "", force),
            Noise("y", "y", "", force),
        )

    def readings(self) -> Equations:
        """Return the power of the oscillation and the resistance."""
        return Equations(f={"power": self.x**2 + self.y**2, "resistance": self._resistance()})


EXPORT = AutoOscillator
