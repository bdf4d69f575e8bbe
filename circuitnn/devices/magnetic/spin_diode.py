"""Magnetic tunnel junction as a resonator that rectifies radio frequencies (spin-torque diode)."""

from __future__ import annotations

import math
from typing import Any, ClassVar

import numpy as np

from circuitnn.devices import physics
from circuitnn.devices.declare import Device, Environment, Equations, Noise, Param, State, Values
from circuitnn.devices.symbolic import sqrt

_LEROUX = "default of the public code of Ross et al., Nat. Nanotechnol. 18, 1273 (2023), networks.py"
_ROUND = "a round number"


class SpinDiode(Device):
    """dm/dt = (j - alpha) w m + (torque_d - j torque_f) i(t), m = x + j y: magnetisation across its axis, if small.

    It is the Landau-Lifshitz-Gilbert equation about m = +z in a field H along z, w = gamma0 H / (1 + alpha^2), with
    the polariser along x: torque_d = gamma0 a_J / i and torque_f = gamma0 b_J / i are what the damping-like and the
    field-like torque of one ampere are. The resistance is r0 (1 - mr x / (2 sqrt(1 + x^2))); its product with the RF
    current is the rectified voltage (Tulapurkar et al., Nature 438, 339, 2005), for a current I cos(w_e t)
    -(mr r0 / 2) I (1/4) (torque_d I alpha w - torque_f I (w_e - w)) / ((alpha w)^2 + (w_e - w)^2) up to terms of order
    alpha. Chains in series are rows of weights (Leroux et al., Phys. Rev. Applied 15, 034067, 2021); ``polarity``
    turns an element around, ``tune`` shifts the resonance with the current.

    Noise: that of the resistance, and a random force that gives <|m|^2> = kT / energy, energy = mu0 Ms V H / 2.
    """

    model_types: ClassVar[tuple[str, ...]] = ("spin_diode",)
    links = (("p", "n", "resistive"),)
    passive = True
    derived = ("kt",)
    derived_units: ClassVar[dict[str, str]] = {"kt": "J"}

    r0 = Param(1e3, "ohm", low=0.0, exclusive=True, doc="resistance at rest", source=_LEROUX)
    mr = Param(1.0, "1", low=0.0, high=1.9, doc="whole change of resistance over r0", source=_LEROUX)
    f_res = Param(100e6, "Hz", low=0.0, exclusive=True, doc="resonance frequency at no current", source=_ROUND)
    alpha = Param(0.01, "1", low=0.0, exclusive=True, high=1.0, doc="damping", source=_LEROUX)
    torque_d = Param(0.0, "1/(A s)", doc="rate of the damping-like torque by current, gamma0 a_J/i", source=_ROUND)
    torque_f = Param(1e12, "1/(A s)", doc="rate of the field-like torque by current, gamma0 b_J/i", source=_ROUND)
    polarity = Param(1.0, "1", choices=(-1.0, 1.0), doc="direction of the reference layer, sign of the voltage")
    tune = Param(0.0, "Hz/A", doc="shift of the resonance with the current, dc and RF alike", source=_ROUND)
    energy = Param(1e-19, "J", low=0.0, exclusive=True, doc="energy of precession by |m|^2", source=_ROUND)
    x = State(0.0, "1", doc="magnetisation along the reference layer", scale=0.01, settles=True)
    y = State(0.0, "1", doc="magnetisation across it", scale=0.01, settles=True)

    @classmethod
    def prepare(cls, values: Values, env: Environment) -> Values:
        """Return the parameters and the thermal energy."""
        return {**values, "kt": np.full_like(values["r0"], physics.BOLTZMANN * env.temp)}

    def _resistance(self) -> Any:
        return self.r0 * (1 - 0.5 * self.mr * self.polarity * self.x / sqrt(1 + self.x**2))

    def equations(self) -> Equations:
        """Return Ohm's law and the equation of the resonator."""
        i = (self.p - self.n) / self._resistance()
        w = 2 * math.pi * (self.f_res + self.tune * i)
        loss = 2 * math.pi * self.f_res * self.alpha
        rows = self.state_rows(
            {
                "x": -loss * self.x - w * self.y + self.torque_d * i,
                "y": w * self.x - loss * self.y - self.torque_f * i,
            }
        )
        return Equations(f={"p": i, "n": -i, **rows.f}, q=rows.q)

    def noise(self) -> tuple[Noise, ...]:
        """Return the noise of the resistance and the thermal force on the magnetisation."""
        force = 4 * math.pi * self.f_res * self.alpha * self.kt / self.energy
        return (
            Noise("thermal", "p", "n", 4 * self.kt / self._resistance()),
            Noise("x", "x", "", force),
            Noise("y", "y", "", force),
        )

    def readings(self) -> Equations:
        """Return the resistance."""
        return Equations(f={"resistance": self._resistance()})


EXPORT = SpinDiode
